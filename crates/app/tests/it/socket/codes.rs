//! Requests that are refused, by the codes of OKX contract 3.6; and rates, which operations share with their twins by REST.

use keyward_testkit::process::{KeyEntry, Running};

use super::exchange::Exchange;
use super::keys::{logged_in, quick, usual};
use super::wire::{Frame, Socket, order, subscribe};
use crate::world::{Folder, ORDER, Signed, Wire, send};

/// 60012: the request is repeated as it came, because ccxt looks in there for the id.
#[test]
fn what_is_no_request_is_repeated() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let running = quick(&folder, &exchange);
    let key = running.key("trade").unwrap();
    for mut socket in [Socket::open(&running, "/ws/v5/private"), logged_in(&running, "/ws/v5/private", &key)]
    {
        for text in [
            "",
            "hello",
            "pong",
            "Ping",
            "ping\n",
            "{}",
            "[]",
            "null",
            r#"{"op":1}"#,
            r#"{"op":""}"#,
            r#"{"args":[{"channel":"account"}]}"#,
            r#"{"op":"subscribe"}"#,
            r#"{"op":"subscribe","args":[]}"#,
            r#"{"op":"subscribe","args":{"channel":"account"}}"#,
            r#"{"op":"subscribe","args":["account"]}"#,
            r#"{"op":"subscribe","args":[{"channel":1}]}"#,
            r#"{"op":"subscribe","args":[{"channel":"account","ccy":1}]}"#,
            r#"{"op":"subscribe","args":[{"channel":"account"}],"more":1}"#,
            r#"{"op":"subscribe","op":"login","args":[{"channel":"account"}]}"#,
            r#"{"op":"subscribe","args":[{"channel":"account","channel":"orders"}]}"#,
            r#"{"op":"subscribe","id":7,"args":[{"channel":"account"}]}"#,
            r#"{"op":"subscribe","id":"a-b","args":[{"channel":"account"}]}"#,
            r#"{"op":"subscribe","args":[{"channel":"account"}]}{"op":"subscribe","args":[{"channel":"orders"}]}"#,
            r#"{"op":"order","args":[{"instId":"BTC-USDT"}]}"#,
            r#"{"id":"17321173472466905","op":"amend-order","args":[{"ordId":"1"}],"postOnly":true}"#,
            r#"{"id":"1","op":"order","args":[{"px":"1","px":"2"}]}"#,
            r#"{"id":"1","op":"order","args":[{"px":1e999}]}"#,
            r#"{"id":"1","op":"order","args":[{"a":[[[[[[[[1]]]]]]]]}]}"#,
            "{\"id\":\"1\",\"op\":\"order\",\"args\":[{\"a\":\"\u{1}\"}]}",
            "\u{1f600}\u{0}\"\\",
        ] {
            let reply = socket.ask(text);
            let told = ["event", "code", "msg"].map(|name| reply[name].as_str().unwrap());
            assert_eq!(told, ["error", "60012", &format!("Illegal request: {text}")]);
        }
        assert!(socket.goes_on());
    }
    assert!(exchange.told().is_empty(), "{:?}", exchange.told());
}

