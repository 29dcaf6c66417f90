//! The keep-alive connections of one thread to the exchange.

use std::sync::Arc;
use std::time::Duration;

use keyward_rules::denial::Denial;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::late::Deadlines;
use super::line::Line;
use crate::settings::Limits;

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

    /// Idle connections that it keeps at most.
    #[must_use]
    pub(super) const fn most_idle(&self) -> usize {
        self.limits.idle_upstream
    }

    /// Takes a connection back once its answer has been read to the end.
    pub(super) fn keep(&self, line: Line) {
        let mut idle = self.idle.lock();
        if idle.len() < self.most_idle() {
            idle.push(line);
        }
    }

    /// An idle connection that is ready, or a new one.
    pub(super) async fn line(&self) -> Result<Line, Denial> {
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
