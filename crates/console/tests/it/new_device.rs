//! Keys that are made or loosened on a new device only read until the device is known for a day (threat F2).

use keyward_authority::Settings;
use keyward_authority::duties::end_new_devices;
use keyward_rules::grant::{Actor, Scope};
use keyward_rules::key::Hold;
use keyward_rules::policy::Policy;
use serde_json::{Value, json};

use crate::tab::Tab;
use crate::world::{PASSWORD, Person, Reply, World, wish};

const HOURS: u64 = 3_600_000;

/// The same user, on a device that was never seen: with password and factor, as somebody has who phished them.
async fn on_a_new_device<'w>(person: &Person<'w>) -> Person<'w> {
    let signed_in = person.sign_in(PASSWORD, None).await;
    assert_eq!(signed_in.status, 200, "{}", signed_in.text);
    Person {
        token: signed_in.field("token"),
        device: signed_in.field("device"),
        from: "198.51.100.66".to_owned(),
        ..person.clone()
    }
}

async fn shown(person: &Person<'_>, id: &str) -> Value {
    person.get(&format!("/keys/{id}")).await.json()
}

/// From when a key does more than read; `None` for one that is not held.
async fn works_from(person: &Person<'_>, id: &str) -> Option<u64> {
    shown(person, id).await["works_from_ms"].as_u64()
}

async fn end(world: &World) -> usize {
    let context = world.authority.context(Actor::System("sweep"), world.now());
    end_new_devices(&context).await.unwrap()
}

async fn outlook(person: &Person<'_>, id: &str) -> Vec<String> {
    let lines = person.get(&format!("/keys/{id}/outlook?from=127.0.0.1")).await.json();
    let lines = lines.as_array().unwrap_or_else(|| panic!("{lines}")).clone();
    lines.iter().map(|line| format!("{} {}", line["what"], line["code"])).collect()
}

fn code(reply: &Reply) -> (u16, String) {
    (reply.status, reply.code())
}

#[tokio::test]
async fn a_key_of_a_new_device_only_reads_until_the_device_is_a_day_old() {
    let world = World::new().await;
    let owner = world.person("a@keyward.example").await;
    let first = owner.key("first").await["api_key"].as_str().unwrap().to_owned();
    assert_eq!(works_from(&owner, &first).await, None, "the device that the account was made on is not new");

    let thief = on_a_new_device(&owner).await;
    let until = world.now().unix_ms() + 24 * HOURS;
    let asked = thief.api("POST", "/keys", wish("quiet")).await;
    let words = world.mails(&owner.email).await.remove(0);
    assert!(words.contains("This device is new for your account"), "the code's mail says it: {words}");
    let made = thief.answer("POST", "/keys", wish("quiet"), &asked.field("challenge")).await;
    let id = made.field("api_key");
    assert_eq!(made.json()["works_from_ms"], until);
    assert_eq!(works_from(&owner, &id).await, Some(until));
    let key = world.store.reader().key(Scope::All, id.parse().unwrap()).await.unwrap().unwrap();
    assert!(key.life.holds.has(Hold::NewDevice));
    assert_eq!(
        outlook(&owner, &id).await[..3],
        ["\"see balances and orders\" \"0\"", "\"place orders\" \"50120\"", "\"cancel orders\" \"50120\""]
    );
    let mail = world.mails(&owner.email).await.remove(0);
    for part in [
        "An API key was created",
        "on a new device",
        "only reads until 2027-",
        "disable all keys now",
        "/brake/",
    ] {
        assert!(mail.contains(part), "{part}: {mail}");
    }

    // Signing out and in again makes the device no older, and neither does another new one.
    assert_eq!(thief.api("DELETE", "/session", Value::Null).await.status, 204);
    let again = thief.sign_in_again().await;
    let second = again.approved("POST", "/keys", wish("quiet 2")).await;
    assert_eq!(second.json()["works_from_ms"], until, "since the device was first seen");
    let other = on_a_new_device(&owner).await;
    for device in [&again, &other] {
        let refused = device.approved("POST", &format!("/keys/{id}/release"), json!({})).await;
        assert_eq!(code(&refused), (409, "new_device".to_owned()));
    }
    // The owner, on the device that is known, lets it work at once; the other key waits.
    let released = owner.approved("POST", &format!("/keys/{id}/release"), json!({})).await;
    assert_eq!(released.status, 200, "{}", released.text);
    assert_eq!(works_from(&owner, &id).await, None);
    assert_eq!(outlook(&owner, &id).await[1], "\"place orders\" \"0\"");
    let twice = owner.approved("POST", &format!("/keys/{id}/release"), json!({})).await;
    assert_eq!(code(&twice), (409, "unchanged".to_owned()));

    assert_eq!(end(&world).await, 0, "its time is not over");
    world.pass_ms(until - world.now().unix_ms());
    assert_eq!(end(&world).await, 1);
    let owner = owner.sign_in_again().await;
    let second = second.field("api_key");
    assert_eq!(works_from(&owner, &second).await, None);
    assert_eq!(outlook(&owner, &second).await[1], "\"place orders\" \"0\"");
    let known = again.sign_in_again().await;
    let third = known.key("quiet 3").await;
    assert_eq!(third["works_from_ms"], Value::Null, "the device is known for a day");
}

