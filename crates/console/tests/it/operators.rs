//! Operators: the set-up link, proposals and approvals, freezes and policies; who may what, and what is refused.

use axum::body::Body;
use axum::http::{Request, header};
use keyward_authority::operators::{
    ApproveProposal, Approvers, OfferSetUp, SetUp, rotate_master_key, show_proposal,
};
use keyward_authority::{Action as _, ActionError, Shown, begin_step_up, finish_step_up};
use keyward_rules::grant::{Actor, Holder, Origin, Proof, Staff};
use keyward_rules::person::{Device, SessionId};
use keyward_rules::staff::Role;
use keyward_store::MasterKey;
use serde_json::{Value, json};

use crate::apps::an_hour_later;
use crate::doors::browser;
use crate::world::{HOME, PASSWORD, Person, Reply, World, wish};

/// The token of the link that a first start makes.
pub async fn first_link(world: &World) -> String {
    let context = world.authority.context(Actor::System("start"), world.now());
    let token = OfferSetUp(SetUp::Once).perform(&context, Proof::None).await.unwrap().unwrap();
    token.expose().to_owned()
}

async fn take(person: &Person<'_>, token: &str, alone: bool) -> Reply {
    person.approved("POST", "/operations/set-up", json!({"token": token, "alone": alone})).await
}

pub async fn id_of(person: &Person<'_>) -> String {
    person.get("/account").await.field("id")
}

/// Two operators, by the links that make them.
pub async fn two_operators(world: &World) -> (Person<'_>, Person<'_>) {
    let (one, two) = (world.person("ann@keyward.example").await, world.person("ben@keyward.example").await);
    let taken = take(&one, &first_link(world).await, false).await;
    assert_eq!(taken.status, 204, "{}", taken.text);
    let invited = one.approved("POST", "/operations/invitations", json!({})).await;
    assert_eq!(invited.status, 201, "{}", invited.text);
    let link = invited.field("link");
    let token = link.strip_prefix("https://keys.example/set-up#").unwrap();
    let taken = take(&two, token, false).await;
    assert_eq!(taken.status, 204, "{}", taken.text);
    (one, two)
}

pub async fn propose(person: &Person<'_>, change: &str) -> Reply {
    person.approved("POST", "/operations/proposals", json!({"change": change})).await
}

pub async fn approve(person: &Person<'_>, proposal: &Value) -> Reply {
    let path = format!("/operations/proposals/{}/approve", proposal["id"].as_str().unwrap());
    person.approved("POST", &path, json!({"hash": proposal["hash"]})).await
}

/// The person as an operator who acts.
pub async fn operator(person: &Person<'_>) -> Actor {
    let origin = Origin { address: HOME.parse().unwrap(), device: Device::of("tests") };
    let account = id_of(person).await.parse().unwrap();
    let holder = Holder {
        account,
        acting: None,
        session: SessionId::from_entropy([1; 16]),
        device_since: keyward_rules::time::Moment::EPOCH,
        origin,
    };
    Actor::Staff(Staff { holder, role: Role::Operator })
}

/// Approves, and carries nothing out: as a server that ends between the two.
pub async fn only_approve(person: &Person<'_>, proposal: &Value) {
    let (world, acting) = (person.world, operator(person).await);
    let context = world.authority.context(acting.clone(), world.now());
    let id = proposal["id"].as_str().unwrap().parse().unwrap();
    let read = show_proposal(&context, id).await.unwrap().hash;
    let approval = ApproveProposal { proposal: id, read };
    let pending = approval.plan(&context).await.unwrap();
    let challenge = begin_step_up(&context, &pending).await.unwrap().to_string();
    let (mail_code, factor) = (world.code(&person.email).await, person.totp());
    let context = world.authority.context(acting, world.now());
    let shown = Shown { challenge, mail_code, factor, ..Shown::default() };
    let proof = finish_step_up(&context, &pending, &shown).await.unwrap();
    approval.perform(&context, proof).await.unwrap();
}

pub async fn carry_out(person: &Person<'_>, proposal: &Value) -> Reply {
    let path = format!("/operations/proposals/{}/carry-out", proposal["id"].as_str().unwrap());
    person.api("POST", &path, Value::Null).await
}

/// Proposes as one, approves as the other, carries out; what came last.
pub async fn both(one: &Person<'_>, two: &Person<'_>, change: &str) -> Reply {
    let proposed = propose(one, change).await;
    assert_eq!(proposed.status, 201, "{change}: {}", proposed.text);
    let approved = approve(two, &proposed.json()).await;
    assert_eq!(approved.status, 200, "{change}: {}", approved.text);
    carry_out(two, &proposed.json()).await
}

