//! Logins over real sockets (OKX contract 3.1, 3.6): every code, every form that clients send, and what may be repeated.

use std::time::Duration;

use keyward_testkit::process::{KeyEntry, Running};
use serde_json::Value;

use super::exchange::Exchange;
use super::keys::{logged_in, quick};
use super::wire::{End, Login, Socket, subscribe, upgrade};
use crate::world::{Folder, Wire, now_ms, until};

fn seconds_ago(seconds: u64) -> String {
    (now_ms() / 1_000 - seconds).to_string()
}

fn socket_with(running: &Running, path: &str, more: &str) -> Socket {
    let stream = Wire::open(running.address("gateway_url").unwrap()).0;
    Socket::over(stream, upgrade(path, more).as_bytes()).unwrap()
}

/// Sends a login that does not hold, which ends the socket; gives the code and the text.
fn refused(mut socket: Socket, text: &str) -> (String, String) {
    let reply = socket.ask(text);
    assert_eq!(reply["event"], "error", "{text}: {reply}");
    let told = reply["connId"].as_str().unwrap();
    assert!(told.len() == 8 && told.bytes().all(|byte| byte.is_ascii_hexdigit()), "{reply}");
    let (code, message) = (reply["code"].as_str().unwrap(), reply["msg"].as_str().unwrap());
    assert_eq!(socket.end(), End::Closed(Some(4_001), "Login Failed".to_owned()), "{text}");
    (code.to_owned(), message.to_owned())
}

#[test]
fn each_refusal_of_a_login_has_its_code() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let running = quick(&folder, &exchange);
    let key = |name: &str| running.key(name).unwrap();
    let trade = key("trade");
    let good = || Login::of(&trade);
    let other = Login::of(&key("read"));
    let stamped = |timestamp: &str| Login::at(&trade, timestamp);
    let named = |name: &str| Login::of(&key(name));
    let cases = [
        ("a malformed key", Login { key: "x".into(), ..good() }, "60005", "Invalid apiKey"),
        (
            "a key in upper case",
            Login { key: good().key.to_ascii_uppercase(), ..good() },
            "60005",
            "Invalid apiKey",
        ),
        (
            "an unknown key",
            Login { key: "00000000-0000-4000-8000-000000000000".into(), ..good() },
            "60005",
            "Invalid apiKey",
        ),
        ("a deleted key", named("deleted"), "60005", "Invalid apiKey"),
        ("an expired key", named("expired"), "60005", "Invalid apiKey"),
        ("a word as a timestamp", stamped("now"), "60004", "Invalid timestamp"),
        ("a timestamp of REST", stamped("2020-12-08T09:08:57.715Z"), "60004", "Invalid timestamp"),
        ("a timestamp with a sign", stamped("+1704876947"), "60004", "Invalid timestamp"),
        ("a timestamp with a blank", stamped(" 1704876947"), "60004", "Invalid timestamp"),
        ("an old timestamp", stamped(&seconds_ago(32)), "60006", "Timestamp request expired"),
        (
            "one ahead of time",
            stamped(&(now_ms() / 1_000 + 40).to_string()),
            "60006",
            "Timestamp request expired",
        ),
        ("milliseconds", stamped(&now_ms().to_string()), "60006", "Timestamp request expired"),
        (
            "another passphrase",
            Login { passphrase: "Wrong-Phrase-1".into(), ..good() },
            "60024",
            "Wrong passphrase",
        ),
        (
            "another key's passphrase",
            Login { passphrase: other.passphrase.clone(), ..good() },
            "60024",
            "Wrong passphrase",
        ),
        ("another key's signature", Login { sign: other.sign, ..good() }, "60007", "Invalid sign"),
        ("a short signature", Login { sign: "AAAA".into(), ..good() }, "60007", "Invalid sign"),
        (
            "a timestamp that was not signed",
            Login { timestamp: format!("\"{}\"", seconds_ago(3)), ..good() },
            "60007",
            "Invalid sign",
        ),
        ("a disabled key", named("disabled"), "60009", "Login failed. 50114 Invalid Authority"),
        (
            "a frozen key",
            named("frozen"),
            "60009",
            "Login failed. 50100 API frozen, please contact customer service.",
        ),
    ];
    for (name, login, code, message) in &cases {
        let told = refused(Socket::open(&running, "/ws/v5/private"), &login.text());
        assert_eq!((told.0.as_str(), told.1.as_str()), (*code, *message), "{name}");
    }
    // Right credentials from a wrong address. An app's addresses are told to nobody.
    let bound = key("bound_elsewhere");
    let told = refused(Socket::open(&running, "/ws/v5/private"), &Login::of(&bound).text());
    let expected = format!(
        "Login failed. 50110 Your IP 127.0.0.1 is not included in your API key's {} IP whitelist.",
        bound.api_key
    );
    assert_eq!(told, ("60009".to_owned(), expected));
    let of_app = key("app_elsewhere");
    let told = refused(Socket::open(&running, "/ws/v5/private"), &Login::of(&of_app).text());
    let expected = format!(
        "Login failed. 50110 Your IP is not included in your API key's {} IP whitelist.",
        of_app.api_key
    );
    assert_eq!(told, ("60009".to_owned(), expected));
    // Live and demo, by the query and by the header.
    let wrong =
        ("60009".to_owned(), "Login failed. 50101 APIKey does not match current environment.".to_owned());
    let demo = named("demo").text();
    for (path, more, text) in [
        ("/ws/v5/private?brokerId=9999", "", &good().text()),
        ("/ws/v5/private", "x-simulated-trading: 1\r\n", &good().text()),
        ("/ws/v5/private", "x-simulated-trading: 0\r\n", &demo),
    ] {
        assert_eq!(refused(socket_with(&running, path, more), text), wrong, "{path} {more}");
    }
    for (path, more) in [
        ("/ws/v5/private", ""),
        ("/ws/v5/private?brokerId=9999", ""),
        ("/ws/v5/private", "x-simulated-trading: 1\r\n"),
    ] {
        socket_with(&running, path, more).log_in(&key("demo"));
    }
    assert!(exchange.upgrades().is_empty(), "the exchange heard of a login");
}

