//! Every key of the credentials file, and every refusal code that a client can meet.

use keyward_testkit::process::Running;

use crate::world::{Folder, ORDER, Signed, exchange, keyward, now_ms, send};

const BALANCE: &str = "/api/v5/account/balance?ccy=BTC,USDT";

#[test]
fn each_key_gets_its_expected_code_also_after_a_restart() {
    let folder = Folder::new();
    let mut running = Running::start(&folder.data()).unwrap();
    for round in 0..2 {
        let keys = running.credentials()["keys"].as_object().unwrap().clone();
        assert_eq!(keys.len(), 16);
        for name in keys.keys() {
            let key = running.key(name).unwrap();
            let reply = send(&running, &Signed::new(&key, "GET", BALANCE, ""));
            assert_eq!(reply.code(), key.expect, "{name} in round {round}: {}", reply.body);
        }
        running = running.restart().unwrap();
    }
}

/// Codes, HTTP statuses and exact texts of the wire.
#[test]
fn every_refusal_code_with_its_text() {
    let folder = Folder::new();
    let running = Running::start(&folder.data()).unwrap();
    let key = running.key("trade").unwrap();
    let good = || Signed::new(&key, "GET", BALANCE, "");
    let without = |name: &str| {
        let text = String::from_utf8(good().bytes()).unwrap();
        text.lines()
            .filter(|line| !line.starts_with(name))
            .map(|line| format!("{line}\r\n"))
            .collect::<String>()
            .into_bytes()
    };
    let address = running.address("gateway_url").unwrap();
    let other = |signed: Signed| signed.bytes();
    let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        (
            "key missing",
            without("OK-ACCESS-KEY"),
            401,
            r#"{"msg":"Request header OK-ACCESS-KEY can not be empty.","code":"50103"}"#,
        ),
        (
            "passphrase missing",
            without("OK-ACCESS-PASSPHRASE"),
            401,
            r#"{"msg":"Request header OK-ACCESS-PASSPHRASE can not be empty.","code":"50104"}"#,
        ),
        (
            "sign missing",
            without("OK-ACCESS-SIGN"),
            401,
            r#"{"msg":"Request header OK-ACCESS-SIGN can not be empty.","code":"50106"}"#,
        ),
        (
            "timestamp missing",
            without("OK-ACCESS-TIMESTAMP"),
            401,
            r#"{"msg":"Request header OK-ACCESS-TIMESTAMP can not be empty.","code":"50107"}"#,
        ),
        (
            "made-up key",
            other(Signed { key: "made-up".into(), ..good() }),
            401,
            r#"{"msg":"Invalid OK-ACCESS-KEY","code":"50111"}"#,
        ),
        (
            "upper-case key",
            other(Signed { key: key.api_key.to_uppercase(), ..good() }),
            401,
            r#"{"msg":"Invalid OK-ACCESS-KEY","code":"50111"}"#,
        ),
        (
            "unknown key",
            other(Signed { key: "0b7c2f1e-8a43-4d0f-9b2a-3c5d6e7f8091".into(), ..good() }),
            401,
            r#"{"msg":"API key doesn't exist","code":"50119"}"#,
        ),
        (
            "numeric time",
            other(Signed { timestamp: now_ms().to_string(), ..good() }),
            401,
            r#"{"msg":"Timestamp request expired","code":"50102"}"#,
        ),
        (
            "numeric time with a fraction",
            other(Signed { timestamp: format!("{}.715", now_ms() / 1_000), ..good() }),
            401,
            r#"{"msg":"Invalid OK-ACCESS-TIMESTAMP","code":"50112"}"#,
        ),
        (
            "stale",
            other(Signed::at(&key, "GET", BALANCE, "", now_ms() - 31_000)),
            401,
            r#"{"msg":"Timestamp request expired","code":"50102"}"#,
        ),
        (
            "early",
            other(Signed::at(&key, "GET", BALANCE, "", now_ms() + 31_000)),
            401,
            r#"{"msg":"Timestamp request expired","code":"50102"}"#,
        ),
        (
            "wrong passphrase",
            other(Signed { passphrase: "Wrong-Pass1!".into(), ..good() }),
            401,
            r#"{"msg":"Request header OK-ACCESS-PASSPHRASE incorrect.","code":"50105"}"#,
        ),
        (
            "wrong sign",
            other(Signed { target: "/api/v5/account/balance".into(), ..good() }),
            401,
            r#"{"msg":"Invalid Sign","code":"50113"}"#,
        ),
        (
            "URL alphabet",
            other(Signed {
                sign: good().sign.replace('+', "-").replace('/', "_").replace('=', "~"),
                ..good()
            }),
            401,
            r#"{"msg":"Invalid Sign","code":"50113"}"#,
        ),
        (
            "no padding",
            other(Signed { sign: good().sign.trim_end_matches('=').into(), ..good() }),
            401,
            r#"{"msg":"Invalid Sign","code":"50113"}"#,
        ),
        (
            "environment",
            other(Signed { more: "x-simulated-trading: 1\r\n".into(), ..good() }),
            401,
            r#"{"msg":"APIKey does not match current environment.","code":"50101"}"#,
        ),
        (
            "unknown route",
            other(Signed::new(&key, "GET", "/api/v5/account/balances", "")),
            404,
            r#"{"msg":"API endpoint is inactive or unavailable.","code":"50005"}"#,
        ),
        (
            "wrong method",
            other(Signed::new(&key, "GET", "/api/v5/trade/cancel-order", "")),
            405,
            r#"{"msg":"Invalid request method.","code":"50115"}"#,
        ),
        (
            "DELETE",
            other(Signed::new(&key, "DELETE", "/api/v5/trade/order", "")),
            405,
            r#"{"msg":"Invalid request method.","code":"50115"}"#,
        ),
        (
            "no funding right",
            other(Signed::new(&key, "POST", "/api/v5/asset/transfer", "{}")),
            401,
            r#"{"msg":"This API key doesn't have permission to use this function","code":"50120"}"#,
        ),
        (
            "websocket",
            other(Signed { more: "Connection: Upgrade\r\nUpgrade: websocket\r\n".into(), ..good() }),
            426,
            r#"{"msg":"WebSocket version 13 over HTTP/1.1 is offered at /ws/v5/public, /ws/v5/private and /ws/v5/business","code":"90426"}"#,
        ),
    ];
    for (name, bytes, status, body) in cases {
        let reply = exchange(address, &bytes).unwrap_or_else(|| panic!("{name}: no answer"));
        assert_eq!((reply.status, reply.body.as_str()), (status, body), "{name}");
        assert!(reply.head.contains("content-type: application/json"), "{name}");
    }
    let manage = running.key("manage").unwrap();
    let administer = Signed::new(&manage, "POST", "/api/v5/broker/dma/subaccount/apikey", "{}");
    assert_eq!(send(&running, &administer).code(), "50030");
    let sub = running.key("sub").unwrap();
    let transfer = Signed::new(
        &sub,
        "POST",
        "/api/v5/asset/transfer",
        r#"{"ccy":"BTC","amt":"1","from":"6","to":"18"}"#,
    );
    assert_eq!(send(&running, &transfer).code(), "90450", "it waits for its master");
    let between = Signed::new(&sub, "POST", "/api/v5/asset/subaccount/transfer", "{}");
    assert_eq!(send(&running, &between).code(), "50030", "that is the master's");
}

