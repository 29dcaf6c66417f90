//! The monthly review: what it finds, the one confirmation for all answers, reminders, and who is overdue (S38).

use keyward_authority::Settings;
use keyward_authority::duties::{raise_signals, remind_reviews};
use keyward_rules::grant::Actor;
use keyward_rules::id::{AccountId, KeyId, RequestId};
use keyward_rules::limits::DAY_MS;
use keyward_rules::policy::{Policy, ReviewPolicy};
use keyward_rules::signal::{Signal, SignalKind, SignalSet, Sizes};
use keyward_store::{LastUse, Record};
use serde_json::{Value, json};

use crate::activity::traffic;
use crate::audit::records;
use crate::operators::two_operators;
use crate::tab::Tab;
use crate::world::{PASSWORD, Person, World, wish};

/// The classes of a baseline, by their bits.
const READ: u8 = 1;
const TRADE: u8 = 2;

/// Notes that a key was used now and on a day before: what it did, as the watch learns it, and from where, as the journal counts it.
async fn used(world: &World, account: AccountId, key: KeyId, classes: u8, from: &[&str], days_ago: u64) {
    let now = world.now();
    let today = now.unix_ms() / DAY_MS;
    let learned = format!(
        "used {}\nclasses {classes}\nhours 1\nday {} 1 0 1\nday {today} 1 0 1\n",
        now.unix_ms(),
        today - days_ago
    );
    world.store.baselines().keep(&[(key, learned)], now).await.unwrap();
    let first = from.first().unwrap().parse().unwrap();
    world.store.usage().record(&[LastUse { key, at: now, from: first }]).await.unwrap();
    let journal = world.store.journal();
    let record = |(number, from): (u128, &&str)| Record {
        at: now,
        request: RequestId(key.as_u128().wrapping_add(number)),
        key: Some(key),
        account: Some(account),
        source: from.parse().unwrap(),
        method: "GET",
        route: "/api/v5/account/balance",
        code: "0",
        upstream_status: Some(200),
        bytes_in: 0,
        bytes_out: 0,
        micros: 400,
        orders: None,
    };
    let batch: Vec<Record> = (0..).zip(from).map(record).collect();
    journal.writer().unwrap().append(&[], &[], &batch).await.unwrap();
    world.pass_ms(2_000);
    journal.roll_up(world.now()).await.unwrap();
}

async fn account(person: &Person<'_>) -> AccountId {
    person.get("/account").await.field("id").parse().unwrap()
}

/// A key made by a body, by its id.
async fn made(person: &Person<'_>, body: Value) -> KeyId {
    person.approved("POST", "/keys", body).await.field("api_key").parse().unwrap()
}

fn with(name: &str, change: Value) -> Value {
    let mut body = wish(name);
    for (member, value) in change.as_object().unwrap() {
        body[member] = value.clone();
    }
    body
}

/// A key in which nothing is to be found once it is used.
fn good(name: &str) -> Value {
    let from = json!({"reach": "addresses", "addresses": ["203.0.113.7"]});
    with(name, json!({"from": from, "ends_after_days": 365, "limits": {"max_order_value": "500"}}))
}

/// The findings of a key in the answer of the API.
fn found(review: &Value, key: KeyId) -> Vec<String> {
    let keys = review["keys"].as_array().unwrap();
    let key = keys.iter().find(|one| one["api_key"] == key.to_string()).unwrap();
    let findings = key["findings"].as_array().unwrap().iter();
    findings.map(|one| one["finding"].as_str().unwrap().to_owned()).collect()
}

/// Answers for these keys.
fn answers(all: &[(KeyId, &str, &str)]) -> Value {
    let keys: serde_json::Map<String, Value> = all
        .iter()
        .map(|(key, answer, name)| (key.to_string(), json!({"answer": answer, "name": name})))
        .collect();
    json!({"keys": keys, "factor": PASSWORD})
}

