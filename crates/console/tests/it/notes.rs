//! What a page tells once after something was done: kept with the session, and never read from an address.

use crate::operators::two_operators;
use crate::tab::Tab;
use crate::world::{PASSWORD, World};

/// The banner of a note.
const BANNER: &str = "<p class=\"note\" role=\"status\">";

/// Words that were once read from `?note=`, and others of their like.
const WORDS: [&str; 16] = [
    "disabled",
    "enabled",
    "deleted",
    "edited",
    "addresses",
    "ended",
    "leaked",
    "all-disabled",
    "password",
    "reset",
    "passkey-removed",
    "sessions-ended",
    "approved",
    "operator",
    "ALL-DISABLED",
    "<b>all keys are disabled</b>",
];

#[tokio::test]
async fn a_word_in_an_address_is_told_by_no_page() {
    let world = World::new().await;
    let (officer, _) = two_operators(&world).await;
    let key = officer.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let tab = Tab::of(&world, &officer).await;
    let account = officer.get("/account").await.json()["id"].as_str().unwrap_or("1").to_owned();
    let paths = [
        "/keys".to_owned(),
        "/keys/new".to_owned(),
        format!("/keys/{key}"),
        format!("/keys/{key}/disable"),
        "/activity".to_owned(),
        "/alerts".to_owned(),
        "/alerts/channels".to_owned(),
        "/security".to_owned(),
        "/trail".to_owned(),
        "/apps".to_owned(),
        "/operations".to_owned(),
        "/operations/accounts".to_owned(),
        format!("/operations/accounts/{account}"),
        "/operations/keys".to_owned(),
        format!("/operations/keys/{key}"),
        "/operations/apps".to_owned(),
        "/operations/staff".to_owned(),
        "/operations/settings".to_owned(),
        "/operations/proposals".to_owned(),
        "/operations/audit".to_owned(),
        "/sign-in".to_owned(),
        "/recover".to_owned(),
        "/api".to_owned(),
    ];
    for path in &paths {
        for word in WORDS {
            let word: String = word.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let shown = tab.get(&format!("{path}?note={word}")).await;
            assert_eq!(shown.status, 200, "{path}: {}", shown.text);
            assert!(!shown.text.contains(BANNER), "{path} tells {word}");
        }
    }
}

#[tokio::test]
async fn a_note_is_told_once_and_to_its_own_session() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let key = person.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let (tab, other) = (Tab::of(&world, &person).await, Tab::of(&world, &person).await);
    let stranger = world.person("b@keyward.example").await;
    let stranger = Tab::of(&world, &stranger).await;
    let disabled = tab.post(&format!("/keys/{key}/disable"), &[("name", "bot"), ("factor", PASSWORD)]).await;
    assert_eq!(
        (disabled.status, disabled.headers["location"].to_str().unwrap()),
        (303, &*format!("/keys/{key}"))
    );
    // Neither another session of the person, nor somebody else, nor a list that refreshes itself takes it.
    for page in [other.get("/keys").await, stranger.get("/keys").await] {
        assert!(page.status == 200 && !page.text.contains(BANNER));
    }
    for part in ["/keys?fragment=rows&q=", "/keys"] {
        let rows = tab.part(part).await;
        assert!(rows.status == 200 && !rows.text.contains(BANNER), "{part}");
    }
    assert_eq!(tab.get("/keys?fragment=rows&q=").await.status, 200);
    let refused = tab.post(&format!("/keys/{key}"), &[("name", ""), ("tags", "")]).await;
    assert!(refused.status == 422 && !refused.text.contains(BANNER), "nor a form that is refused");

    let told = tab.get(&format!("/keys/{key}")).await.text;
    assert!(told.contains(&format!("{BANNER}The key is disabled.")), "{told}");
    assert!(!tab.get(&format!("/keys/{key}")).await.text.contains(BANNER), "once");
    assert!(!other.get(&format!("/keys/{key}")).await.text.contains(BANNER));
}

#[tokio::test]
async fn the_newest_note_is_the_one_that_is_told() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let key = person.key("bot").await["api_key"].as_str().unwrap().to_owned();
    let tab = Tab::of(&world, &person).await;
    assert_eq!(tab.post(&format!("/keys/{key}"), &[("name", "bot 2"), ("tags", "")]).await.status, 303);
    let all = tab.post("/keys/disable-all", &[("factor", PASSWORD)]).await;
    assert_eq!((all.status, all.headers["location"].to_str().unwrap()), (303, "/keys"));
    let told = tab.get("/keys").await.text;
    assert!(told.contains(&format!("{BANNER}All keys are disabled.")) && !told.contains("Saved."), "{told}");
    assert!(!tab.get("/keys").await.text.contains(BANNER));
}
