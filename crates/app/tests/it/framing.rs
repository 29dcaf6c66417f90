//! Ambiguous framing: refused, or passed on with one meaning. What counts is what the exchange gets to see.

use keyward_testkit::process::Running;

use crate::secure::{self, Stream};
use crate::world::{Folder, Manner, ORDER, Signed, Upstream, Wire};

/// A public request with something odd in its head.
fn public(line: &str, more: &str) -> Vec<u8> {
    format!("{line}\r\n{more}\r\n").into_bytes()
}

const LINE: &str = "GET /api/v5/public/time HTTP/1.1";

/// Offers of protocols that no listener speaks.
const OFFERS: [&str; 13] = [
    "Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nUpgrade: h2c",
    "Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nUpgrade: H2C",
    "Connection: Upgrade\r\nUpgrade: h2c",
    "Connection: upgrade\r\nUpgrade: TLS/1.2",
    "Connection: Upgrade\r\nUpgrade: TLS/1.0, h2c",
    "Connection: keep-alive, Upgrade\r\nUpgrade: HTTP/2.0, SHTTP/1.3, IRC/6.9, RTA/x11",
    "Connection: Upgrade\r\nUpgrade: foo",
    "Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: foo",
    "Connection: Upgrade\r\nUpgrade: h2c,",
    "Connection: Upgrade\r\nUpgrade:",
    "Upgrade: h2c",
    "Connection: Upgrade",
    "Connection: Upgrade\r\nUpgrade: websocketless",
];

#[test]
fn odd_heads_are_refused_in_json_and_never_forwarded() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running =
        Running::start_with(&folder.data(), ["--upstream", &upstream.url, "--raise-rates", "1000"]).unwrap();
    let address = running.address("gateway_url").unwrap();
    let host = "Host: keyward\r\n";
    let with = |more: &str| format!("{host}{more}\r\n");
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("no host", public(LINE, "")),
        ("two hosts", public(LINE, &with("Host: other"))),
        ("absolute form", public("GET http://other/api/v5/public/time HTTP/1.1", host)),
        ("authority form", public("CONNECT other:443 HTTP/1.1", host)),
        ("asterisk", public("OPTIONS * HTTP/1.1", host)),
        ("lower-case method", public("get /api/v5/public/time HTTP/1.1", host)),
        (
            "two lengths",
            public("POST /api/v5/public/time HTTP/1.1", &with("Content-Length: 1\r\nContent-Length: 2")),
        ),
        ("signed length", public("POST /api/v5/public/time HTTP/1.1", &with("Content-Length: +3"))),
        ("xchunked", public("POST /api/v5/public/time HTTP/1.1", &with("Transfer-Encoding: xchunked"))),
        (
            "chunked, identity",
            public("POST /api/v5/public/time HTTP/1.1", &with("Transfer-Encoding: chunked, identity")),
        ),
        ("TE in 1.0", public("POST /api/v5/public/time HTTP/1.0", &with("Transfer-Encoding: chunked"))),
        (
            "space before colon",
            public("POST /api/v5/public/time HTTP/1.1", &with("Transfer-Encoding : chunked")),
        ),
        ("folded line", public(LINE, &with("X-Folded: a\r\n b"))),
        ("NUL", public(LINE, &with("X-Nul: a\0b"))),
        ("underscore alias", public(LINE, &with("OK_ACCESS_KEY: x"))),
        ("dotted alias", public(LINE, &with("OK.ACCESS.KEY: x"))),
        ("repeated key", public(LINE, &with("OK-ACCESS-KEY: a\r\nOK-ACCESS-KEY: b"))),
        ("repeated sign", public(LINE, &with("OK-ACCESS-SIGN: a\r\nok-access-sign: b"))),
        ("repeated timestamp", public(LINE, &with("OK-ACCESS-TIMESTAMP: a\r\nOK-ACCESS-TIMESTAMP: b"))),
        ("repeated passphrase", public(LINE, &with("OK-ACCESS-PASSPHRASE: a\r\nOK-ACCESS-PASSPHRASE: b"))),
        ("key named hop-by-hop", public(LINE, &with("Connection: close, OK-ACCESS-KEY"))),
        ("identity named hop-by-hop", public(LINE, &with("Connection: Keyward-Account"))),
        ("quote in the query", public("GET /api/v5/public/time?a=\"b\" HTTP/1.1", host)),
        ("fragment", public("GET /api/v5/public/time#a HTTP/1.1", host)),
        ("empty fragment", public("GET /api/v5/public/time?a=b# HTTP/1.1", host)),
        ("fragment with a query", public("GET /api/v5/public/time#?a=b HTTP/1.1", host)),
        ("non-ASCII path", public("GET /api/v5/public/tim\u{e9} HTTP/1.1", host)),
        (
            "many headers",
            public(LINE, &with(&(0..100).map(|at| format!("X-{at}: 1")).collect::<Vec<_>>().join("\r\n"))),
        ),
        ("large head", public(LINE, &with(&format!("X-Large: {}", "x".repeat(70_000))))),
    ];
    for (name, bytes) in cases {
        let mut wire = Wire::open(address);
        wire.write(&bytes);
        // Whatever follows a refused head must not be taken for a request of its own.
        wire.write(b"GET /api/v5/system/status HTTP/1.1\r\nHost: keyward\r\n\r\n");
        let reply = wire.read().unwrap_or_else(|| panic!("{name}: no answer"));
        assert!((400..500).contains(&reply.status), "{name}: {}", reply.status);
        assert!(["90400", "90431", "50115"].contains(&reply.code().as_str()), "{name}: {}", reply.body);
        for request in upstream.requests() {
            let text = String::from_utf8_lossy(&request).into_owned();
            assert!(!text.contains("public/time"), "{name} got through: {text}");
        }
    }
}

