//! "Not this app's server" is one answer, byte for byte, however near a range is and however many there are.

use keyward_rules::address::Binding;
use keyward_testkit::process::{KeyEntry, Running};

use crate::beside::Beside;
use crate::world::{Folder, ORDER, Reply, Signed, Wire, until};

/// A thousand single addresses, every second one from `first` on; no two can be joined.
fn thousand(first: [u8; 4]) -> String {
    let first = u32::from_be_bytes(first);
    let all = (0..1_000_u32).map(|at| std::net::Ipv4Addr::from(first + 2 * at).to_string());
    all.collect::<Vec<_>>().join(",")
}

/// The reply without what differs by request and key alone, each kept at its length.
fn masked(reply: &Reply, key: &KeyEntry) -> (u16, String, String) {
    let lines = reply.head.split("\r\n").map(|line| match line.split_once("keyward-request-id: ") {
        Some(("", id)) => format!("keyward-request-id: {}", "x".repeat(id.len())),
        _ => line.to_owned(),
    });
    let head = lines.collect::<Vec<_>>().join("\r\n");
    (reply.status, head, reply.body.replace(&key.api_key, &"k".repeat(key.api_key.len())))
}

#[test]
fn the_refusal_is_the_same_however_near_and_many_the_ranges_are() {
    let folder = Folder::new();
    let running = Running::start_with(&folder.data(), ["--raise-rates", "1000"]).unwrap();
    let beside = Beside::open(&folder.data());
    // The requests come from 127.0.0.1.
    let apps = [
        ("One Below", "127.0.0.0".to_owned()),
        ("One Above", "127.0.0.2/31".to_owned()),
        ("One Far Away", "203.0.113.0/24".to_owned()),
        ("One Of The Other Family", "2001:db8::/32".to_owned()),
        ("A Thousand Around", thousand([127, 0, 0, 0])),
        ("A Thousand Far Away", thousand([203, 0, 113, 0])),
        (
            "A Thousand And Another Family",
            thousand([203, 0, 113, 2]).replacen("203.0.113.2", "2001:db8::/32", 1),
        ),
    ];
    let keys: Vec<KeyEntry> = apps
        .iter()
        .map(|(name, within)| beside.account(&Binding::App(beside.app(name, within).id), 1).1.remove(0))
        .collect();
    let mut wire = Wire::open(running.address("gateway_url").unwrap());
    let mut ask = |key: &KeyEntry, method: &str, target: &str, body: &str| {
        wire.write(&Signed::new(key, method, target, body).bytes());
        wire.read().expect("an answer")
    };
    let last = keys.last().unwrap();
    until("the keys are known", 1_000, || ask(last, "GET", "/api/v5/account/balance", "").code() != "50119");

    for (method, target, body) in [
        ("GET", "/api/v5/account/balance", ""),
        ("POST", "/api/v5/trade/order", ORDER),
        ("GET", "/no/route", ""),
    ] {
        let replies = keys.iter().map(|key| masked(&ask(key, method, target, body), key));
        let replies: Vec<_> = replies.collect();
        assert!(replies.windows(2).all(|two| two[0] == two[1]), "{method} {target}: {replies:#?}");
        let (status, _, body) = &replies[0];
        let key = "k".repeat(36);
        let text = format!(
            r#"{{"msg":"Your IP is not included in your API key's {key} IP whitelist.","code":"50110"}}"#
        );
        assert_eq!((*status, body), (401, &text));
    }
}
