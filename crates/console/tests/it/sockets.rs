//! Open sockets of a key: the list on its page and over the API, and what closes them.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Mutex;

use keyward_api::open_sockets::{OpenSocket, OpenSockets};
use keyward_rules::id::{AccountId, KeyId, RequestId};
use keyward_rules::limits::FORM_ANSWER_MS;
use keyward_rules::time::Moment;
use keyward_store::Record;
use serde_json::{Value, json};

use crate::app_pages::went_to;
use crate::apps::{bound, in_force, verified};
use crate::audit::records;
use crate::operators::{id_of, two_operators};
use crate::tab::Tab;
use crate::world::{PASSWORD, Person, World};

/// Where all of these sockets come from; also one of the servers of the app below.
const SOURCE: &str = "198.51.100.77";
const CLOSE: &str = "key.close_sockets";

/// What a gateway would know of its sockets.
pub struct FakeSockets {
    /// The file with the audit log.
    store: PathBuf,
    open: Mutex<Vec<FakeSocket>>,
    /// What was closed, each with how many records of a closing there were at that moment.
    closed: Mutex<Vec<(u64, i64)>>,
}

#[derive(Clone)]
struct FakeSocket {
    id: u64,
    account: AccountId,
    key: KeyId,
    since: Moment,
    channels: Vec<String>,
}

impl FakeSockets {
    /// None is open. The store of the world is in this file.
    pub fn beside(store: PathBuf) -> Self {
        Self { store, open: Mutex::new(Vec::new()), closed: Mutex::new(Vec::new()) }
    }

    /// One more socket of a key; its number.
    fn open(&self, (account, key): (AccountId, KeyId), since: Moment, channels: &[&str]) -> u64 {
        let mut open = self.open.lock().unwrap();
        let id = open.last().map_or(1, |last| last.id + 1);
        let channels = channels.iter().map(|&name| name.to_owned()).collect();
        open.push(FakeSocket { id, account, key, since, channels });
        id
    }

    /// The numbers of those that were closed, and how many records stood there when each was.
    fn closed(&self) -> Vec<(u64, i64)> {
        self.closed.lock().unwrap().clone()
    }

    fn recorded(&self) -> i64 {
        let file = rusqlite::Connection::open(&self.store).unwrap();
        let count = format!("SELECT COUNT(*) FROM audit WHERE record LIKE '%\"{CLOSE}\"%'");
        file.query_row(&count, [], |row| row.get(0)).unwrap()
    }
}

impl OpenSockets for FakeSockets {
    fn of_key(&self, account: AccountId, key: KeyId) -> Vec<OpenSocket> {
        let open = self.open.lock().unwrap();
        let own = open.iter().rev().filter(|socket| socket.account == account && socket.key == key).cloned();
        own.map(|socket| OpenSocket {
            id: socket.id,
            key: socket.key,
            account,
            endpoint: "private",
            since: socket.since,
            source: SOURCE.parse::<IpAddr>().unwrap(),
            channels: socket.channels,
            received: 7,
            sent: 12_345,
        })
        .collect()
    }

    fn close(&self, account: AccountId, id: u64) -> bool {
        let mut open = self.open.lock().unwrap();
        let before = open.len();
        open.retain(|socket| socket.id != id || socket.account != account);
        let was_there = open.len() < before;
        if was_there {
            self.closed.lock().unwrap().push((id, self.recorded()));
        }
        was_there
    }
}

/// A key with its account.
async fn key(person: &Person<'_>, name: &str) -> (AccountId, KeyId) {
    let id = person.key(name).await["api_key"].as_str().unwrap().parse().unwrap();
    (id_of(person).await.parse().unwrap(), id)
}

fn rows(text: &str) -> usize {
    text.matches("<td data-label=\"Path\">Private</td>").count()
}

/// The records of closings.
fn recorded(world: &World) -> Vec<Value> {
    let all = records(world);
    let read = all.iter().map(|record| serde_json::from_str::<Value>(record).unwrap());
    read.filter(|record| record["action"] == CLOSE).collect()
}