#[tokio::test]
async fn what_moves_nothing_is_not_held() {
    let world = World::new().await;
    let owner = world.person("a@keyward.example").await;
    let thief = on_a_new_device(&owner).await;
    let with = |name: &str, field: &str, value: Value| {
        let mut body = wish(name);
        body[field] = value;
        body
    };
    for (body, held) in [
        (with("dashboard", "permissions", json!(["read"])), false),
        (with("paper", "demo", json!(true)), false),
        (with("trader", "permissions", json!(["trade"])), true),
        (with("mover", "permissions", json!(["read", "funding"])), true),
        (with("manager", "permissions", json!(["manage"])), true),
    ] {
        let made = thief.approved("POST", "/keys", body.clone()).await;
        assert_eq!(made.status, 201, "{}", made.text);
        assert_eq!(made.json()["works_from_ms"].is_u64(), held, "{body}");
    }
}

#[tokio::test]
async fn every_loosening_on_a_new_device_holds_the_key_and_no_tightening_does() {
    let world = World::new().await;
    let owner = world.person("a@keyward.example").await;
    let mut keys = Vec::new();
    for name in ["enabled", "selected", "widened", "loosened", "lifted", "narrowed"] {
        let mut body = wish(name);
        body["limits"] = json!({"max_order_value": "100"});
        keys.push(owner.approved("POST", "/keys", body).await.field("api_key"));
    }
    // Codes by mail are counted by the hour.
    world.pass_ms(HOURS);
    let owner = owner.sign_in_again().await;
    let named = |name: &str| json!({"name": name, "factor": PASSWORD});
    for (key, name, path) in [
        (&keys[0], "enabled", "disable"),
        (&keys[1], "selected", "disable"),
        (&keys[4], "lifted", "stop-trading"),
    ] {
        assert_eq!(owner.api("POST", &format!("/keys/{key}/{path}"), named(name)).await.status, 200);
    }
    let thief = on_a_new_device(&owner).await;
    let addresses = |list: &[&str]| json!({"reach": "addresses", "addresses": list});
    let narrowed = json!({"name": "narrowed", "from": addresses(&["127.0.0.1"]), "factor": PASSWORD});
    let done = thief.api("PUT", &format!("/keys/{}/addresses", keys[5]), narrowed).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let stricter = json!({"name": "narrowed", "limits": {"max_order_value": "50"}, "factor": PASSWORD});
    let done = thief.api("PUT", &format!("/keys/{}/limits", keys[5]), stricter).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(works_from(&owner, &keys[5]).await, None, "stricter is no danger");

    let wider = json!({"name": "widened", "from": addresses(&["127.0.0.1", "::1", "192.0.2.9"])});
    let looser = json!({"name": "loosened", "limits": {"max_order_value": "900"}});
    let selected = json!({"api_keys": [keys[1]]});
    for (method, path, body) in [
        ("POST", format!("/keys/{}/enable", keys[0]), json!({})),
        ("POST", "/keys/enable-selected".to_owned(), selected),
        ("PUT", format!("/keys/{}/addresses", keys[2]), wider),
        ("PUT", format!("/keys/{}/limits", keys[3]), looser),
        ("POST", format!("/keys/{}/lift-quarantine", keys[4]), json!({})),
    ] {
        let done = thief.approved(method, &path, body).await;
        assert_eq!(done.status, 200, "{path}: {}", done.text);
        let mail = world.mails(&owner.email).await.remove(0);
        assert!(mail.contains("so the key only reads until"), "{path}: {mail}");
    }
    for key in &keys[..5] {
        assert!(works_from(&owner, key).await.is_some(), "{key}");
    }
    // A successor waits, and its predecessor goes on.
    let rotation = json!({"name": "narrowed 2", "passphrase": "Another-Pass1!", "overlap_hours": 24});
    let next = thief.approved("POST", &format!("/keys/{}/rotate", keys[5]), rotation).await;
    assert!(next.status == 201 && next.json()["works_from_ms"].is_u64(), "{}", next.text);
    assert_eq!(works_from(&owner, &keys[5]).await, None);
    // On a device that is known, a further loosening neither holds nor lifts.
    let wider =
        json!({"name": "widened", "from": addresses(&["127.0.0.1", "::1", "192.0.2.9", "192.0.2.10"])});
    let before = works_from(&owner, &keys[2]).await;
    assert_eq!(owner.approved("PUT", &format!("/keys/{}/addresses", keys[2]), wider).await.status, 200);
    assert_eq!(works_from(&owner, &keys[2]).await, before);
}

