//! Transfers by keys of sub-accounts: who sees them, who decides, what each decision asks for, and that one passes once.

use keyward_authority::approvals::{ask_for_transfer, give_back_transfer};
use keyward_authority::keys::{IssueKey, Outcome};
use keyward_authority::operators::{FinishRestore, Since};
use keyward_authority::sub_accounts::CreateSubAccount;
use keyward_authority::{Action as _, Settings};
use keyward_rules::account::SubAccountName;
use keyward_rules::address::{AddressSet, Binding, HostBits};
use keyward_rules::approval::{ApprovalAnswer, AskedTransfer, Consent, Transfer};
use keyward_rules::grant::{Actor, Proof};
use keyward_rules::id::{AccountId, KeyId, RequestId};
use keyward_rules::key::{Environment, KeyName, KeySpec, Passphrase, WideRange};
use keyward_rules::limits::{APPROVAL_LIFE_MS, APPROVALS_WAITING};
use keyward_rules::policy::Policy;
use keyward_store::{MasterKey, Seen};
use serde_json::{Value, json};

use crate::operators::id_of;
use crate::tab::Tab;
use crate::world::{PASSWORD, Person, World};

macro_rules! on_both {
    ($($part:ident),+) => {
        mod sqlite { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::new().await).await; })+ }
        mod postgres { $(#[tokio::test] async fn $part() { super::$part(crate::world::World::postgres().await).await; })+ }
    };
}

on_both!(
    a_master_decides_and_the_transfer_passes_once,
    of_many_at_once_one_passes,
    a_threshold_counts_exactly_however_many_come_at_once
);

/// A sub-account with a key that may move funds.
struct Sub<'w> {
    world: &'w World,
    account: AccountId,
    master: AccountId,
    key: KeyId,
}

impl<'w> Sub<'w> {
    async fn of(person: &Person<'w>, name: &str) -> Self {
        let (world, master) = (person.world, id_of(person).await.parse().unwrap());
        let context = world.authority.context(Actor::Host("ops".to_owned()), world.now());
        let create = CreateSubAccount { master, name: SubAccountName::parse(name).unwrap(), label: None };
        let account = create.perform(&context, Proof::None).await.unwrap();
        let spec = KeySpec {
            name: KeyName::parse("SubBot").unwrap(),
            permissions: "read,funding".parse().unwrap(),
            binding: Binding::Addresses(AddressSet::parse("192.0.2.7", HostBits::Refuse).unwrap()),
            wide: WideRange::NotAcknowledged,
            environment: Environment::Live,
            expires_at: None,
            rate_cap: None,
            fences: None,
        };
        let passphrase = Passphrase::parse("Aa1!sub-pass").unwrap();
        let idempotency = String::new();
        let wish = IssueKey { account, spec, passphrase, tags: Vec::new(), replaces: None, idempotency };
        let Outcome::Made(issued) = wish.perform(&context, Proof::None).await.unwrap() else {
            panic!("made before")
        };
        Self { world, account, master, key: issued.id }
    }

    fn asked(&self, transfer: &str, request: u128) -> AskedTransfer {
        AskedTransfer {
            request: RequestId(request),
            key: self.key,
            account: self.account,
            master: self.master,
            environment: Environment::Live,
            source: "192.0.2.7".parse().unwrap(),
            transfer: Transfer::parse(transfer).unwrap(),
            at: self.world.now(),
        }
    }

    /// What a gateway is told.
    async fn asks(&self, transfer: &str, request: u128) -> ApprovalAnswer {
        let context = self.world.authority.context(Actor::System("gateway"), self.world.now());
        ask_for_transfer(&context, &self.asked(transfer, request)).await.unwrap()
    }

    async fn waits(&self, transfer: &str) -> String {
        let answer = self.asks(transfer, 1).await;
        let ApprovalAnswer::Waiting(id) = answer else { panic!("{answer:?}") };
        id.to_string()
    }

    async fn give_back(&self, transfer: &str, consent: Consent) -> bool {
        let context = self.world.authority.context(Actor::System("gateway"), self.world.now());
        give_back_transfer(&context, &self.asked(transfer, 0), consent).await.is_ok()
    }
}

