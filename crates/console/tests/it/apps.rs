//! Third-party apps (product.md 4), driven from outside: what brokers register and submit, what operators decide, what
//! holders bind, and who learns nothing of it.

use axum::body::Body;
use axum::http::{Request, header};
use keyward_authority::duties::{hold_demanded, retire_ranges, tell_app_news};
use keyward_rules::grant::Actor;
use keyward_rules::id::AppId;
use serde_json::{Value, json};

use crate::audit::records;
use crate::doors::browser;
use crate::operators::{approve, both, carry_out, id_of, only_approve, propose, two_operators};
use crate::routes::get;
use crate::world::{HOME, PASSWORD, Person, Reply, World, wish};

const HOUR_MS: u64 = 3_600_000;
/// A picture of one point.
const POINT: &str = "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63105030f80f00020401608dbcbb710000000049454e44ae426082";

/// An app to register.
pub fn described(name: &str) -> Value {
    json!({
        "name": name, "home_page": "https://tradepal.example", "contact": "ops@tradepal.example",
        "permissions": ["read", "trade"], "factor": PASSWORD
    })
}

/// Registers an app; its id.
pub async fn registered(broker: &Person<'_>, name: &str) -> String {
    let made = broker.api("POST", "/apps", described(name)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["app"]["id"].as_str().unwrap().to_owned()
}

/// Registers an app, hands it in, and has it verified; its id.
pub async fn verified(officers: (&Person<'_>, &Person<'_>), broker: &Person<'_>, name: &str) -> String {
    let app = registered(broker, name).await;
    assert_eq!(broker.api("POST", &format!("/apps/{app}/submit"), Value::Null).await.status, 200);
    let done = both(officers.0, officers.1, &format!("app.verify {app}")).await;
    assert_eq!(done.status, 200, "{}", done.text);
    app
}

/// Submits ranges that add something; their number.
pub async fn submitted(broker: &Person<'_>, app: &str, ranges: &str, overlap_hours: u64) -> u64 {
    let body = json!({"ranges": ranges, "note": "our servers", "overlap_hours": overlap_hours});
    let sent = broker.approved("POST", &format!("/apps/{app}/ranges"), body).await;
    assert_eq!((sent.status, sent.field("standing")), (201, "submitted".to_owned()), "{}", sent.text);
    sent.json()["number"].as_u64().unwrap()
}

/// The same, and has them approved.
pub async fn in_force(
    officers: (&Person<'_>, &Person<'_>),
    broker: &Person<'_>,
    (app, ranges): (&str, &str),
    overlap_hours: u64,
) -> u64 {
    let number = submitted(broker, app, ranges, overlap_hours).await;
    let done = both(officers.0, officers.1, &format!("app.ranges.approve {app} {number}")).await;
    assert_eq!(done.status, 200, "{}", done.text);
    number
}

/// A key of an app to ask for.
pub fn app_wish(app: &str, name: &str) -> Value {
    let mut body = wish(name);
    body.as_object_mut().unwrap().remove("from");
    body["app"] = app.into();
    body
}

/// Binds a key to an app; its id.
pub async fn bound(holder: &Person<'_>, app: &str, name: &str) -> String {
    let made = holder.approved("POST", "/keys", app_wish(app, name)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.field("api_key")
}

/// Runs the duties that concern apps until nothing is left; how many ranges ended, keys were held and people told.
pub async fn duties(world: &World) -> (usize, usize, usize) {
    let context = world.authority.context(Actor::System("sweep"), world.now());
    let (retired, held) = (retire_ranges(&context).await.unwrap(), hold_demanded(&context).await.unwrap());
    let mut told = 0;
    loop {
        let (count, more) = tell_app_news(&context).await.unwrap();
        told += count;
        if !more {
            return (retired, held, told);
        }
    }
}

/// What gateways enforce for an app.
async fn enforced(world: &World, app: &str) -> Option<String> {
    let app: AppId = app.parse().unwrap();
    world.store.reader().app(app).await.unwrap().map(|record| record.ranges.to_string())
}

/// Lets an hour pass for people who go on working, so that the next codes may be sent.
pub async fn an_hour_later(world: &World, people: &[&Person<'_>]) {
    for _ in 0..3 {
        world.pass_ms(25 * 60_000);
        for person in people {
            assert_eq!(person.get("/account").await.status, 200);
        }
    }
}

async fn offered(person: &Person<'_>, query: &str) -> Vec<String> {
    let list = person.get(&format!("/third-party-apps{query}")).await;
    assert_eq!(list.status, 200, "{}", list.text);
    list.json()["apps"].as_array().unwrap().iter().map(|app| app["id"].as_str().unwrap().to_owned()).collect()
}

async fn count_of_mails(world: &World, person: &Person<'_>, words: &str) -> usize {
    world.mails(&person.email).await.iter().filter(|mail| mail.contains(words)).count()
}

#[tokio::test]
async fn an_app_lives_from_its_registration_to_its_successors() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (bob, hal, ivy) = (
        world.person("bob@broker.example").await,
        world.person("hal@keyward.example").await,
        world.person("ivy@keyward.example").await,
    );
    // Registered, handed in, verified by two; nobody sees it yet.
    let app = registered(&bob, "Trade Pal").await;
    let path = format!("/apps/{app}");
    assert_eq!(bob.get(&path).await.json()["app"]["standing"], "draft");
    assert_eq!(propose(&ann, &format!("app.verify {app}")).await.code(), "unchanged", "not handed in");
    assert_eq!(bob.api("POST", &format!("{path}/submit"), Value::Null).await.status, 200);
    let queue = ann.get("/operations/apps/queue").await.json();
    assert_eq!((&queue["apps"][0]["id"], &queue["ranges"]), (&json!(app), &json!([])));
    assert_eq!(hal.api("POST", "/keys", app_wish(&app, "bot")).await.code(), "no_app");
    assert_eq!(both(&ann, &ben, &format!("app.verify {app}")).await.status, 200);
    assert!(offered(&hal, "").await.is_empty(), "without ranges it works from nowhere");
    assert_eq!(hal.api("POST", "/keys", app_wish(&app, "bot")).await.code(), "app_closed");
    // Ranges: looked at, submitted, read, approved.
    let text = "203.0.113.0/24 # Frankfurt\n2001:db8::/32";
    let check = bob.api("POST", &format!("{path}/ranges/check"), json!({"ranges": text})).await.json();
    assert_eq!((&check["becomes"], &check["refused"]), (&json!("widen"), &Value::Null));
    assert_eq!(check["change"]["added"], json!(["203.0.113.0/24", "2001:db8::/32"]));
    assert_eq!(
        check["entries"][1],
        json!({"line": 2, "text": "2001:db8::/32", "verdict": "taken", "reason": null})
    );
    let number = submitted(&bob, &app, text, 0).await;
    let queue = ann.get("/operations/apps/queue").await.json();
    assert_eq!((&queue["ranges"][0]["version"]["number"], &queue["apps"]), (&json!(number), &json!([])));
    let read = ann.api("POST", &format!("/operations/apps/{app}/ranges/{number}/read"), Value::Null).await;
    assert_eq!(read.json()["ranges"], json!(["203.0.113.0/24", "2001:db8::/32"]), "{}", read.text);
    let change = format!("app.ranges.approve {app} {number}");
    let proposed = propose(&ann, &change).await.json();
    let print = read.field("print");
    assert!(proposed["words"].as_array().unwrap().iter().any(|line| line.as_str().unwrap().contains(&print)));
    assert_eq!(enforced(&world, &app).await, None);
    assert_eq!(approve(&ben, &proposed).await.status, 200);
    assert_eq!(enforced(&world, &app).await.unwrap(), "203.0.113.0/24,2001:db8::/32");
    // Holders find it and bind keys; the broker sees numbers.
    assert_eq!(offered(&hal, "?q=PAL").await, [app.as_str()]);
    assert!(offered(&hal, "?q=pall").await.is_empty());
    let old = bound(&hal, &app, "bot").await;
    for name in ["one", "two"] {
        bound(&ivy, &app, name).await;
    }
    duties(&world).await;
    let shown = hal.get(&format!("/keys/{old}")).await.json();
    assert_eq!((&shown["purpose"], &shown["from"]), (&json!("third_party_app"), &json!("the app's servers")));
    assert_eq!(
        shown["app"],
        json!({"id": app, "name": "Trade Pal", "state": "open", "refused_from_elsewhere": 0, "successor_due_ms": null})
    );
    let own = bob.get(&path).await.json();
    assert_eq!(
        (&own["keys"]["keys"], &own["keys"]["accounts"], &own["open"]),
        (&json!(3), &json!(2), &json!(true))
    );
    for person in [&hal.email, &ivy.email] {
        assert!(!own.to_string().contains(person.as_str()));
    }
    // Narrower at once, on one factor; each holder hears it once, however many keys.
    let narrower = json!({"ranges": "203.0.113.0/25", "factor": PASSWORD});
    let asked = bob.api("POST", &format!("{path}/ranges"), json!({"ranges": "203.0.113.0/25"})).await;
    assert_eq!(asked.code(), "factor_required");
    let done = bob.api("POST", &format!("{path}/ranges"), narrower).await;
    assert_eq!((done.status, done.field("standing")), (201, "active".to_owned()), "{}", done.text);
    assert_eq!(enforced(&world, &app).await.unwrap(), "203.0.113.0/25");
    assert_eq!(duties(&world).await, (0, 0, 2));
    assert_eq!(count_of_mails(&world, &ivy, "changed its servers").await, 1);
    assert_eq!(duties(&world).await, (0, 0, 0), "once");
    // A move: both sets are in force until the overlap ends, by the duty.
    in_force((&ann, &ben), &bob, (&app, "198.51.100.0/24"), 24).await;
    assert_eq!(enforced(&world, &app).await.unwrap(), "198.51.100.0/24,203.0.113.0/25");
    let third = json!({"ranges": "192.0.2.0/24", "overlap_hours": 1});
    assert_eq!(bob.api("POST", &format!("{path}/ranges"), third).await.code(), "other_way");
    world.pass_ms(24 * HOUR_MS - 1);
    assert_eq!(duties(&world).await, (0, 0, 0), "of new servers they are told once a day");
    world.pass_ms(1);
    assert_eq!(duties(&world).await, (1, 0, 0));
    assert_eq!(enforced(&world, &app).await.unwrap(), "198.51.100.0/24");
    let (ann, ben, bob) = (ann.sign_in_again().await, ben.sign_in_again().await, bob.sign_in_again().await);
    let (hal, ivy) = (hal.sign_in_again().await, ivy.sign_in_again().await);
    let history = bob.get(&format!("{path}/ranges?limit=2")).await.json();
    let standings: Vec<_> =
        history["versions"].as_array().unwrap().iter().map(|one| &one["standing"]).collect();
    assert_eq!((standings, &history["next"]), (vec![&json!("active"), &json!("retired")], &json!(2)));
    let rest = bob.get(&format!("{path}/ranges?cursor=2")).await.json();
    assert_eq!((rest["versions"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
    // The broker's freeze, and the operators'.
    assert_eq!(bob.api("POST", &format!("{path}/freeze"), json!({"factor": PASSWORD})).await.status, 204);
    assert_eq!(hal.get(&format!("/keys/{old}")).await.json()["app"]["state"], "frozen");
    assert!(offered(&hal, "").await.is_empty());
    assert_eq!(hal.api("POST", "/keys", app_wish(&app, "bot 9")).await.code(), "app_closed");
    assert_eq!(duties(&world).await, (0, 0, 2));
    assert_eq!(bob.api("POST", &format!("{path}/thaw"), json!({"factor": PASSWORD})).await.status, 422);
    assert_eq!(bob.approved("POST", &format!("{path}/thaw"), json!({})).await.status, 204);
    let freeze = format!("/operations{path}/freeze");
    let body = json!({"why": "the broker was broken into", "factor": PASSWORD});
    assert_eq!(ann.api("POST", &freeze, json!({"why": " ", "factor": PASSWORD})).await.code(), "bad_reason");
    assert_eq!(ann.api("POST", &freeze, body.clone()).await.status, 204);
    assert_eq!(ann.api("POST", &freeze, body).await.code(), "unchanged");
    assert_eq!(bob.approved("POST", &format!("{path}/thaw"), json!({})).await.code(), "frozen");
    assert_eq!(both(&ann, &ben, &format!("app.thaw {app}")).await.status, 200);
    duties(&world).await;
    assert_eq!(hal.get(&format!("/keys/{old}")).await.json()["app"]["state"], "open");
    // Successors by a deadline: those that were rotated go on, the others are held.
    let demand = format!("/operations{path}/demand");
    assert_eq!(ann.get(&format!("/operations{path}/preview")).await.json()["older"], 3);
    let due = |ms: u64| json!({"due_ms": ms, "why": "after the breach", "factor": PASSWORD});
    for wrong in [world.now().unix_ms(), world.now().unix_ms() + 31 * 24 * HOUR_MS, u64::MAX] {
        assert_eq!(ann.api("POST", &demand, due(wrong)).await.code(), "other_way", "{wrong}");
    }
    let deadline = world.now().unix_ms() + 2 * HOUR_MS;
    assert_eq!(ann.api("POST", &demand, due(deadline)).await.status, 204);
    let id = path.rsplit('/').next().unwrap();
    let withdraw = format!("app.demand.withdraw {id}");
    assert_eq!(both(&ann, &ben, &withdraw).await.status, 200, "another operator takes part");
    assert_eq!(
        ann.approved("POST", "/operations/proposals", json!({"change": withdraw})).await.code(),
        "unchanged"
    );
    world.pass_ms(1);
    assert_eq!(ann.api("POST", &demand, due(deadline)).await.status, 204);
    assert_eq!(hal.get(&format!("/keys/{old}")).await.json()["app"]["successor_due_ms"], deadline);
    assert_eq!(duties(&world).await, (0, 0, 4), "both demands were told");
    let rotation = json!({"name": "bot 2", "passphrase": "Other-Pass1!"});
    let next = hal.approved("POST", &format!("/keys/{old}/rotate"), rotation).await.field("api_key");
    let shown = hal.get(&format!("/keys/{next}")).await.json();
    assert_eq!((&shown["app"]["id"], &shown["app"]["successor_due_ms"]), (&json!(app), &Value::Null));
    world.pass_ms(2 * HOUR_MS);
    assert_eq!(duties(&world).await, (0, 3, 0));
    assert_eq!(duties(&world).await, (0, 0, 0), "once");
    let (hal, ivy) = (hal.sign_in_again().await, ivy.sign_in_again().await);
    assert_eq!(hal.get(&format!("/keys/{old}")).await.json()["state"], "held");
    assert_eq!(hal.get(&format!("/keys/{next}")).await.json()["state"], "active");
    let keys = ivy.get("/keys").await.json();
    assert!(keys["keys"].as_array().unwrap().iter().all(|key| key["state"] == "held"));
    // Late is not too late.
    let late = keys["keys"][0]["api_key"].as_str().unwrap();
    let rotation = json!({"name": "late", "passphrase": "Other-Pass1!"});
    let late = ivy.approved("POST", &format!("/keys/{late}/rotate"), rotation).await.field("api_key");
    assert_eq!(ivy.get(&format!("/keys/{late}")).await.json()["state"], "active");
}

/// Entries that are no ranges of an app, each with words of its reason.
const REFUSED: &[(&str, &str)] = &[
    ("10.0.0.0/16", "private address range"),
    ("172.16.0.0/16", "private address range"),
    ("192.168.1.0/24", "private address range"),
    ("fd00:1::/48", "private address range"),
    ("127.0.0.1", "loopback address range"),
    ("::1", "loopback address range"),
    ("::ffff:127.0.0.1", "loopback address range"),
    ("169.254.169.254", "link-local address range"),
    ("fe80::/64", "link-local address range"),
    ("100.64.0.0/16", "carrier-grade NAT address range"),
    ("224.0.0.1", "multicast address range"),
    ("ff02::1", "multicast address range"),
    ("0.0.0.0", "unspecified address range"),
    ("::", "unspecified address range"),
    ("0.0.0.0/0", "unspecified address range"),
    ("::/0", "unspecified address range"),
    ("240.0.0.1", "reserved address range"),
    ("255.255.255.255", "reserved address range"),
    ("198.18.0.0/16", "reserved address range"),
    ("2002:c000:201::/48", "reserved address range"),
    ("5.0.0.0/15", "wider than /16"),
    ("2600::/31", "wider than"),
    ("8.8.8.8/24", "bits behind the prefix"),
    ("2606:4700::1/48", "bits behind the prefix"),
    ("8.8.8", "plain spelling"),
    ("08.8.8.8", "plain spelling"),
    ("0x08.8.8.8", "plain spelling"),
    ("134744072", "plain spelling"),
    ("[2606:4700::1]", "plain spelling"),
    ("8.8.8.8:443", "plain spelling"),
    ("8.8.8.8-8.8.8.9", "plain spelling"),
    ("８.8.8.8", "plain spelling"),
    ("example.com", "plain spelling"),
    ("*", "plain spelling"),
    ("anywhere", "plain spelling"),
    ("8.8.8.0/33", "prefix length"),
    ("8.8.8.0/024", "prefix length"),
    ("8.8.8.0/", "prefix length"),
];

#[tokio::test]
async fn every_class_of_entry_is_refused_with_its_reason_and_nothing_is_never_everything() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let bob = world.person("bob@broker.example").await;
    let app = verified((&ann, &ben), &bob, "Trade Pal").await;
    let path = format!("/apps/{app}/ranges");
    let refuses = async |on: &str| {
        for (entry, words) in REFUSED {
            let text = format!("203.0.113.0/24\n{entry}");
            let check = bob.api("POST", &format!("{path}/check"), json!({"ranges": text})).await.json();
            let judged = &check["entries"][1];
            assert_eq!((&judged["line"], &judged["text"]), (&json!(2), &json!(entry)));
            assert_eq!((&judged["verdict"], &check["becomes"]), (&json!("refused"), &Value::Null), "{entry}");
            assert!(judged["reason"].as_str().unwrap().contains(words), "{entry}: {judged}");
            let sent = bob.api("POST", &path, json!({"ranges": text, "factor": PASSWORD})).await;
            assert_eq!((sent.status, sent.code().as_str()), (422, "bad_ranges"), "{on}: {entry}");
            let why = sent.field("detail");
            assert!(why.contains(words) && why.contains("line 2"), "{on}: {entry}: {why}");
            let entered = json!({"ranges": text, "factor": PASSWORD});
            let entered = ann.api("POST", &format!("/operations{path}"), entered).await;
            assert_eq!(entered.code(), "bad_ranges", "an operator is no exception: {entry}");
        }
        for empty in ["", " ", "\n\n", ",", ",,,", "# 203.0.113.0/24", "\t\r\n # all of it"] {
            let check = bob.api("POST", &format!("{path}/check"), json!({"ranges": empty})).await.json();
            assert!(check["refused"].as_str().unwrap().contains("the list has no range"), "{check}");
            let sent = bob.api("POST", &path, json!({"ranges": empty, "factor": PASSWORD})).await;
            assert_eq!((sent.status, sent.code().as_str()), (422, "bad_ranges"), "{on}: {empty:?}");
        }
        for body in [
            json!({}),
            json!({"ranges": null}),
            json!({"ranges": []}),
            json!({"ranges": "203.0.113.7", "all": true}),
        ] {
            assert_eq!(bob.api("POST", &path, body.clone()).await.code(), "bad_body", "{on}: {body}");
        }
    };
    refuses("the first set").await;
    assert_eq!(enforced(&world, &app).await, None);
    in_force((&ann, &ben), &bob, (&app, "203.0.113.0/24, 2001:db8::/32"), 0).await;
    let before = bob.get(&path).await.text;
    refuses("a change").await;
    assert_eq!(enforced(&world, &app).await.unwrap(), "203.0.113.0/24,2001:db8::/32");
    assert_eq!(bob.get(&path).await.text, before, "a refusal keeps nothing");
    // Other limits: too many, too long an overlap or note, and the very same again.
    let many =
        |count: u32| (0..count).map(|at| format!("5.{}.{}.0/25\n", at / 256, at % 256)).collect::<String>();
    assert_eq!(bob.api("POST", &path, json!({"ranges": many(1_000)})).await.code(), "step_up_required");
    assert_eq!(bob.api("POST", &path, json!({"ranges": many(1_001)})).await.code(), "bad_ranges");
    let blank = |bytes: usize| json!({"ranges": " ".repeat(bytes)});
    assert_eq!(bob.api("POST", &path, blank(300_000)).await.code(), "bad_ranges");
    assert_eq!(bob.api("POST", &format!("{path}/check"), blank(300_000)).await.code(), "bad_ranges");
    assert_eq!(bob.api("POST", &path, blank(700_000)).await.code(), "too_large");
    for (body, code) in [
        (json!({"ranges": "203.0.113.0/24,2001:db8::/32"}), "unchanged"),
        (json!({"ranges": "192.0.2.1", "overlap_hours": 721}), "other_way"),
        (json!({"ranges": "192.0.2.1", "overlap_hours": u64::MAX}), "other_way"),
        (json!({"ranges": "192.0.2.1", "note": "x".repeat(1_001)}), "other_way"),
    ] {
        assert_eq!(bob.api("POST", &path, body.clone()).await.code(), code, "{body}");
    }
}

#[tokio::test]
async fn a_setting_admits_private_ranges() {
    let rules = keyward_authority::Settings {
        private_ranges: keyward_rules::app::PrivateRanges::Admit,
        ..keyward_authority::Settings::default()
    };
    let world = World::under(rules).await;
    let bob = world.person("bob@broker.example").await;
    let app = registered(&bob, "Trade Pal").await;
    submitted(&bob, &app, "10.0.0.0/16, 127.0.0.1", 0).await;
    let body = json!({"ranges": "169.254.0.0/16"});
    assert_eq!(bob.api("POST", &format!("/apps/{app}/ranges"), body).await.code(), "bad_ranges");
}

/// Where a deployment asks for it, approved ranges are in force only once somebody showed themselves from each of them.
#[tokio::test]
async fn ranges_wait_for_proof_of_control_where_it_is_asked_for() {
    let rules = keyward_authority::Settings {
        proof_of_control: keyward_authority::apps::ProofOfControl::Asked,
        ..keyward_authority::Settings::default()
    };
    let world = World::under(rules).await;
    let (ann, ben) = two_operators(&world).await;
    let bob = world.person("bob@broker.example").await;
    let app = verified((&ann, &ben), &bob, "Trade Pal").await;
    let number = in_force((&ann, &ben), &bob, (&app, "203.0.113.0/24, 2001:db8::/32"), 0).await;
    let version = async || bob.get(&format!("/apps/{app}/ranges")).await.json()["versions"][0].clone();
    let first = version().await;
    assert_eq!((&first["standing"], first["unproven"].as_array().unwrap().len()), (&json!("approved"), 2));
    let path = first["proof_path"].as_str().unwrap().to_owned();
    let fetch = async |from: &str, path: &str| {
        let request = axum::http::Request::builder().uri(path).body(axum::body::Body::empty()).unwrap();
        world.send(from, request).await
    };
    let offered = async || ann.get("/third-party-apps").await.json()["apps"].as_array().unwrap().len();
    // Elsewhere, another token, another version, another app: one answer, and nothing is noted.
    let wrong = path.replace(&format!("/{number}/"), &format!("/{}/", number + 1));
    let mut token = path.clone();
    token.replace_range(path.len() - 1.., if path.ends_with('0') { "1" } else { "0" });
    for (from, path) in [
        ("203.0.114.1", path.as_str()),
        ("127.0.0.1", &path),
        ("203.0.113.7", &wrong),
        ("203.0.113.7", &token),
        ("203.0.113.7", "/prove/x/1/y"),
        ("203.0.113.7", &path.replace(&app, "7")),
    ] {
        let answer = fetch(from, path).await;
        assert_eq!((answer.status, answer.text.as_str()), (404, "nothing to show here\n"), "{from} {path}");
    }
    assert_eq!(version().await, first);
    assert_eq!(fetch("203.0.113.7", &path).await.text, "noted: 1 of 2 ranges\n");
    assert_eq!(fetch("203.0.113.9", &path).await.text, "noted: 1 of 2 ranges\n", "the same range once");
    assert_eq!((version().await["standing"].clone(), offered().await), (json!("approved"), 0));
    assert_eq!(fetch("2001:db8::7", &path).await.text, "noted: 2 of 2 ranges\n");
    assert_eq!((version().await["standing"].clone(), offered().await), (json!("active"), 1));
    assert!(version().await["proof_path"].is_null());
    assert_eq!(fetch("203.0.113.7", &path).await.status, 404, "it has done its work");
    // What is taken away does not come back by a proof that was still to come.
    let wider =
        in_force((&ann, &ben), &bob, (&app, "203.0.113.0/24, 2001:db8::/32, 198.51.100.0/24"), 0).await;
    let late = version().await["proof_path"].as_str().unwrap().to_owned();
    let body = json!({"ranges": "203.0.113.0/24", "factor": PASSWORD});
    assert_eq!(bob.api("POST", &format!("/apps/{app}/ranges"), body).await.status, 201);
    assert_eq!(fetch("198.51.100.7", &late).await.status, 404);
    let versions = bob.get(&format!("/apps/{app}/ranges")).await.json();
    let of = |number: u64| {
        let all = versions["versions"].as_array().unwrap();
        all.iter().find(|one| one["number"] == number).unwrap()["standing"].clone()
    };
    assert_eq!((of(wider), of(wider + 1)), (json!("withdrawn"), json!("active")));
}

/// An altered row of one app stops that app when its overlap should end, and no other's.
#[tokio::test]
async fn an_app_whose_ranges_were_altered_is_stopped_and_others_go_on() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let bob = world.person("bob@broker.example").await;
    let mut apps = Vec::new();
    for name in ["Trade Pal", "Other One"] {
        let app = verified((&ann, &ben), &bob, name).await;
        in_force((&ann, &ben), &bob, (&app, "203.0.113.0/24"), 0).await;
        in_force((&ann, &ben), &bob, (&app, "198.51.100.0/24"), 1).await;
        apps.push(app);
    }
    let (altered, other) = (&apps[0], &apps[1]);
    let file = rusqlite::Connection::open(world.folder.join("keyward.db")).unwrap();
    file.execute(
        "UPDATE app_ranges SET ends_at = ends_at + 1 WHERE app = ?1 AND standing = 'retiring'",
        [altered],
    )
    .unwrap();
    world.pass_ms(2 * HOUR_MS);
    assert_eq!(duties(&world).await.0, 1);
    let stopped = world.store.reader().app(altered.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(stopped.state, keyward_store::AppState::Frozen, "its keys must work from nowhere");
    assert_eq!(enforced(&world, other).await.unwrap(), "198.51.100.0/24");
}

#[tokio::test]
async fn names_that_look_alike_and_other_spellings_of_a_change_are_refused() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (bob, eve) = (world.person("bob@broker.example").await, world.person("eve@broker.example").await);
    let app = registered(&bob, "Trade Pal").await;
    let other = registered(&eve, "Other One").await;
    assert_eq!(bob.api("POST", &format!("/apps/{app}/submit"), Value::Null).await.status, 200);
    assert_eq!(both(&ann, &ben, &format!("app.verify {app}")).await.status, 200);
    for alike in
        ["Trade Pal", "trade pal", "TRADEPAL", "Trade-Pal", "Trade Pa1", "Trade PaI", "ＴｒａｄｅＰａｌ"]
    {
        let taken = eve.api("POST", "/apps", described(alike)).await;
        assert_eq!((taken.status, taken.code().as_str()), (409, "conflict"), "{alike}: {}", taken.text);
        let edit = json!({"name": alike, "factor": PASSWORD});
        assert_eq!(eve.api("PATCH", &format!("/apps/{other}"), edit).await.code(), "conflict", "{alike}");
        assert!(!taken.text.contains(&bob.email) && !taken.text.contains(&app));
    }
    for bad in [
        "Trаde Pаl",
        "Tradе Pal",
        "",
        " ",
        "x",
        "--",
        " Trade",
        "Trade\u{202e}",
        "Tra\u{200b}de",
        &"x".repeat(41),
    ] {
        assert_eq!(eve.api("POST", "/apps", described(bad)).await.code(), "bad_name", "{bad:?}");
    }
    for (member, value, code) in [
        ("home_page", json!("http://tradepal.example"), "bad_home_page"),
        ("home_page", json!("https://tradepal.example@evil.example"), "bad_home_page"),
        ("contact", json!("nobody"), "bad_email"),
        ("permissions", json!([]), "bad_permissions"),
        ("permissions", json!(["Read"]), "bad_permissions"),
        ("permissions", json!(["read", "manage"]), "other_way"),
        ("standing", json!("verified"), "bad_body"),
    ] {
        let mut body = described("Third One");
        body[member] = value;
        assert_eq!(eve.api("POST", "/apps", body.clone()).await.code(), code, "{body}");
    }
    assert_eq!(eve.get("/apps").await.json().as_array().unwrap().len(), 1, "a refusal keeps nothing");
    for change in [
        format!("App.verify {app}"),
        format!("app.verify  {app}"),
        format!("app.verify 0{app}"),
        format!("app.verify +{app}"),
        format!("app.verify {app} "),
        format!("арр.verify {app}"),
        format!("app.ranges.approve {app}"),
        format!("app.ranges.approve {app} 0"),
        format!("app.ranges.approve {app} 01"),
        format!("app.ranges.approve {app} *"),
        "app.thaw".to_owned(),
    ] {
        assert_eq!(propose(&ann, &change).await.code(), "bad_change", "{change}");
    }
    assert_eq!(propose(&ann, "app.verify 5").await.code(), "no_app");
    assert_eq!(propose(&ann, &format!("app.ranges.approve {app} 1")).await.code(), "no_version");
    assert_eq!(propose(&ann, &format!("app.thaw {app}")).await.code(), "unchanged");
    // Ten apps and no more.
    for number in 2..=10 {
        registered(&eve, &format!("App number {}", "abcdefghijk".chars().nth(number).unwrap())).await;
    }
    assert_eq!(eve.api("POST", "/apps", described("One too many")).await.code(), "too_many_apps");
}

#[tokio::test]
async fn drafts_hold_no_name_and_the_first_that_is_verified_gets_it() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (bob, eve) = (world.person("bob@broker.example").await, world.person("eve@broker.example").await);
    // A squatter is there first, and hands it in first.
    let squatted = registered(&eve, "TRADE PAL").await;
    let own = registered(&bob, "Trade Pal").await;
    for (broker, app) in [(&eve, &squatted), (&bob, &own)] {
        assert_eq!(broker.api("POST", &format!("/apps/{app}/submit"), Value::Null).await.status, 200);
        world.pass_ms(1_000);
    }
    let cookie = browser(&world, &ann).await;
    let page = get(&world, &cookie, &format!("/operations/apps/{own}")).await.text;
    assert!(page.contains("1 app with a similar name was submitted earlier"), "{page}");
    assert!(
        !get(&world, &cookie, &format!("/operations/apps/{squatted}"))
            .await
            .text
            .contains("was submitted earlier")
    );
    let verify = async |app: &str| both(&ann, &ben, &format!("app.verify {app}")).await;
    assert_eq!(verify(&own).await.status, 200);
    assert_eq!(verify(&squatted).await.code(), "conflict");
    let edit = |name: &str| json!({"name": name, "factor": PASSWORD});
    let path = format!("/apps/{squatted}");
    assert_eq!(eve.api("PATCH", &path, edit("Trade-Pal")).await.code(), "conflict");
    assert_eq!(eve.api("PATCH", &path, edit("Trade Friend")).await.status, 200);
}

#[tokio::test]
async fn verifying_approving_and_thawing_take_another_operator_who_still_is_one() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (bob, eve) = (world.person("bob@broker.example").await, world.person("eve@keyward.example").await);
    let dan = world.person("dan@keyward.example").await;
    assert_eq!(both(&ann, &ben, &format!("role.grant {} operator", id_of(&eve).await)).await.status, 200);
    assert_eq!(both(&ann, &ben, &format!("role.grant {} auditor", id_of(&dan).await)).await.status, 200);
    let app = registered(&bob, "Trade Pal").await;
    assert_eq!(bob.api("POST", &format!("/apps/{app}/submit"), Value::Null).await.status, 200);
    let number = submitted(&bob, &app, "203.0.113.0/24", 0).await;
    let freeze = format!("/operations/apps/{app}/freeze");
    assert_eq!(ann.api("POST", &freeze, json!({"why": "x", "factor": PASSWORD})).await.status, 204);
    an_hour_later(&world, &[&ann, &ben, &bob, &eve, &dan]).await;
    let changes = [
        format!("app.thaw {app}"),
        format!("app.verify {app}"),
        format!("app.ranges.approve {app} {number}"),
    ];
    let mut proposals = Vec::new();
    for change in &changes {
        let proposed = propose(&ann, change).await;
        assert_eq!(proposed.status, 201, "{change}: {}", proposed.text);
        let proposed = proposed.json();
        assert_eq!(propose(&ben, change).await.code(), "proposed_already", "{change}");
        // Nobody's approval, one's own, a broker's, an auditor's, one of other words.
        assert_eq!(carry_out(&ann, &proposed).await.code(), "approvals_missing", "{change}");
        assert_eq!(approve(&ann, &proposed).await.code(), "own_proposal", "{change}");
        assert_eq!(approve(&bob, &proposed).await.code(), "no_role", "{change}");
        assert_eq!(approve(&dan, &proposed).await.code(), "not_allowed", "{change}");
        assert_eq!(carry_out(&bob, &proposed).await.code(), "no_role", "{change}");
        assert_eq!(carry_out(&dan, &proposed).await.code(), "not_allowed", "{change}");
        assert_eq!(carry_out(&ann, &proposed).await.code(), "approvals_missing", "{change}");
        // Strangers do not cancel it either.
        let cancel = format!("/operations/proposals/{}/cancel", proposed["id"].as_str().unwrap());
        let body = json!({"factor": PASSWORD});
        assert_eq!(world.api(HOME, "", "POST", &cancel, &body).await.status, 401);
        assert_eq!(bob.api("POST", &cancel, body.clone()).await.code(), "no_role");
        assert_eq!(dan.api("POST", &cancel, body).await.code(), "not_allowed");
        only_approve(&ben, &proposed).await;
        proposals.push(proposed);
    }
    // Ben is an operator no more when they are carried out.
    let path = format!("/operations/staff/{}", id_of(&ben).await);
    assert_eq!(eve.api("DELETE", &path, json!({"factor": PASSWORD})).await.status, 204);
    for proposed in &proposals {
        assert_eq!(carry_out(&ann, proposed).await.code(), "approvals_missing");
        assert_eq!(carry_out(&ben, proposed).await.code(), "no_role");
    }
    let shown = ann.get(&format!("/operations/apps/{app}")).await.json();
    assert_eq!(
        (&shown["app"]["standing"], &shown["app"]["frozen_by"]),
        (&json!("submitted"), &json!("operator"))
    );
    assert_eq!((&shown["versions"][0]["standing"], &shown["open"]), (&json!("submitted"), &json!(false)));
    assert_eq!(enforced(&world, &app).await, None);
    // Thawing changes what the verification would be of: those words are read anew.
    let [thaw, verify, ranges] = proposals.try_into().unwrap();
    assert_eq!(approve(&eve, &thaw).await.json()["standing"], "done");
    assert_eq!(carry_out(&eve, &thaw).await.status, 200, "which changes nothing");
    assert_eq!(approve(&eve, &verify).await.code(), "proposal_changed");
    assert_eq!(approve(&eve, &ranges).await.json()["standing"], "done");
    assert_eq!(carry_out(&ann, &ranges).await.status, 200, "which changes nothing");
    assert_eq!(carry_out(&ben, &ranges).await.code(), "no_role");
    let cancel = format!("/operations/proposals/{}/cancel", verify["id"].as_str().unwrap());
    assert_eq!(eve.api("POST", &cancel, json!({"factor": PASSWORD})).await.json()["standing"], "cancelled");
    an_hour_later(&world, &[&ann, &eve, &bob]).await;
    assert_eq!(both(&ann, &eve, &changes[1]).await.status, 200);
    assert!(bob.get(&format!("/apps/{app}")).await.json()["open"].as_bool().unwrap());
}

#[tokio::test]
async fn what_was_approved_is_what_takes_effect() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let bob = world.person("bob@broker.example").await;
    let app = registered(&bob, "Trade Pal").await;
    let path = format!("/apps/{app}");
    assert_eq!(bob.api("POST", &format!("{path}/submit"), Value::Null).await.status, 200);
    // Another name after the words were read.
    let proposed = propose(&ann, &format!("app.verify {app}")).await.json();
    only_approve(&ben, &proposed).await;
    let edit = json!({"name": "Keyward Support", "factor": PASSWORD});
    assert_eq!(bob.api("PATCH", &path, edit).await.status, 200);
    assert_eq!(carry_out(&ben, &proposed).await.code(), "proposal_changed");
    let cancel = format!("/operations/proposals/{}/cancel", proposed["id"].as_str().unwrap());
    assert_eq!(ben.api("POST", &cancel, json!({"factor": PASSWORD})).await.status, 200);
    // Sent back with a reason, mended, handed in again.
    let reject = format!("/operations{path}/reject");
    assert_eq!(ann.api("POST", &reject, json!({"why": ""})).await.code(), "bad_reason");
    let body = json!({"why": "not your name", "factor": PASSWORD});
    assert_eq!(ann.api("POST", &reject, body.clone()).await.status, 204);
    assert_eq!(ann.api("POST", &reject, body).await.code(), "unchanged");
    assert_eq!(bob.get(&path).await.json()["app"]["reason"], "not your name");
    let edit = json!({"name": "Trade Pal", "factor": PASSWORD});
    assert_eq!(bob.api("PATCH", &path, edit.clone()).await.json()["app"]["standing"], "draft");
    assert_eq!(bob.api("PATCH", &path, edit).await.code(), "unchanged");
    assert_eq!(bob.api("POST", &format!("{path}/submit"), Value::Null).await.status, 200);
    assert_eq!(both(&ann, &ben, &format!("app.verify {app}")).await.status, 200);
    // A submission that was taken back, or replaced, is not approved any more.
    let first = submitted(&bob, &app, "203.0.113.0/24", 0).await;
    let proposed = propose(&ann, &format!("app.ranges.approve {app} {first}")).await.json();
    only_approve(&ben, &proposed).await;
    let second = submitted(&bob, &app, "198.51.100.0/24", 0).await;
    assert_eq!(carry_out(&ben, &proposed).await.code(), "proposal_changed");
    let withdraw = format!("{path}/ranges/{second}/withdraw");
    assert_eq!(bob.api("POST", &withdraw, Value::Null).await.status, 204);
    assert_eq!(bob.api("POST", &withdraw, Value::Null).await.code(), "unchanged");
    assert_eq!(bob.api("POST", &format!("{path}/ranges/0{second}/withdraw"), Value::Null).await.status, 404);
    // Entered by an operator for the broker, and sent back.
    let entered = json!({"ranges": "192.0.2.0/24", "factor": PASSWORD});
    let entered = ann.api("POST", &format!("/operations{path}/ranges"), entered).await;
    let third = entered.json()["number"].as_u64().unwrap();
    assert!(count_of_mails(&world, &bob, "on your behalf").await == 1);
    let reject = format!("/operations{path}/ranges/{third}/reject");
    let body = json!({"why": "ask for IPv6 too", "factor": PASSWORD});
    assert_eq!(ben.api("POST", &reject, body.clone()).await.status, 204);
    assert_eq!(ben.api("POST", &reject, body).await.code(), "unchanged");
    let newest = bob.get(&format!("{path}/ranges")).await.json()["versions"][0].clone();
    assert_eq!((&newest["standing"], &newest["reason"]), (&json!("rejected"), &json!("ask for IPv6 too")));
    assert_eq!((&newest["by_operator"], &newest["ranges"]), (&json!(true), &json!(["192.0.2.0/24"])));
    assert_eq!(enforced(&world, &app).await, None);
    // A step-up for one set is none for another.
    let ranges = format!("{path}/ranges");
    let asked = bob.api("POST", &ranges, json!({"ranges": "203.0.113.0/24"})).await;
    let wider = json!({"ranges": "203.0.113.0/24,198.51.100.0/24"});
    let swapped = bob.answer("POST", &ranges, wider, &asked.field("challenge")).await;
    assert_eq!(swapped.code(), "challenge_for_something_else", "{}", swapped.text);
}