#[tokio::test]
async fn what_loosens_many_keys_is_refused_on_a_new_device() {
    let world = World::new().await;
    let owner = world.person("a@keyward.example").await;
    let member = world.person("b@keyward.example").await;
    let sub =
        owner.api("POST", "/sub-accounts", json!({"name": "alpha1", "factor": PASSWORD})).await.field("id");
    let limits = json!({"limits": {"max_order_value": "100"}, "factor": PASSWORD});
    assert_eq!(owner.api("PUT", "/account/limits", limits).await.status, 200);
    let freeze = format!("/sub-accounts/{sub}/freeze");
    assert_eq!(owner.api("POST", &freeze, json!({"factor": PASSWORD})).await.status, 204);
    let thief = on_a_new_device(&owner).await;
    for (method, path, body) in [
        ("PUT", "/account/limits".to_owned(), json!({"limits": {}})),
        (
            "PUT",
            format!("/sub-accounts/{sub}/allowed"),
            json!({"permissions": ["read", "trade", "funding", "withdraw"]}),
        ),
        ("POST", format!("/sub-accounts/{sub}/thaw"), json!({})),
        // The invited user has a device of their own, which may be old.
        ("POST", format!("/sub-accounts/{sub}/members"), json!({"email": member.email})),
    ] {
        let refused = thief.approved(method, &path, body.clone()).await;
        assert_eq!(code(&refused), (409, "new_device".to_owned()), "{path}: {}", refused.text);
        let done = owner.approved(method, &path, body).await;
        assert!([200, 204].contains(&done.status), "{path}: {}", done.text);
    }
    // What counts for a key of the sub-account is the device of the user who makes it.
    let accept = format!("/sub-accounts/{sub}/accept");
    assert_eq!(member.api("POST", &accept, json!({"factor": PASSWORD})).await.status, 204);
    let old = member.acting_for(&sub).key("one").await;
    assert_eq!(old["works_from_ms"], Value::Null);
    let new = on_a_new_device(&member).await.acting_for(&sub).key("two").await;
    assert!(new["works_from_ms"].is_u64(), "{new}");
    let held = thief.acting_for(&sub).key("three").await;
    assert!(held["works_from_ms"].is_u64(), "{held}");
    let id = new["api_key"].as_str().unwrap();
    let done = member.acting_for(&sub).approved("POST", &format!("/keys/{id}/release"), json!({})).await;
    assert_eq!(done.status, 200, "a member lets a key work on a device that is known: {}", done.text);
}

