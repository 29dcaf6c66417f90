//! Signals of keys: what is told, what is muted, and what is usual (docs/operating/signals.md).

use keyward_authority::Settings;
use keyward_authority::duties::{raise_sighting, raise_signals};
use keyward_rules::alert::KeyObservation;
use keyward_rules::grant::Actor;
use keyward_rules::id::KeyId;
use keyward_rules::key::Need;
use keyward_rules::policy::Policy;
use keyward_rules::signal::{Signal, SignalKind, SignalSet, Sizes};
use serde_json::{Value, json};

use crate::operators::two_operators;
use crate::tab::Tab;
use crate::world::{PASSWORD, Person, World};

/// Rules with automatic quarantine.
fn strict() -> Settings {
    let policy = Policy { quarantine_on_signals: Need::Required, ..Policy::default() };
    Settings { policy, ..Settings::default() }
}

/// Has the watch see these of a key at once; whether the key was put in quarantine.
async fn sees(world: &World, key: KeyId, kinds: &[SignalKind]) -> bool {
    let together = SignalSet::of(kinds.iter().copied());
    let signal = |kind: &SignalKind| {
        let evidence = format!("what was seen of {}.", kind.word());
        Signal {
            kind: *kind,
            evidence,
            together,
            new_network: false,
            sizes: Sizes { requests: 400, refusals: 90 },
        }
    };
    let context = world.authority.context(Actor::System("watch"), world.now());
    raise_signals(&context, key, kinds.iter().map(signal).collect()).await.unwrap().quarantined
}

async fn told(person: &Person<'_>) -> Vec<String> {
    let alerts = person.get("/alerts?limit=100").await.json()["alerts"].take();
    let kinds = alerts.as_array().unwrap().iter().map(|alert| alert["kind"].as_str().unwrap().to_owned());
    kinds.filter(|kind| !["key_created", "new_device", "totp_enrolled"].contains(&kind.as_str())).collect()
}

async fn quarantine(person: &Person<'_>, key: KeyId) -> Value {
    person.get(&format!("/keys/{key}")).await.json()["holds"].take()
}

#[tokio::test]
async fn a_signal_is_told_once_a_day_with_its_evidence_and_what_to_do() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let key: KeyId = person.key("bot").await["api_key"].as_str().unwrap().parse().unwrap();
    assert!(!sees(&world, key, &[SignalKind::FirstWithdrawal]).await);
    assert!(!sees(&world, key, &[SignalKind::FirstWithdrawal]).await);
    assert_eq!(told(&person).await, ["first_withdrawal"]);
    let mail = world.mails(&person.email).await.remove(0);
    assert!(
        mail.contains("used for its first withdrawal")
            && mail.contains("what was seen of first_withdrawal.")
            && mail.contains("If it was not you, disable all keys at once"),
        "{mail}"
    );
    world.pass_days(1);
    let person = person.sign_in_again().await;
    sees(&world, key, &[SignalKind::FirstWithdrawal]).await;
    assert_eq!(told(&person).await.len(), 2);
    // Every kind has its alert.
    sees(&world, key, &SignalKind::ALL).await;
    let kinds = told(&person).await;
    assert!(
        SignalKind::ALL.iter().all(|kind| kinds.iter().any(|told| told == kind.alert().word())),
        "{kinds:?}"
    );
    assert_eq!(quarantine(&person, key).await, json!([]), "nothing is switched on");
}

/// M6: two different things at once put a key in quarantine where the policy says so; lifting it takes a step-up.
#[tokio::test]
async fn two_signals_at_once_put_a_key_in_quarantine_where_the_policy_says_so() {
    let world = World::under(strict()).await;
    let person = world.person("a@keyward.example").await;
    let one = person.key("one").await["api_key"].as_str().unwrap().parse().unwrap();
    let two: KeyId = person.key("two").await["api_key"].as_str().unwrap().parse().unwrap();
    assert!(!sees(&world, one, &[SignalKind::Burst]).await, "one alone is told only");
    assert!(sees(&world, two, &[SignalKind::Burst, SignalKind::NewUse]).await);
    assert_eq!(quarantine(&person, one).await, json!([]));
    assert_eq!(quarantine(&person, two).await, json!(["quarantine: reads and cancels only"]));
    let mail = world.mails(&person.email).await.remove(0);
    assert!(
        mail.contains("was put in quarantine")
            && mail.contains("what was seen of burst. what was seen of new_use."),
        "{mail}"
    );
    let records = person.get("/trail?limit=1").await.json();
    assert_eq!(records["records"][0]["action"], "key.quarantine");
    assert!(
        !sees(&world, two, &[SignalKind::Burst, SignalKind::Refusals]).await,
        "it is in quarantine already"
    );
    let lift = format!("/keys/{two}/lift-quarantine");
    let asked = person.api("POST", &lift, json!({"factor": PASSWORD})).await;
    assert!(asked.status >= 400, "{}", asked.text);
    assert_eq!(person.approved("POST", &lift, json!({})).await.status, 200);
    assert_eq!(quarantine(&person, two).await, json!([]));
}

