//! The ranges of an app are searched for everywhere that they must not be, and so are the addresses that its keys were
//! used from: pages, API, mails, webhooks, logs, audit, proposals, files of the database.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use keyward_authority::duties::raise_sighting;
use keyward_console::page_routes;
use keyward_rules::alert::KeyObservation;
use keyward_rules::grant::Actor;
use keyward_rules::id::{AccountId, KeyId, RequestId};
use keyward_rules::time::Moment;
use keyward_store::{LastUse, Record};
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::span;

use crate::apps::{bound, duties, in_force, registered, submitted, verified};
use crate::audit::records;
use crate::channels::{added, delivered, hook};
use crate::doors::browser;
use crate::operators::{both, id_of, propose, two_operators};
use crate::routes::get;
use crate::world::{PASSWORD, Person, World};

/// Ranges that stand nowhere else, as a text that a search finds in any spelling of a part.
const CANARIES: [&str; 2] = ["198.51.100.", "2001:db8:cafe"];
const RANGES: &str = "198.51.100.64/26\n2001:db8:cafe::/48";
/// Where the app's servers are, and where somebody else is.
const WITHIN: &str = "198.51.100.77";
const ELSEWHERE: &str = "192.0.2.201";

/// Everything that is logged, as text.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<String>>);

impl Visit for Logged {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

impl tracing::Subscriber for Logged {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        attributes.record(&mut self.clone());
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut self.clone());
    }
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// Ten requests of the key from the app's servers and as many from elsewhere, as a gateway records them.
async fn used(world: &World, key: &str, account: &str) {
    let (key, account): (KeyId, AccountId) = (key.parse().unwrap(), account.parse().unwrap());
    let record = |number: u64| Record {
        at: Moment::from_unix_ms(world.now().unix_ms() - 60_000),
        request: RequestId(u128::from(number)),
        key: Some(key),
        account: Some(account),
        source: if number < 10 { WITHIN } else { ELSEWHERE }.parse().unwrap(),
        method: "GET",
        route: "/api/v5/account/balance",
        code: if number < 10 { "0" } else { "50110" },
        upstream_status: Some(200),
        bytes_in: 0,
        bytes_out: 100,
        micros: 400,
        orders: None,
    };
    let batch: Vec<Record> = (0..20).map(record).collect();
    let journal = world.store.journal();
    journal.writer().unwrap().append(&[], &[], &batch).await.unwrap();
    world.pass_ms(2_000);
    journal.roll_up(world.now()).await.unwrap();
    let last = LastUse { key, at: world.now(), from: WITHIN.parse().unwrap() };
    world.store.usage().record(&[last]).await.unwrap();
    let context = world.authority.context(Actor::System("watch"), world.now());
    let seen = KeyObservation::WrongAddress(key, ELSEWHERE.parse().unwrap());
    assert!(raise_sighting(&context, seen).await.unwrap(), "its holder is told");
}

/// All that a person can read: every page and every operation of the API, of whatever id.
async fn readable(person: &Person<'_>, ids: &[&str]) -> Vec<(String, String)> {
    let mut seen = Vec::new();
    let cookie = browser(person.world, person).await;
    let fill = |path: &str, id: &str| path.replace("{id}", id).replace("{n}", id).replace("{number}", "1");
    for route in page_routes() {
        let path = route.path;
        // The sandbox's mailbox is everybody's, and the watch of a key never ends.
        if !route.reads || path.starts_with("/dev/") || path.ends_with("/watch") {
            continue;
        }
        for id in ids {
            let to = fill(path, id);
            seen.push((format!("page {to}"), get(person.world, &cookie, &to).await.text));
        }
    }
    let document = serde_json::to_value(keyward_console::api::document()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(rest) = path.strip_prefix("/api/v1").filter(|_| item["get"].is_object()) else { continue };
        for id in ids {
            let to = fill(rest, id);
            seen.push((format!("API {to}"), person.get(&to).await.text));
        }
    }
    for mail in person.world.mails(&person.email).await {
        seen.push(("mail".to_owned(), mail));
    }
    seen
}

