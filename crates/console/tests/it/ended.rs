//! Keys that are over: nothing is offered for them, and no form, mail or try is spent on them.

use serde_json::json;

use crate::successors::created;
use crate::tab::Tab;
use crate::world::{PASSPHRASE, PASSWORD, World, wish};

/// What can be done with a key that works, each behind a page of its own.
const ACTIONS: [&str; 7] = ["enable", "disable", "delete", "leaked", "rotate", "addresses", "end-overlap"];

/// Whether a page refuses because the key is over, and asks for nothing.
fn refuses(page: &str) -> bool {
    page.contains("The key was deleted or has expired")
        && !page.contains("name=\"factor\"")
        && !page.contains("name=\"mail_code\"")
        && !page.contains("type=\"submit\">Continue")
}

#[tokio::test]
async fn nothing_is_offered_for_a_key_that_is_over() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let deleted = person.key("gone").await["api_key"].as_str().unwrap().to_owned();
    let tab = Tab::of(&world, &person).await;
    let dated = created(
        &tab.stepped_up(
            "/keys/new",
            &[
                ("name", "dated"),
                ("permission", "read"),
                ("reach", "addresses"),
                ("addresses", "127.0.0.1"),
                ("passphrase", PASSPHRASE),
                ("expires", "1"),
            ],
        )
        .await,
    );
    let body = json!({"name": "gone", "factor": PASSWORD});
    assert_eq!(person.api("DELETE", &format!("/keys/{deleted}"), body.clone()).await.status, 200);
    // The date alone is enough: no sweep has written it down.
    world.pass_days(3);
    let person = person.sign_in_again().await;
    let tab = Tab::of(&world, &person).await;
    let mails = world.mails(&person.email).await.len();
    let typed = [
        ("name", "gone"),
        ("factor", PASSWORD),
        ("passphrase", "Console-Pass2!"),
        ("hours", "24"),
        ("reach", "addresses"),
        ("addresses", "192.0.2.1"),
    ];
    for id in [&deleted, &dated] {
        let shown = tab.get(&format!("/keys/{id}")).await.text;
        assert!(ACTIONS.iter().all(|action| !shown.contains(&format!("/keys/{id}/{action}\""))), "{shown}");
        for action in ACTIONS {
            let path = format!("/keys/{id}/{action}");
            for answer in [tab.get(&path).await, tab.post(&path, &typed).await] {
                assert!(
                    answer.status == 422 && refuses(&answer.text),
                    "{path}: {} {}",
                    answer.status,
                    answer.text
                );
                assert!(answer.text.contains(&format!("href=\"/keys/{id}\">Go to the key</a>")), "{path}");
            }
        }
    }
    for (action, body) in [
        ("enable", json!({})),
        ("disable", json!({"name": "gone"})),
        ("leaked", json!({"name": "gone"})),
        ("end-overlap", json!({"name": "gone"})),
        ("rotate", json!({"name": "next", "passphrase": "Console-Pass2!"})),
    ] {
        let refused = person.api("POST", &format!("/keys/{deleted}/{action}"), body).await;
        assert_eq!(refused.code(), "key_ended", "{action}: {}", refused.text);
    }
    let refused = person.api("DELETE", &format!("/keys/{deleted}"), json!({"name": "gone"})).await;
    assert_eq!(refused.code(), "key_ended", "before a factor is asked for: {}", refused.text);
    assert_eq!(world.mails(&person.email).await.len(), mails, "no code was sent");
}

#[tokio::test]
async fn what_lives_can_still_be_changed() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let key = person.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let tab = Tab::of(&world, &person).await;
    for action in ["disable", "delete", "leaked", "rotate", "addresses"] {
        assert_eq!(tab.get(&format!("/keys/{key}/{action}")).await.status, 200, "{action}");
    }
    let active = tab.get(&format!("/keys/{key}/enable")).await;
    assert!(active.status == 422 && active.text.contains("The key is active already"), "{}", active.text);
    let refused = person.api("POST", &format!("/keys/{key}/enable"), json!({})).await;
    assert_eq!(refused.code(), "unchanged", "no code is sent for nothing: {}", refused.text);
    let body = json!({"name": "bot", "factor": PASSWORD});
    assert_eq!(person.api("POST", &format!("/keys/{key}/disable"), body).await.status, 200);
    let asked = tab.get(&format!("/keys/{key}/enable")).await;
    assert!(asked.status == 200 && asked.text.contains("Enable the API key “bot”"), "{}", asked.text);
    assert_eq!(tab.stepped_up(&format!("/keys/{key}/enable"), &[]).await.status, 303);
    let other = world.person("b@keyward.example").await;
    let other = Tab::of(&world, &other).await;
    for action in ACTIONS {
        assert_eq!(other.get(&format!("/keys/{key}/{action}")).await.status, 404, "{action}");
    }
    assert_eq!(person.approved("POST", "/keys", wish("another")).await.status, 201);
}
