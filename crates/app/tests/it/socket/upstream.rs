//! The relay as a client of the exchange: whatever the exchange does, the client hears the right text, a refusal, or an end with
//! a code. It never waits for what does not come.

use super::exchange::{Exchange, Link};
use super::keys::{logged_in, quick};
use super::wire::{
    BINARY, CLOSE, CONTINUATION, End, Frame, Heard, Length, PING, PONG, RSV1, RSV2, RSV3, Socket, TEXT,
    order, subscribe, together,
};
use crate::world::Folder;

/// What an exchange does, and its name.
type Deed = (&'static str, fn(&mut Link));
/// How an exchange answers an upgrade, and its name.
type Answer = (&'static str, fn(&Link) -> String);

/// Bytes of a message of the exchange at most; the same figure is in `SocketLimits`.
const LONGEST: usize = 1 << 20;

/// What the exchange does: after the first frame of Keyward, or in place of its answer to the upgrade.
enum Act {
    /// Sends these bytes.
    Sends(Vec<u8>),
    /// Does this.
    Does(fn(&mut Link)),
    /// Does this from the upgrade on.
    Plays(fn(&mut Link)),
    /// Answers the upgrade with what this gives, and closes.
    Answers(fn(&Link) -> String),
    /// The same, and goes on with a text.
    Opens(fn(&Link) -> String),
}

/// What the client hears.
enum Then {
    Text(String),
    Binary(Vec<u8>),
    /// 4006, with nothing before it.
    Lost,
    /// An error to its request, after which the socket goes on.
    Refused,
}

struct Case {
    name: String,
    act: Act,
    then: Then,
}

const HELLO: &str = r#"{"arg":{"channel":"tickers"},"data":["hello"]}"#;

fn server(opcode: u8, payload: impl Into<Vec<u8>>) -> Frame {
    Frame::new(opcode, payload).unmasked()
}

fn lost(name: impl Into<String>, bytes: Vec<u8>) -> Case {
    Case { name: name.into(), act: Act::Sends(bytes), then: Then::Lost }
}

fn text(name: &str, bytes: Vec<u8>, text: &str) -> Case {
    Case { name: name.to_owned(), act: Act::Sends(bytes), then: Then::Text(text.to_owned()) }
}

#[test]
fn whatever_the_exchange_does_the_client_hears_of_it() {
    let mut cases = mistakes();
    cases.extend(ends());
    cases.extend(messages());
    cases.extend(upgrades());
    assert!(cases.len() >= 80, "{}", cases.len());
    let cases = std::sync::Arc::new(cases);
    let played = std::sync::Arc::clone(&cases);
    let exchange = Exchange::start(move |part, link| match part.parse::<usize>() {
        Ok(number) => play(&played[number].act, link),
        Err(_) => link.answer_all(),
    });
    let folder = Folder::new();
    let running = quick(&folder, &exchange);
    let mut beside = logged_in(&running, "/ws/v5/private", &running.key("trade").unwrap());
    assert_eq!(beside.ask(&order("1"))["code"], "0");
    for (number, case) in cases.iter().enumerate() {
        let mut socket = Socket::open(&running, &format!("/ws/v5/public?part={number}"));
        socket.say(&subscribe("tickers"));
        check(case, &mut socket);
    }
    // Nothing of this reached another socket.
    assert_eq!(beside.ask(&order("2"))["code"], "0");
}

fn play(act: &Act, link: &mut Link) {
    match act {
        Act::Sends(bytes) => {
            link.accept();
            link.hear();
            link.write(bytes);
            link.read_out();
        }
        Act::Does(does) => {
            link.accept();
            link.hear();
            does(link);
        }
        Act::Plays(plays) => plays(link),
        Act::Answers(answer) => {
            let answer = answer(link);
            link.write(answer.as_bytes());
        }
        Act::Opens(answer) => {
            let answer = answer(link);
            link.write(answer.as_bytes());
            link.hear();
            link.say(HELLO);
            link.read_out();
        }
    }
}

fn check(Case { name, act: _, then }: &Case, socket: &mut Socket) {
    match then {
        Then::Text(text) => {
            assert_eq!(socket.hear(), Heard::Text(text.clone()), "{name}");
            assert!(socket.goes_on(), "{name}");
        }
        Then::Binary(bytes) => {
            assert_eq!(socket.hear(), Heard::Binary(bytes.clone()), "{name}");
            assert!(socket.goes_on(), "{name}");
        }
        Then::Lost => {
            let Heard::Close(code, reason) = socket.hear() else { panic!("{name}: no close frame") };
            assert_eq!((code, reason.as_str()), (Some(4_006), "Abnormal disconnection"), "{name}");
            socket.send(&Frame::close(1_000, ""));
            assert_eq!(socket.end(), End::Cut, "{name}");
        }
        Then::Refused => {
            let reply = socket.json();
            let told = ["event", "code"].map(|name| reply[name].as_str().unwrap());
            assert_eq!(told, ["error", "50001"], "{name}");
            assert!(socket.goes_on(), "{name}");
        }
    }
}

/// Frames that no server may send.
fn mistakes() -> Vec<Case> {
    let mut cases = Vec::new();
    for opcode in (0x3..=0x7).chain(0xb..=0xf) {
        cases.push(lost(format!("opcode {opcode}"), server(opcode, "x").bytes()));
    }
    for bits in [RSV1, RSV2, RSV3] {
        for opcode in [TEXT, PING, CLOSE] {
            let frame = server(opcode, "").with_bits(bits);
            cases.push(lost(format!("bits {bits:#x}, opcode {opcode}"), frame.bytes()));
        }
    }
    for opcode in [TEXT, BINARY, PING, PONG, CLOSE] {
        cases.push(lost(format!("a mask, opcode {opcode}"), Frame::new(opcode, "").bytes()));
    }
    for opcode in [PING, PONG, CLOSE] {
        cases.push(lost(format!("opcode {opcode} in fragments"), server(opcode, "").unfinished().bytes()));
        let long = server(opcode, vec![b'x'; 126]).bytes();
        cases.push(lost(format!("opcode {opcode} of 126 bytes"), long));
    }
    let first = || server(TEXT, "a").unfinished();
    let second = server(TEXT, "b");
    cases.push(lost("a fragment of nothing", server(CONTINUATION, "x").bytes()));
    cases.push(lost("a text inside a message", together([first(), second])));
    for claimed in [LONGEST as u64 + 1, 1 << 32, 1 << 63, u64::MAX] {
        let frame = server(TEXT, "x").stating(Length::Claimed(claimed));
        cases.push(lost(format!("{claimed} bytes claimed"), frame.bytes()));
    }
    cases.push(lost("a text that is too long", server(TEXT, "x".repeat(LONGEST + 1)).bytes()));
    let half = "x".repeat(LONGEST / 2 + 1);
    let halves = [server(TEXT, half.clone()).unfinished(), server(CONTINUATION, half)];
    cases.push(lost("fragments that are too long together", together(halves)));
    for wrong in
        [&[0xff_u8][..], &[0xc0, 0x80], &[0xed, 0xa0, 0x80], &[0xf4, 0x90, 0x80, 0x80], &[0xe2, 0x82]]
    {
        cases.push(lost(format!("the text {wrong:x?}"), server(TEXT, wrong).bytes()));
        let fragments = together([server(TEXT, &wrong[..1]).unfinished(), server(CONTINUATION, &wrong[1..])]);
        cases.push(lost(format!("the text {wrong:x?} in fragments"), fragments));
    }
    let page = format!("HTTP/1.1 400 Bad Request\r\nContent-Length: 200\r\n\r\n{}", "x".repeat(200));
    cases.push(lost("no WebSocket", page.into_bytes()));
    cases
}

/// The exchange ends its side, in order or not.
fn ends() -> Vec<Case> {
    let mut cases = Vec::new();
    for code in [1_000, 1_001, 1_002, 1_011, 1_012, 3_000, 4_000, 4_007] {
        cases.push(lost(format!("close {code}"), Frame::close(code, "why").unmasked().bytes()));
    }
    for (name, payload) in [
        ("an empty close", vec![]),
        ("half a code", vec![0x03_u8]),
        ("a code that is none", vec![0x03, 0xed]),
        ("a reason that is no text", vec![0x03, 0xe8, 0xff]),
    ] {
        cases.push(lost(name, server(CLOSE, payload).bytes()));
    }
    let acts: [Deed; 5] = [
        ("it goes away", |_| {}),
        ("it ends its direction", |link| {
            link.half_close();
            link.read_out();
        }),
        ("it goes away in a frame", |link| {
            link.write(&Frame::text(HELLO).unmasked().bytes()[..9]);
        }),
        ("it goes away in a message", |link| {
            link.write(&Frame::text(HELLO).unmasked().unfinished().bytes());
        }),
        ("it goes away after a ping", |link| {
            link.write(&server(PING, "x").bytes());
        }),
    ];
    for (name, does) in acts {
        cases.push(Case { name: name.to_owned(), act: Act::Does(does), then: Then::Lost });
    }
    cases
}

/// Messages in every form that a server may choose.
fn messages() -> Vec<Case> {
    let (start, rest) = HELLO.split_at(17);
    let ping = server(PING, "x");
    let fragments = [server(TEXT, start).unfinished(), ping.clone(), server(CONTINUATION, rest)];
    let longest = "y".repeat(LONGEST);
    let many: Vec<u8> = HELLO
        .bytes()
        .enumerate()
        .flat_map(|(at, byte)| {
            let frame = server(if at == 0 { TEXT } else { CONTINUATION }, vec![byte]);
            if at + 1 == HELLO.len() { frame.bytes() } else { frame.unfinished().bytes() }
        })
        .collect();
    let wide = server(TEXT, HELLO).stating(Length::In64Bits).bytes();
    let mut cases = vec![
        text("a text", server(TEXT, HELLO).bytes(), HELLO),
        text("an empty text", server(TEXT, "").bytes(), ""),
        text(
            "characters of four bytes",
            server(TEXT, "\u{1f600}\u{10ffff}\0").bytes(),
            "\u{1f600}\u{10ffff}\0",
        ),
        text("fragments, and a ping between", together(fragments), HELLO),
        text("a fragment for each byte", many, HELLO),
        text("a ping before it", together([ping.clone(), server(TEXT, HELLO)]), HELLO),
        text("a pong that nobody asked for", together([server(PONG, "x"), server(TEXT, HELLO)]), HELLO),
        text("a length in 64 bits", wide, HELLO),
        text("the longest text", server(TEXT, longest.clone()).bytes(), &longest),
    ];
    cases.push(Case {
        name: "a binary message".to_owned(),
        act: Act::Sends(server(BINARY, vec![0xff, 0x00]).bytes()),
        then: Then::Binary(vec![0xff, 0x00]),
    });
    let acts: [Deed; 3] = [
        ("pings are answered with their payload", |link| {
            for payload in ["", "x", "\u{1f600}"] {
                link.write(&server(PING, payload).bytes());
                assert_eq!(link.hear(), Heard::Pong(payload.into()));
            }
            link.say(HELLO);
            link.read_out();
        }),
        ("a text byte by byte", |link| {
            for byte in Frame::text(HELLO).unmasked().bytes() {
                link.write(&[byte]);
            }
            link.read_out();
        }),
        ("a text, and the beginning of another", |link| {
            link.say(HELLO);
            link.write(&Frame::text(HELLO).unmasked().unfinished().bytes());
            link.read_out();
        }),
    ];
    for (name, does) in acts {
        let then = Then::Text(HELLO.to_owned());
        cases.push(Case { name: name.to_owned(), act: Act::Does(does), then });
    }
    cases
}

/// Answers to the upgrade. RFC 6455, 4.1, has clients refuse an extension that they have not offered; the library passes over
/// the field, and a frame that the extension has changed ends the socket.
fn upgrades() -> Vec<Case> {
    let refused: [Answer; 18] = [
        ("200", |_| "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("301", |_| "HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("401", |_| "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("404", |_| "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("500", |_| "HTTP/1.1 500 Internal Server Error\r\n\r\nsorry".to_owned()),
        ("a bare 101", |_| "HTTP/1.1 101 Switching Protocols\r\n\r\n".to_owned()),
        ("no proof", |link| without(link, "Sec-WebSocket-Accept")),
        ("another proof", |link| link.acceptance().replace("Accept: ", "Accept: A")),
        ("the proof in lower case", |link| lower_proof(&link.acceptance())),
        ("no Upgrade", |link| without(link, "Upgrade")),
        ("another Upgrade", |link| link.acceptance().replace("Upgrade: websocket", "Upgrade: h2c")),
        ("no Connection", |link| without(link, "Connection")),
        ("another Connection", |link| link.acceptance().replace("Connection: Upgrade", "Connection: close")),
        ("HTTP/1.0", |link| link.acceptance().replace("HTTP/1.1", "HTTP/1.0")),
        ("a subprotocol", |link| {
            link.acceptance().replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\n\r\n")
        }),
        ("an extension that was not offered", |link| {
            link.acceptance().replace("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
        }),
        ("nothing", |_| String::new()),
        ("a head without an end", |_| {
            format!("HTTP/1.1 101 Switching Protocols\r\nX: {}", "x".repeat(80_000))
        }),
    ];
    let opened: [Answer; 3] = [
        ("a good answer", Link::acceptance),
        ("names in lower case", |link| {
            link.acceptance().replace("Upgrade:", "upgrade:").replace("Sec-", "sec-")
        }),
        ("values in odd case", |link| {
            link.acceptance().replace("websocket", "WebSocket").replace("n: U", "n: u")
        }),
    ];
    let mut cases = Vec::new();
    for (name, answer) in refused {
        cases.push(Case { name: format!("answer: {name}"), act: Act::Answers(answer), then: Then::Refused });
    }
    for (name, answer) in opened {
        let then = Then::Text(HELLO.to_owned());
        cases.push(Case { name: format!("answer: {name}"), act: Act::Opens(answer), then });
    }
    // A text together with the answer is not lost.
    cases.push(Case {
        name: "answer and text in one".to_owned(),
        act: Act::Plays(|link| {
            let both = [link.acceptance().into_bytes(), Frame::text("early").unmasked().bytes()].concat();
            link.write(&both);
            link.read_out();
        }),
        then: Then::Text("early".to_owned()),
    });
    cases
}

/// The answer without one of its fields.
fn without(link: &Link, name: &str) -> String {
    let acceptance = link.acceptance();
    let lines = acceptance.split("\r\n").filter(|line| !line.starts_with(&format!("{name}:")));
    lines.collect::<Vec<_>>().join("\r\n")
}

fn lower_proof(acceptance: &str) -> String {
    let (head, proof) = acceptance.split_once("Accept: ").unwrap();
    format!("{head}Accept: {}", proof.to_ascii_lowercase())
}

/// A client that waits for the answer to its order when the exchange goes hears that it has gone; one that only begins then is
/// refused, and can go on when the exchange is back.
#[test]
fn an_exchange_that_comes_and_goes() {
    let away = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_away = std::sync::Arc::clone(&away);
    let exchange = Exchange::start(move |_, link| {
        if is_away.load(std::sync::atomic::Ordering::Relaxed) {
            return;
        }
        link.accept();
        while let Heard::Text(request) = link.hear() {
            // Orders have no answer, and the second one is the end.
            if request.contains("\"id\":\"2\"") {
                return;
            }
        }
    });
    let folder = Folder::new();
    let running = quick(&folder, &exchange);
    let key = running.key("trade").unwrap();
    let open = || logged_in(&running, "/ws/v5/private", &key);
    let mut waits = open();
    waits.say(&order("1"));
    waits.say(&order("2"));
    assert_eq!(waits.code_at_end(), 4_006);
    away.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut late = open();
    let reply = late.ask(&order("3"));
    let told = ["id", "op", "code"].map(|name| reply[name].as_str().unwrap());
    assert_eq!(told, ["3", "order", "50001"], "{reply}");
    let reply = late.ask(r#"{"id":"4","op":"subscribe","args":[{"channel":"fills"}]}"#);
    assert_eq!((&reply["id"], &reply["code"]), (&"4".into(), &"50001".into()), "{reply}");
    away.store(false, std::sync::atomic::Ordering::Relaxed);
    let before = exchange.told().len();
    late.say(&order("5"));
    crate::world::until("the order has come", 5_000, || exchange.told().len() > before);
    assert_eq!(exchange.told().last().unwrap().request, order("5"));
}