#[tokio::test]
async fn a_key_shows_its_own_open_sockets() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let (bot, other, quiet) =
        (key(&person, "bot").await, key(&person, "other").await, key(&person, "quiet").await);
    let since = world.now();
    let first = world.sockets.open(bot, since, &["orders SPOT", "positions"]);
    let names: Vec<String> = (1..=8).map(|number| format!("books COIN{number}-USDT")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let second = world.sockets.open(bot, since, &names);
    world.sockets.open(other, since, &[]);
    let tab = Tab::of(&world, &person).await;
    let (page, part) = (format!("/keys/{}", bot.1), format!("/keys/{}?fragment=sockets", bot.1));
    let whole = tab.get(&page).await.text;
    assert!(whole.contains("<h2>Open sockets</h2>"), "{whole}");
    assert!(
        whole.contains(&format!("<div data-sockets hx-get=\"{part}\" hx-trigger=\"every 5s\">")),
        "{whole}"
    );
    let alone = tab.part(&part).await.text;
    assert!(!alone.contains("<html"), "{alone}");
    for text in [&whole, &alone] {
        assert_eq!(rows(text), 2, "{text}");
        assert!(text.contains("<td data-label=\"Channels\">orders SPOT, positions</td>"), "{text}");
        assert!(text.contains("books COIN6-USDT <span class=\"soft\">and 2 more</span>"), "{text}");
        assert!(text.contains(&format!("<td data-label=\"From\" class=\"mono\">{SOURCE}</td>")), "{text}");
        assert!(text.contains("7 received<span class=\"sub\">12,345 sent</span>"), "{text}");
        assert!(text.contains(&format!("datetime=\"{since}\"")), "{text}");
        assert!(text.contains(&format!("href=\"{page}/sockets/close\">Close all sockets</a>")), "{text}");
    }
    let one = tab.get(&format!("/keys/{}", other.1)).await.text;
    assert!(rows(&one) == 1 && one.contains("<span class=\"soft\">none</span>"), "{one}");
    let none = tab.get(&format!("/keys/{}", quiet.1)).await.text;
    assert!(none.contains("No socket of this key is open.") && !none.contains("Close all"), "{none}");

    let listed = person.get(&format!("/keys/{}/sockets", bot.1)).await;
    let shown = |id: u64, channels: &[&str]| {
        json!({"id": id, "path": "private", "since_ms": since.unix_ms(), "from": SOURCE, "channels": channels,
            "received": 7, "sent": 12_345})
    };
    let expected = json!([shown(second, &names), shown(first, &["orders SPOT", "positions"])]);
    assert_eq!((listed.status, listed.json()), (200, expected), "{}", listed.text);
    assert_eq!(person.get(&format!("/keys/{}/sockets", quiet.1)).await.json(), json!([]));
}

#[tokio::test]
async fn a_long_list_says_how_much_it_leaves_out() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let bot = key(&person, "bot").await;
    for _ in 0..60 {
        world.sockets.open(bot, world.now(), &[]);
    }
    let tab = Tab::of(&world, &person).await;
    let shown = tab.get(&format!("/keys/{}", bot.1)).await.text;
    assert!(rows(&shown) == 50 && shown.contains("The newest 50 of 60 are shown."), "{shown}");
    let listed = person.get(&format!("/keys/{}/sockets", bot.1)).await.json();
    assert_eq!(listed.as_array().unwrap().len(), 60);
}

#[tokio::test]
async fn one_socket_is_closed_once_its_record_is_committed() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let bot = key(&person, "bot").await;
    let [one, two] = [world.sockets.open(bot, world.now(), &[]), world.sockets.open(bot, world.now(), &[])];
    let tab = Tab::of(&world, &person).await;
    let (page, close) = (format!("/keys/{}", bot.1), format!("/keys/{}/sockets/close", bot.1));
    let form = format!("<input type=\"hidden\" name=\"socket\" value=\"{one}\">");
    assert!(tab.get(&page).await.text.contains(&form));

    let done = tab.post(&close, &[("socket", &one.to_string())]).await;
    assert_eq!((done.status, went_to(&done)), (303, page.clone()), "{}", done.text);
    assert_eq!(world.sockets.closed(), [(one, 1)], "its record was there before it was closed");
    let shown = tab.get(&page).await.text;
    assert!(shown.contains("Closed. The program can connect again") && rows(&shown) == 1, "{shown}");
    let record = recorded(&world).remove(0);
    assert_eq!(record["subject"], format!("key:{}", bot.1));
    assert_eq!(record["actor"], format!("account:{}", bot.0));
    assert_eq!((&record["facts"], &record["factors"]), (&json!({"sockets": "1"}), &Value::Null));
    let trail = tab.get("/trail?kind=keys").await.text;
    assert!(trail.contains(&format!("You closed sockets of <a href=\"{page}\">bot</a>")), "{trail}");
    assert!(trail.contains("<dt>sockets</dt><dd>1</dd>"), "{trail}");

    // It is closed, or never was: the other one stays, and nothing is recorded.
    world.pass_ms(FORM_ANSWER_MS);
    for number in [one.to_string(), "77".to_owned(), "x".to_owned(), "18446744073709551616".to_owned()] {
        let missing = tab.post(&close, &[("socket", &number)]).await;
        assert!(missing.status == 404 && missing.text.contains("This socket is not open"), "{number}");
    }
    let missing = person.api("POST", &close, json!({"id": one})).await;
    assert_eq!((missing.status, missing.code().as_str()), (404, "no_socket"), "{}", missing.text);
    assert_eq!((world.sockets.closed().len(), recorded(&world).len()), (1, 1));

    let done = person.api("POST", &close, json!({"id": two})).await;
    assert_eq!((done.status, done.json()), (200, json!({"closed": 1})), "{}", done.text);
    assert_eq!(world.sockets.closed(), [(one, 1), (two, 2)]);
}

