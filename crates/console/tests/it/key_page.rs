//! One key's pages: its tabs, the one action that it needs, its settings, and what is left of a key that has ended.

use serde_json::json;

use crate::app_pages::{key as app_key, made, open_app, went_to};
use crate::operators::two_operators;
use crate::successors::created;
use crate::tab::Tab;
use crate::world::{PASSWORD, Person, World, wish};

const TABS: [&str; 3] = ["", "/activity", "/settings"];

async fn key(person: &Person<'_>, name: &str) -> String {
    person.key(name).await["api_key"].as_str().unwrap().to_owned()
}

/// Where the one primary action of a key's page leads.
fn primary(page: &str) -> String {
    let mut found = page.split("class=\"button primary\" href=\"").skip(1);
    let first = found.next().unwrap_or_else(|| panic!("no primary action in {page}"));
    assert!(found.next().is_none(), "two primary actions in {page}");
    first.split('"').next().unwrap().to_owned()
}

/// The addresses that the menu of a key's page leads to.
fn menu(page: &str) -> Vec<String> {
    let Some((_, rest)) = page.split_once("<details class=\"menu more\">") else {
        panic!("no menu in {page}")
    };
    let sheet = rest.split("</details>").next().unwrap();
    sheet
        .split("<a ")
        .skip(1)
        .filter_map(|link| link.split("href=\"").nth(1))
        .map(|link| link.split('"').next().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn the_tabs_are_links_and_a_foreign_key_has_none() {
    let world = World::new().await;
    let (person, other) = (world.person("a@keyward.example").await, world.person("b@keyward.example").await);
    let id = key(&person, "Treasure chest").await;
    let (tab, stranger) = (Tab::of(&world, &person).await, Tab::of(&world, &other).await);
    for open in TABS {
        let shown = tab.get(&format!("/keys/{id}{open}")).await;
        assert_eq!(shown.status, 200, "{open}: {}", shown.text);
        for link in TABS {
            let current = if link == open { " aria-current=\"page\"" } else { "" };
            let link = format!("<a href=\"/keys/{id}{link}\"{current}>");
            assert!(shown.text.contains(&link), "{open}: {link} in {}", shown.text);
        }
        assert!(shown.text.contains("Treasure chest <span class=\"state active\">active</span>"), "{open}");
        assert!(shown.text.contains(&format!("<span id=\"c-id\" hidden>{id}</span>")), "all of it is copied");

        let foreign = stranger.get(&format!("/keys/{id}{open}")).await;
        assert_eq!(foreign.status, 404, "{open}: {}", foreign.text);
        assert!(!foreign.text.contains("Treasure") && !foreign.text.contains("127.0.0.1"), "{open}");
    }
    for fields in [[("name", "Mine"), ("tags", "")], [("name", ""), ("tags", "<b>")]] {
        let forged = stranger.post(&format!("/keys/{id}"), &fields).await;
        assert!(forged.status == 404 && !forged.text.contains("Treasure"), "{}", forged.text);
    }
    assert_eq!(tab.get("/keys/nonsense/settings").await.status, 404);
    assert_eq!(person.get(&format!("/keys/{id}")).await.json()["name"], "Treasure chest");
}

#[tokio::test]
async fn the_primary_action_is_what_the_key_needs() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let id = key(&person, "bot").await;
    let tab = Tab::of(&world, &person).await;
    let page = format!("/keys/{id}");
    let factor = [("name", "bot"), ("factor", PASSWORD)];
    let shown = tab.get(&page).await.text;
    assert_eq!(primary(&shown), format!("{page}/rotate"));
    let rest = [
        format!("/keys/new?from={id}"),
        format!("{page}/addresses"),
        format!("{page}/limits"),
        format!("{page}/stop-trading"),
        format!("{page}/activity/export?format=csv"),
        format!("{page}/disable"),
        format!("{page}/leaked"),
        format!("{page}/delete"),
    ];
    assert_eq!(menu(&shown), rest);

    assert_eq!(tab.post(&format!("{page}/disable"), &factor).await.status, 303);
    let shown = tab.get(&page).await.text;
    assert_eq!(primary(&shown), format!("{page}/enable"));
    assert!(menu(&shown).contains(&format!("{page}/rotate")) && !menu(&shown).contains(&rest[5]), "{shown}");

    assert_eq!(tab.post(&format!("{page}/leaked"), &factor).await.status, 303);
    let shown = tab.get(&page).await.text;
    assert_eq!(primary(&shown), format!("/keys/new?from={id}"), "it is not enabled again without a thought");
    assert!(menu(&shown).contains(&format!("{page}/enable")), "{shown}");

    let wish = [("name", "bot 2"), ("passphrase", "Console-Pass2!"), ("hours", "24")];
    let next = created(&tab.stepped_up(&format!("{page}/rotate"), &wish).await);
    let shown = tab.get(&page).await.text;
    assert_eq!(primary(&shown), format!("{page}/end-overlap"));
    assert!(!menu(&shown).contains(&format!("{page}/rotate")), "it has a successor: {shown}");
    assert!(shown.contains(&format!("<dt>Successor</dt><dd><a href=\"/keys/{next}\">bot 2</a>")), "{shown}");
    let shown = tab.get(&format!("/keys/{next}")).await.text;
    assert!(shown.contains(&format!("<dt>Predecessor</dt><dd><a href=\"{page}\">bot</a>")), "{shown}");
}

#[tokio::test]
async fn a_frozen_key_is_offered_no_successor() {
    let world = World::new().await;
    let (ann, _) = two_operators(&world).await;
    let person = world.person("a@keyward.example").await;
    let id = key(&person, "bot").await;
    let why = json!({"why": "looks odd", "factor": PASSWORD});
    assert_eq!(ann.api("POST", &format!("/operations/keys/{id}/freeze"), why).await.status, 204);
    let tab = Tab::of(&world, &person).await;
    for open in ["", "/settings"] {
        let shown = tab.get(&format!("/keys/{id}{open}")).await.text;
        assert!(!shown.contains("button primary"), "{open}: {shown}");
        assert!(!shown.contains(&format!("/keys/{id}/rotate")), "{open}: {shown}");
        assert!(!shown.contains(&format!("/keys/new?from={id}")), "{open}: {shown}");
        assert!(menu(&shown).contains(&format!("/keys/{id}/delete")), "{open}: {shown}");
    }
}

#[tokio::test]
async fn the_settings_keep_name_and_tags_and_show_no_secret() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let (made, _) = (person.key("bot").await, person.key("other").await);
    let (id, secret) = (made["api_key"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let tab = Tab::of(&world, &person).await;
    let (page, settings) = (format!("/keys/{id}"), format!("/keys/{id}/settings"));
    let saved = tab.post(&page, &[("name", "grid bot"), ("tags", "grid, arb")]).await;
    assert_eq!(went_to(&saved), settings);
    let shown = tab.get(&settings).await.text;
    assert!(shown.contains("role=\"status\">") && shown.contains("Settings of grid bot"), "{shown}");
    assert!(shown.contains("value=\"grid bot\"") && shown.contains("value=\"arb, grid\""), "{shown}");
    assert!(shown.contains(&format!("action=\"{page}\"")), "scripts that post there go on: {shown}");
    assert!(shown.contains(&format!("href=\"{page}/addresses\"")) && shown.contains("127.0.0.1"), "{shown}");
    assert!(shown.contains("To change them, <a") && shown.contains("Danger zone"), "{shown}");
    for client in ["ccxt", "python-okx", "okx-api", "curl"] {
        assert!(shown.contains(&format!("name=\"client\" value=\"{client}\"")), "{client}: {shown}");
    }
    assert!(shown.contains("process.env") && shown.contains("https://api.example"), "{shown}");
    assert!(!shown.contains(secret) && !shown.contains(wish("bot")["passphrase"].as_str().unwrap()));

    let long = "xxxxxxxxxxxxxxxxxxxxx";
    for (name, tags, field) in
        [("", "kept", "name"), ("other", "kept", "name"), ("kept", "<b>", "tags"), ("kept", long, "tags")]
    {
        let refused = tab.post(&page, &[("name", name), ("tags", tags)]).await;
        assert_eq!(refused.status, 422, "{name} {tags}: {}", refused.text);
        assert!(refused.text.contains(&format!("<a href=\"#f-{field}\">")), "{field}: {}", refused.text);
        assert!(refused.text.contains("Check this field") && refused.text.contains("kept"), "{field}");
        assert!(refused.text.contains("aria-current=\"page\">Settings</a>"), "{}", refused.text);
        assert!(!refused.text.contains("<b>\""), "{}", refused.text);
    }
    assert_eq!(person.get(&page).await.json()["name"], "grid bot", "what was refused changed nothing");
}

#[tokio::test]
async fn a_key_that_has_ended_offers_nothing_and_leads_to_its_successor() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let (gone, old) = (key(&person, "gone").await, key(&person, "bot").await);
    let tab = Tab::of(&world, &person).await;
    let factor = |name: &'static str| [("name", name), ("factor", PASSWORD)];
    let wish = [("name", "bot 2"), ("passphrase", "Console-Pass2!"), ("hours", "24")];
    let next = created(&tab.stepped_up(&format!("/keys/{old}/rotate"), &wish).await);
    assert_eq!(tab.post(&format!("/keys/{gone}/leaked"), &factor("gone")).await.status, 303);
    assert_eq!(tab.post(&format!("/keys/{gone}/delete"), &factor("gone")).await.status, 303);
    assert_eq!(tab.post(&format!("/keys/{old}/end-overlap"), &factor("bot")).await.status, 303);
    let at = world.now().to_string();
    let forms = ["/enable", "/disable", "/rotate", "/end-overlap", "/addresses", "/leaked", "/delete"];
    for (id, what) in [(&gone, "Deleted"), (&old, "Replaced")] {
        for open in TABS {
            let shown = tab.get(&format!("/keys/{id}{open}")).await.text;
            let told = format!("<strong>{what}</strong> <time data-local datetime=\"{}", &at[..16]);
            assert!(shown.contains(&told), "{open}: {told} in {shown}");
            assert!(
                forms.iter().all(|form| !shown.contains(&format!("/keys/{id}{form}\""))),
                "{open}: {shown}"
            );
            assert!(!shown.contains("menu more") && !shown.contains("button primary"), "{open}: {shown}");
            assert!(!shown.contains(&format!("action=\"/keys/{id}\"")), "no form of the key: {shown}");
            let leads = format!("<a href=\"/keys/{next}\">Open its successor</a>");
            assert_eq!(shown.contains(&leads), *id == old, "{open}: {shown}");
        }
        let overview = tab.get(&format!("/keys/{id}")).await.text;
        assert!(!overview.contains("What this key can do"), "{overview}");
        let settings = tab.get(&format!("/keys/{id}/settings")).await.text;
        assert!(!settings.contains("Danger zone") && !settings.contains("OKX_SECRET"), "{settings}");
        for name in ["again", ""] {
            let refused = tab.post(&format!("/keys/{id}"), &[("name", name), ("tags", "")]).await;
            assert!(refused.status == 422 && refused.text.contains("has expired"), "{}", refused.text);
        }
    }
    assert_eq!(person.get(&format!("/keys/{old}")).await.json()["name"], "bot");
}

#[tokio::test]
async fn the_pages_of_an_apps_key_show_no_address() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (broker, holder) =
        (world.person("broker@keyward.example").await, world.person("holder@keyward.example").await);
    let app = open_app(&Tab::of(&world, &broker).await, (&ann, &ben), "198.51.100.64/26").await;
    let tab = Tab::of(&world, &holder).await;
    let id = made(&tab.stepped_up("/keys/new", &app_key(&app, "PalBot")).await.text);
    for open in TABS {
        let shown = tab.get(&format!("/keys/{id}{open}")).await.text;
        assert!(shown.contains("PalBot") && !shown.contains("198.51.100"), "{open}: {shown}");
        assert!(!shown.contains("/addresses"), "{open}: {shown}");
    }
    let overview = tab.get(&format!("/keys/{id}")).await.text;
    assert!(!overview.contains("From another address"), "ranges are not found by asking: {overview}");
    let settings = tab.get(&format!("/keys/{id}/settings")).await.text;
    assert!(settings.contains("The addresses of an app's servers are confidential."), "{settings}");
}

