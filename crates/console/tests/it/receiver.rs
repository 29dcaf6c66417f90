//! A receiver of alerts on loopback, which does as a test says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use keyward_rules::channel::ChannelPolicy;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Came {
    pub path: String,
    pub head: String,
    pub body: String,
}

impl Came {
    pub fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.head))
    }

    pub fn id(&self) -> String {
        self.header("webhook-id").to_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// What the alerts of the body are about, in order.
    pub fn kinds(&self) -> Vec<String> {
        let alerts = self.json()["data"]["alerts"].as_array().cloned().unwrap_or_default();
        alerts.iter().map(|alert| alert["kind"].as_str().unwrap().to_owned()).collect()
    }
}

/// A receiver on loopback: answers the status that it is told to, 0 for hanging up, 1 for taking it in silence, and keeps
/// what came.
#[derive(Clone)]
pub struct Receiver {
    pub address: SocketAddr,
    status: Arc<Mutex<u16>>,
    /// What its answers say in `Retry-After`, if they have one.
    wait: Arc<Mutex<Option<String>>>,
    pub came: Arc<Mutex<Vec<Came>>>,
}

impl Receiver {
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            status: Arc::new(Mutex::new(200)),
            wait: Arc::default(),
            came: Arc::default(),
        };
        let this = receiver.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let status = *this.status.lock().unwrap();
                if status == 0 {
                    continue;
                }
                let mut bytes = Vec::new();
                let came = loop {
                    let mut part = [0; 4096];
                    let count = stream.read(&mut part).await.unwrap();
                    assert!(count > 0, "the request ends early");
                    bytes.extend_from_slice(&part[..count]);
                    let text = String::from_utf8(bytes.clone()).unwrap();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let length =
                        head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                    if Some(body.len()) == length {
                        let path = head.split(' ').nth(1).unwrap().to_owned();
                        break Came { path, head: head.to_owned(), body: body.to_owned() };
                    }
                };
                this.came.lock().unwrap().push(came);
                if status == 1 {
                    tokio::spawn(async move {
                        let _stream = stream;
                        std::future::pending::<()>().await;
                    });
                    continue;
                }
                let wait = this.wait.lock().unwrap().clone();
                let wait = wait.map(|text| format!("retry-after: {text}\r\n")).unwrap_or_default();
                let answer = format!("HTTP/1.1 {status} Said\r\n{wait}content-length: 6\r\n\r\nbody-x");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        receiver
    }

    pub fn says(&self, status: u16) {
        *self.status.lock().unwrap() = status;
    }

    /// Has every answer ask to be left alone for a while.
    pub fn asks_to_wait(&self, text: &str) {
        *self.wait.lock().unwrap() = Some(text.to_owned());
    }

    /// What came since the last time this was asked.
    pub fn came(&self) -> Vec<Came> {
        std::mem::take(&mut self.came.lock().unwrap())
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn policy(&self) -> ChannelPolicy {
        let base = self.url("").parse().unwrap();
        let allow = [self.address.to_string().parse().unwrap()].into();
        let [slack, slack_gov, telegram] = std::array::from_fn(|_| Clone::clone(&base));
        ChannelPolicy { allow, slack, slack_gov, telegram, discord: base }
    }
}
