//! The end of a sub-account: what it takes, what it leads to, and what the exchange has to say about it.

use keyward_authority::Settings;
use keyward_authority::duties::{closing_answered, tell_exchange_of_untold};
use keyward_rules::exchange_notice::{ExchangeAnswer, ExchangeNotice, NoticeKind};
use keyward_rules::grant::{Actor, Scope};
use keyward_rules::key::Hold;
use keyward_rules::limits::NOTICES_WAITING_PER_ACCOUNT;
use keyward_rules::policy::Policy;
use keyward_store::{NoticeEnd, NoticeKey};
use serde_json::{Value, json};

use crate::tab::Tab;
use crate::world::{PASSWORD, Person, World};

async fn create(person: &Person<'_>, name: &str, label: &str) -> String {
    let body = json!({"name": name, "label": label, "factor": PASSWORD});
    let made = person.api("POST", "/sub-accounts", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.field("id")
}

async fn join(master: &Person<'_>, member: &Person<'_>, sub: &str) {
    let path = format!("/sub-accounts/{sub}/members");
    assert_eq!(master.approved("POST", &path, json!({"email": member.email})).await.status, 204);
    let accept = format!("/sub-accounts/{sub}/accept");
    assert_eq!(member.api("POST", &accept, json!({"factor": PASSWORD})).await.status, 204);
}

/// A world in which the exchange is told.
async fn telling() -> World {
    let world = World::new().await;
    world.store.exchange_notices().begin(world.now()).await.unwrap();
    world
}

/// What waits for the exchange and can be told now.
async fn due(world: &World) -> Vec<ExchangeNotice> {
    let due = world.store.exchange_notices().due(world.now(), 100).await.unwrap();
    due.into_iter().map(|one| one.notice.unwrap()).collect()
}

/// The exchange takes all that waits; gives what it was told.
async fn take_all(world: &World) -> Vec<(String, NoticeKind)> {
    let mut taken = Vec::new();
    while let Some(notice) = due(world).await.into_iter().next() {
        let notices = world.store.exchange_notices();
        notices.settled(NoticeKey::of(&notice), NoticeEnd::Taken).await.unwrap();
        taken.push((notice.name.as_str().to_owned(), notice.kind));
    }
    taken
}

async fn answers(world: &World, notice: &ExchangeNotice, answer: ExchangeAnswer) {
    let context = world.authority.context(Actor::System("exchange"), world.now());
    closing_answered(&context, notice, &answer).await.unwrap();
}

async fn state(person: &Person<'_>, sub: &str) -> String {
    let listed = person.get("/sub-accounts").await.json();
    let one = listed.as_array().unwrap().iter().find(|one| one["id"] == sub).unwrap().clone();
    one["state"].as_str().unwrap().to_owned()
}

/// State and hold of each key, by name.
async fn keys(world: &World, sub: &str) -> Vec<(String, bool, bool)> {
    let keys = world.store.reader().keys_of(Scope::All, sub.parse().unwrap()).await.unwrap();
    let one = |key: keyward_store::KeyRecord| {
        (key.name.to_string(), key.life.is_over(), key.life.holds.has(Hold::SubAccount))
    };
    let mut all: Vec<_> = keys.into_iter().map(|key| one(key.unwrap())).collect();
    all.sort();
    all
}

fn records(trail: &Value, action: &str) -> Vec<Value> {
    let all = trail["records"].as_array().unwrap();
    all.iter().filter(|record| record["action"] == action).cloned().collect()
}

#[tokio::test]
async fn closing_takes_the_name_a_step_up_and_the_master() {
    let world = World::new().await;
    let master = world.person("a@keyward.example").await;
    let member = world.person("m@keyward.example").await;
    let stranger = world.person("s@keyward.example").await;
    let sub = create(&master, "alpha1", "").await;
    join(&master, &member, &sub).await;
    let close = format!("/sub-accounts/{sub}/close");
    let wrong = master.api("POST", &close, json!({"name": "alpha2"})).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (422, "name_mismatch"));
    let one_factor = json!({"name": "alpha1", "factor": PASSWORD});
    assert_eq!(master.api("POST", &close, one_factor).await.status, 422, "closing takes a step-up");
    let asked = master.api("POST", &close, json!({"name": "alpha1"})).await;
    assert_eq!((asked.status, asked.code().as_str()), (403, "step_up_required"));
    assert!(asked.text.contains("The exchange is not asked here"), "{}", asked.text);
    for who in [&member, &stranger, &member.acting_for(&sub), &master.acting_for(&sub)] {
        let refused = who.api("POST", &close, json!({"name": "alpha1"})).await;
        assert!([403, 404].contains(&refused.status), "{}", refused.text);
        assert_ne!(refused.code(), "step_up_required");
    }
    assert_eq!(state(&master, &sub).await, "active");
}