/// A page as a browser with this cookie gets it.
async fn page(world: &World, cookie: &str, path: &str) -> Reply {
    let request = Request::builder().uri(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    world.send(HOME, request).await
}

fn file(world: &World) -> rusqlite::Connection {
    rusqlite::Connection::open(world.folder.join("keyward.db")).unwrap()
}

#[tokio::test]
async fn the_set_up_link_makes_the_first_operator_once() {
    let world = World::new().await;
    let (ann, ben) = (world.person("ann@keyward.example").await, world.person("ben@keyward.example").await);
    assert_eq!(ann.get("/operations").await.code(), "no_role");
    let token = first_link(&world).await;
    let context = world.authority.context(Actor::System("start"), world.now());
    let again = OfferSetUp(SetUp::Once).perform(&context, Proof::None).await.unwrap();
    assert!(again.is_none(), "made once");
    for wrong in ["", "kwo_", "kwo_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &token[..40], "kwt_x"] {
        assert_eq!(take(&ann, wrong, false).await.code(), "no_set_up_link", "{wrong:?}");
    }
    assert_eq!(take(&ann, &token, false).await.status, 204);
    assert_eq!(ann.get("/operations").await.json()["set_up_open"], true);
    assert_eq!(take(&ben, &token, false).await.code(), "no_set_up_link", "once");
    // Alone, the first can invite one more and do nothing else that loosens.
    let change = format!("role.grant {} operator", id_of(&ben).await);
    let proposed = propose(&ann, &change).await;
    assert_eq!(carry_out(&ann, &proposed.json()).await.code(), "approvals_missing");
    assert_eq!(approve(&ann, &proposed.json()).await.code(), "own_proposal");
    assert_eq!(carry_out(&ann, &proposed.json()).await.code(), "approvals_missing");
    let old = ann.approved("POST", "/operations/invitations", json!({})).await.field("link");
    let link = ann.approved("POST", "/operations/invitations", json!({})).await.field("link");
    let token = |link: &str| link.split('#').nth(1).unwrap().to_owned();
    assert_eq!(take(&ben, &token(&old), false).await.code(), "no_set_up_link", "a newer link voids it");
    // The second cannot choose to be alone.
    assert_eq!(take(&ben, &token(&link), true).await.status, 204);
    let policies = ben.get("/operations/policies").await.json();
    assert_eq!((&policies[0]["value"], &policies[0]["source"]), (&json!("2"), &json!("default")));
    assert_eq!(ann.approved("POST", "/operations/invitations", json!({})).await.code(), "set_up_is_over");
}

/// Its token could not be kept where its receiver looks for it.
#[tokio::test]
async fn a_link_that_was_not_committed_makes_no_operator() {
    let world = World::new().await;
    let ann = world.person("ann@keyward.example").await;
    let context = world.authority.context(Actor::System("start"), world.now());
    let link = OfferSetUp(SetUp::Once).prepare(&context, Proof::None).await.unwrap().unwrap();
    let lost = link.token().expose().to_owned();
    drop(link);
    assert_eq!(take(&ann, &lost, false).await.code(), "no_set_up_link");
    let token = first_link(&world).await;
    assert_ne!(token, lost, "the next start makes one, because none was made");
    assert_eq!(take(&ann, &lost, false).await.code(), "no_set_up_link");
    assert_eq!(take(&ann, &token, false).await.status, 204);
}

#[tokio::test]
async fn a_link_is_over_after_a_week_and_needs_two_factors() {
    let world = World::new().await;
    let token = first_link(&world).await;
    let bare = world.without_factor("bare@keyward.example").await;
    let (answer, bare_id) = (take(&bare, &token, false).await, id_of(&bare).await);
    assert_eq!(answer.code(), "two_factor_off");
    let ann = world.person("ann@keyward.example").await;
    world.pass_days(7);
    let ann = Person { token: ann.sign_in(PASSWORD, None).await.field("token"), ..ann };
    assert_eq!(take(&ann, &token, false).await.code(), "no_set_up_link");
    let context = world.authority.context(Actor::Host("ops".to_owned()), world.now());
    let again = OfferSetUp(SetUp::Again).perform(&context, Proof::None).await.unwrap().unwrap();
    assert_eq!(take(&ann, again.expose(), true).await.status, 204);
    // Alone, chosen in so many words: proposing is enough.
    let change = format!("role.grant {bare_id} auditor");
    assert_eq!(propose(&ann, &change).await.code(), "other_way", "an auditor has two factors as well");
    let loosen = propose(&ann, "policy.loosen withdraw_needs_addresses false").await;
    assert_eq!((loosen.status, &loosen.json()["standing"]), (201, &json!("done")));
    assert_eq!(carry_out(&ann, &loosen.json()).await.status, 200, "and changes nothing");
}

#[tokio::test]
async fn two_operators_grant_a_role_and_nobody_else_counts() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let eve = world.person("eve@keyward.example").await;
    let change = format!("role.grant {} operator", id_of(&eve).await);
    let proposed = propose(&ann, &change).await.json();
    assert_eq!(proposed["words"][0], "Make eve@keyward.example an operator");
    let waiting = world.mails(&ben.email).await;
    assert!(
        waiting[0].contains("A change needs your approval") && waiting[0].contains("eve@keyward.example")
    );
    // Nobody without the role, not the requester, not with another hash.
    assert_eq!(approve(&eve, &proposed).await.code(), "no_role");
    assert_eq!(approve(&ann, &proposed).await.code(), "own_proposal");
    let mut other = proposed.clone();
    other["hash"] = "0".repeat(64).into();
    assert_eq!(approve(&ben, &other).await.code(), "proposal_changed");
    assert_eq!(carry_out(&ben, &proposed).await.code(), "approvals_missing");
    assert_eq!(eve.get("/operations").await.code(), "no_role");
    let approved = approve(&ben, &proposed).await;
    assert_eq!((approved.status, &approved.json()["counting"]), (200, &json!(1)));
    assert_eq!(approved.json()["standing"], "done", "the last approval carries it out");
    assert_eq!(eve.get("/operations").await.status, 200);
    // Once: programs carry out after every approval, and what is done stays as it is.
    let settled = ann.get(&format!("/operations/proposals/{}", proposed["id"].as_str().unwrap())).await.text;
    assert_eq!(carry_out(&ben, &proposed).await.text, settled);
    assert_eq!(carry_out(&ann, &proposed).await.text, settled);
    let path = "/operations/audit?action=role.grant";
    assert_eq!(ann.get(path).await.json()["records"].as_array().unwrap().len(), 1);
    assert_eq!(approve(&ben, &proposed).await.code(), "settled");
    assert_eq!(approve(&eve, &proposed).await.code(), "settled");
    assert!(world.mails(&eve.email).await.iter().any(|mail| mail.contains("You were given a role")));
}