/// RFC 9110, 7.8: Java's own client and curl offer HTTP/2 with each first request. What follows is a request of its own.
#[test]
fn offers_of_other_protocols_are_passed_over() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running =
        Running::start_with(&folder.data(), ["--upstream", &upstream.url, "--raise-rates", "1000"]).unwrap();
    let key = running.key("trade").unwrap();
    for (at, offer) in OFFERS.iter().enumerate() {
        let mut wire = Wire::open(running.address("gateway_url").unwrap());
        let before = upstream.requests().len();
        wire.write(&public(LINE, &format!("Host: keyward\r\n{offer}\r\n")));
        let body = format!(r#"{{"instId":"BTC-USDT","sz":"1","clOrdId":"u{at}"}}"#);
        let mut order = Signed::new(&key, "POST", "/api/v5/trade/order", &body);
        order.more = format!("{offer}\r\n");
        wire.write(&order.bytes());
        wire.write(&public(LINE, "Host: keyward\r\n"));
        for part in ["public", "signed", "plain"] {
            let reply = wire.read().unwrap_or_else(|| panic!("{offer}: no answer to the {part} one"));
            assert_eq!(reply.status, 200, "{offer}, {part}: {}", reply.body);
        }
        let came = upstream.requests();
        assert_eq!(came.len(), before + 3, "{offer}");
        let text = String::from_utf8_lossy(&came[before]).to_lowercase();
        assert!(!text.contains("upgrade") && !text.contains("http2-settings"), "{text}");
    }
    // A client that asks for a socket would wait for it.
    for offer in ["websocket", "WebSocket", "h2c, websocket", "websocket, h2c", "h2c\r\nUpgrade: websocket"] {
        for path in ["/api/v5/public/time", "/ws/v5/public", "/ws/v5/private", "/ws/v5/business"] {
            let line = format!("GET {path} HTTP/1.1");
            let bytes =
                public(&line, &format!("Host: keyward\r\nConnection: Upgrade\r\nUpgrade: {offer}\r\n"));
            for mut wire in
                [Wire::open(running.address("gateway_url").unwrap()).boxed(), secure::wire(&running)]
            {
                wire.write(&bytes);
                assert_eq!(wire.read().expect("an answer").status, 426, "{offer}, {path}");
            }
        }
    }
}

/// A request to one of the listeners: method and path, headers, body; and the status that it gets without an offer.
type Ask<'a> = (&'a str, &'a str, &'a str, u16);
/// Opens a connection to a listener.
type Connect<'a> = &'a dyn Fn() -> Wire<Box<dyn Stream>>;