/// 60013, 60018, 60019, 60028.
#[test]
fn each_other_refusal_has_its_code() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let running = quick(&folder, &exchange);
    let key = running.key("trade").unwrap();
    let wrong_url = |channel: &str| {
        format!(
            "Wrong URL or channel:{channel} doesn't exist. Please use the correct URL, channel and parameters referring to API document."
        )
    };
    // Of channels, before a login and after it.
    for log_in in [false, true] {
        for (path, channel) in [
            ("/ws/v5/public", "tickersx"),
            ("/ws/v5/public", "Tickers"),
            ("/ws/v5/public", "account"),
            ("/ws/v5/public", "candle1m"),
            ("/ws/v5/private", "tickers"),
            ("/ws/v5/private", "orders-algo"),
            ("/ws/v5/private", ""),
            ("/ws/v5/business", "orders"),
            ("/ws/v5/business", "books"),
            ("/ws/v5/business", "candle1"),
        ] {
            let mut socket = Socket::open(&running, path);
            if log_in {
                socket.log_in(&key);
            }
            for op in ["subscribe", "unsubscribe"] {
                let text = format!(r#"{{"id":"a1","op":"{op}","args":[{{"channel":"{channel}"}}]}}"#);
                let reply = socket.ask(&text);
                let told = ["id", "event", "code", "msg"].map(|name| reply[name].as_str().unwrap());
                assert_eq!(told, ["a1", "error", "60018", &wrong_url(channel)], "{path}");
            }
        }
    }
    // Of operations: an error where it is the path or the name, and the operation's own envelope where it is the arguments.
    for (path, op, code) in [
        ("/ws/v5/private", "sprd-order", "60028"),
        ("/ws/v5/private", "sprd-mass-cancel", "60028"),
        ("/ws/v5/business", "order", "60028"),
        ("/ws/v5/business", "batch-cancel-orders", "60028"),
        ("/ws/v5/public", "order", "60028"),
        ("/ws/v5/public", "sprd-order", "60028"),
        ("/ws/v5/private", "orders", "60019"),
        ("/ws/v5/private", "Order", "60019"),
        ("/ws/v5/private", "withdrawal", "60019"),
        ("/ws/v5/private", "ping", "60019"),
        ("/ws/v5/private", "\\u006frder2", "60019"),
    ] {
        let mut socket = logged_in(&running, path, &key);
        let reply = socket.ask(&format!(r#"{{"id":"8","op":"{op}","args":[{{"instId":"BTC-USDT"}}]}}"#));
        let told = ["event", "code", "id"].map(|name| reply[name].as_str().unwrap());
        assert_eq!(told, ["error", code, "8"], "{path}, {op}");
        if code == "60019" {
            assert_eq!(reply["msg"], format!("Invalid op: {}", op.replace("\\u006f", "o")));
        }
    }
    let mut socket = logged_in(&running, "/ws/v5/private", &key);
    let two = r#"[{"instId":"BTC-USDT"},{"instId":"BTC-USDT"}]"#;
    let many = format!("[{}]", vec!["{\"a\":\"1\"}"; 21].join(","));
    for (op, args) in [
        ("order", "[]"),
        ("order", "{}"),
        ("order", "null"),
        ("order", "[null]"),
        ("order", "[[]]"),
        ("order", "[\"BTC-USDT\"]"),
        ("order", two),
        ("amend-order", two),
        ("cancel-order", two),
        ("mass-cancel", two),
        ("batch-orders", "[]"),
        ("batch-orders", "[{},1]"),
        ("batch-orders", &many),
        ("batch-cancel-orders", &many),
    ] {
        let reply = socket.ask(&format!(r#"{{"id":"7","op":"{op}","args":{args}}}"#));
        let told = ["id", "op", "code", "msg"].map(|name| reply[name].as_str().unwrap());
        assert_eq!(told, ["7", op, "60013", "Invalid args"], "{args}");
        assert_eq!(reply["data"], serde_json::json!([]));
        assert_eq!(reply.get("event"), None, "{reply}");
    }
    for until in ["\"\"", "\"x\"", "1.5", "-1", "null"] {
        let text = format!(r#"{{"id":"7","op":"order","args":[{{}}],"expTime":{until}}}"#);
        assert_eq!(socket.ask(&text)["code"], "60013", "{until}");
    }
    assert!(exchange.told().is_empty(), "{:?}", exchange.told());
    assert_eq!(socket.ask(&order("9"))["code"], "0");
}

/// 60014: 480 logins and changes of subscriptions an hour and socket. Pings and operations do not count.
#[test]
fn the_four_hundred_and_eighty_first_request_is_refused() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let running = quick(&folder, &exchange);
    let key = running.key("trade").unwrap();
    let mut socket = Socket::open(&running, "/ws/v5/public");
    let requests = [subscribe("tickers"), subscribe("tickers").replacen("subscribe", "unsubscribe", 1)];
    let passed = requests.iter().cycle().take_while(|text| {
        let reply = socket.ask(text);
        let passes = reply["event"] != "error";
        assert!(passes || reply["code"] == "60014", "{reply}");
        passes
    });
    // One more comes every seven and a half seconds.
    let passed = passed.count();
    assert!((480..=483).contains(&passed), "{passed}");
    assert!(socket.goes_on());
    let heard = exchange.told().len();
    assert_eq!(socket.ask(&super::wire::Login::of(&key).text())["code"], "60014");
    assert_eq!(exchange.told().len(), heard);
    // Of this socket, and of no other.
    assert_eq!(Socket::open(&running, "/ws/v5/public").ask(&subscribe("tickers"))["event"], "subscribe");
}

/// Orders by REST until the rate is used up.
fn use_up_by_rest(running: &Running, key: &KeyEntry, round: usize) {
    let orders = (0..1_000)
        .map(|number| Signed::new(key, "POST", &format!("/api/v5/trade/order?n={round}-{number}"), ORDER));
    let refused = orders.map(|order| send(running, &order).code()).find(|code| code != "0");
    assert_eq!(refused.as_deref(), Some("50011"));
}

/// 50011: an operation and its twin by REST have one rate. It fills up again all the time, so a few are sent at once.
#[test]
fn operations_share_the_rates_of_their_twins() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let running = usual(&folder, &exchange);
    let (key, other) = (running.key("trade").unwrap(), running.key("manage").unwrap());
    let mut socket = logged_in(&running, "/ws/v5/private", &key);
    // Five operations at once; how many are refused.
    let several = |socket: &mut Socket| {
        let all: Vec<u8> =
            (0..5).flat_map(|number| Frame::text(&order(&format!("{number}"))).bytes()).collect();
        socket.write(&all);
        let codes: Vec<String> = (0..5).map(|_| socket.json()["code"].as_str().unwrap().to_owned()).collect();
        assert!(codes.iter().all(|code| code == "0" || code == "50011"), "{codes:?}");
        codes.iter().filter(|code| *code == "50011").count()
    };
    let refused = (0..5).any(|round| {
        use_up_by_rest(&running, &key, round);
        several(&mut socket) >= 3
    });
    assert!(refused, "what REST has used up is there for operations");
    // The other way: operations until the rate is used up, and then five by REST.
    let address = running.address("gateway_url").unwrap();
    let refused = (0..5).any(|round| {
        while several(&mut socket) < 3 {}
        let mut wire = Wire::open(address);
        let asks = (0..5).map(|number| {
            Signed::new(&key, "POST", &format!("/api/v5/trade/order?m={round}-{number}"), ORDER).bytes()
        });
        wire.write(&asks.collect::<Vec<_>>().concat());
        (0..5).filter(|_| wire.read().unwrap().code() == "50011").count() >= 3
    });
    assert!(refused, "what operations have used up is there for REST");
    // The rate is the account's, whichever of its keys asks; another operation and another account have their own.
    let refused = (0..5).any(|_| {
        while several(&mut socket) < 3 {}
        let mut beside = logged_in(&running, "/ws/v5/private", &other);
        several(&mut beside) >= 3
    });
    assert!(refused, "another key of the account has a rate of its own");
    let cancel = r#"{"id":"6","op":"cancel-order","args":[{"instId":"BTC-USDT","ordId":"1"}]}"#;
    assert_eq!(socket.ask(cancel)["code"], "0");
    let mut elsewhere = logged_in(&running, "/ws/v5/private", &running.key("sub").unwrap());
    assert_eq!(elsewhere.ask(&order("1"))["code"], "0");
    // The refusal is in the operation's own envelope.
    while several(&mut socket) < 3 {}
    let reply = (0..20).map(|_| socket.ask(&order("42"))).find(|reply| reply["code"] == "50011").unwrap();
    let told = ["id", "op", "msg"].map(|name| reply[name].as_str().unwrap());
    assert_eq!(told, ["42", "order", "Too Many Requests"]);
}
