//! The list of keys: its order, its filters, what its rows show and what they do not.

use keyward_rules::id::KeyId;
use keyward_store::LastUse;
use serde_json::json;

use crate::tab::Tab;
use crate::world::{PASSWORD, Person, World, wish};

/// The names in the order of the rows.
fn names(page: &str) -> Vec<&str> {
    let links = page.split("<a class=\"name\" href=\"/keys/").skip(1);
    links.filter_map(|rest| rest.split_once('>')?.1.split('<').next()).collect()
}

async fn listed(tab: &Tab<'_>, query: &str) -> Vec<String> {
    let shown = tab.get(&format!("/keys{query}")).await;
    assert_eq!(shown.status, 200, "{query}: {}", shown.text);
    names(&shown.text).into_iter().map(str::to_owned).collect()
}

async fn used(world: &World, key: &str) {
    let key: KeyId = key.parse().unwrap();
    let last = LastUse { key, at: world.now(), from: "203.0.113.7".parse().unwrap() };
    world.store.usage().record(&[last]).await.unwrap();
}

/// Alpha and beta, which is unbound, Gamma, which may withdraw, delta, which is disabled, and epsilon, which is deleted. Alpha was
/// used before beta. Their ids.
async fn five(world: &World, person: &Person<'_>) -> [String; 5] {
    let make = async |name: &str| person.key(name).await["api_key"].as_str().unwrap().to_owned();
    let alpha = make("Alpha").await;
    let mut loose = wish("beta");
    loose["from"] = json!({"reach": "anywhere"});
    let beta = person.approved("POST", "/keys", loose).await.field("api_key");
    let mut payer = wish("Gamma");
    payer["permissions"] = json!(["read", "withdraw"]);
    let gamma = person.approved("POST", "/keys", payer).await.field("api_key");
    let (delta, epsilon) = (make("delta").await, make("epsilon").await);
    let confirmed = |name: &str| json!({"name": name, "factor": PASSWORD});
    let disabled = person.api("POST", &format!("/keys/{delta}/disable"), confirmed("delta")).await;
    let deleted = person.api("DELETE", &format!("/keys/{epsilon}"), confirmed("epsilon")).await;
    assert_eq!((disabled.status, deleted.status), (200, 200));
    used(world, &alpha).await;
    world.pass_ms(1_000);
    used(world, &beta).await;
    [alpha, beta, gamma, delta, epsilon]
}

#[tokio::test]
async fn the_list_is_sorted_by_its_headings_in_both_directions() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    five(&world, &person).await;
    let tab = Tab::of(&world, &person).await;
    for (sort, expected) in [
        ("", ["delta", "Gamma", "beta", "Alpha"]),
        ("created", ["delta", "Gamma", "beta", "Alpha"]),
        ("-created", ["Alpha", "beta", "Gamma", "delta"]),
        ("name", ["Alpha", "beta", "delta", "Gamma"]),
        ("-name", ["Gamma", "delta", "beta", "Alpha"]),
        ("used", ["beta", "Alpha", "delta", "Gamma"]),
        ("-used", ["delta", "Gamma", "Alpha", "beta"]),
        ("ending", ["beta", "delta", "Gamma", "Alpha"]),
        ("state", ["Gamma", "beta", "Alpha", "delta"]),
        ("-state", ["delta", "Gamma", "beta", "Alpha"]),
        ("nonsense", ["delta", "Gamma", "beta", "Alpha"]),
    ] {
        assert_eq!(listed(&tab, &format!("?sort={sort}")).await, expected, "{sort}");
    }
    let shown = tab.get("/keys?sort=used&permission=trade").await.text;
    assert_eq!(shown.matches("aria-sort=").count(), 1, "one column says that it is the order");
    assert!(shown.contains("aria-sort=\"descending\"") && shown.contains("/keys?sort=-used"), "{shown}");
    assert!(shown.contains("permission=trade\">Name and key"), "a heading keeps the filter: {shown}");
    let rows = tab.part("/keys?fragment=rows&sort=name").await.text;
    assert_eq!(names(&rows), ["Alpha", "beta", "delta", "Gamma"]);
    assert!(!rows.contains("<html") && !rows.contains("csrf"), "{rows}");
}