/// Every other listener passes them over too: the answer is the one to the same request without an offer.
#[test]
fn every_listener_passes_such_offers_over() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running =
        Running::start_with(&folder.data(), ["--upstream", &upstream.url, "--raise-rates", "1000"]).unwrap();
    let address = |name| running.address(name).unwrap().replace("localhost", "127.0.0.1");
    let [gateway, console, metrics] = ["gateway_url", "console_url", "metrics_url"].map(address);
    let json = "Content-Type: application/json\r\n";
    let of_form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let of_page = format!("{of_form}Origin: {}\r\n", running.address("console_url").unwrap());
    let of_gateway: &[Ask<'_>] = &[
        ("GET /healthz", "", "", 200),
        ("GET /readyz", "", "", 200),
        ("GET /readyz?class=funds", "", "", 200),
        ("POST /readyz", json, "{}", 401),
        ("GET /api/v5/public/time", "", "", 200),
    ];
    let mut page = Wire::open(&console).boxed();
    page.write(&public("GET /sign-in HTTP/1.1", "Host: localhost\r\n"));
    let page = page.read().unwrap().body;
    let asset = page.split('"').find(|part| part.starts_with("/assets/keyward-")).unwrap();
    let asset = format!("GET {asset}");
    let of_console: &[Ask<'_>] = &[
        ("GET /sign-in", "", "", 200),
        (&asset, "", "", 200),
        ("GET /healthz", "", "", 200),
        ("GET /api/v1/keys", "", "", 401),
        ("GET /no/such/page", "", "", 404),
        ("POST /api/v1/keys", json, "{}", 401),
        ("POST /sign-out", &of_page, "csrf=a", 303),
        ("POST /sign-out", of_form, "csrf=a", 403),
    ];
    let of_metrics: &[Ask<'_>] = &[
        ("GET /metrics", "", "", 200),
        ("GET /healthz", "", "", 200),
        ("GET /readyz?class=console", "", "", 200),
        ("POST /metrics", json, "{}", 404),
    ];
    let plain = |address: &str| Wire::open(address).boxed();
    let listeners: [(Connect<'_>, _, _); 4] = [
        (&|| plain(&gateway), of_gateway, Some("/api/v5/public/time")),
        (&|| secure::wire(&running), of_gateway, Some("/api/v5/public/time")),
        (&|| plain(&console), of_console, Some("/healthz")),
        // It closes after each answer.
        (&|| plain(&metrics), of_metrics, None),
    ];
    for (connect, asks, next) in listeners {
        for (start, headers, body, status) in asks {
            for offer in OFFERS.iter().map(|offer| format!("{offer}\r\n")).chain([String::new()]) {
                let told = format!("{start}, {offer}");
                // A body of no bytes is stated too.
                let length = format!("Content-Length: {}\r\n", body.len());
                let head = public(
                    &format!("{start} HTTP/1.1"),
                    &format!("Host: localhost\r\n{headers}{length}{offer}"),
                );
                let mut wire = connect();
                wire.write(&[head.as_slice(), body.as_bytes()].concat());
                let reply = wire.read().unwrap_or_else(|| panic!("{told}: no answer"));
                assert_eq!(reply.status, *status, "{told}: {}", reply.body);
                assert!(!reply.head.contains("\r\nupgrade:"), "{told}: {}", reply.head);
                let Some(next) = next else {
                    assert!(wire.read().is_none(), "{told}: the listener closes");
                    continue;
                };
                wire.write(&public(&format!("GET {next} HTTP/1.1"), "Host: localhost\r\n"));
                let reply = wire.read().unwrap_or_else(|| panic!("{told}: no answer to the next one"));
                assert_eq!(reply.status, 200, "{told}, the next one: {}", reply.body);
            }
        }
    }
    // And an order with TLS is placed once.
    let key = running.key("trade").unwrap();
    for (at, offer) in OFFERS.iter().enumerate() {
        let before = upstream.requests().len();
        let body = format!(r#"{{"instId":"BTC-USDT","sz":"1","clOrdId":"t{at}"}}"#);
        let mut order = Signed::new(&key, "POST", "/api/v5/trade/order", &body);
        order.more = format!("{offer}\r\n");
        let mut wire = secure::wire(&running);
        wire.write(&order.bytes());
        assert_eq!(wire.read().expect("an answer").code(), "0", "{offer}");
        wire.write(&public(LINE, "Host: keyward\r\n"));
        assert_eq!(wire.read().expect("an answer to the next one").code(), "0", "{offer}");
        assert_eq!(upstream.requests().len(), before + 2, "{offer}");
    }
}

/// CL.TE and TE.CL: at most one request reaches the exchange for one that was let in.
#[test]
fn smuggled_requests_do_not_reach_the_exchange() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running = Running::start_with(&folder.data(), ["--upstream", &upstream.url]).unwrap();
    let address = running.address("gateway_url").unwrap();
    let hidden = "GET /api/v5/public/smuggled HTTP/1.1\r\nHost: keyward\r\n\r\n";
    let bodies = [
        format!(
            "POST /api/v5/tradingBot/grid/min-investment HTTP/1.1\r\nHost: keyward\r\nContent-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
            hidden.len() + 5
        ),
        format!(
            "POST /api/v5/tradingBot/grid/min-investment HTTP/1.1\r\nHost: keyward\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n{hidden}"
        ),
        format!(
            "POST /api/v5/tradingBot/grid/min-investment HTTP/1.1\r\nHost: keyward\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\n\r\nhello\r\n0\r\n\r\n{hidden}"
        ),
        format!(
            "GET /api/v5/public/time HTTP/1.1\r\nHost: keyward\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n{hidden}"
        ),
    ];
    for bytes in bodies {
        let mut wire = Wire::open(address);
        wire.write(bytes.as_bytes());
        while wire.read().is_some_and(|reply| !reply.head.contains("connection: close")) {
            if wire.0.set_read_timeout(Some(std::time::Duration::from_millis(300))).is_err() {
                break;
            }
        }
    }
    for request in upstream.requests() {
        let text = String::from_utf8_lossy(&request).into_owned();
        assert!(!text.contains("smuggled"), "{text}");
        assert!(!text.to_ascii_lowercase().contains("transfer-encoding"), "{text}");
    }
}

