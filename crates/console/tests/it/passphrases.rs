//! Which passphrases are in use is told after the proof alone: a session without a factor must not learn it by asking
//! (product.md 3.1).

use serde_json::{Value, json};

use crate::tab::Tab;
use crate::world::{Person, Reply, World, wish};

/// The passphrases of the account's keys, and others that are close to them.
const TAKEN: [&str; 3] = ["First-Pass1!", "Second-Pass2!", "Third-Pass3!"];
const FREE: [&str; 7] = [
    "first-Pass1!",
    "First-Pass1?",
    "First-Pass1!!",
    "Second-Pass1!",
    "Third-Pass3!x",
    "Quite-Other4!",
    "!1ssaP-tsriF",
];

fn with(name: &str, passphrase: &str) -> Value {
    let mut body = wish(name);
    body["passphrase"] = passphrase.into();
    body
}

/// An account whose keys have the taken passphrases; gives the keys.
async fn keys(person: &Person<'_>) -> Vec<String> {
    let mut keys = Vec::new();
    for (at, passphrase) in TAKEN.into_iter().enumerate() {
        let made = person.approved("POST", "/keys", with(&format!("bot {at}"), passphrase)).await;
        keys.push(made.field("api_key"));
    }
    keys
}

/// Another hour, with its ten codes, in a new session.
async fn an_hour_later<'w>(person: &Person<'w>) -> Person<'w> {
    person.world.pass_ms(3_600_000);
    person.sign_in_again().await
}

/// What an answer says, but for the name of its challenge and what a mail's moment changes.
fn said(reply: &Reply) -> (u16, String, String) {
    let words = reply.json()["approves"].to_string();
    let lasting = words.split("until").next().unwrap().to_owned();
    (reply.status, reply.code(), lasting)
}

#[tokio::test]
async fn the_api_answers_alike_for_taken_and_free_ones_before_the_proof() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    let rotate = format!("/keys/{}/rotate", keys(&person).await[0]);
    let mut answers = Vec::new();
    for passphrases in [&TAKEN[..], &FREE[..3], &FREE[3..5], &FREE[5..]] {
        person = an_hour_later(&person).await;
        for &passphrase in passphrases {
            let issued = person.api("POST", "/keys", with("new", passphrase)).await;
            let rotated = json!({"name": "new", "passphrase": passphrase});
            let rotated = person.api("POST", &rotate, rotated).await;
            assert_eq!(
                (issued.code(), rotated.code()),
                ("step_up_required".into(), "step_up_required".into())
            );
            assert!(!issued.text.contains(passphrase) && !rotated.text.contains(passphrase));
            answers.push((said(&issued), said(&rotated)));
        }
    }
    assert_eq!(answers.len(), 10);
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn the_pages_answer_alike_for_taken_and_free_ones_before_the_proof() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    let rotate = format!("/keys/{}/rotate", keys(&person).await[0]);
    for passphrases in [&TAKEN[..], &FREE[..3], &FREE[3..5], &FREE[5..]] {
        person = an_hour_later(&person).await;
        let tab = Tab::of(&world, &person).await;
        for &passphrase in passphrases {
            let issued =
                [("name", "new"), ("permission", "read"), ("reach", "anywhere"), ("passphrase", passphrase)];
            let rotated = [("name", "new"), ("hours", "24"), ("passphrase", passphrase)];
            for (path, fields) in [("/keys/new", &issued[..]), (rotate.as_str(), &rotated[..])] {
                let asked = tab.post(path, fields).await;
                assert_eq!(asked.status, 200, "{path} {passphrase}");
                assert!(asked.text.contains("Code from the mail"), "{path} {passphrase}: {}", asked.text);
                assert!(!asked.text.contains("has this passphrase"), "{path} {passphrase}");
            }
        }
    }
}

/// Texts that are or nearly are a passphrase of a key, each with another of its form that is nearly none.
const NEAR: [(&str, &str); 13] = [
    ("First-Pass1!", "Forst-Pass1!"),
    ("Second-Pass2!", "Secand-Pass2!"),
    ("Third-Pass3!", "Thord-Pass3!"),
    (" First-Pass1!", " Forst-Pass1!"),
    ("First-Pass1! ", "Forst-Pass1! "),
    ("First-Pass1!\n", "Forst-Pass1!\n"),
    ("First-Pass1!\u{200b}", "Forst-Pass1!\u{200b}"),
    ("first-pass1!", "forst-pass1!"),
    ("FIRST-PASS1!", "FORST-PASS1!"),
    ("First-Pass!", "Forst-Pass!"),
    ("FirstPass1", "ForstPass1"),
    ("First-P", "Forst-P"),
    ("First-Pass1!First-Pass1!First-Pass1!", "Forst-Pass1!Forst-Pass1!Forst-Pass1!"),
];

