//! Rotation (product.md 3.2): what a successor takes over, what is said of it, and what holds once it is gone.

use keyward_authority::Settings;
use keyward_authority::duties::{end_overlaps, remind_holders};
use keyward_rules::grant::Actor;
use keyward_rules::id::{AccountId, RequestId};
use keyward_rules::key::KeyPolicy;
use keyward_rules::policy::Policy;
use keyward_store::Record;
use serde_json::{Value, json};

use crate::apps::{in_force, verified};
use crate::doors::form;
use crate::operators::two_operators;
use crate::tab::Tab;
use crate::world::{HOME, PASSWORD, Person, Reply, World, wish};

const DAY_MS: u64 = 86_400_000;
const SAID: &str = "The key is disabled; its successor is active";

/// A key that ends after so many days, or does not.
async fn ending_key(person: &Person<'_>, name: &str, days: Option<u64>) -> String {
    let mut body = wish(name);
    body["ends_after_days"] = json!(days);
    person.approved("POST", "/keys", body).await.field("api_key")
}

fn next(name: &str) -> Value {
    next_for(name, 24)
}

fn next_for(name: &str, hours: u64) -> Value {
    json!({"name": name, "overlap_hours": hours, "passphrase": wish(name)["passphrase"]})
}

async fn rotated(person: &Person<'_>, key: &str, name: &str) -> Reply {
    person.approved("POST", &format!("/keys/{key}/rotate"), next(name)).await
}

async fn shown(person: &Person<'_>, key: &str) -> Value {
    person.get(&format!("/keys/{key}")).await.json()
}

async fn end(person: &Person<'_>, key: &str) -> Option<u64> {
    shown(person, key).await["ends_at_ms"].as_u64()
}

async fn tightened(person: &Person<'_>, method: &str, path: &str, name: &str) -> Reply {
    person.api(method, path, json!({"name": name, "factor": PASSWORD})).await
}

async fn delete(person: &Person<'_>, key: &str, name: &str) {
    assert_eq!(tightened(person, "DELETE", &format!("/keys/{key}"), name).await.status, 200);
}

async fn disable(person: &Person<'_>, key: &str, name: &str) {
    assert_eq!(tightened(person, "POST", &format!("/keys/{key}/disable"), name).await.status, 200);
}

/// Another hour, with its ten codes, in a new session.
async fn an_hour_later<'w>(person: &Person<'w>) -> Person<'w> {
    person.world.pass_ms(3_600_000);
    person.sign_in_again().await
}

#[tokio::test]
async fn a_successor_keeps_the_end_that_its_holder_gave() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    let all = [
        Some(1),
        Some(2),
        Some(6),
        Some(7),
        Some(8),
        Some(30),
        Some(31),
        Some(90),
        Some(365),
        Some(3650),
        None,
    ];
    for (at, days) in all.into_iter().enumerate() {
        if at % 3 == 0 {
            person = an_hour_later(&person).await;
        }
        let old = ending_key(&person, &format!("bot {at}"), days).await;
        let before = end(&person, &old).await;
        assert_eq!(before.is_some(), days.is_some());
        let asked = person.api("POST", &format!("/keys/{old}/rotate"), next(&format!("bot {at} 2"))).await;
        assert_eq!(asked.json()["approves"].to_string().contains("The successor ends at"), days.is_some());
        let path = format!("/keys/{old}/rotate");
        let made =
            person.answer("POST", &path, next(&format!("bot {at} 2")), &asked.field("challenge")).await;
        assert_eq!(made.status, 201, "{days:?}: {}", made.text);
        assert_eq!(end(&person, &made.field("api_key")).await, before, "{days:?}");
        assert!(end(&person, &old).await.unwrap() <= world.now().unix_ms() + DAY_MS, "the overlap");
    }
}