#[tokio::test]
async fn an_unverified_change_reaches_no_holder() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (bob, hal) = (world.person("bob@broker.example").await, world.person("hal@keyward.example").await);
    let app = verified((&ann, &ben), &bob, "Trade Pal").await;
    in_force((&ann, &ben), &bob, (&app, "203.0.113.0/24"), 0).await;
    let key = bound(&hal, &app, "bot").await;
    let edit = json!({"name": "Evil Twin", "factor": PASSWORD});
    assert_eq!(
        bob.api("PATCH", &format!("/apps/{app}"), edit).await.code(),
        "other_way",
        "it keeps its name"
    );
    let edit = json!({"home_page": "https://evil.example", "factor": PASSWORD});
    assert_eq!(bob.api("PATCH", &format!("/apps/{app}"), edit).await.status, 200);
    assert!(offered(&hal, "").await.is_empty(), "no new keys before operators looked");
    assert_eq!(
        bob.api("POST", &format!("/apps/{app}/freeze"), json!({"factor": PASSWORD})).await.status,
        204
    );
    duties(&world).await;
    let mut seen = world.mails(&hal.email).await;
    for path in [format!("/keys/{key}"), "/keys".into(), "/alerts".into(), "/third-party-apps".into()] {
        seen.push(hal.get(&path).await.text);
    }
    assert!(seen.iter().all(|text| !text.contains("Evil Twin") && !text.contains("evil.example")));
    assert!(seen.iter().any(|text| text.contains("Trade Pal")));
}