#[tokio::test]
async fn ranges_and_the_sources_of_app_keys_are_on_no_surface() {
    let logged = Logged::default();
    let _guard = tracing::subscriber::set_default(logged.clone());
    let (world, receiver) = crate::channels::world().await;
    let (ann, ben) = two_operators(&world).await;
    let (bob, eve) = (world.person("bob@broker.example").await, world.person("eve@broker.example").await);
    let (hal, dan) = (world.person("hal@keyward.example").await, world.person("dan@keyward.example").await);
    assert_eq!(both(&ann, &ben, &format!("role.grant {} auditor", id_of(&dan).await)).await.status, 200);
    added(&hal, hook("ops", &receiver)).await;
    added(&bob, hook("ops", &receiver)).await;
    let (app, theirs) =
        (verified((&ann, &ben), &bob, "Trade Pal").await, registered(&eve, "Other One").await);
    // Submitted with and without mistakes, read, refused, approved, narrowed, overlapped by another broker's.
    let path = format!("/apps/{app}/ranges");
    let mistaken = json!({"ranges": format!("{RANGES}\n198.51.100.9/24"), "factor": PASSWORD});
    let refused = bob.api("POST", &path, mistaken).await;
    assert_eq!(refused.code(), "bad_ranges");
    let asked = bob.api("POST", &path, json!({"ranges": RANGES})).await;
    assert_eq!(asked.code(), "step_up_required");
    let first = submitted(&bob, &app, &format!("{RANGES}\n198.51.100.0/27"), 0).await;
    let reject = json!({"why": "one too many", "factor": PASSWORD});
    let reject = ann.api("POST", &format!("/operations{path}/{first}/reject"), reject).await;
    assert_eq!(reject.status, 204, "{}", reject.text);
    in_force((&ann, &ben), &bob, (&app, &format!("{RANGES}\n198.51.100.0/26")), 0).await;
    let key = bound(&hal, &app, "bot").await;
    let narrow = json!({"ranges": RANGES, "factor": PASSWORD});
    assert_eq!(bob.api("POST", &path, narrow).await.status, 201);
    submitted(&eve, &theirs, "198.51.100.96/28", 0).await;
    let open = submitted(&bob, &app, &format!("{RANGES}\n198.51.100.0/28"), 1).await;
    let read = ann.api("POST", &format!("/operations{path}/{open}/read"), Value::Null).await;
    assert!(
        CANARIES.iter().all(|canary| read.text.contains(canary)),
        "there is something to find: {}",
        read.text
    );
    assert_eq!(dan.api("POST", &format!("/operations{path}/{open}/read"), Value::Null).await.status, 403);
    let proposed = propose(&ann, &format!("app.ranges.approve {app} {open}")).await;
    assert_eq!(proposed.status, 201, "{}", proposed.text);
    used(&world, &key, &id_of(&hal).await).await;
    assert_eq!(
        bob.api("POST", &format!("/apps/{app}/freeze"), json!({"factor": PASSWORD})).await.status,
        204
    );
    duties(&world).await;

    let account = id_of(&hal).await;
    let newest = records(&world).len().to_string();
    let other = theirs.clone();
    let ids = [key.as_str(), app.as_str(), other.as_str(), account.as_str(), "1", "2", newest.as_str()];
    let silent = |whose: &str, seen: &[(String, String)]| {
        assert!(seen.len() > 200, "{whose}: {}", seen.len());
        for (place, text) in seen {
            for canary in CANARIES.iter().chain([&ELSEWHERE]) {
                assert!(!text.contains(canary), "{whose}: {place} shows {canary}: {text}");
            }
        }
    };
    let seen = readable(&hal, &ids).await;
    silent("the holder", &seen);
    // A wrong address of an app's key is told in words of its own: it has no addresses that its holder could change.
    let (_, activity) =
        seen.iter().find(|(place, _)| *place == format!("page /keys/{key}/activity")).unwrap();
    assert!(
        activity.contains("ask the app") && !activity.contains(&format!("/keys/{key}/addresses")),
        "{activity}"
    );
    silent("an auditor", &readable(&dan, &ids).await);
    // An operator sees no range either without having asked for it.
    silent("an operator", &readable(&ann, &ids).await);
    // Another broker sees its own, which lies in the first one's, and nothing else.
    for (place, text) in readable(&eve, &ids).await {
        let text = text.replace("198.51.100.96/28", "");
        assert!(CANARIES.iter().all(|canary| !text.contains(canary)), "another broker: {place}: {text}");
    }
    // The broker's own mails, alerts and trail count its ranges and name none; its page of the app shows them.
    let own = readable(&bob, &ids).await;
    assert!(own.iter().any(|(place, text)| place.ends_with("/ranges") && text.contains(CANARIES[0])));
    for (place, text) in own.iter().filter(|(place, _)| !place.contains("/apps/")) {
        assert!(CANARIES.iter().all(|canary| !text.contains(canary)), "the broker: {place}: {text}");
    }
    // Nothing to infer either: asked of an address within and of one that is not, the answers are the same.
    let answers = |path: &str| {
        let (within, outside) = (path.replace('@', WITHIN), path.replace('@', ELSEWHERE));
        let hal = &hal;
        async move { (hal.get(&within).await, hal.get(&outside).await) }
    };
    for path in ["/outlook?from=@", "/requests?source=@"] {
        let (within, outside) = answers(&format!("/keys/{key}{path}")).await;
        assert_eq!((within.status, &within.text), (200, &outside.text), "{path}");
    }
    let shown = hal.get(&format!("/keys/{key}")).await.json();
    assert_eq!(
        (&shown["app"]["refused_from_elsewhere"], &shown["app"]["state"]),
        (&json!(10), &json!("frozen"))
    );
    let activity = hal.get(&format!("/keys/{key}/activity")).await.json();
    assert_eq!(activity["sources"], json!([]));
    let from: std::collections::BTreeSet<&str> =
        activity["requests"].as_array().unwrap().iter().map(|one| one["from"].as_str().unwrap()).collect();
    assert_eq!(from, ["elsewhere", "the app's servers"].into());

    let mut rest: Vec<(String, String)> = delivered(&world, &receiver)
        .await
        .into_iter()
        .map(|came| ("webhook".to_owned(), came.body))
        .collect();
    assert!(rest.len() >= 4, "webhooks: {}", rest.len());
    rest.extend(records(&world).into_iter().map(|record| ("audit".to_owned(), record)));
    rest.push(("logs".to_owned(), logged.0.lock().unwrap().clone()));
    rest.extend([refused.text, asked.text, proposed.text].map(|text| ("answer".to_owned(), text)));
    for (place, text) in &rest {
        assert!(CANARIES.iter().all(|canary| !text.contains(canary)), "{place}: {text}");
    }
    // The files: the journal keeps from where requests came, and no file keeps a range.
    let mut files = 0;
    for entry in std::fs::read_dir(&world.folder).unwrap() {
        let file = entry.unwrap().path();
        let bytes = std::fs::read(&file).unwrap();
        files += 1;
        for canary in ["198.51.100.64", "198.51.100.0", "198.51.100.96", "2001:db8:cafe"] {
            let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
            assert!(!found, "{} holds {canary}", file.display());
        }
    }
    assert!(files >= 2, "{files}");
}