#[tokio::test]
async fn the_end_goes_from_successor_to_successor_and_a_past_one_is_over() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    let mut key = ending_key(&person, "bot", Some(3)).await;
    let wanted = end(&person, &key).await;
    for number in 2..5 {
        key = rotated(&person, &key, &format!("bot {number}")).await.field("api_key");
        assert_eq!(end(&person, &key).await, wanted, "{number}");
    }
    // The overlap is no longer than the key's own life.
    world.pass_days(2);
    world.pass_ms(12 * 3_600_000);
    person = person.sign_in_again().await;
    let path = format!("/keys/{key}/rotate");
    let last = person.approved("POST", &path, next_for("bot 5", 168)).await.field("api_key");
    assert_eq!((end(&person, &key).await, end(&person, &last).await), (wanted, wanted));
    world.pass_ms(30 * 3_600_000);
    person = person.sign_in_again().await;
    assert_eq!(shown(&person, &last).await["state"], "expired", "before the sweep finds it");
    let refused = person.api("POST", &format!("/keys/{last}/rotate"), next("bot 6")).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "key_ended"));
    assert!(refused.text.contains("has expired and cannot be used again"), "{}", refused.text);
}

#[tokio::test]
async fn a_policys_end_is_renewed_and_of_two_ends_the_earlier_counts() {
    let world = World::new().await;
    let keys = KeyPolicy { max_age_days: Some(30), ..KeyPolicy::default() };
    let rules = Settings { policy: Policy { keys, ..Policy::default() }, ..Settings::default() };
    let ruled = world.ruled(rules).await;
    let mut person = ruled.person("a@keyward.example").await;
    let (free, own) = (person.key("free").await, ending_key(&person, "own", Some(45)).await);
    let free = free["api_key"].as_str().unwrap().to_owned();
    let made_ms = end(&person, &free).await.unwrap() - 30 * DAY_MS;
    assert!(end(&person, &own).await.unwrap() < made_ms + 31 * DAY_MS, "the policy's is earlier");
    ruled.pass_days(10);
    person = person.sign_in_again().await;
    let renewed = rotated(&person, &free, "free 2").await.field("api_key");
    let left_ms = end(&person, &renewed).await.unwrap() - ruled.now().unix_ms();
    assert!((29 * DAY_MS..=30 * DAY_MS).contains(&left_ms), "another 30 days: {left_ms}");
    let second = rotated(&person, &own, "own 2").await.field("api_key");
    let left_ms = end(&person, &second).await.unwrap() - ruled.now().unix_ms();
    assert!((29 * DAY_MS..=30 * DAY_MS).contains(&left_ms), "the policy's once more: {left_ms}");
    ruled.pass_days(20);
    person = person.sign_in_again().await;
    let third = rotated(&person, &second, "own 3").await.field("api_key");
    let end_ms = end(&person, &third).await.unwrap();
    assert!(
        (made_ms + 45 * DAY_MS..made_ms + 47 * DAY_MS).contains(&end_ms),
        "its own, which is earlier now"
    );
    assert_eq!(end_ms % DAY_MS, 0);
    std::mem::forget(ruled);
}

#[tokio::test]
async fn that_a_disabled_keys_successor_is_active_is_said_wherever_it_is_approved() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    let key = person.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let path = format!("/keys/{key}/rotate");
    assert!(!tab.get(&path).await.text.contains(SAID));
    let early = person.api("POST", &path, next("bot 2")).await;
    assert!(!early.text.contains(SAID) && early.text.contains("Both work until"), "{}", early.text);
    assert!(!world.mails(&person.email).await.remove(0).contains(SAID));
    disable(&person, &key, "bot").await;
    let stale = person.answer("POST", &path, next("bot 2"), &early.field("challenge")).await;
    assert_eq!(stale.code(), "challenge_for_something_else", "what was approved was another key");
    assert!(tab.get(&path).await.text.contains(SAID));
    let asked = person.api("POST", &path, next("bot 2")).await;
    assert!(asked.json()["approves"].to_string().contains(SAID), "{}", asked.text);
    assert!(!asked.text.contains("Both work"), "{}", asked.text);
    assert!(world.mails(&person.email).await.remove(0).contains(SAID));
    let made = person.answer("POST", &path, next("bot 2"), &asked.field("challenge")).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert!(world.mails(&person.email).await.remove(0).contains(SAID), "the alert");
    assert_eq!(shown(&person, &key).await["state"], "disabled");
    assert_eq!(shown(&person, &made.field("api_key")).await["state"], "active");
    assert!(person.get("/trail").await.text.contains("predecessor_state"));
}

