//! Passkeys as the one factor of a tightening over the API: for exactly that request, once.

use serde_json::{Value, json};

use crate::audit::records;
use crate::device::Device;
use crate::operators::two_operators;
use crate::world::{PASSWORD, Person, World, wish};

async fn with_device<'w>(world: &'w World, email: &str) -> (Person<'w>, Device) {
    let person = world.without_factor(email).await;
    let mut device = Device::new();
    let added = person.add(&mut device, "Phone", PASSWORD).await;
    assert_eq!(added.status, 201, "{}", added.text);
    (person, device)
}

async fn key(person: &Person<'_>, device: &mut Device, name: &str) -> String {
    let made = person.approved_by(device, "POST", "/keys", wish(name)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.field("api_key")
}

fn last(world: &World) -> Value {
    serde_json::from_str(records(world).last().unwrap()).unwrap()
}

#[tokio::test]
async fn a_passkey_confirms_every_tightening() {
    let world = World::new().await;
    let (person, mut device) = with_device(&world, "a@keyward.example").await;
    let id = key(&person, &mut device, "bot").await;
    let rotation = json!({"name": "bot 2", "passphrase": "Other-Pass1!"});
    let rotated = person.approved_by(&mut device, "POST", &format!("/keys/{id}/rotate"), rotation).await;
    assert_eq!(rotated.status, 201, "{}", rotated.text);
    let next = rotated.field("api_key");
    let hook = crate::channels::public_hook();
    let channel = person.approved_by(&mut device, "POST", "/channels", hook).await.field("id");
    let narrow = json!({"name": "bot 2", "from": {"reach": "addresses", "addresses": ["127.0.0.1"]}});
    let critical = json!({"name": "ops", "choices": {"which": "critical", "digest": "at_once"}});
    let named = |name: &str| json!({"name": name});
    let steps = [
        ("key.narrow", "PUT", format!("/keys/{next}/addresses"), narrow),
        ("key.end_overlap", "POST", format!("/keys/{id}/end-overlap"), named("bot")),
        ("key.disable", "POST", format!("/keys/{next}/disable"), named("bot 2")),
        ("key.leaked", "POST", format!("/keys/{next}/leaked"), named("bot 2")),
        ("key.delete", "DELETE", format!("/keys/{next}"), named("bot 2")),
        ("channel.change", "PUT", format!("/channels/{channel}"), critical),
        ("channel.remove", "DELETE", format!("/channels/{channel}"), json!({})),
        ("account.phrase", "PUT", "/account/phrase".to_owned(), json!({"phrase": "blue bell"})),
    ];
    for (action, method, path, body) in steps {
        let done = person.confirmed_by(&mut device, method, &path, body).await;
        assert!((200..300).contains(&done.status), "{action}: {}", done.text);
        let record = last(&world);
        assert_eq!((&record["action"], &record["factors"]), (&json!(action), &json!("passkey")));
    }
    key(&person, &mut device, "third").await;
    let all = person.confirmed_by(&mut device, "POST", "/keys/disable-all", json!({})).await;
    assert_eq!(all.json(), json!({"disabled": 1}), "{}", all.text);
}

#[tokio::test]
async fn a_passkey_confirms_what_an_operator_tightens() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let mut device = Device::new();
    assert_eq!(ann.add(&mut device, "Key", &ann.totp()).await.status, 201);
    let eve = world.person("eve@keyward.example").await;
    let (eves, key) = (eve.get("/account").await.field("id"), eve.key("bot").await);
    let change = json!({"change": format!("role.grant {eves} auditor")});
    let proposed = ben.approved("POST", "/operations/proposals", change).await;
    let proposal = proposed.json()["id"].as_str().unwrap().to_owned();
    let frozen = format!("/operations/keys/{}/freeze", key["api_key"].as_str().unwrap());
    let steps = [
        ("proposal.cancel", "POST", format!("/operations/proposals/{proposal}/cancel"), json!({})),
        ("key.freeze", "POST", frozen, json!({"why": "odd orders"})),
        (
            "account.freeze",
            "POST",
            format!("/operations/accounts/{eves}/freeze"),
            json!({"why": "odd orders"}),
        ),
        ("policy.tighten", "PUT", "/operations/policies/max_key_age_days".to_owned(), json!({"value": "30"})),
    ];
    for (action, method, path, body) in steps {
        let done = ann.confirmed_by(&mut device, method, &path, body).await;
        assert!((200..300).contains(&done.status), "{action}: {}", done.text);
        let record = last(&world);
        assert_eq!((&record["action"], &record["factors"]), (&json!(action), &json!("passkey")));
    }
    // A reason that was not on the screen when the device was asked is another request.
    let fay = world.person("fay@keyward.example").await.get("/account").await.field("id");
    let path = format!("/operations/accounts/{fay}/freeze");
    let asked = ann.api("POST", &path, json!({"why": "lost phone"})).await.json();
    let other = json!({"why": "fraud", "passkey": device.get(&asked["passkey"])});
    assert_eq!(ann.api("POST", &path, other).await.code(), "factor_wrong");
}

