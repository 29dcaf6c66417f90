//! The upgrade (RFC 6455, 4.2): what opens a socket, what does not, and that nothing is taken for a frame before the answer is
//! out (threat F30).

use keyward_testkit::process::Running;

use super::exchange::Exchange;
use super::keys::quick;
use super::wire::{CLOSE, Frame, Heard, Login, PING, Socket, field, order, subscribe, upgrade};
use crate::secure;
use crate::world::{Folder, ORDER, Reply, Signed, Wire};

const PATH: &str = "/ws/v5/public";

/// What the whole answer to a handshake was.
fn ask(running: &Running, asks: &str) -> Result<Socket, Reply> {
    let address = running.address("gateway_url").unwrap();
    Socket::over(Wire::open(address).0, asks.as_bytes())
}

/// A good handshake with some of its text replaced.
fn with(from: &str, to: &str) -> String {
    let good = upgrade(PATH, "");
    assert!(good.contains(from), "{from}");
    good.replacen(from, to, 1)
}

#[test]
fn handshakes_in_every_good_form_open_a_socket() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let running = quick(&folder, &exchange);
    let more = |lines: &str| upgrade(PATH, &format!("{lines}\r\n"));
    let cases = [
        ("the plain one", upgrade(PATH, "")),
        ("names in lower case", upgrade(PATH, "").replace("Sec-WebSocket", "sec-websocket")),
        ("names in upper case", upgrade(PATH, "").replace("Sec-WebSocket-Key", "SEC-WEBSOCKET-KEY")),
        ("Upgrade in odd case", with("Upgrade: websocket", "uPGRADE: WebSocket")),
        ("Upgrade as a list", with("Upgrade: websocket", "Upgrade: h2c, websocket")),
        ("Upgrade in two fields", with("Upgrade: websocket", "Upgrade: h2c\r\nUpgrade: websocket")),
        ("Connection in odd case", with("Connection: Upgrade", "connection: UPGRADE")),
        ("Connection as a list", with("Connection: Upgrade", "Connection: keep-alive, Upgrade")),
        ("Connection as an odd list", with("Connection: Upgrade", "Connection: , keep-alive ,upgrade,")),
        (
            "Connection in two fields",
            with("Connection: Upgrade", "Connection: keep-alive\r\nConnection: Upgrade"),
        ),
        ("blanks around the version", with("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version:  13 ")),
        ("an extension", more("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")),
        (
            "extensions in two fields",
            more(
                "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Extensions: x-webkit-deflate-frame",
            ),
        ),
        (
            "an odd extension",
            more("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=\"99\""),
        ),
        ("subprotocols", more("Sec-WebSocket-Protocol: chat, superchat")),
        ("an origin", more("Origin: https://app.example")),
        ("no body, in words", more("Content-Length: 0")),
        ("a user agent", more("User-Agent: okx-api")),
        ("a query", upgrade("/ws/v5/public?brokerId=9999", "")),
        ("an empty query", upgrade("/ws/v5/public?", "")),
        ("the private path", upgrade("/ws/v5/private", "")),
        ("the business path", upgrade("/ws/v5/business", "")),
        ("demo", more("x-simulated-trading: 1")),
        ("live", more("x-simulated-trading: 0")),
    ];
    for (name, asks) in &cases {
        let mut socket = ask(&running, asks).unwrap_or_else(|reply| panic!("{name}: {reply:?}"));
        // What an answer does not name is not in use (9.1, 4.2.2).
        assert_eq!(field(&socket.head, "sec-websocket-extensions"), None, "{name}");
        assert_eq!(field(&socket.head, "sec-websocket-protocol"), None, "{name}");
        assert_eq!(field(&socket.head, "content-length"), None, "{name}");
        assert_eq!(field(&socket.head, "transfer-encoding"), None, "{name}");
        assert!(socket.goes_on(), "{name}");
    }
}