#[tokio::test]
async fn all_credentials_are_copied_as_a_shell_reads_them() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let tab = Tab::of(&world, &person).await;
    let fields = [
        ("name", "bot"),
        ("permission", "read"),
        ("reach", "addresses"),
        ("addresses", "127.0.0.1"),
        ("passphrase", "It's-a-Quote1<"),
    ];
    let shown = tab.stepped_up("/keys/new", &fields).await.text;
    let between = |start: &str, end: &str| {
        let (_, rest) = shown.split_once(start).unwrap_or_else(|| panic!("no {start} in {shown}"));
        rest.split(end).next().unwrap().to_owned()
    };
    let (id, secret) = (made(&shown), between("id=\"c-secret\">", "<"));
    let file = between("<pre id=\"c-env\" tabindex=\"0\">", "</pre>");
    let file = file.replace("&#39;", "'").replace("&#60;", "<");
    let all = format!("OKX_API_KEY={id}\nOKX_SECRET={secret}\nOKX_PASSPHRASE='It'\\''s-a-Quote1<'");
    assert_eq!(file, all);
    // The snippets read the environment: none of them has a value of its own.
    let snippets: Vec<&str> = shown.split("<pre tabindex=\"0\">").skip(1).collect();
    assert_eq!(snippets.len(), 4, "{shown}");
    for snippet in snippets.iter().map(|rest| rest.split("</pre>").next().unwrap()) {
        assert!(snippet.contains("OKX_SECRET") && !snippet.contains(&secret), "{snippet}");
        assert!(!snippet.contains(&id) && !snippet.contains("Quote1"), "{snippet}");
    }
    let encrypted = shown.find("Download encrypted").unwrap();
    assert!(encrypted < shown.find("Download .env").unwrap(), "the encrypted file comes first");
    assert!(shown.contains("Waiting for the first request"), "{shown}");
}
