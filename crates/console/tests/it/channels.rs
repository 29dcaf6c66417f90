//! Alert channels (product.md 7): added like keys, delivered at least once in order, heard of by nobody else.

use std::sync::Arc;

use keyward_authority::channels::TestChannel;
use keyward_authority::duties::pause_channels;
use keyward_authority::{Action as _, Settings as Rules};
use keyward_notify::channel::{ChannelWorker, Client, Lanes, System};
use keyward_rules::channel::{ChannelId, MessageId, WebhookSecret};
use keyward_rules::grant::{Actor, Holder, Origin, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::person::{Device, SessionId};
use keyward_rules::time::Moment;
use serde_json::{Value, json};

use crate::receiver::{Came, Receiver};
use crate::world::{HOME, PASSWORD, Person, Reply, World, entropy};

const HOUR_MS: u64 = 3_600_000;

/// A world whose policy allows the receiver.
pub async fn world() -> (World, Receiver) {
    let receiver = Receiver::new().await;
    let rules = Rules { channels: receiver.policy(), ..Rules::default() };
    (World::under(rules).await, receiver)
}

fn courier(world: &World, receiver: &Receiver) -> ChannelWorker {
    ChannelWorker {
        deliveries: world.store.deliveries(),
        client: Client::new(Arc::new(System), receiver.policy(), None).unwrap(),
        now: world.ticks(),
        entropy: entropy(),
        lanes: Lanes::default(),
    }
}

/// Serves the channels until nothing is due any more; gives what came.
pub async fn delivered(world: &World, receiver: &Receiver) -> Vec<Came> {
    let courier = courier(world, receiver);
    while courier.round().await.unwrap() > 0 {}
    receiver.came()
}

pub fn hook(name: &str, receiver: &Receiver) -> Value {
    json!({
        "name": name, "target": {"kind": "webhook", "url": receiver.url("/hook-canary?t=url-canary")},
        "choices": {"which": "all", "digest": "at_once"}
    })
}

/// A channel under the default rules; nothing is sent unless somebody serves it.
pub fn public_hook() -> Value {
    json!({
        "name": "ops", "target": {"kind": "webhook", "url": "https://hooks.example.com/bot"},
        "choices": {"which": "all", "digest": "at_once"}
    })
}

pub async fn added(person: &Person<'_>, body: Value) -> (String, Reply) {
    let reply = person.approved("POST", "/channels", body).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    (reply.field("id"), reply)
}

/// Something to be told of that is not critical.
async fn notice(person: &Person<'_>, name: &str) {
    person.key(name).await;
}

#[tokio::test]
async fn an_alert_arrives_signed_once_and_the_secret_is_shown_once() {
    let (world, receiver) = world().await;
    let person = world.person("a@keyward.example").await;
    let asked = person.api("POST", "/channels", hook("ops", &receiver)).await;
    assert_eq!(asked.code(), "step_up_required");
    assert!(!asked.text.contains("canary") && asked.text.contains(&receiver.url("")), "{}", asked.text);
    let reply = person.answer("POST", "/channels", hook("ops", &receiver), &asked.field("challenge")).await;
    let secret = WebhookSecret::parse(&reply.field("secret")).unwrap();
    assert!(
        delivered(&world, &receiver).await.is_empty(),
        "a channel does not begin with the news of itself"
    );
    notice(&person, "bot").await;
    let [came] = delivered(&world, &receiver).await.try_into().unwrap();
    assert_eq!(came.path, "/hook-canary?t=url-canary");
    assert_eq!(
        (came.json()["type"].clone(), came.kinds()),
        (json!("keyward.alerts"), vec!["key_created".to_owned()])
    );
    let id: MessageId = came.id().parse().unwrap();
    let seconds = world.now().unix_ms() / 1_000;
    assert_eq!(came.header("webhook-timestamp"), seconds.to_string());
    assert_eq!(came.header("webhook-signature"), secret.sign(id, seconds, came.body.as_bytes()));
    assert_eq!(came.json()["data"]["alerts"][0]["key"]["name"], "bot");
    world.pass_days(1);
    assert!(delivered(&world, &receiver).await.is_empty(), "what was taken is never sent again");
    let path = format!("/channels/{}/deliveries", reply.field("id"));
    let log = person.sign_in_again().await.get(&path).await.json();
    assert_eq!(
        (&log["deliveries"][0]["state"], &log["deliveries"][0]["status"]),
        (&json!("delivered"), &json!(200))
    );
    assert_eq!(log["deliveries"][0]["message"], json!(id.to_string()));
}

#[tokio::test]
async fn a_receiver_that_is_down_for_an_hour_misses_nothing_and_gets_nothing_twice() {
    let (world, receiver) = world().await;
    let person = world.person("a@keyward.example").await;
    let (id, _) = added(&person, hook("ops", &receiver)).await;
    let names: Vec<String> = (0..4).map(|number| format!("bot {number}")).collect();
    let mut tries = 0;
    for (number, name) in names.iter().enumerate() {
        receiver.says([0, 500, 429, 302][number]);
        notice(&person, name).await;
        let came = delivered(&world, &receiver).await;
        let first = came.first().map(Came::id);
        assert!(came.iter().all(|one| Some(one.id()) == first), "the first holds up those behind it");
        tries += came.len();
    }
    let shown = person.get(&format!("/channels/{id}")).await.json();
    assert_eq!((&shown["state"], &shown["last"]["state"]), (&json!("failing"), &json!("waiting")));
    for _ in 0..60 {
        world.pass_ms(HOUR_MS / 60);
        tries += delivered(&world, &receiver).await.len();
    }
    assert!((8..16).contains(&tries), "{tries} tries in an hour");
    receiver.says(204);
    world.pass_ms(HOUR_MS * 5 / 4);
    let came = delivered(&world, &receiver).await;
    let told: Vec<Value> =
        came.iter().map(|one| one.json()["data"]["alerts"][0]["key"]["name"].clone()).collect();
    assert_eq!(told, names, "all of them, in order");
    let mut ids: Vec<String> = came.iter().map(Came::id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), names.len());
    world.pass_days(1);
    assert!(delivered(&world, &receiver).await.is_empty());
    let person = person.sign_in_again().await;
    assert_eq!(person.get(&format!("/channels/{id}")).await.json()["state"], "active");
}