/// The watch sees 400 requests in three seconds and 90 refusals within a minute.
#[tokio::test]
async fn what_is_smaller_than_its_holder_chose_is_neither_told_nor_counted() {
    let world = World::under(strict()).await;
    let person = world.person("a@keyward.example").await;
    let key: KeyId = person.key("bot").await["api_key"].as_str().unwrap().parse().unwrap();
    let path = format!("/keys/{key}/signals");
    let choose = |burst: Value, refusals: Value| {
        let body = json!({"name": "bot", "muted": [], "burst_from": burst, "refusals_from": refusals,
            "factor": PASSWORD});
        person.api("PUT", &path, body)
    };
    for wrong in [json!(0), json!(1_000_001)] {
        assert_eq!(choose(wrong, Value::Null).await.code(), "bad_signal");
    }
    assert_eq!(choose(json!(401), json!(90)).await.status, 204);
    assert_eq!(person.get(&path).await.json(), json!({"muted": [], "burst_from": 401, "refusals_from": 90}));
    let before = told(&person).await.len();
    assert!(!sees(&world, key, &[SignalKind::Burst, SignalKind::NewUse]).await, "one of the two is small");
    assert_eq!(told(&person).await.len(), before + 1);
    let tab = Tab::of(&world, &person).await;
    let fields = SignalKind::ALL.map(|kind| ("told", kind.word()));
    let mut fields = fields.to_vec();
    fields.extend([("chosen", "1"), ("burst_from", "4OO"), ("refusals_from", "")]);
    let page = tab.post(&path, &fields).await;
    assert!(page.text.contains("whole number from 1"), "{}", page.text);
    for field in &mut fields {
        if field.0 == "burst_from" {
            field.1 = "400";
        }
    }
    let done = tab.confirmed(&path, &fields).await;
    assert!(done.status == 303, "{} {}", done.status, done.text);
    let shown = tab.get(&format!("/keys/{key}/settings")).await.text;
    assert!(shown.contains("Fewer than 400 requests in three seconds"), "{shown}");
    assert!(sees(&world, key, &[SignalKind::Burst, SignalKind::Refusals]).await, "both are told");
}

#[tokio::test]
async fn muted_signals_are_neither_told_nor_counted_and_take_a_factor() {
    let world = World::under(strict()).await;
    let person = world.person("a@keyward.example").await;
    let key: KeyId = person.key("bot").await["api_key"].as_str().unwrap().parse().unwrap();
    let path = format!("/keys/{key}/signals");
    let mute = |kinds: Value, factor: &str| {
        person.api("PUT", &path, json!({"name": "bot", "muted": kinds, "factor": factor}))
    };
    assert_eq!(mute(json!(["storm"]), PASSWORD).await.code(), "bad_signal");
    assert_eq!(mute(json!(["burst"]), "").await.code(), "factor_required");
    assert_eq!(mute(json!(["new_use", "burst"]), PASSWORD).await.status, 204);
    assert_eq!(mute(json!(["burst", "new_use"]), PASSWORD).await.code(), "unchanged");
    assert_eq!(person.get(&path).await.json(), json!({"muted": ["burst", "new_use"]}));
    let before = told(&person).await.len();
    assert!(!sees(&world, key, &[SignalKind::Burst, SignalKind::NewUse]).await);
    assert!(!sees(&world, key, &[SignalKind::Burst, SignalKind::Dormant]).await);
    assert_eq!(told(&person).await.len(), before + 1, "the one that is not muted");
    let other = world.person("b@keyward.example").await;
    assert_eq!(other.get(&path).await.status, 404);
    let body = json!({"name": "bot", "muted": [], "factor": PASSWORD});
    assert_eq!(other.api("PUT", &path, body).await.status, 404);
}

#[tokio::test]
async fn the_pages_show_what_is_usual_and_choose_what_is_told() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let key: KeyId = person.key("bot").await["api_key"].as_str().unwrap().parse().unwrap();
    let tab = Tab::of(&world, &person).await;
    let (settings, page) = (format!("/keys/{key}/settings"), format!("/keys/{key}/signals"));
    assert!(tab.get(&settings).await.text.contains("This key has 0 of them so far"));
    let learned = "used 1\nclasses 3\nhours 1793\nday 1 1 0 1\nday 2 12 0 1\nday 3 1 1 1\nday 4 1 0 1\nday 5 1 0 1\n\
        network 192.0.2.0/24 5\n";
    world.store.baselines().keep(&[(key, learned.to_owned())], world.now()).await.unwrap();
    let shown = tab.get(&settings).await.text;
    for text in ["12 requests", "1 refusal<", "read, trade", "00, 08–10", "192.0.2.0/24"] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    let usual = person.get(&page).await.json()["usual"].take();
    assert_eq!((&usual["days"], &usual["hours"]), (&json!(5), &json!([0, 8, 9, 10])));
    // All but one, then the same again, then the factor.
    let told = ["burst", "new_use", "first_withdrawal", "dormant", "two_networks"];
    let mut fields: Vec<(&str, &str)> = told.iter().map(|word| ("told", *word)).collect();
    fields.push(("chosen", "1"));
    let asked = tab.post(&page, &fields).await;
    assert!(asked.text.contains("Not told: Many refused requests."), "{}", asked.text);
    let done = tab.post(&page, &[("signals", "refusals"), ("factor", PASSWORD)]).await;
    assert_eq!(done.status, 303, "{}", done.text);
    assert!(tab.get(&settings).await.text.contains("<li>Many refused requests.</li>"));
    let same = tab.post(&page, &fields).await;
    assert!(same.text.contains("class=\"error\"") || same.text.contains("role=\"alert\""), "{}", same.text);
}

