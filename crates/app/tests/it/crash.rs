//! Replays, crashes, shutdowns, revocations in flight.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use keyward_testkit::process::Running;

use crate::server::{Server, make_key_that_may, set_up};
use crate::world::{Folder, Manner, ORDER, Signed, Upstream, Wire, exchange, keyward, now_ms, send, until};

#[test]
fn an_order_is_accepted_once_in_a_thousand_copies_and_after_a_crash() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running =
        Running::start_with(&folder.data(), ["--upstream", &upstream.url, "--raise-rates", "100000"])
            .unwrap();
    let key = running.key("trade").unwrap();
    let order = Signed::new(&key, "POST", "/api/v5/trade/order", ORDER);
    let bytes = order.bytes();
    let (accepted, repeated) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let mut wire = Wire::open(running.address("gateway_url").unwrap());
                for _ in 0..50 {
                    wire.write(&bytes);
                    match wire.read().expect("an answer").code().as_str() {
                        "0" => accepted.fetch_add(1, Ordering::Relaxed),
                        "50042" => repeated.fetch_add(1, Ordering::Relaxed),
                        other => panic!("{other}"),
                    };
                }
            });
        }
    });
    assert_eq!((accepted.into_inner(), repeated.into_inner()), (1, 999));
    let running = running.crash_and_restart().unwrap();
    assert_eq!(send(&running, &order).code(), "50013", "after a crash nobody can tell, so it is refused");
    // Clocks of clients may run ahead by what the horizon was written ahead; wait for no time, sign later.
    let later = Signed::at(&key, "POST", "/api/v5/trade/order", ORDER, now_ms() + 5_000);
    assert_eq!(send(&running, &later).code(), "0");
    let running = running.restart().unwrap();
    assert_ne!(send(&running, &later).code(), "0");
    assert_eq!(upstream.requests().len(), 2);
}

#[test]
fn a_clean_stop_hands_its_marks_to_the_next_start() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running = Running::start_with(&folder.data(), ["--upstream", &upstream.url]).unwrap();
    let key = running.key("trade").unwrap();
    let order = || Signed::new(&key, "POST", "/api/v5/trade/order", ORDER);
    let first = order();
    assert_eq!(send(&running, &first).code(), "0");
    let running = running.restart().unwrap();
    assert_eq!(send(&running, &first).code(), "50042", "it is known to have been accepted");
    assert_eq!(send(&running, &order()).code(), "0", "and others are accepted at once");
    assert_eq!(upstream.requests().len(), 2);
}

/// F88b: a horizon for all would refuse everybody's orders for as long as the one clock runs ahead.
#[test]
fn a_clock_that_runs_ahead_holds_nobody_up_after_a_crash() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running = Running::start_with(&folder.data(), ["--upstream", &upstream.url]).unwrap();
    let (ahead, other) = (running.key("sub").unwrap(), running.key("trade").unwrap());
    let early = Signed::at(&ahead, "POST", "/api/v5/trade/order", ORDER, now_ms() + 29_900);
    assert_eq!(send(&running, &early).code(), "0");
    assert_eq!(send(&running, &Signed::new(&other, "POST", "/api/v5/trade/order", ORDER)).code(), "0");
    let mut running = running;
    for _ in 0..2 {
        running = running.crash_and_restart().unwrap();
        assert_eq!(send(&running, &early).code(), "50042", "it is known to have been accepted");
        until("others' orders are accepted", 4_000, || {
            send(&running, &Signed::new(&other, "POST", "/api/v5/trade/order", ORDER)).code() == "0"
        });
    }
    assert_eq!(upstream.requests().len(), 4);
}