#[tokio::test]
async fn slow_receivers_of_some_hold_up_nobody_else() {
    let (slow, quick) = (Receiver::new().await, Receiver::new().await);
    let (mut channels, both) = (slow.policy(), quick.policy());
    channels.allow.extend(both.allow);
    let world = World::under(Rules { channels: channels.clone(), ..Rules::default() }).await;
    slow.says(1);
    for number in 0..6 {
        let person = world.person(&format!("slow{number}@keyward.example")).await;
        for channel in 0..8 {
            added(&person, hook(&format!("ops {channel}"), &slow)).await;
        }
    }
    let person = world.person("a@keyward.example").await;
    added(&person, hook("ops", &quick)).await;
    notice(&person, "bot").await;
    let client = Client::new(Arc::new(System), channels, None).unwrap();
    let running = tokio::spawn(ChannelWorker { client, ..courier(&world, &quick) }.run());
    let arrived = async {
        while quick.came().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    // A receiver that says nothing is waited for for ten seconds.
    assert!(tokio::time::timeout(std::time::Duration::from_secs(5), arrived).await.is_ok());
    assert!(slow.came().len() <= 12, "two of each account at a time");
    running.abort();
}

#[tokio::test]
async fn a_crash_after_the_receiver_took_it_sends_the_same_id_again() {
    let (world, receiver) = world().await;
    let person = world.person("a@keyward.example").await;
    added(&person, hook("ops", &receiver)).await;
    notice(&person, "bot").await;
    receiver.says(1);
    let (crashing, taken) = (courier(&world, &receiver), async {
        while receiver.came.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    });
    tokio::select! {
        _ = crashing.round() => panic!("nobody answered it"),
        () = taken => {}
    }
    let [first] = receiver.came().try_into().unwrap();
    receiver.says(200);
    assert!(delivered(&world, &receiver).await.is_empty(), "still the crashed one's");
    world.pass_ms(60_000);
    let [again] = delivered(&world, &receiver).await.try_into().unwrap();
    assert_eq!((first.id(), first.body), (again.id(), again.body));
}

#[tokio::test]
async fn one_refused_message_holds_nothing_up_and_keeps_its_id() {
    let (world, receiver) = world().await;
    let person = world.person("a@keyward.example").await;
    added(&person, hook("ops", &receiver)).await;
    receiver.says(400);
    notice(&person, "bot 1").await;
    let refused = delivered(&world, &receiver).await.remove(0).id();
    receiver.says(200);
    notice(&person, "bot 2").await;
    let mut ids: Vec<String> = delivered(&world, &receiver).await.iter().map(Came::id).collect();
    world.pass_ms(60_000);
    ids.extend(delivered(&world, &receiver).await.iter().map(Came::id));
    assert_eq!((ids.len(), ids.iter().filter(|id| **id == refused).count()), (2, 1));
}

/// A channel whose receiver asks to be left alone.
struct Waiting<'w> {
    world: &'w World,
    receiver: &'w Receiver,
    account: AccountId,
    channel: ChannelId,
}