/// F97: what steers an exchange, and is not signed, does not reach it; neither with a key nor without.
#[test]
fn headers_that_steer_an_exchange_do_not_reach_it() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running = Running::start_with(&folder.data(), ["--upstream", &upstream.url]).unwrap();
    let key = running.key("trade").unwrap();
    let steering = [
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Envoy-Original-Path",
        "X-Envoy-Internal",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Prefix",
        "X-Real-IP",
        "True-Client-IP",
        "Proxy",
        "Proxy-Authorization",
        "Authorization",
        "Forwarded",
        "Via",
        "Cookie",
        "X-Api-Version",
        "X-Unheard-Of",
    ];
    let more: String = steering.iter().map(|name| format!("{name}: canary\r\n")).collect();
    let mut order = Signed::new(&key, "POST", "/api/v5/trade/order", ORDER);
    order.more = more.clone() + "User-Agent: passes\r\n";
    assert_eq!(crate::world::send(&running, &order).code(), "0");
    let mut wire = Wire::open(running.address("gateway_url").unwrap());
    wire.write(&public(LINE, &format!("Host: keyward\r\nUser-Agent: passes\r\n{more}")));
    assert_eq!(wire.read().unwrap().status, 200);
    let seen = upstream.requests();
    assert_eq!(seen.len(), 2);
    for request in seen {
        let text = String::from_utf8(request).unwrap();
        assert!(text.contains("passes") && !text.contains("canary"), "{text}");
    }
}

