//! Large bodies, slow clients, exchanges that fail: the stated code, and bounded memory.

use keyward_testkit::process::{KeyEntry, Running};

use crate::server::{Server, make_key, set_up};
use crate::world::{Folder, Manner, ORDER, Signed, Upstream, Wire, keyward, now_ms, resident_kib, send};

#[test]
fn bodies_over_the_limit_get_413_and_cost_no_memory() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running = Running::start_with(&folder.data(), ["--upstream", &upstream.url]).unwrap();
    let key = running.key("trade").unwrap();
    let huge = "x".repeat(10 << 20);
    let mut before = 0;
    for round in 0..6 {
        if round == 1 {
            // The first one is not counted: what the program needs once is not what a body costs.
            before = resident_kib(running.id());
        }
        let reply = send(&running, &Signed::new(&key, "POST", "/api/v5/trade/order", &huge));
        assert_eq!((reply.status, reply.code().as_str()), (413, "90413"));
    }
    let mut chunked = Signed::new(&key, "POST", "/api/v5/trade/order", "");
    chunked.more = "Transfer-Encoding: chunked\r\n".into();
    let mut wire = Wire::open(running.address("gateway_url").unwrap());
    wire.write(&chunked.bytes());
    for _ in 0..32 {
        wire.write(format!("10000\r\n{}\r\n", "x".repeat(65_536)).as_bytes());
    }
    wire.write(b"0\r\n\r\n");
    assert_eq!(wire.read().unwrap().code(), "90413");
    let grown = resident_kib(running.id()).saturating_sub(before);
    assert!(grown < 32 << 10, "memory grew by {grown} KiB");
    assert!(upstream.requests().is_empty());
}

#[test]
fn a_head_that_never_ends_is_cut_off_while_others_are_served() {
    let folder = Folder::new();
    let running = Running::start(&folder.data()).unwrap();
    let address = running.address("gateway_url").unwrap();
    let key = running.key("trade").unwrap();
    let mut slow: Vec<Wire> = (0..200).map(|_| Wire::open(address)).collect();
    for wire in &mut slow {
        wire.write(b"GET /api/v5/public/time HTTP/1.1\r\nHost: keyward\r\nX-Slow: ");
    }
    assert_eq!(send(&running, &Signed::new(&key, "GET", "/api/v5/account/balance", "")).code(), "0");
    let began = now_ms();
    for wire in &mut slow {
        // Closed, with or without words, within the deadline of a head.
        let _ = wire.read();
    }
    assert!(now_ms() - began < 25_000, "slow heads were held for {} ms", now_ms() - began);
}

#[test]
fn a_failing_exchange_gives_its_code_and_no_second_request() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running = Running::start_with(&folder.data(), ["--upstream", &upstream.url]).unwrap();
    let key = running.key("trade").unwrap();
    // Told apart by their targets: equal orders of one millisecond would be repetitions.
    let order = |manner| Signed::new(&key, "POST", &format!("/api/v5/trade/order?{manner:?}"), ORDER);
    for (manner, code) in [
        (Manner::BreakOff, "50004"),
        (Manner::Close, "50004"),
        (Manner::Hang, "50004"),
        (Manner::Answer, "0"),
    ] {
        upstream.behave(manner);
        let before = upstream.requests().len();
        let reply = send(&running, &order(manner));
        assert_eq!(reply.code(), code, "{manner:?}: {}", reply.body);
        assert_eq!(upstream.requests().len(), before + 1, "{manner:?}");
    }
}

#[test]
fn a_dead_exchange_is_50001() {
    let folder = Folder::new();
    // Nothing listens on the discard port of loopback.
    let running = Running::start_with(&folder.data(), ["--upstream", "http://127.0.0.1:9"]).unwrap();
    let key = running.key("trade").unwrap();
    let reply = send(&running, &Signed::new(&key, "POST", "/api/v5/trade/order", ORDER));
    assert_eq!((reply.status, reply.code().as_str()), (503, "50001"));
}

#[test]
fn rates_are_per_account_and_route() {
    let folder = Folder::new();
    let running = Running::start(&folder.data()).unwrap();
    let (one, other) = (running.key("read").unwrap(), running.key("sub").unwrap());
    let ask = |key: &KeyEntry| send(&running, &Signed::new(key, "GET", "/api/v5/account/config", "")).code();
    // 5 in 2 s: the sixth of the account is refused, whichever of its keys asks; a sub-account has its own.
    let codes: Vec<String> = (0..12).map(|_| ask(&one)).collect();
    assert!(codes.contains(&"50011".to_owned()), "{codes:?}");
    assert_eq!(ask(&running.key("trade").unwrap()), "50011");
    assert_eq!(ask(&other), "0");
}