/// Reads back what was learned and counted, beside each question.
#[tokio::test]
async fn the_evidence_stands_beside_each_question() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let of = account(&person).await;
    let from = json!({"reach": "addresses", "addresses": ["203.0.113.7", "198.51.100.0/24"]});
    let bot = made(&person, with("bot", json!({"from": from, "ends_after_days": 365}))).await;
    let loose = made(&person, with("loose", json!({"from": {"reach": "anywhere"}}))).await;
    let fine = made(&person, good("fine")).await;
    world.pass_days(20);
    let person = person.sign_in_again().await;
    used(&world, of, bot, READ, &["203.0.113.7"], 19).await;
    used(&world, of, loose, READ | TRADE, &["192.0.2.1", "192.0.2.9"], 19).await;
    used(&world, of, fine, READ | TRADE, &["203.0.113.7"], 19).await;
    let review = person.get("/review").await.json();
    assert_eq!(found(&review, bot), ["unused_addresses", "unused_permission", "no_limits"]);
    assert_eq!(found(&review, loose), ["unbound_trade", "no_limits", "no_expiry"]);
    assert_eq!(found(&review, fine), Vec::<String>::new());
    // 10 + 3 + 3 + 2·2 + 1
    assert_eq!((&review["score"], &review["grade"]), (&json!(79), &json!("fair")), "{review}");
    let lines: u64 =
        review["deductions"].as_array().unwrap().iter().map(|one| one["points"].as_u64().unwrap()).sum();
    assert_eq!(lines, 21);

    let page = Tab::of(&world, &person).await.get("/review").await.text;
    for words in [
        "trade was not used since",
        "No request came from 198.51.100.0/24 since",
        "It is bound to no address. It was used from 192.0.2.1 and 192.0.2.9.",
        "Which software sends the requests is not recorded.",
        "Narrow to 192.0.2.0/24",
        "1 key has no findings. It is kept.",
        "Why the score is 79",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(page.contains(&format!("/keys/new?from={bot}")), "a successor has its own page");
    let overview = Tab::of(&world, &person).await.get("/overview").await.text;
    assert!(overview.contains("<strong>79</strong>") && overview.contains("due in 9 days"), "{overview}");
}

/// Two networks at once, told by a signal, is a finding for thirty days.
#[tokio::test]
async fn two_networks_at_once_are_found_for_thirty_days() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let of = account(&person).await;
    let key = made(&person, good("bot")).await;
    used(&world, of, key, READ | TRADE, &["203.0.113.7"], 0).await;
    let signal = Signal {
        kind: SignalKind::TwoNetworks,
        evidence: "Used from two networks.".to_owned(),
        together: SignalSet::of([SignalKind::TwoNetworks]),
        new_network: false,
        sizes: Sizes::default(),
    };
    let context = world.authority.context(Actor::System("watch"), world.now());
    raise_signals(&context, key, vec![signal]).await.unwrap();
    assert_eq!(found(&person.get("/review").await.json(), key), ["two_networks"]);
    world.pass_days(31);
    let person = person.sign_in_again().await;
    used(&world, of, key, READ | TRADE, &["203.0.113.7"], 0).await;
    assert_eq!(found(&person.get("/review").await.json(), key), Vec::<String>::new());
}