impl<'w> Waiting<'w> {
    async fn of(world: &'w World, receiver: &'w Receiver) -> (Self, Person<'w>) {
        let person = world.person("a@keyward.example").await;
        let channel = added(&person, hook("ops", receiver)).await.0.parse().unwrap();
        let account = person.get("/account").await.field("id").parse().unwrap();
        (Self { world, receiver, account, channel }, person)
    }

    /// Puts a test into the channel, as its holder, whose sessions end while the hours pass.
    async fn put_test(&self) {
        let origin = Origin { address: HOME.parse().unwrap(), device: Device::of("tests") };
        let holder = Holder {
            account: self.account,
            acting: None,
            session: SessionId::from_entropy([1; 16]),
            device_since: Moment::EPOCH,
            origin,
        };
        let context = self.world.authority.context(Actor::Holder(holder), self.world.now());
        TestChannel(self.channel).perform(&context, Proof::None).await.unwrap();
    }

    /// Has a message fail once with a status and a `Retry-After`, and asserts when the next try comes: after so many
    /// milliseconds, or after the usual pause.
    async fn assert_next_try(&self, status: u16, text: &str, wait_ms: Option<u64>) {
        self.receiver.says(status);
        self.receiver.asks_to_wait(text);
        self.put_test().await;
        assert_eq!(delivered(self.world, self.receiver).await.len(), 1, "{status} {text:?}: the first try");
        self.receiver.says(200);
        // Five seconds, and a fifth of them more or less.
        let (first_ms, last_ms) = wait_ms.map_or((4_000, 6_000), |ms| (ms, ms));
        self.world.pass_ms(first_ms - 1);
        let early = delivered(self.world, self.receiver).await;
        assert!(early.is_empty(), "{status} {text:?}: before {first_ms} ms");
        self.world.pass_ms(last_ms - first_ms + 1);
        let came = delivered(self.world, self.receiver).await;
        assert_eq!(came.len(), 1, "{status} {text:?}: after {last_ms} ms");
        // Tests are ten an hour.
        self.world.pass_ms(HOUR_MS);
    }
}

#[tokio::test]
async fn a_receiver_is_left_alone_for_as_long_as_it_asks_and_for_an_hour_at_most() {
    let (world, receiver) = world().await;
    let (waiting, person) = Waiting::of(&world, &receiver).await;
    for (text, wait_ms) in [
        ("7", 7_000),
        ("007", 7_000),
        ("8.5", 8_500),
        ("64.57", 64_570),
        ("6.0001", 6_001),
        (" 120 ", 120_000),
        ("\t90", 90_000),
        ("3599", 3_599_000),
        ("3600", HOUR_MS),
        ("3601", HOUR_MS),
        ("86400", HOUR_MS),
        ("99999999999999999999999999", HOUR_MS),
    ] {
        waiting.assert_next_try(429, text, Some(wait_ms)).await;
    }
    for status in [301, 302, 400, 404, 413, 422, 425, 500, 502, 503, 504] {
        waiting.assert_next_try(status, "90", Some(90_000)).await;
    }
    let log = person.sign_in_again().await.get(&format!("/channels/{}/deliveries", waiting.channel)).await;
    let rows = log.json()["deliveries"].as_array().unwrap().clone();
    assert_eq!(rows.len(), 23, "{}", log.text);
    for row in rows {
        assert_eq!((&row["tries"], &row["state"]), (&json!(2), &json!("delivered")), "{row}");
    }
}

