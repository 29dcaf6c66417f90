//! The switch between live and demo trading: remembered for one account, named on every page, and a filter of lists.

use axum::http::header;
use serde_json::json;

use crate::doors::{browser, form};
use crate::operators::two_operators;
use crate::routes::get;
use crate::tab::value;
use crate::world::{HOME, Person, Reply, World, wish};

/// Presses the switch.
async fn choose(world: &World, cookie: &str, environment: &str, part: &str) -> Reply {
    let csrf = value(&get(world, cookie, "/overview").await.text, "csrf");
    let body = format!("csrf={csrf}&environment={environment}&part={part}");
    world.send(HOME, form("/environment", cookie, &[("sec-fetch-site", "same-origin")], &body)).await
}

/// The cookies of a browser in which demo trading was chosen.
async fn in_demo(world: &World, person: &Person<'_>) -> String {
    let cookie = browser(world, person).await;
    let chosen = choose(world, &cookie, "demo", "").await;
    let set = chosen.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    format!("{cookie}; {}", set.split(';').next().unwrap())
}

fn is_demo(page: &str) -> bool {
    let (live, demo) = (
        page.contains("value=\"live\" aria-current=\"true\""),
        page.contains("value=\"demo\" aria-current=\"true\""),
    );
    assert_ne!(live, demo, "one of both is current: {page}");
    assert_eq!(page.contains("<strong>Demo trading</strong>"), demo, "{page}");
    demo
}

#[tokio::test]
async fn a_choice_is_remembered_for_the_account_and_named_on_every_page() {
    let world = World::new().await;
    let (person, other) = (world.person("a@keyward.example").await, world.person("b@keyward.example").await);
    let cookie = browser(&world, &person).await;
    assert!(!is_demo(&get(&world, &cookie, "/overview").await.text));
    let chosen = choose(&world, &cookie, "demo", "keys").await;
    assert_eq!((chosen.status, chosen.headers[header::LOCATION].to_str().unwrap()), (303, "/keys"));
    let set = chosen.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(set.starts_with("__Host-keyward-environment=demo."), "{set}");
    for word in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
        assert!(set.contains(word), "{set}");
    }
    let kept = set.split(';').next().unwrap().to_owned();
    let demo = format!("{cookie}; {kept}");
    for path in ["/overview", "/keys", "/keys/new", "/security", "/nowhere"] {
        assert!(is_demo(&get(&world, &demo, path).await.text), "{path}");
    }
    let back = choose(&world, &demo, "live", "security").await;
    assert_eq!(back.headers[header::LOCATION], "/security");
    assert!(
        back.headers[header::SET_COOKIE].to_str().unwrap().starts_with("__Host-keyward-environment=live.")
    );
    // Another user of the same browser begins in live trading.
    let theirs = format!("{}; {kept}", browser(&world, &other).await);
    assert!(!is_demo(&get(&world, &theirs, "/keys").await.text));
}

#[tokio::test]
async fn an_unknown_environment_is_refused_and_a_form_leads_nowhere_else() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let cookie = browser(&world, &person).await;
    for word in ["", "test", "Demo", "demo.1"] {
        let refused = choose(&world, &cookie, word, "keys").await;
        assert_eq!(refused.status, 422, "{word}");
        assert!(refused.headers.get(header::SET_COOKIE).is_none(), "{word}");
        assert!(refused.text.contains("Nothing was changed."), "{word}: {}", refused.text);
    }
    for part in ["", "nonsense", "https://evil.example/", "//evil.example", "/keys"] {
        let chosen = choose(&world, &cookie, "demo", part).await;
        assert_eq!(chosen.headers[header::LOCATION], "/overview", "{part}");
    }
    let id = person.get("/account").await.field("id");
    for kept in [format!("test.{id}"), "demo".to_owned(), format!("demo.{id}.1"), format!("demo.1{id}")] {
        let cookie = format!("{cookie}; __Host-keyward-environment={kept}");
        assert!(!is_demo(&get(&world, &cookie, "/overview").await.text), "{kept}");
    }
}

#[tokio::test]
async fn lists_show_one_environment_and_a_keys_page_opens_in_both() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let mut body = wish("Practice");
    body["demo"] = json!(true);
    let made = person.approved("POST", "/keys", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let (practice, live_key) = (made.field("api_key"), person.key("Earnest").await);
    let (live, demo) = (browser(&world, &person).await, in_demo(&world, &person).await);
    for (cookie, shown, hidden) in [(&live, "Earnest", "Practice"), (&demo, "Practice", "Earnest")] {
        let list = get(&world, cookie, "/keys").await.text;
        assert!(list.contains(shown) && !list.contains(hidden), "{shown}: {list}");
        for id in [practice.as_str(), live_key["api_key"].as_str().unwrap()] {
            assert_eq!(get(&world, cookie, &format!("/keys/{id}")).await.status, 200);
        }
    }
    let ticked = |page: &str| page.contains("name=\"demo\" value=\"yes\" checked");
    assert!(ticked(&get(&world, &demo, "/keys/new").await.text));
    assert!(!ticked(&get(&world, &live, "/keys/new").await.text));
}

#[tokio::test]
async fn the_operators_workspace_has_no_switch() {
    let world = World::new().await;
    let (ann, _) = two_operators(&world).await;
    let cookie = in_demo(&world, &ann).await;
    let shown = get(&world, &cookie, "/operations").await.text;
    assert!(!shown.contains("action=\"/environment\"") && !shown.contains("Demo trading"), "{shown}");
    assert!(is_demo(&get(&world, &cookie, "/overview").await.text));
}
