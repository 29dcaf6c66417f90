//! How much there may be of everything: new sockets, open sockets, channels, frames, bytes.

use keyward_testkit::process::Running;

use super::exchange::Exchange;
use super::keys::{logged_in, quick, set_up_with, usual};
use super::wire::{End, Frame, Login, PING, PONG, Socket, subscribe};
use crate::server::{Server, make_key};
use crate::world::{Folder, until};

const PRIVATE: &str = "/ws/v5/private";

/// OKX counts the sockets of an account that have subscribed to a channel (contract 3.5): 30 of each.
#[test]
fn thirty_sockets_of_an_account_may_subscribe_to_a_channel() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let running = usual(&folder, &exchange);
    let key = running.key("trade").unwrap();
    let account = subscribe("account");
    // The count comes first, and then the exchange's own answer.
    let joins = |socket: &mut Socket, text: &str, count: usize| {
        let reply = socket.ask(text);
        let told = ["event", "connCount"].map(|name| reply[name].as_str().unwrap());
        assert_eq!(told, ["channel-conn-count", &count.to_string()], "{reply}");
        assert_eq!(socket.json()["event"], "subscribe");
    };
    let mut open: Vec<Socket> = (1..=30)
        .map(|number| {
            let mut socket = logged_in(&running, PRIVATE, &key);
            joins(&mut socket, &account, number);
            socket
        })
        .collect();
    let mut late = logged_in(&running, PRIVATE, &key);
    let told = exchange.told().len();
    let reply = late.ask(&account);
    let members = ["event", "channel", "connCount"].map(|name| reply[name].as_str().unwrap());
    assert_eq!(members, ["channel-conn-count-error", "account", "30"]);
    // One channel too many refuses the whole request, and leaves nothing counted.
    let both = r#"{"op":"subscribe","args":[{"channel":"positions"},{"channel":"account"}]}"#;
    assert_eq!(late.ask(both)["event"], "channel-conn-count-error");
    assert_eq!(exchange.told().len(), told, "the exchange heard of it");
    joins(&mut late, &subscribe("positions"), 1);
    // The same again counts once, with other parameters too.
    joins(&mut open[0], &account, 30);
    joins(&mut open[0], r#"{"op":"subscribe","args":[{"channel":"account","ccy":"BTC"}]}"#, 30);
    let leave = account.replacen("subscribe", "unsubscribe", 1);
    assert_eq!(open[0].ask(&leave)["event"], "unsubscribe");
    assert_eq!(
        late.ask(&account)["event"],
        "channel-conn-count-error",
        "it still has the one with parameters"
    );
    let leave = r#"{"op":"unsubscribe","args":[{"channel":"account","ccy":"BTC"}]}"#;
    assert_eq!(open[0].ask(leave)["event"], "unsubscribe");
    joins(&mut late, &account, 30);
    // A socket that is gone counts no more.
    drop(open.pop());
    let mut next = logged_in(&running, PRIVATE, &key);
    until("its place is free", 5_000, || next.ask(&account)["event"] == "channel-conn-count");
    // Another account has its own.
    let mut sub = logged_in(&running, PRIVATE, &running.key("sub").unwrap());
    joins(&mut sub, &account, 1);
}

/// Three new sockets a second and source. A login that holds gives its socket back, so that a broker's customers behind one
/// address do not keep each other out.
#[test]
fn new_sockets_are_counted_until_their_login_holds() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let running = usual(&folder, &exchange);
    let key = running.key("app_here").unwrap();
    let address = running.address("gateway_url").unwrap();
    let open = |last: u8| Socket::from(address, [127, 0, 0, last], PRIVATE);
    let mut opened = Vec::new();
    let reply = (0..20).find_map(|_| open(5).map(|socket| opened.push(socket)).err()).expect("a refusal");
    assert_eq!((reply.status, reply.code().as_str()), (429, "50011"));
    assert!((3..10).contains(&opened.len()), "{}", opened.len());
    // Of this source, and of no other.
    let mut other = open(6).unwrap();
    assert!(other.goes_on());
    for socket in &mut opened {
        socket.log_in(&key);
    }
    let customers: Vec<Socket> = (0..40)
        .map(|_| {
            let mut socket = open(5).expect("all before have logged in");
            socket.log_in(&key);
            socket
        })
        .collect();
    // Logins that do not hold give nothing back.
    let wrong = Login { sign: "A".repeat(44), ..Login::of(&key) }.text();
    let refused = (0..20).find_map(|_| match open(5) {
        Ok(mut socket) => {
            assert_eq!(socket.ask(&wrong)["code"], "60007");
            None
        }
        Err(reply) => Some(reply.code()),
    });
    assert_eq!(refused.as_deref(), Some("50011"));
    drop(customers);
}