/// What disables a key, each in its own way.
const DISABLING: [&str; 4] = ["disable", "leaked", "disable-all", "the link of a mail"];

async fn disable_by(way: &str, person: &Person<'_>, key: &str, name: &str) {
    let done = match way {
        "disable-all" => person.api("POST", "/keys/disable-all", json!({"factor": PASSWORD})).await,
        "the link of a mail" => {
            let mail = person.world.mails(&person.email).await.remove(0);
            let link = mail.split("https://keys.example").nth(1).unwrap().split_whitespace().next().unwrap();
            person.world.send(HOME, form(link, "", &[("sec-fetch-site", "same-origin")], "")).await
        }
        _ => tightened(person, "POST", &format!("/keys/{key}/{way}"), name).await,
    };
    assert_eq!(done.status, 200, "{way}: {}", done.text);
    assert_eq!(shown(person, key).await["state"], "disabled", "{way}");
}

#[tokio::test]
async fn that_the_successor_is_active_is_said_whatever_disabled_the_key() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    for (number, way) in DISABLING.into_iter().enumerate() {
        person = an_hour_later(&person).await;
        let tab = Tab::of(&world, &person).await;
        let (name, after) = (format!("bot {number}"), format!("bot {number} next"));
        let key = person.key(&name).await["api_key"].as_str().unwrap().to_owned();
        let path = format!("/keys/{key}/rotate");
        assert!(!tab.get(&path).await.text.contains(SAID), "{way}");
        disable_by(way, &person, &key, &name).await;
        assert!(tab.get(&path).await.text.contains(SAID), "{way}");
        let asked = person.api("POST", &path, next(&after)).await;
        assert!(asked.json()["approves"].to_string().contains(SAID), "{way}: {}", asked.text);
        assert!(world.mails(&person.email).await.remove(0).contains(SAID), "{way}: the mail of the code");
        let made = person.answer("POST", &path, next(&after), &asked.field("challenge")).await;
        assert_eq!(made.status, 201, "{way}: {}", made.text);
        assert!(world.mails(&person.email).await.remove(0).contains(SAID), "{way}: the alert");
        let successor = made.field("api_key");
        let states =
            [shown(&person, &key).await["state"].clone(), shown(&person, &successor).await["state"].clone()];
        assert_eq!(states, [json!("disabled"), json!("active")], "{way}");
        // The successor works, so of its own rotation nothing is said.
        let again = person.api("POST", &format!("/keys/{successor}/rotate"), next("last")).await;
        assert_eq!(again.code(), "step_up_required", "{way}: {}", again.text);
        assert!(!again.text.contains(SAID), "{way}: {}", again.text);
    }
}

/// A plain key with some members changed; null leaves one out.
fn shaped(name: &str, changes: &Value) -> Value {
    let mut body = wish(name);
    for (member, value) in changes.as_object().unwrap() {
        body[member] = value.clone();
    }
    body
}

/// What a successor takes over, as the API shows it.
const KEPT: [&str; 9] =
    ["permissions", "from", "bound", "purpose", "app", "environment", "rate_cap", "tags", "ends_by"];