#[tokio::test]
async fn without_an_exchange_to_tell_it_is_closed_at_once() {
    let world = World::new().await;
    let master = world.person("a@keyward.example").await;
    let member = world.person("m@keyward.example").await;
    let sub = create(&master, "alpha1", "Market maker").await;
    join(&master, &member, &sub).await;
    let invite = format!("/sub-accounts/{sub}/members");
    assert_eq!(master.approved("POST", &invite, json!({"email": "i@keyward.example"})).await.status, 204);
    let key = master.acting_for(&sub).key("bot").await["api_key"].as_str().unwrap().to_owned();
    let own = master.key("main").await["api_key"].as_str().unwrap().to_owned();
    let close = format!("/sub-accounts/{sub}/close");
    let done = master.approved("POST", &close, json!({"name": "alpha1"})).await;
    assert_eq!((done.status, done.field("state").as_str()), (200, "closed"), "{}", done.text);
    // It stays to be seen, and nobody acts for it.
    assert_eq!(state(&master, &sub).await, "closed");
    assert_eq!(keys(&world, &sub).await.iter().map(|key| key.1).collect::<Vec<_>>(), [true]);
    assert_eq!(master.get(&format!("/keys/{own}")).await.field("state"), "active");
    assert_eq!(master.acting_for(&sub).get("/keys").await.code(), "no_sub_account");
    assert_eq!(member.get("/account").await.status, 401, "all sessions of a member end");
    let back = member.sign_in_again().await;
    assert_eq!(back.acting_for(&sub).get("/keys").await.code(), "no_sub_account");
    assert!(world.store.reader().invitations_of(sub.parse().unwrap(), world.now()).await.unwrap().is_empty());
    // One record says what ended.
    let closed = records(&master.get("/trail").await.json(), "sub_account.close");
    let facts = &closed[0]["facts"];
    assert_eq!((&facts["state"], &facts["members"]), (&json!("-> closed"), &json!("- m@keyward.example")));
    let told = world.mails(&master.email).await;
    assert!(told.iter().any(|mail| mail.contains("“alpha1” is closed. Its key is deleted.")), "{told:?}");
    assert!(!key.is_empty());
    // No change, and neither its name nor its label for another one.
    for (method, path, body) in [
        ("POST", "freeze", json!({"factor": PASSWORD})),
        ("PUT", "allowed", json!({"permissions": ["read"], "factor": PASSWORD})),
        ("POST", "close", json!({"name": "alpha1"})),
    ] {
        let refused = master.api(method, &format!("/sub-accounts/{sub}/{path}"), body).await;
        assert_eq!((refused.status, refused.code().as_str()), (409, "sub_account_closed"), "{path}");
    }
    let thawed = master.api("POST", &format!("/sub-accounts/{sub}/thaw"), json!({})).await;
    assert_ne!(thawed.status, 204);
    let named = json!({"name": "alpha1", "factor": PASSWORD});
    assert_eq!(master.api("POST", "/sub-accounts", named).await.code(), "name_taken");
    let labelled = json!({"name": "alpha2", "label": "Market maker", "factor": PASSWORD});
    assert_eq!(master.api("POST", "/sub-accounts", labelled).await.code(), "label_of_closed");
}