#[tokio::test]
async fn the_last_approval_carries_out_whatever_is_proposed() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (eve, dan) = (world.person("eve@keyward.example").await, world.person("dan@keyward.example").await);
    let (eve_id, dan_id) = (id_of(&eve).await, id_of(&dan).await);
    let key = eve.key("bot").await["api_key"].as_str().unwrap().to_owned();
    for path in [format!("/operations/keys/{key}/freeze"), format!("/operations/accounts/{dan_id}/freeze")] {
        assert_eq!(ann.api("POST", &path, json!({"why": "drill", "factor": PASSWORD})).await.status, 204);
    }
    for (name, value) in [("max_key_age_days", "90"), ("desktop_browser_for_keys", "true")] {
        let body = json!({"value": value, "factor": PASSWORD});
        assert_eq!(ann.api("PUT", &format!("/operations/policies/{name}"), body).await.status, 204);
    }
    let changes = [
        format!("key.thaw {key}"),
        format!("account.thaw {dan_id}"),
        format!("role.grant {eve_id} auditor"),
        format!("role.grant {eve_id} operator"),
        "policy.loosen withdraw_needs_addresses false".to_owned(),
        "policy.loosen max_key_age_days 180".to_owned(),
        "policy.loosen max_key_age_days 365".to_owned(),
        "policy.loosen max_key_age_days none".to_owned(),
        "policy.loosen desktop_browser_for_keys false".to_owned(),
        format!("account.factors.reset {dan_id}"),
        "policy.loosen operators_needed 1".to_owned(),
    ];
    for (count, change) in changes.iter().enumerate() {
        if count % 4 == 0 {
            an_hour_later(&world, &[&ann, &ben, &eve]).await;
        }
        assert_eq!(eve.get("/account").await.status, 200, "she goes on working");
        let proposed = propose(&ann, change).await;
        assert_eq!(proposed.json()["standing"], "open", "{change}: {}", proposed.text);
        assert_eq!(approve(&ann, &proposed.json()).await.code(), "own_proposal", "{change}");
        let shown = ann.get(&format!("/operations/proposals/{}", proposed.field("id"))).await;
        assert_eq!(shown.json()["standing"], "open", "{change}: whoever proposed does not count");
        let approved = approve(&ben, &proposed.json()).await;
        assert_eq!((approved.status, &approved.json()["standing"]), (200, &json!("done")), "{change}");
        assert_eq!(carry_out(&ben, &proposed.json()).await.text, approved.text, "{change}");
    }
    // Where one operator suffices, proposing is the last step.
    let alone = propose(&ben, &format!("role.grant {eve_id} auditor")).await;
    assert_eq!((alone.status, &alone.json()["standing"]), (201, &json!("done")), "{}", alone.text);
    // What is done says so to operators only, and what was cancelled is never carried out.
    assert_eq!(carry_out(&eve, &alone.json()).await.code(), "not_allowed", "an auditor");
    assert_eq!(carry_out(&dan, &alone.json()).await.status, 401, "whose sessions have ended");
}