#[tokio::test]
async fn a_date_is_a_wait_and_one_that_is_past_asks_for_nothing() {
    let (world, receiver) = world().await;
    let (waiting, _) = Waiting::of(&world, &receiver).await;
    // The clock stands at whole seconds, as dates do.
    assert_eq!(world.now().unix_ms() % 1_000, 0);
    for (ahead_ms, wait_ms) in [
        (-24 * 3_600_000_i64, None),
        (-3_600_000, None),
        (-1_000, None),
        (0, None),
        (1_000, None),
        (3_000, None),
        (7_000, Some(7_000)),
        (30_000, Some(30_000)),
        (600_000, Some(600_000)),
        (3_599_000, Some(3_599_000)),
        (3_600_000, Some(HOUR_MS)),
        (3_601_000, Some(HOUR_MS)),
        (24 * 3_600_000, Some(HOUR_MS)),
    ] {
        let then = world.now().unix_ms().checked_add_signed(ahead_ms).unwrap();
        waiting.assert_next_try(503, &http_date(Moment::from_unix_ms(then)), wait_ms).await;
    }
}

/// A moment in the days around the world's beginning, as HTTP writes it.
fn http_date(at: Moment) -> String {
    let text = at.to_string();
    let (day, clock) = (&text[8..10], &text[11..19]);
    let week = ["Thu", "Fri", "Sat", "Sun"];
    format!("{}, {day} Jan 2027 {clock} GMT", week[day.parse::<usize>().unwrap() - 14])
}

#[tokio::test]
async fn an_answer_that_asks_for_no_time_leaves_the_usual_pause() {
    let (world, receiver) = world().await;
    let (waiting, _) = Waiting::of(&world, &receiver).await;
    for text in [
        "0",
        "0.65",
        "3",
        "",
        " ",
        "-1",
        "-3600",
        "+3600",
        "3600.",
        ".5",
        "3600,5",
        "1e9",
        "0xe10",
        "3600 s",
        "60 60",
        "1.2.3",
        "soon",
        "never",
        "NaN",
        "infinity",
        "\u{663}\u{666}\u{660}\u{660}",
        "2027-01-15T23:00:00Z",
        "Fri, 15 Jan 2027 23:00:00 CET",
        "Mon, 15 Jan 2027 23:00:00 GMT",
        "15 Jan 2027 23:00:00",
    ] {
        waiting.assert_next_try(429, text, None).await;
    }
}

#[tokio::test]
async fn three_days_of_silence_pause_a_channel_and_a_test_that_arrives_ends_the_pause() {
    let (world, receiver) = world().await;
    let person = world.person("a@keyward.example").await;
    let (id, _) = added(&person, hook("ops", &receiver)).await;
    receiver.says(503);
    notice(&person, "bot").await;
    let first = delivered(&world, &receiver).await.remove(0).id();
    let pause =
        || async { pause_channels(&world.authority.context(Actor::System("channels"), world.now())).await };
    world.pass_ms(3 * 24 * HOUR_MS - 1_000);
    assert_eq!(pause().await.unwrap(), 0);
    delivered(&world, &receiver).await;
    world.pass_ms(2_000);
    assert_eq!(pause().await.unwrap(), 1);
    let mail = world.mails(&person.email).await.remove(0);
    assert!(mail.contains("An alert channel was paused") && mail.contains("“ops”"), "{mail}");
    let person = person.sign_in_again().await;
    let path = format!("/channels/{id}");
    let shown = person.get(&path).await.json();
    assert_eq!((&shown["state"], &shown["last"]["state"]), (&json!("paused"), &json!("failed")));
    assert!(shown["missed"].as_u64().unwrap() >= 1, "the pause itself was not put into it");
    world.pass_ms(HOUR_MS * 2);
    let person = person.sign_in_again().await;
    assert!(delivered(&world, &receiver).await.is_empty(), "a paused channel is not tried");
    let tested = person.api("POST", &format!("{path}/test"), Value::Null).await.field("message");
    assert_eq!(delivered(&world, &receiver).await.len(), 1, "once");
    world.pass_ms(HOUR_MS * 2);
    assert!(delivered(&world, &receiver).await.is_empty());
    receiver.says(200);
    let person = person.sign_in_again().await;
    for message in [&tested, &first] {
        let sent = person.api("POST", &format!("{path}/send-again"), json!({"message": message})).await;
        assert_eq!(sent.status, 202, "{}", sent.text);
    }
    let ids: Vec<String> = delivered(&world, &receiver).await.iter().map(Came::id).collect();
    assert!(ids.contains(&tested) && ids.contains(&first), "under their old ids");
    assert_eq!(person.get(&path).await.json()["state"], "active");
    let again = person.api("POST", &format!("{path}/send-again"), json!({"message": first})).await;
    assert_eq!(again.code(), "no_message", "what was taken is never sent again");
}

