//! How sockets end: with their key, by silence, with a reader that does not read, and with the process (threat M9).

use std::sync::mpsc;
use std::time::{Duration, Instant};

use keyward_rules::address::{AddressSet, Binding, HostBits};
use keyward_rules::key::{Hold, KeyName};
use keyward_rules::time::Moment;
use keyward_store::{AppState, KeyRecord};
use keyward_testkit::process::{KeyEntry, Running};

use super::exchange::{Exchange, Link};
use super::keys::{logged_in, once_known, quick, set_up_with};
use super::wire::{End, Frame, Heard, Login, PING, PONG, Socket, order, subscribe};
use crate::beside::{Beside, ranges};
use crate::server::{Server, make_key};
use crate::world::{Folder, keyward, now_ms};

const PRIVATE: &str = "/ws/v5/private";
const CANCEL: &str = r#"{"id":"6","op":"cancel-order","args":[{"instId":"BTC-USDT","ordId":"1"}]}"#;

/// How long a change may take to every socket (product.md 6.4).
const BOUND_MS: u64 = 1_000;

type Change = fn(&mut KeyRecord);

/// Changes after which a key does not admit its sockets any more.
const ENDS: [(&str, Change); 6] = [
    ("other addresses", |key| key.binding = addresses("203.0.113.10")),
    ("a network beside its own", |key| key.binding = addresses("127.1.0.0/16,::1")),
    ("a freeze of the key", |key| hold(key, Hold::Frozen)),
    ("a freeze of the account", |key| hold(key, Hold::AccountFrozen)),
    ("a second factor that is off", |key| hold(key, Hold::TwoFactorOff)),
    ("a rest after a reset", |key| hold(key, Hold::Cooling)),
];

/// Changes after which it still does, and the codes of an order and of a cancellation then.
const STAYS: [(&str, Change, [&str; 2]); 6] = [
    ("another name", |key| key.name = KeyName::parse("renamed").unwrap(), ["0", "0"]),
    ("one more address", |key| key.binding = addresses("127.0.0.0/16,203.0.113.10"), ["0", "0"]),
    ("fewer addresses, its own among them", |key| key.binding = addresses("127.0.0.1"), ["0", "0"]),
    ("a quarantine that admits cancellations", |key| hold(key, Hold::CancelOnly), ["50120", "0"]),
    ("the waiting time of a new device", |key| hold(key, Hold::NewDevice), ["50120", "50120"]),
    ("a quarantine that admits reads", |key| hold(key, Hold::ReadOnly), ["50120", "50120"]),
];

fn addresses(text: &str) -> Binding {
    Binding::Addresses(AddressSet::parse(text, HostBits::Refuse).unwrap())
}

fn hold(key: &mut KeyRecord, hold: Hold) {
    key.life = key.life.hold(hold).unwrap();
}

/// Reads up to the end, which must be the one of a changed key, within the bound after `committed`; how long it took.
fn ends_with_its_key(name: &str, socket: &mut Socket, committed: u64) -> u64 {
    let end = socket.end();
    let late = now_ms().saturating_sub(committed);
    let reason = "API key has been updated or deleted. Please reconnect.";
    assert_eq!(end, End::Closed(Some(4_007), reason.to_owned()), "{name}");
    assert!(late <= BOUND_MS, "{name}: {late} ms");
    late
}

/// A socket of the key that has subscribed, so the exchange's end is open too.
fn subscribed(running: &Running, key: &KeyEntry) -> Socket {
    let mut socket = once_known(running, PRIVATE, key);
    assert_eq!(socket.ask(&subscribe("fills"))["event"], "subscribe");
    socket
}