#[tokio::test]
async fn a_removed_members_approval_counts_for_nothing() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (eve, dan) = (world.person("eve@keyward.example").await, world.person("dan@keyward.example").await);
    assert_eq!(both(&ann, &ben, &format!("role.grant {} operator", id_of(&eve).await)).await.status, 200);
    // Ben approves, and is an operator no more when it is carried out.
    let proposed = propose(&ann, &format!("role.grant {} auditor", id_of(&dan).await)).await.json();
    only_approve(&ben, &proposed).await;
    let path = format!("/operations/staff/{}", id_of(&ben).await);
    assert_eq!(eve.api("DELETE", &path, json!({"factor": PASSWORD})).await.status, 204);
    assert_eq!(carry_out(&ann, &proposed).await.code(), "approvals_missing");
    assert_eq!(carry_out(&ben, &proposed).await.code(), "no_role");
    assert_eq!(approve(&ben, &proposed).await.code(), "no_role");
    assert_eq!(approve(&eve, &proposed).await.status, 200);
    assert_eq!(carry_out(&eve, &proposed).await.status, 200);
    // Whoever proposed must be an operator as well; and two always stay.
    let path = format!("/operations/staff/{}", id_of(&ann).await);
    let refused = eve.api("DELETE", &path, json!({"factor": PASSWORD})).await;
    assert_eq!(refused.code(), "too_few_operators");
    assert_eq!(dan.get("/operations/accounts").await.status, 200, "an auditor looks");
    let freeze = format!("/operations/accounts/{}/freeze", id_of(&eve).await);
    let tried = dan.api("POST", &freeze, json!({"why": "because", "factor": PASSWORD})).await;
    assert_eq!(tried.code(), "not_allowed", "and changes nothing");
    assert_eq!(propose(&dan, "policy.loosen operators_needed 1").await.code(), "not_allowed");
}

#[tokio::test]
async fn a_proposal_that_was_altered_in_the_store_is_refused() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (eve, mallory) = (world.person("eve@keyward.example").await, world.person("m@keyward.example").await);
    let (good, bad) = (id_of(&eve).await, id_of(&mallory).await);
    let proposed = propose(&ann, &format!("role.grant {good} operator")).await.json();
    only_approve(&ben, &proposed).await;
    let changes = [
        format!("UPDATE proposals SET change = 'role.grant {bad} operator'"),
        "UPDATE proposals SET needed = 1".to_owned(),
        format!("UPDATE proposals SET requester = {bad}"),
        "UPDATE proposals SET words = 'Nothing much'".to_owned(),
        "UPDATE proposals SET expires_at = expires_at + 1".to_owned(),
    ];
    for change in changes {
        let kept = file(&world);
        kept.execute_batch("CREATE TABLE kept AS SELECT * FROM proposals").unwrap();
        kept.execute_batch(&change).unwrap();
        assert_eq!(carry_out(&ben, &proposed).await.status, 503, "{change}");
        assert_eq!(ben.get("/operations/proposals").await.json()["altered"], 1, "{change}");
        kept.execute_batch("DELETE FROM approvals; DELETE FROM proposals; INSERT INTO proposals SELECT * FROM kept; DROP TABLE kept").unwrap();
        // The approvals went with it: an approval is made anew.
        only_approve(&ben, &proposed).await;
    }
    // An approval that somebody wrote by hand, and a role likewise.
    let kept = file(&world);
    kept.execute_batch(&format!("UPDATE approvals SET account = {good}")).unwrap();
    assert_eq!(carry_out(&ben, &proposed).await.code(), "approvals_missing");
    kept.execute_batch(&format!(
        "INSERT INTO roles SELECT {bad}, 'operator', granted_at, data_key, seal FROM roles LIMIT 1"
    ))
    .unwrap();
    assert_eq!(mallory.get("/operations").await.code(), "no_role", "a role that was written by hand is none");
    assert_eq!(ben.get("/operations/staff").await.json().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_altered_role_is_none_and_an_alarm_and_its_person_goes_on() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let eve = world.person("eve@keyward.example").await;
    let id = id_of(&eve).await;
    assert_eq!(both(&ann, &ben, &format!("role.grant {id} auditor")).await.status, 200);
    assert_eq!(eve.get("/operations").await.status, 200);
    let cookie = browser(&world, &eve).await;
    file(&world).execute_batch(&format!("UPDATE roles SET role = 'operator' WHERE account = {id}")).unwrap();
    let (keys, operations) =
        (page(&world, &cookie, "/keys").await, page(&world, &cookie, "/operations").await);
    assert_eq!((keys.status, operations.status), (200, 404), "{}", operations.text);
    assert!(!keys.text.contains("href=\"/operations\""));
    assert_eq!((eve.get("/account").await.status, eve.get("/keys").await.status), (200, 200));
    assert_eq!(eve.get("/operations").await.code(), "no_role");
    let freeze = format!("/operations/accounts/{id}/freeze");
    let tried = eve.api("POST", &freeze, json!({"why": "because", "factor": PASSWORD})).await;
    assert_eq!(tried.code(), "no_role");
    // The others' pages that name the person go on as well, and show no role.
    let shown = ann.get(&format!("/operations/accounts/{id}")).await;
    assert_eq!((shown.status, &shown.json()["account"]["role"]), (200, &Value::Null), "{}", shown.text);
    // Once a day, to the person and to every operator, with a record of it.
    let count = |sql: &str| file(&world).query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT COUNT(*) FROM alerts WHERE kind = 'role_altered'"), 3);
    assert_eq!(count("SELECT COUNT(*) FROM audit WHERE record LIKE '%role_altered%'"), 1);
    for person in [&ann, &ben, &eve] {
        let mails = world.mails(&person.email).await;
        assert!(mails.iter().any(|mail| mail.contains("The stored record of a role was altered")));
    }
    // Granted anew it is in force again; or it is taken away.
    assert_eq!(both(&ann, &ben, &format!("role.grant {id} auditor")).await.status, 200);
    assert_eq!(eve.get("/operations").await.status, 200);
    file(&world).execute_batch(&format!("UPDATE roles SET role = 'operator' WHERE account = {id}")).unwrap();
    let path = format!("/operations/staff/{id}");
    assert_eq!(ann.api("DELETE", &path, json!({"factor": PASSWORD})).await.status, 204);
    assert_eq!(count(&format!("SELECT COUNT(*) FROM roles WHERE account = {id}")), 0);
}

