//! Step-up (product.md 2): bound to action, parameters, user and session; five tries, ten minutes, once, ten an hour.

use serde_json::json;

use crate::world::{World, wish};

#[tokio::test]
async fn an_approval_is_for_its_exact_parameters() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let asked = person.api("POST", "/keys", wish("bot")).await;
    let challenge = asked.field("challenge");
    assert!(asked.json()["approves"].to_string().contains("bot"), "the words name it");
    let mut more = wish("bot");
    more["permissions"] = json!(["read", "trade", "withdraw"]);
    assert_eq!(person.answer("POST", "/keys", more, &challenge).await.code(), "challenge_for_something_else");
    let mut phrase = wish("bot");
    phrase["passphrase"] = "Other-Pass1!".into();
    assert_eq!(
        person.answer("POST", "/keys", phrase, &challenge).await.code(),
        "challenge_for_something_else"
    );
    assert_eq!(person.answer("POST", "/keys", wish("bot"), &challenge).await.status, 201);
}

#[tokio::test]
async fn an_approval_is_for_its_action() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let key = person.key("bot").await;
    let id = key["api_key"].as_str().unwrap();
    person
        .api("POST", &format!("/keys/{id}/disable"), json!({"name": "bot", "factor": crate::world::PASSWORD}))
        .await;
    let asked = person.api("POST", &format!("/keys/{id}/enable"), json!({})).await;
    let challenge = asked.field("challenge");
    assert_eq!(
        person.answer("POST", "/keys", wish("other"), &challenge).await.code(),
        "challenge_for_something_else"
    );
    assert_eq!(person.answer("POST", &format!("/keys/{id}/enable"), json!({}), &challenge).await.status, 200);
}

#[tokio::test]
async fn an_approval_is_for_its_session_and_user() {
    let world = World::new().await;
    let (person, other) = (world.person("a@keyward.example").await, world.person("b@keyward.example").await);
    let asked = person.api("POST", "/keys", wish("bot")).await;
    let challenge = asked.field("challenge");
    let mut elsewhere = person.clone();
    elsewhere.token = person.sign_in(crate::world::PASSWORD, Some(&person.device)).await.field("token");
    assert_eq!(elsewhere.answer("POST", "/keys", wish("bot"), &challenge).await.code(), "challenge_over");
    let mail_code = world.code(&person.email).await;
    let mut body = wish("bot");
    body["step_up"] = json!({"challenge": challenge, "mail_code": mail_code, "factor": other.totp()});
    assert_eq!(other.api("POST", "/keys", body).await.code(), "challenge_over");
    assert_eq!(person.answer("POST", "/keys", wish("bot"), &challenge).await.status, 201);
}

#[tokio::test]
async fn an_approval_is_good_once_and_for_ten_minutes() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let asked = person.api("POST", "/keys", wish("bot")).await;
    let challenge = asked.field("challenge");
    assert_eq!(person.answer("POST", "/keys", wish("bot"), &challenge).await.status, 201);
    let again = person.answer("POST", "/keys", wish("bot"), &challenge).await;
    assert_eq!(again.code(), "challenge_over");
    let asked = person.api("POST", "/keys", wish("late")).await;
    world.pass_ms(10 * 60_000);
    let late = person.answer("POST", "/keys", wish("late"), &asked.field("challenge")).await;
    assert_eq!(late.code(), "challenge_over");
}

#[tokio::test]
async fn ten_challenges_an_hour() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    // One was the authenticator's.
    for number in 0..9 {
        let asked = person.api("POST", "/keys", wish(&format!("bot {number}"))).await;
        assert_eq!(asked.code(), "step_up_required");
    }
    let refused = person.api("POST", "/keys", wish("bot")).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_codes"));
    // Over other sessions of the account it is the same hour.
    let mut elsewhere = person.clone();
    elsewhere.token = person.sign_in(crate::world::PASSWORD, Some(&person.device)).await.field("token");
    assert_eq!(elsewhere.api("POST", "/keys", wish("bot")).await.code(), "too_many_codes");
    world.pass_ms(3_600_000);
    elsewhere.token = person.sign_in(crate::world::PASSWORD, Some(&person.device)).await.field("token");
    assert_eq!(elsewhere.api("POST", "/keys", wish("bot")).await.code(), "step_up_required");
}