/// 60027 and 60031: a login that lacks something, or names too much.
#[test]
fn a_login_names_one_account_in_full() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let running = quick(&folder, &exchange);
    let key = running.key("trade").unwrap();
    let ask = |text: &str| -> (String, String) {
        let reply = Socket::open(&running, "/ws/v5/private").ask(text);
        let member =
            |name: &str| reply[name].as_str().unwrap_or_else(|| panic!("{text}: {reply}")).to_owned();
        (member("code"), member("msg"))
    };
    let login = Login::of(&key);
    let values: [(&str, &str); 4] = [
        ("apiKey", &login.key),
        ("passphrase", &login.passphrase),
        ("timestamp", login.timestamp.trim_matches('"')),
        ("sign", &login.sign),
    ];
    for (name, value) in values {
        let expected = ("60027".to_owned(), format!("Parameter {name} can not be empty."));
        let member = format!("\"{name}\":\"{value}\"");
        let empty = login.text().replacen(&member, &format!("\"{name}\":\"\""), 1);
        assert_eq!(ask(&empty), expected, "{empty}");
        let absent =
            login.text().replacen(&member, "", 1).replace(",,", ",").replace("{,", "{").replace(",}", "}");
        assert_eq!(ask(&absent), expected, "{absent}");
    }
    let expected = ("60027".to_owned(), "Parameter args can not be empty.".to_owned());
    for text in [r#"{"op":"login"}"#, r#"{"op":"login","args":[]}"#] {
        assert_eq!(ask(text), expected, "{text}");
    }
    let text = login.text();
    let account = &text[text.find("[{").unwrap() + 1..text.find("}]").unwrap() + 1];
    let two = text.replacen(account, &format!("{account},{account}"), 1);
    assert_eq!(ask(&two).0, "60031", "{two}");

    // A socket is one key's, from its login on.
    let mut socket = logged_in(&running, "/ws/v5/private", &key);
    for again in [&key, &running.key("read").unwrap()] {
        let reply = socket.ask(&Login { more: r#""id":"9","#, ..Login::of(again) }.text());
        assert_eq!((&reply["code"], &reply["id"]), (&"60031".into(), &"9".into()), "{reply}");
    }
    assert_eq!(socket.ask(&subscribe("fills"))["event"], "subscribe");
    assert_eq!(exchange.told()[0].identity["keyward-key"], key.api_key);
}

#[test]
fn logins_hold_in_every_form_that_clients_send() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let running = quick(&folder, &exchange);
    let key = running.key("trade").unwrap();
    let now = || now_ms() / 1_000;
    let forms = [
        ("as ccxt", Login::of(&key).text()),
        ("as okx-api", Login { more: r#""id":"1","#, ..Login::of(&key) }.text()),
        ("as python-okx", Login::of(&key).with_number().text().replace(':', ": ").replace(',', ", ")),
        ("milliseconds as a fraction", Login::at(&key, &format!("{}.715", now())).text()),
        ("the same as a number", Login::at(&key, &format!("{}.715", now())).with_number().text()),
        ("one digit of a fraction", Login::at(&key, &format!("{}.5", now())).text()),
        ("a fraction of zero", Login::at(&key, &format!("{}.0", now())).with_number().text()),
        ("almost expired", Login::at(&key, &seconds_ago(25)).text()),
        ("ahead of time", Login::at(&key, &(now() + 25).to_string()).text()),
    ];
    for path in ["/ws/v5/public", "/ws/v5/private", "/ws/v5/business"] {
        for (name, text) in &forms {
            let reply = Socket::open(&running, path).ask(text);
            let members = reply.as_object().unwrap_or_else(|| panic!("{name}: {reply}"));
            assert_eq!(
                members.keys().collect::<Vec<_>>(),
                ["event", "code", "msg", "connId"],
                "{name}: {reply}"
            );
            let told = (&reply["event"], &reply["code"], &reply["msg"]);
            assert_eq!(told, (&Value::from("login"), &"0".into(), &"".into()), "{path}, {name}");
        }
    }
}

/// Bots log in again with the same second, and OKX permits it. A copied login works as long as its timestamp does.
#[test]
fn a_login_may_be_repeated_within_its_window_and_not_after() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let running = quick(&folder, &exchange);
    let key = running.key("trade").unwrap();
    let text = Login::at(&key, &seconds_ago(26)).text();
    let again = || Socket::open(&running, "/ws/v5/private").ask(&text)["code"].as_str().unwrap().to_owned();
    assert_eq!((again(), again()), ("0".to_owned(), "0".to_owned()));
    until("the login has expired", 15_000, || {
        // Some tries a second are enough.
        std::thread::sleep(Duration::from_millis(100));
        let code = again();
        assert!(["0", "60006"].contains(&code.as_str()), "{code}");
        code == "60006"
    });
    assert_eq!(again(), "60006");
}

/// 60011: what is an account's own needs a login, whatever it is.
#[test]
fn before_the_login_there_is_nothing_but_public_data() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let running = quick(&folder, &exchange);
    let key = running.key("trade").unwrap();
    for (path, asks) in [
        ("/ws/v5/private", ["account", "orders", "fills"].map(subscribe)),
        ("/ws/v5/business", ["orders-algo", "deposit-info", "withdrawal-info"].map(subscribe)),
        ("/ws/v5/public", ["books-l2-tbt", "books50-l2-tbt", "books-l2-tbt"].map(subscribe)),
    ] {
        let mut socket = Socket::open(&running, path);
        for text in asks {
            let reply = socket.ask(&text);
            assert_eq!((&reply["code"], &reply["msg"]), (&"60011".into(), &"Please log in".into()), "{text}");
            let whole = text.replacen("subscribe", "unsubscribe", 1);
            assert_eq!(socket.ask(&whole)["code"], "60011", "{whole}");
        }
        // One private channel among public ones refuses all of them.
        if path == "/ws/v5/public" {
            let mixed = r#"{"op":"subscribe","args":[{"channel":"tickers"},{"channel":"books-l2-tbt"}]}"#;
            assert_eq!(socket.ask(mixed)["code"], "60011");
        }
        for op in ["order", "batch-orders", "cancel-order", "mass-cancel", "sprd-order"] {
            let reply = socket.ask(&format!(r#"{{"id":"5","op":"{op}","args":[{{}}]}}"#));
            assert_eq!((&reply["code"], &reply["id"]), (&"60011".into(), &"5".into()), "{op}: {reply}");
        }
        assert!(exchange.told().is_empty());
    }
    let mut socket = Socket::open(&running, "/ws/v5/public");
    assert_eq!(socket.ask(&subscribe("tickers"))["event"], "subscribe");
    assert_eq!(exchange.told()[0].identity.get("keyward-account"), None, "public frames are nobody's");
    // The login comes after the exchange was connected to, which is told whose the socket is from now on.
    socket.log_in(&key);
    assert_eq!(socket.ask(&subscribe("books-l2-tbt"))["event"], "subscribe");
    let told = exchange.told();
    assert_eq!(told[1].request, r#"{"op":"login"}"#);
    for later in &told[1..] {
        assert_eq!(later.identity["keyward-key"], key.api_key, "{later:?}");
    }
    refuses_what_the_key_lacks(&running, &exchange);
}

/// 50120, in an event for channels, and in their own envelope for operations.
fn refuses_what_the_key_lacks(running: &Running, exchange: &Exchange) {
    let before = exchange.told().len();
    let text = "This API key doesn't have permission to use this function";
    let key = |name: &str| -> KeyEntry { running.key(name).unwrap() };
    let mut reads = logged_in(running, "/ws/v5/private", &key("read"));
    let reply = reads.ask(&super::wire::order("11"));
    let told = ["id", "op", "code", "msg"].map(|name| reply[name].as_str().unwrap());
    assert_eq!(told, ["11", "order", "50120", text]);
    assert_eq!(reply["data"], serde_json::json!([]));
    assert!(["inTime", "outTime"].iter().all(|name| reply[*name].as_str().unwrap().len() == 16), "{reply}");
    for (name, path, channel) in [
        ("trade", "/ws/v5/business", "withdrawal-info"),
        ("no_read", "/ws/v5/private", "account"),
        ("no_read", "/ws/v5/public", "books-l2-tbt"),
    ] {
        let reply = logged_in(running, path, &key(name)).ask(&subscribe(channel));
        let told = ["event", "code", "msg"].map(|name| reply[name].as_str().unwrap());
        assert_eq!(told, ["error", "50120", text], "{name}, {channel}");
    }
    assert_eq!(exchange.told().len(), before, "the exchange heard of it");
    let reply = logged_in(running, "/ws/v5/business", &key("withdraw")).ask(&subscribe("withdrawal-info"));
    assert_eq!(reply["event"], "subscribe");
}