const SMALL: &str = "USDT 12.5 6 18 3 - - -";
const OTHER: &str = "BTC 1 6 18 0 - - -";

fn passed(answer: ApprovalAnswer) -> Option<Consent> {
    if let ApprovalAnswer::Passed(consent) = answer { Some(consent) } else { None }
}

async fn waiting(person: &Person<'_>) -> Vec<Value> {
    person.get("/approvals").await.json()["waiting"].as_array().unwrap().clone()
}

async fn approve(person: &Person<'_>, ids: &[&str]) -> u16 {
    person.approved("POST", "/approvals/approve", json!({"approvals": ids})).await.status
}

async fn a_master_decides_and_the_transfer_passes_once(world: World) {
    let person = world.person("a@keyward.example").await;
    let sub = Sub::of(&person, "probeSub01").await;
    let first = sub.waits(SMALL).await;
    assert_eq!(sub.waits(SMALL).await, first, "the same transfer again");
    let shown = waiting(&person).await;
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["words"], "12.5 USDT from probeSub01 (funding) to the master account (trading)");
    assert_eq!((&shown[0]["key_name"], &shown[0]["source"]), (&"SubBot".into(), &"192.0.2.7".into()));
    let mail = world.mails("a@keyward.example").await.join("\n");
    assert!(mail.contains("A request waits for your approval"), "{mail}");
    assert!(
        mail.contains("12.5 USDT from probeSub01 (funding) to the master account (trading). Approval"),
        "{mail}"
    );
    assert_eq!(mail.matches("Approval ").count(), 1, "told once");

    let body = json!({"approvals": [first]});
    let one_factor = json!({"approvals": [first], "factor": PASSWORD});
    assert_eq!(
        person.api("POST", "/approvals/approve", one_factor).await.status,
        422,
        "one factor is no step-up"
    );
    let asked = person.api("POST", "/approvals/approve", body.clone()).await;
    assert_eq!(asked.code(), "step_up_required");
    assert!(asked.text.contains("12.5 USDT from probeSub01"), "what is approved, in words: {}", asked.text);
    assert_eq!(sub.waits(SMALL).await, first, "nothing is approved yet");
    let done = person.answer("POST", "/approvals/approve", body, &asked.field("challenge")).await;
    assert_eq!((done.status, &done.json()["decided"]), (200, &json!([first])), "{}", done.text);
    assert_eq!(approve(&person, &[&first]).await, 409, "decided before");

    assert!(passed(sub.asks("USDT 12.51 6 18 3 - - -", 2).await).is_none());
    let consent = passed(sub.asks(SMALL, 3).await).unwrap();
    assert!(!sub.give_back(SMALL, Consent { request: RequestId(4), ..consent }).await, "another request's");
    assert!(sub.give_back(SMALL, consent).await);
    assert!(!sub.give_back(SMALL, consent).await, "given back once");
    assert!(passed(sub.asks(SMALL, 5).await).is_some(), "it passes after it was given back");
    assert_ne!(sub.waits(SMALL).await, first, "and then not again");
    let settled = person.get("/approvals").await.json()["settled"][0].clone();
    assert_eq!((&settled["id"], &settled["state"]), (&json!(first), &"used".into()));
}

async fn of_many_at_once_one_passes(world: World) {
    let person = world.person("a@keyward.example").await;
    let sub = Sub::of(&person, "probeSub01").await;
    let first = sub.waits(SMALL).await;
    assert_eq!(approve(&person, &[&first]).await, 200);
    let asked = (10..60).map(|request| sub.asks(SMALL, request));
    let answers = futures_util::future::join_all(asked).await;
    let passes = answers.iter().filter(|answer| passed(**answer).is_some()).count();
    let waits: Vec<_> = answers
        .iter()
        .filter_map(|answer| if let ApprovalAnswer::Waiting(id) = answer { Some(id) } else { None })
        .collect();
    assert_eq!((passes, waits.len()), (1, 49), "{answers:?}");
    assert!(waits.iter().all(|id| *id == waits[0] && id.to_string() != first), "they wait under one number");
}