/// ccxt sends its query percent-encoded, python-okx raw; both sign what they send.
/// Clients in Go leave out zeros at the end of the fraction: one request in ten.
#[test]
fn timestamps_with_fewer_digits_are_read_and_verified_as_sent() {
    let folder = Folder::new();
    let running = Running::start_with(&folder.data(), ["--raise-rates", "1000"]).unwrap();
    let key = running.key("trade").unwrap();
    let code = |signed: &Signed| send(&running, signed).code();
    for ms in (0..1_000).step_by(50).chain([1, 10, 120, 123, 999]) {
        let whole = keyward_rules::time::Moment::from_unix_ms(now_ms() / 1_000 * 1_000 + ms).to_string();
        let short = whole.trim_end_matches('Z').trim_end_matches('0').trim_end_matches('.').to_owned() + "Z";
        let order = ORDER.replacen('{', &format!(r#"{{"clOrdId":"t{ms}","#), 1);
        for request in [("GET", BALANCE, ""), ("POST", "/api/v5/trade/order", order.as_str())] {
            let signed = Signed::stamped(&key, request, short.clone());
            // What the exchange makes of so many orders is its own matter.
            assert!(["0", "1"].contains(&code(&signed).as_str()), "{short}");
            if request.0 == "POST" {
                assert_eq!(code(&signed), "50042", "{short}: the same again is a replay");
            }
            if short != whole {
                let other =
                    Signed { timestamp: whole.clone(), ..Signed::stamped(&key, request, short.clone()) };
                assert_eq!(code(&other), "50113", "{short} was signed, {whole} was sent");
            }
        }
    }
}

#[test]
fn targets_are_verified_as_sent() {
    let folder = Folder::new();
    let running = Running::start(&folder.data()).unwrap();
    let key = running.key("read").unwrap();
    for target in [
        "/api/v5/account/balance?ccy=BTC%2CUSDT",
        "/api/v5/account/balance?ccy=BTC,USDT",
        "/api/v5/account/balance?",
        "/api/v5/account/balance?ccy=",
    ] {
        assert_eq!(send(&running, &Signed::new(&key, "GET", target, "")).code(), "0", "{target}");
    }
}

#[test]
fn a_key_from_the_command_line_trades_until_it_is_disabled() {
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
        "mine",
        "--permission",
        "read",
        "--permission",
        "trade",
        "--ip",
        "127.0.0.1",
        "--json",
    ]);
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let key = keyward_testkit::process::KeyEntry {
        api_key: text("api_key"),
        secret: text("secret"),
        passphrase: text("passphrase"),
        expect: "0".into(),
    };
    assert_eq!(until(&running, &key, "0"), "0");
    let order = Signed::new(&key, "POST", "/api/v5/trade/order", ORDER);
    assert_eq!(send(&running, &order).code(), "0");
    let again = std::process::Command::new(keyward_testkit::process::program().unwrap())
        .args([
            "key",
            "create",
            "--data",
            &data,
            "--account",
            "trader@keyward.example",
            "--name",
            "mine",
            "--permission",
            "read",
        ])
        .output()
        .unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8(again.stderr).unwrap().contains("has this name"));
    keyward(&["key", "disable", "--data", &data, &key.api_key]);
    assert_eq!(until(&running, &key, "50114"), "50114");
    keyward(&["key", "enable", "--data", &data, &key.api_key]);
    assert_eq!(until(&running, &key, "0"), "0");
    keyward(&["key", "delete", "--yes", "--data", &data, &key.api_key]);
    assert_eq!(until(&running, &key, "50119"), "50119");
    assert!(
        keyward(&["key", "list", "--data", &data, "--account", "trader@keyward.example"]).contains("deleted")
    );
}

/// Asks on a route without a small limit until the code is `wanted`, for a second at most; gives the last code.
fn until(running: &Running, key: &keyward_testkit::process::KeyEntry, wanted: &str) -> String {
    let deadline = now_ms() + 1_000;
    let mut target = 0;
    loop {
        // Reads of many routes, so that no route's own rate is used up by asking.
        const ROUTES: [&str; 6] = [
            "/api/v5/trade/orders-pending",
            "/api/v5/trade/fills",
            "/api/v5/trade/orders-history",
            "/api/v5/account/positions",
            "/api/v5/asset/balances",
            "/api/v5/account/bills",
        ];
        target += 1;
        let code = send(running, &Signed::new(key, "GET", ROUTES[target % ROUTES.len()], "")).code();
        if code == wanted || now_ms() > deadline {
            return code;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(15));
    }
}
