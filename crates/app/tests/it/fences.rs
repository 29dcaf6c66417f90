//! Limits of keys: what the gateway refuses of requests whose signature holds, and what it counts.

use std::sync::atomic::{AtomicU64, Ordering};

use keyward_testkit::process::{KeyEntry, Running};
use serde_json::{Value, json};

use crate::world::{Folder, Manner, Reply, Signed, Upstream, Wire, exchange, keyward, send, until};

const ORDER: &str = "/api/v5/trade/order";
const BATCH: &str = "/api/v5/trade/batch-orders";
const WITHDRAWAL: &str = "/api/v5/asset/withdrawal";

/// A key of the sandbox's trader with these limits, once the gateway knows it.
fn fenced(running: &Running, folder: &Folder, name: &str, rights: &[&str], limits: &Value) -> KeyEntry {
    let (data, limits) = (folder.data(), limits.to_string());
    let mut words =
        vec!["key", "create", "--data", data.to_str().unwrap(), "--account", "trader@keyward.example"];
    words.extend(["--name", name, "--ip", "127.0.0.0/8", "--json", "--limits", &limits]);
    rights.iter().for_each(|right| words.extend(["--permission", right]));
    let made: Value = serde_json::from_str(&keyward(&words)).unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let key = KeyEntry {
        api_key: text("api_key"),
        secret: text("secret"),
        passphrase: text("passphrase"),
        ..running.key("trade").unwrap()
    };
    known(running, &key);
    key
}

/// Waits until the gateway knows the key.
fn known(running: &Running, key: &KeyEntry) {
    until("the gateway knows the key", 5_000, || {
        send(running, &Signed::new(key, "GET", "/api/v5/account/config", "")).code() == "0"
    });
}

/// Changes the limits of a key at the host; waits until the gateway has followed.
fn change(folder: &Folder, key: &KeyEntry, limits: &Value) {
    let (data, limits) = (folder.data(), limits.to_string());
    keyward(&["key", "edit", "--data", data.to_str().unwrap(), "--limits", &limits, &key.api_key]);
}

fn ask(running: &Running, key: &KeyEntry, path: &str, body: &Value) -> Reply {
    send(running, &Signed::new(key, "POST", path, &body.to_string()))
}

/// The `sCode` of the first element, or the code where there is none.
fn verdict(reply: &Reply) -> String {
    let value: Value = serde_json::from_str(&reply.body).unwrap_or_default();
    value["data"][0]["sCode"].as_str().map_or_else(|| reply.code(), str::to_owned)
}