async fn a_threshold_counts_exactly_however_many_come_at_once(world: World) {
    let person = world.person("a@keyward.example").await;
    let sub = Sub::of(&person, "probeSub01").await;
    let other = Sub::of(&person, "probeSub02").await;
    let put = |thresholds: Value| json!({"thresholds": thresholds});
    assert_eq!(
        person.approved("PUT", "/approvals/thresholds", put(json!({"USDT": "100"}))).await.status,
        200
    );
    let asked = (0_u128..24).map(|at| {
        let (who, transfer) =
            (if at % 2 == 0 { &sub } else { &other }, format!("USDT 9.{at:02}1 6 18 3 - - -"));
        async move { who.asks(&transfer, at).await }
    });
    let answers = futures_util::future::join_all(asked).await;
    let passes = answers.iter().filter(|answer| passed(**answer).is_some()).count();
    assert!((9..=11).contains(&passes), "{passes} of more than 9 each: both sub-accounts share the sum");
    let shown = person.get("/approvals/thresholds").await.json();
    let used: f64 = shown["thresholds"][0]["used"].as_str().unwrap().parse().unwrap();
    assert!(used <= 100.0 && used > 81.0, "{used}");
    world.pass_days(1);
    let person = person.sign_in_again().await;
    assert_eq!(person.get("/approvals/thresholds").await.json()["thresholds"][0]["used"], "0");
    let small = "USDT 100 6 18 3 - - -";
    let consent = passed(sub.asks(small, 99).await).unwrap();
    sub.waits("USDT 1 6 18 3 - - -").await;
    assert!(sub.give_back(small, consent).await);
    assert!(passed(sub.asks(small, 100).await).is_some(), "what was not sent is not counted");
}

/// F63: another master, a batch with somebody else's, nothing, too many.
#[tokio::test]
async fn nobody_else_sees_or_decides() {
    let world = World::new().await;
    let (person, other) = (world.person("a@keyward.example").await, world.person("b@keyward.example").await);
    let (sub, own) = (Sub::of(&person, "probeSub01").await, Sub::of(&other, "probeSub01").await);
    let (first, theirs) = (sub.waits(SMALL).await, own.waits(SMALL).await);
    assert_eq!(waiting(&other).await.len(), 1);
    for (path, factor) in [("/approvals/approve", None), ("/approvals/refuse", Some(PASSWORD))] {
        for ids in [vec![&first], vec![&first, &theirs]] {
            let mut body = json!({"approvals": ids});
            if let Some(factor) = factor {
                body["factor"] = factor.into();
            }
            let refused = other.api("POST", path, body).await;
            assert_eq!((refused.status, refused.code().as_str()), (404, "no_approval"), "{path}");
        }
        let none = other.api("POST", path, json!({"approvals": []})).await;
        assert_eq!((none.status, none.code().as_str()), (422, "bad_approvals"));
    }
    let tab = Tab::of(&world, &other).await;
    assert_eq!(tab.post("/approvals/approve", &[("approval", &first)]).await.status, 404);
    assert!(!tab.get("/approvals").await.text.contains(&first));
    assert_eq!(sub.waits(SMALL).await, first, "it waits as before");
    assert_eq!(own.waits(SMALL).await, theirs);
    // Approved for one sub-account, the same transfer of another one is another transfer.
    assert_eq!(approve(&person, &[&first]).await, 200);
    assert_eq!(own.waits(SMALL).await, theirs);
}

#[tokio::test]
async fn after_24_hours_it_is_over() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let sub = Sub::of(&person, "probeSub01").await;
    let (first, second) = (sub.waits(SMALL).await, sub.waits(OTHER).await);
    world.pass_ms(APPROVAL_LIFE_MS - 120_000);
    let person = person.sign_in_again().await;
    assert_eq!(approve(&person, &[&second]).await, 200);
    world.pass_ms(APPROVAL_LIFE_MS - 60_000);
    let person = person.sign_in_again().await;
    assert!(waiting(&person).await.is_empty());
    let over = person.api("POST", "/approvals/approve", json!({"approvals": [first]})).await;
    assert_eq!((over.status, over.code().as_str()), (409, "approval_over"));
    assert_ne!(sub.waits(SMALL).await, first, "it is asked for again");
    assert!(passed(sub.asks(OTHER, 7).await).is_some(), "the 24 hours of an approval begin when it is given");
    let third = sub.waits(OTHER).await;
    assert_eq!(approve(&person, &[&third]).await, 200);
    world.pass_ms(APPROVAL_LIFE_MS);
    assert!(passed(sub.asks(OTHER, 8).await).is_none(), "an approval that nobody used is over");
}