/// Sockets of a key, of a source before their login, and of the node.
#[test]
fn open_sockets_have_limits() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let settings = [
        ("per_key = 100", "per_key = 2"),
        ("per_source = 128", "per_source = 3"),
        ("per_node = 16384", "per_node = 10"),
    ];
    let (config, address) = set_up_with(&folder, &exchange, &settings);
    let key = make_key(&config);
    let server = Server::start(&config, &address);
    let open = |last: u8| Socket::from(&address, [127, 0, 0, last], PRIVATE);
    // Of the key: the login holds, and there is no room for it.
    let mut first = open(1).unwrap();
    first.log_in(&key);
    let mut second = open(1).unwrap();
    second.log_in(&key);
    let mut third = open(1).unwrap();
    let reply = third.ask(&Login::of(&key).text());
    let told = ["event", "code", "msg"].map(|name| reply[name].as_str().unwrap());
    assert_eq!(told, ["error", "60009", "Login failed. The key has too many open sockets."]);
    assert_eq!(third.code_at_end(), 4_008);
    assert!(first.goes_on() && second.goes_on());
    drop(first);
    until("its place is free", 5_000, || {
        open(1).is_ok_and(|mut socket| socket.ask(&Login::of(&key).text())["code"] == "0")
    });
    drop(second);
    // Of a source. More than three come in a second, so the rate may refuse first.
    let mut strangers = Vec::new();
    until("the source has as many as it may have", 10_000, || match open(8) {
        Ok(socket) => {
            strangers.push(socket);
            false
        }
        Err(reply) => {
            assert!(reply.status == 429 && ["50011", "50013"].contains(&reply.code().as_str()), "{reply:?}");
            reply.code() == "50013" && strangers.len() >= 3
        }
    });
    assert_eq!(strangers.len(), 3);
    // Of the node, of which strangers have half: whichever source comes.
    until("those of the key are gone", 5_000, || {
        strangers.truncate(3);
        let more: Vec<_> = [9, 10].into_iter().filter_map(|last| open(last).ok()).collect();
        strangers.extend(more);
        strangers.len() == 5
    });
    let reply = open(11).err().expect("no room on the node");
    assert_eq!((reply.status, reply.code().as_str()), (429, "50013"));
    // One that logs in is no stranger any more.
    strangers[0].log_in(&key);
    drop(strangers.pop());
    until("there is room for one more of the source", 5_000, || match open(8) {
        Ok(mut socket) => socket.goes_on(),
        Err(_) => false,
    });
    drop(strangers);
    assert_eq!(server.stop().code(), Some(0));
}

/// 4009: a thousand channels of a socket.
#[test]
fn a_thousand_channels_and_no_more() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let running = quick(&folder, &exchange);
    let channels = |from: usize, count: usize| {
        let args = (from..from + count).map(|at| format!(r#"{{"channel":"tickers","instId":"A{at}-USDT"}}"#));
        format!(r#"{{"op":"subscribe","args":[{}]}}"#, args.collect::<Vec<_>>().join(","))
    };
    let mut socket = Socket::open(&running, "/ws/v5/public");
    for from in (0..1_000).step_by(200) {
        assert_eq!(socket.ask(&channels(from, 200))["event"], "subscribe");
        for _ in 1..200 {
            assert_eq!(socket.json()["event"], "subscribe");
        }
    }
    let told = exchange.told().len();
    socket.say(&channels(1_000, 1));
    let reason = "The number of subscription channels for this connection exceeds the limit";
    assert_eq!(socket.end(), End::Closed(Some(4_009), reason.to_owned()));
    assert_eq!(exchange.told().len(), told);
}

/// 1008 and 1009: a flood of frames, whatever they are, and a message that is too long.
#[test]
fn floods_and_long_messages_end_a_socket() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let running = quick(&folder, &exchange);
    let key = running.key("trade").unwrap();
    let open = |running: &Running| {
        [Socket::open(running, "/ws/v5/public"), logged_in(running, "/ws/v5/public", &key)]
    };
    for flood in [
        Frame::new(PING, "x"),
        Frame::new(PONG, ""),
        Frame::text("ping"),
        Frame::text("x"),
        Frame::text(r#"{"id":"1","op":"order","args":[]}"#),
    ] {
        for mut socket in open(&running) {
            // 1,000 in two seconds are many times what clients send.
            socket.write(&flood.bytes().repeat(500));
            socket.say(r#"{"op":"marker"}"#);
            socket.text_with("Invalid op: marker");
            socket.write(&flood.bytes().repeat(3_000));
            assert_eq!(socket.code_at_end(), 1_008, "{flood:?}");
        }
    }
    for mut socket in open(&running) {
        socket.say(&"x".repeat((64 << 10) + 1));
        let reason = "Request message exceeds the maximum frame length";
        assert_eq!(socket.end(), End::Closed(Some(1_009), reason.to_owned()));
    }
    assert!(exchange.told().is_empty());
}