#[tokio::test]
async fn a_key_is_bound_to_addresses_or_an_app_and_stays_with_its_app() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (bob, hal) = (world.person("bob@broker.example").await, world.person("hal@keyward.example").await);
    let app = verified((&ann, &ben), &bob, "Trade Pal").await;
    in_force((&ann, &ben), &bob, (&app, "203.0.113.0/24"), 0).await;
    let with = |members: Value| {
        let mut body = app_wish(&app, "bot");
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        body
    };
    let mut neither = app_wish(&app, "bot");
    neither.as_object_mut().unwrap().remove("app");
    let mut purpose_only = neither.clone();
    purpose_only["purpose"] = "third_party_app".into();
    for (body, code) in [
        (neither, "bad_purpose"),
        (purpose_only, "bad_purpose"),
        (with(json!({"from": {"reach": "anywhere"}})), "bad_purpose"),
        (with(json!({"from": {"reach": "addresses", "addresses": ["192.0.2.1"]}})), "bad_purpose"),
        (with(json!({"purpose": "trading"})), "bad_purpose"),
        (with(json!({"purpose": "Third_Party_App"})), "bad_body"),
        (with(json!({"app": ""})), "no_app"),
        (with(json!({"app": format!("0{app}")})), "no_app"),
        (with(json!({"app": "5"})), "no_app"),
        (with(json!({"app": "5", "from": {"reach": "anywhere"}})), "bad_purpose"),
    ] {
        assert_eq!(hal.api("POST", "/keys", body.clone()).await.code(), code, "{body}");
    }
    let key =
        hal.approved("POST", "/keys", with(json!({"purpose": "third_party_app"}))).await.field("api_key");
    let path = format!("/keys/{key}");
    for from in [json!({"reach": "anywhere"}), json!({"reach": "addresses", "addresses": ["203.0.113.7"]})] {
        let body = json!({"name": "bot", "factor": PASSWORD, "from": from});
        assert_eq!(hal.api("PUT", &format!("{path}/addresses"), body).await.code(), "bound_to_app");
    }
    let replacement = json!({
        "name": "bot 2", "permissions": ["read"], "passphrase": "Second-Pass1!", "replaces": key
    });
    let next = hal.approved("POST", "/keys", replacement).await;
    assert_eq!(next.status, 201, "{}", next.text);
    let rotation = json!({"name": "bot 3", "passphrase": "Other-Pass1!"});
    let third = hal.approved("POST", &format!("{path}/rotate"), rotation).await.field("api_key");
    for id in [&next.field("api_key"), &third] {
        assert_eq!(hal.get(&format!("/keys/{id}")).await.json()["app"]["id"], app.as_str());
    }
    // An approval of one app is none for another.
    let other = verified((&ann, &ben), &bob, "Other One").await;
    an_hour_later(&world, &[&ann, &ben, &bob, &hal]).await;
    in_force((&ann, &ben), &bob, (&other, "198.51.100.0/24"), 0).await;
    let asked = hal.api("POST", "/keys", app_wish(&app, "bot 4")).await;
    let swapped = hal.answer("POST", "/keys", app_wish(&other, "bot 4"), &asked.field("challenge")).await;
    assert_eq!(swapped.code(), "challenge_for_something_else");
}