#[tokio::test]
async fn a_batch_is_refused_with_one_factor_and_told_once() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let sub = Sub::of(&person, "probeSub01").await;
    let ids = [sub.waits(SMALL).await, sub.waits(OTHER).await];
    let refused =
        person.api("POST", "/approvals/refuse", json!({"approvals": ids, "factor": PASSWORD})).await;
    assert_eq!(refused.status, 200, "{}", refused.text);
    assert!(matches!(sub.asks(SMALL, 2).await, ApprovalAnswer::Refused(..)));
    assert!(matches!(sub.asks(OTHER, 3).await, ApprovalAnswer::Refused(..)));
    let mails = world.mails("a@keyward.example").await;
    let told: Vec<_> =
        mails.iter().filter(|mail| mail.contains("You decided about requests of your programs")).collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("12.5 USDT from probeSub01") && told[0].contains("1 BTC from probeSub01"));
    let loosen = json!({"thresholds": {"USDT": "100000"}});
    assert_eq!(person.approved("PUT", "/approvals/thresholds", loosen).await.status, 200);
    assert!(matches!(sub.asks(SMALL, 4).await, ApprovalAnswer::Refused(..)), "what was refused stays so");
}

#[tokio::test]
async fn lower_thresholds_take_one_factor_and_higher_ones_a_step_up() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let put = |thresholds: Value| {
        person.api("PUT", "/approvals/thresholds", json!({"thresholds": thresholds, "factor": PASSWORD}))
    };
    let raised = put(json!({"USDT": "100", "BTC": "1"})).await;
    assert_eq!((raised.status, raised.code().as_str()), (403, "step_up_required"), "{}", raised.text);
    let body = json!({"thresholds": {"USDT": "100", "BTC": "1"}});
    assert_eq!(person.approved("PUT", "/approvals/thresholds", body).await.status, 200);
    assert_eq!(put(json!({"USDT": "100", "BTC": "1"})).await.code(), "unchanged");
    assert_eq!(put(json!({"USDT": "99"})).await.status, 200);
    for wider in [json!({"USDT": "99.1"}), json!({"USDT": "1", "ETH": "1"}), json!({"BTC": "1"})] {
        assert_eq!(put(wider.clone()).await.code(), "step_up_required", "{wider}");
    }
    // F63: a threshold of nothing is not one that everything passes.
    for bad in [json!({"USDT": "0"}), json!({"USDT": "-1"}), json!({"US DT": "1"}), json!({"USDT": "1e9"})] {
        assert_eq!(put(bad.clone()).await.code(), "bad_thresholds", "{bad}");
    }
    let sub = Sub::of(&person, "probeSub01").await;
    assert!(passed(sub.asks("USDT 99 6 18 3 - - -", 1).await).is_some());
    assert_eq!(put(json!({})).await.status, 200, "none at all is the strictest");
    sub.waits("USDT 0.1 6 18 3 - - -").await;
}

/// A backup knows nothing of what was used since it was made.
#[tokio::test]
async fn a_backup_that_lacks_changes_brings_no_approval_back() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let sub = Sub::of(&person, "probeSub01").await;
    let (first, second) = (sub.waits(SMALL).await, sub.waits(OTHER).await);
    assert_eq!(approve(&person, &[&first]).await, 200);
    let context = world.authority.context(Actor::Host("ops".to_owned()), world.now());
    let master = MasterKey::new([9; 32]);
    let restored =
        FinishRestore { kept: Seen::default(), since: Since::Unknown, former: &master, master: &master };
    restored.perform(&context, Proof::None).await.unwrap();
    assert!(matches!(sub.asks(SMALL, 2).await, ApprovalAnswer::Refused(..)));
    assert_eq!(sub.waits(OTHER).await, second, "what waits goes on waiting");
}