/// All remedies at once, on one factor: each key has an audit record of its own, and the review has one.
#[tokio::test]
async fn one_factor_finishes_the_review_and_does_what_it_answers() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let of = account(&person).await;
    let from = json!({"reach": "addresses", "addresses": ["203.0.113.7", "198.51.100.9"]});
    let mut keys = Vec::new();
    for name in ["kept", "narrowed", "dated", "stopped", "reader", "disabled", "deleted"] {
        keys.push((name, made(&person, with(name, json!({"from": from}))).await));
    }
    world.pass_days(20);
    let person = person.sign_in_again().await;
    let id = |name: &str| keys.iter().find(|(one, _)| *one == name).unwrap().1;
    used(&world, of, id("narrowed"), READ | TRADE, &["203.0.113.7"], 19).await;
    let tab = Tab::of(&world, &person).await;
    let fields: Vec<(String, &str)> = [
        ("kept", "keep"),
        ("narrowed", "narrow 203.0.113.7"),
        ("dated", "expire 90"),
        ("stopped", "stop_trading"),
        ("reader", "read_only"),
        ("disabled", "disable"),
        ("deleted", "delete"),
    ]
    .into_iter()
    .map(|(name, answer)| (format!("answer-{}", id(name)), answer))
    .collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, answer)| (name.as_str(), *answer)).collect();
    let asked = tab.post("/review", &fields).await;
    for words in [
        "Finish the review of 7 API keys",
        "Keep 1 API key as it is",
        "work only from 203.0.113.7",
        "expire in 90 days",
        "This cannot be undone",
        "class=\"danger\"",
    ] {
        assert!(asked.text.contains(words), "{words}: {}", asked.text);
    }
    let before = records(&world).len();
    let done = tab.confirmed("/review", &fields).await;
    assert_eq!((done.status, done.headers["location"].to_str().unwrap()), (303, "/review"), "{}", done.text);
    assert!(tab.get("/review").await.text.contains("The review is recorded."));

    let all = records(&world);
    let new: Vec<Value> = all[before..].iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(new.len(), 7, "six keys and the review: {new:?}");
    assert!(new.iter().all(|record| record["action"] == "review.finish" && record["factors"] == "password"));
    let of_keys = new.iter().filter(|record| record["subject"].as_str().unwrap().starts_with("key:"));
    assert!(of_keys.clone().all(|record| record["rows"].as_object().unwrap().len() == 1), "{new:?}");
    assert_eq!(of_keys.count(), 6);
    let last = new.last().unwrap();
    assert_eq!((&last["subject"], &last["facts"]["changed"]), (&json!(format!("account:{of}")), &json!("6")));

    let shown = async |name: &str| person.get(&format!("/keys/{}", id(name))).await;
    for (name, state) in
        [("kept", "active"), ("disabled", "disabled"), ("deleted", "deleted"), ("dated", "active")]
    {
        assert_eq!(shown(name).await.field("state"), state, "{name}");
    }
    assert_eq!(shown("narrowed").await.field("from"), "203.0.113.7");
    let end = shown("dated").await.json()["ends_at_ms"].as_u64().unwrap();
    assert_eq!(end / DAY_MS, world.now().unix_ms() / DAY_MS + 90);
    for (name, hold) in
        [("stopped", "quarantine: reads and cancels only"), ("reader", "quarantine: reads only")]
    {
        assert_eq!(shown(name).await.json()["holds"], json!([hold]), "{name}");
    }
    let past = person.get("/reviews").await.json();
    assert_eq!(
        past[0]["score"],
        person.get("/review").await.json()["score"],
        "the score that is left: {past}"
    );
    let done: Vec<&str> =
        past[0]["keys"].as_array().unwrap().iter().map(|one| one["done"].as_str().unwrap()).collect();
    assert_eq!(done.len(), 7);
    assert!(["keep", "narrow", "expire", "delete"].iter().all(|word| done.contains(word)), "{done:?}");
    let mails = world.mails(&person.email).await;
    assert!(mails.iter().any(|mail| mail.contains("An API key was deleted") && mail.contains("deleted")));
    let verdict = world.store.states().check(|_| {}).await.unwrap();
    assert!(verdict.findings.is_empty(), "every row has its mark: {verdict:?}");
}

/// Nothing is done unless all of it can be: a key that is missing, foreign, gone, misnamed, or that would get more.
#[tokio::test]
async fn an_answer_that_does_not_fit_changes_nothing() {
    let world = World::new().await;
    let (person, other) = (world.person("a@keyward.example").await, world.person("b@keyward.example").await);
    let (one, two) = (made(&person, good("one")).await, made(&person, good("two")).await);
    let theirs = made(&other, good("theirs")).await;
    let tab = Tab::of(&world, &person).await;
    let before = records(&world).len();
    let refused = [
        (answers(&[(one, "delete", "one")]), "review_changed"),
        (answers(&[(one, "delete", "one"), (theirs, "delete", "theirs")]), "review_changed"),
        (
            answers(&[(one, "delete", "one"), (two, "keep", "two"), (theirs, "delete", "theirs")]),
            "review_changed",
        ),
        (answers(&[(one, "delete", "one"), (two, "delete", "three")]), "name_mismatch"),
        (answers(&[(one, "delete", "one"), (two, "narrow 203.0.113.0/24", "two")]), "remedy_refused"),
        (answers(&[(one, "delete", "one"), (two, "narrow 0.0.0.0/0", "two")]), "remedy_refused"),
        (answers(&[(one, "delete", "one"), (two, "expire 3650", "two")]), "remedy_refused"),
        (answers(&[(one, "delete", "one"), (two, "enable", "two")]), "bad_answer"),
        (json!({"keys": {}, "factor": PASSWORD}), "review_changed"),
    ];
    for (body, code) in refused {
        let answer = person.api("POST", "/review", body.clone()).await;
        assert_eq!(answer.code(), code, "{body}: {}", answer.text);
        assert!(!answer.text.contains("theirs"), "{}", answer.text);
    }
    let body = json!({"keys": {one.to_string(): {"answer": "delete"}, two.to_string(): {"answer": "keep"}}});
    assert_eq!(person.api("POST", "/review", body).await.code(), "bad_answer", "harm names the key");
    let mut body = answers(&[(one, "delete", "one"), (two, "keep", "two")]);
    body["factor"] = json!("wrong-horse-12-battery");
    assert_eq!(person.api("POST", "/review", body.clone()).await.code(), "factor_wrong");
    body["factor"] = json!("");
    let asked = person.api("POST", "/review", body).await;
    assert_eq!(asked.code(), "factor_required");
    assert!(asked.text.contains("Delete “one”"), "{}", asked.text);

    let (of_one, of_two) = (format!("answer-{one}"), format!("answer-{two}"));
    let half = tab.post("/review", &[(&of_one, "delete")]).await;
    assert_eq!(half.status, 422);
    assert!(
        half.text.contains("One key has no answer yet.") && half.text.contains("value=\"delete\" selected"),
        "{}",
        half.text
    );
    for odd in
        [[(of_one.as_str(), "explode"), (of_two.as_str(), "keep")], [("answer-x", "keep"), (&of_two, "keep")]]
    {
        assert_eq!(tab.post("/review", &odd).await.status, 422, "{odd:?}");
    }
    assert_eq!(records(&world).len(), before);
    assert_eq!(person.get(&format!("/keys/{one}")).await.field("state"), "active");
    assert_eq!(person.get("/reviews").await.json(), json!([]));

    // A key that was made since the page was shown must be answered too.
    made(&person, good("three")).await;
    let late = person.api("POST", "/review", answers(&[(one, "keep", "one"), (two, "keep", "two")])).await;
    assert_eq!(late.code(), "review_changed");
}

