//! Step-up (product.md 2): bound to action, parameters, user and session; five tries, ten minutes, once, ten an hour.

use serde_json::json;

use crate::tab::{Tab, value};
use crate::world::{PASSPHRASE, World, wish};

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
    let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=3_600).contains(&wait) && refused.field("detail").ends_with(" UTC"), "{}", refused.text);
    // Over other sessions of the account it is the same hour.
    let mut elsewhere = person.clone();
    elsewhere.token = person.sign_in(crate::world::PASSWORD, Some(&person.device)).await.field("token");
    assert_eq!(elsewhere.api("POST", "/keys", wish("bot")).await.code(), "too_many_codes");
    world.pass_ms(3_600_000);
    elsewhere.token = person.sign_in(crate::world::PASSWORD, Some(&person.device)).await.field("token");
    assert_eq!(elsewhere.api("POST", "/keys", wish("bot")).await.code(), "step_up_required");
}

/// The form of a key, with a name that HTML has to escape.
fn key(name: &str) -> [(&str, &str); 5] {
    [
        ("name", name),
        ("permission", "read"),
        ("reach", "addresses"),
        ("addresses", "203.0.113.7"),
        ("passphrase", PASSPHRASE),
    ]
}

#[tokio::test]
async fn the_eleventh_code_has_a_page_that_says_when_and_keeps_the_form() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    // One was the authenticator's.
    for number in 0..9 {
        // As the second form of the page, which is told from the first.
        let (mut fields, number) = (key("R&D \"bot\"").to_vec(), number.to_string());
        fields.push(("again", &number));
        let asked = tab.post("/keys/new", &fields).await;
        assert!(asked.status == 200 && asked.text.contains("Send another code"), "{}", asked.text);
    }
    let mails = world.mails(&person.email).await.len();
    let mut fields = key("R&D \"bot\"").to_vec();
    fields.push(("again", "last"));
    let later = tab.post("/keys/new", &fields).await;
    assert_eq!(later.status, 429, "{}", later.text);
    let wait: u64 = later.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((3_000..=3_600).contains(&wait), "{wait}");
    let minutes = format!("in {} minutes.", wait / 60);
    for part in [
        "<nav aria-label=\"Main\">",
        "Create this API key?",
        "data-local=\"clock\"",
        " UTC</time>",
        minutes.as_str(),
        "Try again",
        "href=\"/keys/new\">Cancel",
        "name=\"permission\" value=\"read\"",
        "name=\"addresses\" value=\"203.0.113.7\"",
    ] {
        assert!(later.text.contains(part), "{part}: {}", later.text);
    }
    assert!(!later.text.contains("name=\"challenge\"") && !later.text.contains("name=\"mail_code\""));
    assert_eq!(world.mails(&person.email).await.len(), mails, "nothing was sent");

    // Too early is still too early; at the time that was said the same form goes on.
    let kept = value(&later.text, "name").replace("&#38;", "&").replace("&#34;", "\"");
    assert_eq!(kept, "R&D \"bot\"");
    for _ in 0..3 {
        world.pass_ms(wait * 333 - 1_000);
        assert_eq!(tab.post("/keys/new", &key(&kept)).await.status, 429);
    }
    world.pass_ms(8_000);
    let asked = tab.post("/keys/new", &key(&kept)).await;
    assert!(asked.status == 200 && asked.text.contains("Code from the mail"), "{}", asked.text);
}

#[tokio::test]
async fn another_code_is_sent_for_the_same_thing() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    let asked = tab.post("/keys/new", &key("bot")).await;
    let first = (value(&asked.text, "challenge"), world.code(&person.email).await);
    // The second form of the page has all fields but the challenge.
    let (_, again) = asked.text.split_once("<form class=\"links\"").unwrap();
    assert!(again.contains("name=\"passphrase\"") && !again.contains("name=\"challenge\""), "{again}");
    assert!(!asked.text.contains("/dev/mail"), "a server has no mailbox page");
    let mut fields = key("bot").to_vec();
    fields.push(("again", &first.0));
    assert!(again.contains(&format!("name=\"again\" value=\"{}\"", first.0)), "{again}");
    let asked = tab.post("/keys/new", &fields).await;
    let second = (value(&asked.text, "challenge"), world.code(&person.email).await);
    assert!(first.0 != second.0 && first.1 != second.1);
    let answer = async |challenge: &str, code: &str| {
        let factor = person.totp();
        let mut fields = key("bot").to_vec();
        fields.extend([("challenge", challenge), ("mail_code", code), ("factor", &factor)]);
        tab.post("/keys/new", &fields).await
    };
    let crossed = answer(&second.0, &first.1).await;
    assert!(crossed.status == 422, "a code is its own challenge's: {}", crossed.text);
    let made = answer(&second.0, &second.1).await;
    assert!(made.status == 200 && made.text.contains("Your new API key"), "{}", made.text);
}