#[test]
fn other_handshakes_open_none() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let running = quick(&folder, &exchange);
    let key = |value: &str| {
        with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", &format!("Sec-WebSocket-Key: {value}"))
    };
    let version = |value: &str| with("Sec-WebSocket-Version: 13", &format!("Sec-WebSocket-Version: {value}"));
    let start = |line: &str| with("GET /ws/v5/public HTTP/1.1", line);
    let more = |lines: &str| upgrade(PATH, &format!("{lines}\r\n"));
    let cases = [
        ("an older version", version("8"), 426, "90426"),
        ("version 0", version("0"), 426, "90426"),
        ("no version", with("Sec-WebSocket-Version: 13\r\n", ""), 426, "90426"),
        ("an empty version", version(""), 426, "90426"),
        ("two versions in a list", version("13, 8"), 426, "90426"),
        ("two versions in two fields", more("Sec-WebSocket-Version: 13"), 426, "90426"),
        ("a version with a zero", version("013"), 426, "90426"),
        ("HTTP/1.0", start("GET /ws/v5/public HTTP/1.0"), 426, "90426"),
        ("no key", with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), 400, "90400"),
        ("an empty key", key(""), 400, "90400"),
        ("a key of 15 bytes", key("AAAAAAAAAAAAAAAAAAAA"), 400, "90400"),
        ("a key of 17 bytes", key("AAAAAAAAAAAAAAAAAAAAAAA="), 400, "90400"),
        ("a key without its padding", key("dGhlIHNhbXBsZSBub25jZQ"), 400, "90400"),
        ("a key that is no Base64", key("!!!!!!!!!!!!!!!!!!!!!!=="), 400, "90400"),
        ("a key in Base64 for URLs", key("____________________-w=="), 400, "90400"),
        ("two keys", more("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), 400, "90400"),
        ("no Connection", with("Connection: Upgrade\r\n", ""), 400, "90400"),
        ("another Connection", with("Connection: Upgrade", "Connection: keep-alive"), 400, "90400"),
        ("a longer word", with("Connection: Upgrade", "Connection: upgraded"), 400, "90400"),
        (
            "a credential as hop-by-hop",
            with("Connection: Upgrade", "Connection: Upgrade, OK-ACCESS-KEY"),
            400,
            "90400",
        ),
        ("no Host", with("Host: keyward\r\n", ""), 400, "90400"),
        ("an empty Host", with("Host: keyward", "Host:"), 400, "90400"),
        ("two Hosts", more("Host: other"), 400, "90400"),
        ("a body", format!("{}hello", more("Content-Length: 5")), 400, "90400"),
        ("a chunked body", format!("{}0\r\n\r\n", more("Transfer-Encoding: chunked")), 400, "90400"),
        ("absolute form", start("GET http://keyward/ws/v5/public HTTP/1.1"), 400, "90400"),
        ("a method in lower case", start("get /ws/v5/public HTTP/1.1"), 400, "90400"),
        ("a fragment", start("GET /ws/v5/public#a HTTP/1.1"), 400, "90400"),
        ("an alias of a credential", more("OK_ACCESS_KEY: a"), 400, "90400"),
        ("POST", start("POST /ws/v5/public HTTP/1.1"), 405, "50115"),
        ("PUT", start("PUT /ws/v5/public HTTP/1.1"), 405, "50115"),
        ("OPTIONS", start("OPTIONS /ws/v5/public HTTP/1.1"), 405, "50115"),
        ("HEAD", start("HEAD /ws/v5/public HTTP/1.1"), 405, ""),
        ("another path", start("GET /ws/v5/spot HTTP/1.1"), 426, "90426"),
        ("a path with more", start("GET /ws/v5/public/ HTTP/1.1"), 426, "90426"),
        ("a path in upper case", start("GET /ws/v5/Public HTTP/1.1"), 426, "90426"),
        ("an escaped path", start("GET /ws/v5/publi%63 HTTP/1.1"), 426, "90426"),
        ("two slashes", start("GET //ws/v5/public HTTP/1.1"), 426, "90426"),
        ("a route by REST", start("GET /api/v5/public/time HTTP/1.1"), 426, "90426"),
        ("another ledger", more("x-simulated-trading: 2"), 401, "50101"),
        ("two ledgers", upgrade("/ws/v5/public?brokerId=9999", "x-simulated-trading: 0\r\n"), 401, "50101"),
    ];
    for (name, asks, status, code) in &cases {
        let Err(reply) = ask(&running, asks) else { panic!("{name} opened a socket") };
        assert_eq!((reply.status, reply.code().as_str()), (*status, *code), "{name}: {reply:?}");
        if *status == 426 {
            // RFC 6455, 4.4, and RFC 9110, 15.5.22: which version and which protocol would be understood.
            assert_eq!(field(&reply.head, "sec-websocket-version"), Some("13"), "{name}");
            assert_eq!(field(&reply.head, "upgrade"), Some("websocket"), "{name}");
        }
    }
    // Without an offer that means a socket it is a request like any other, for a path that there is none of.
    for offer in ["", "Upgrade: websockets\r\n", "Upgrade: web socket\r\n", "Upgrade: h2c\r\n"] {
        let Err(reply) = ask(&running, &with("Upgrade: websocket\r\n", offer)) else { panic!("{offer}") };
        assert!((400..500).contains(&reply.status), "{offer}: {reply:?}");
    }
    assert!(exchange.upgrades().is_empty() && exchange.requests().is_empty(), "the exchange heard of it");
    ask(&running, &upgrade(PATH, "")).expect("and a good one still opens a socket");
}

