//! Actions on several keys: all of the selected ones are changed, or none, and no other.

use serde_json::{Value, json};

use crate::audit::records;
use crate::tab::Tab;
use crate::world::{PASSWORD, Person, World};

const DISABLE: &str = "/keys/disable-selected";
const ENABLE: &str = "/keys/enable-selected";
const DELETE: &str = "/keys/delete-selected";

/// The body that disables or deletes these keys, by id and name.
fn named(keys: &[(&str, &str)]) -> Value {
    let keys: serde_json::Map<String, Value> =
        keys.iter().map(|(id, name)| ((*id).to_owned(), json!(name))).collect();
    json!({"keys": keys, "factor": PASSWORD})
}

async fn key(person: &Person<'_>, name: &str) -> String {
    person.key(name).await["api_key"].as_str().unwrap().to_owned()
}

async fn state(person: &Person<'_>, key: &str) -> String {
    person.get(&format!("/keys/{key}")).await.field("state")
}

async fn states(person: &Person<'_>, keys: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for key in keys {
        found.push(state(person, key).await);
    }
    found
}

#[tokio::test]
async fn the_selected_keys_are_disabled_and_no_other() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let [one, two, three] =
        [key(&person, "one").await, key(&person, "two").await, key(&person, "three").await];
    let tab = Tab::of(&world, &person).await;
    let selected = [("key", one.as_str()), ("key", two.as_str()), ("key", one.as_str())];
    let asked = tab.post(DISABLE, &selected).await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    assert!(asked.text.contains("Disable 2 API keys") && asked.text.contains("name=\"factor\""));
    assert!(asked.text.contains("“one”") && asked.text.contains("“two”") && !asked.text.contains("“three”"));
    assert_eq!(asked.text.matches("name=\"key\" value=").count(), 2, "each of them once: {}", asked.text);
    let wrong = [selected[0], selected[1], ("factor", "wrong-horse-12-battery")];
    assert_eq!(tab.post(DISABLE, &wrong).await.status, 422);
    assert_eq!(states(&person, &[&one, &two, &three]).await, ["active"; 3]);

    let before = records(&world).len();
    let done = tab.post(DISABLE, &[selected[0], selected[1], ("factor", PASSWORD)]).await;
    assert_eq!((done.status, done.headers["location"].to_str().unwrap()), (303, "/keys"), "{}", done.text);
    assert!(tab.get("/keys").await.text.contains("The selected keys are disabled."));
    assert_eq!(states(&person, &[&one, &two, &three]).await, ["disabled", "disabled", "active"]);
    let all = records(&world);
    assert_eq!(all.len(), before + 1, "one record for all of them");
    let record: Value = serde_json::from_str(all.last().unwrap()).unwrap();
    let facts = record["facts"]["disabled"].as_str().unwrap();
    assert_eq!(record["action"], "key.disable_selected");
    assert!(facts.contains(&one) && facts.contains(&two) && !facts.contains(&three), "{record}");
    assert!(record["facts"]["names"].as_str().unwrap().contains("“two”"), "{record}");
    let mails = world.mails(&person.email).await;
    assert_eq!(mails.iter().filter(|mail| mail.contains("An API key was disabled")).count(), 2);

    let again = tab.post(DISABLE, &[selected[1], selected[0]]).await;
    assert!(again.text.contains("There is no key to disable"), "{}", again.text);
    let body = named(&[(&one, "one"), (&two, "two")]);
    assert_eq!(person.api("POST", DISABLE, body).await.code(), "unchanged");
    // One of them is disabled already: the other is disabled all the same.
    let mixed = tab.post(DISABLE, &[("key", &one), ("key", &three)]).await;
    assert!(mixed.text.contains("“one” is disabled and stays as it is."), "{}", mixed.text);
    let done = person.api("POST", DISABLE, named(&[(&one, "one"), (&three, "three")])).await;
    assert_eq!(done.json(), json!({"changed": [three]}), "{}", done.text);
}

#[tokio::test]
async fn keys_of_others_are_missing_and_nothing_is_done() {
    let world = World::new().await;
    let (person, other) = (world.person("a@keyward.example").await, world.person("b@keyward.example").await);
    let (mine, theirs) = (key(&person, "mine").await, key(&other, "theirs").await);
    let tab = Tab::of(&world, &person).await;
    let before = records(&world).len();
    for path in [DISABLE, ENABLE, DELETE] {
        for foreign in [theirs.as_str(), "0b7c2f1e-8a43-4d0f-9b2a-3c5d6e7f8091", "nonsense"] {
            let fields = [("key", mine.as_str()), ("key", foreign), ("factor", PASSWORD)];
            let refused = tab.post(path, &fields).await;
            assert_eq!(refused.status, 404, "{path} {foreign}: {}", refused.text);
            assert!(!refused.text.contains("theirs"), "{}", refused.text);
            let body = match path {
                ENABLE => json!({"api_keys": [mine, foreign]}),
                _ => named(&[(&mine, "mine"), (foreign, "theirs")]),
            };
            assert_eq!(person.api("POST", path, body).await.status, 404, "{path} {foreign}");
        }
    }
    assert_eq!(
        (state(&person, &mine).await, state(&other, &theirs).await),
        ("active".into(), "active".into())
    );
    assert_eq!(records(&world).len(), before);
}

