//! The pages of apps: a broker registers and submits, operators review, a holder binds a key; what each may not see.

use axum::http::header;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use keyward_rules::grant::Actor;

use crate::operators::{both, two_operators};
use crate::tab::{Tab, unmasked};
use crate::world::{PASSPHRASE, PASSWORD, Person, Reply, World};

/// A PNG of one pixel.
const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0,
    0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0x0d, b'I', b'D', b'A', b'T', 0x78, 0xda, 0x63,
    0x64, 0xf8, 0xcf, 0x50, 0x0f, 0, 0x03, 0x86, 0x01, 0x80, 0x5a, 0x34, 0x7d, 0x6b, 0, 0, 0, 0, b'I', b'E',
    b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];
/// Ranges that stand nowhere else in the tests.
const CANARIES: [&str; 2] = ["198.51.100.64/26", "2001:db8:cafe::/48"];

pub fn went_to(reply: &Reply) -> String {
    assert_eq!(reply.status, 303, "{}", reply.text);
    reply.headers[header::LOCATION].to_str().unwrap().to_owned()
}

fn app<'f>(name: &'f str, logo: &'f str) -> Vec<(&'f str, &'f str)> {
    vec![
        ("name", name),
        ("home_page", "https://tradepal.example"),
        ("contact", "ops@tradepal.example"),
        ("permission", "read"),
        ("permission", "trade"),
        ("logo", logo),
    ]
}

/// Registers an app with a logo and submits it; its id.
async fn registered(broker: &Tab<'_>, name: &str) -> String {
    let logo = BASE64_STANDARD.encode(PNG);
    let made = broker.confirmed("/apps/new", &app(name, &logo)).await;
    let to = went_to(&made);
    let id = to.trim_start_matches("/apps/").split('?').next().unwrap().to_owned();
    assert_eq!(went_to(&broker.post(&format!("/apps/{id}/submit"), &[]).await), format!("/apps/{id}"));
    id
}

/// An app that holders see: verified, with ranges in force.
pub async fn open_app(broker: &Tab<'_>, officers: (&Person<'_>, &Person<'_>), ranges: &str) -> String {
    let id = registered(broker, "Trade Pal").await;
    assert_eq!(both(officers.0, officers.1, &format!("app.verify {id}")).await.status, 200);
    let sent = broker.stepped_up(&format!("/apps/{id}/ranges"), &[("ranges", ranges)]).await;
    assert_eq!(went_to(&sent), format!("/apps/{id}"));
    assert_eq!(both(officers.0, officers.1, &format!("app.ranges.approve {id} 1")).await.status, 200);
    id
}

pub fn key<'f>(app: &'f str, name: &'f str) -> Vec<(&'f str, &'f str)> {
    vec![("app", app), ("name", name), ("permission", "read"), ("passphrase", PASSPHRASE)]
}

