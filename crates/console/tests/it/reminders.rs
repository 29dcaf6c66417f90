//! What the clock brings: warnings before the sweep, the sweep, the reminder to rotate (product.md 3.2).

use keyward_authority::duties::{end_overlaps, remind_holders, sweep_keys};
use keyward_rules::grant::Actor;
use keyward_rules::id::{AccountId, RequestId};
use keyward_store::Record;
use serde_json::{Value, json};

use crate::world::{PASSWORD, Person, World, wish};

async fn remind(world: &World) -> usize {
    remind_holders(&world.authority.context(Actor::System("sweep"), world.now())).await.unwrap()
}

#[tokio::test]
async fn an_idle_unbound_key_is_warned_of_7_3_and_1_days_before_and_then_deleted() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let mut body = wish("loose");
    body["from"] = json!({"reach": "anywhere"});
    person.approved("POST", "/keys", body).await;
    person.key("bound").await;
    world.pass_days(22);
    assert_eq!(remind(&world).await, 0);
    for (days, words) in [(1, "within 7 days"), (4, "within 3 days"), (2, "within 1 day")] {
        world.pass_days(days);
        assert_eq!(remind(&world).await, 1, "{words}");
        assert_eq!(remind(&world).await, 0, "once");
        let mail = world.mails(&person.email).await.remove(0);
        assert!(
            mail.contains(words) && mail.contains("bind it to addresses") && mail.contains("loose"),
            "{mail}"
        );
    }
    world.pass_days(1);
    let swept = sweep_keys(&world.authority.context(Actor::System("sweep"), world.now())).await.unwrap();
    assert_eq!(swept.len(), 1, "the bound key stays");
    let mail = world.mails(&person.email).await.remove(0);
    assert!(mail.contains("An API key has ended") && mail.contains("30 days"), "{mail}");
}

fn anywhere() -> Value {
    json!({"reach": "anywhere"})
}

fn wide() -> Value {
    json!({"reach": "addresses", "addresses": ["0.0.0.0/0"], "acknowledge_wide": true})
}

fn bound() -> Value {
    json!({"reach": "addresses", "addresses": ["127.0.0.1", "192.0.2.0/24"]})
}

/// Changes where a key works from, by whatever proof that takes.
async fn rebind(person: &Person<'_>, key: &str, name: &str, from: Value) {
    let body = json!({"name": name, "from": from, "factor": PASSWORD});
    let changed = person.approved("PUT", &format!("/keys/{key}/addresses"), body).await;
    assert_eq!(changed.status, 200, "{name}: {}", changed.text);
}

/// From when the 30 days of a key count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Since {
    Made,
    Changed,
    Never,
}

/// What is done to keys after 20 days in which nobody used them.
#[tokio::test]
async fn unbinding_begins_the_30_days_anew_and_nothing_else_does() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    let cases: [(&str, Value, Option<Value>, Since); 14] = [
        ("kept", anywhere(), None, Since::Made),
        ("kept wide", wide(), None, Since::Made),
        ("renamed", anywhere(), None, Since::Made),
        ("tagged", anywhere(), None, Since::Made),
        ("disabled", anywhere(), None, Since::Made),
        ("enabled", anywhere(), None, Since::Made),
        ("widened", wide(), Some(anywhere()), Since::Made),
        ("narrower", anywhere(), Some(wide()), Since::Made),
        ("unbound", bound(), Some(anywhere()), Since::Changed),
        ("set wide", bound(), Some(wide()), Since::Changed),
        ("twice", anywhere(), Some(bound()), Since::Changed),
        ("narrowed", bound(), Some(json!({"reach": "addresses", "addresses": ["127.0.0.1"]})), Since::Never),
        ("more", bound(), Some(json!({"reach": "addresses", "addresses": ["10.0.0.0/8"]})), Since::Never),
        ("binding", anywhere(), Some(bound()), Since::Never),
    ];
    let mut keys = Vec::new();
    for (at, (name, from, ..)) in cases.iter().enumerate() {
        if at % 9 == 0 {
            world.pass_ms(3_600_000);
            person = person.sign_in_again().await;
        }
        let mut body = wish(name);
        body["from"] = from.clone();
        keys.push(person.approved("POST", "/keys", body).await.field("api_key"));
    }
    world.pass_days(20);
    person = person.sign_in_again().await;
    let path = |name: &str| {
        let at = cases.iter().position(|case| case.0 == name).unwrap();
        format!("/keys/{}", keys[at])
    };
    let edited = |name: &str, tags: Value| json!({"name": name, "tags": tags});
    assert_eq!(person.api("PATCH", &path("renamed"), edited("other", json!([]))).await.status, 200);
    assert_eq!(person.api("PATCH", &path("tagged"), edited("tagged", json!(["arb"]))).await.status, 200);
    for name in ["disabled", "enabled"] {
        let body = json!({"name": name, "factor": PASSWORD});
        assert_eq!(person.api("POST", &format!("{}/disable", path(name)), body).await.status, 200);
    }
    let enabled = person.approved("POST", &format!("{}/enable", path("enabled")), json!({})).await;
    assert_eq!(enabled.status, 200, "{}", enabled.text);
    for ((name, _, to, _), key) in cases.iter().zip(&keys) {
        if let Some(to) = to {
            rebind(&person, key, name, to.clone()).await;
        }
    }
    rebind(&person, &keys[10], "twice", anywhere()).await;
    for ((name, _, _, since), key) in cases.iter().zip(&keys) {
        let shown = person.get(&format!("/keys/{key}")).await.json();
        let ends_ms = shown["ends_at_ms"].as_u64();
        let after = |from: &str| Some(shown[from].as_u64().unwrap() + 30 * 86_400_000);
        let wanted = match since {
            Since::Made => after("created_at_ms"),
            Since::Changed => after("changed_at_ms"),
            Since::Never => None,
        };
        assert_eq!(ends_ms, wanted, "{name} {since:?}: {shown}");
    }
    // By then the sweep ends those whose days began with their making.
    world.pass_days(11);
    let swept = sweep_keys(&world.authority.context(Actor::System("sweep"), world.now())).await.unwrap();
    let mut swept: Vec<String> = swept.iter().map(|one| one.key.to_string()).collect();
    let made = cases.iter().zip(&keys).filter(|(case, _)| case.3 == Since::Made);
    let mut wanted: Vec<String> = made.map(|(_, key)| key.clone()).collect();
    swept.sort();
    wanted.sort();
    assert_eq!(swept, wanted);
}

