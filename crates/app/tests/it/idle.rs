//! Connections between requests: they outlive what answers announce, a request that has begun to arrive is answered, and what
//! says nothing for longer, or never ends its head, is closed.

use std::io::{ErrorKind, Read as _};
use std::time::{Duration, Instant};

use keyward_testkit::process::Running;

use crate::world::{self, Folder, ORDER, Signed, Wire};

/// Two seconds more than answers announce.
const ANNOUNCED: Duration = Duration::from_secs(77);
/// Silence would have ended by now, after 80 s.
const LATER: Duration = Duration::from_secs(82);
/// And surely by now, on a slow machine too.
const OVER_MS: u64 = 15_000;

/// A connection after its first request, and the bytes of the next.
struct Case {
    name: &'static str,
    wire: Wire,
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
fn is_closed(wire: &mut Wire) -> bool {
    wire.0.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let read = wire.0.read(&mut [0; 1]);
    wire.0.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    match read {
        Ok(count) => count == 0,
        Err(problem) => !matches!(problem.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

#[test]
fn a_silent_connection_outlives_what_was_announced() {
    let folder = Folder::new();
    let running = Running::start(&folder.data()).unwrap();
    let (gateway, console) =
        (running.address("gateway_url").unwrap(), running.address("console_url").unwrap());
    let console = console.replace("localhost", "127.0.0.1");
    let key = running.key("trade").unwrap();
    let signed = |method, target, body| Signed::new(&key, method, target, body).bytes();
    let began = Instant::now();
    let first = [
        ("a public request", gateway, plain("/api/v5/public/time")),
        ("a signed one", gateway, signed("GET", "/api/v5/account/balance", "")),
        ("an order", gateway, signed("POST", "/api/v5/trade/order", ORDER)),
        ("a refused one", gateway, signed("GET", "/api/v5/no/such/route", "")),
        ("a health check", gateway, plain("/readyz")),
        ("the console's health", &console, plain("/healthz")),
        ("a page", &console, plain("/sign-in")),
        ("no page", &console, plain("/no/such/page")),
        ("an asset", &console, plain("/assets/keyward.css")),
        ("the API", &console, plain("/api/v1/keys")),
    ];
    let mut open = Vec::new();
    let mut left = Vec::new();
    for (name, address, bytes) in &first {
        for kept in [&mut open, &mut left] {
            let mut wire = Wire::open(address);
            wire.write(bytes);
            let answer = wire.read().unwrap_or_else(|| panic!("{name}"));
            assert!(answer.head.contains("\r\nkeep-alive: timeout=75\r\n"), "{name}: {}", answer.head);
            let next = if *address == gateway { plain("/api/v5/public/time") } else { plain("/healthz") };
            kept.push(Case { name, wire, next });
        }
    }
    for (name, address) in [("nothing yet, gateway", gateway), ("nothing yet, console", &console)] {
        let next = if address == gateway { plain("/api/v5/public/time") } else { plain("/healthz") };
        open.push(Case { name, wire: Wire::open(address), next: next.clone() });
        left.push(Case { name, wire: Wire::open(address), next });
    }
    // Heads that never end.
    let mut slow = Vec::new();
    for (name, address) in [("a slow head, gateway", gateway), ("a slow head, console", &console)] {
        for start in ["G", "GET /api/v5/public/time HTTP/1.1\r\nHost: "] {
            let mut wire = Wire::open(address);
            wire.write(start.as_bytes());
            slow.push((name, wire));
        }
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