#[test]
fn a_socket_ends_within_a_second_of_its_key_and_no_other_does() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let running = quick(&folder, &exchange);
    let (beside, data) = (Beside::open(&folder.data()), folder.data().display().to_string());
    let (_, keys) = beside.account(&addresses("127.0.0.0/16"), ENDS.len() + STAYS.len() + 4);
    let mut keys = keys.into_iter();
    let mut next = || keys.next().unwrap();
    let mut stranger = Socket::open(&running, "/ws/v5/public");
    let mut bystander = subscribed(&running, &next());

    let mut stay: Vec<(&str, Socket, [&str; 2])> = Vec::new();
    for (name, change, codes) in STAYS {
        let key = next();
        stay.push((name, subscribed(&running, &key), codes));
        beside.change_key(&key, change);
    }
    let changed = Instant::now();
    let mut slowest = 0;
    for (name, change) in ENDS {
        let key = next();
        // Two of a key, one of which has nobody at the exchange.
        let (mut socket, mut idle) = (subscribed(&running, &key), logged_in(&running, PRIVATE, &key));
        let committed = beside.change_key(&key, change);
        slowest = slowest.max(ends_with_its_key(name, &mut socket, committed));
        ends_with_its_key(name, &mut idle, committed);
        let again = Socket::open(&running, PRIVATE).ask(&Login::of(&key).text());
        assert_eq!(again["code"], "60009", "{name}: {again}");
    }
    for (command, code) in [(&["disable"][..], "60009"), (&["delete", "--yes"], "60005")] {
        let key = next();
        let mut socket = subscribed(&running, &key);
        keyward(&[&["key"][..], command, &["--data", &data, &key.api_key]].concat());
        slowest = slowest.max(ends_with_its_key(command[0], &mut socket, now_ms()));
        assert_eq!(Socket::open(&running, PRIVATE).ask(&Login::of(&key).text())["code"], code, "{command:?}");
    }
    let key = next();
    let mut socket = subscribed(&running, &key);
    let last_ms = now_ms() + 1_500;
    beside.change_key(&key, |key| key.expires_at = Some(Moment::from_unix_ms(last_ms)));
    slowest = slowest.max(ends_with_its_key("its last day", &mut socket, last_ms));
    assert!(now_ms() >= last_ms, "before its time");
    slowest = slowest.max(of_an_app(&running, &beside));

    // The bound is over for all that stay.
    std::thread::sleep(Duration::from_millis(BOUND_MS).saturating_sub(changed.elapsed()));
    for (name, socket, codes) in &mut stay {
        assert!(socket.goes_on(), "{name}");
        assert_eq!(socket.ask(&subscribe("account"))["event"], "channel-conn-count", "{name}");
        assert_eq!(socket.json()["event"], "subscribe", "{name}");
        assert_eq!([order("5"), CANCEL.to_owned()].map(|text| code(socket, &text)), *codes, "{name}");
    }
    assert!(bystander.goes_on() && stranger.goes_on());
    assert_eq!(code(&mut bystander, &order("5")), "0");
    println!("sockets: the slowest ended {slowest} ms after its key");
}

fn code(socket: &mut Socket, text: &str) -> String {
    socket.ask(text)["code"].as_str().unwrap().to_owned()
}

/// The same of an app's ranges and of its freeze; gives how long the slower one took.
fn of_an_app(running: &Running, beside: &Beside) -> u64 {
    let mut slowest = 0;
    for freezes in [false, true] {
        let name = if freezes { "An App That Is Frozen" } else { "An App That Moves" };
        let mut app = beside.app(name, "127.0.0.0/16");
        let (_, keys) = beside.account(&Binding::App(app.id), 2);
        let mut open: Vec<Socket> = keys.iter().map(|key| subscribed(running, key)).collect();
        beside.change(&mut app, |app| app.ranges = ranges("127.0.0.0/16,203.0.113.0/24"));
        // As long as a change may take: nothing must have come of this one.
        assert!(open[0].is_silent_for(Duration::from_millis(BOUND_MS)), "{name}: wider ranges");
        assert!(open.iter_mut().all(Socket::goes_on), "{name}: wider ranges");
        let committed = beside.change(&mut app, |app| {
            if freezes {
                app.state = AppState::Frozen;
            } else {
                app.ranges = ranges("203.0.113.0/24");
            }
        });
        for socket in &mut open {
            slowest = slowest.max(ends_with_its_key(name, socket, committed));
        }
    }
    slowest
}

/// 4004 and 4005. Any frame of the client is a sign of life: python-okx never sends the text `ping`.
#[test]
fn silence_and_unread_messages_end_a_socket() {
    let (seen, saw_end) = mpsc::channel();
    let exchange = Exchange::start(move |part, link| match part {
        "flood" => flood(link, &seen),
        _ => link.answer_all(),
    });
    let folder = Folder::new();
    let running = quick(&folder, &exchange);
    let key = running.key("trade").unwrap();
    let open = |path: &str| logged_in(&running, path, &key);
    std::thread::scope(|scope| {
        scope.spawn(|| is_silent("without a login", Socket::open(&running, "/ws/v5/public")));
        scope.spawn(|| is_silent("with a login", open(PRIVATE)));
        let mut subscribed = open(PRIVATE);
        subscribed.ask(&subscribe("fills"));
        scope.spawn(|| is_silent("with a subscription", subscribed));
        for sign in [Frame::text("ping"), Frame::new(PING, ""), Frame::new(PONG, "")] {
            let (stranger, known) = (Socket::open(&running, "/ws/v5/public"), open(PRIVATE));
            scope.spawn({
                let sign = sign.clone();
                move || stays(&sign, stranger)
            });
            scope.spawn(move || stays(&sign, known));
        }
        reads_nothing(open("/ws/v5/public?part=flood"), &saw_end);
    });
}