#[tokio::test]
async fn a_second_proposal_of_the_same_change_is_refused_by_the_firsts_number() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let change = "policy.loosen withdraw_needs_addresses false";
    let first = propose(&ann, change).await.json();
    let number = first["id"].as_str().unwrap();
    for person in [&ann, &ben] {
        let second = propose(person, change).await;
        assert_eq!((second.status, second.code().as_str()), (409, "proposed_already"));
        assert!(second.field("detail").contains(&format!("proposal {number} ")), "{}", second.text);
    }
    // Another change is another matter, and a settled one no longer stands in the way.
    let other = propose(&ann, "policy.loosen operators_needed 1").await;
    assert_eq!(other.status, 201, "{}", other.text);
    let path = format!("/operations/proposals/{number}/cancel");
    assert_eq!(ben.api("POST", &path, json!({"factor": PASSWORD})).await.status, 200);
    assert_eq!(propose(&ben, change).await.status, 201);
    // An altered one does not either: nobody can approve or cancel it.
    file(&world).execute_batch("UPDATE proposals SET needed = 1 WHERE standing = 'open'").unwrap();
    assert_eq!(propose(&ann, change).await.status, 201);
}

#[tokio::test]
async fn what_a_proposal_is_about_must_still_be_that() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let eve = world.person("eve@keyward.example").await;
    let proposed = propose(&ann, &format!("role.grant {} operator", id_of(&eve).await)).await.json();
    file(&world)
        .execute_batch(&format!(
            "UPDATE accounts SET email = 'other@keyward.example' WHERE id = {}",
            id_of(&eve).await
        ))
        .unwrap();
    assert_eq!(approve(&ben, &proposed).await.code(), "proposal_changed");
    // And it is over after a week.
    let loosen = propose(&ann, "policy.loosen withdraw_needs_addresses false").await.json();
    world.pass_days(7);
    let ben = Person { token: ben.sign_in(PASSWORD, None).await.field("token"), ..ben.clone() };
    assert_eq!(approve(&ben, &loosen).await.code(), "proposal_over");
}

#[tokio::test]
async fn only_operators_cancel_and_the_log_says_who() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let eve = world.person("eve@keyward.example").await;
    let proposed = propose(&ann, "policy.loosen withdraw_needs_addresses false").await.json();
    let path = format!("/operations/proposals/{}/cancel", proposed["id"].as_str().unwrap());
    let body = json!({"factor": PASSWORD});
    assert_eq!(world.api(HOME, "", "POST", &path, &body).await.status, 401);
    assert_eq!(eve.api("POST", &path, body.clone()).await.code(), "no_role");
    assert_eq!(ben.api("POST", &path, json!({"factor": "wrong password 1"})).await.code(), "factor_wrong");
    assert_eq!(ben.api("POST", &path, body.clone()).await.json()["standing"], "cancelled");
    assert_eq!(ben.api("POST", &path, body).await.code(), "settled");
    assert_eq!(approve(&ben, &proposed).await.code(), "settled");
    let last: String = file(&world)
        .query_row("SELECT record FROM audit ORDER BY n DESC LIMIT 1", [], |row| row.get(0))
        .unwrap();
    let last: Value = serde_json::from_str(&last).unwrap();
    assert_eq!(last["action"], "proposal.cancel");
    assert_eq!(last["actor"], format!("operator:{}", id_of(&ben).await));
    assert_eq!(last["factors"], "password");
}