#[tokio::test]
async fn a_long_bound_key_that_is_unbound_is_warned_of_and_lives_another_30_days() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let mut keys = Vec::new();
    for (name, to) in [("loose", anywhere()), ("wide", wide())] {
        let mut body = wish(name);
        body["from"] = bound();
        keys.push((person.approved("POST", "/keys", body).await.field("api_key"), name, to));
    }
    world.pass_days(40);
    let person = person.sign_in_again().await;
    for (key, name, to) in keys {
        rebind(&person, &key, name, to).await;
    }
    let swept = async || {
        sweep_keys(&world.authority.context(Actor::System("sweep"), world.now())).await.unwrap().len()
    };
    assert_eq!((swept().await, remind(&world).await), (0, 0), "not at once");
    world.pass_days(22);
    assert_eq!((swept().await, remind(&world).await), (0, 0));
    for (days, words) in [(1, "within 7 days"), (4, "within 3 days"), (2, "within 1 day")] {
        world.pass_days(days);
        assert_eq!((swept().await, remind(&world).await), (0, 2), "{words}");
        assert!(world.mails(&person.email).await.remove(0).contains(words), "{words}");
    }
    world.pass_days(1);
    assert_eq!(swept().await, 2);
}

#[tokio::test]
async fn a_rotation_is_suggested_at_90_days() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    person.key("bound").await;
    world.pass_days(89);
    assert_eq!(remind(&world).await, 0);
    world.pass_days(1);
    assert_eq!((remind(&world).await, remind(&world).await), (1, 0));
    assert!(world.mails(&person.email).await.remove(0).contains("due for rotation"));
}

#[tokio::test]
async fn an_overlap_ends_early_once_the_successor_does_the_work_everywhere() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let old = person.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let body = json!({"name": "bot 2", "passphrase": "Other-Pass1!"});
    let next = person.approved("POST", &format!("/keys/{old}/rotate"), body).await.field("api_key");
    let used = |key: &str, from: &str| {
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
        let (journal, now) = (world.store.journal(), world.now());
        async move {
            journal.writer().unwrap().append(&[], &[], &[record]).await.unwrap();
            journal.roll_up(now).await.unwrap();
        }
    };
    let ended = || async {
        end_overlaps(&world.authority.context(Actor::System("sweep"), world.now())).await.unwrap().len()
    };
    used(&old, "127.0.0.1").await;
    used(&old, "::1").await;
    world.pass_ms(1_000);
    used(&next, "127.0.0.1").await;
    world.pass_ms(3_660_000);
    assert_eq!(ended().await, 0, "one address still has the old key");
    used(&next, "::1").await;
    let mut person = person.clone();
    person.token = person.sign_in(crate::world::PASSWORD, Some(&person.device)).await.field("token");
    let activity = person.get(&format!("/keys/{old}/activity")).await.json();
    assert_eq!(activity["sources"].as_array().unwrap().len(), 2, "the page shows from where");
    assert_eq!(activity["requests"].as_array().unwrap().len(), 2);
    assert_eq!(ended().await, 1);
    assert_eq!(ended().await, 0);
    assert_eq!(person.get(&format!("/keys/{old}")).await.json()["state"], "expired");
    assert!(world.mails(&person.email).await.remove(0).contains("Its successor was used from every address"));
}