#[tokio::test]
async fn what_is_judged_while_it_is_typed_tells_nothing_of_those_in_use() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let keys = keys(&person).await;
    let stranger = world.person("b@keyward.example").await;
    let (tab, other) = (Tab::of(&world, &person).await, Tab::of(&world, &stranger).await);
    let mails = world.mails(&person.email).await.len();
    let judged = async |tab: &Tab<'_>, passphrase: &str, more: &[(&str, &str)]| {
        let mut texts = Vec::new();
        for field in ["passphrase", "summary", "name", ""] {
            let typed = [("field", field), ("passphrase", passphrase)];
            let reply = tab.post("/keys/check", &[more, &typed].concat()).await;
            assert_eq!(reply.status, 200, "{field} {passphrase:?}: {}", reply.text);
            assert!(!reply.text.contains(passphrase), "{field} {passphrase:?}: {}", reply.text);
            texts.push(reply.text);
        }
        texts
    };
    // Beside the other fields of the forms that have one: a new key, a successor, an answer to a challenge.
    for more in [
        &[][..],
        &[("name", "bot 0")],
        &[("name", "new"), ("permission", "read"), ("reach", "anywhere")],
        &[("name", "bot 0 2"), ("hours", "24")],
        &[("replaces", keys[0].as_str())],
        &[("challenge", "x"), ("mail_code", "12345678"), ("factor", "123456")],
    ] {
        let good = judged(&tab, FREE[0], more).await;
        for passphrase in TAKEN.into_iter().chain(FREE) {
            assert_eq!(judged(&tab, passphrase, more).await, good, "{passphrase:?} {more:?}");
            assert_eq!(
                judged(&other, passphrase, more).await,
                good,
                "another account: {passphrase:?} {more:?}"
            );
        }
        for (near, far) in NEAR {
            let (near_texts, far_texts) = (judged(&tab, near, more).await, judged(&tab, far, more).await);
            assert_eq!(near_texts, far_texts, "{near:?} {more:?}");
        }
        assert_ne!(judged(&tab, "First-P", more).await, good, "its form is judged");
    }
    assert_eq!(world.mails(&person.email).await.len(), mails, "and nothing is sent");
}

#[tokio::test]
async fn after_the_proof_a_taken_one_is_refused_beside_its_field() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    let keys = keys(&person).await;
    let rotate = format!("/keys/{}/rotate", keys[0]);
    for passphrase in TAKEN {
        person = an_hour_later(&person).await;
        let refused = person.approved("POST", "/keys", with("new", passphrase)).await;
        assert_eq!((refused.status, refused.code().as_str()), (409, "passphrase_taken"), "{passphrase}");
        // The old key's own as well: a successor has another.
        let body = json!({"name": "new", "passphrase": passphrase});
        let refused = person.approved("POST", &rotate, body).await;
        assert_eq!((refused.status, refused.code().as_str()), (409, "passphrase_taken"), "{passphrase}");
        let tab = Tab::of(&world, &person).await;
        let issued =
            [("name", "new"), ("permission", "read"), ("reach", "anywhere"), ("passphrase", passphrase)];
        let refused = tab.stepped_up("/keys/new", &issued).await;
        assert_eq!(refused.status, 422);
        let rotated = [("name", "new"), ("hours", "24"), ("passphrase", passphrase)];
        for page in [refused, tab.stepped_up(&rotate, &rotated).await] {
            assert!(page.text.contains("Another key of the account has this passphrase"), "{}", page.text);
            assert!(page.text.contains("name=\"passphrase\"") && page.text.contains("class=\"error\""));
        }
    }
    let listed = person.get("/keys").await.json();
    assert_eq!(listed["keys"].as_array().unwrap().len(), 3, "none was made");
    person = an_hour_later(&person).await;
    let body = json!({"name": "new", "passphrase": FREE[0]});
    assert_eq!(person.approved("POST", &rotate, body).await.status, 201);
}

#[tokio::test]
async fn without_two_factor_nothing_is_told_at_all() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let rotate = format!("/keys/{}/rotate", keys(&person).await[0]);
    assert_eq!(person.approved("DELETE", "/account/authenticator", json!({})).await.status, 204);
    for passphrase in TAKEN.into_iter().chain(FREE) {
        let rotated = person.api("POST", &rotate, json!({"name": "new", "passphrase": passphrase})).await;
        let issued = person.api("POST", "/keys", with("new", passphrase)).await;
        for refused in [rotated, issued] {
            assert_eq!((refused.status, refused.code().as_str()), (409, "two_factor_off"), "{passphrase}");
        }
    }
}