#[tokio::test]
async fn freezing_takes_one_and_thawing_two() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let eve = world.person("eve@keyward.example").await;
    let (key, account) = (eve.key("bot").await["api_key"].as_str().unwrap().to_owned(), id_of(&eve).await);
    let freeze = format!("/operations/accounts/{account}/freeze");
    for why in ["", "  ", "two\nlines", &"x".repeat(201)] {
        assert_eq!(
            ann.api("POST", &freeze, json!({"why": why, "factor": PASSWORD})).await.code(),
            "bad_reason"
        );
    }
    let body = json!({"why": "asked for by the police", "factor": PASSWORD});
    assert_eq!(ann.api("POST", &freeze, body.clone()).await.status, 204);
    assert_eq!(ann.api("POST", &freeze, body.clone()).await.code(), "unchanged");
    assert_eq!(eve.get(&format!("/keys/{key}")).await.status, 401, "her sessions have ended");
    let eve = eve.sign_in_again().await;
    let shown = eve.get(&format!("/keys/{key}")).await.json();
    assert_eq!((&shown["state"], &shown["holds"][0]), (&json!("held"), &json!("the account is frozen")));
    assert_eq!(eve.approved("POST", "/keys", wish("other")).await.code(), "frozen");
    let rotation = json!({"name": "bot 2", "passphrase": "Other-Pass1!"});
    assert_eq!(eve.approved("POST", &format!("/keys/{key}/rotate"), rotation.clone()).await.code(), "frozen");
    let mail = world.mails(&eve.email).await.remove(0);
    assert!(
        mail.contains("An operator froze your account") && !mail.contains("police") && !mail.contains(HOME)
    );
    assert_eq!(both(&ann, &ben, &format!("account.thaw {account}")).await.status, 200);
    assert_eq!(eve.get(&format!("/keys/{key}")).await.json()["state"], "active");
    // The key alone.
    let freeze = format!("/operations/keys/{key}/freeze");
    assert_eq!(ben.api("POST", &freeze, body).await.status, 204);
    assert_eq!(eve.get(&format!("/keys/{key}")).await.json()["state"], "frozen");
    assert_eq!(eve.approved("POST", &format!("/keys/{key}/rotate"), rotation).await.code(), "frozen");
    assert_eq!(both(&ben, &ann, &format!("key.thaw {key}")).await.status, 200);
    assert_eq!(eve.get(&format!("/keys/{key}")).await.json()["state"], "active");
    assert_eq!(propose(&ben, &format!("key.thaw {key}")).await.code(), "unchanged");
}

#[tokio::test]
async fn a_lost_factor_is_removed_by_two_and_everything_rests() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let eve = world.person("eve@keyward.example").await;
    let (key, account) = (eve.key("bot").await["api_key"].as_str().unwrap().to_owned(), id_of(&eve).await);
    assert_eq!(eve.add(&mut crate::device::Device::new(), "Phone", &eve.totp()).await.status, 201);
    assert_eq!(both(&ann, &ben, &format!("account.factors.reset {account}")).await.status, 200);
    assert_eq!(eve.get("/account").await.status, 401, "sessions ended");
    let body = json!({"email": eve.email, "password": PASSWORD});
    let signed_in = world.api(HOME, "", "POST", "/session", &body).await;
    assert_eq!(signed_in.json()["next"], "done");
    let eve = Person { token: signed_in.field("token"), ..eve };
    assert_eq!(eve.get("/account/passkeys").await.json(), json!([]));
    assert_eq!(eve.get(&format!("/keys/{key}")).await.json()["state"], "held");
    assert_eq!(eve.approved("POST", "/keys", wish("other")).await.code(), "two_factor_off");
}