/// Nothing comes of the client for 30 s, and the reader waits no longer than 45.
fn is_silent(name: &str, mut socket: Socket) {
    let began = Instant::now();
    socket.stream.set_read_timeout(Some(Duration::from_secs(45))).unwrap();
    assert_eq!(socket.end(), End::Closed(Some(4_004), "No data received in 30s.".to_owned()), "{name}");
    // The last frame was a little before.
    assert!(began.elapsed() > Duration::from_secs(28), "{name}: after {:?}", began.elapsed());
}

/// A sign of life every ten seconds, as clients give it, for longer than silence is allowed.
fn stays(sign: &Frame, mut socket: Socket) {
    for _ in 0..4 {
        // Time between two signs is what the test is about.
        std::thread::sleep(Duration::from_secs(9));
        socket.send(sign);
    }
    socket.say(r#"{"op":"marker"}"#);
    socket.text_with("Invalid op: marker");
}

/// Sends without an end, and says when Keyward has ended the socket.
fn flood(link: &mut Link, seen: &mpsc::Sender<()>) {
    link.accept();
    link.hear();
    let (mut reader, seen) = (link.reader(), seen.clone());
    std::thread::spawn(move || {
        while !matches!(reader.hear(), Heard::Close(..) | Heard::Gone) {}
        // The test may be over.
        let _ = seen.send(());
    });
    let text = format!(r#"{{"arg":{{"channel":"tickers"}},"data":["{}"]}}"#, "x".repeat(16_000));
    while link.say(&text) {}
}

/// Reads nothing until the socket has ended, and then everything that was on its way.
fn reads_nothing(mut socket: Socket, saw_end: &mpsc::Receiver<()>) {
    let began = Instant::now();
    socket.say(&subscribe("tickers"));
    saw_end.recv_timeout(Duration::from_secs(25)).expect("the socket ends");
    assert!(began.elapsed() > Duration::from_secs(9), "after {:?}", began.elapsed());
    assert_eq!(socket.end(), End::Closed(Some(4_005), "Buffer is full, cannot write data".to_owned()));
}

/// 64008 ahead of a shutdown; in between everything goes on, but no new sockets. A second signal ends the wait.
#[test]
fn a_shutdown_is_announced_before_sockets_end() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let (config, address) = set_up_with(&folder, &exchange, &[("notice_seconds = 25", "notice_seconds = 4")]);
    let key = make_key(&config);
    for signals in [1, 2] {
        let server = Server::start(&config, &address);
        let open = || Socket::from(&address, [127, 0, 0, 1], PRIVATE);
        let (mut known, mut stranger) = (open().unwrap(), open().unwrap());
        known.log_in(&key);
        assert_eq!(code(&mut known, &order("1")), "0");
        server.signal("TERM");
        let began = Instant::now();
        for socket in [&mut known, &mut stranger] {
            let notice = socket.json();
            let told = ["event", "code"].map(|name| notice[name].as_str().unwrap());
            assert_eq!(told, ["notice", "64008"], "{notice}");
            assert!(notice["connId"].as_str().is_some_and(|id| id.len() == 8), "{notice}");
        }
        assert_eq!(code(&mut known, &order("2")), "0");
        let reply = open().err().expect("no new sockets");
        assert_eq!((reply.status, reply.code().as_str()), (429, "50013"));
        if signals == 2 {
            server.signal("TERM");
        }
        for socket in [&mut known, &mut stranger] {
            assert_eq!(socket.code_at_end(), 1_001);
        }
        let took = began.elapsed();
        assert_eq!(took >= Duration::from_secs(3), signals == 1, "{signals} signals: {took:?}");
        assert_eq!(server.stop().code(), Some(0));
    }
    // A sandbox has nobody to warn.
    let folder = Folder::new();
    let running = quick(&folder, &exchange);
    let mut socket = logged_in(&running, PRIVATE, &running.key("trade").unwrap());
    running.signal("TERM").unwrap();
    assert_eq!(socket.code_at_end(), 1_001);
    assert_eq!(running.terminate().unwrap().code(), Some(0));
}
