//! The listener: HTTP/1.1 with limits on connections, heads, bodies and time.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension};
use axum::middleware;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tracing::warn;

use crate::shell::Shell;
use crate::{api, assets, guard, pages};

/// Connections at a time.
const CONNECTIONS: usize = 1_024;
/// How long a request's head may take.
const HEAD: Duration = Duration::from_secs(10);
/// Bytes of a form or a JSON body.
const BODY_BYTES: usize = 64 * 1024;
/// How long open requests may take once the console stops.
const FAREWELL: Duration = Duration::from_secs(5);

/// The address that a connection came from.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub IpAddr);

/// The console.
pub struct Console {
    router: Router,
}

/// A console that serves.
pub struct Running {
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Console {
    /// Puts pages, API and assets together.
    #[must_use]
    pub fn new(shell: Shell) -> Self {
        let router = Router::new()
            .merge(pages::router())
            .merge(api::router())
            .merge(assets::router())
            .fallback(pages::not_found)
            .layer(DefaultBodyLimit::max(BODY_BYTES))
            .layer(middleware::from_fn_with_state(shell.clone(), guard::guard))
            .with_state(shell);
        Self { router }
    }

    /// The handlers without a listener, for tests; the peer's address is an extension of each request.
    pub fn router_for(&self, peer: IpAddr) -> Router {
        self.router.clone().layer(Extension(Peer(peer.to_canonical())))
    }

    /// Serves until it is stopped.
    #[must_use]
    pub fn serve(self, listener: TcpListener) -> Running {
        let (stop, stopped) = watch::channel(());
        let task = tokio::spawn(accept(listener, self.router, stopped));
        Running { stop, task }
    }
}

impl Running {
    /// Stops: no new connections, open requests end.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

async fn accept(listener: TcpListener, router: Router, mut stopped: watch::Receiver<()>) {
    let (room, graceful) = (Arc::new(Semaphore::new(CONNECTIONS)), GracefulShutdown::new());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
        };
        let (stream, peer): (_, SocketAddr) = match accepted {
            Ok(accepted) => accepted,
            Err(problem) => {
                warn!(%problem, "the console could not accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // Full: the connection is closed at once, so that its client does not wait for nothing.
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else { continue };
        let service = router.clone().layer(Extension(Peer(peer.ip().to_canonical())));
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_headers(64);
        let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _permit = permit;
            // A client that goes away is no news.
            let _ = connection.await;
        });
    }
    let _ = tokio::time::timeout(FAREWELL, graceful.shutdown()).await;
}