/// F49: bad signatures for a known key, from elsewhere, cost its owner nothing: not the key, not the quota.
#[test]
fn bad_signatures_from_elsewhere_do_not_touch_the_owner() {
    let folder = Folder::new();
    let running = Running::start(&folder.data()).unwrap();
    let key = running.key("trade").unwrap();
    let mut bad = Signed::new(&key, "GET", "/api/v5/account/config", "");
    bad.sign = Signed::new(&key, "GET", "/api/v5/account/balance", "").sign;
    let mut elsewhere = Wire::from(running.address("gateway_url").unwrap(), [127, 0, 0, 2]);
    let mut opened_before = Wire::from(running.address("gateway_url").unwrap(), [127, 0, 0, 2]);
    // An answer shows that the connection was accepted: until then it may still wait in the kernel's queue.
    opened_before.write(&bad.bytes());
    assert_eq!(opened_before.read().unwrap().code(), "50113");
    let mut tried = 0;
    let last = loop {
        elsewhere.write(&bad.bytes());
        match elsewhere.read() {
            Some(reply) if reply.code() == "50113" && tried < 20_000 => tried += 1,
            other => break other.map(|reply| reply.code()),
        }
    };
    assert!((100..1_000).contains(&tried) && last.is_none(), "{tried} tried, then {last:?}");
    // The ban reaches connections that were open before it, and closes them; others are not opened.
    opened_before.write(&Signed::new(&key, "GET", "/api/v5/account/balance", "").bytes());
    assert_eq!(opened_before.read().unwrap().code(), "50011", "with right credentials too");
    assert!(opened_before.read().is_none(), "closed");
    let mut late = Wire::from(running.address("gateway_url").unwrap(), [127, 0, 0, 2]);
    late.write(&bad.bytes());
    assert!(late.read().is_none(), "closed at accept");
    // The route allows the account five in two seconds; all of them are still there.
    for _ in 0..5 {
        let own = Signed::new(&key, "GET", "/api/v5/account/config", "");
        assert_eq!(send(&running, &own).code(), "0");
    }
}

/// `[sources]` says how many bad credentials close a source out, and who is never closed out.
#[test]
fn a_deployment_says_who_is_closed_out_and_who_never() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let (config, address) = set_up(&folder, &upstream);
    let mut text = std::fs::read_to_string(&config).unwrap();
    for (from, to) in [
        ("bad_credentials_per_minute = 100", "bad_credentials_per_minute = 5"),
        ("never_ban = []", "never_ban = [\"127.0.0.3/32\"]"),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    std::fs::write(&config, text).unwrap();
    let key = make_key(&config);
    let server = Server::start(&config, &address);
    let mut bad = Signed::new(&key, "GET", "/api/v5/account/config", "");
    bad.sign = Signed::new(&key, "GET", "/api/v5/account/balance", "").sign;
    let answered = |last: u8| {
        let mut wire = Wire::from(&server.address, [127, 0, 0, last]);
        (0..50)
            .take_while(|_| {
                wire.write(&bad.bytes());
                wire.read().is_some_and(|reply| reply.code() == "50113")
            })
            .count()
    };
    assert!((5..10).contains(&answered(2)), "closed out");
    assert_eq!(answered(3), 50, "never closed out");
}

#[test]
fn a_keys_own_cap_slows_that_key_alone() {
    let folder = Folder::new();
    let running = Running::start(&folder.data()).unwrap();
    let data = folder.data().display().to_string();
    let made = keyward(&[
        "key",
        "create",
        "--data",
        &data,
        "--account",
        "trader@keyward.example",
        "--name",
        "slow",
        "--permission",
        "read",
        "--ip",
        "127.0.0.1",
        "--rate-cap",
        "2",
        "--json",
    ]);
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let slow = KeyEntry {
        api_key: text("api_key"),
        secret: text("secret"),
        passphrase: text("passphrase"),
        expect: "0".into(),
    };
    let codes = |key: &KeyEntry| -> Vec<String> {
        // Four routes, each far from its own rate.
        let paths = [
            "/api/v5/account/balance",
            "/api/v5/account/config",
            "/api/v5/asset/balances",
            "/api/v5/trade/orders-pending",
        ];
        paths.iter().map(|path| send(&running, &Signed::new(key, "GET", path, "")).code()).collect()
    };
    let until = now_ms() + 5_000;
    while codes(&slow).first().is_some_and(|code| code == "50119") {
        assert!(now_ms() < until, "the gateway does not know the key");
    }
    let (mut passed, mut refused) = (0, 0);
    let began = now_ms();
    for _ in 0..3 {
        for code in codes(&slow) {
            match code.as_str() {
                "0" => passed += 1,
                "50011" => refused += 1,
                other => panic!("{other}"),
            }
        }
    }
    // A burst of two, then two a second.
    let most = 2 + 2 * (now_ms() - began).div_ceil(1_000);
    assert!(passed <= most && refused > 0, "{passed} passed, {refused} were refused");
    assert_eq!(codes(&running.key("read").unwrap()), ["0"; 4], "others go on");
}

/// A copied request is refused as a repetition, and its owner can go on as if it had not come.
#[test]
fn copies_of_a_request_cost_its_owner_no_rate() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running = Running::start_with(&folder.data(), ["--upstream", &upstream.url]).unwrap();
    let key = running.key("trade").unwrap();
    let order = |number: usize| Signed::new(&key, "POST", &format!("/api/v5/trade/order?n={number}"), ORDER);
    let first = order(0);
    assert_eq!(send(&running, &first).code(), "0");
    let mut thief = Wire::from(running.address("gateway_url").unwrap(), [127, 0, 0, 1]);
    for _ in 0..200 {
        thief.write(&first.bytes());
        assert_eq!(thief.read().expect("an answer").code(), "50042");
    }
    // 60 in two seconds are the account's.
    assert!((1..50).all(|number| send(&running, &order(number)).code() == "0"));
}
