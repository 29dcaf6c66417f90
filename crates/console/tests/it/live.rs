//! The live view as a page of its own: of one key, and of all keys of an account.

use keyward_store::Record;

use crate::activity::traffic;
use crate::tab::Tab;
use crate::world::World;

fn rows(text: &str) -> usize {
    text.matches("<td data-label=\"Verdict\"").count()
}

#[tokio::test]
async fn the_live_view_of_a_key_keeps_its_terms_and_counts_what_came() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let traffic = traffic(&person, 1).await;
    traffic.append(&world, 33, 60_000).await;
    let (tab, id) = (Tab::of(&world, &person).await, traffic.keys[0]);
    // Old links lead to it, with their terms.
    let old = tab.get(&format!("/keys/{id}/activity?live=yes&range=week&verdict=refused")).await;
    let path = format!("/keys/{id}/live?range=week&verdict=refused");
    assert_eq!((old.status, old.headers["location"].to_str().unwrap()), (303, path.as_str()));
    let shown = tab.get(&path).await.text;
    assert_eq!(rows(&shown), 3, "{shown}");
    assert!(shown.contains("<button type=\"button\" data-pause hidden>Pause</button>"), "{shown}");
    assert!(shown.contains("<option value=\"refused\" selected>"), "{shown}");
    assert!(shown.contains("New requests appear here."), "{shown}");
    let back = format!("href=\"/keys/{id}/activity?range=week&#38;verdict=refused\"");
    assert!(shown.contains(&back), "the charts keep their range: {shown}");

    let fresh = [traffic.record(world.now(), 11), traffic.record(world.now(), 12)];
    world.store.journal().writer().unwrap().append(&[], &[], &fresh).await.unwrap();
    let asked = format!("/keys/{id}/live?fragment=tail&after=33&came=4&range=week&verdict=refused");
    let tail = tab.part(&asked).await.text;
    assert_eq!(rows(&tail), 1, "{tail}");
    assert!(
        tail.contains("5 new requests since you opened this page")
            && tail.contains("came=5")
            && !tail.contains("<html")
    );

    let refused = tab.get(&format!("/keys/{id}/live?source=nowhere")).await;
    assert!(refused.status == 422 && refused.text.contains("Enter an address"), "{}", refused.text);
    let other = world.person("b@keyward.example").await;
    let other = Tab::of(&world, &other).await;
    for path in [format!("/keys/{id}/live"), asked] {
        assert_eq!(other.get(&path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_live_view_of_all_keys_shows_ones_own_and_nobody_elses() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let traffic = traffic(&person, 2).await;
    traffic.append(&world, 20, 60_000).await;
    let tab = Tab::of(&world, &person).await;
    let shown = tab.get("/activity/live?range=hour").await.text;
    assert_eq!(rows(&shown), 20, "{shown}");
    for (number, key) in traffic.keys.iter().enumerate() {
        let named = format!("<td data-label=\"Key\"><a href=\"/keys/{key}\">bot {number}</a></td>");
        assert_eq!(shown.matches(&named).count(), 10, "{named}: {shown}");
    }
    assert!(shown.contains("name=\"source\"") && shown.contains("href=\"/activity?range=hour\""));
    assert_eq!(rows(&tab.get("/activity/live?source=203.0.113.3").await.text), 3);
    assert_eq!(rows(&tab.get("/activity/live?verdict=refused").await.text), 2);
    assert_eq!(rows(&tab.get("/activity/live?route=balance&verdict=0").await.text), 6);
    assert_eq!(tab.part("/activity/live?fragment=tail&after=20").await.status, 204, "nothing new");

    // A request whose signature is wrong belongs to no account; the page of its key shows it.
    let verified = traffic.record(world.now(), 1);
    let unverified = Record { account: None, code: "50113", ..traffic.record(world.now(), 3) };
    let fresh = [verified, unverified];
    world.store.journal().writer().unwrap().append(&[], &[], &fresh).await.unwrap();
    let tail = tab.part("/activity/live?fragment=tail&after=20&came=0").await.text;
    assert_eq!(rows(&tail), 1, "{tail}");
    assert!(tail.contains("1 new request since you opened this page"), "{tail}");
    let key = traffic.keys[1];
    assert_eq!(rows(&tab.get(&format!("/keys/{key}/live?after=20")).await.text), 2);

    let other = world.person("b@keyward.example").await;
    let other = Tab::of(&world, &other).await.get("/activity/live").await;
    assert_eq!((other.status, rows(&other.text)), (200, 0));
    assert!(!other.text.contains("bot 0"), "{}", other.text);
}