#[tokio::test]
async fn after_a_reset_every_device_is_new() {
    const NEW: &str = "brass-tulip-88-north-canoe";
    let world = World::new().await;
    let mut owner = world.person("a@keyward.example").await;
    let asked = world.api("198.51.100.9", "", "POST", "/recoveries", &json!({"email": owner.email})).await;
    let path = format!("/recoveries/{}/confirm", asked.field("id"));
    let code = world.code(&owner.email).await;
    let body = json!({"mail_code": code, "factor": owner.recovery[0], "password": NEW});
    assert_eq!(world.api("198.51.100.9", "", "POST", &path, &body).await.status, 204);
    let device = owner.device.clone();
    owner.token = owner.sign_in(NEW, Some(&device)).await.field("token");
    assert!(owner.key("bot").await["works_from_ms"].is_u64(), "the old device's mark is forgotten");
}

#[tokio::test]
async fn the_policy_says_for_how_long_and_whether() {
    for (hours, expected) in [(None, None), (Some(2), Some(2))] {
        let policy = Policy { new_device_hours: hours, ..Policy::default() };
        let world = World::under(Settings { policy, ..Settings::default() }).await;
        let thief = on_a_new_device(&world.person("a@keyward.example").await).await;
        let since = world.now().unix_ms();
        let made = thief.key("bot").await;
        assert_eq!(made["works_from_ms"].as_u64(), expected.map(|hours: u64| since + hours * HOURS));
    }
}

#[tokio::test]
async fn the_pages_say_it_with_the_countdown() {
    let world = World::new().await;
    let owner = world.person("a@keyward.example").await;
    // A browser that was never seen.
    let tab = Tab::of(&world, &owner).await;
    let fields = [
        ("name", "bot"),
        ("permission", "trade"),
        ("reach", "addresses"),
        ("addresses", "127.0.0.1"),
        ("passphrase", "Console-Pass1!"),
    ];
    let made = tab.stepped_up("/keys/new", &fields).await.text;
    assert!(
        made.contains("This device is new for your account, so the key only reads now")
            && made.contains("in 23 hours"),
        "{made}"
    );
    let id = made.split("id=\"c-key\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let page = tab.get(&format!("/keys/{id}")).await.text;
    for part in ["created or changed on a new device, so it only reads", "in 23 hours", "/release"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let list = tab.get("/keys").await.text;
    assert!(list.contains("reads only until <time"), "{list}");
    let refused = tab.post(&format!("/keys/{id}/release"), &[]).await.text;
    assert!(refused.contains("do this on a device that you used before"), "{refused}");
}

#[tokio::test]
async fn transfer_thresholds_are_only_lowered_on_a_new_device() {
    let world = World::new().await;
    let owner = world.person("a@keyward.example").await;
    let to = |sum: &str| json!({"thresholds": {"USDT": sum}});
    let path = "/approvals/thresholds";
    assert_eq!(owner.approved("PUT", path, to("100")).await.status, 200);
    let thief = on_a_new_device(&owner).await;
    let refused = thief.approved("PUT", path, to("200")).await;
    assert_eq!(code(&refused), (409, "new_device".to_owned()), "{}", refused.text);
    let lowered = json!({"thresholds": {"USDT": "50"}, "factor": PASSWORD});
    assert_eq!(thief.api("PUT", path, lowered).await.status, 200);
}