/// When all is well, a review of fifty keys is one button and one confirmation; it is due again thirty days later.
#[tokio::test]
async fn fifty_good_keys_are_kept_with_one_button() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let traffic = traffic(&person, 50).await;
    world.pass_days(31);
    let person = person.sign_in_again().await;
    for key in &traffic.keys {
        used(&world, traffic.account, *key, READ | TRADE, &["127.0.0.1", "::1"], 30).await;
    }
    let person = person.sign_in_again().await;
    let tab = Tab::of(&world, &person).await;
    let page = tab.get("/review").await.text;
    // What could be better (no limits, no end) is kept unless the user chooses otherwise.
    assert!(page.contains("50 keys could be better. They are kept unless you choose otherwise."), "{page}");
    assert!(!page.contains("To decide") && page.contains("overdue by 1 day"), "{page}");
    assert_eq!(page.matches("<button class=\"primary\" type=\"submit\">").count(), 1);
    let fields: Vec<String> = traffic.keys.iter().map(|key| format!("answer-{key}")).collect();
    let kept: Vec<(&str, &str)> = fields.iter().map(|name| (name.as_str(), "keep")).collect();
    assert_eq!(page.matches("<option value=\"keep\" selected>").count(), 50, "chosen already");
    let before = records(&world).len();
    assert_eq!(tab.confirmed("/review", &kept).await.status, 303);
    assert_eq!(records(&world).len(), before + 1, "nothing but the review");
    let page = tab.get("/review").await.text;
    assert!(page.contains("due in 30 days") && page.contains("50 keys, 0 changed"), "{page}");
}

/// The report is one file: nothing in it is loaded from anywhere, and no script runs in it.
#[tokio::test]
async fn the_report_needs_nothing_from_elsewhere() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let body = with("<b>bot</b>", json!({"from": {"reach": "anywhere"}}));
    made(&person, body).await;
    let tab = Tab::of(&world, &person).await;
    let file = tab.get("/review/report.html").await;
    assert_eq!(
        file.headers["content-disposition"],
        "attachment; filename=\"keyward-review-2027-01-15.html\""
    );
    assert_eq!(file.headers["cache-control"], "no-store");
    let text = file.text;
    for foreign in ["http://", "https://", "src=", "href=", "url(", "<script", "@import", "<b>bot"] {
        assert!(!text.contains(foreign), "{foreign}: {text}");
    }
    assert!(text.contains("Can trade from any address") && text.contains("a@keyward.example"), "{text}");
    assert!(text.contains("of 100: fair") && text.trim_end().ends_with("</html>"), "{text}");
}

async fn remind(world: &World) -> usize {
    remind_reviews(&world.authority.context(Actor::System("sweep"), world.now())).await.unwrap()
}

