//! Who gets a socket, and which frames count.

use http::{HeaderMap, HeaderName, HeaderValue};
use keyward_rules::identity::{self, Identity, IdentityKey};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use super::{BUSINESS, Client, PRIVATE, PUBLIC, World, stranger};
use crate::signed::{NOW_MS, frame, headers, key, nobody, trader};

fn ticker() -> Value {
    json!({"op": "subscribe", "args": [{"channel": "tickers", "instId": "BTC-USDT"}]})
}

fn account() -> Value {
    json!({"id": "5", "op": "subscribe", "args": [{"channel": "account"}]})
}

#[tokio::test]
async fn only_the_gateway_gets_a_socket() {
    let world = World::new().await;
    let target = "/ws/v5/private?brokerId=9999";
    let good = || headers(&trader(), &key(1), "GET", target, "");
    let with = |name: &'static str, value: &'static str| {
        let mut headers = good();
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        headers
    };
    let late = Identity { deadline_ms: NOW_MS - 1, ..trader() };
    let odd = [
        HeaderMap::new(),
        with(identity::ACCOUNT, "1001"),
        with("keyward-role", "operator"),
        headers(&late, &key(1), "GET", target, ""),
        headers(&trader(), &key(2), "GET", target, ""),
        headers(&trader(), &IdentityKey::new(1, [6; 32]), "GET", target, ""),
        headers(&trader(), &key(1), "GET", PRIVATE, ""),
        headers(&trader(), &key(1), "WS", target, ""),
        headers(&trader(), &key(1), "GET", target, "{}"),
    ];
    for identity in odd {
        assert_eq!(world.upgrade(target, identity.clone()).await.err(), Some(403), "{identity:?}");
    }
    assert_eq!(world.exchange.open_sockets(), 0);
    let other = "/ws/v5/other";
    let identity = headers(&trader(), &key(1), "GET", other, "");
    assert_eq!(world.upgrade(other, identity).await.err(), Some(404));
    assert!(world.upgrade(target, good()).await.is_ok());
    assert_eq!(world.exchange.open_sockets(), 1);
}