#[tokio::test]
async fn notices_wait_for_the_hour_and_for_the_morning_and_critical_alerts_never() {
    let (world, receiver) = world().await;
    let person = world.person("a@keyward.example").await;
    // It is 08:00 UTC.
    let mut hourly = hook("hourly", &receiver);
    hourly["choices"] =
        json!({"which": "all", "digest": "hourly", "quiet": {"from": "08:30", "to": "10:15"}});
    added(&person, hourly).await;
    notice(&person, "bot 1").await;
    notice(&person, "bot 2").await;
    person.api("POST", "/keys/disable-all", json!({"factor": PASSWORD})).await;
    let came = delivered(&world, &receiver).await;
    assert_eq!(came.iter().map(Came::kinds).collect::<Vec<_>>(), [["all_keys_disabled"]]);
    world.pass_ms(HOUR_MS);
    assert!(delivered(&world, &receiver).await.is_empty(), "the hour is quiet");
    world.pass_ms(HOUR_MS * 5 / 4 + 60_000);
    let [came] = delivered(&world, &receiver).await.try_into().unwrap();
    assert_eq!(came.kinds(), ["key_created", "key_created"], "together, oldest first");
    assert_eq!(came.json()["data"]["alerts"][0]["key"]["name"], "bot 1");
}

#[tokio::test]
async fn critical_only_and_other_choices_take_effect() {
    let (world, receiver) = world().await;
    let person = world.person("a@keyward.example").await;
    let mut body = hook("ops", &receiver);
    body["choices"]["which"] = "critical".into();
    let (id, _) = added(&person, body).await;
    notice(&person, "bot 1").await;
    assert!(delivered(&world, &receiver).await.is_empty());
    let change = json!({
        "name": "renamed", "choices": {"which": "all", "digest": "at_once"}, "factor": PASSWORD
    });
    let changed = person.api("PUT", &format!("/channels/{id}"), change.clone()).await;
    assert_eq!((changed.status, &changed.json()["name"]), (200, &json!("renamed")), "{}", changed.text);
    assert_eq!(delivered(&world, &receiver).await.remove(0).kinds(), ["channel_changed"]);
    assert_eq!(person.api("PUT", &format!("/channels/{id}"), change).await.code(), "unchanged");
    notice(&person, "bot 2").await;
    assert_eq!(delivered(&world, &receiver).await.len(), 1);
    let removed = person.api("DELETE", &format!("/channels/{id}"), json!({"factor": PASSWORD})).await;
    assert_eq!(removed.status, 204);
    notice(&person, "bot 3").await;
    assert!(delivered(&world, &receiver).await.is_empty());
    assert_eq!(person.get(&format!("/channels/{id}")).await.code(), "no_channel");
    assert!(
        world.mails(&person.email).await.iter().any(|mail| mail.contains("An alert channel was removed"))
    );
}