#[test]
fn money_has_its_record_before_it_moves_and_unknown_outcomes_are_not_repeated() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running = Running::start_with(&folder.data(), ["--upstream", &upstream.url]).unwrap();
    let key = running.key("withdraw").unwrap();
    let withdrawal = Signed::new(&key, "POST", "/api/v5/asset/withdrawal", r#"{"ccy":"BTC","amt":"1"}"#);
    assert_eq!(send(&running, &withdrawal).code(), "0");
    upstream.behave(Manner::Hang);
    let mut wire = Wire::open(running.address("gateway_url").unwrap());
    let hanging = Signed::new(&key, "POST", "/api/v5/asset/withdrawal", r#"{"ccy":"BTC","amt":"2"}"#);
    wire.write(&hanging.bytes());
    let deadline = now_ms() + 10_000;
    while upstream.requests().len() < 2 {
        assert!(now_ms() < deadline, "the withdrawal did not reach the exchange");
        std::thread::yield_now();
    }
    let running = running.crash_and_restart().unwrap();
    assert_eq!(intents(&folder), [("answered".to_owned(), 1), ("unknown".to_owned(), 1)]);
    assert_eq!(upstream.requests().len(), 2, "it is never sent again");
    let mails = || {
        let address = running.address("console_url").unwrap();
        exchange(address, b"GET /dev/mail.json HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap().body
    };
    let told = |text: &str| text.matches("A withdrawal or transfer has an unknown outcome").count();
    until("the holder is told", 10_000, || told(&mails()) > 0);
    let mails = mails();
    assert!(mails.contains("POST /api/v5/asset/withdrawal was forwarded at"), "{mails}");
}

fn intents(folder: &Folder) -> Vec<(String, i64)> {
    let file = folder.data().join("activity.db");
    let query = "SELECT outcome || ' ' || COUNT(*) FROM intents GROUP BY outcome ORDER BY outcome";
    let script =
        "import sqlite3,sys\nfor row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print(row[0])";
    let output = std::process::Command::new("python3")
        .args(["-c", script, &file.display().to_string(), query])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(word, count)| (word.to_owned(), count.parse().unwrap()))
        .collect()
}

/// F88: what is left of a disk belongs to the keys and to the records around money.
#[test]
fn on_a_disk_that_is_nearly_full_money_is_recorded_and_requests_are_counted() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    let text = std::fs::read_to_string(&config).unwrap();
    let key = make_key_that_may(&config, ["read", "funding"]);
    let rows = |table: &str| -> i64 {
        let file = folder.data().join("activity.db");
        let question = format!("SELECT COUNT(*) FROM {table}");
        rusqlite::Connection::open(file).unwrap().query_row(&question, [], |row| row.get(0)).unwrap()
    };
    let transfer = r#"{"ccy":"BTC","amt":"1","from":"6","to":"18"}"#;
    for (reserve, records, intents) in [("reserve_mib = 17592186044415", 0, 1), ("reserve_mib = 0", 2, 2)] {
        std::fs::write(&config, text.replace("reserve_mib = 512", reserve)).unwrap();
        let server = Server::start(&config, &address);
        // The first order waits for the horizon of the run before.
        until("requests pass", 4_000, || {
            server.code(&Signed::new(&key, "POST", "/api/v5/asset/transfer", transfer)) == "0"
        });
        assert_eq!(server.code(&Signed::new(&key, "GET", "/api/v5/account/balance", "")), "0");
        assert_eq!(server.stop().code(), Some(0));
        assert_eq!(rows("intents WHERE outcome = 'answered'"), intents, "{reserve}");
        assert!(rows("activity") >= records && (records > 0 || rows("activity") == 0), "{reserve}");
    }
}

#[test]
fn a_shutdown_under_load_answers_what_was_executed_and_ends_with_0() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running =
        Running::start_with(&folder.data(), ["--upstream", &upstream.url, "--raise-rates", "100000"])
            .unwrap();
    let (key, address) = (running.key("trade").unwrap(), running.address("gateway_url").unwrap().to_owned());
    let (answered, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let began = now_ms();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (key, address, answered, stop) = (&key, &address, &answered, &stop);
            scope.spawn(move || {
                let mut wire = Wire::open(address);
                for count in 0.. {
                    let target = format!("/api/v5/trade/order?n={thread}-{count}");
                    wire.write(&Signed::new(key, "POST", &target, ORDER).bytes());
                    match wire.read() {
                        Some(reply) => assert_eq!(reply.code(), "0"),
                        None => return,
                    }
                    answered.fetch_add(1, Ordering::Relaxed);
                    if stop.load(Ordering::Relaxed) && now_ms() > began + 15_000 {
                        return;
                    }
                }
            });
        }
        while answered.load(Ordering::Relaxed) < 500 {
            std::thread::yield_now();
        }
        stop.store(true, Ordering::Relaxed);
        let asked = now_ms();
        assert_eq!(running.terminate().unwrap().code(), Some(0));
        assert!(now_ms() - asked < 10_000, "it took {} ms to stop", now_ms() - asked);
    });
    assert_eq!(upstream.requests().len() as u64, answered.into_inner());
}

#[test]
fn a_body_that_trickles_across_a_revocation_is_refused() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running = Running::start_with(&folder.data(), ["--upstream", &upstream.url]).unwrap();
    let key = running.key("trade").unwrap();
    let order = Signed::new(&key, "POST", "/api/v5/trade/order", ORDER);
    let mut wire = Wire::open(running.address("gateway_url").unwrap());
    wire.write(&order.head());
    wire.write(&order.body[..10]);
    let data = folder.data().display().to_string();
    keyward(&["key", "delete", "--yes", "--data", &data, &key.api_key]);
    let deadline = now_ms() + 1_000;
    while send(&running, &Signed::new(&key, "GET", "/api/v5/trade/fills", "")).code() != "50119" {
        assert!(now_ms() < deadline, "the deletion took more than a second");
    }
    let before = upstream.requests().len();
    wire.write(&order.body[10..]);
    assert_eq!(wire.read().unwrap().code(), "50119");
    assert_eq!(upstream.requests().len(), before);
}