/// A stolen key cannot fill the store, nor its master's mailbox.
#[tokio::test]
async fn what_waits_is_bounded_and_so_are_the_mails() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let (sub, other) = (Sub::of(&person, "probeSub01").await, Sub::of(&person, "probeSub02").await);
    for at in 1..=APPROVALS_WAITING {
        sub.waits(&format!("USDT {at} 6 18 3 - - -")).await;
    }
    assert_eq!(sub.asks("USDT 1000 6 18 3 - - -", 1).await, ApprovalAnswer::TooMany);
    other.waits(SMALL).await;
    let mails = world.mails("a@keyward.example").await;
    let told = |what: &str| mails.iter().filter(|mail| mail.contains(what)).count();
    assert_eq!(told("Approval "), 11, "ten of one key, and the other key's");
    assert_eq!(told("Many alerts of one kind within an hour"), 1);
    let all = person.get("/approvals").await.json();
    assert_eq!((all["waiting"].as_array().unwrap().len(), &all["count"]), (100, &json!(101)));
    let first = all["waiting"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        person
            .api("POST", "/approvals/refuse", json!({"approvals": [first], "factor": PASSWORD}))
            .await
            .status,
        200
    );
    sub.waits("USDT 1000 6 18 3 - - -").await;
}

#[tokio::test]
async fn the_pages_say_what_waits_and_decide() {
    // The browser is a new device, which may not raise thresholds at first: see `new_device`.
    let policy = Policy { new_device_hours: None, ..Policy::default() };
    let world = World::under(Settings { policy, ..Settings::default() }).await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    assert!(tab.get("/approvals").await.text.contains("Nothing waits"));
    let sub = Sub::of(&person, "probeSub01").await;
    let (first, second) = (sub.waits(SMALL).await, sub.waits(OTHER).await);
    let overview = tab.get("/overview").await.text;
    assert!(overview.contains("2 requests of programs wait for your approval"), "{overview}");
    assert!(overview.contains("aria-label=\"2 waiting\""));
    let page = tab.get("/approvals").await.text;
    assert!(
        page.contains("<strong>12.5 USDT</strong> from probeSub01 (funding) to the master account (trading)"),
        "{page}"
    );
    assert!(page.contains("Key SubBot") && page.contains("192.0.2.7") && page.contains(&first));
    let alerts = tab.get("/alerts").await.text;
    assert!(alerts.contains("A request waits for your approval") && alerts.contains("href=\"/approvals\""));
    let none = tab.post("/approvals/approve", &[]).await;
    assert!(none.text.contains("12.5 USDT from probeSub01"), "{}", none.text);
    let done = tab.stepped_up("/approvals/approve", &[("approval", &first), ("approval", &first)]).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let page = tab.get("/approvals").await.text;
    assert!(page.contains("Approved. Each request passes once") && page.contains("Take back"), "{page}");
    let refused = tab.confirmed("/approvals/refuse", &[("approval", &second)]).await;
    assert_eq!(refused.status, 303, "{}", refused.text);
    let page = tab.get("/approvals").await.text;
    assert!(page.contains("Nothing waits") && page.contains(">refused</span>"), "{page}");
    let trail = tab.get("/trail").await.text;
    assert!(trail.contains("You approved requests of programs"), "{trail}");
    let form = tab.get("/approvals/thresholds").await.text;
    assert!(form.contains("name=\"thresholds\""));
    let wrong = tab.post("/approvals/thresholds", &[("thresholds", "0 USDT")]).await.text;
    assert!(wrong.contains("A threshold is more than 0"), "{wrong}");
    let raised = tab.stepped_up("/approvals/thresholds", &[("thresholds", "100 USDT")]).await;
    assert_eq!(raised.status, 303, "{}", raised.text);
    assert!(tab.get("/approvals").await.text.contains("Up to 100 USDT a day"));
}