#[tokio::test]
async fn chats_get_their_own_forms_at_their_own_places() {
    let (world, receiver) = world().await;
    let person = world.person("a@keyward.example").await;
    let token = "123456789:AAtokenAAtokenAAtokenAAtokenAAtokenA";
    let targets = [
        json!({"kind": "slack", "url": receiver.url("/services/T0/B0/secret")}),
        json!({"kind": "telegram", "token": token, "chat": "-1001234567890"}),
        json!({"kind": "discord", "url": receiver.url("/api/webhooks/12/secret")}),
    ];
    for target in targets {
        let name = target["kind"].as_str().unwrap();
        let body = json!({"name": name, "target": target, "choices": {"which": "all", "digest": "at_once"}});
        let (id, reply) = added(&person, body).await;
        assert!(reply.json().get("secret").is_none(), "only webhooks are signed");
        assert_eq!(person.api("POST", &format!("/channels/{id}/test"), Value::Null).await.status, 202);
    }
    let mut came = delivered(&world, &receiver).await;
    came.retain(|one| one.body.contains("Keyward: a test"));
    came.sort_by(|a, b| a.path.cmp(&b.path));
    let paths: Vec<&str> = came.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(
        paths,
        ["/api/webhooks/12/secret", &format!("/bot{token}/sendMessage"), "/services/T0/B0/secret"]
    );
    assert_eq!(came[1].json()["chat_id"], "-1001234567890");
    assert!(came.iter().all(|one| !one.head.contains("webhook-signature")));
}

#[tokio::test]
async fn bad_targets_are_refused_and_never_repeated() {
    let (world, receiver) = world().await;
    let person = world.person("a@keyward.example").await;
    let with = |target: Value| {
        let mut body = hook("ops", &receiver);
        body["target"] = target;
        body
    };
    for url in [
        "https://127.0.0.1/canary",
        "https://localhost/canary",
        "https://169.254.169.254/canary",
        "https://metadata.google.internal/canary",
        "https://[::1]/canary",
        "http://hooks.example.com/canary",
        "http://127.0.0.1:1/canary",
        "https://hooks.example.com:25/canary",
        "https://user:canary@hooks.example.com/",
        "http://2130706433/canary",
        "https://hooks.example.com./canary",
        "https://hooks.example.com/canary#x",
        "canary",
        "",
    ] {
        let refused = person.api("POST", "/channels", with(json!({"kind": "webhook", "url": url}))).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "bad_target"), "{url}: {}", refused.text);
        assert!(!refused.text.contains("canary"), "{}", refused.text);
    }
    for target in [
        json!({"kind": "slack", "url": "https://evil.example/services/T0/B0/x"}),
        json!({"kind": "discord", "url": "https://evil.example/api/webhooks/1/x"}),
        json!({"kind": "telegram", "token": "1:x", "chat": "1"}),
    ] {
        assert_eq!(person.api("POST", "/channels", with(target)).await.code(), "bad_target");
    }
    for (member, value, code) in [
        ("quiet", json!({"from": "25:00", "to": "06:00"}), "bad_quiet_hours"),
        ("digest", json!("weekly"), "bad_body"),
        ("which", json!("none"), "bad_body"),
        ("other", json!(1), "bad_body"),
    ] {
        let mut body = hook("ops", &receiver);
        body["choices"][member] = value;
        assert_eq!(person.api("POST", "/channels", body).await.code(), code, "{member}");
    }
}