#[tokio::test]
async fn a_successor_takes_over_whatever_its_predecessor_was() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let bob = world.person("bob@broker.example").await;
    let app = verified((&ann, &ben), &bob, "Trade Pal").await;
    in_force((&ann, &ben), &bob, (&app, "203.0.113.0/24"), 0).await;
    let mut person = world.person("a@keyward.example").await;
    let only = |list: Value| json!({"reach": "addresses", "addresses": list});
    let twenty: Vec<String> = (0..20).map(|number| format!("192.0.2.{}", number * 2)).collect();
    let all = ["read", "trade", "withdraw", "funding", "manage"];
    let wide = json!({"reach": "addresses", "addresses": ["::/0"], "acknowledge_wide": true});
    let anywhere = json!({"reach": "anywhere"});
    let shapes = [
        json!({"permissions": ["read"]}),
        json!({"permissions": ["trade"], "from": only(json!(["2001:db8::/64"]))}),
        json!({"permissions": ["read", "withdraw"]}),
        json!({"permissions": ["funding"]}),
        json!({"permissions": ["read", "manage"]}),
        json!({"permissions": all, "from": only(json!(["203.0.113.7"]))}),
        json!({"from": anywhere}),
        json!({"from": wide}),
        json!({"from": only(json!(twenty))}),
        json!({"demo": true}),
        json!({"rate_cap": 1}),
        json!({"rate_cap": 1_000, "ends_after_days": 30}),
        json!({"ends_after_days": 3_650}),
        json!({"tags": ["grid", "arb"]}),
        json!({"demo": true, "from": anywhere, "rate_cap": 5, "ends_after_days": 7, "tags": ["x"]}),
        json!({"from": null, "app": app}),
        json!({"from": null, "app": app, "permissions": ["read"], "rate_cap": 20, "ends_after_days": 90}),
    ];
    for (number, shape) in shapes.iter().enumerate() {
        // Each takes two of the ten codes of an hour.
        if number % 4 == 0 {
            person = an_hour_later(&person).await;
        }
        let made = person.approved("POST", "/keys", shaped(&format!("bot {number}"), shape)).await;
        assert_eq!(made.status, 201, "{shape}: {}", made.text);
        let before = shown(&person, &made.field("api_key")).await;
        let after = rotated(&person, &made.field("api_key"), &format!("bot {number} next")).await;
        assert_eq!(after.status, 201, "{shape}: {}", after.text);
        let now = shown(&person, &after.field("api_key")).await;
        for member in KEPT {
            assert_eq!(now[member], before[member], "{shape}: {member}");
        }
        if shape["ends_after_days"].is_u64() {
            assert_eq!(now["ends_at_ms"], before["ends_at_ms"], "{shape}");
        }
        assert_eq!((&now["state"], &now["predecessor"]), (&json!("active"), &before["api_key"]), "{shape}");
        for new in ["api_key", "secret", "passphrase", "name"] {
            assert_ne!(after.field(new), made.field(new), "{shape}: {new}");
        }
    }
}

#[tokio::test]
async fn a_rotation_is_asked_for_nothing_else() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let key = person.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let mails = world.mails(&person.email).await.len();
    for (member, value) in [
        ("permissions", json!(["read", "withdraw"])),
        ("from", json!({"reach": "anywhere"})),
        ("app", json!("1")),
        ("purpose", json!("third_party_app")),
        ("demo", json!(true)),
        ("environment", json!("demo")),
        ("rate_cap", json!(1_000)),
        ("tags", json!(["x"])),
        ("ends_after_days", json!(3_650)),
        ("expires", json!("never")),
        ("replaces", json!(key)),
        ("idempotency_key", json!("one")),
    ] {
        let mut body = next("bot 2");
        body[member] = value;
        let refused = person.api("POST", &format!("/keys/{key}/rotate"), body).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "bad_body"), "{member}");
    }
    assert_eq!(world.mails(&person.email).await.len(), mails, "no code was sent");
    assert_eq!(shown(&person, &key).await["successor"], Value::Null);
}