#[tokio::test]
async fn the_exchange_decides_and_its_refusal_restores_what_was() {
    let world = telling().await;
    let master = world.person("a@keyward.example").await;
    let member = world.person("m@keyward.example").await;
    let sub = create(&master, "alpha1", "").await;
    join(&master, &member, &sub).await;
    master.acting_for(&sub).key("bot").await;
    assert_eq!(take_all(&world).await, [("alpha1".to_owned(), NoticeKind::Created)]);
    let close = format!("/sub-accounts/{sub}/close");
    let asked = master.approved("POST", &close, json!({"name": "alpha1"})).await;
    assert_eq!((asked.status, asked.field("state").as_str()), (200, "closing"), "{}", asked.text);
    // Its keys are refused at once; members do nothing there; the master looks on and changes nothing.
    assert_eq!(keys(&world, &sub).await, [("bot".to_owned(), false, true)]);
    assert_eq!(member.acting_for(&sub).get("/keys").await.code(), "no_sub_account");
    assert_eq!(master.acting_for(&sub).get("/keys").await.status, 200);
    let freeze = format!("/sub-accounts/{sub}/freeze");
    assert_eq!(master.api("POST", &freeze, json!({"factor": PASSWORD})).await.code(), "sub_account_closing");
    let wish = crate::world::wish("more");
    assert_eq!(master.acting_for(&sub).approved("POST", "/keys", wish).await.code(), "sub_account_closing");
    // Balances: as before, and the master hears why.
    let [notice] = due(&world).await.try_into().unwrap();
    assert_eq!(notice.kind, NoticeKind::Closing);
    answers(&world, &notice, ExchangeAnswer::NotTaken("status 500".to_owned())).await;
    assert_eq!(state(&master, &sub).await, "closing", "anything else changes nothing");
    answers(&world, &notice, ExchangeAnswer::HasBalances).await;
    assert_eq!(state(&master, &sub).await, "active");
    assert_eq!(keys(&world, &sub).await, [("bot".to_owned(), false, false)]);
    assert_eq!(member.acting_for(&sub).get("/keys").await.status, 200);
    let told = world.mails(&master.email).await;
    let why = "The exchange did not close “alpha1”: it still has funds.";
    assert!(told.iter().any(|mail| mail.contains(why)), "{told:?}");
    let kept = records(&master.get("/trail").await.json(), "sub_account.not_closed");
    assert_eq!(kept[0]["facts"]["why"], "it has balances", "{kept:?}");
    // A second answer to the same notice does nothing.
    answers(&world, &notice, ExchangeAnswer::Taken).await;
    assert_eq!(state(&master, &sub).await, "active");
    // Asked again, and closed.
    assert_eq!(master.approved("POST", &close, json!({"name": "alpha1"})).await.status, 200);
    let [again] = due(&world).await.try_into().unwrap();
    assert!(again.number > notice.number, "a notice of its own");
    answers(&world, &again, ExchangeAnswer::Taken).await;
    assert_eq!(state(&master, &sub).await, "closed");
    assert_eq!(keys(&world, &sub).await.iter().map(|key| key.1).collect::<Vec<_>>(), [true]);
    assert_eq!(member.get("/account").await.status, 401);
    let trail = master.get("/trail").await.json();
    assert_eq!(records(&trail, "sub_account.closed").len(), 1, "{trail}");
}

#[tokio::test]
async fn a_frozen_one_that_is_not_closed_stays_frozen() {
    let world = telling().await;
    let master = world.person("a@keyward.example").await;
    let sub = create(&master, "alpha1", "").await;
    master.acting_for(&sub).key("bot").await;
    let freeze = format!("/sub-accounts/{sub}/freeze");
    assert_eq!(master.api("POST", &freeze, json!({"factor": PASSWORD})).await.status, 204);
    let close = format!("/sub-accounts/{sub}/close");
    assert_eq!(master.approved("POST", &close, json!({"name": "alpha1"})).await.status, 200);
    let told: Vec<_> = take_two(&world).await;
    assert_eq!(told, [NoticeKind::Created, NoticeKind::Frozen]);
    let [notice] = due(&world).await.try_into().unwrap();
    answers(&world, &notice, ExchangeAnswer::HasBalances).await;
    assert_eq!(state(&master, &sub).await, "frozen");
    assert_eq!(keys(&world, &sub).await, [("bot".to_owned(), false, true)]);
}

/// The exchange takes what waits before a closing.
async fn take_two(world: &World) -> Vec<NoticeKind> {
    let mut taken = Vec::new();
    for _ in 0..2 {
        let [notice] = due(world).await.try_into().unwrap();
        world.store.exchange_notices().settled(NoticeKey::of(&notice), NoticeEnd::Taken).await.unwrap();
        taken.push(notice.kind);
    }
    taken
}

/// What was made while nobody was told is told later, once.
#[tokio::test]
async fn what_the_exchange_was_never_told_is_found() {
    let world = World::new().await;
    let master = world.person("a@keyward.example").await;
    let sub = create(&master, "alpha1", "").await;
    create(&master, "alpha2", "").await;
    let freeze = format!("/sub-accounts/{sub}/freeze");
    assert_eq!(master.api("POST", &freeze, json!({"factor": PASSWORD})).await.status, 204);
    assert_eq!(due(&world).await, []);
    let notices = world.store.exchange_notices();
    notices.begin(world.now()).await.unwrap();
    let search = async || {
        let context = world.authority.context(Actor::System("exchange"), world.now());
        let mut after = None;
        loop {
            after = tell_exchange_of_untold(&context, after).await.unwrap();
            if after.is_none() {
                break;
            }
        }
    };
    search().await;
    search().await;
    let mut told = take_all(&world).await;
    told.sort_by_key(|(name, _)| name.clone());
    let of = |name: &str, kind| (name.to_owned(), kind);
    assert_eq!(
        told,
        [
            of("alpha1", NoticeKind::Created),
            of("alpha1", NoticeKind::Frozen),
            of("alpha2", NoticeKind::Created)
        ]
    );
}

