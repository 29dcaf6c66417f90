//! The overview: what the keys do, what needs attention, and the way to a first request. And switches of policies.

use keyward_rules::id::KeyId;
use keyward_store::LastUse;
use serde_json::json;

use crate::operators::two_operators;
use crate::tab::Tab;
use crate::world::{PASSWORD, World};

#[tokio::test]
async fn the_steps_are_done_one_by_one_and_stay_done() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    let first = tab.get("/overview").await.text;
    assert!(first.contains("Create an API key for your program") && first.contains("none yet"), "{first}");
    assert!(!first.contains("hx-get=\"/overview?fragment=steps\""), "nothing to wait for yet");

    let id = person.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let waiting = tab.get("/overview").await.text;
    assert!(waiting.contains("waiting for it") && waiting.contains("hx-get=\"/overview?fragment=steps\""));
    let fragment = format!("/keys/{id}?fragment=first");
    let made = tab.part(&fragment).await.text;
    assert!(made.contains("Waiting for the first request") && made.contains("hx-get"), "{made}");

    let key: KeyId = id.parse().unwrap();
    let last = LastUse { key, at: world.now(), from: "203.0.113.7".parse().unwrap() };
    world.store.usage().record(&[last]).await.unwrap();
    let made = tab.part(&fragment).await.text;
    assert!(made.contains("The first request was seen") && !made.contains("hx-get"), "{made}");
    let steps = tab.part("/overview?fragment=steps").await.text;
    assert!(steps.contains("First request seen") && !steps.contains("<html"), "{steps}");
    assert!(!tab.get("/overview").await.text.contains("From here to your first request"));

    let deleted = tab.post(&format!("/keys/{id}/delete"), &[("name", "bot"), ("factor", PASSWORD)]).await;
    assert_eq!(deleted.status, 303);
    let after = tab.get("/overview").await.text;
    assert!(!after.contains("From here to your first request") && after.contains("none yet"), "{after}");
    let stranger = world.person("b@keyward.example").await;
    assert_eq!(Tab::of(&world, &stranger).await.part(&fragment).await.status, 404);
}

#[tokio::test]
async fn keys_that_work_from_anywhere_need_attention() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let body = json!({
        "name": "loose", "permissions": ["read", "trade"], "passphrase": "Unbound-Pass1!", "from": {"reach": "anywhere"}
    });
    assert_eq!(person.approved("POST", "/keys", body).await.status, 201);
    person.key("bound").await;
    let shown = Tab::of(&world, &person).await.get("/overview").await.text;
    assert!(
        shown.contains("works from any address and can trade") && shown.contains("1 needs attention"),
        "{shown}"
    );
    assert_eq!(shown.matches("works from any address").count(), 1);
    assert!(shown.contains("No key ends in the next 14 days"), "{shown}");
    world.pass_days(17);
    let person = person.sign_in_again().await;
    let later = Tab::of(&world, &person).await.get("/overview").await.text;
    assert!(
        later.contains("deleted if unused in 12 days") || later.contains("deleted if unused in 13 days"),
        "{later}"
    );
}

#[tokio::test]
async fn a_preset_fills_the_form_for_a_new_key() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    let ticked = |text: &str| -> Vec<String> {
        let boxes = text.split("name=\"permission\" value=\"").skip(1);
        let of = |one: &str| {
            one.split_once('"').map(|(word, rest)| (word.to_owned(), rest.starts_with(" checked")))
        };
        boxes.filter_map(of).filter_map(|(word, is)| is.then_some(word)).collect()
    };
    assert_eq!(ticked(&tab.get("/keys/new").await.text), ["read"]);
    let agent = tab.get("/keys/new?preset=agent").await.text;
    assert_eq!(ticked(&agent), ["read", "trade"]);
    assert!(
        agent.contains("value=\"30\"") && agent.contains("value=\"5\"") && agent.contains("value=\"Agent\"")
    );
    assert_eq!(ticked(&tab.get("/keys/new?preset=nonsense").await.text), ["read"]);
}

#[tokio::test]
async fn policies_are_switches_and_numbers() {
    let world = World::new().await;
    let (ann, _) = two_operators(&world).await;
    let tab = Tab::of(&world, &ann).await;
    let switches = |text: &str, on: bool| text.matches(&format!("aria-checked=\"{on}\"")).count();
    let before = tab.get("/operations/settings").await.text;
    assert_eq!((switches(&before, true), switches(&before, false)), (1, 2), "{before}");
    for (name, value) in [("desktop_browser_for_keys", "true"), ("max_key_age_days", "90")] {
        let fields = [("name", name), ("value", value), ("factor", PASSWORD)];
        assert_eq!(tab.post("/operations/settings", &fields).await.status, 303, "{name}");
    }
    let after = tab.get("/operations/settings").await.text;
    assert_eq!((switches(&after, true), switches(&after, false)), (2, 1), "{after}");
    assert!(after.contains("value=\"90\""));
    // An empty number means none, which is less strict: it becomes a proposal.
    let looser = tab.post("/operations/settings", &[("name", "max_key_age_days"), ("value", "")]).await;
    let to = looser.headers["location"].to_str().unwrap();
    assert!(
        looser.status == 303 && to.starts_with("/operations/proposals/new") && to.contains("none"),
        "{to}"
    );
}
