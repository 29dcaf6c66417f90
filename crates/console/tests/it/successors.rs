//! The links between keys: a rotation's, a replacement's, and what a page calls a key whose successor took over.

use serde_json::json;

use crate::tab::Tab;
use crate::world::{PASSPHRASE, PASSWORD, Reply, World, wish};

/// The id of the key that a page of credentials shows.
pub fn created(page: &Reply) -> String {
    let found = page.text.split("id=\"c-key\">").nth(1).and_then(|rest| rest.split('<').next());
    found.unwrap_or_else(|| panic!("no key in {} {}", page.status, page.text)).to_owned()
}

fn replacement<'f>(name: &'f str, replaces: &'f str) -> Vec<(&'f str, &'f str)> {
    vec![
        ("name", name),
        ("permission", "read"),
        ("reach", "addresses"),
        ("addresses", "127.0.0.1"),
        ("passphrase", PASSPHRASE),
        ("replaces", replaces),
    ]
}

#[tokio::test]
async fn a_key_whose_successor_took_over_is_replaced() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let old = person.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let tab = Tab::of(&world, &person).await;
    let wish = [("name", "bot 2"), ("passphrase", "Console-Pass2!"), ("hours", "24")];
    let new = created(&tab.stepped_up(&format!("/keys/{old}/rotate"), &wish).await);
    let state = |word: &str| format!("<span class=\"state expired\">{word}</span>");
    assert!(!tab.get(&format!("/keys/{old}")).await.text.contains("replaced"), "both work");
    let ended = tab.post(&format!("/keys/{old}/end-overlap"), &[("name", "bot"), ("factor", PASSWORD)]).await;
    assert_eq!(ended.status, 303, "{}", ended.text);
    for page in [format!("/keys/{old}"), "/keys?ended=yes".to_owned()] {
        let shown = tab.get(&page).await.text;
        assert!(shown.contains(&state("replaced")) && !shown.contains(&state("expired")), "{page}: {shown}");
    }
    assert_eq!(person.get(&format!("/keys/{old}")).await.json()["state"], "expired", "the API's word stays");
    let shown = tab.get(&format!("/keys/{old}")).await.text;
    assert!(shown.contains("<dt>Successor</dt>") && shown.contains(&format!("href=\"/keys/{new}\"")));
    assert!(!shown.contains("<dt>Replaced by</dt>"), "a successor is told once: {shown}");
}

#[tokio::test]
async fn a_key_without_successor_just_expires() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    let mut wish = replacement("dated", "");
    wish.push(("expires", "1"));
    let dated = created(&tab.stepped_up("/keys/new", &wish).await);
    world.pass_days(3);
    let person = person.sign_in_again().await;
    let tab = Tab::of(&world, &person).await;
    let shown = tab.get(&format!("/keys/{dated}")).await.text;
    assert!(shown.contains("<span class=\"state expired\">expired</span>"), "{shown}");
}

#[tokio::test]
async fn old_and_new_of_a_replacement_lead_to_one_another() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let old = person.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let tab = Tab::of(&world, &person).await;
    assert!(!tab.get(&format!("/keys/{old}")).await.text.contains("Replaced by"));
    let new = created(&tab.stepped_up("/keys/new", &replacement("bot 2", &old)).await);
    let link = |id: &str, name: &str| format!("<a href=\"/keys/{id}\">{name}</a>");
    let shown = tab.get(&format!("/keys/{old}")).await.text;
    assert!(shown.contains(&format!("<dt>Replaced by</dt><dd>{}</dd>", link(&new, "bot 2"))), "{shown}");
    assert!(shown.contains("<span class=\"state active\">active</span>"), "it keeps working: {shown}");
    let shown = tab.get(&format!("/keys/{new}")).await.text;
    assert!(shown.contains(&format!("<dt>Predecessor</dt><dd>{}</dd>", link(&old, "bot"))), "{shown}");
    assert!(!shown.contains("Replaced by"));
}

#[tokio::test]
async fn only_a_key_within_reach_can_be_replaced() {
    let world = World::new().await;
    let (person, other) = (world.person("a@keyward.example").await, world.person("b@keyward.example").await);
    let foreign = other.key("theirs").await["api_key"].as_str().unwrap().to_owned();
    let tab = Tab::of(&world, &person).await;
    let mails = world.mails(&person.email).await.len();
    for id in [foreign.as_str(), "0b7c2f1e-8a43-4d0f-9b2a-3c5d6e7f8091"] {
        let refused = tab.post("/keys/new", &replacement("bot", id)).await;
        assert_eq!(refused.status, 404, "{id}: {}", refused.text);
        let mut body = wish("bot");
        body["replaces"] = json!(id);
        let refused = person.api("POST", "/keys", body).await;
        assert_eq!(refused.code(), "no_key", "{id}: {}", refused.text);
    }
    assert_eq!(world.mails(&person.email).await.len(), mails, "no code was sent");
    assert!(
        !Tab::of(&world, &other).await.get(&format!("/keys/{foreign}")).await.text.contains("Replaced by")
    );
}

#[tokio::test]
async fn the_question_what_a_key_can_do_from_an_address_is_read_strictly() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let key = person.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let tab = Tab::of(&world, &person).await;
    let encoded = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02x}")).collect() };
    for odd in [
        "nonsense",
        "203.0.113.7/24",
        "203.0.113",
        "203.0.113.7.1",
        "203.0.113.007",
        "300.1.1.1",
        "1.2.3.4:80",
        "[::1]",
        "::g",
        "localhost",
        "203.0.113.7, 203.0.113.8",
        "\"><b>x",
    ] {
        let shown = tab.get(&format!("/keys/{key}?from={}", encoded(odd))).await;
        assert_eq!(shown.status, 422, "{odd}: {}", shown.text);
        assert!(shown.text.contains("Enter one IPv4 or IPv6 address,"), "{odd}: {}", shown.text);
        assert!(!shown.text.contains("Right now, from") && !shown.text.contains("class=\"good\""), "{odd}");
        let kept = odd.replace('"', "&#34;").replace('>', "&#62;").replace('<', "&#60;");
        assert!(shown.text.contains(&format!("name=\"from\" value=\"{kept}\"")), "{odd}: {}", shown.text);
        assert!(shown.text.contains("aria-invalid=\"true\"") && !shown.text.contains("<b>x"), "{odd}");
    }
    for (text, from) in [
        ("", "203.0.113.9"),
        (" ", "203.0.113.9"),
        ("127.0.0.1", "127.0.0.1"),
        (" 198.51.100.7 ", "198.51.100.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("2001:DB8:0::7", "2001:db8::7"),
        ("::1", "::1"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
    ] {
        let shown = tab.get(&format!("/keys/{key}?from={}", encoded(text))).await;
        assert_eq!(shown.status, 200, "{text}");
        assert!(
            shown.text.contains(&format!("Right now, from <span class=\"mono\">{from}</span>")),
            "{text}: {}",
            shown.text
        );
    }
}
