//! The operators' workspace: its navigation, and the queue of what waits for whom.

use serde_json::json;

use crate::apps::{registered, submitted};
use crate::operators::{both, id_of, only_approve, propose, two_operators};
use crate::tab::Tab;
use crate::world::{PASSWORD, Person, World};

/// What stands below a heading of the queue; nothing where there is no such heading.
fn below<'t>(page: &'t str, heading: &str) -> &'t str {
    let start = page.split(&format!("<h2>{heading}")).nth(1).unwrap_or_default();
    start.split("</section>").next().unwrap_or_default()
}

async fn queue(tab: &Tab<'_>) -> String {
    let shown = tab.get("/operations").await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    shown.text
}

async fn freeze(person: &Person<'_>, path: &str) {
    let body = json!({"why": "drill", "factor": PASSWORD});
    assert_eq!(person.api("POST", path, body).await.status, 204, "{path}");
}

#[tokio::test]
async fn a_proposal_waits_for_those_who_may_approve_it() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let eve = world.person("eve@keyward.example").await;
    let (one, other) = (Tab::of(&world, &ann).await, Tab::of(&world, &ben).await);
    for tab in [&one, &other] {
        let empty = queue(tab).await;
        assert!(below(&empty, "Waits for you").contains("Nothing waits for you."), "{empty}");
        assert!(!empty.contains("Waits for others") && !empty.contains("Frozen or overdue"));
    }
    let change = format!("role.grant {} auditor", id_of(&eve).await);
    let first = propose(&ann, &change).await.json();
    world.pass_ms(60_000);
    let second = propose(&ben, "policy.loosen withdraw_needs_addresses false").await.json();
    let page = |proposal: &serde_json::Value| {
        format!("href=\"/operations/proposals/{}\"", proposal["id"].as_str().unwrap())
    };

    // Who proposed it only looks; the other one has the button that leads to it.
    let (mine, theirs) = (queue(&one).await, queue(&other).await);
    for (shown, waits, done) in [(&mine, &second, &first), (&theirs, &first, &second)] {
        let (yours, others) = (below(shown, "Waits for you"), below(shown, "Waits for others"));
        assert!(yours.contains(&page(waits)) && !yours.contains(&page(done)), "{yours}");
        assert!(yours.contains("aria-label=\"Review: ") && yours.contains("0 of 1 approvals"), "{yours}");
        assert!(others.contains(&page(done)) && !others.contains(&page(waits)), "{others}");
        assert!(others.contains("aria-label=\"Open: ") && !others.contains("Review"), "{others}");
    }
    assert!(below(&theirs, "Waits for you").contains("Make eve@keyward.example an auditor"), "{theirs}");
    let own = one.get(&format!("/operations/proposals/{}/approve", first["id"].as_str().unwrap())).await;
    assert!(own.status == 422 && own.text.contains("cannot approve your own proposal"), "{}", own.text);

    // Approved and not carried out, it waits for every operator. Settled, it is gone.
    only_approve(&ben, &first).await;
    for tab in [&one, &other] {
        let approved = queue(tab).await;
        let yours = below(&approved, "Waits for you");
        assert!(yours.contains(&page(&first)) && yours.contains("an operator must carry it out"), "{yours}");
    }
    let path = format!("/operations/proposals/{}/cancel", first["id"].as_str().unwrap());
    assert_eq!(ann.api("POST", &path, json!({"factor": PASSWORD})).await.status, 200);
    assert!(!queue(&other).await.contains(&page(&first)));
}

