//! Freezes and proposals when several things happen at once, on both databases; and freezes of masters and sub-accounts.

use std::future::Future;
use std::pin::Pin;

use keyward_authority::Action as _;
use keyward_authority::accounts::CreateAccount;
use keyward_authority::keys::{IssueKey, Outcome};
use keyward_authority::operators::FreezeAccount;
use keyward_authority::questions::search_audit;
use keyward_authority::sub_accounts::CreateSubAccount;
use keyward_authority::{ActionError, AuditFilter, prove_any};
use keyward_rules::account::{Email, SubAccountName};
use keyward_rules::address::{AddressSet, Binding, HostBits};
use keyward_rules::grant::{ActionKind, Actor, Proof, Scope};
use keyward_rules::id::AccountId;
use keyward_rules::key::{Environment, Hold, KeyName, KeySpec, Passphrase, WideRange};
use keyward_rules::trail::RecordFilter;
use keyward_store::{KeyRecord, Tx};
use serde_json::{Value, json};

use crate::operators::{approve, both, carry_out, id_of, only_approve, operator, propose, two_operators};
use crate::world::{PASSWORD, Person, Reply, World, is_pending};

macro_rules! on_both {
    ($($part:ident),+) => {
        mod sqlite { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::new().await).await; })+ }
        mod postgres { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::postgres().await).await; })+ }
    };
}

on_both!(
    a_proposal_is_carried_out_once_however_many_do_it_at_once,
    one_of_two_alike_proposals_is_made_at_once,
    no_key_slips_through_a_freeze_of_the_same_moment,
    a_sub_account_rests_with_its_master,
    a_sub_account_that_is_frozen_itself_stays_so
);

fn host() -> Actor {
    Actor::Host("ops".to_owned())
}

async fn account(world: &World, email: &str) -> AccountId {
    let context = world.authority.context(host(), world.now());
    let create = CreateAccount(Email::parse(email).unwrap());
    create.perform(&context, Proof::None).await.unwrap().id
}

async fn sub(world: &World, master: AccountId, name: &str) -> AccountId {
    let context = world.authority.context(host(), world.now());
    let create = CreateSubAccount { master, name: SubAccountName::parse(name).unwrap(), label: None };
    create.perform(&context, Proof::None).await.unwrap()
}

/// The host makes a key; whether it was made, or the account is frozen.
async fn issue(world: &World, account: AccountId, name: &str) -> bool {
    let context = world.authority.context(host(), world.now());
    let addresses = AddressSet::parse("192.0.2.7", HostBits::Refuse).unwrap();
    let spec = KeySpec {
        name: KeyName::parse(name).unwrap(),
        permissions: "read,trade".parse().unwrap(),
        binding: Binding::Addresses(addresses),
        wide: WideRange::NotAcknowledged,
        environment: Environment::Live,
        expires_at: None,
        rate_cap: None,
        fences: None,
    };
    let passphrase = Passphrase::parse(&format!("Aa1!{name}-pass")).unwrap();
    let idempotency = String::new();
    let wish = IssueKey { account, spec, passphrase, tags: Vec::new(), replaces: None, idempotency };
    match wish.perform(&context, Proof::None).await {
        Ok(Outcome::Made(_)) => true,
        Err(ActionError::Frozen) => false,
        Ok(Outcome::MadeBefore(_)) => panic!("nothing was made before"),
        Err(other) => panic!("{other}"),
    }
}

/// Whether each key of an account is held by an account's freeze, by name.
async fn held(world: &World, account: AccountId) -> Vec<(String, bool)> {
    let keys = world.store.reader().keys_of(Scope::All, account).await.unwrap();
    let one = |key: KeyRecord| (key.name.to_string(), key.life.holds.has(Hold::AccountFrozen));
    let mut all: Vec<(String, bool)> = keys.into_iter().map(|key| one(key.unwrap())).collect();
    all.sort();
    all
}

async fn freeze(person: &Person<'_>, account: AccountId) -> Reply {
    let path = format!("/operations/accounts/{account}/freeze");
    person.api("POST", &path, json!({"why": "asked for", "factor": PASSWORD})).await
}

/// A proposal with the answer to its step-up, to be sent.
async fn ready(person: &Person<'_>, change: &str) -> Value {
    let mut body = json!({"change": change});
    let asked = person.api("POST", "/operations/proposals", body.clone()).await;
    let mail_code = person.world.code(&person.email).await;
    body["step_up"] =
        json!({"challenge": asked.field("challenge"), "mail_code": mail_code, "factor": person.totp()});
    body
}

async fn id(person: &Person<'_>) -> AccountId {
    id_of(person).await.parse().unwrap()
}