#[tokio::test]
async fn another_brokers_app_is_as_if_it_were_not() {
    let world = World::new().await;
    let (bob, eve) = (world.person("bob@broker.example").await, world.person("eve@broker.example").await);
    let app = registered(&bob, "Trade Pal").await;
    submitted(&bob, &app, "203.0.113.0/24", 0).await;
    let unknown = app.parse::<u64>().unwrap() - 1;
    let document = serde_json::to_value(keyward_console::api::document()).unwrap();
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(rest) = path.strip_prefix("/api/v1/apps/{id}") else { continue };
        for method in item.as_object().unwrap().keys() {
            let answer = async |id: &str| {
                let to = format!("/apps/{id}{}", rest.replace("{number}", "1"));
                if method == "put" {
                    logo(&eve, &to, "image/png", point()).await
                } else {
                    eve.api(&method.to_uppercase(), &to, body_for(method, rest)).await
                }
            };
            let (theirs, nobodys) = (answer(&app).await, answer(&unknown.to_string()).await);
            assert_eq!((theirs.status, theirs.code().as_str()), (404, "no_app"), "{method} {path}");
            assert_eq!(theirs.text, nobodys.text, "{method} {path}");
            tried += 1;
        }
    }
    assert!(tried >= 11, "{tried}");
    let shown = bob.get(&format!("/apps/{app}")).await.json();
    assert_eq!((&shown["app"]["standing"], &shown["app"]["version"]), (&json!("draft"), &json!(1)));
    assert_eq!(eve.get("/apps").await.json(), json!([]));
}