/// F30: who sends frames, or another request, together with the upgrade speaks to what stood before the socket. Nothing of it
/// has an effect, and the connection ends.
#[test]
fn what_comes_together_with_the_upgrade_is_never_acted_upon() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let running = quick(&folder, &exchange);
    let key = running.key("trade").unwrap();
    let login = Frame::text(&Login::of(&key).text()).bytes();
    let signed = Signed::new(&key, "POST", "/api/v5/trade/order", ORDER).bytes();
    let cases = [
        ("a text", Frame::text("ping").bytes()),
        ("a ping", Frame::new(PING, "x").bytes()),
        ("half a frame", Frame::text("ping").bytes()[..3].to_vec()),
        ("one byte", vec![0x81]),
        ("a close", Frame::new(CLOSE, "").bytes()),
        ("a subscription", Frame::text(&subscribe("tickers")).bytes()),
        ("a login", login.clone()),
        ("a login and an order", [login, Frame::text(&order("1")).bytes()].concat()),
        ("a request", b"GET /api/v5/public/time HTTP/1.1\r\nHost: keyward\r\n\r\n".to_vec()),
        ("a signed order", signed),
        ("another upgrade", upgrade(PATH, "").into_bytes()),
        ("a preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
    ];
    for path in ["/ws/v5/public", "/ws/v5/private"] {
        for (name, behind) in &cases {
            // One write, so that all of it is there when the head is read.
            let bytes = [upgrade(path, "").as_bytes(), behind].concat();
            let address = running.address("gateway_url").unwrap();
            match Socket::over(Wire::open(address).0, &bytes) {
                Ok(mut socket) => assert_eq!(socket.hear(), Heard::Gone, "{name}"),
                Err(reply) => assert!(reply.status != 200, "{name}: {reply:?}"),
            }
        }
    }
    let heard = (exchange.upgrades(), exchange.told().len(), exchange.requests());
    assert_eq!(heard, (vec![], 0, vec![]), "the exchange heard of it");
}

/// The exchange gets the target as the client sent it, and nothing of the client's own handshake.
#[test]
fn the_exchange_gets_the_target_and_no_field_of_the_clients() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let running = quick(&folder, &exchange);
    let key = running.key("demo").unwrap();
    let more = "User-Agent: okx-api\r\nOrigin: https://app.example\r\nCookie: a=b\r\nAuthorization: Bearer c\r\n\
        X-Forwarded-For: 203.0.113.10\r\nKeyward-Account: 1\r\nSec-WebSocket-Protocol: chat\r\n\
        Sec-WebSocket-Extensions: permessage-deflate\r\n";
    let target = "/ws/v5/private?brokerId=9999&x=%41,b";
    let mut socket = ask(&running, &upgrade(target, more)).unwrap();
    socket.log_in(&key);
    assert!(
        exchange.upgrades().is_empty(),
        "before the first request that may pass there is no socket to it"
    );
    assert_eq!(socket.ask(&subscribe("fills"))["event"], "subscribe");
    let upgrades = exchange.upgrades();
    assert_eq!(upgrades.len(), 1);
    let head = &upgrades[0];
    assert!(head.starts_with(&format!("GET {target} HTTP/1.1\r\n")), "{head}");
    for (name, value) in [
        ("user-agent", "okx-api"),
        ("sec-websocket-version", "13"),
        ("keyward-environment", "demo"),
        ("keyward-route", "WS /ws/v5/private"),
        ("keyward-client-address", "127.0.0.1"),
        ("keyward-key", key.api_key.as_str()),
    ] {
        assert_eq!(field(head, name), Some(value), "{name}: {head}");
    }
    assert_ne!(field(head, "keyward-account"), Some("1"), "{head}");
    for name in [
        "origin",
        "cookie",
        "authorization",
        "x-forwarded-for",
        "sec-websocket-protocol",
        "sec-websocket-extensions",
    ] {
        assert_eq!(field(head, name), None, "{name}: {head}");
    }
    let told = exchange.told();
    assert_eq!(told[0].request, subscribe("fills"));
    assert_eq!(told[0].identity["keyward-route"], "WS subscribe");
    let lower = head.to_ascii_lowercase();
    assert!(
        !lower.contains(&key.passphrase.to_ascii_lowercase())
            && !lower.contains(&key.secret.to_ascii_lowercase())
    );
}

/// With TLS it is the same.
#[test]
fn sockets_with_tls_log_in_and_operate() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let running = quick(&folder, &exchange);
    let stream = secure::open(&running, "http/1.1");
    let mut socket = Socket::over(stream, upgrade("/ws/v5/private", "").as_bytes()).unwrap();
    socket.log_in(&running.key("trade").unwrap());
    assert_eq!(socket.ask(&order("7"))["code"], "0");
    assert!(socket.goes_on());
    socket.send(&Frame::close(1_000, ""));
    assert_eq!(socket.code_at_end(), 1_000);
}