/// A change under way on another node; given up when dropped.
async fn other_change(node: &World) -> Tx {
    let grant = host().may(ActionKind::CreateAccount, Proof::None).unwrap();
    node.authority.access.writer.begin(grant, node.now()).await.unwrap()
}

/// Lets what must wait for another change come so far, while the store is read often enough for it to get there.
async fn come_to_the_lock<F: Future>(world: &World, waits: &mut Pin<Box<F>>) {
    for _ in 0..100 {
        assert!(is_pending(waits).await, "it does not wait");
        world.store.log().size().await.unwrap();
    }
}

/// How many audit records there are of an action.
async fn records(world: &World, action: &str) -> usize {
    let context = world.authority.context(host(), world.now());
    let sought = RecordFilter { action: action.to_owned(), ..RecordFilter::default() };
    search_audit(&context, &AuditFilter { sought, ..AuditFilter::default() }, 100).await.unwrap().rows.len()
}

async fn a_proposal_is_carried_out_once_however_many_do_it_at_once(world: World) {
    let (ann, ben) = two_operators(&world).await;
    let second = world.second_node().await;
    let there = |person: &Person<'_>| -> Person<'_> {
        let Person { email, token, device, from, secret, recovery, acting, .. } = person.clone();
        Person { world: &second, email, token, device, from, secret, recovery, acting }
    };
    let (ann_there, ben_there) = (there(&ann), there(&ben));
    let eve = account(&world, "eve@keyward.example").await;
    assert!(issue(&world, eve, "bot").await);
    for round in 1..=3 {
        assert_eq!(freeze(&ann, eve).await.status, 204);
        let proposed = propose(&ann, &format!("account.thaw {eve}")).await.json();
        only_approve(&ben, &proposed).await;
        let answers = tokio::join!(
            carry_out(&ann, &proposed),
            carry_out(&ben_there, &proposed),
            carry_out(&ann_there, &proposed),
            carry_out(&ben, &proposed)
        );
        let answers = [answers.0, answers.1, answers.2, answers.3];
        // Whoever comes when it is done is told that it is, and changes nothing.
        let done = answers.iter().filter(|answer| answer.status == 200);
        assert!(done.clone().count() > 0, "{answers:?}");
        assert!(done.clone().all(|answer| answer.json()["standing"] == "done"), "{answers:?}");
        let others = answers.iter().filter(|answer| answer.status != 200);
        // Who looks between the thaw and the settling finds other words than were approved.
        let expected = |code: String| ["settled", "proposal_changed", "conflict"].contains(&code.as_str());
        assert!(others.clone().all(|answer| answer.status == 409 && expected(answer.code())), "{answers:?}");
        assert_eq!(records(&world, "account.thaw").await, round);
        assert_eq!(held(&world, eve).await, [("bot".to_owned(), false)]);
    }
}

async fn one_of_two_alike_proposals_is_made_at_once(world: World) {
    let (ann, ben) = two_operators(&world).await;
    let change = "policy.loosen withdraw_needs_addresses false";
    let (by_ann, by_ben) = (ready(&ann, change).await, ready(&ben, change).await);
    let path = "/operations/proposals";
    let node = world.second_node().await;
    let mut both =
        Box::pin(async { tokio::join!(ann.api("POST", path, by_ann), ben.api("POST", path, by_ben)) });
    let other = other_change(&node).await;
    come_to_the_lock(&world, &mut both).await;
    drop(other);
    let answers = both.await;
    let (first, second) = if answers.0.status == 201 { answers } else { (answers.1, answers.0) };
    assert_eq!((first.status, second.code().as_str()), (201, "proposed_already"), "{}", second.text);
    assert_eq!(records(&world, "proposal.make").await, 1);
}

async fn no_key_slips_through_a_freeze_of_the_same_moment(world: World) {
    let (ann, _) = two_operators(&world).await;
    let second = world.second_node().await;
    for first_in_line in ["freeze", "issue"] {
        let whose = account(&world, &format!("{first_in_line}@keyward.example")).await;
        assert!(issue(&world, whose, "before").await);
        let context = world.authority.context(operator(&ann).await, world.now());
        let proof = Proof::Factor(prove_any(&context, id(&ann).await, PASSWORD).await.unwrap());
        let request = FreezeAccount { account: whose, why: "asked for".to_owned() };
        let mut freezing = Box::pin(request.perform(&context, proof));
        let mut issuing = Box::pin(issue(&world, whose, "meanwhile"));
        // Another change is under way while both come, and is given up once both wait for it.
        let other = other_change(&second).await;
        if first_in_line == "freeze" {
            come_to_the_lock(&world, &mut freezing).await;
            come_to_the_lock(&world, &mut issuing).await;
        } else {
            come_to_the_lock(&world, &mut issuing).await;
            come_to_the_lock(&world, &mut freezing).await;
        }
        drop(other);
        let (frozen, made) = tokio::join!(freezing, issuing);
        frozen.unwrap();
        let keys = held(&world, whose).await;
        assert_eq!(keys.len(), 1 + usize::from(made), "{first_in_line}: {keys:?}");
        assert!(keys.iter().all(|(_, held)| *held), "{first_in_line}: {keys:?}");
        assert!(!issue(&second, whose, "after").await);
    }
}

