//! Holds over a person's keys: the rest after a change, and two-factor sign-in off (product.md 2).

use keyward_authority::duties::end_cooling;
use keyward_rules::grant::Actor;
use serde_json::{Value, json};

use crate::world::{HOME, PASSWORD, Person, World, wish};

const NEW: &str = "brass-tulip-88-north-canoe";

async fn withdrawer(person: &Person<'_>) -> String {
    let mut body = wish("payer");
    body["permissions"] = json!(["read", "withdraw"]);
    person.approved("POST", "/keys", body).await.field("api_key")
}

async fn state(person: &Person<'_>, id: &str) -> Value {
    person.get(&format!("/keys/{id}")).await.json()["state"].clone()
}

#[tokio::test]
async fn after_a_reset_keys_that_move_funds_rest_for_a_day() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    let (payer, bot) = (withdrawer(&person).await, person.key("bot").await);
    let asked = world.api("198.51.100.9", "", "POST", "/recoveries", &json!({"email": person.email})).await;
    let path = format!("/recoveries/{}/confirm", asked.field("id"));
    let code = world.code(&person.email).await;
    let reset = |factor: &str| json!({"mail_code": code, "factor": factor, "password": NEW});
    for wrong in ["", "000000", PASSWORD] {
        let refused = world.api("198.51.100.9", "", "POST", &path, &reset(wrong)).await;
        assert_eq!(refused.code(), "factor_wrong", "the mailbox alone resets nothing: {wrong}");
    }
    assert_eq!(world.api("198.51.100.9", "", "POST", &path, &reset(&person.recovery[0])).await.status, 204);
    assert_eq!(person.get("/account").await.status, 401, "every session has ended");
    assert_eq!(person.sign_in(PASSWORD, Some(&person.device)).await.status, 401);
    world.pass_ms(60_000);
    person.token = person.sign_in(NEW, None).await.field("token");
    assert_eq!(state(&person, &payer).await, "held");
    assert_eq!(state(&person, bot["api_key"].as_str().unwrap()).await, "active", "trading goes on");
    let mut another = wish("payer 2");
    another["permissions"] = json!(["read", "funding"]);
    assert_eq!(person.api("POST", "/keys", another.clone()).await.code(), "cooling");
    let body = json!({"name": "payer", "factor": NEW});
    assert_eq!(
        person.api("POST", &format!("/keys/{payer}/disable"), body).await.status,
        200,
        "tightening works"
    );
    assert_eq!(person.approved("POST", &format!("/keys/{payer}/enable"), json!({})).await.code(), "cooling");
    let mut wider =
        json!({"name": "payer", "from": {"reach": "addresses", "addresses": ["127.0.0.1", "192.0.2.1"]}});
    wider["factor"] = NEW.into();
    assert_eq!(person.approved("PUT", &format!("/keys/{payer}/addresses"), wider).await.code(), "cooling");

    world.pass_days(1);
    let desk = world.authority.desk(Actor::System("sweep"), world.now());
    assert_eq!(end_cooling(&desk).await.unwrap(), 1);
    person.token = person.sign_in(NEW, None).await.field("token");
    assert_eq!(state(&person, &payer).await, "disabled", "lifting a hold enables nothing");
    assert_eq!(person.approved("POST", &format!("/keys/{payer}/enable"), json!({})).await.status, 200);
    assert_eq!(person.approved("POST", "/keys", another).await.status, 201);
}

#[tokio::test]
async fn a_reset_is_as_quiet_for_an_address_without_account() {
    let world = World::new().await;
    let asked = world.api(HOME, "", "POST", "/recoveries", &json!({"email": "nobody@keyward.example"})).await;
    assert_eq!(asked.status, 202);
    assert!(world.mails("nobody@keyward.example").await.is_empty());
    let path = format!("/recoveries/{}/confirm", asked.field("id"));
    let body = json!({"mail_code": "12345678", "factor": "", "password": NEW});
    assert_eq!(world.api(HOME, "", "POST", &path, &body).await.code(), "code_wrong");
}

#[tokio::test]
async fn two_factor_off_holds_every_key_until_it_is_on() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    let key = person.key("bot").await;
    let id = key["api_key"].as_str().unwrap().to_owned();
    assert_eq!(person.approved("DELETE", "/account/authenticator", json!({})).await.status, 204);
    assert_eq!(state(&person, &id).await, "held");
    let proposed = person.api("POST", "/account/authenticator/propose", Value::Null).await;
    person.secret = proposed.field("secret");
    let body = |person: &Person<'_>| json!({"secret": person.secret, "code": person.totp_now()});
    let asked = person.api("PUT", "/account/authenticator", body(&person)).await;
    let mut again = body(&person);
    again["step_up"] = json!({"challenge": asked.field("challenge"), "mail_code": world.code(&person.email).await, "factor": PASSWORD});
    assert_eq!(person.api("PUT", "/account/authenticator", again).await.status, 200);
    assert_eq!(state(&person, &id).await, "active");
}

#[tokio::test]
async fn a_changed_password_ends_all_other_sessions() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let mut other = person.clone();
    other.token = person.sign_in(PASSWORD, Some(&person.device)).await.field("token");
    let changed = person.approved("PUT", "/account/password", json!({"password": NEW})).await;
    assert_eq!(changed.status, 204, "{}", changed.text);
    assert_eq!((person.get("/account").await.status, other.get("/account").await.status), (200, 401));
    let mail = world.mails(&person.email).await.remove(0);
    assert!(mail.contains("Your password was changed"), "{mail}");
}