/// Addresses of chats as their services hand them out and people paste them; those of each kind mean one place.
const DISCORD: [&str; 12] = [
    "https://discord.com/api/webhooks/12/xY-_secret",
    "https://discord.com/api/webhooks/12/xY-_secret/",
    "https://discordapp.com/api/webhooks/12/xY-_secret",
    "https://canary.discord.com/api/webhooks/12/xY-_secret",
    "https://ptb.discord.com/api/webhooks/12/xY-_secret",
    "https://canary.discordapp.com/api/webhooks/12/xY-_secret",
    "https://ptb.discordapp.com/api/webhooks/12/xY-_secret/",
    "https://discord.com/api/v10/webhooks/12/xY-_secret",
    "https://ptb.discord.com/api/v6/webhooks/12/xY-_secret/",
    "HTTPS://Discord.COM/api/webhooks/12/xY-_secret",
    "\t https://discord.com/api/webhooks/12/xY-_secret \r\n",
    "\u{feff}https://discord.com/api/webhooks/12/xY-_secret\u{200b}",
];
const SLACK: [&str; 11] = [
    "https://hooks.slack.com/services/T0/B0/xY-_secret",
    "https://hooks.slack.com/services/T0/B0/xY-_secret/",
    "https://Hooks.Slack.com/services/T0/B0/xY-_secret",
    "HTTPS://HOOKS.SLACK.COM/services/T0/B0/xY-_secret/",
    " https://hooks.slack.com/services/T0/B0/xY-_secret",
    "https://hooks.slack.com/services/T0/B0/xY-_secret\n",
    "https://hooks.slack.com/services/T0/B0/xY-_secret\r\n",
    "\u{a0}https://hooks.slack.com/services/T0/B0/xY-_secret\u{202f}",
    "\u{feff}https://hooks.slack.com/services/T0/B0/xY-_secret",
    "\u{200e}https://hooks.slack.com/services/T0/B0/xY-_secret\u{200e}",
    "\u{2068}https://hooks.slack.com/services/T0/B0/xY-_secret/\u{2069}",
];

fn chat(kind: &str, url: &str) -> Value {
    let target = json!({"kind": kind, "url": url});
    json!({"name": "chat", "target": target, "choices": {"which": "all", "digest": "at_once"}})
}

#[tokio::test]
async fn a_chat_is_added_by_every_spelling_of_its_address() {
    let world = World::new().await;
    let mut person = world.person("a@keyward.example").await;
    for (kind, urls) in [("discord", &DISCORD[..]), ("slack", &SLACK[..])] {
        let mut challenge = String::new();
        for (at, url) in urls.iter().enumerate() {
            if at % 8 == 0 {
                world.pass_ms(HOUR_MS);
                person = person.sign_in_again().await;
            }
            let asked = person.api("POST", "/channels", chat(kind, url)).await;
            assert_eq!((asked.status, asked.code().as_str()), (403, "step_up_required"), "{url:?}");
            assert!(!asked.text.contains("secret"), "{url:?}: {}", asked.text);
            challenge = asked.field("challenge");
        }
        // What was approved in one spelling is the same in another, and nothing else.
        let other = urls[0].replace("secret", "Secret");
        let crossed = person.answer("POST", "/channels", chat(kind, &other), &challenge).await;
        assert_eq!(crossed.code(), "challenge_for_something_else", "{kind}");
        let made = person.answer("POST", "/channels", chat(kind, urls[0]), &challenge).await;
        assert_eq!(made.status, 201, "{kind}: {}", made.text);
        let body = json!({"factor": PASSWORD});
        let removed = person.api("DELETE", &format!("/channels/{}", made.field("id")), body).await;
        assert_eq!(removed.status, 204, "{kind}: {}", removed.text);
    }
    let gov = chat("slack", "https://hooks.slack-gov.com/services/T0/B0/xY-_secret/");
    assert_eq!(person.api("POST", "/channels", gov).await.code(), "step_up_required");
}