/// A body that each of a broker's routes accepts.
pub fn body_for(method: &str, rest: &str) -> Value {
    match (method, rest) {
        ("get", _) => Value::Null,
        ("patch", _) => json!({"name": "Mine", "factor": PASSWORD}),
        (_, "/ranges" | "/ranges/check") => json!({"ranges": "192.0.2.1"}),
        (_, "/freeze") => json!({"factor": PASSWORD}),
        (_, "/thaw") => json!({}),
        (_, _) => Value::Null,
    }
}

fn point() -> Vec<u8> {
    let digits = POINT.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

pub async fn logo(person: &Person<'_>, path: &str, kind: &str, bytes: Vec<u8>) -> Reply {
    let request = Request::builder()
        .method("PUT")
        .uri(format!("/api/v1{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {}", person.token))
        .header(header::CONTENT_TYPE, kind)
        .header("keyward-factor", PASSWORD);
    person.world.send(HOME, request.body(Body::from(bytes)).unwrap()).await
}

#[tokio::test]
async fn a_logo_is_a_small_picture_of_ours_and_is_reviewed() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (bob, hal) = (world.person("bob@broker.example").await, world.person("hal@keyward.example").await);
    let app = registered(&bob, "Trade Pal").await;
    let path = format!("/apps/{app}/logo");
    assert_eq!(bob.get(&path).await.status, 404);
    for (kind, bytes, code) in [
        ("image/svg+xml", b"<svg/>".to_vec(), "not_a_picture"),
        ("application/json", b"{}".to_vec(), "not_a_picture"),
        ("image/png", b"<svg/>".to_vec(), "bad_logo"),
        ("image/png", Vec::new(), "bad_logo"),
        ("image/png", vec![0; 512 * 1024 + 1], "bad_logo"),
        ("image/png", vec![0; 700 * 1024], "too_large"),
    ] {
        assert_eq!(logo(&bob, &path, kind, bytes).await.code(), code, "{kind}");
    }
    let bare = Request::builder()
        .method("PUT")
        .uri(format!("/api/v1{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {}", bob.token))
        .header(header::CONTENT_TYPE, "image/png");
    assert_eq!(world.send(HOME, bare.body(Body::from(point())).unwrap()).await.code(), "factor_required");
    // Before the factor only the head of the file is read: that its pixels are broken is found after it.
    let broken = point()[..40].to_vec();
    let wrong = Request::builder()
        .method("PUT")
        .uri(format!("/api/v1{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {}", bob.token))
        .header(header::CONTENT_TYPE, "image/png")
        .header("keyward-factor", "not the password");
    let answer = world.send(HOME, wrong.body(Body::from(broken.clone())).unwrap()).await;
    assert_eq!(answer.code(), "factor_wrong");
    assert_eq!(logo(&bob, &path, "image/png", broken).await.code(), "bad_logo");
    let set = logo(&bob, &path, "image/png", point()).await;
    assert_eq!((set.status, &set.json()["app"]["has_logo"]), (200, &json!(true)), "{}", set.text);
    let own = bob.get(&path).await;
    assert_eq!(
        (own.status, &own.headers[header::CONTENT_TYPE]),
        (200, &header::HeaderValue::from_static("image/png"))
    );
    let seen = format!("/third-party-apps/{app}/logo");
    assert_eq!(hal.get(&seen).await.code(), "no_app", "a draft's is nobody's to see");
    assert_eq!(ann.get(&format!("/operations{path}")).await.status, 200);
    assert_eq!(bob.api("POST", &format!("/apps/{app}/submit"), Value::Null).await.status, 200);
    assert_eq!(both(&ann, &ben, &format!("app.verify {app}")).await.status, 200);
    assert_eq!(hal.get(&seen).await.status, 200);
}

