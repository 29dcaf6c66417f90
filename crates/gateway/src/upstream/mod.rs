//! The exchange behind the gateway: a pool of keep-alive connections per thread.
//!
//! Owns: connections, what goes out and what comes back byte by byte, waits. Leaves to `forward`: what is sent, and what an
//! answer means.
//!
//! Invariants: a request that certainly was not written goes out on another connection; anything that may have reached the
//! exchange is never sent twice. An answer that could be read in two ways is none.

pub mod framing;
pub mod head;
mod late;
mod line;

use std::sync::Arc;
use std::time::Duration;

use keyward_rules::denial::Denial;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::settings::Limits;
use head::Head;
use line::{Line, Unwritten};

pub use late::Deadlines;
pub use line::{AnswerBody, READ_AHEAD};

/// Where the exchange is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Backend {
    /// `host:port`, to connect to.
    pub address: String,
    /// The `Host` header.
    pub host: http::HeaderValue,
    /// Headers of clients that are passed on beside those that OKX's clients need.
    pub pass: Vec<http::HeaderName>,
}

/// The pool of one thread.
pub struct Pool {
    backend: Backend,
    idle: Mutex<Vec<Line>>,
    /// Room for connections, idle ones included.
    room: Arc<Semaphore>,
    deadlines: Arc<Deadlines>,
    limits: Limits,
}

/// How a request ended.
#[expect(clippy::large_enum_variant, reason = "a box would cost an allocation for every request")]
pub enum Sent {
    /// The exchange's answer has begun.
    Answered(Head, AnswerBody),
    /// Nothing was sent.
    Unsent(Denial),
    /// It may have taken effect.
    Unknown(Denial),
}

impl Pool {
    /// An empty pool.
    #[must_use]
    pub fn new(backend: Backend, limits: Limits, deadlines: Arc<Deadlines>) -> Self {
        let room = Arc::new(Semaphore::new(limits.upstream_connections));
        Self { backend, idle: Mutex::new(Vec::new()), room, deadlines, limits }
    }

    /// The backend.
    #[must_use]
    pub const fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Sends one request. `go` is asked right before the first byte is handed over.
    pub async fn send(
        self: &Arc<Self>,
        head: &[u8],
        body: &[u8],
        go: impl Fn() -> Result<(), Denial>,
    ) -> Sent {
        // Each idle connection may turn out closed once; a new one that does is a dead exchange.
        for _ in 0..=self.limits.idle_upstream {
            let mut line = match self.line().await {
                Ok(line) => line,
                Err(denial) => return Sent::Unsent(denial),
            };
            if let Err(denial) = go() {
                self.keep(line);
                return Sent::Unsent(denial);
            }
            let written = line.write(head, body).await;
            if written == Err(Unwritten::Wholly) {
                continue;
            }
            return match line.head().await {
                Ok(mut head) => {
                    // An exchange may answer before it has taken the whole request, and then the rest must not follow.
                    head.keeps &= written.is_ok();
                    let body = AnswerBody::new(line, &head, Arc::clone(self));
                    Sent::Answered(head, body)
                }
                Err(framing::Broken) => Sent::Unknown(Denial::UpstreamTimeout),
            };
        }
        Sent::Unsent(Denial::UpstreamDown)
    }

    /// Takes a connection back once its answer has been read to the end.
    fn keep(&self, line: Line) {
        let mut idle = self.idle.lock();
        if idle.len() < self.limits.idle_upstream {
            idle.push(line);
        }
    }

    /// An idle connection that is ready, or a new one.
    async fn line(&self) -> Result<Line, Denial> {
        loop {
            let Some(line) = self.idle.lock().pop() else { break };
            if line.is_quiet() {
                return Ok(line);
            }
        }
        let patience = Duration::from_millis(self.limits.connect_ms);
        let place = timeout(patience, Arc::clone(&self.room).acquire_owned()).await;
        let place = place.map_err(|_| Denial::Busy)?.map_err(|_| Denial::Busy)?;
        let connect = TcpStream::connect(&self.backend.address);
        let stream = timeout(patience, connect)
            .await
            .map_err(|_| Denial::UpstreamDown)?
            .map_err(|_| Denial::UpstreamDown)?;
        let _ = stream.set_nodelay(true);
        Ok(Line::new(stream, Arc::clone(&self.deadlines), self.limits.upstream_ms, place))
    }
}