/// The id of the key that a page of credentials shows.
pub fn made(page: &str) -> String {
    page.split("id=\"c-key\">")
        .nth(1)
        .unwrap_or_else(|| panic!("{page}"))
        .split('<')
        .next()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_broker_registers_submits_narrows_and_freezes() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let broker = world.person("broker@keyward.example").await;
    let tab = Tab::of(&world, &broker).await;
    let before = tab.get("/keys").await.text;
    assert!(before.contains("href=\"/apps/new\"") && !before.contains(">Your apps<"));
    assert!(tab.get("/apps").await.text.contains("No apps yet"));

    let id = registered(&tab, "Trade Pal").await;
    assert!(tab.get("/keys").await.text.contains(">Your apps<"));
    let page = tab.get(&format!("/apps/{id}")).await.text;
    for words in
        ["in review", "Operators are reviewing it", "No ranges are in force", "https://tradepal.example"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    let logo = tab.get(&format!("/apps/{id}/logo")).await;
    assert_eq!((logo.status, logo.headers["content-type"].to_str().unwrap()), (200, "image/png"));
    assert!(logo.headers["cache-control"].to_str().unwrap().starts_with("private"));
    assert_eq!(logo.headers["x-content-type-options"], "nosniff");
    assert!(both(&ann, &ben, &format!("app.verify {id}")).await.status == 200);

    // Judged entry by entry, with and without JavaScript, and nothing is kept.
    let ranges = format!("/apps/{id}/ranges");
    let typed = [("ranges", "203.0.113.0/24\n10.0.0.0/8 203.0.113.7/24 # why\n")];
    let live = tab.post(&format!("{ranges}/check"), &typed).await.text;
    let checked = tab.post(&ranges, &[typed[0], ("check", "yes")]).await.text;
    for page in [&live, &checked] {
        for words in [
            "Line 1: 203.0.113.0/24",
            "Line 2: 10.0.0.0/8: a private address range",
            "Line 2: 203.0.113.7/24",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
        assert!(page.contains("2 entries are not valid"));
    }
    assert!(!live.contains("<html") && checked.contains("<html"));
    for blank in ["", "  \n\t", "# nothing but a comment"] {
        let refused = tab.post(&ranges, &[("ranges", blank)]).await;
        assert!(refused.status == 422 && refused.text.contains("do not work"), "{blank:?}");
    }

    let sent = tab
        .stepped_up(
            &ranges,
            &[("ranges", "203.0.113.0/24, 2001:db8::/32"), ("note", "ours"), ("overlap", "24")],
        )
        .await;
    assert_eq!(went_to(&sent), format!("/apps/{id}"));
    let page = tab.get(&format!("/apps/{id}")).await.text;
    assert!(page.contains("Version 1 waits for operators") && page.contains("<li>203.0.113.0/24</li>"));
    assert!(both(&ann, &ben, &format!("app.ranges.approve {id} 1")).await.status == 200);
    assert!(tab.get(&format!("/apps/{id}")).await.text.contains("Every user can bind keys to it"));

    // Narrowing: one factor, in force at once. The editor starts from what is in force.
    assert!(tab.get(&ranges).await.text.contains("203.0.113.0/24\n2001:db8::/32</textarea>"));
    let live = tab.post(&format!("{ranges}/check"), &[("ranges", "203.0.113.0/25")]).await.text;
    assert!(
        live.contains("203.0.113.128/25")
            && live.contains("You need one factor, and it takes effect at once")
    );
    let asked = tab.post(&ranges, &[("ranges", "203.0.113.0/25")]).await.text;
    assert!(
        asked.contains("Narrow the app&#39;s ranges now?") && !asked.contains("Code from the mail"),
        "{asked}"
    );
    let narrowed = tab.confirmed(&ranges, &[("ranges", "203.0.113.0/25")]).await;
    assert_eq!(went_to(&narrowed), format!("/apps/{id}"));
    let page = tab.get(&format!("/apps/{id}")).await.text;
    assert!(
        page.contains("version 2") && page.contains("<li>203.0.113.0/25</li>") && page.contains(">retired<")
    );

    // A submission can be taken back.
    tab.stepped_up(&ranges, &[("ranges", "203.0.113.0/24")]).await;
    let back = tab.post(&format!("{ranges}/3/withdraw"), &[]).await;
    assert_eq!(went_to(&back), format!("/apps/{id}"));
    assert!(tab.get(&format!("/apps/{id}")).await.text.contains(">withdrawn<"));

    let frozen = tab.post(&format!("/apps/{id}/freeze"), &[("factor", PASSWORD)]).await;
    assert_eq!(went_to(&frozen), format!("/apps/{id}"));
    assert!(tab.get(&format!("/apps/{id}")).await.text.contains("You froze all keys"));
    let thawed = tab.stepped_up(&format!("/apps/{id}/thaw"), &[]).await;
    assert_eq!(went_to(&thawed), format!("/apps/{id}"));
}

#[tokio::test]
async fn what_is_wrong_with_an_app_stands_beside_its_field() {
    let world = World::new().await;
    let broker = world.person("broker@keyward.example").await;
    let tab = Tab::of(&world, &broker).await;
    let id = registered(&tab, "Trade Pal").await;
    let (ann, ben) = two_operators(&world).await;
    assert_eq!(both(&ann, &ben, &format!("app.verify {id}")).await.status, 200);
    let changed = |field: &'static str, value: &'static str| {
        let mut fields = app("Other Name", "");
        fields.retain(|(name, _)| *name != field);
        fields.push((field, value));
        fields
    };
    for (field, value, words) in [
        ("name", "x", "2 to 40 characters"),
        ("home_page", "http://tradepal.example", "https://app.example"),
        ("home_page", "javascript:alert(1)", "https://app.example"),
        ("contact", "nobody", "id=\"h-contact\"><span class=\"error\">"),
        ("permission", "all", "class=\"error\""),
        ("permission", "manage", "whole accounts"),
        ("logo", "PHN2Zz48L3N2Zz4=", "PNG or JPEG"),
        ("logo", "?", "PNG or JPEG"),
    ] {
        let refused = tab.post("/apps/new", &changed(field, value)).await;
        let refused = if refused.status == 200 {
            tab.confirmed("/apps/new", &changed(field, value)).await
        } else {
            refused
        };
        assert!(refused.status == 422 && refused.text.contains(words), "{field} {value}: {}", refused.text);
    }
    let taken = tab.confirmed("/apps/new", &app("TRADE PAI", "")).await;
    assert!(
        taken.status == 422 && taken.text.contains("id=\"h-name\"><span class=\"error\">"),
        "{}",
        taken.text
    );
    assert!(!tab.get("/apps").await.text.contains("TRADE PAI"));
    // What is typed is text and never HTML.
    let shown = tab.post("/apps/new", &changed("name", "<b>bold</b>")).await;
    assert!(!shown.text.contains("<b>bold"), "{}", shown.text);
}

#[tokio::test]
async fn operators_review_and_every_reading_is_a_record() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (broker, eve) =
        (world.person("broker@keyward.example").await, world.person("eve@keyward.example").await);
    let (tab, officer) = (Tab::of(&world, &broker).await, Tab::of(&world, &ann).await);
    let id = registered(&tab, "Trade Pal").await;
    tab.stepped_up(
        &format!("/apps/{id}/ranges"),
        &[("ranges", &CANARIES.join("\n")), ("note", "<i>ours</i>")],
    )
    .await;

    assert!(officer.get("/operations").await.text.contains("<strong>2</strong><span>app reviews wait"));
    let list = officer.get("/operations/apps").await.text;
    assert!(
        list.contains("Apps to verify") && list.contains("Ranges to review") && list.contains(&broker.email)
    );
    let path = format!("/operations/apps/{id}");
    let page = officer.get(&path).await.text;
    assert!(page.contains("Propose to verify it") && page.contains("ops@tradepal.example"));
    for page in [&list, &page] {
        assert!(CANARIES.iter().all(|range| !page.contains(range)));
    }
    let reads =
        async || ann.get("/operations/audit?q=app.ranges.read").await.text.matches("app.ranges.read").count();
    assert_eq!(reads().await, 0);
    assert_eq!(officer.get(&format!("{path}/ranges/1")).await.status, 405, "a form and no link");
    let read = officer.post(&format!("{path}/ranges/1"), &[]).await.text;
    assert!(
        CANARIES.iter().all(|range| read.contains(range)) && read.contains("Propose to approve"),
        "{read}"
    );
    assert!(!read.contains("<i>ours") && !read.contains("Very wide"));
    assert_eq!(reads().await, 1);

    // Ranges entered on the broker's behalf are not compared with those in force, which nobody reads by the way.
    both(&ann, &ben, &format!("app.verify {id}")).await;
    both(&ann, &ben, &format!("app.ranges.approve {id} 1")).await;
    let live = officer.post(&format!("{path}/ranges/check"), &[("ranges", "203.0.113.7")]).await.text;
    assert!(
        live.contains("Line 1: 203.0.113.7") && CANARIES.iter().all(|range| !live.contains(range)),
        "{live}"
    );
    assert!(!officer.get(&format!("{path}/ranges")).await.text.contains(CANARIES[0]));
    // Even if they only take away, they wait for approval, and the page does not say that they are in force at once.
    let asked = officer.post(&format!("{path}/ranges"), &[("ranges", "198.51.100.64/27")]).await.text;
    let words = format!("Submit ranges of app {id} on its broker&#39;s behalf");
    assert!(asked.contains(&words) && !asked.contains("at once"), "{asked}");
    let entered = officer
        .confirmed(&format!("{path}/ranges"), &[("ranges", "203.0.113.7"), ("note", "by phone")])
        .await;
    assert_eq!(went_to(&entered), format!("{path}"));
    assert!(tab.get(&format!("/apps/{id}")).await.text.contains("An operator entered it on your behalf"));
    let reject = format!("{path}/ranges/2/reject");
    let unsaid = officer.post(&reject, &[("why", " "), ("factor", PASSWORD)]).await;
    assert!(unsaid.text.contains("Say why"), "{}", unsaid.text);
    let sent = officer.post(&reject, &[("why", "no such host"), ("factor", PASSWORD)]).await;
    assert_eq!(went_to(&sent), format!("{path}"));
    assert!(tab.get(&format!("/apps/{id}")).await.text.contains("no such host"));
    assert_eq!(reads().await, 1);

    // Auditors look at lists and numbers, and change nothing.
    let granted = format!("role.grant {} auditor", crate::operators::id_of(&eve).await);
    assert_eq!(both(&ann, &ben, &granted).await.status, 200);
    let auditor = Tab::of(&world, &eve).await;
    let page = auditor.get(&path).await.text;
    assert!(page.contains("Version 2") && !page.contains("Read the ranges") && !page.contains("Freeze all"));
    for (path, fields) in [
        (format!("{path}/ranges/1"), vec![]),
        (format!("{path}/ranges"), vec![("ranges", "203.0.113.0/24")]),
        (format!("{path}/ranges/check"), vec![("ranges", "203.0.113.0/24")]),
        (format!("{path}/freeze"), vec![("why", "x"), ("factor", PASSWORD)]),
        (format!("{path}/demand"), vec![("why", "x"), ("factor", PASSWORD)]),
    ] {
        let refused = auditor.post(&path, &fields).await;
        assert!(
            refused.status == 422 && !refused.text.contains("name=\"factor\""),
            "{path}: {}",
            refused.text
        );
        assert!(CANARIES.iter().all(|range| !refused.text.contains(range)));
        assert_eq!(tab.post(&path, &fields).await.status, 404, "a broker has no such page: {path}");
    }
    assert_eq!(reads().await, 1);
}

#[tokio::test]
async fn a_holder_binds_a_key_and_sees_how_the_app_stands() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (broker, holder) =
        (world.person("broker@keyward.example").await, world.person("holder@keyward.example").await);
    let (tab, officer) = (Tab::of(&world, &broker).await, Tab::of(&world, &ann).await);
    let page = Tab::of(&world, &holder).await;
    assert!(page.get("/keys/new?purpose=third_party_app").await.text.contains("No apps yet"));
    let id = open_app(&tab, (&ann, &ben), &CANARIES.join(",")).await;

    let list = page.get("/keys/new?purpose=third_party_app").await.text;
    assert!(list.contains("Trade Pal") && list.contains(&format!("/keys/new?app={id}")));
    assert!(page.get("/keys/new?purpose=third_party_app&q=nobody").await.text.contains("Nothing matches"));
    let wizard = page.get(&format!("/keys/new?app={id}")).await.text;
    assert!(!wizard.contains("name=\"addresses\"") && !wizard.contains("name=\"reach\""), "no address field");
    for (right, ticked) in [("read", true), ("trade", true), ("withdraw", false)] {
        let found = wizard.contains(&format!("value=\"{right}\" checked"));
        assert_eq!(found, ticked, "{right}");
    }
    let mut both_ways = key(&id, "PalBot");
    both_ways.extend([("reach", "addresses"), ("addresses", "203.0.113.7")]);
    assert_eq!(page.post("/keys/new", &both_ways).await.status, 422, "an app and addresses together");
    assert_eq!(page.post("/keys/new", &key("77", "PalBot")).await.status, 422, "no such app");

    let asked = page.post("/keys/new", &key(&id, "PalBot")).await.text;
    assert!(asked.contains("The app: Trade Pal (https://tradepal.example)"), "{asked}");
    let shown = page.stepped_up("/keys/new", &key(&id, "PalBot")).await.text;
    let key_page = format!("/keys/{}", made(&shown));
    let text = page.get(&key_page).await.text;
    assert!(text.contains("Trade Pal") && text.contains(&format!("/apps/{id}/logo")));
    assert!(page.get("/keys").await.text.contains("<strong>Trade Pal</strong>"));
    assert_eq!(page.get(&format!("/apps/{id}")).await.status, 404, "the app's own page is its broker's");
    assert_eq!(page.get(&format!("/apps/{id}/ranges")).await.status, 404);

    // It keeps its name; of what its broker changes, holders see nothing until operators have looked again.
    let edit = format!("/apps/{id}/edit");
    let renamed = tab.confirmed(&edit, &app("Other Pal", "")).await;
    assert!(renamed.text.contains("keeps the name that it was verified with"), "{}", renamed.text);
    let mut elsewhere = app("Trade Pal", "");
    elsewhere[1].1 = "https://other.example";
    assert_eq!(went_to(&tab.confirmed(&edit, &elsewhere).await), format!("/apps/{id}"));
    let text = page.get(&key_page).await.text;
    assert!(
        text.contains("Trade Pal") && !text.contains("other.example") && text.contains("closed to new keys")
    );
    assert!(
        page.get(&format!("/keys/new?app={id}")).await.text.contains("No key can be bound to this app now")
    );
    let closed = page.post("/keys/new", &key(&id, "Second")).await;
    assert!(closed.status == 422 || closed.status == 404, "{}", closed.text);

    // A freeze, with how many keys it touches.
    let freeze = format!("/operations/apps/{id}/freeze");
    assert!(officer.get(&freeze).await.text.contains("This affects 1 key of 1 account"));
    let frozen = officer.post(&freeze, &[("why", "drill"), ("factor", PASSWORD)]).await;
    assert_eq!(went_to(&frozen), format!("/operations/apps/{id}"));
    let text = page.get(&key_page).await.text;
    assert!(text.contains("Trade Pal is frozen") && !text.contains("drill"), "{text}");
    assert!(officer.get(&format!("/operations/apps/{id}")).await.text.contains("Propose to lift the freeze"));
    assert!(tab.get(&format!("/apps/{id}")).await.text.contains("Only operators can lift the freeze"));
    assert!(both(&ann, &ben, &format!("app.thaw {id}")).await.status == 200);

    for path in ["/keys", &key_page, "/alerts", "/trail", &format!("{key_page}/activity"), "/activity"] {
        let text = page.get(path).await.text;
        assert!(CANARIES.iter().all(|range| !text.contains(range.split('/').next().unwrap())), "{path}");
    }
}