#[tokio::test]
async fn each_reading_is_a_record_an_auditor_reads_none_and_a_broker_hears_of_no_overlap() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (bob, eve) = (world.person("bob@broker.example").await, world.person("eve@broker.example").await);
    let dan = world.person("dan@keyward.example").await;
    assert_eq!(both(&ann, &ben, &format!("role.grant {} auditor", id_of(&dan).await)).await.status, 200);
    let (first, second) = (registered(&bob, "Trade Pal").await, registered(&eve, "Other One").await);
    let check = format!("/apps/{second}/ranges/check");
    let text = json!({"ranges": "203.0.113.64/26, 52.0.0.0/16"});
    let alone = eve.api("POST", &check, text.clone()).await.text;
    in_force((&ann, &ben), &bob, (&first, "203.0.113.0/24"), 0).await;
    assert_eq!(eve.api("POST", &check, text).await.text, alone, "the same with an overlap and without");
    let number = submitted(&eve, &second, "203.0.113.64/26, 52.0.0.0/16", 0).await;
    // Operators see what the machine noticed, and that they looked is written down, each time.
    let read = format!("/operations/apps/{second}/ranges/{number}/read");
    let reads = || records(&world).iter().filter(|line| line.contains("app.ranges.read")).count();
    for (times, officer) in [(1, &ann), (2, &ben), (3, &ann)] {
        let found = officer.api("POST", &read, Value::Null).await.json();
        assert_eq!(found["findings"]["overlaps"], json!([{"app": "Trade Pal", "blocks": 1}]));
        assert_eq!(found["findings"]["shared"][0]["provider"], "Amazon");
        assert!(found["findings"]["wide"].is_string());
        assert_eq!(reads(), times);
        let last: Value = serde_json::from_str(records(&world).last().unwrap()).unwrap();
        assert_eq!(last["actor"], format!("operator:{}", id_of(officer).await));
        assert_eq!(last["subject"], format!("app:{second}"));
        assert!(!last.to_string().contains("203.0.113.64"));
    }
    assert_eq!(
        ann.api("POST", &read.replace(&format!("/{number}/"), "/9/"), Value::Null).await.code(),
        "no_version"
    );
    // An auditor sees lists and numbers, no range, and changes nothing; nobody else reads at all.
    assert_eq!(dan.api("POST", &read, Value::Null).await.code(), "not_allowed");
    assert_eq!(bob.api("POST", &read, Value::Null).await.code(), "no_role");
    assert_eq!(reads(), 3);
    for path in ["/operations/apps", "/operations/apps/queue", &format!("/operations/apps/{second}")] {
        let seen = dan.get(path).await;
        assert_eq!(seen.status, 200, "{path}");
        assert!(!seen.text.contains("203.0.113.") && !seen.text.contains("52.0.0.0"), "{path}");
        assert!(!ann.get(path).await.text.contains("203.0.113."), "not even for operators without a record");
    }
    // The broker learns that it was not approved, and of nothing else.
    let why = json!({"why": "please come back to us", "factor": PASSWORD});
    let reject = format!("/operations/apps/{second}/ranges/{number}/reject");
    assert_eq!(ann.api("POST", &reject, why).await.status, 204);
    let mut heard = world.mails(&eve.email).await;
    for path in ["/alerts", "/trail", "/apps", &format!("/apps/{second}"), &format!("/apps/{second}/ranges")]
    {
        heard.push(eve.get(path).await.text);
    }
    assert!(heard.iter().all(|text| !text.contains("Trade Pal") && !text.contains(&first)));
    assert!(heard.iter().all(|text| !text.contains(&ann.email) && !text.contains("Amazon")));
    // A page at a time.
    let page = ann.get("/operations/apps?limit=1").await.json();
    let rest = ann.get(&format!("/operations/apps?cursor={}", page["next"].as_str().unwrap())).await.json();
    assert_eq!((page["apps"].as_array().unwrap().len(), rest["apps"].as_array().unwrap().len()), (1, 1));
    assert_ne!(page["apps"][0]["id"], rest["apps"][0]["id"]);
    for bad in ["limit=0", "limit=101", "cursor=x", "all=true"] {
        assert_eq!(ann.get(&format!("/operations/apps?{bad}")).await.status, 422, "{bad}");
    }
}