/// What the exchange sees is rebuilt: our identity, nothing that a client claims of itself, no secrets.
#[test]
fn the_exchange_sees_the_verified_parts_only() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running = Running::start_with(&folder.data(), ["--upstream", &upstream.url]).unwrap();
    let key = running.key("trade").unwrap();
    let mut order = Signed::new(&key, "POST", "/api/v5/trade/order", ORDER);
    order.more = "Keyward-Account: 1\r\nKEYWARD-Sub-Account: 2\r\nX-Forwarded-For: 203.0.113.10\r\nX-Real-IP: 203.0.113.10\r\n\
        Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\n"
        .into();
    assert_eq!(crate::world::send(&running, &order).code(), "0");
    let requests = upstream.requests();
    let text = String::from_utf8(requests[0].clone()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, ORDER);
    assert!(head.starts_with("POST /api/v5/trade/order HTTP/1.1\r\n"));
    let lower = head.to_ascii_lowercase();
    let values = |name: &str| {
        lower
            .lines()
            .filter_map(|line| line.strip_prefix(name).map(|value| value.trim().to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(values("keyward-account:").len(), 1);
    assert_ne!(values("keyward-account:"), ["1"]);
    assert!(values("keyward-sub-account:").is_empty());
    assert_eq!(values("keyward-key:"), [key.api_key.as_str()]);
    assert_eq!(values("keyward-identity:").len(), 1);
    for absent in ["ok-access-passphrase", "ok-access-sign", "x-hop", "te:", "connection:"] {
        assert!(!lower.lines().any(|line| line.starts_with(absent)), "{absent}");
    }
    assert!(!text.contains(&key.passphrase) && !text.contains(&key.secret));
}

/// F8 to F12: no header moves the client's address.
#[test]
fn forged_address_headers_change_nothing() {
    let folder = Folder::new();
    let running = Running::start(&folder.data()).unwrap();
    let key = running.key("bound_elsewhere").unwrap();
    for name in
        ["X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP"]
    {
        let mut request = Signed::new(&key, "GET", "/api/v5/account/balance", "");
        let value = if name == "Forwarded" { "for=203.0.113.10" } else { "203.0.113.10" };
        request.more = format!("{name}: {value}\r\n");
        assert_eq!(crate::world::send(&running, &request).code(), "50110", "{name}");
    }
}

/// F17 to F22: no other spelling of a path is taken for a route, signed or not.
#[test]
fn other_spellings_of_a_path_are_no_route() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running =
        Running::start_with(&folder.data(), ["--upstream", &upstream.url, "--raise-rates", "1000"]).unwrap();
    let key = running.key("trade").unwrap();
    for target in [
        "/api/v5/account/balance/",
        "//api/v5/account/balance",
        "/api//v5/account/balance",
        "/api/v5/./account/balance",
        "/api/v5/x/../account/balance",
        "/api/v5/account%2Fbalance",
        "/api/v5/account/%62alance",
        "/api/v5/account/balance%00",
        "/api/v5/account/Balance",
        "/API/v5/account/balance",
        "/api/v5/account/balance;x",
        "/api/v5/account\\balance",
        "/api/v5/account/balance%3Fccy=BTC",
        "/api/v5/account/balance%23",
        "/api/v5/account/balances",
    ] {
        let reply = crate::world::send(&running, &Signed::new(&key, "GET", target, ""));
        assert_eq!((reply.status, reply.code().as_str()), (404, "50005"), "{target}");
    }
    // A fragment, whether it was signed or not.
    let signed = Signed::new(&key, "GET", "/api/v5/account/balance#x", "");
    let mut added = Signed::new(&key, "GET", "/api/v5/account/balance", "");
    added.target.push_str("#x");
    for hash in [&signed, &added] {
        assert_eq!(crate::world::send(&running, hash).code(), "90400");
    }
    // And after a body without a line feed at its end, in the same write or the next.
    let mut wire = Wire::open(running.address("gateway_url").unwrap());
    let order = Signed::new(&key, "POST", "/api/v5/trade/no-such-route", ORDER).bytes();
    for write in [[order.as_slice(), &added.bytes()].concat(), order] {
        wire.write(&write);
        assert_eq!(wire.read().unwrap().code(), "50005");
        if !write.ends_with(b"}") {
            assert_eq!(wire.read().unwrap().code(), "90400");
            wire = Wire::open(running.address("gateway_url").unwrap());
        }
    }
    wire.write(&added.bytes());
    assert_eq!(wire.read().unwrap().code(), "90400");
    assert!(upstream.requests().is_empty());
}

/// F31: chunks, extensions, trailers and `100-continue`: what is verified is what the exchange gets.
#[test]
fn the_body_that_is_verified_is_the_body_that_is_forwarded() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running = Running::start_with(&folder.data(), ["--upstream", &upstream.url]).unwrap();
    let key = running.key("trade").unwrap();
    let mut order = Signed::new(&key, "POST", "/api/v5/trade/order", ORDER);
    order.body = vec![];
    order.more = "Transfer-Encoding: chunked\r\nTrailer: X-Late\r\nExpect: 100-continue\r\n".into();
    let (start, end) = ORDER.split_at(20);
    let chunks = format!(
        "{:x};ext=1\r\n{start}\r\n{:x}\r\n{end}\r\n0\r\nOK-ACCESS-KEY: late\r\nX-Late: 1\r\n\r\n",
        start.len(),
        end.len()
    );
    let mut wire = Wire::open(running.address("gateway_url").unwrap());
    wire.write(&order.head());
    wire.write(chunks.as_bytes());
    assert_eq!(wire.read().unwrap().code(), "0");
    let with_body = Signed::new(&key, "GET", "/api/v5/account/balance", "{}");
    assert_eq!(crate::world::send(&running, &with_body).code(), "90400", "a GET has no body");
    let mut stripped = Signed::new(&key, "GET", "/api/v5/account/balance", "{}");
    stripped.body = vec![];
    assert_eq!(crate::world::send(&running, &stripped).code(), "50113", "a signed body cannot be left out");
    let mut empty = Signed::new(&key, "GET", "/api/v5/account/balance", "");
    empty.more = "Content-Length: 0\r\n".into();
    assert_eq!(crate::world::send(&running, &empty).code(), "0", "an empty one is none");
    let requests = upstream.requests();
    assert_eq!(requests.len(), 2);
    for (request, body) in requests.iter().zip([ORDER, ""]) {
        let text = String::from_utf8_lossy(request).into_owned();
        let (head, forwarded) = text.split_once("\r\n\r\n").unwrap();
        assert_eq!(forwarded, body);
        let length = format!("content-length: {}", body.len());
        assert_eq!(head.to_ascii_lowercase().contains(&length), !body.is_empty());
        assert!(!text.to_ascii_lowercase().contains("late"));
    }
}