#[tokio::test]
async fn the_oldest_comes_first_and_what_is_frozen_stands_apart() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (bob, eve) = (world.person("bob@broker.example").await, world.person("eve@keyward.example").await);
    let app = registered(&bob, "Trade Pal").await;
    assert_eq!(bob.api("POST", &format!("/apps/{app}/submit"), serde_json::Value::Null).await.status, 200);
    submitted(&bob, &app, "203.0.113.0/24", 0).await;
    world.pass_ms(60_000);
    propose(&ann, "policy.loosen withdraw_needs_addresses false").await;
    let tab = Tab::of(&world, &ben).await;
    let shown = queue(&tab).await;
    let yours = below(&shown, "Waits for you");
    let at = |text: &str| yours.find(text).unwrap_or_else(|| panic!("no {text} in {yours}"));
    assert!(at("It waits to be verified.") < at("Version 1 waits for review"), "{yours}");
    assert!(at("Version 1 waits for review") < at("0 of 1 approvals"), "{yours}");
    assert!(yours.contains(&format!("href=\"/operations/apps/{app}#version-1\"")), "{yours}");
    assert!(!shown.contains("203.0.113.0"), "ranges are confidential");
    assert!(shown.contains("<strong>2</strong><span>app reviews wait"), "the figures are below");

    let account = id_of(&eve).await;
    freeze(&ann, &format!("/operations/accounts/{account}/freeze")).await;
    world.pass_ms(60_000);
    freeze(&ann, &format!("/operations/apps/{app}/freeze")).await;
    let shown = queue(&tab).await;
    let stopped = below(&shown, "Frozen or overdue");
    assert!(stopped.contains("eve@keyward.example") && stopped.contains("Trade Pal"), "{stopped}");
    assert!(stopped.contains(&format!("href=\"/operations/accounts/{account}\"")), "{stopped}");
    assert!(stopped.find("eve@").unwrap() < stopped.find("Trade Pal").unwrap(), "{stopped}");
    assert!(!below(&shown, "Waits for you").contains("eve@keyward.example"));
}

#[tokio::test]
async fn an_altered_proposal_is_named_and_cannot_be_reviewed() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    propose(&ann, "policy.loosen withdraw_needs_addresses false").await;
    let file = rusqlite::Connection::open(world.folder.join("keyward.db")).unwrap();
    file.execute_batch("UPDATE proposals SET words = 'Nothing much'").unwrap();
    let shown = queue(&Tab::of(&world, &ben).await).await;
    let yours = below(&shown, "Waits for you");
    assert!(yours.contains("An open proposal was altered outside the program"), "{yours}");
    assert!(!shown.contains("Nothing much") && !yours.contains("Review: "), "{yours}");
}

#[tokio::test]
async fn an_auditor_sees_the_same_without_buttons_and_a_holder_nothing() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (dan, eve) = (world.person("dan@keyward.example").await, world.person("eve@keyward.example").await);
    assert_eq!(both(&ann, &ben, &format!("role.grant {} auditor", id_of(&dan).await)).await.status, 200);
    let tab = Tab::of(&world, &dan).await;
    assert!(queue(&tab).await.contains("Nothing waits for the operators."));
    let proposed = propose(&ann, "policy.loosen withdraw_needs_addresses false").await.json();
    let shown = queue(&tab).await;
    let waits = below(&shown, "Waits for the operators");
    let link = format!("href=\"/operations/proposals/{}\"", proposed["id"].as_str().unwrap());
    assert!(waits.contains(&link) && !waits.contains("class=\"button\""), "{waits}");
    let holder = Tab::of(&world, &eve).await;
    assert_eq!(holder.get("/operations").await.status, 404);
    assert!(!holder.get("/keys").await.text.contains("/operations"));
}

#[tokio::test]
async fn the_workspace_has_a_navigation_of_its_own() {
    let world = World::new().await;
    let (ann, _) = two_operators(&world).await;
    let eve = world.person("eve@keyward.example").await;
    let account = id_of(&eve).await;
    let tab = Tab::of(&world, &ann).await;
    for (path, part) in [
        ("/operations".to_owned(), "/operations"),
        ("/operations/apps".to_owned(), "/operations/apps"),
        ("/operations/accounts".to_owned(), "/operations/accounts"),
        (format!("/operations/accounts/{account}"), "/operations/accounts"),
        (format!("/operations/accounts/{account}/freeze"), "/operations/accounts"),
        ("/operations/accounts/nonsense".to_owned(), "/operations/accounts"),
        ("/operations/keys".to_owned(), "/operations/keys"),
        ("/operations/proposals".to_owned(), "/operations/proposals"),
        ("/operations/staff".to_owned(), "/operations/staff"),
        ("/operations/settings".to_owned(), "/operations/settings"),
        ("/operations/audit".to_owned(), "/operations/audit"),
    ] {
        let shown = tab.get(&path).await.text;
        let current = shown.split("<nav aria-label=\"Main\">").nth(1).unwrap_or_default();
        let current = current.split("</nav>").next().unwrap_or_default();
        assert!(current.contains(&format!("href=\"{part}\" aria-current=\"page\"")), "{path}: {current}");
        assert_eq!(current.matches("aria-current").count(), 1, "{path}");
        assert!(current.contains("Back to my keys") && !current.contains("href=\"/keys\""), "{path}");
    }
    let own = tab.get("/keys").await.text;
    assert!(own.contains("href=\"/operations\"") && !own.contains("Back to my keys"));
}