#[tokio::test]
async fn a_predecessor_counts_again_once_its_successor_is_deleted() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    let mut first = String::new();
    for number in 0..50 {
        if number % 9 == 0 {
            person = an_hour_later(&person).await;
        }
        let key = person.key(&format!("bot {number}")).await;
        if number == 0 {
            key["api_key"].as_str().unwrap().clone_into(&mut first);
        }
    }
    person = an_hour_later(&person).await;
    let refused = async |person: &Person<'_>, name: &str| {
        let refused = person.api("POST", "/keys", wish(name)).await;
        (refused.status, refused.code())
    };
    let full = (409, "too_many_keys".to_owned());
    assert_eq!(refused(&person, "one too many").await, full);
    let successor = rotated(&person, &first, "bot 0 b").await.field("api_key");
    assert_eq!(refused(&person, "one too many").await, full, "the successor has the place");
    let tab = Tab::of(&world, &person).await;
    assert!(tab.get("/keys").await.text.contains("50 of 50"), "{}", tab.get("/keys").await.text);
    delete(&person, &successor, "bot 0 b").await;
    assert_eq!(refused(&person, "one too many").await, full, "the old key has it again");
    // So has it after every further one.
    for number in 0..4 {
        let name = format!("bot 0 c{number}");
        let successor = rotated(&person, &first, &name).await;
        assert_eq!(successor.status, 201, "{number}: {}", successor.text);
        delete(&person, &successor.field("api_key"), &name).await;
        assert_eq!(refused(&person, "one too many").await, full, "{number}");
    }
    // And who deletes it as well has room.
    delete(&person, &first, "bot 0").await;
    person = an_hour_later(&person).await;
    person.key("room again").await;
}

/// A key and its successor.
async fn pair(person: &Person<'_>, name: &str) -> (String, String) {
    let old = person.key(name).await["api_key"].as_str().unwrap().to_owned();
    let new = rotated(person, &old, &format!("{name} 2")).await.field("api_key");
    (old, new)
}

#[tokio::test]
async fn a_successor_that_is_gone_takes_nothing_over() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    let (old, new) = pair(&person, "bot").await;
    let tab = Tab::of(&world, &person).await;
    let page = format!("/keys/{old}");
    let overlap = format!("/keys/{old}/end-overlap");
    let text = tab.get(&page).await.text;
    assert!(text.contains("End the overlap") && !text.contains("successor has ended"), "{text}");
    // A disabled successor is there still.
    disable(&person, &new, "bot 2").await;
    assert_eq!(
        person.api("POST", &format!("/keys/{old}/rotate"), next("bot 3")).await.code(),
        "rotated_already"
    );
    assert_eq!(shown(&person, &old).await["ends_by"], "overlap");
    delete(&person, &new, "bot 2").await;
    let text = tab.get(&page).await.text;
    assert!(!text.contains("End the overlap") && text.contains("successor has ended"), "{text}");
    assert!(text.contains(&format!("{page}/rotate")) && !text.contains("Still used from"), "{text}");
    let view = shown(&person, &old).await;
    assert_eq!((&view["ends_by"], view["successor"].as_str()), (&json!("date"), Some(new.as_str())));
    assert_eq!(tightened(&person, "POST", &overlap, "bot").await.code(), "unchanged");
    assert_eq!(shown(&person, &old).await["state"], "active");
    person = an_hour_later(&person).await;
    let third = rotated(&person, &old, "bot 3").await;
    assert_eq!(third.status, 201, "{}", third.text);
    assert_eq!(shown(&person, &old).await["successor"], third.field("api_key"));
    assert_eq!(
        person.api("POST", &format!("/keys/{old}/rotate"), next("bot 4")).await.code(),
        "rotated_already"
    );
    assert_eq!(tightened(&person, "POST", &overlap, "bot").await.status, 200);
}

#[tokio::test]
async fn a_successor_whose_end_has_come_is_gone_before_the_sweep() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let old = person.key("bot").await["api_key"].as_str().unwrap().to_owned();
    // A policy ends the successor a day later, in the middle of the overlap.
    let keys = KeyPolicy { max_age_days: Some(1), ..KeyPolicy::default() };
    let rules = Settings { policy: Policy { keys, ..Policy::default() }, ..Settings::default() };
    let ruled = world.ruled(rules).await;
    let mut person = Person { world: &ruled, ..person.clone() };
    let path = format!("/keys/{old}/rotate");
    let new = person.approved("POST", &path, next_for("bot 2", 168)).await.field("api_key");
    assert_eq!(shown(&person, &old).await["ends_by"], "overlap");
    ruled.pass_days(1);
    person = person.sign_in_again().await;
    assert_eq!(shown(&person, &new).await["state"], "expired");
    assert_eq!(shown(&person, &old).await["ends_by"], "date");
    let third = person.approved("POST", &path, next_for("bot 3", 1)).await;
    assert_eq!(third.status, 201, "{}", third.text);
    assert_eq!(shown(&person, &old).await["ends_by"], "overlap");
    std::mem::forget(ruled);
}

