//! Step-up (product.md 2): bound to action, parameters, user and session; five tries, ten minutes, once, ten an hour.

use keyward_authority::Authenticator;
use serde_json::{Value, json};

use crate::app_pages::open_app;
use crate::apps::registered;
use crate::audit::records;
use crate::frames::{is_framed, leads_to};
use crate::operators::{propose, two_operators};
use crate::tab::{Tab, value};
use crate::world::{PASSPHRASE, PASSWORD, Reply, World, wish};

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

/// A form that takes a code: where it goes, what it keeps, and the way back.
type Form = (String, Vec<(&'static str, String)>, String);

/// Sends it; an authenticator with its code of this moment, which no page keeps.
async fn send(world: &World, tab: &Tab<'_>, (path, fields, _): &Form) -> Reply {
    let code = match path.as_str() {
        "/security/authenticator" => Authenticator::from_base32(&fields[0].1).unwrap().code_at(world.now()),
        _ => String::new(),
    };
    let mut typed: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    if !code.is_empty() {
        typed.push(("code", &code));
    }
    tab.post(path, &typed).await
}

/// Asserts that a page says when the next code can be sent, and that its form keeps what was typed.
fn assert_later(page: &Reply, (path, fields, back): &Form) {
    assert_eq!(page.status, 429, "{path}: {}", page.text);
    let wait: u64 = page.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((60..=3_600).contains(&wait), "{path}: {wait}");
    let mut parts = vec![format!("in {} minutes", wait / 60), " UTC".to_owned(), "Try again".to_owned()];
    parts.push(format!("action=\"{path}\""));
    parts.extend(fields.iter().map(|(name, value)| format!("name=\"{name}\" value=\"{value}\"")));
    for part in parts {
        assert!(page.text.contains(&part), "{path}: {part}: {}", page.text);
    }
    for name in ["challenge", "mail_code", "factor"] {
        assert!(!page.text.contains(&format!("name=\"{name}\"")), "{path}: {name}: {}", page.text);
    }
    assert!(is_framed(page) && leads_to(page, back), "{path}: {}", page.text);
}

#[tokio::test]
async fn every_form_that_takes_a_code_has_that_page_and_those_that_take_none_go_on() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let made = async |name: &str| ann.key(name).await["api_key"].as_str().unwrap().to_owned();
    let (bot, off) = (made("bot").await, made("off").await);
    let body = json!({"name": "off", "factor": PASSWORD});
    assert_eq!(ann.api("POST", &format!("/keys/{off}/disable"), body).await.status, 200);
    let tab = Tab::of(&world, &ann).await;
    let app = open_app(&tab, (&ann, &ben), "203.0.113.0/24").await;
    let other = registered(&ann, "Cedar Works").await;
    let frozen = ann.api("POST", &format!("/apps/{other}/freeze"), json!({"factor": PASSWORD})).await;
    assert_eq!(frozen.status, 204, "{}", frozen.text);
    let proposed = propose(&ben, "policy.loosen operators_needed 1").await;
    let proposal = format!("/operations/proposals/{}", proposed.field("id"));
    let secret = ann.api("POST", "/account/authenticator/propose", Value::Null).await.field("secret");

    let form = |path: &str, fields: &[(&'static str, &str)], back: &str| -> Form {
        let fields = fields.iter().map(|(name, value)| (*name, (*value).to_owned()));
        (path.to_owned(), fields.collect(), back.to_owned())
    };
    let (page, ranges) = (format!("/keys/{bot}"), format!("/apps/{app}/ranges"));
    let next = [("name", "bot 2"), ("passphrase", "Other-Pass1!"), ("hours", "48")];
    let wider = [("reach", "addresses"), ("addresses", "127.0.0.1\n192.0.2.7")];
    let hook = [("kind", "webhook"), ("name", "ops"), ("url", "https://hooks.example.com/x")];
    let more = [("ranges", "198.51.100.0/24"), ("note", "our servers"), ("overlap", "24")];
    let bound = [("app", app.as_str()), ("name", "pal"), ("permission", "read"), ("passphrase", PASSPHRASE)];
    let change = [("change", "policy.loosen withdraw_needs_addresses false")];
    let forms = [
        form("/keys/new", &key("another"), "/keys/new"),
        form(&format!("{page}/rotate"), &next, &page),
        form(&format!("/keys/{off}/enable"), &[], &format!("/keys/{off}")),
        form(&format!("{page}/addresses"), &wider, &page),
        form("/security/password", &[("password", "brass-tulip-88-north-canoe")], "/security"),
        form("/security/email", &[("email", "next@keyward.example")], "/security"),
        form("/security/recovery-codes", &[], "/security"),
        form("/security/authenticator", &[("secret", &secret)], "/security"),
        form("/alerts/channels/new", &hook, "/alerts/channels"),
        form("/keys/new", &bound, "/keys/new"),
        form("/security/authenticator/off", &[], "/security"),
        form(&ranges, &more, &ranges),
        form(&format!("/apps/{other}/thaw"), &[], &format!("/apps/{other}")),
        form("/operations/proposals/new", &change, "/operations/settings"),
        form(&format!("{proposal}/approve"), &[("hash", &proposed.field("hash"))], &proposal),
    ];
    // The codes that are left of this hour.
    for _ in 0..10 {
        ann.api("POST", "/keys", wish("one more")).await;
    }
    let (mails, before) = (world.mails(&ann.email).await.len(), records(&world).len());
    for form in &forms {
        assert_later(&send(&world, &tab, form).await, form);
    }
    assert_eq!(world.mails(&ann.email).await.len(), mails, "nothing was sent");
    assert_eq!(records(&world).len(), before, "and nothing was changed");

    // An hour later ten of them go on, and the others wait again.
    world.pass_ms(3_600_000);
    let tab = Tab::of(&world, &ann).await;
    let (first, others) = forms.split_at(10);
    for form in first {
        let asked = send(&world, &tab, form).await;
        assert_eq!(asked.status, 200, "{}: {}", form.0, asked.text);
        assert!(asked.text.contains("name=\"challenge\""), "{}: {}", form.0, asked.text);
    }
    for form in others {
        assert_later(&send(&world, &tab, form).await, form);
    }
    // What takes no code does not wait.
    let narrower = [("reach", "addresses"), ("addresses", "127.0.0.1"), ("factor", PASSWORD)];
    let renamed = [("name", "bot 2"), ("factor", PASSWORD)];
    let age = [("name", "max_key_age_days"), ("value", "90"), ("factor", PASSWORD)];
    let free: [(String, &[(&str, &str)]); 12] = [
        (page.clone(), &[("name", "bot 2"), ("tags", "")]),
        (format!("{page}/addresses"), &narrower),
        (format!("{page}/disable"), &renamed),
        (format!("{page}/leaked"), &renamed),
        (format!("{page}/delete"), &renamed),
        ("/keys/disable-all".to_owned(), &[("factor", PASSWORD)]),
        ("/security/phrase".to_owned(), &[("phrase", "blue bell 12"), ("factor", PASSWORD)]),
        ("/alerts".to_owned(), &[("upto", "1")]),
        (format!("/apps/{app}/freeze"), &[("factor", PASSWORD)]),
        ("/operations/settings".to_owned(), &age),
        (format!("{proposal}/cancel"), &[("factor", PASSWORD)]),
        ("/security/sessions/end-others".to_owned(), &[]),
    ];
    for (path, fields) in free {
        let done = tab.post(&path, fields).await;
        assert_eq!(done.status, 303, "{path}: {}", done.text);
    }
}
