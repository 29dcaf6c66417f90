//! What a person who controls an address can do, and the way to disable exactly those keys.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::app_pages::open_app;
use crate::apps::bound;
use crate::operators::two_operators;
use crate::tab::Tab;
use crate::world::{PASSWORD, Person, World, wish};

const PAGE: &str = "/keys/reach";

async fn key(person: &Person<'_>, name: &str, rights: Value, from: Value) -> String {
    let mut body = wish(name);
    body["permissions"] = rights;
    body["from"] = from;
    let made = person.approved("POST", "/keys", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.field("api_key")
}

fn only(address: &str) -> Value {
    json!({"reach": "addresses", "addresses": [address]})
}

/// The keys that the button of the answer would disable.
fn exposed(page: &str) -> BTreeSet<String> {
    let fields = page.split("<input type=\"hidden\" name=\"key\" value=\"").skip(1);
    fields.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

async fn from(tab: &Tab<'_>, address: &str) -> BTreeSet<String> {
    let shown = tab.get(&format!("{PAGE}?from={address}")).await;
    assert_eq!(shown.status, 200, "{address}: {}", shown.text);
    exposed(&shown.text)
}

fn set(keys: &[&String]) -> BTreeSet<String> {
    keys.iter().map(|key| (*key).clone()).collect()
}

/// A range, an address in it, IPv6, anywhere, and a disabled key of the same address.
async fn five(person: &Person<'_>) -> [String; 5] {
    let trade = || json!(["read", "trade"]);
    let range = key(person, "range", trade(), only("203.0.113.0/24")).await;
    let exact = key(person, "exact", json!(["read", "withdraw"]), only("203.0.113.7")).await;
    let six = key(person, "six", trade(), only("2001:db8::/48")).await;
    let loose = key(person, "loose", trade(), json!({"reach": "anywhere"})).await;
    let off = key(person, "off", trade(), only("203.0.113.7")).await;
    let confirmed = json!({"name": "off", "factor": PASSWORD});
    assert_eq!(person.api("POST", &format!("/keys/{off}/disable"), confirmed).await.status, 200);
    [range, exact, six, loose, off]
}

#[tokio::test]
async fn an_address_exposes_the_keys_that_the_gateway_lets_act_from_there() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let [range, exact, six, loose, off] = five(&person).await;
    let tab = Tab::of(&world, &person).await;
    assert_eq!(from(&tab, "203.0.113.7").await, set(&[&range, &exact, &loose]));
    assert_eq!(from(&tab, "203.0.113.8").await, set(&[&range, &loose]));
    assert_eq!(
        from(&tab, "::ffff:203.0.113.7").await,
        set(&[&range, &exact, &loose]),
        "one form of an address"
    );
    assert_eq!(from(&tab, "2001:db8::1").await, set(&[&six, &loose]));
    assert_eq!(from(&tab, "2001:db8:1::1").await, set(&[&loose]));
    assert_eq!(from(&tab, "198.51.100.1").await, set(&[&loose]), "unbound counts everywhere");
    assert_eq!(from(&tab, "203.0.113.0/29").await, set(&[&range, &exact, &loose]), "an address within");
    assert_eq!(from(&tab, "203.0.113.128/25").await, set(&[&range, &loose]));
    assert_eq!(from(&tab, "203.0.112.0/22").await, set(&[&range, &exact, &loose]), "a range within");

    // The page of each key answers the same.
    let at_the_gateway = async |key: &str, address: &str| {
        let lines = person.get(&format!("/keys/{key}/outlook?from={address}")).await.json();
        lines.as_array().unwrap().iter().any(|line| line["code"] == "0")
    };
    for address in ["203.0.113.7", "203.0.113.8", "2001:db8::1", "198.51.100.1"] {
        let found = from(&tab, address).await;
        for key in [&range, &exact, &six, &loose, &off] {
            assert_eq!(found.contains(key), at_the_gateway(key, address).await, "{address}");
        }
    }

    let shown = tab.get(&format!("{PAGE}?from=203.0.113.7")).await.text;
    let line = |what: &str| {
        let rest = shown.split("<strong>").find(|part| part.starts_with(what)).unwrap_or_default();
        rest.split("</li>").next().unwrap_or_default().to_owned()
    };
    assert!(
        line("withdraw funds").contains(">exact<") && !line("withdraw funds").contains(">range<"),
        "{shown}"
    );
    assert!(line("place orders").contains(">range<") && line("place orders").contains(">loose<"), "{shown}");
    assert!(shown.contains("Disable these 3 keys") && shown.contains("works from any address"), "{shown}");
    for wrong in ["nonsense", "300.1.2.3", "203.0.113.7,203.0.113.8", "010.0.0.1"] {
        let refused = tab.get(&format!("{PAGE}?from={wrong}")).await;
        assert_eq!(refused.status, 422, "{wrong}");
        assert!(refused.text.contains("Enter one IPv4 or IPv6 address or range"), "{wrong}");
        assert!(exposed(&refused.text).is_empty(), "{wrong}");
    }
}

#[tokio::test]
async fn the_table_has_a_row_for_each_address_and_the_button_disables_exactly_those() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let [range, exact, six, loose, _] = five(&person).await;
    let tab = Tab::of(&world, &person).await;
    let plain = tab.get(PAGE).await.text;
    assert!(exposed(&plain).is_empty() && !plain.contains("Disable these"), "{plain}");
    assert!(plain.contains(">any address</span>"), "{plain}");
    for address in ["203.0.113.0/24", "203.0.113.7", "2001:db8::/48"] {
        assert_eq!(plain.matches(&format!(">{address}</a></th>")).count(), 1, "{address}: {plain}");
    }
    let row = |address: &str| {
        let rest = plain.split(&format!(">{address}</a></th>")).nth(1).unwrap();
        rest.split("</tr>").next().unwrap().to_owned()
    };
    assert!(row("203.0.113.7").contains("<strong>1</strong>exact") && row("203.0.113.7").contains("range"));
    assert!(!row("203.0.113.7").contains("loose") && !row("203.0.113.7").contains("off"), "{plain}");
    assert!(row("203.0.113.0/24").contains("exact") && !row("2001:db8::/48").contains("range"), "{plain}");

    let before = from(&tab, "203.0.113.7").await;
    let keys: Vec<(&str, &str)> = before.iter().map(|key| ("key", key.as_str())).collect();
    let done = tab.confirmed("/keys/disable-selected", &keys).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let state = async |key: &str| person.get(&format!("/keys/{key}")).await.field("state");
    for key in [&range, &exact, &loose] {
        assert_eq!(state(key).await, "disabled");
    }
    assert_eq!(state(&six).await, "active", "no other key is touched");
    let after = tab.get(&format!("{PAGE}?from=203.0.113.7")).await.text;
    assert!(after.contains("No key works from there") && exposed(&after).is_empty(), "{after}");

    let stranger = world.person("b@keyward.example").await;
    let other = Tab::of(&world, &stranger).await;
    assert!(from(&other, "203.0.113.7").await.is_empty());
    assert!(other.get(PAGE).await.text.contains("Create a key, and this page shows"));
}

