//! Deleting the keys that nobody used: what the preview lists, what is deleted, and what is not.

use keyward_rules::id::KeyId;
use keyward_rules::limits::DAY_MS;
use keyward_store::LastUse;
use serde_json::{Value, json};

use crate::audit::records;
use crate::tab::{Tab, value};
use crate::world::{PASSWORD, Person, World};

const PATH: &str = "/keys/delete-unused";

async fn key(person: &Person<'_>, name: &str) -> String {
    person.key(name).await["api_key"].as_str().unwrap().to_owned()
}

async fn used(world: &World, key: &str) {
    let key: KeyId = key.parse().unwrap();
    let last = LastUse { key, at: world.now(), from: "127.0.0.1".parse().unwrap() };
    world.store.usage().record(&[last]).await.unwrap();
}

async fn state(person: &Person<'_>, key: &str) -> String {
    person.get(&format!("/keys/{key}")).await.field("state")
}

/// Three keys after 100 days: never used, used on the first day, and used now.
async fn three(world: &World, person: &Person<'_>) -> [String; 3] {
    let [never, once, now] =
        [key(person, "never").await, key(person, "once").await, key(person, "now").await];
    used(world, &once).await;
    world.pass_days(100);
    used(world, &now).await;
    [never, once, now]
}

#[tokio::test]
async fn the_preview_lists_what_is_deleted_and_nothing_else_is() {
    let world = World::new().await;
    let (person, other) = (world.person("a@keyward.example").await, world.person("b@keyward.example").await);
    let foreign = key(&other, "foreign").await;
    let [never, once, now] = three(&world, &person).await;
    let (person, other) = (person.sign_in_again().await, other.sign_in_again().await);
    let since = world.now().unix_ms() - 30 * DAY_MS;
    let preview = person.api("POST", PATH, json!({"not_used_since_ms": since})).await;
    assert_eq!((preview.status, preview.code().as_str()), (403, "factor_required"));
    let words = preview.json()["approves"].to_string();
    assert!(words.contains(&never) && words.contains(&once) && !words.contains(&now), "{words}");
    assert!(words.contains("Delete 2 API keys") && !words.contains(&foreign), "{words}");
    let done = person.api("POST", PATH, json!({"not_used_since_ms": since, "factor": PASSWORD})).await;
    let mut deleted: Vec<String> = serde_json::from_value(done.json()["deleted"].clone()).unwrap();
    let mut expected = vec![never.clone(), once.clone()];
    deleted.sort();
    expected.sort();
    assert_eq!(deleted, expected, "{}", done.text);
    assert_eq!(state(&person, &never).await, "deleted");
    assert_eq!(state(&person, &now).await, "active");
    assert_eq!(state(&other, &foreign).await, "active", "another account's key stays");
    let record: Value = serde_json::from_str(records(&world).last().unwrap()).unwrap();
    assert_eq!(record["action"], "key.delete_unused");
    assert!(record["facts"]["deleted"].as_str().unwrap().contains(&once));
    let again = person.api("POST", PATH, json!({"not_used_since_ms": since, "factor": PASSWORD})).await;
    assert_eq!(
        (again.status, again.code().as_str()),
        (409, "none_unused"),
        "a second time there is nothing left"
    );
    let mails = world.mails("a@keyward.example").await;
    assert_eq!(mails.iter().filter(|mail| mail.contains("An API key was deleted")).count(), 2);
}

#[tokio::test]
async fn a_moment_of_today_and_a_wrong_factor_delete_nothing() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let [never, ..] = three(&world, &person).await;
    let person = person.sign_in_again().await;
    let (now, day) = (world.now().unix_ms(), DAY_MS);
    for since in [now, now - day + 1, now + day, u64::MAX] {
        let refused = person.api("POST", PATH, json!({"not_used_since_ms": since, "factor": PASSWORD})).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "bad_moment"), "{since}");
    }
    let body = json!({"not_used_since_ms": now - day, "factor": "wrong-horse-12-battery"});
    assert_eq!(person.api("POST", PATH, body).await.code(), "factor_wrong");
    assert_eq!(state(&person, &never).await, "active");
}

#[tokio::test]
async fn a_key_that_an_operator_froze_stays() {
    let world = World::new().await;
    let (ann, _) = crate::operators::two_operators(&world).await;
    let person = world.person("a@keyward.example").await;
    let [never, once, _] = three(&world, &person).await;
    let (person, ann) = (person.sign_in_again().await, ann.sign_in_again().await);
    let frozen = json!({"why": "looks odd", "factor": PASSWORD});
    let path = format!("/operations/keys/{once}/freeze");
    assert_eq!(ann.api("POST", &path, frozen).await.status, 204);
    let disabled = json!({"name": "never", "factor": PASSWORD});
    assert_eq!(person.api("POST", &format!("/keys/{never}/disable"), disabled).await.status, 200);
    let since = world.now().unix_ms() - 30 * DAY_MS;
    let preview = person.api("POST", PATH, json!({"not_used_since_ms": since})).await;
    let words = preview.json()["approves"].to_string();
    assert!(words.contains("disabled, never used") && !words.contains(&once), "{words}");
    let done = person.api("POST", PATH, json!({"not_used_since_ms": since, "factor": PASSWORD})).await;
    assert_eq!(done.json(), json!({"deleted": [never]}), "{}", done.text);
}

#[tokio::test]
async fn the_page_asks_for_days_then_lists_the_keys_then_for_a_factor() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let [never, once, now] = three(&world, &person).await;
    let person = person.sign_in_again().await;
    let tab = Tab::of(&world, &person).await;
    let form = tab.get(PATH).await;
    assert!(form.status == 200 && form.text.contains("value=\"90\""), "{}", form.text);
    for wrong in ["0", "-1", "x", "3651", "1.5"] {
        let again = tab.post(PATH, &[("days", wrong)]).await;
        assert!(again.text.contains("whole number of days") && !again.text.contains(&never), "{wrong}");
    }
    let nothing = tab.post(PATH, &[("days", "101")]).await;
    assert!(nothing.text.contains("nothing to delete"), "{}", nothing.text);
    let listed = tab.post(PATH, &[("days", "30")]).await;
    assert!(listed.text.contains(&never) && listed.text.contains(&once) && !listed.text.contains(&now));
    let since = value(&listed.text, "not_used_since");
    // Used between the preview and the answer: it stays.
    used(&world, &once).await;
    let done = tab.post(PATH, &[("days", ""), ("not_used_since", &since), ("factor", PASSWORD)]).await;
    assert_eq!(done.status, 303, "{}", done.text);
    assert!(tab.get("/keys").await.text.contains("The unused keys are deleted."));
    assert_eq!([state(&person, &never).await, state(&person, &once).await], ["deleted", "active"]);
}