#[tokio::test]
async fn a_key_whose_successor_is_gone_is_warned_of_and_reminded_again() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    let lone = person.key("lone").await["api_key"].as_str().unwrap().to_owned();
    world.pass_days(89);
    person = person.sign_in_again().await;
    let path = format!("/keys/{lone}/rotate");
    let new = person.approved("POST", &path, next_for("lone 2", 168)).await.field("api_key");
    world.pass_days(1);
    let context = || world.authority.context(Actor::System("sweep"), world.now());
    assert_eq!(remind_holders(&context()).await.unwrap(), 0, "its successor took over");
    person = person.sign_in_again().await;
    delete(&person, &new, "lone 2").await;
    assert_eq!(remind_holders(&context()).await.unwrap(), 2, "its end, and its age");
    assert_eq!(remind_holders(&context()).await.unwrap(), 0, "once");
    let mails = world.mails(&person.email).await.join("\n");
    assert!(mails.contains("It ends within 7 days") && mails.contains("due for rotation"), "{mails}");
}

async fn used(world: &World, key: &str, from: &str) {
    let record = Record {
        at: world.now(),
        request: RequestId(7),
        key: Some(key.parse().unwrap()),
        account: AccountId::from_u64(7),
        source: from.parse().unwrap(),
        method: "GET",
        route: "/api/v5/account/balance",
        code: "0",
        upstream_status: Some(200),
        bytes_in: 0,
        bytes_out: 0,
        micros: 900,
        orders: None,
    };
    let journal = world.store.journal();
    journal.writer().unwrap().append(&[], &[], &[record]).await.unwrap();
    journal.roll_up(world.now()).await.unwrap();
}

#[tokio::test]
async fn no_overlap_ends_early_for_a_successor_that_does_no_work_any_more() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    let (deleted, disabled) = (pair(&person, "deleted").await, pair(&person, "disabled").await);
    let (replaced, works) = (pair(&person, "replaced").await, pair(&person, "works").await);
    for (old, _) in [&deleted, &disabled, &replaced, &works] {
        used(&world, old, "127.0.0.1").await;
    }
    world.pass_ms(1_000);
    for (_, new) in [&deleted, &disabled, &replaced, &works] {
        used(&world, new, "127.0.0.1").await;
    }
    world.pass_ms(3_660_000);
    person = person.sign_in_again().await;
    delete(&person, &deleted.1, "deleted 2").await;
    disable(&person, &disabled.1, "disabled 2").await;
    delete(&person, &replaced.1, "replaced 2").await;
    let unused = rotated(&person, &replaced.0, "replaced 3").await;
    assert_eq!(unused.status, 201, "{}", unused.text);
    let ended = end_overlaps(&world.authority.context(Actor::System("sweep"), world.now())).await.unwrap();
    assert_eq!(ended, [works.0.parse().unwrap()]);
    for ((old, _), state) in
        [(&deleted, "active"), (&disabled, "active"), (&replaced, "active"), (&works, "expired")]
    {
        assert_eq!(shown(&person, old).await["state"], state, "{old}");
    }
    // Enabled again, the successor does the work as before.
    let path = format!("/keys/{}/enable", disabled.1);
    assert_eq!(person.approved("POST", &path, json!({})).await.status, 200);
    let ended = end_overlaps(&world.authority.context(Actor::System("sweep"), world.now())).await.unwrap();
    assert_eq!(ended, [disabled.0.parse().unwrap()]);
}
