//! Sockets as the gateway meets them: a client over loopback, with frames signed as the gateway signs them.

mod accounts;
mod admission;
mod ending;
mod market;
mod operations;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http::HeaderMap;
use keyward_rules::identity::Identity;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::Exchange;
use crate::caller::Parts;
use crate::claims::Claims;
use crate::signed::{NOW_MS, frame, headers, key, trader};

const PUBLIC: &str = "/ws/v5/public";
const PRIVATE: &str = "/ws/v5/private";
const BUSINESS: &str = "/ws/v5/business";
/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(20);

struct World {
    exchange: Arc<Exchange>,
    now_ms: Arc<AtomicU64>,
    address: SocketAddr,
    end: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl World {
    async fn new() -> Self {
        let now_ms = Arc::new(AtomicU64::new(NOW_MS));
        let clock = Arc::clone(&now_ms);
        let exchange = Exchange::new(key(1), 1, Box::new(move || clock.load(Ordering::Relaxed)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = oneshot::channel::<()>();
        let serving = tokio::spawn(Arc::clone(&exchange).serve_until(listener, async { drop(ended.await) }));
        Self { exchange, now_ms, address, end, serving }
    }

    /// Moves the exchange's clock on.
    fn pass(&self, milliseconds: u64) {
        self.now_ms.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// Asks for an upgrade with these headers of identity; or the status of the refusal.
    async fn upgrade(&self, target: &str, identity: HeaderMap) -> Result<Client, u16> {
        let mut request = format!("ws://127.0.0.1{target}").into_client_request().unwrap();
        request.headers_mut().extend(identity);
        let stream = TcpStream::connect(self.address).await.unwrap();
        match timeout(PATIENCE, client_async(request, stream)).await.unwrap() {
            Ok((socket, _)) => {
                Ok(Client { socket, target: target.to_owned(), now_ms: Arc::clone(&self.now_ms) })
            }
            Err(Error::Http(reply)) => Err(reply.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    async fn open(&self, target: &str, told: &Identity<'_>) -> Client {
        let told = Identity { deadline_ms: self.now_ms.load(Ordering::Relaxed) + 5_000, ..*told };
        self.upgrade(target, headers(&told, &key(1), "GET", target, "")).await.ok().unwrap()
    }

    /// A POST over HTTP.
    fn post(&self, told: &Identity<'_>, path: &str, body: &Value) -> Value {
        let (target, body) = (format!("/api/v5/{path}"), body.to_string());
        let told = Identity { deadline_ms: self.now_ms.load(Ordering::Relaxed) + 5_000, ..*told };
        let headers = headers(&told, &key(1), "POST", &target, &body);
        let claims = Claims::Headers(&headers);
        let parts = Parts { method: "POST", target: &target, claims, body: body.as_bytes() };
        serde_json::from_str(&self.exchange.act(parts).1).unwrap()
    }
}

struct Client {
    socket: WebSocketStream<TcpStream>,
    target: String,
    now_ms: Arc<AtomicU64>,
}

impl Client {
    async fn send(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    /// Sends a request as the gateway would for this identity.
    async fn ask(&mut self, told: &Identity<'_>, request: &Value) {
        let told = Identity { deadline_ms: self.now_ms.load(Ordering::Relaxed) + 5_000, ..*told };
        self.send(Message::text(frame(&told, &key(1), &self.target, &request.to_string()))).await;
    }

    /// The next message.
    async fn next(&mut self) -> Value {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.unwrap().unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other @ (Message::Binary(_) | Message::Close(_) | Message::Frame(_)) => panic!("{other:?}"),
            }
        }
    }

    /// Sends a request, and takes its reply.
    async fn reply(&mut self, told: &Identity<'_>, request: &Value) -> Value {
        self.ask(told, request).await;
        self.next().await
    }

    /// Subscribes to a channel, and takes the reply.
    async fn subscribe(&mut self, told: &Identity<'_>, arg: Value) {
        let reply = self.reply(told, &json!({"op": "subscribe", "args": [arg]})).await;
        assert_eq!((&reply["event"], &reply["arg"]), (&json!("subscribe"), &arg), "{reply}");
    }

    /// The code with which the socket is closed; what is told before is passed over.
    async fn closed(&mut self) -> u16 {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.unwrap() {
                Some(Ok(Message::Close(Some(close)))) => return close.code.into(),
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

/// A limit order that rests, for `price` dollars.
fn limit(price: &str) -> Value {
    json!({"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit", "px": price, "sz": "0.001"})
}

/// A sale that is filled at once, by two levels.
fn sale() -> Value {
    json!({"instId": "BTC-USDT", "tdMode": "cash", "side": "sell", "ordType": "market", "sz": "1"})
}

/// Another account than [`trader`]'s.
fn stranger() -> Identity<'static> {
    Identity { account: Some("1002"), ..trader() }
}