#[tokio::test]
async fn policies_tighten_at_once_and_loosen_by_proposal() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let eve = world.person("eve@keyward.example").await;
    let set = |value: &str| json!({"value": value, "factor": PASSWORD});
    let path = |name: &str| format!("/operations/policies/{name}");
    assert_eq!(ann.api("PUT", &path("max_key_age_days"), set("90")).await.status, 204);
    assert_eq!(ann.api("PUT", &path("max_key_age_days"), set("90")).await.code(), "unchanged");
    assert_eq!(ann.api("PUT", &path("max_key_age_days"), set("91")).await.code(), "other_way");
    assert_eq!(ann.api("PUT", &path("operators_needed"), set("3")).await.code(), "too_few_operators");
    for (name, value) in
        [("operators_needed", "0"), ("max_key_age_days", "0"), ("MAX_KEY_AGE_DAYS", "1"), ("x", "1")]
    {
        assert_eq!(ann.api("PUT", &path(name), set(value)).await.code(), "bad_policy", "{name} {value}");
    }
    let made = eve.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let ends = eve.get(&format!("/keys/{made}")).await.json()["ends_at_ms"].as_u64().unwrap();
    assert!(ends <= world.now().unix_ms() + 90 * 86_400_000);
    let unbound = json!({
        "name": "w", "permissions": ["read", "withdraw"], "passphrase": "Unbound-Pass1!", "from": {"reach": "anywhere"}
    });
    assert_eq!(eve.approved("POST", "/keys", unbound.clone()).await.code(), "key_refused");
    assert_eq!(both(&ann, &ben, "policy.loosen withdraw_needs_addresses false").await.status, 200);
    assert_eq!(eve.approved("POST", "/keys", unbound).await.status, 201);
    let policies = ben.get("/operations/policies").await.json();
    let named = |name: &str| {
        policies.as_array().unwrap().iter().find(|policy| policy["name"] == name).unwrap().clone()
    };
    assert_eq!(named("withdraw_needs_addresses")["source"], "console");
    assert_eq!(named("desktop_browser_for_keys")["source"], "default");
    assert_eq!(propose(&ann, "policy.loosen max_key_age_days 30").await.code(), "other_way");
    // A policy that was altered in the store is an error, and not a lenient default.
    file(&world).execute_batch("UPDATE policies SET value = 'none' WHERE name = 'max_key_age_days'").unwrap();
    assert_eq!(eve.approved("POST", "/keys", wish("after")).await.status, 503);
}

#[tokio::test]
async fn a_role_goes_with_the_second_factor() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let off = ann.approved("DELETE", "/account/authenticator", json!({})).await;
    assert_eq!(off.code(), "other_way", "not by its holder");
    let change = format!("account.factors.reset {}", id_of(&ben).await);
    let proposed = propose(&ann, &change).await.json();
    let approved = approve(&ben, &proposed).await;
    assert_eq!(approved.status, 200, "the approval stands, whatever comes of it: {}", approved.text);
    assert_eq!((&approved.json()["standing"], &approved.json()["counting"]), (&json!("open"), &json!(1)));
    assert_eq!(carry_out(&ben, &proposed).await.code(), "too_few_operators", "two stay");
    // With a third one it goes through, and the role goes along.
    let eve = world.person("eve@keyward.example").await;
    assert_eq!(both(&ann, &ben, &format!("role.grant {} operator", id_of(&eve).await)).await.status, 200);
    assert_eq!(carry_out(&ann, &proposed).await.status, 200);
    assert_eq!(ann.get("/operations/staff").await.json().as_array().unwrap().len(), 2);
    let body = json!({"email": ben.email, "password": PASSWORD});
    let token = world.api(HOME, "", "POST", "/session", &body).await.field("token");
    let ben = Person { token, ..ben };
    assert_eq!(ben.get("/operations").await.code(), "no_role");
    // For a day the mailbox alone resets no password.
    let asked = world.api(HOME, "", "POST", "/recoveries", &json!({"email": ben.email})).await;
    let reset = json!({"mail_code": world.code(&ben.email).await, "factor": "", "password": "other-kite-48-fjord-lantern"});
    let path = format!("/recoveries/{}/confirm", asked.field("id"));
    assert_eq!(world.api(HOME, "", "POST", &path, &reset).await.code(), "other_way");
    // A role that stands in the store for somebody without a second factor is none.
    let sealed = "UPDATE people SET totp = NULL, totp_data_key = NULL WHERE account =";
    file(&world).execute_batch(&format!("{sealed} {}", id_of(&eve).await)).unwrap();
    assert_eq!(eve.get("/operations").await.code(), "no_role");
}

#[tokio::test]
async fn an_operator_is_not_made_an_auditor_where_two_must_stay() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let change = format!("role.grant {} auditor", id_of(&ann).await);
    assert_eq!(both(&ann, &ben, &change).await.code(), "too_few_operators");
    assert_eq!(ann.get("/operations").await.json()["set_up_open"], false);
}

#[tokio::test]
async fn an_approval_of_one_freeze_does_not_lift_another() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let eve = world.person("eve@keyward.example").await;
    let account = id_of(&eve).await;
    let path = format!("/operations/accounts/{account}/freeze");
    let body = json!({"why": "first", "factor": PASSWORD});
    assert_eq!(ann.api("POST", &path, body.clone()).await.status, 204);
    let kept = propose(&ann, &format!("account.thaw {account}")).await.json();
    only_approve(&ben, &kept).await;
    // A freeze of another moment, as it is after a thaw by other means.
    file(&world).execute_batch("UPDATE accounts SET frozen_at = NULL WHERE frozen_at IS NOT NULL").unwrap();
    assert_eq!(ann.api("POST", &path, body).await.status, 204);
    assert_eq!(carry_out(&ben, &kept).await.code(), "proposal_changed");
}

