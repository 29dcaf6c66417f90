//! The entries of the command palette: own keys and what can be done with them, and the pages of the person's own role.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::operators::two_operators;
use crate::tab::Tab;
use crate::world::{HOME, PASSWORD, World};

#[tokio::test]
async fn it_lists_own_keys_and_what_can_be_done_with_them() {
    let world = World::new().await;
    let (person, other) = (world.person("a@keyward.example").await, world.person("b@keyward.example").await);
    let id = |key: &serde_json::Value| key["api_key"].as_str().unwrap().to_owned();
    let (bot, spare, gone) =
        (id(&person.key("TradingBot").await), id(&person.key("Spare").await), id(&person.key("Gone").await));
    let foreign = id(&other.key("Foreign").await);
    let named = |name: &str| json!({"name": name, "factor": PASSWORD});
    let disabled = person.api("POST", &format!("/keys/{spare}/disable"), named("Spare")).await;
    assert_eq!(disabled.status, 200, "{}", disabled.text);
    let deleted = person.api("DELETE", &format!("/keys/{gone}"), named("Gone")).await;
    assert_eq!(deleted.status, 200, "{}", deleted.text);

    let list = Tab::of(&world, &person).await.part("/palette").await;
    assert_eq!(list.status, 200, "{}", list.text);
    let entry = |href: &str| list.text.contains(&format!("href=\"{href}\""));
    for step in ["", "/disable", "/rotate"] {
        assert!(entry(&format!("/keys/{bot}{step}")), "{step}: {}", list.text);
    }
    assert!(list.text.contains("Disable TradingBot") && list.text.contains("Rotate TradingBot"));
    assert!(entry(&format!("/keys/{spare}/enable")) && !entry(&format!("/keys/{spare}/disable")));
    for (place, what) in
        [("/keys/new", "an action"), ("/security/passkeys/new", "an action"), ("/trail", "a page")]
    {
        assert!(entry(place), "{what}: {place}");
    }
    assert!(!list.text.contains(&gone), "an ended key is not offered");
    assert!(!list.text.contains(&foreign) && !list.text.contains("Foreign"), "nothing of others");
    assert!(!list.text.contains("/operations") && !entry("/apps"), "no page of another role");
    assert!(!list.text.contains("<html") && !list.text.contains(&person.email), "a part of a page");
}

#[tokio::test]
async fn operators_find_their_pages_too() {
    let world = World::new().await;
    let (ann, _) = two_operators(&world).await;
    let list = Tab::of(&world, &ann).await.part("/palette").await.text;
    assert!(
        list.contains("Operations: Work queue") && list.contains("href=\"/operations/settings\""),
        "{list}"
    );
}

#[tokio::test]
async fn strangers_get_neither_the_list_nor_its_frame() {
    let world = World::new().await;
    let asked = |path: &str| Request::builder().uri(path.to_owned());
    let reply = world.send(HOME, asked("/palette").body(Body::empty()).unwrap()).await;
    assert_eq!((reply.status, reply.headers["location"].to_str().unwrap()), (303, "/sign-in"));
    let script = asked("/palette").header("hx-request", "true").body(Body::empty()).unwrap();
    let reply = world.send(HOME, script).await;
    assert!(reply.status == 204 && reply.text.is_empty(), "{}", reply.text);
    let door = world.send(HOME, asked("/sign-in").body(Body::empty()).unwrap()).await.text;
    assert!(!door.contains("data-palette") && !door.contains("<dialog"), "{door}");
    // Without scripts the button is hidden, and the dialog stays closed.
    let person = world.person("a@keyward.example").await;
    let framed = Tab::of(&world, &person).await.get("/overview").await.text;
    let button = framed.split("<button type=\"button\" class=\"search\"").nth(1).unwrap_or_default();
    assert!(button.split('>').next().unwrap_or_default().ends_with(" hidden"), "{framed}");
    assert!(framed.contains("<dialog class=\"palette\" id=\"palette\" aria-label="), "{framed}");
}