/// An answer of the exchange: what it says, and what its client must get.
struct Evil {
    raw: &'static [u8],
    code: &'static str,
}

/// F96: whatever the exchange says about its answer's length and connection, a client reads that answer and no other.
#[test]
fn an_exchanges_framing_never_reaches_clients() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running = Running::start_with(&folder.data(), ["--upstream", &upstream.url]).unwrap();
    let key = running.key("trade").unwrap();
    let mut wire = Wire::open(running.address("gateway_url").unwrap());
    let mut ask = |manner, number: usize| {
        upstream.behave(manner);
        let order = Signed::new(&key, "POST", &format!("/api/v5/trade/order?n={number}"), ORDER);
        wire.write(&order.bytes());
        wire.read().expect("the connection goes on")
    };
    let evil = [
        Evil {
            raw: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nc\r\n{\"code\":\"7\"}\r\n0\r\n\r\n",
            code: "7",
        },
        Evil { raw: b"HTTP/1.1 200 OK\r\nContent-Length: 12, 12\r\n\r\n{\"code\":\"7\"}", code: "50004" },
        Evil {
            raw: b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nContent-Length: 12\r\n\r\n{\"code\":\"7\"}",
            code: "50004",
        },
        Evil { raw: b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", code: "50004" },
        Evil {
            raw: b"HTTP/1.1 200 OK\r\nKeyward-Account: 1\r\nKeyward-Request-Id: 1\r\nConnection: X-Hop\r\nX-Hop: 1\r\nTrailer: X-Late\r\n\
                Keep-Alive: timeout=1\r\nX-Stays: 1\r\nContent-Length: 12\r\n\r\n{\"code\":\"7\"}",
            code: "7",
        },
        Evil {
            raw: b"HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\nHTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nx: 0123456789012345678901234\r\n\r\n",
            code: "body",
        },
    ];
    for (number, evil) in evil.iter().enumerate() {
        let reply = ask(Manner::Raw(evil.raw), 2 * number);
        let shown = (reply.head.clone(), reply.body.clone());
        match evil.code {
            "body" => {
                assert!(evil.raw.ends_with(reply.body.as_bytes()) && reply.body.len() == 77, "{shown:?}")
            }
            code => assert_eq!(reply.code(), code, "{shown:?}"),
        }
        let count = |name: &str| reply.head.lines().filter(|line| line.starts_with(name)).count();
        assert_eq!(count("content-length:"), 1, "{shown:?}");
        assert_eq!(count("keyward-request-id:"), 1, "{shown:?}");
        for absent in
            ["transfer-encoding:", "keyward-account:", "x-hop:", "trailer:", "upgrade:", "connection: x-hop"]
        {
            assert_eq!(count(absent), 0, "{absent} {shown:?}");
        }
        assert!(!reply.head.contains("keep-alive: timeout=1\r"), "{shown:?}");
        // The next answer on the same connection is its own.
        assert_eq!(ask(Manner::Answer, 2 * number + 1).code(), "0", "after {number}");
    }
}