#[tokio::test]
async fn a_demand_stands_on_the_pages_of_the_keys_that_it_means() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (broker, holder) =
        (world.person("broker@keyward.example").await, world.person("holder@keyward.example").await);
    let (tab, officer) = (Tab::of(&world, &broker).await, Tab::of(&world, &ann).await);
    let page = Tab::of(&world, &holder).await;
    let id = open_app(&tab, (&ann, &ben), "203.0.113.0/24").await;
    let old = format!("/keys/{}", made(&page.stepped_up("/keys/new", &key(&id, "PalBot")).await.text));

    world.pass_ms(1_000);
    let demand = format!("/operations/apps/{id}/demand");
    assert!(officer.get(&demand).await.text.contains("type=\"datetime-local\""));
    let at = |hours: u64| world.now().plus_ms(hours * 3_600_000).to_string()[..16].to_owned();
    for due in ["", "tomorrow", &at(0), &at(31 * 24)] {
        let refused = officer.post(&demand, &[("due", due), ("why", "breach"), ("factor", PASSWORD)]).await;
        assert!(
            refused.text.contains("At least an hour and at most 30 days from now, as"),
            "{due}: {}",
            refused.text
        );
    }
    let due = at(48);
    let done = officer.post(&demand, &[("due", &due), ("why", "breach"), ("factor", PASSWORD)]).await;
    assert_eq!(went_to(&done), format!("/operations/apps/{id}"));
    let text = page.get(&old).await.text;
    assert!(text.contains("Operators require you to replace this key") && text.contains("/rotate"), "{text}");
    assert!(tab.get(&format!("/apps/{id}")).await.text.contains("Not replaced yet: 1 of 1."));

    // A key that is made afterwards is not meant.
    world.pass_ms(1_000);
    let fields =
        [("app", id.as_str()), ("name", "Newer"), ("permission", "read"), ("passphrase", "Other-Pass22!")];
    let newer = format!("/keys/{}", made(&page.stepped_up("/keys/new", &fields).await.text));
    assert!(!page.get(&newer).await.text.contains("Operators require"));

    // One operator does not take it back alone, and does not put it off.
    let later = at(72);
    let put_off = officer.post(&demand, &[("due", &later), ("why", "breach"), ("factor", PASSWORD)]).await;
    assert!(put_off.text.contains("a demand with an earlier deadline"), "{}", put_off.text);
    assert!(
        officer.get(&format!("/operations/apps/{id}")).await.text.contains("Propose to withdraw the demand")
    );
    assert_eq!(both(&ann, &ben, &format!("app.demand.withdraw {id}")).await.status, 200);
    assert!(!page.get(&old).await.text.contains("Operators require"));

    // Once the deadline is over the old one is held, and its page says what to do.
    world.pass_ms(1_000);
    let due = at(2);
    officer.post(&demand, &[("due", &due), ("why", "breach"), ("factor", PASSWORD)]).await;
    world.pass_ms(3 * 3_600_000);
    let context = world.authority.context(Actor::System("sweep"), world.now());
    assert_eq!(keyward_authority::duties::hold_demanded(&context).await.unwrap(), 2);
    let page = Tab::of(&world, &holder).await;
    let text = page.get(&old).await.text;
    assert!(text.contains("It is held now") && text.contains("/rotate"), "{text}");
}

