//! Connections between requests: they outlive what answers announce, a request that has begun to arrive is answered, and what
//! says nothing for longer, or never ends its head, is closed. With TLS it is the same, and over HTTP/2, which announces
//! nothing.

use std::io::{ErrorKind, Read as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use keyward_testkit::process::Running;

use crate::framing2::{Ended, H2, Header};
use crate::secure::{self, Stream};
use crate::world::{self, Folder, ORDER, Signed, Wire};

/// Two seconds more than answers announce.
const ANNOUNCED: Duration = Duration::from_secs(77);
/// Silence would have ended by now, after 80 s.
const LATER: Duration = Duration::from_secs(82);
/// And surely by now, on a slow machine too.
const OVER_MS: u64 = 15_000;

/// A request of HTTP/2.
const TIME: [Header<'static>; 4] =
    [(":method", "GET"), (":scheme", "http"), (":authority", "localhost"), (":path", "/api/v5/public/time")];

/// A connection with TLS or without.
type AnyWire = Wire<Box<dyn Stream>>;
type AnyH2 = H2<Box<dyn Stream>>;
type Connect = fn(&Running) -> AnyH2;

/// A connection after its first request, and the bytes of the next.
struct Case {
    name: &'static str,
    wire: AnyWire,
    next: Vec<u8>,
}

fn plain(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
}

/// How long a connection is silent is what the test is about.
fn until(at: Instant) {
    std::thread::sleep(at.saturating_duration_since(Instant::now()));
}

/// Whether the other end has closed.
fn is_closed(wire: &mut AnyWire) -> bool {
    wire.0.socket().set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let read = wire.0.read(&mut [0; 1]);
    wire.0.socket().set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    match read {
        Ok(count) => count == 0,
        Err(problem) => !matches!(problem.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

#[test]
fn a_silent_connection_outlives_what_was_announced() {
    let folder = Folder::new();
    let running = Running::start_with(&folder.data(), ["--raise-rates", "1000"]).unwrap();
    let began = Instant::now();
    let plain: Connect = plain_http2;
    let connect = [("HTTP/2", plain), ("HTTP/2 with TLS", secure_http2)];
    std::thread::scope(|scope| {
        for (name, connect) in connect {
            let running = &running;
            scope.spawn(move || asks_again(name, connect(running), began));
            scope.spawn(move || is_left(name, connect(running), began));
        }
        over_http1(&running, began);
    });
}

fn plain_http2(running: &Running) -> AnyH2 {
    let address = running.address("gateway_url").unwrap().trim_start_matches("http://");
    H2::over(Box::new(TcpStream::connect(address).unwrap()))
}

fn secure_http2(running: &Running) -> AnyH2 {
    H2::over(Box::new(secure::open(running, "h2")))
}

/// A client of HTTP/2 that only answers pings between two requests.
fn asks_again(name: &str, mut h2: AnyH2, began: Instant) {
    let good = |ended: Ended| ended.body().is_some_and(|body| body.contains("\"code\":\"0\""));
    assert!(good(h2.ask(&TIME, b"")), "{name}");
    assert!(h2.stays_open(began + ANNOUNCED), "{name} was closed early");
    assert!(good(h2.ask_on(3, &TIME)), "{name}: the second request");
}

/// One that only answers pings after its request.
fn is_left(name: &str, mut h2: AnyH2, began: Instant) {
    assert!(h2.ask(&TIME, b"").body().is_some(), "{name}");
    assert!(h2.stays_open(began + ANNOUNCED), "{name} was closed early");
    assert!(!h2.stays_open(began + LATER + Duration::from_millis(OVER_MS)), "{name} is still open");
}

fn over_http1(running: &Running, began: Instant) {
    let (gateway, console) =
        (running.address("gateway_url").unwrap(), running.address("console_url").unwrap());
    let (console, tls) = (console.replace("localhost", "127.0.0.1"), secure::address(running));
    let dial =
        |address: &str| if address == tls { secure::wire(running) } else { Wire::open(address).boxed() };
    let key = running.key("trade").unwrap();
    let signed = |method, target, body| Signed::new(&key, method, target, body).bytes();
    let first = [
        ("a public request", gateway, plain("/api/v5/public/time")),
        ("a signed one", gateway, signed("GET", "/api/v5/account/balance", "")),
        ("an order", gateway, signed("POST", "/api/v5/trade/order", ORDER)),
        ("a refused one", gateway, signed("GET", "/api/v5/no/such/route", "")),
        ("a health check", gateway, plain("/readyz")),
        ("a public request with TLS", &tls, plain("/api/v5/public/time")),
        ("a signed one with TLS", &tls, signed("GET", "/api/v5/account/config", "")),
        ("an order with TLS", &tls, signed("POST", "/api/v5/trade/order?tls", ORDER)),
        ("a refused one with TLS", &tls, signed("GET", "/api/v5/no/such/route", "")),
        ("a health check with TLS", &tls, plain("/readyz")),
        ("the console's health", &console, plain("/healthz")),
        ("a page", &console, plain("/sign-in")),
        ("no page", &console, plain("/no/such/page")),
        ("an asset", &console, plain("/assets/keyward.css")),
        ("the API", &console, plain("/api/v1/keys")),
    ];
    let next = |address: &str| plain(if address == console { "/healthz" } else { "/api/v5/public/time" });
    let mut open = Vec::new();
    let mut left = Vec::new();
    for (name, address, bytes) in &first {
        for kept in [&mut open, &mut left] {
            let mut wire = dial(address);
            wire.write(bytes);
            let answer = wire.read().unwrap_or_else(|| panic!("{name}"));
            assert!(answer.head.contains("\r\nkeep-alive: timeout=75\r\n"), "{name}: {}", answer.head);
            kept.push(Case { name, wire, next: next(address) });
        }
    }
    for (name, address) in [
        ("nothing yet, gateway", gateway),
        ("nothing yet, gateway with TLS", &tls),
        ("nothing yet, console", &console),
    ] {
        open.push(Case { name, wire: dial(address), next: next(address) });
        left.push(Case { name, wire: dial(address), next: next(address) });
    }
    // Heads that never end, and handshakes.
    let mut slow = Vec::new();
    for (name, address) in [
        ("a slow head, gateway", gateway),
        ("a slow head, gateway with TLS", &tls),
        ("a slow head, console", &console),
    ] {
        for start in ["G", "GET /api/v5/public/time HTTP/1.1\r\nHost: "] {
            let mut wire = dial(address);
            wire.write(start.as_bytes());
            slow.push((name, wire));
        }
    }
    for (name, start) in [("no handshake", ""), ("half a handshake", "\u{16}\u{3}\u{1}\u{2}")] {
        let mut wire = Wire::open(&tls).boxed();
        wire.write(start.as_bytes());
        slow.push((name, wire));
    }
    until(began + Duration::from_secs(9));
    for (name, wire) in &mut slow {
        assert!(!is_closed(wire), "{name} is closed early");
    }
    until(began + Duration::from_secs(14));
    for (name, mut wire) in slow {
        let _ = wire.read();
        assert!(is_closed(&mut wire), "{name} is still open");
    }
    until(began + ANNOUNCED);
    for Case { name, wire, next } in &mut open {
        // The first half of a head is on its way when the silence would end.
        wire.write(&next[..next.len() / 2]);
        assert!(!is_closed(wire), "{name} was closed before what was announced");
    }
    until(began + LATER);
    for Case { name, wire, next } in &mut open {
        wire.write(&next[next.len() / 2..]);
        let answer = wire.read().unwrap_or_else(|| panic!("{name}: a request that had begun was cut off"));
        assert_eq!(answer.status, 200, "{name}: {}", answer.body);
    }
    for Case { name, wire, .. } in &mut left {
        world::until(&format!("{name} is closed"), OVER_MS, || is_closed(wire));
    }
}