#[tokio::test]
async fn an_answer_confirms_its_own_request_only() {
    let world = World::new().await;
    let (person, mut device) = with_device(&world, "a@keyward.example").await;
    let (one, two) = (key(&person, &mut device, "one").await, key(&person, &mut device, "two").await);
    let (other, mut foreign) = with_device(&world, "b@keyward.example").await;
    let others = key(&other, &mut foreign, "one").await;
    let before = records(&world).len();
    let asked = async |person: &Person<'_>, method: &str, path: &str, body: Value| {
        let asked = person.api(method, path, body).await;
        assert_eq!(asked.code(), "factor_required", "{}", asked.text);
        asked.json()["passkey"].clone()
    };
    let (disable, delete) = (format!("/keys/{one}/disable"), format!("/keys/{one}"));
    let named = json!({"name": "one"});
    let addresses = |list: &[&str]| json!({"name": "one", "from": {"reach": "addresses", "addresses": list}});
    let narrow = format!("/keys/{one}/addresses");
    let again = person.sign_in_by(&mut device).await;
    let step_up = person.api("POST", "/keys", wish("three")).await.json()["passkey"].clone();
    let wrong = [
        ("another action", device.get(&asked(&person, "POST", &disable, named.clone()).await)),
        (
            "another key",
            device.get(&asked(&person, "DELETE", &format!("/keys/{two}"), json!({"name": "two"})).await),
        ),
        ("another session", device.get(&asked(&again, "DELETE", &delete, named.clone()).await)),
        ("a step-up", device.get(&step_up)),
        (
            "another account's",
            foreign.get(&asked(&other, "DELETE", &format!("/keys/{others}"), named.clone()).await),
        ),
        ("another account's device", foreign.get(&asked(&person, "DELETE", &delete, named.clone()).await)),
        ("nothing", json!({"ceremony": "pc_00", "credential": {}})),
    ];
    for (what, answer) in wrong {
        let refused = person.api("DELETE", &delete, json!({"name": "one", "passkey": answer})).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "factor_wrong"), "{what}");
    }
    // Other addresses than those that were shown.
    let mut body = addresses(&["::1"]);
    body["passkey"] = device.get(&asked(&person, "PUT", &narrow, addresses(&["127.0.0.1"])).await);
    assert_eq!(person.api("PUT", &narrow, body).await.code(), "factor_wrong");
    // Too late, and both at once.
    let late = device.get(&asked(&person, "DELETE", &delete, named.clone()).await);
    let both = json!({"name": "one", "factor": PASSWORD, "passkey": late});
    assert_eq!(person.api("DELETE", &delete, both).await.code(), "bad_body");
    world.pass_ms(5 * 60 * 1_000);
    let late = json!({"name": "one", "passkey": late});
    assert_eq!(person.api("DELETE", &delete, late).await.code(), "factor_wrong");
    assert_eq!(records(&world).len(), before + 1, "the second sign-in, and nothing else");
    assert_eq!(person.get(&delete).await.json()["state"], "active");
}

#[tokio::test]
async fn an_answer_confirms_once() {
    let world = World::new().await;
    let (person, mut device) = with_device(&world, "a@keyward.example").await;
    let id = key(&person, &mut device, "bot").await;
    let disable = format!("/keys/{id}/disable");
    let asked = person.api("POST", &disable, json!({"name": "bot"})).await.json();
    assert_eq!(asked["approves"], json!([format!("Disable the API key “bot” ({id})")]));
    let body = json!({"name": "bot", "passkey": device.get(&asked["passkey"])});
    assert_eq!(person.api("POST", &disable, body.clone()).await.status, 200);
    let enabled = person.approved_by(&mut device, "POST", &format!("/keys/{id}/enable"), json!({})).await;
    assert_eq!(enabled.status, 200, "{}", enabled.text);
    assert_eq!(person.api("POST", &disable, body).await.code(), "factor_wrong", "the same answer again");
    // A wrong answer uses the question up as well.
    let asked = person.api("POST", &disable, json!({"name": "bot"})).await.json();
    let right = device.get(&asked["passkey"]);
    let mut broken = right.clone();
    broken["credential"]["response"]["signature"] = json!("AAAA");
    for answer in [broken, right] {
        let refused = person.api("POST", &disable, json!({"name": "bot", "passkey": answer})).await;
        assert_eq!(refused.code(), "factor_wrong");
    }
    assert_eq!(person.get(&format!("/keys/{id}")).await.json()["state"], "active");
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_a_device_is_asked() {
    let world = World::new().await;
    let (person, mut device) = with_device(&world, "a@keyward.example").await;
    let id = key(&person, &mut device, "bot").await;
    let path = format!("/keys/{id}");
    assert_eq!(person.api("DELETE", &path, json!({"name": "Bot"})).await.code(), "name_mismatch");
    let (thief, _) = with_device(&world, "b@keyward.example").await;
    assert_eq!(thief.api("DELETE", &path, json!({"name": "bot"})).await.status, 404);
    // Without a passkey there is no question, and the words are the same.
    let plain = world.person("c@keyward.example").await;
    let asked = plain.api("POST", "/keys/disable-all", json!({})).await;
    assert_eq!((asked.code().as_str(), asked.json()["passkey"].is_null()), ("factor_required", true));
}