#[tokio::test]
async fn nothing_new_is_made_of_a_frozen_key() {
    let world = World::new().await;
    let (ann, _) = two_operators(&world).await;
    let eve = world.person("eve@keyward.example").await;
    let key = eve.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let path = format!("/operations/keys/{key}/freeze");
    assert_eq!(ann.api("POST", &path, json!({"why": "x", "factor": PASSWORD})).await.status, 204);
    let mut replacement = wish("bot 2");
    replacement["replaces"] = key.into();
    assert_eq!(eve.approved("POST", "/keys", replacement).await.code(), "frozen");
}

#[tokio::test]
async fn who_loses_a_role_is_not_told_by_whom_or_from_where() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let eve = world.person("eve@keyward.example").await;
    assert_eq!(both(&ann, &ben, &format!("role.grant {} auditor", id_of(&eve).await)).await.status, 200);
    let path = format!("/operations/staff/{}", id_of(&eve).await);
    assert_eq!(ann.api("DELETE", &path, json!({"factor": PASSWORD})).await.status, 204);
    let mails = world.mails(&eve.email).await;
    let mail = mails.iter().find(|mail| mail.contains("Your role was taken away")).unwrap();
    assert!(!mail.contains(HOME) && !mail.contains(&ann.email));
}

#[tokio::test]
async fn a_search_takes_every_character_as_itself() {
    let world = World::new().await;
    let (ann, _) = two_operators(&world).await;
    let eve = world.person("eve_100@keyward.example").await;
    eve.key("50% off* {{bot}}").await;
    let found = async |path: &str, q: &str| -> usize {
        let mut query = String::new();
        q.bytes().for_each(|byte| query.push_str(&format!("%{byte:02x}")));
        let list = ann.get(&format!("{path}?q={query}")).await;
        assert_eq!(list.status, 200, "{}", list.text);
        let json = list.json();
        json.as_object().unwrap().values().find_map(Value::as_array).unwrap().len()
    };
    for (q, count) in
        [("eve_100", 1), ("eve%", 0), ("%", 0), ("_", 1), ("*", 0), ("keyward", 3), ("EVE", 1), ("'", 0)]
    {
        assert_eq!(found("/operations/accounts", q).await, count, "{q}");
    }
    for (q, count) in
        [("50%", 1), ("%off", 0), ("off*", 1), ("{{bot}}", 1), ("b_t", 0), ("+", 0), ("\\", 0), ("", 1)]
    {
        assert_eq!(found("/operations/keys", q).await, count, "{q}");
    }
}

#[tokio::test]
async fn the_host_replaces_the_master_key_that_two_operators_named() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (old, new) = (MasterKey::new([9; 32]), MasterKey::new([8; 32]));
    let host = || world.authority.context(Actor::Host("ops".to_owned()), world.now());
    let change = format!("master_key.rotate {}", new.id());
    let told = |result: Result<Approvers, ActionError>| result.unwrap_err().to_string();
    assert!(told(rotate_master_key(&host(), &old, &new).await).contains("no operator has proposed"));
    let same = format!("master_key.rotate {}", old.id());
    assert_eq!(propose(&ann, &same).await.code(), "unchanged");
    let proposed = propose(&ann, &change).await;
    assert_eq!(proposed.status, 201, "{}", proposed.text);
    assert!(told(rotate_master_key(&host(), &old, &new).await).contains("0 of 1 approvals"));
    let approved = approve(&ben, &proposed.json()).await;
    assert_eq!((approved.status, &approved.json()["standing"]), (200, &json!("open")), "the host does it");
    assert_eq!(carry_out(&ben, &proposed.json()).await.code(), "at_the_host", "no page has a master key");
    // Another key than the one that was named, and one that does not open the store.
    let other = MasterKey::new([7; 32]);
    assert!(told(rotate_master_key(&host(), &old, &other).await).contains("no operator has proposed"));
    assert!(told(rotate_master_key(&host(), &other, &new).await).contains("at the same time"));
    let done = rotate_master_key(&host(), &old, &new).await.unwrap();
    assert!(matches!(done, Approvers::Operators(_)));
    let shown = ann.get(&format!("/operations/proposals/{}", proposed.field("id"))).await.json();
    assert_eq!(shown["standing"], "done");
    assert!(told(rotate_master_key(&host(), &old, &new).await).contains("no operator has proposed"), "once");
    // The store's own record of it.
    let records = ann.get("/operations/audit?q=master_key.rotate").await.json();
    assert_eq!(records["records"][0]["actor"], "host:ops");
}