#[tokio::test]
async fn keys_of_apps_are_listed_apart_and_show_no_address() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (broker, holder) =
        (world.person("broker@keyward.example").await, world.person("holder@keyward.example").await);
    let tab = Tab::of(&world, &broker).await;
    let app = open_app(&tab, (&ann, &ben), "198.51.100.64/26").await;
    let key = bound(&holder, &app, "PalBot").await;
    let page = Tab::of(&world, &holder).await;
    let shown = page.get(PAGE).await.text;
    assert!(shown.contains("From the servers of apps") && shown.contains("PalBot"), "{shown}");
    assert!(shown.contains("Trade Pal") && shown.contains("place orders"), "{shown}");
    for address in ["198.51.100.77", "192.0.2.1", "0.0.0.0/0"] {
        let answer = page.get(&format!("{PAGE}?from={address}")).await.text;
        assert!(exposed(&answer).is_empty(), "{address} says nothing of the app's ranges: {answer}");
        assert!(!answer.contains("198.51.100.64"), "{answer}");
    }
    // A frozen app's keys can do nothing.
    let frozen = json!({"why": "drill", "factor": PASSWORD});
    let path = format!("/operations/apps/{app}/freeze");
    let answer = ann.api("POST", &path, frozen).await;
    assert!((200..300).contains(&answer.status), "{}", answer.text);
    assert!(!page.get(PAGE).await.text.contains(&key));
}