#[tokio::test]
async fn all_sockets_of_a_key_are_closed_and_no_other_keys() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let (bot, other) = (key(&person, "bot").await, key(&person, "other").await);
    let open = |key| world.sockets.open(key, world.now(), &[]);
    let (first, apart, last) = (open(bot), open(other), open(bot));
    let tab = Tab::of(&world, &person).await;
    let close = format!("/keys/{}/sockets/close", bot.1);
    let asked = tab.get(&close).await.text;
    assert!(asked.contains("Close the sockets of this key?") && asked.contains("Open now: 2."), "{asked}");
    assert!(asked.contains("disable the key") && !asked.contains("name=\"factor\""), "{asked}");
    assert!(world.sockets.closed().is_empty(), "asking closes nothing");

    assert_eq!(tab.post(&close, &[]).await.status, 303);
    assert_eq!(world.sockets.closed(), [(last, 1), (first, 1)], "one record for both");
    assert_eq!(recorded(&world).remove(0)["facts"], json!({"sockets": "2"}));
    let none = person.api("POST", &close, json!({})).await;
    assert_eq!((none.status, none.json()), (200, json!({"closed": 0})), "{}", none.text);
    assert_eq!(recorded(&world).len(), 1, "nothing was done, and nothing is recorded");
    for body in [json!({"id": "1"}), json!({"id": -1}), json!({"id": 1.5}), json!({"all": true}), json!(null)]
    {
        let refused = person.api("POST", &close, body.clone()).await;
        assert!(matches!(refused.status, 415 | 422), "{body}: {}", refused.text);
    }
    let done = person.api("POST", &format!("/keys/{}/sockets/close", other.1), json!({})).await;
    assert_eq!(done.json(), json!({"closed": 1}));
    assert_eq!(world.sockets.closed().last(), Some(&(apart, 2)));
}