#[tokio::test]
async fn filters_narrow_the_list_and_say_how_far() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let [alpha, .., epsilon] = five(&world, &person).await;
    let tagged = json!({"name": "Alpha", "tags": ["grid"]});
    assert_eq!(person.api("PATCH", &format!("/keys/{alpha}"), tagged).await.status, 200);
    let tab = Tab::of(&world, &person).await;
    for (query, expected) in [
        ("?state=active", &["Gamma", "beta", "Alpha"][..]),
        ("?state=disabled", &["delta"]),
        ("?state=ended", &["epsilon"]),
        ("?state=all", &["epsilon", "delta", "Gamma", "beta", "Alpha"]),
        ("?ended=yes", &["epsilon", "delta", "Gamma", "beta", "Alpha"]),
        ("?state=held", &[]),
        ("?state=expiring", &[]),
        ("?permission=withdraw", &["Gamma"]),
        ("?permission=manage", &[]),
        ("?bound=no", &["beta"]),
        ("?bound=yes", &["delta", "Gamma", "Alpha"]),
        ("?tag=grid", &["Alpha"]),
        ("?q=GAM", &["Gamma"]),
        ("?q=127.0.0.1&bound=yes&state=active", &["Gamma", "Alpha"]),
        ("?unused=30", &[]),
        ("?state=nonsense&permission=x&bound=maybe&unused=many", &["delta", "Gamma", "beta", "Alpha"]),
    ] {
        assert_eq!(listed(&tab, query).await, expected, "{query}");
    }
    assert_eq!(listed(&tab, &format!("?q={}", &alpha[..8])).await, ["Alpha"]);
    let plain = tab.get("/keys").await.text;
    assert!(plain.contains("4 of 4 shown") && !plain.contains(">Clear</a>"), "{plain}");
    let one = tab.get("/keys?permission=withdraw").await.text;
    assert!(one.contains("1 of 4 shown") && one.contains("<a href=\"/keys\">Clear</a>"), "{one}");
    assert!(tab.get("/keys?ended=yes").await.text.contains("5 of 5 shown"));
    let none = tab.get("/keys?state=held").await.text;
    assert!(none.contains("No key matches") && none.contains("0 of 4 shown"), "{none}");
    // A key that has ended cannot be selected.
    let all = tab.get("/keys?state=all").await.text;
    assert_eq!(all.matches("<input type=\"checkbox\" name=\"key\"").count(), 4);
    assert!(!all.contains(&format!("name=\"key\" value=\"{epsilon}\"")));

    world.pass_days(31);
    let person = person.sign_in_again().await;
    let tab = Tab::of(&world, &person).await;
    assert_eq!(listed(&tab, "?unused=30").await, ["delta", "Gamma", "beta", "Alpha"]);
    used(&world, &alpha).await;
    assert_eq!(listed(&tab, "?unused=30").await, ["delta", "Gamma", "beta"]);
    assert!(listed(&tab, "?unused=60").await.is_empty());
    assert_eq!(listed(&tab, "?unused=7").await, ["delta", "Gamma", "beta"]);
    assert_eq!(listed(&tab, "?unused=31").await, ["delta", "Gamma", "beta"], "any number of days");
    assert!(listed(&tab, "?unused=32").await.is_empty());
    assert_eq!(listed(&tab, "?unused=0").await.len(), 4, "no number of days narrows nothing");
    let shown = tab.get("/keys?unused=30").await.text;
    assert!(shown.contains("These keys were not used for 30 days."), "{shown}");
    assert!(shown.contains("Disable selected") && shown.contains("Delete selected"), "one action for many");
    // An unbound key is deleted after 30 days without use, so beta ends soon.
    assert_eq!(listed(&tab, "?state=expiring").await, ["beta"]);
}

#[tokio::test]
async fn unused_keys_are_found_by_programs_and_on_the_overview_and_disabled_at_once() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let [alpha, _, gamma, delta, _] = five(&world, &person).await;
    let named = async |person: &Person<'_>, query: &str| -> Vec<String> {
        let page = person.get(&format!("/keys{query}")).await.json();
        page["keys"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect()
    };
    assert!(named(&person, "?unused_days=1").await.is_empty());
    let fresh = Tab::of(&world, &person).await.get("/overview").await.text;
    assert!(!fresh.contains("not used for 30 days"), "{fresh}");
    world.pass_days(31);
    used(&world, &alpha).await;
    let person = person.sign_in_again().await;
    assert_eq!(named(&person, "?unused_days=30").await, ["delta", "Gamma", "beta"]);
    assert_eq!(named(&person, "?unused_days=30&ended=true").await, ["delta", "Gamma", "beta"], "living ones");
    for bad in ["0", "3651"] {
        let refused = person.get(&format!("/keys?unused_days={bad}")).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "bad_unused_days"));
    }
    let tab = Tab::of(&world, &person).await;
    let overview = tab.get("/overview").await.text;
    let prompt = "<a href=\"/keys?unused=30\">3 keys were not used for 30 days: look at them</a>";
    assert!(overview.contains(prompt), "{overview}");
    // One action for those that were chosen: of three, two are deleted.
    let body = json!({"keys": {&gamma: "Gamma", &delta: "delta"}, "factor": PASSWORD});
    let done = person.api("POST", "/keys/delete-selected", body).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let overview = tab.get("/overview").await.text;
    assert!(overview.contains("1 key was not used for 30 days: look at it"), "{overview}");
    let other = world.person("b@keyward.example").await;
    assert!(named(&other, "?unused_days=1").await.is_empty(), "nobody else's keys are listed");
}

#[tokio::test]
async fn a_row_shows_what_a_key_is_and_nobody_elses() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let [alpha, beta, ..] = five(&world, &person).await;
    let tab = Tab::of(&world, &person).await;
    let shown = tab.get("/keys").await.text;
    assert!(shown.contains(&format!(">{alpha}</code>")), "the whole key is in the page: {shown}");
    for link in ["disable", "rotate", "addresses", "delete"] {
        assert!(shown.contains(&format!("href=\"/keys/{alpha}/{link}\"")), "{link}: {shown}");
    }
    assert!(shown.contains(&format!("href=\"/keys/new?from={beta}\"")) && shown.contains("Select beta"));
    assert!(shown.contains(">127.0.0.1 +1</a>") && shown.contains("unbound</a>"), "{shown}");
    assert!(shown.contains("<span class=\"word\">Withdraw</span>"), "{shown}");
    assert!(shown.contains("4 of 50 in use") && shown.contains("1 unbound"), "{shown}");
    let stranger = world.person("b@keyward.example").await;
    let other = Tab::of(&world, &stranger).await.get("/keys?state=all").await.text;
    assert!(names(&other).is_empty() && other.contains("No keys yet"), "{other}");
}
