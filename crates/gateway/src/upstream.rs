//! The exchange behind the gateway: a pool of keep-alive connections per thread, over hyper's connection API.
//!
//! A request that certainly was not written goes out on another connection; anything that may have reached
//! the exchange is never sent twice.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use keyward_rules::denial::Denial;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::settings::Limits;

/// A connection to the exchange.
pub type Line = SendRequest<Full<Bytes>>;

/// Bytes of an answer that a connection reads ahead at most.
pub const READ_AHEAD: usize = 128 << 10;

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
    limits: Limits,
}

/// How a request ended.
pub enum Sent {
    /// The exchange's answer has begun.
    Answered(Response<Incoming>, Line),
    /// Nothing was sent.
    Unsent(Denial),
    /// It may have taken effect.
    Unknown(Denial),
}

impl Pool {
    /// An empty pool.
    #[must_use]
    pub fn new(backend: Backend, limits: Limits) -> Self {
        let room = Arc::new(Semaphore::new(limits.upstream_connections));
        Self { backend, idle: Mutex::new(Vec::new()), room, limits }
    }

    /// The backend.
    #[must_use]
    pub const fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Sends one request. `go` is asked right before the first byte is handed over.
    pub async fn send(&self, mut request: Request<Full<Bytes>>, go: impl Fn() -> Result<(), Denial>) -> Sent {
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
            let answer =
                timeout(Duration::from_millis(self.limits.upstream_ms), line.try_send_request(request)).await;
            match answer {
                Ok(Ok(response)) => return Sent::Answered(response, line),
                Ok(Err(mut failed)) => match failed.take_message() {
                    // Handed back unwritten: the idle connection had been closed by the exchange.
                    Some(unwritten) => request = unwritten,
                    None => return Sent::Unknown(Denial::UpstreamTimeout),
                },
                Err(_) => return Sent::Unknown(Denial::UpstreamTimeout),
            }
        }
        Sent::Unsent(Denial::UpstreamDown)
    }

    /// Takes a connection back once its answer has been read to the end.
    pub fn keep(&self, line: Line) {
        let mut idle = self.idle.lock();
        if idle.len() < self.limits.idle_upstream && !line.is_closed() {
            idle.push(line);
        }
    }

    /// An idle connection that is ready, or a new one.
    async fn line(&self) -> Result<Line, Denial> {
        loop {
            let Some(mut line) = self.idle.lock().pop() else { break };
            // One that is not ready at once was closed, or its answer never ended.
            if !line.is_closed() && line.is_ready()
                || timeout(Duration::ZERO, line.ready()).await.is_ok_and(|ready| ready.is_ok())
            {
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
        let shaken = http1::Builder::new()
            .max_headers(128)
            .max_buf_size(READ_AHEAD)
            .handshake(TokioIo::new(stream))
            .await;
        let (line, connection) = shaken.map_err(|_| Denial::UpstreamDown)?;
        tokio::task::spawn(async move {
            // The request's own end reports what went wrong.
            let _ = connection.await;
            drop(place);
        });
        Ok(line)
    }
}

/// Hands a connection back to its pool when the answer was read to the end.
pub struct Return {
    /// The connection.
    pub line: Line,
    /// Its pool.
    pub pool: Arc<Pool>,
}

impl Return {
    /// The answer has ended.
    pub fn keep(self) {
        self.pool.keep(self.line);
    }
}