/// A user is told on the day, a week later and two weeks later: once each, and not at all after the review.
#[tokio::test]
async fn a_user_is_reminded_three_times_and_a_review_ends_that() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    world.person("b@keyward.example").await;
    let key = made(&person, good("bot")).await;
    world.pass_days(29);
    assert_eq!(remind(&world).await, 0, "nobody is told early, nor without a key");
    for (days, words) in [(1, "It is time to review your 1 API key."), (7, "by 7 days"), (7, "by 14 days")] {
        world.pass_days(days);
        assert_eq!(remind(&world).await, 1, "{words}");
        assert_eq!(remind(&world).await, 0, "once");
        let mail = world.mails(&person.email).await.remove(0);
        assert!(mail.contains(words) && mail.contains("A review of your API keys is due"), "{mail}");
    }
    world.pass_days(100);
    assert_eq!(remind(&world).await, 0, "and not for ever");
    let person = person.sign_in_again().await;
    let page = Tab::of(&world, &person).await.get("/alerts").await.text;
    assert!(page.contains("Review your keys"), "{page}");
    assert_eq!(person.api("POST", "/review", answers(&[(key, "keep", "bot")])).await.status, 200);
    assert_eq!(remind(&world).await, 0);
    world.pass_days(30);
    assert_eq!(remind(&world).await, 1, "thirty days after the review");
    let policy = Policy { review: ReviewPolicy::Off, ..Policy::default() };
    let silent = world.ruled(Settings { policy, ..Settings::default() }).await;
    silent.pass_days(7);
    assert_eq!(remind(&silent).await, 0, "the policy is off");
    std::mem::forget(silent);
}

/// The keys of a sub-account are reviewed by themselves, and its master is told.
#[tokio::test]
async fn a_master_is_reminded_of_a_sub_accounts_review() {
    let world = World::new().await;
    let (ann, _) = two_operators(&world).await;
    let master = world.person("a@keyward.example").await;
    let body = json!({"name": "alpha1", "factor": PASSWORD});
    let sub = master.api("POST", "/sub-accounts", body).await.field("id");
    let key = made(&master.acting_for(&sub), good("bot")).await;
    world.pass_days(33);
    assert_eq!(remind(&world).await, 1);
    assert_eq!(remind(&world).await, 0, "once");
    let mail = world.mails(&master.email).await.remove(0);
    assert!(mail.contains("It is time to review the 1 API key of your sub-account alpha1"), "{mail}");
    let ann = ann.sign_in_again().await;
    let page = Tab::of(&world, &ann).await.get("/operations/reviews").await.text;
    assert!(page.contains("alpha1 of a@keyward.example"), "{page}");
    let acting = master.sign_in_again().await.acting_for(&sub);
    assert_eq!(acting.api("POST", "/review", answers(&[(key, "keep", "bot")])).await.status, 200);
    world.pass_days(7);
    assert_eq!(remind(&world).await, 0, "reviewed");
}

/// Operators see who is overdue, and nobody else does.
#[tokio::test]
async fn operators_see_who_is_overdue() {
    let world = World::new().await;
    let (ann, _) = two_operators(&world).await;
    let (late, early) =
        (world.person("late@keyward.example").await, world.person("early@keyward.example").await);
    made(&late, good("bot")).await;
    world.pass_days(20);
    let early = early.sign_in_again().await;
    made(&early, good("bot")).await;
    world.pass_days(13);
    let (ann, early) = (ann.sign_in_again().await, early.sign_in_again().await);
    let page = Tab::of(&world, &ann).await.get("/operations/reviews").await.text;
    assert!(page.contains("late@keyward.example") && page.contains("overdue by 3 days"), "{page}");
    assert!(page.contains("never") && !page.contains("early@keyward.example"), "{page}");
    assert!(!Tab::of(&world, &early).await.get("/operations/reviews").await.text.contains("late@"));
}

/// The same on PostgreSQL: one text for each statement.
#[tokio::test]
async fn a_review_is_the_same_on_postgres() {
    let world = World::postgres().await;
    let person = world.person("a@keyward.example").await;
    let of = account(&person).await;
    let loose = made(&person, with("loose", json!({"from": {"reach": "anywhere"}}))).await;
    world.pass_days(30);
    let person = person.sign_in_again().await;
    used(&world, of, loose, READ, &["192.0.2.1", "192.0.2.9"], 29).await;
    let review = person.get("/review").await.json();
    assert_eq!(found(&review, loose), ["unbound_trade", "unused_permission", "no_limits", "no_expiry"]);
    assert_eq!(remind(&world).await, 1);
    let body = answers(&[(loose, "narrow 192.0.2.0/24", "loose")]);
    assert_eq!(person.api("POST", "/review", body).await.status, 200);
    assert_eq!(person.get(&format!("/keys/{loose}")).await.field("from"), "192.0.2.0/24");
    assert_eq!(person.get("/reviews").await.json().as_array().unwrap().len(), 1);
    assert_eq!(remind(&world).await, 0);
}