#[tokio::test]
async fn an_alert_has_its_remedies_beside_it_and_repeats_stand_together() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let key: KeyId = person.key("bot").await["api_key"].as_str().unwrap().parse().unwrap();
    let alerts = async || person.get("/alerts?limit=100").await.json()["alerts"].take();
    let seen = async |kind: &str| {
        let all = alerts().await;
        all.as_array().unwrap().iter().find(|one| one["kind"] == kind).unwrap()["seen"].clone()
    };
    assert_eq!(seen("key_created").await, json!(true), "what somebody does to keys is no news to them");
    assert_eq!(seen("totp_enrolled").await, json!(false), "who can sign in always is");
    sees(&world, key, &[SignalKind::NewUse]).await;
    for address in ["198.51.100.1", "198.51.100.2", "198.51.100.3"] {
        let context = world.authority.context(Actor::System("watch"), world.now());
        let sighting = KeyObservation::WrongAddress(key, address.parse().unwrap());
        assert!(raise_sighting(&context, sighting).await.unwrap());
    }
    let tab = Tab::of(&world, &person).await;
    let page = tab.get("/alerts").await.text;
    let card = |title: &str| {
        let cards = page.split("<li class=\"card").filter(|card| card.contains(title));
        let [card] = cards.collect::<Vec<_>>().try_into().unwrap();
        card.to_owned()
    };
    let wrong = card("Right credentials from a wrong address");
    assert!(
        wrong.contains("3 times") && wrong.contains("Earlier on this day") && wrong.contains("198.51.100.1")
    );
    let new_use = card("does something that it never did before");
    for remedy in ["activity", "stop-trading", "disable", "rotate", "addresses"] {
        assert!(new_use.contains(&format!("href=\"/keys/{key}/{remedy}\"")), "{remedy}: {new_use}");
    }
    assert!(!card("An API key was created").contains("It was me"), "it was");
    let ids: Vec<&str> =
        wrong.split("name=\"id\" value=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(ids.len(), 3);
    let fields: Vec<(&str, &str)> = ids.iter().map(|id| ("id", *id)).collect();
    assert_eq!(tab.post("/alerts/mine", &fields).await.status, 303);
    assert_eq!((seen("wrong_address").await, seen("new_use").await), (json!(true), json!(false)));
    // Nobody answers for somebody else.
    let other = world.person("b@keyward.example").await;
    let other = Tab::of(&world, &other).await;
    let unseen = alerts().await[3]["id"].as_i64().unwrap().to_string();
    other.post("/alerts/mine", &[("id", &unseen)]).await;
    assert_eq!(seen("new_use").await, json!(false));
}

#[tokio::test]
async fn an_operator_stops_a_key_and_its_user_lifts_that() {
    let world = World::new().await;
    let (ann, _) = two_operators(&world).await;
    let person = world.person("a@keyward.example").await;
    let key: KeyId = person.key("bot").await["api_key"].as_str().unwrap().parse().unwrap();
    let stop = format!("/operations/keys/{key}/stop-trading");
    assert_eq!(person.api("POST", &stop, json!({"why": "x", "factor": PASSWORD})).await.status, 403);
    assert_eq!(ann.api("POST", &stop, json!({"why": "odd orders", "factor": PASSWORD})).await.status, 204);
    assert_eq!(ann.api("POST", &stop, json!({"why": "again", "factor": PASSWORD})).await.code(), "unchanged");
    assert_eq!(quarantine(&person, key).await, json!(["quarantine: reads and cancels only"]));
    let mail = world.mails(&person.email).await.remove(0);
    assert!(mail.contains("An operator put it in quarantine") && !mail.contains("odd orders"), "{mail}");
    assert_eq!(person.approved("POST", &format!("/keys/{key}/lift-quarantine"), json!({})).await.status, 200);
    assert_eq!(quarantine(&person, key).await, json!([]));
    let tab = Tab::of(&world, &ann).await;
    assert!(tab.get(&format!("/operations/keys/{key}")).await.text.contains(&stop));
    let asked = tab.get(&stop).await.text;
    assert!(asked.contains("Its user can lift that with a second factor and a code by mail."), "{asked}");
}