#[tokio::test]
async fn keys_that_have_ended_are_left_out_by_the_page_and_refused_by_the_api() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let [one, two, gone] = [key(&person, "one").await, key(&person, "two").await, key(&person, "gone").await];
    let tab = Tab::of(&world, &person).await;
    let deleted = tab.post(DELETE, &[("key", gone.as_str()), ("factor", PASSWORD)]).await;
    assert_eq!(deleted.status, 303, "{}", deleted.text);
    assert!(tab.get("/keys").await.text.contains("The selected keys are deleted."));
    for path in [DISABLE, DELETE] {
        let body = named(&[(&one, "one"), (&gone, "gone")]);
        assert_eq!(person.api("POST", path, body).await.code(), "key_ended", "{path}");
        let asked = tab.post(path, &[("key", one.as_str()), ("key", gone.as_str())]).await.text;
        assert!(
            asked.contains("1 API key") && asked.contains("“gone” is deleted and stays as it is."),
            "{asked}"
        );
    }
    assert_eq!(states(&person, &[&one, &two, &gone]).await, ["active", "active", "deleted"]);
    let only = tab.post(DELETE, &[("key", gone.as_str())]).await.text;
    assert!(only.contains("There is no key to delete"), "{only}");
    let both = named(&[(&two, "two"), (&one, "one")]);
    let done = person.api("POST", DELETE, both).await;
    let mut changed: Vec<String> = serde_json::from_value(done.json()["changed"].clone()).unwrap();
    changed.sort();
    let mut expected = vec![one.clone(), two.clone()];
    expected.sort();
    assert_eq!(changed, expected, "{}", done.text);
    assert_eq!(states(&person, &[&one, &two]).await, ["deleted"; 2]);
}

#[tokio::test]
async fn an_empty_selection_says_what_to_do() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let one = key(&person, "one").await;
    let tab = Tab::of(&world, &person).await;
    for (path, lists) in [(DISABLE, true), (DELETE, true), (ENABLE, false)] {
        let form = tab.get(path).await;
        assert_eq!(form.status, 200, "{path}: {}", form.text);
        assert_eq!(form.text.contains(&format!("name=\"key\" value=\"{one}\"")), lists, "{path}");
        assert!(!form.text.contains("role=\"alert\""), "{path}: {}", form.text);
        let empty = tab.post(path, &[]).await;
        assert!(empty.text.contains("Select at least one key."), "{path}: {}", empty.text);
    }
    let many: Vec<String> = (0..101).map(|at| format!("0b7c2f1e-8a43-4d0f-9b2a-{at:012x}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|id| (id.as_str(), "x")).collect();
    for body in [named(&[]), named(&many)] {
        let refused = person.api("POST", DELETE, body).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "bad_keys"));
    }
    let asked = person.api("POST", DISABLE, json!({"keys": {(one.as_str()): "one"}})).await;
    assert_eq!(asked.code(), "factor_required");
    assert!(asked.json()["approves"].to_string().contains("“one”"), "{}", asked.text);
    assert_eq!(state(&person, &one).await, "active");
}

#[tokio::test]
async fn a_step_up_enables_exactly_the_keys_that_it_names() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let [one, two, three] =
        [key(&person, "one").await, key(&person, "two").await, key(&person, "three").await];
    let tab = Tab::of(&world, &person).await;
    let stopped = named(&[(&one, "one"), (&two, "two"), (&three, "three")]);
    assert_eq!(person.api("POST", DISABLE, stopped).await.status, 200);

    let asked = person.api("POST", ENABLE, json!({"api_keys": [one]})).await;
    assert_eq!(asked.code(), "step_up_required", "{}", asked.text);
    let more =
        person.answer("POST", ENABLE, json!({"api_keys": [one, two]}), &asked.field("challenge")).await;
    assert_eq!(more.code(), "challenge_for_something_else");
    let weak = json!({"api_keys": [one], "factor": PASSWORD});
    assert_eq!(person.api("POST", ENABLE, weak).await.code(), "bad_body", "one factor is not enough");
    assert_eq!(states(&person, &[&one, &two, &three]).await, ["disabled"; 3]);

    let done = tab.stepped_up(ENABLE, &[("key", one.as_str()), ("key", two.as_str())]).await;
    assert_eq!(done.status, 303, "{}", done.text);
    assert!(tab.get("/keys").await.text.contains("The selected keys are enabled."));
    assert_eq!(states(&person, &[&one, &two, &three]).await, ["active", "active", "disabled"]);
    let again = person.api("POST", ENABLE, json!({"api_keys": [one, three]})).await;
    assert_eq!((again.status, again.code().as_str()), (409, "unchanged"), "one of them is active");
}

#[tokio::test]
async fn harm_takes_the_names_and_a_leaked_key_is_not_enabled_among_others() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let [one, two] = [key(&person, "one").await, key(&person, "two").await];
    for path in [DISABLE, DELETE] {
        for other in ["two", "One", "", "one ", "onе"] {
            let refused = person.api("POST", path, named(&[(&one, other), (&two, "two")])).await;
            assert_eq!(refused.code(), "name_mismatch", "{path} {other}");
        }
        let by_id = json!({"api_keys": [one], "factor": PASSWORD});
        assert_eq!(person.api("POST", path, by_id).await.code(), "bad_body", "{path}");
    }
    assert_eq!(states(&person, &[&one, &two]).await, ["active"; 2]);

    let leak = json!({"name": "one", "factor": PASSWORD});
    assert_eq!(person.api("POST", &format!("/keys/{one}/leaked"), leak).await.status, 200);
    assert_eq!(person.api("POST", DISABLE, named(&[(&two, "two")])).await.status, 200);
    let refused = person.api("POST", ENABLE, json!({"api_keys": [one, two]})).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "other_way"), "{}", refused.text);
    let tab = Tab::of(&world, &person).await;
    let asked = tab.post(ENABLE, &[("key", one.as_str()), ("key", two.as_str())]).await.text;
    assert!(asked.contains("“one” is reported as leaked and stays as it is."), "{asked}");
    assert!(asked.contains("Enable 1 API key"), "{asked}");
}