/// How many alerts of a kind the store has.
fn alerts(folder: &Folder, kind: &str) -> i64 {
    let file = folder.data().join("keyward.db");
    let store =
        rusqlite::Connection::open_with_flags(file, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    store.query_row("SELECT COUNT(*) FROM alerts WHERE kind = ?1", [kind], |row| row.get(0)).unwrap()
}

fn limit(instrument: &str, size: &str, price: &str) -> Value {
    json!({"instId": instrument, "tdMode": "cash", "side": "buy", "ordType": "limit", "sz": size, "px": price})
}

/// Waits until prices are known: a sell needs one.
fn priced(running: &Running, key: &KeyEntry) {
    let sell =
        json!({"instId": "BTC-USDT", "tdMode": "cash", "side": "sell", "ordType": "market", "sz": "999999"});
    until("prices are known", 10_000, || verdict(&ask(running, key, ORDER, &sell)) == "51202");
}

#[test]
fn a_key_for_one_pair_500_dollars_an_order_and_1_000_a_day() {
    let folder = Folder::new();
    let running = Running::start_with(&folder.data(), ["--raise-rates", "1000"]).unwrap();
    let limits = json!({"instruments": ["BTC-USDT"], "max_order_value": "500", "daily_value": "1000"});
    let key = fenced(&running, &folder, "fenced", &["read", "trade"], &limits);
    priced(&running, &key);
    let of = |body: &Value| verdict(&ask(&running, &key, ORDER, body));
    let placed = ask(&running, &key, ORDER, &limit("BTC-USDT", "0.02", "20000"));
    assert_eq!(verdict(&placed), "0", "{}", placed.body);
    let id =
        serde_json::from_str::<Value>(&placed.body).unwrap()["data"][0]["ordId"].as_str().unwrap().to_owned();
    assert_eq!(of(&limit("ETH-USDT", "0.02", "20000")), "51001");
    assert_eq!(of(&limit("BTC-USDT", "0.03", "20000")), "51203");
    let mut other = limit("BTC-USDT", "0.001", "20000");
    other["instIdCode"] = json!(2);
    assert_eq!(of(&other), "51001", "the code of another instrument");
    let mut market = limit("BTC-USDT", "0.5", "1");
    (market["ordType"], market["tgtCcy"]) = (json!("market"), json!("base_ccy"));
    assert_eq!(of(&market), "51202", "a price that the exchange passes over");
    let amend = json!({"instId": "BTC-USDT", "ordId": id, "newSz": "0.03", "newPx": "20000"});
    assert_eq!(verdict(&ask(&running, &key, "/api/v5/trade/amend-order", &amend)), "51203");
    let batch = json!([limit("BTC-USDT", "0.02", "20000"), limit("BTC-USDT", "0.02", "20000")]);
    let refused = ask(&running, &key, BATCH, &batch);
    assert_eq!((refused.status, verdict(&refused)), (200, "51203".to_owned()), "{}", refused.body);
    assert!(
        refused.body.contains("limit daily_value (1000 USD a day): today would come to 1200 USD"),
        "{}",
        refused.body
    );
    assert_eq!(of(&limit("BTC-USDT", "0.02", "20000")), "0", "800 of 1,000");
    until("its holder is told that 80 % are used", 10_000, || alerts(&folder, "limit_near") == 1);
    assert_eq!(of(&limit("BTC-USDT", "0.02", "20000")), "51203");
    let cancel = json!({"instId": "BTC-USDT", "ordId": id});
    assert_eq!(verdict(&ask(&running, &key, "/api/v5/trade/cancel-order", &cancel)), "0");
    assert_eq!(verdict(&ask(&running, &key, "/api/v5/trade/easy-convert", &json!({}))), "50120");

    // The sum stands after the end of the process, however it came.
    let running = running.crash_and_restart().unwrap();
    known(&running, &key);
    // After a crash timestamps from before it are refused; wait for no time, ask later.
    until("the sum stands after a crash", 10_000, || {
        let code = verdict(&ask(&running, &key, ORDER, &limit("BTC-USDT", "0.02", "20000")));
        assert_ne!(code, "0");
        code == "51203"
    });
    until("and what is left can be used", 10_000, || {
        verdict(&ask(&running, &key, ORDER, &limit("BTC-USDT", "0.01", "20000"))) == "0"
    });
    // What was refused by the exchange gives its part back.
    change(&folder, &key, &json!({"instruments": ["BTC-USDT"], "daily_value": "100000"}));
    until("the limits are wider", 5_000, || {
        verdict(&ask(&running, &key, ORDER, &limit("BTC-USDT", "0.01", "20000"))) == "0"
    });
}

/// M3, S44: one destination and a sum of the day, over requests that come at once.
#[test]
fn a_withdrawal_goes_to_one_destination_and_a_thousand_at_once_stay_within_the_day() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running =
        Running::start_with(&folder.data(), ["--upstream", &upstream.url, "--raise-rates", "100000"])
            .unwrap();
    let limits = json!({"withdrawal": {
        "destinations": [{"ccy": "USDT", "chain": "USDT-TRC20", "address": "TAbc"}], "daily": {"USDT": "1000"},
    }});
    let key = fenced(&running, &folder, "out", &["read", "withdraw"], &limits);
    let withdrawal = |amount: &str| json!({"ccy": "USDT", "amt": amount, "dest": "4", "toAddr": "TAbc", "chain": "USDT-TRC20"});
    upstream.behave(reply(r#"{"code":"0","msg":"","data":[{"wdId":"1","ccy":"USDT","amt":"1"}]}"#));
    for (member, other) in
        [("toAddr", "TAbd"), ("chain", "USDT-ERC20"), ("toAddr", "TAbc:7"), ("ccy", "USDC"), ("dest", "3")]
    {
        let mut body = withdrawal("1");
        body[member] = json!(other);
        assert_eq!(ask(&running, &key, WITHDRAWAL, &body).code(), "58207", "{member}");
    }
    assert_eq!(upstream.requests().len(), 1, "the question for the key's configuration");
    let (passed, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..20 {
            let (passed, refused, key, running) = (&passed, &refused, &key, &running);
            scope.spawn(move || {
                for at in 0..50 {
                    let mut body = withdrawal("3");
                    body["clientId"] = json!(format!("w{thread}x{at}"));
                    let request = Signed::new(key, "POST", WITHDRAWAL, &body.to_string());
                    let answer = exchange(running.address("gateway_url").unwrap(), &request.bytes()).unwrap();
                    match answer.code().as_str() {
                        "0" => passed.fetch_add(1, Ordering::Relaxed),
                        "58203" => refused.fetch_add(1, Ordering::Relaxed),
                        other => panic!("{other}"),
                    };
                }
            });
        }
    });
    assert_eq!((passed.into_inner(), refused.into_inner()), (333, 667));
    let sent = upstream
        .requests()
        .iter()
        .filter(|request| request.starts_with(b"POST /api/v5/asset/withdrawal"))
        .count();
    assert_eq!(sent, 333);
    // What the exchange refuses is given back; what nobody knows the end of is not.
    let key = fenced(&running, &folder, "out 2", &["read", "withdraw"], &limits);
    upstream.behave(reply(r#"{"code":"58350","msg":"Insufficient balance","data":[]}"#));
    assert_eq!(ask(&running, &key, WITHDRAWAL, &withdrawal("900")).code(), "58350");
    upstream.behave(Manner::BreakOff);
    assert_eq!(ask(&running, &key, WITHDRAWAL, &withdrawal("901")).code(), "50004");
    upstream.behave(reply(r#"{"code":"0","msg":"","data":[{"wdId":"1","ccy":"USDT","amt":"1"}]}"#));
    assert_eq!(ask(&running, &key, WITHDRAWAL, &withdrawal("100")).code(), "58203");
    assert_eq!(ask(&running, &key, WITHDRAWAL, &withdrawal("99")).code(), "0");
}

fn reply(body: &str) -> Manner {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json";
    Manner::Raw(format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).leak().as_bytes())
}

/// A copied request must not use up what its owner may spend.
#[test]
fn a_repetition_takes_nothing() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running = Running::start_with(&folder.data(), ["--upstream", &upstream.url]).unwrap();
    let key = fenced(
        &running,
        &folder,
        "fenced",
        &["read", "trade"],
        &json!({"daily_orders": 3, "message_throttle": 4}),
    );
    upstream.behave(reply(r#"{"code":"0","msg":"","data":[{"ordId":"1","clOrdId":"","tag":"","ts":"1","sCode":"0","sMsg":""}]}"#));
    let first = Signed::new(&key, "POST", ORDER, &limit("BTC-USDT", "1", "1").to_string());
    assert_eq!(send(&running, &first).code(), "0");
    for _ in 0..5 {
        assert_eq!(send(&running, &first).code(), "50042");
    }
    for (at, expected) in ["0", "0", "51203"].into_iter().enumerate() {
        let mut body = limit("BTC-USDT", "1", "1");
        body["clOrdId"] = json!(format!("b{at}"));
        assert_eq!(verdict(&ask(&running, &key, ORDER, &body)), expected);
    }
}

/// What cannot be read in one way only is refused before the exchange sees it, whatever its headers say.
#[test]
fn bodies_that_are_compressed_or_of_another_type_are_refused() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running = Running::start_with(&folder.data(), ["--upstream", &upstream.url]).unwrap();
    let key = fenced(&running, &folder, "fenced", &["read", "trade"], &json!({"instruments": ["BTC-USDT"]}));
    let asked = upstream.requests().len();
    let body = limit("BTC-USDT", "1", "1").to_string();
    for (target, more) in [
        (ORDER.to_owned(), "Content-Encoding: gzip\r\n"),
        (ORDER.to_owned(), "Content-Encoding: identity\r\n"),
        (format!("{ORDER}?sz=5"), ""),
        (format!("{ORDER}?"), ""),
    ] {
        let mut request = Signed::new(&key, "POST", &target, &body);
        request.more = more.to_owned();
        assert_eq!(verdict(&send(&running, &request)), "51000", "{target} {more}");
    }
    assert_eq!(upstream.requests().len(), asked);
    assert_eq!(verdict(&ask(&running, &key, ORDER, &limit("BTC-USDT", "1", "1"))), "0");
}

/// F32: each of these could be taken in two ways by two readers, or asks for what no limit knows.
#[test]
fn two_thousand_hostile_bodies_never_reach_the_exchange() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running =
        Running::start_with(&folder.data(), ["--upstream", &upstream.url, "--raise-rates", "100000"])
            .unwrap();
    // What this exchange does not list has no value, so none is asked for.
    let limits = json!({"instruments": ["BTC-USDT"], "order_types": ["limit"], "daily_orders": 1_000_000});
    let key = fenced(&running, &folder, "fenced", &["read", "trade"], &limits);
    let asked = upstream.requests().len();
    let bodies = hostile();
    assert!(bodies.len() >= 2_000, "{}", bodies.len());
    let mut wire = Wire::open(running.address("gateway_url").unwrap());
    let mut codes = std::collections::BTreeMap::<String, usize>::new();
    for (path, body) in &bodies {
        wire.write(&Signed::new(&key, "POST", path, body).bytes());
        let reply = wire.read().expect("an answer");
        let code = verdict(&reply);
        assert!(["51000", "51001", "50120"].contains(&code.as_str()), "{code} {path} {body}");
        *codes.entry(code).or_default() += 1;
    }
    assert_eq!(upstream.requests().len(), asked, "{codes:?}");
    assert_eq!(codes.len(), 3, "{codes:?}");
    // The same key, with a body that is read in one way only.
    assert_eq!(send(&running, &Signed::new(&key, "POST", ORDER, GOOD)).code(), "0");
}

const GOOD: &str =
    r#"{"instId":"BTC-USDT","tdMode":"cash","side":"buy","ordType":"limit","sz":"0.001","px":"20000"}"#;

/// Bodies made from a good one, each spoilt at one place.
fn hostile() -> Vec<(&'static str, String)> {
    let members = ["instId", "tdMode", "side", "ordType", "sz", "px"];
    let values = ["BTC-USDT", "cash", "buy", "limit", "0.001", "20000"];
    let mut bodies = Vec::new();
    let mut add = |body: String| bodies.push((ORDER, body));
    for (name, value) in members.into_iter().zip(values) {
        let member = format!("\"{name}\":\"{value}\"");
        // The member twice, in every order, with the same value and with others, also hidden by an escape or deeper inside.
        for other in [value, "", "1", "ETH-USDT", "sell", "market", "cross", "999999"] {
            add(GOOD.replace(&member, &format!("\"{name}\":\"{other}\",{member}")));
            add(GOOD.replace(&member, &format!("{member},\"{name}\":\"{other}\"")));
            for at in 0..name.len() {
                let escaped = format!("{}\\u{:04x}{}", &name[..at], name.as_bytes()[at], &name[at + 1..]);
                add(GOOD.replace(&member, &format!("\"{escaped}\":\"{other}\",{member}")));
                add(GOOD.replace(&format!("\"{name}\""), &format!("\"{escaped}\"")));
            }
            for deep in ["{{D}}", "[{{D}}]", "[[{{D}}]]", "{\"a\":{{D}}}", "{\"a\":[{{D}}]}"] {
                let twice = format!("{{\"{name}\":\"{other}\",\"{name}\":\"{value}\"}}");
                add(GOOD.replace(&member, &format!("\"tag\":{},{member}", deep.replace("{{D}}", &twice))));
            }
        }
        // Other types, other cases, other letters that look alike, unknown words.
        for odd in [
            "[]",
            "{}",
            "true",
            "false",
            "[\"x\"]",
            "{\"a\":1}",
            "1e3",
            "-1",
            "NaN",
            "Infinity",
            "\"\\u0000\"",
            "\" \"",
        ] {
            add(GOOD.replace(&member, &format!("\"{name}\":{odd}")));
        }
        for odd in [
            value.to_uppercase() + "x",
            format!(" {value}"),
            format!("{value} "),
            format!("{value}\\u200b"),
            format!("\u{ff0d}{value}"),
            format!("+{value}"),
            format!("{value}\\n"),
        ] {
            add(GOOD.replace(&member, &format!("\"{name}\":\"{odd}\"")));
        }
        for case in [
            name.to_uppercase(),
            name.to_lowercase() + "_",
            format!("{name} "),
            format!(" {name}"),
            format!("{name}\\u0000"),
        ] {
            add(GOOD.replace(&format!("\"{name}\""), &format!("\"{case}\"")));
        }
    }
    // Numbers that programs read differently.
    for name in ["sz", "px"] {
        let value = if name == "sz" { "0.001" } else { "20000" };
        for odd in [
            "1e-3",
            "1E-3",
            "0x1",
            "0b1",
            "0o7",
            "+1",
            "-1",
            "01",
            "00",
            ".5",
            "5.",
            "1.",
            "1_000",
            "1,000",
            "1 000",
            "١",
            "１",
            "1f",
            "1d",
            "NaN",
            "Infinity",
            "-Infinity",
            "1e999",
            "1.2.3",
            "--1",
            "0.0000000000000000001",
            "1000000000000000000000",
            "1;",
            "1\\u0030",
            "½",
        ] {
            if odd != "1\\u0030" {
                add(GOOD.replace(&format!("\"{value}\""), &format!("\"{odd}\"")));
            }
            add(GOOD.replace(&format!("\"{value}\""), odd));
        }
        add(GOOD.replace(&format!("\"{value}\""), &format!("\"{}\"", "9".repeat(40))));
    }
    // Around the whole, and encodings.
    for (before, after) in [
        ("\u{feff}", ""),
        ("", "\u{0}"),
        ("", "x"),
        ("", GOOD),
        ("[", "]"),
        ("{\"a\":", "}"),
        ("", ","),
        ("(", ")"),
        ("x=", ""),
        ("/*c*/", ""),
        ("//c\n", ""),
        ("\"", "\""),
    ] {
        add(format!("{before}{GOOD}{after}"));
    }
    for depth in [9, 50, 1_000, 20_000] {
        add(GOOD.replace('{', &format!("{{\"tag\":{}{},", "[".repeat(depth), "]".repeat(depth))));
    }
    // Members that no limit knows.
    for at in 0..400 {
        add(GOOD.replace('{', &format!("{{\"m{at}\":\"{at}\",")));
    }
    for word in [
        "Market",
        "MARKET",
        "limit ",
        "iceberg2",
        "stop",
        "conditional",
        "oco",
        "twap",
        "op_fok2",
        "elp",
        "rpi",
        "mit",
        "lit",
        "moc",
    ] {
        add(GOOD.replace("limit", word));
    }
    for instrument in [
        "ETH-USDT",
        "BTC-USDT-SWAP",
        "btc-usdt",
        "BTC-USD",
        "BTC_USDT",
        "BTCUSDT",
        "BTC-USDT.",
        "*-*",
        "BTC-*",
    ] {
        add(GOOD.replace("BTC-USDT", instrument));
    }
    // Routes that no limit can judge.
    for path in [
        "/api/v5/sprd/order",
        "/api/v5/trade/easy-convert",
        "/api/v5/trade/amend-algos",
        "/api/v5/tradingBot/grid/order-algo",
        "/api/v5/copytrading/algo-order",
        "/api/v5/rfq/execute-quote",
        "/api/v5/account/set-position-mode",
    ] {
        bodies.push((path, format!("{GOOD} ")));
    }
    // The same in a list of two, behind a good one.
    let lists = bodies.iter().filter(|(path, _)| *path == ORDER);
    let lists: Vec<_> = lists.map(|(_, body)| (BATCH, format!("[{GOOD},{body}]"))).collect();
    bodies.extend(lists);
    bodies.sort();
    bodies.dedup();
    bodies.retain(|(_, body)| body != GOOD && *body != format!("[{GOOD},{GOOD}]"));
    bodies
}

/// M6: what a quarantine lets through at the gateway.
#[test]
fn a_key_in_quarantine_reads_and_cancels() {
    let folder = Folder::new();
    let running = Running::start_with(&folder.data(), ["--raise-rates", "1000"]).unwrap();
    let key = fenced(&running, &folder, "bot", &["read", "trade"], &json!({}));
    let placed = ask(&running, &key, ORDER, &limit("BTC-USDT", "0.001", "20000"));
    let id =
        serde_json::from_str::<Value>(&placed.body).unwrap()["data"][0]["ordId"].as_str().unwrap().to_owned();
    let data = folder.data();
    keyward(&["key", "stop-trading", "--data", data.to_str().unwrap(), &key.api_key]);
    until("its orders are refused", 5_000, || {
        ask(&running, &key, ORDER, &limit("BTC-USDT", "0.001", "20000")).code() == "50120"
    });
    let cancel = json!({"instId": "BTC-USDT", "ordId": id});
    assert_eq!(verdict(&ask(&running, &key, "/api/v5/trade/cancel-order", &cancel)), "0");
    assert_eq!(send(&running, &Signed::new(&key, "GET", "/api/v5/account/balance", "")).code(), "0");
    keyward(&["key", "lift-quarantine", "--data", data.to_str().unwrap(), &key.api_key]);
    until("its orders pass again", 5_000, || {
        verdict(&ask(&running, &key, ORDER, &limit("BTC-USDT", "0.001", "20000"))) == "0"
    });
}

/// Sets the limits of the sandbox trader's account at the host, or of its sub-account.
fn limit_account(folder: &Folder, sub_account: Option<&str>, limits: &Value) {
    let (data, limits) = (folder.data(), limits.to_string());
    let mut words =
        vec!["account", "limits", "--data", data.to_str().unwrap(), "--account", "trader@keyward.example"];
    words.extend(["--set", &limits]);
    words.extend(sub_account.iter().flat_map(|name| ["--sub-account", *name]));
    keyward(&words);
}

/// The stricter of a key's limits and its account's decides, and the account's day is that of all its keys.
#[test]
fn an_accounts_limits_hold_over_all_its_keys() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let arguments = ["--upstream", &upstream.url, "--raise-rates", "1000"];
    let running = Running::start_with(&folder.data(), arguments).unwrap();
    limit_account(&folder, None, &json!({"daily_orders": 5, "trade_modes": ["cash"]}));
    // One from before, one from after, and one with limits of its own.
    let old = running.key("trade").unwrap();
    let new = fenced(&running, &folder, "after", &["read", "trade"], &json!({}));
    let strict = fenced(&running, &folder, "strict", &["read", "trade"], &json!({"daily_orders": 1}));
    let mut cross = limit("BTC-USDT", "1", "1");
    cross["tdMode"] = json!("cross");
    until("the key from before has them", 5_000, || verdict(&ask(&running, &old, ORDER, &cross)) == "50120");
    let number = AtomicU64::new(0);
    let place = |key: &KeyEntry| {
        let number = number.fetch_add(1, Ordering::Relaxed);
        ask(&running, key, ORDER, &limit("BTC-USDT", &format!("{}", number + 1), "1"))
    };
    assert_eq!(verdict(&place(&strict)), "0");
    let refused = place(&strict);
    assert!(refused.body.contains("this key's limit daily_orders (1 a day)"), "{}", refused.body);
    for key in [&old, &new, &old, &new] {
        assert_eq!(verdict(&place(key)), "0");
    }
    for key in [&old, &new] {
        let refused = place(key);
        assert!(refused.body.contains("this account's limit daily_orders (5 a day)"), "{}", refused.body);
    }
    // A sub-account has its own.
    let sub = running.key("sub").unwrap();
    assert_eq!(verdict(&place(&sub)), "0");
    limit_account(&folder, Some("probeSub01"), &json!({"instruments": ["ETH-USDT"]}));
    until("the sub-account's hold", 5_000, || verdict(&place(&sub)) == "51001");
    // The sums stand after a crash.
    let running = running.crash_and_restart().unwrap();
    known(&running, &new);
    until("the account's day stands", 10_000, || {
        let code = verdict(&ask(&running, &new, ORDER, &limit("BTC-USDT", "77", "1")));
        assert_ne!(code, "0");
        code == "51203"
    });
    limit_account(&folder, None, &json!({}));
    until("they are gone", 5_000, || {
        verdict(&ask(&running, &new, ORDER, &limit("BTC-USDT", "78", "1"))) == "0"
    });
}

/// A limit that only watches lets pass, and its holder is told of what it would have refused.
#[test]
fn a_limit_that_only_watches_refuses_nothing_and_is_told() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running = Running::start_with(&folder.data(), ["--upstream", &upstream.url]).unwrap();
    let limits = json!({"monitor": {"instruments": ["BTC-USDT"], "daily_orders": 2}});
    let key = fenced(&running, &folder, "watched", &["read", "trade"], &limits);
    for (number, instrument) in ["BTC-USDT", "BTC-USDT", "ETH-USDT", "BTC-USDT"].into_iter().enumerate() {
        let order = limit(instrument, &format!("{}", number + 1), "1");
        assert_eq!(verdict(&ask(&running, &key, ORDER, &order)), "0");
    }
    until("both are told", 10_000, || alerts(&folder, "limit_watched") == 2);
    change(&folder, &key, &json!({"instruments": ["BTC-USDT"]}));
    until("it refuses now", 5_000, || {
        verdict(&ask(&running, &key, ORDER, &limit("ETH-USDT", "9", "1"))) == "51001"
    });
}

/// RTS 6, article 15(3): the same order again and again stops the key, until its holder lets it go on.
#[test]
fn the_same_order_again_and_again_stops_the_key() {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let running = Running::start_with(&folder.data(), ["--upstream", &upstream.url]).unwrap();
    let limits = json!({"repeated_execution": {"times": 5, "seconds": 600}});
    let key = fenced(&running, &folder, "loop", &["read", "trade"], &limits);
    let number = AtomicU64::new(0);
    // Another client id does not make it another order.
    let place = |size: &str| {
        let mut order = limit("BTC-USDT", size, "1");
        order["clOrdId"] = json!(format!("n{}", number.fetch_add(1, Ordering::Relaxed)));
        verdict(&ask(&running, &key, ORDER, &order))
    };
    // A batch of the same order counts each.
    let batches = fenced(&running, &folder, "batches", &["read", "trade"], &limits);
    let same = |count: usize| json!(vec![limit("BTC-USDT", "1", "1"); count]);
    assert_eq!(verdict(&ask(&running, &batches, BATCH, &same(6))), "50120");
    until("that stops the key", 5_000, || alerts(&folder, "key_quarantined") == 1);
    // Copies of one request are no repetition of an order.
    let once = Signed::new(&key, "POST", ORDER, &limit("BTC-USDT", "1", "1").to_string());
    assert_eq!(verdict(&send(&running, &once)), "0");
    for _ in 0..20 {
        assert_eq!(send(&running, &once).code(), "50042");
    }
    for round in 0..4 {
        assert_eq!(place("1"), "0");
        assert_eq!(place("2"), "0");
        assert_eq!(send(&running, &once).code(), "50042", "{round}");
    }
    assert_eq!(send(&running, &once).code(), "50042", "a copy after the last that may be");
    assert_eq!(alerts(&folder, "key_quarantined"), 1);
    assert_eq!(place("1"), "50120", "the sixth");
    // Another order each time: what stops it is no limit.
    let size = AtomicU64::new(100);
    let another = || place(&size.fetch_add(1, Ordering::Relaxed).to_string());
    until("the key stops trading", 5_000, || another() == "50120");
    assert_eq!(alerts(&folder, "key_quarantined"), 2);
    let cancel = json!({"instId": "BTC-USDT", "ordId": "1"});
    assert_eq!(verdict(&ask(&running, &key, "/api/v5/trade/cancel-order", &cancel)), "0");
    let data = folder.data();
    keyward(&["key", "lift-quarantine", "--data", data.to_str().unwrap(), &key.api_key]);
    until("its holder lets it go on", 5_000, || another() == "0");
    assert_eq!(place("1"), "50120", "the same order is still too often");
    // Word of it goes out once in five seconds.
    until("it stops again", 10_000, || {
        place("1");
        alerts(&folder, "key_quarantined") == 3
    });
}
