//! Canaries: how they are made and listed, what they can become, and what is told of them.

use keyward_authority::duties::raise_sighting;
use keyward_rules::alert::{CanaryUse, KeyObservation};
use keyward_rules::grant::Actor;
use keyward_rules::id::KeyId;
use serde_json::{Value, json};

use crate::tab::Tab;
use crate::world::{PASSWORD, Person, World, wish};

fn canary(name: &str) -> Value {
    let mut body = wish(name);
    body["purpose"] = json!("canary");
    body["permissions"] = json!(["read"]);
    body.as_object_mut().unwrap().remove("from");
    body
}

async fn made(person: &Person<'_>, name: &str) -> String {
    let reply = person.approved("POST", "/keys", canary(name)).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply.field("api_key")
}

#[tokio::test]
async fn a_canary_takes_a_step_up_and_says_everywhere_what_it_is() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let asked = person.api("POST", "/keys", canary("Backup")).await;
    assert_eq!((asked.status, asked.code().as_str()), (403, "step_up_required"));
    let words = asked.json()["approves"].to_string();
    assert!(words.contains("It is a canary: it admits no request") && !words.contains("It may"), "{words}");
    let id = made(&person, "Backup").await;
    let view = person.get(&format!("/keys/{id}")).await.json();
    assert_eq!((&view["purpose"], &view["from"]), (&json!("canary"), &json!("nowhere")));
    assert_eq!((&view["bound"], &view["ends_at_ms"]), (&json!(true), &json!(null)));
    let mails = world.mails("a@keyward.example").await;
    assert!(mails.iter().any(|mail| mail.contains("It is a canary (live)")), "{mails:?}");

    let tab = Tab::of(&world, &person).await;
    let list = tab.get("/keys").await.text;
    assert!(list.contains("<strong>Canary</strong>") && list.contains("1 of 50 in use"), "{list}");
    let page = tab.get(&format!("/keys/{id}")).await.text;
    assert!(page.contains("<dt>Purpose</dt><dd>Canary"), "{page}");
    assert_eq!(page.matches("Wrong address").count(), 6, "every kind of request is refused: {page}");
    assert!(tab.get("/keys/new").await.text.contains("Does nothing, raises the alarm when someone uses it."));
}

#[tokio::test]
async fn the_form_makes_one_without_permissions_or_addresses() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    let form = tab.get("/keys/new?purpose=canary").await.text;
    assert!(form.contains("name=\"purpose\" value=\"canary\""), "{form}");
    assert!(!form.contains("name=\"permission\"") && !form.contains("name=\"addresses\""), "{form}");
    assert!(form.contains("It admits no request, from no address."), "{form}");
    // What a forged form adds changes nothing of it.
    let fields = [
        ("purpose", "canary"),
        ("name", "Bait"),
        ("passphrase", "Canary-Pass1!"),
        ("permission", "withdraw"),
    ];
    let shown = tab.stepped_up("/keys/new", &fields).await;
    assert!(shown.status == 200 && shown.text.contains("kws_"), "{}", shown.text);
    let keys = person.get("/keys").await.json();
    let key = &keys["keys"][0];
    assert_eq!((&key["purpose"], &key["permissions"]), (&json!("canary"), &json!(["read"])));
}

#[tokio::test]
async fn a_canary_is_nothing_else_and_becomes_nothing_else() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    for (member, value, code) in [
        ("permissions", json!(["read", "trade"]), "key_refused"),
        ("from", json!({"reach": "anywhere"}), "bad_purpose"),
        ("app", json!("123456789012345678"), "bad_purpose"),
    ] {
        let mut body = canary("Odd");
        body[member] = value;
        let refused = person.api("POST", "/keys", body).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, code), "{member}: {}", refused.text);
    }
    let id = made(&person, "Bait").await;
    let widened = json!({"name": "Bait", "from": {"reach": "addresses", "addresses": ["127.0.0.1"]}});
    let refused = person.api("PUT", &format!("/keys/{id}/addresses"), widened).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "canary"), "{}", refused.text);
    // Its successor is one too.
    let rotation = json!({"name": "Bait 2", "passphrase": "Canary-Pass2!"});
    let rotated = person.approved("POST", &format!("/keys/{id}/rotate"), rotation).await;
    let successor = person.get(&format!("/keys/{}", rotated.field("api_key"))).await.json();
    assert_eq!(successor["purpose"], "canary");
}

#[tokio::test]
async fn a_canary_lies_there_for_years_and_is_never_unused() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let id = made(&person, "Bait").await;
    person.key("used").await;
    world.pass_days(200);
    let context = world.authority.context(Actor::System("sweep"), world.now());
    assert!(keyward_authority::duties::sweep_keys(&context).await.unwrap().is_empty());
    keyward_authority::duties::remind_holders(&context).await.unwrap();
    let mails = world.mails("a@keyward.example").await;
    assert_eq!(mails.iter().filter(|mail| mail.contains("due for rotation")).count(), 1, "{mails:?}");
    let person = person.sign_in_again().await;
    let unused = person.get("/keys?unused_days=30").await.json();
    assert_eq!(unused["keys"].as_array().unwrap().len(), 1, "the other key alone: {unused}");
    let since = world.now().unix_ms() - 30 * 86_400_000;
    let body = json!({"not_used_since_ms": since, "factor": PASSWORD});
    person.api("POST", "/keys/delete-unused", body).await;
    assert_eq!(person.get(&format!("/keys/{id}")).await.json()["state"], "active");
}

#[tokio::test]
async fn an_alarm_tells_from_where_and_what_they_had_and_does_not_flood() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let id: KeyId = made(&person, "Bait").await.parse().unwrap();
    let context = world.authority.context(Actor::System("watch"), world.now());
    let seen = async |last: u8, used: CanaryUse| {
        let from = [203, 0, 113, last].into();
        raise_sighting(&context, KeyObservation::Canary(id, from, used)).await.unwrap()
    };
    assert!(seen(7, CanaryUse::Named).await);
    assert!(!seen(7, CanaryUse::Named).await, "the same again");
    assert!(seen(7, CanaryUse::Signed).await, "now with the secret");
    let mails = world.mails("a@keyward.example").await;
    let alarm = |mail: &&String| {
        mail.contains("A canary API key was used") || mail.contains("Somebody tried a canary API key")
    };
    let told: Vec<&String> = mails.iter().filter(alarm).collect();
    assert_eq!(told.len(), 2, "{mails:?}");
    assert!(told.iter().all(|mail| mail.contains("203.0.113.7")), "{told:?}");
    assert!(
        told[0].contains("right secret and passphrase") && told[1].contains("wrong secret or passphrase")
    );
    // However many try without the secret, the next one with it is told.
    for last in 100..130 {
        seen(last, CanaryUse::Named).await;
    }
    assert!(seen(8, CanaryUse::Signed).await, "hidden by those without the secret");
    for last in 9..60 {
        seen(last, CanaryUse::Signed).await;
    }
    let mails = world.mails("a@keyward.example").await;
    let summary = |mail: &&String| mail.contains("Many alerts of one kind");
    let told =
        mails.iter().filter(|mail| mail.contains("A canary API key was used") && !summary(mail)).count();
    assert!(told <= 10, "{told}");
    assert!(mails.iter().any(|mail| mail.contains("Many alerts of one kind")), "{mails:?}");
}
