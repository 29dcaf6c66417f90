//! What `/healthz` and `/readyz` ask and answer, on the gateway, the console and the listener for metrics alike.

use bytes::Bytes;
use serde_json::json;

/// What a balancer asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Question {
    /// Whether the process lives.
    Alive,
    /// Whether something is served rightly now.
    Ready(Service),
    /// A class that there is none of.
    Unknown,
}

/// What may be ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Service {
    /// Asked without a class, what a listener is there for. On a gateway reads and cancels: a node that can still cancel
    /// must not be taken out.
    Basic,
    /// Orders.
    Trade,
    /// Withdrawals and transfers.
    Funds,
    /// Pages and the management API.
    Console,
}

impl Question {
    /// Reads a path and its query; `None` when it is no question of a balancer.
    #[must_use]
    pub fn read(path: &str, query: Option<&str>) -> Option<Self> {
        match (path, query) {
            ("/healthz", _) => Some(Self::Alive),
            ("/readyz", None) => Some(Self::Ready(Service::Basic)),
            ("/readyz", Some("class=trade")) => Some(Self::Ready(Service::Trade)),
            ("/readyz", Some("class=funds")) => Some(Self::Ready(Service::Funds)),
            ("/readyz", Some("class=console")) => Some(Self::Ready(Service::Console)),
            ("/readyz", Some(_)) => Some(Self::Unknown),
            (_, _) => None,
        }
    }
}

/// How a service stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Health {
    /// Whether a request would be served rightly now.
    pub ready: bool,
    /// What is late, wrong or away, in words; named also when it does not matter for what was asked.
    pub stale: Vec<String>,
}

/// The status and the body of an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// 200 or 503; 400 for a class that there is none of here.
    pub status: u16,
    /// `{"ready":true,"stale":[]}` and a line feed.
    pub body: Bytes,
}

impl Answer {
    /// The answer of something that stands so.
    #[must_use]
    pub fn of(health: &Health) -> Self {
        Self::with(if health.ready { 200 } else { 503 }, &health.stale)
    }

    /// Whether the process lives was asked, and it does.
    #[must_use]
    pub fn alive() -> Self {
        Self::with(200, &[])
    }

    /// The class cannot be told here; `hint` says which can.
    #[must_use]
    pub fn unknown(hint: &str) -> Self {
        Self::with(400, &[format!("this class is unknown here; {hint}")])
    }

    fn with(status: u16, stale: &[String]) -> Self {
        let mut text = json!({ "ready": status == 200, "stale": stale }).to_string();
        text.push('\n');
        Self { status, body: text.into() }
    }
}