async fn a_sub_account_rests_with_its_master(world: World) {
    let (ann, ben) = two_operators(&world).await;
    let master = account(&world, "master@keyward.example").await;
    let desk = sub(&world, master, "desk01").await;
    assert!(issue(&world, master, "own").await && issue(&world, desk, "bot").await);
    assert_eq!(freeze(&ann, master).await.status, 204);
    assert_eq!(held(&world, desk).await, [("bot".to_owned(), true)]);
    assert!(!issue(&world, desk, "other").await, "nothing new under a frozen master");
    let late = sub(&world, master, "desk02").await;
    assert!(!issue(&world, late, "bot").await, "nor in a sub-account made since");
    assert_eq!(propose(&ann, &format!("account.thaw {desk}")).await.code(), "unchanged");
    assert_eq!(both(&ann, &ben, &format!("account.thaw {master}")).await.status, 200);
    assert_eq!(held(&world, master).await, [("own".to_owned(), false)]);
    assert_eq!(held(&world, desk).await, [("bot".to_owned(), false)]);
    assert!(issue(&world, desk, "other").await && issue(&world, late, "bot").await);
}

async fn a_sub_account_that_is_frozen_itself_stays_so(world: World) {
    let (ann, ben) = two_operators(&world).await;
    let master = account(&world, "master@keyward.example").await;
    let (one, two) = (sub(&world, master, "desk01").await, sub(&world, master, "desk02").await);
    for account in [master, one, two] {
        assert!(issue(&world, account, "bot").await);
    }
    for account in [one, master] {
        assert_eq!(freeze(&ann, account).await.status, 204);
    }
    // The master's freeze holds it whatever becomes of its own.
    let refused = both(&ann, &ben, &format!("account.thaw {one}")).await;
    assert_eq!(refused.code(), "other_way", "{}", refused.text);
    assert_eq!(held(&world, one).await, [("bot".to_owned(), true)], "a refusal changes nothing");
    assert_eq!(both(&ann, &ben, &format!("account.thaw {master}")).await.status, 200);
    assert_eq!(held(&world, one).await, [("bot".to_owned(), true)]);
    for account in [master, two] {
        assert_eq!(held(&world, account).await, [("bot".to_owned(), false)]);
    }
    assert!(!issue(&world, one, "other").await && issue(&world, two, "other").await);
    // Its own proposal is open still, and approved.
    let list = ben.get("/operations/proposals").await.json();
    let kept =
        list["proposals"].as_array().unwrap().iter().find(|one| one["standing"] == "open").unwrap().clone();
    assert_eq!(carry_out(&ann, &kept).await.status, 200);
    assert_eq!(held(&world, one).await, [("bot".to_owned(), false)]);
}

/// F95: freezing contains an operator whose session was stolen, also when there are only two.
#[tokio::test]
async fn a_frozen_operator_reads_approves_and_counts_for_nothing() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (eve, id) = (world.person("eve@keyward.example").await, id_of(&ben).await);
    let before = propose(&ann, &format!("role.grant {} auditor", id_of(&eve).await)).await;
    assert_eq!(before.status, 201, "{}", before.text);
    only_approve(&ben, &before.json()).await;
    let body = json!({"why": "their session was stolen", "factor": PASSWORD});
    assert_eq!(ann.api("POST", &format!("/operations/accounts/{id}/freeze"), body).await.status, 204);
    assert_eq!(ben.get("/operations/staff").await.status, 401, "the session has ended");
    let ben = ben.sign_in_again().await;
    assert_eq!(ben.get("/account").await.status, 200);
    for path in ["/operations/staff", "/operations/accounts", "/operations/proposals", "/operations/audit"] {
        assert_eq!(ben.get(path).await.status, 403, "{path}");
    }
    assert_eq!(approve(&ben, &before.json()).await.status, 403);
    let carried = carry_out(&ann, &before.json()).await;
    assert_ne!(carried.status, 200, "an approval from before counts no more: {}", carried.text);
}