#[tokio::test]
async fn a_path_of_sockets_takes_upgrades_only() {
    let world = World::new().await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let mut request = format!("GET {PUBLIC} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    for (name, value) in &headers(&nobody(), &key(1), "GET", PUBLIC, "") {
        request.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 426 ") && reply.contains(r#""code":"50005""#), "{reply}");
    assert_eq!(world.exchange.open_sockets(), 0);
}

#[tokio::test]
async fn a_frame_that_is_not_the_gateways_closes_the_socket() {
    let world = World::new().await;
    let request = ticker().to_string();
    let good = || frame(&nobody(), &key(1), PUBLIC, &request);
    let late = Identity { deadline_ms: NOW_MS - 1, ..nobody() };
    // Who asks is covered by the MAC as well.
    let named = Identity { account: Some("1001"), ..nobody() };
    let odd = [
        "ping".to_owned(),
        request.clone(),
        format!("{{}}\n{request}"),
        good().replace("BTC", "ETH"),
        good().replace("203.0.113.9", "203.0.113.8"),
        good().replacen('{', r#"{"keyward-account":"1001","#, 1),
        good().replacen('{', r#"{"keyward-role":"operator","#, 1),
        good().replacen('{', r#"{"keyward-request-id":"q1","#, 1),
        format!("{} ", good()),
        frame(&late, &key(1), PUBLIC, &request),
        frame(&nobody(), &key(2), PUBLIC, &request),
        frame(&nobody(), &IdentityKey::new(1, [6; 32]), PUBLIC, &request),
        frame(&nobody(), &key(1), BUSINESS, &request),
        frame(&named, &key(1), PUBLIC, &request).replace(r#""keyward-account":"1001","#, ""),
    ];
    for text in odd {
        let mut client = world.open(PUBLIC, &nobody()).await;
        client.send(Message::text(text.clone())).await;
        assert_eq!(client.closed().await, 1_008, "{text}");
    }
    let mut client = world.open(PUBLIC, &nobody()).await;
    client.send(Message::binary(good().into_bytes())).await;
    assert_eq!(client.closed().await, 1_008);
    assert_eq!(world.exchange.seen_count(), 0);

    let mut client = world.open(PUBLIC, &nobody()).await;
    client.send(Message::text(good())).await;
    assert_eq!(client.next().await["event"], "subscribe");
    let (count, seen) = world.exchange.seen();
    assert_eq!((count, seen[0].method.as_str(), seen[0].target.as_str()), (1, "WS", PUBLIC));
    assert_eq!(seen[0].body_hash, *blake3::hash(request.as_bytes()).as_bytes());
}

#[tokio::test]
async fn a_frame_belongs_to_the_target_of_its_upgrade() {
    let world = World::new().await;
    let target = "/ws/v5/public?brokerId=9999";
    let mut client = world.open(target, &nobody()).await;
    assert_eq!(client.reply(&nobody(), &ticker()).await["event"], "subscribe");
    client.send(Message::text(frame(&nobody(), &key(1), PUBLIC, &ticker().to_string()))).await;
    assert_eq!(client.closed().await, 1_008);
}

/// Asks, and expects that the socket is closed for it.
async fn refused(mut client: Client, told: &Identity<'_>, request: &Value) {
    client.ask(told, request).await;
    assert_eq!(client.closed().await, 1_008, "{request}");
}

#[tokio::test]
async fn a_socket_is_one_accounts_or_nobodys_yet() {
    let world = World::new().await;
    let order = json!({"id": "1", "op": "order", "args": [super::limit("1000")]});
    let login = json!({"op": "login"});
    for request in [&account(), &order, &login] {
        refused(world.open(PRIVATE, &nobody()).await, &nobody(), request).await;
    }
    // Without a login nothing is an account's, not even what its frame names.
    for request in [&account(), &order, &ticker()] {
        refused(world.open(PRIVATE, &nobody()).await, &trader(), request).await;
    }
    let demo = Identity { environment: "demo", ..trader() };
    let sub = Identity { sub_account: Some("2002"), ..trader() };
    for other in [&stranger(), &demo, &sub, &nobody()] {
        for request in [&account(), &order, &login] {
            refused(world.open(PRIVATE, &trader()).await, other, request).await;
        }
    }
    assert_eq!(world.exchange.seen_count(), 0);
    assert_eq!(world.post(&trader(), "trade/order", &super::limit("1000"))["code"], "0", "it still works");
}

#[tokio::test]
async fn a_login_comes_with_the_upgrade_or_in_a_frame() {
    let world = World::new().await;
    let mut first = world.open(PRIVATE, &trader()).await;
    let reply = first.reply(&trader(), &account()).await;
    assert_eq!((&reply["event"], &reply["id"]), (&json!("subscribe"), &json!("5")));

    // Public channels first, then a login that is answered with nothing.
    let mut later = world.open(BUSINESS, &nobody()).await;
    let candles = json!({"op": "subscribe", "args": [{"channel": "candle1m", "instId": "BTC-USDT"}]});
    assert_eq!(later.reply(&nobody(), &candles).await["event"], "subscribe");
    assert_eq!(later.next().await["arg"]["channel"], "candle1m");
    later.ask(&trader(), &json!({"op": "login"})).await;
    let withdrawals = json!({"op": "subscribe", "args": [{"channel": "withdrawal-info"}]});
    let reply = later.reply(&trader(), &withdrawals).await;
    assert_eq!((&reply["event"], &reply["arg"]["channel"]), (&json!("subscribe"), &json!("withdrawal-info")));
    assert_eq!(world.exchange.seen_count(), 4);
    assert_eq!(world.exchange.open_sockets(), 2);
}

#[tokio::test]
async fn each_socket_has_a_name_of_its_own() {
    let world = World::new().await;
    let mut names = Vec::new();
    for request_id in ["q1", "q2"] {
        let mut client = world.open(PUBLIC, &Identity { request_id, ..nobody() }).await;
        let reply = client.reply(&nobody(), &ticker()).await;
        names.push(reply["connId"].as_str().unwrap().to_owned());
    }
    assert!(names.iter().all(|name| name.len() == 8 && name.bytes().all(|byte| byte.is_ascii_hexdigit())));
    assert_ne!(names[0], names[1]);
}

#[tokio::test]
async fn what_is_no_request_is_answered_with_an_error() {
    let world = World::new().await;
    let mut client = world.open(PUBLIC, &nobody()).await;
    for (text, code, message) in [
        (r#"{"op":"subscribe","args":[]}"#, "60012", r#"Illegal request: {"op":"subscribe","args":[]}"#),
        ("nonsense", "60012", "Illegal request: nonsense"),
        (r#"{"op":"dance","args":[{}]}"#, "60019", "Invalid op: dance"),
    ] {
        client.send(Message::text(frame(&nobody(), &key(1), PUBLIC, text))).await;
        let reply = client.next().await;
        assert_eq!((&reply["event"], &reply["code"]), (&json!("error"), &json!(code)));
        assert_eq!(reply["msg"], message);
    }
}