#[tokio::test]
async fn another_brokers_app_is_not_there() {
    let world = World::new().await;
    let (broker, thief) =
        (world.person("broker@keyward.example").await, world.person("thief@keyward.example").await);
    let id = registered(&Tab::of(&world, &broker).await, "Trade Pal").await;
    let tab = Tab::of(&world, &thief).await;
    registered(&tab, "Thief Pal").await;
    for path in ["", "/edit", "/ranges", "/freeze", "/thaw", "/logo"] {
        let (there, nowhere) =
            (tab.get(&format!("/apps/{id}{path}")).await, tab.get(&format!("/apps/77{path}")).await);
        assert_eq!((there.status, unmasked(&there.text)), (404, unmasked(&nowhere.text)), "{path}");
    }
    for (path, fields) in [
        ("/edit", app("Mine", "")),
        ("/submit", vec![]),
        ("/ranges", vec![("ranges", "203.0.113.0/24")]),
        ("/ranges/check", vec![("ranges", "203.0.113.0/24")]),
        ("/ranges/1/withdraw", vec![]),
        ("/freeze", vec![("factor", PASSWORD)]),
        ("/thaw", vec![]),
    ] {
        let there = tab.post(&format!("/apps/{id}{path}"), &fields).await;
        let nowhere = tab.post(&format!("/apps/77{path}"), &fields).await;
        assert_eq!((there.status, unmasked(&there.text)), (404, unmasked(&nowhere.text)), "{path}");
    }
}