#[tokio::test]
async fn nobody_sees_or_closes_the_sockets_of_another_account() {
    let world = World::new().await;
    let (person, other) = (world.person("a@keyward.example").await, world.person("b@keyward.example").await);
    let (bot, theirs) = (key(&person, "bot").await, key(&other, "theirs").await);
    let socket = world.sockets.open(bot, world.now(), &["orders SPOT"]);
    let stranger = Tab::of(&world, &other).await;
    let (page, close) = (format!("/keys/{}", bot.1), format!("/keys/{}/sockets/close", bot.1));
    for path in [format!("{page}?fragment=sockets"), page.clone(), close.clone()] {
        for reply in [stranger.get(&path).await, stranger.part(&path).await] {
            assert!(reply.status == 404 && !reply.text.contains("orders SPOT"), "{path}: {}", reply.text);
        }
    }
    assert_eq!(other.get(&format!("{page}/sockets")).await.code(), "no_key");
    let number = socket.to_string();
    let own = format!("/keys/{}/sockets/close", theirs.1);
    for (path, fields) in [
        (&close, vec![("socket", number.as_str())]),
        (&close, vec![]),
        (&own, vec![("socket", number.as_str())]),
    ] {
        assert_eq!(stranger.post(path, &fields).await.status, 404, "{path} {fields:?}");
    }
    for (path, body, code) in [
        (&close, json!({"id": socket}), "no_key"),
        (&close, json!({}), "no_key"),
        (&own, json!({"id": socket}), "no_socket"),
    ] {
        let refused = other.api("POST", path, body).await;
        assert_eq!((refused.status, refused.code().as_str()), (404, code), "{}", refused.text);
    }
    assert_eq!(other.api("POST", &own, json!({})).await.json(), json!({"closed": 0}));
    assert_eq!(world.api(SOURCE, "", "GET", &format!("{page}/sockets"), &Value::Null).await.status, 401);
    assert_eq!(stranger.get(&format!("/keys/{}", theirs.1)).await.text.matches("orders SPOT").count(), 0);
    assert!(world.sockets.closed().is_empty() && recorded(&world).is_empty());
    assert_eq!(person.get(&format!("{page}/sockets")).await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_that_has_ended_shows_what_is_still_open() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let bot = key(&person, "bot").await;
    let socket = world.sockets.open(bot, world.now(), &[]);
    let tab = Tab::of(&world, &person).await;
    let page = format!("/keys/{}", bot.1);
    let factor = [("name", "bot"), ("factor", PASSWORD)];
    assert_eq!(tab.post(&format!("{page}/delete"), &factor).await.status, 303);
    assert_eq!(rows(&tab.get(&page).await.text), 1);
    assert_eq!(tab.post(&format!("{page}/sockets/close"), &[]).await.status, 303);
    assert_eq!(world.sockets.closed(), [(socket, 1)]);
    let shown = tab.get(&page).await.text;
    assert!(!shown.contains("Open sockets"), "{shown}");
}

/// A request over a socket, as the gateway records it.
fn over_a_socket(
    (account, key): (AccountId, KeyId),
    at: Moment,
    (number, route, code): (u128, &'static str, &'static str),
) -> Record {
    Record {
        at,
        request: RequestId(number),
        key: Some(key),
        account: Some(account),
        source: SOURCE.parse().unwrap(),
        method: "WS",
        route,
        code,
        upstream_status: None,
        bytes_in: 90,
        bytes_out: 120,
        micros: 700,
        orders: None,
    }
}

#[tokio::test]
async fn requests_over_a_socket_are_named_and_explained() {
    let world = World::new().await;
    let person = world.person("a@keyward.example").await;
    let bot = key(&person, "bot").await;
    let before = Moment::from_unix_ms(world.now().unix_ms() - 60_000);
    let batch = [(1, "WS login", "0"), (2, "WS subscribe", "0"), (3, "/api/v5/trade/order", "50120")]
        .map(|row| over_a_socket(bot, before, row));
    world.store.journal().writer().unwrap().append(&[], &[], &batch).await.unwrap();
    world.pass_ms(2_000);
    let tab = Tab::of(&world, &person).await;
    let shown = tab.get(&format!("/keys/{}/activity", bot.1)).await.text;
    for what in ["WS login", "WS subscribe", "WS /api/v5/trade/order"] {
        assert!(shown.contains(&format!(">{what}<")), "{what}: {shown}");
    }
    for (number, words) in [
        (1, "A program logged in on a socket."),
        (2, "A program subscribed to channels on its socket."),
        (3, "Sent over a socket."),
    ] {
        let one = tab.get(&format!("/keys/{}/requests/{number}", bot.1)).await.text;
        assert!(one.contains(words), "{number}: {one}");
        assert_eq!(one.contains("are not recorded"), number < 3, "{number}: {one}");
    }
}

#[tokio::test]
async fn the_sockets_and_requests_of_an_apps_key_show_no_address() {
    let world = World::new().await;
    let (ann, ben) = two_operators(&world).await;
    let (bob, hal) = (world.person("bob@broker.example").await, world.person("hal@keyward.example").await);
    let app = verified((&ann, &ben), &bob, "Trade Pal").await;
    in_force((&ann, &ben), &bob, (&app, "198.51.100.64/26"), 0).await;
    let id: KeyId = bound(&hal, &app, "bot").await.parse().unwrap();
    let key = (id_of(&hal).await.parse().unwrap(), id);
    world.sockets.open(key, world.now(), &["orders SPOT"]);
    let before = Moment::from_unix_ms(world.now().unix_ms() - 60_000);
    let batch = [(1, "WS login", "50114"), (2, "/api/v5/trade/order", "50014")]
        .map(|row| over_a_socket(key, before, row));
    world.store.journal().writer().unwrap().append(&[], &[], &batch).await.unwrap();
    world.pass_ms(2_000);
    let tab = Tab::of(&world, &hal).await;
    let part = tab.part(&format!("/keys/{id}?fragment=sockets")).await.text;
    let from = "<td data-label=\"From\" class=\"mono\">the app&#39;s servers</td>";
    assert!(rows(&part) == 1 && part.contains(from), "{part}");
    let listed = hal.get(&format!("/keys/{id}/sockets")).await;
    assert_eq!(listed.json()[0]["from"], "the app's servers", "{}", listed.text);
    let asked = hal.get(&format!("/keys/{id}/requests")).await.json();
    let from = |at: usize| asked["requests"][at]["from"].as_str().unwrap().to_owned();
    assert_eq!(
        [from(0), from(1)],
        ["the app's servers", "not checked"],
        "only a login can come from elsewhere"
    );
    let page = tab.get(&format!("/keys/{id}")).await.text;
    for text in [&part, &listed.text, &asked.to_string(), &page] {
        assert!(!text.contains("198.51.100"), "{text}");
    }
}