#[tokio::test]
async fn what_only_looks_like_the_address_of_a_chat_is_refused_without_a_code() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let mails = world.mails(&person.email).await.len();
    for url in [
        "",
        " ",
        "discord.com/api/webhooks/12/secret",
        "http://discord.com/api/webhooks/12/secret",
        "https://discord.com/api/webhooks/12",
        "https://discord.com/api/webhooks/12/secret/slack",
        "https://discord.com/api/webhooks/12/secret?wait=true",
        "https://discord.com/api/webhooks/12/secret#x",
        "https://discord.com/api/webhooks/12/sec ret",
        "https://discord.com/API/webhooks/12/secret",
        "https://discord.com/api/v100/webhooks/12/secret",
        "https://discord.com:8443/api/webhooks/12/secret",
        "https://discord.com./api/webhooks/12/secret",
        "https://cdn.discord.com/api/webhooks/12/secret",
        "https://discord.com.evil.example/api/webhooks/12/secret",
        "https://discord.com@evil.example/api/webhooks/12/secret",
        "https://hooks.slack.com/services/T0/B0/secret",
    ] {
        let refused = person.api("POST", "/channels", chat("discord", url)).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "bad_target"), "{url:?}");
        assert!(!refused.text.contains("secret"), "{url:?}: {}", refused.text);
    }
    for url in [
        "",
        "\u{200b}",
        "hooks.slack.com/services/T0/B0/secret",
        "http://hooks.slack.com/services/T0/B0/secret",
        "https://hooks.slack.com/services/T0/B0",
        "https://hooks.slack.com/services/T0/B0/secret/x",
        "https://hooks.slack.com/services/T0/B0/secret//",
        "https://hooks.slack.com/services/T0/B0/secret?x=1",
        "https://hooks.slack.com/services/T0/B0/sec\u{200b}ret",
        "https://hooks.slack.com/Services/T0/B0/secret",
        "https://hooks.slack.com/workflows/T0/B0/secret",
        "https://hooks.slack.com:443/services/T0/B0/secret",
        "https://hooks.slack.com./services/T0/B0/secret",
        "https://slack.com/services/T0/B0/secret",
        "https://hooks.slack-gov.com.evil.example/services/T0/B0/secret",
        "https://discord.com/api/webhooks/12/secret",
    ] {
        let refused = person.api("POST", "/channels", chat("slack", url)).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "bad_target"), "{url:?}");
        assert!(!refused.text.contains("secret"), "{url:?}: {}", refused.text);
    }
    assert_eq!(world.mails(&person.email).await.len(), mails, "no code was sent");
}

#[tokio::test]
async fn ten_channels_and_ten_tests_an_hour() {
    let (world, receiver) = world().await;
    let person = world.person("a@keyward.example").await;
    let mut last = String::new();
    for number in 0..10 {
        // Codes are ten an hour, and sessions end.
        world.pass_ms(HOUR_MS / 4);
        last = added(&person, hook(&format!("ops {number}"), &receiver)).await.0;
    }
    assert_eq!(person.api("POST", "/channels", hook("more", &receiver)).await.code(), "too_many_channels");
    assert_eq!(person.api("POST", "/channels", hook("ops 1", &receiver)).await.code(), "name_taken");
    for _ in 0..10 {
        assert_eq!(person.api("POST", &format!("/channels/{last}/test"), Value::Null).await.status, 202);
    }
    let more = person.api("POST", &format!("/channels/{last}/test"), Value::Null).await;
    assert_eq!((more.status, more.code().as_str()), (429, "too_many_tests"));
}

#[tokio::test]
async fn nothing_of_a_target_is_seen_after_it_was_typed() {
    let (world, receiver) = world().await;
    let person = world.person("a@keyward.example").await;
    let (id, reply) = added(&person, hook("ops", &receiver)).await;
    let secret = reply.field("secret");
    let bare = secret.trim_start_matches("whsec_").to_owned();
    notice(&person, "bot").await;
    receiver.says(500);
    delivered(&world, &receiver).await;
    let mut surfaces = Vec::new();
    for path in [
        "/channels".to_owned(),
        format!("/channels/{id}"),
        format!("/channels/{id}/deliveries"),
        "/alerts".to_owned(),
    ] {
        surfaces.push((path.clone(), person.get(&path).await.text));
    }
    surfaces.extend(world.mails(&person.email).await.into_iter().map(|mail| ("a mail".to_owned(), mail)));
    surfaces
        .extend(crate::audit::records(&world).into_iter().map(|record| ("the audit log".to_owned(), record)));
    for (name, text) in surfaces {
        for canary in ["hook-canary", "url-canary", &secret, &bare, "body-x"] {
            assert!(!text.contains(canary), "{name}: {text}");
        }
    }
    for entry in std::fs::read_dir(&world.folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for canary in ["hook-canary", "url-canary", secret.as_str(), bare.as_str(), "body-x"] {
            assert!(
                !bytes.windows(canary.len()).any(|window| window == canary.as_bytes()),
                "{canary} is in a file"
            );
        }
    }
}

/// The moment of the world's beginning, which the test of digests relies on.
#[test]
fn the_world_begins_at_eight() {
    assert_eq!(&Moment::from_unix_ms(1_800_000_000_000).to_string()[11..16], "08:00");
}