/// A full outbox stops no freeze: that is told later. What nobody could be told of later is refused.
#[tokio::test]
async fn what_waits_for_the_exchange_is_bounded() {
    let world = telling().await;
    let master = world.person("a@keyward.example").await;
    let sub = create(&master, "alpha1", "").await;
    let file = rusqlite::Connection::open(world.folder.join("keyward.db")).unwrap();
    let more = "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) \
        INSERT INTO exchange_notices SELECT master, i, sub_account, name, kind, frozen, at, state, tries, due_at, data_key, seal \
        FROM exchange_notices, n WHERE number = 1";
    file.execute(more, [NOTICES_WAITING_PER_ACCOUNT]).unwrap();
    let waiting = || async { world.store.exchange_notices().waiting().await.unwrap().count };
    let full = u64::try_from(NOTICES_WAITING_PER_ACCOUNT).unwrap();
    assert_eq!(waiting().await, full);
    let close = format!("/sub-accounts/{sub}/close");
    let refused = master.approved("POST", &close, json!({"name": "alpha1"})).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "exchange_behind"), "{}", refused.text);
    assert_eq!(state(&master, &sub).await, "active", "nothing of it was done");
    let freeze = format!("/sub-accounts/{sub}/freeze");
    assert_eq!(master.api("POST", &freeze, json!({"factor": PASSWORD})).await.status, 204);
    assert_eq!(waiting().await, full);
    // Notices that somebody copied are never sent.
    let due = world.store.exchange_notices().due(world.now(), 10).await.unwrap();
    assert!(due[0].notice.is_some());
    world.store.exchange_notices().settled(due[0].key, NoticeEnd::Taken).await.unwrap();
    let due = world.store.exchange_notices().due(world.now(), 10).await.unwrap();
    assert!(due[0].notice.is_none(), "its seal is of another one");
    // Once there is room, the freeze is told.
    file.execute("DELETE FROM exchange_notices WHERE state = 'waiting'", []).unwrap();
    let context = world.authority.context(Actor::System("exchange"), world.now());
    tell_exchange_of_untold(&context, None).await.unwrap();
    assert_eq!(take_all(&world).await, [("alpha1".to_owned(), NoticeKind::Frozen)]);
}

#[tokio::test]
async fn the_page_asks_for_the_name_and_shows_how_it_stands() {
    // The browser is a new device, which may not close anything at first: see `new_device`.
    let policy = Policy { new_device_hours: None, ..Policy::default() };
    let world = World::under(Settings { policy, ..Settings::default() }).await;
    world.store.exchange_notices().begin(world.now()).await.unwrap();
    let master = world.person("a@keyward.example").await;
    let sub = create(&master, "alpha1", "").await;
    take_all(&world).await;
    let mut tab = Tab::of(&world, &master).await;
    let page = format!("/sub-accounts/{sub}");
    let close = format!("{page}/close");
    assert!(tab.get(&page).await.text.contains(&format!("href=\"{close}\"")));
    let form = tab.get(&close).await.text;
    assert!(form.contains("To go on, type its name") && form.contains("Close this sub-account?"), "{form}");
    let wrong = tab.post(&close, &[("name", "alpha2")]).await.text;
    assert!(wrong.contains("exact name"), "{wrong}");
    tab.switch(&sub).await;
    tab.switch("").await;
    assert_eq!(tab.stepped_up(&close, &[("name", "alpha1")]).await.status, 303);
    let shown = tab.get(&page).await.text;
    assert!(shown.contains("Being closed since") && !shown.contains(&close), "{shown}");
    assert!(tab.get("/sub-accounts").await.text.contains(">closing<"));
    // A tab that acts for it goes on with the user's own account once it is closed.
    tab.switch(&sub).await;
    let [notice] = due(&world).await.try_into().unwrap();
    answers(&world, &notice, ExchangeAnswer::Taken).await;
    let keys = tab.get("/keys").await;
    assert!(!keys.text.contains("Sub-account alpha1"), "{}", keys.text);
    let shown = tab.get(&page).await.text;
    assert!(shown.contains("Closed on") && !shown.contains("Invite a member"), "{shown}");
    assert!(tab.get("/sub-accounts").await.text.contains(">closed<"));
    let trail = tab.get("/trail").await.text;
    assert!(trail.contains("asked for the sub-account"), "{trail}");
}
