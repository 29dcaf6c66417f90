//! Listeners, threads, connections: one acceptor hands sockets round-robin to one runtime per core.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use keyward_rules::address::canonical;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::{error, warn};

use crate::body::Budget;
use crate::gate::Gate;
use crate::serve::{Desk, RequestIds, serve};
use crate::settings::Limits;
use crate::upstream::{Backend, Pool};
use crate::wording::Wording;

/// What HTTP/2 clients say first (RFC 9113, 3.4).
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The sockets to listen on, bound already.
pub struct Listeners {
    /// Without TLS.
    pub plain: Option<TcpListener>,
    /// With TLS, and how to speak it.
    pub tls: Option<(TcpListener, Arc<rustls::ServerConfig>)>,
}

/// The data plane, ready to start.
pub struct Gateway {
    /// The context.
    pub gate: Arc<Gate>,
    /// The exchange.
    pub backend: Backend,
    /// How many threads serve.
    pub threads: usize,
    /// Random bits for request ids, one number per thread is derived.
    pub seed: u64,
}

/// A running data plane.
pub struct Running {
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    /// Stops accepting, lets open requests end within the limit, and returns when all threads have ended.
    pub fn stop(self) {
        let _ = self.stop.send(true);
        for thread in self.threads {
            if thread.join().is_err() {
                error!("a gateway thread panicked");
            }
        }
    }
}

/// Connections that are open, in all and by source.
struct Census {
    limits: Limits,
    total: AtomicUsize,
    by_source: Mutex<HashMap<IpAddr, usize>>,
}

/// One counted connection.
struct Counted {
    census: Arc<Census>,
    source: IpAddr,
}

impl Census {
    fn enter(self: &Arc<Self>, source: IpAddr) -> Option<Counted> {
        let source = neighbourhood(source);
        let mut by_source = self.by_source.lock();
        let here = by_source.entry(source).or_insert(0);
        if *here >= self.limits.connections_per_source
            || self.total.load(Ordering::Relaxed) >= self.limits.connections
        {
            return None;
        }
        *here += 1;
        self.total.fetch_add(1, Ordering::Relaxed);
        Some(Counted { census: Arc::clone(self), source })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut by_source = self.census.by_source.lock();
        self.census.total.fetch_sub(1, Ordering::Relaxed);
        if let Some(here) = by_source.get_mut(&self.source) {
            *here -= 1;
            if *here == 0 {
                by_source.remove(&self.source);
            }
        }
    }
}

/// An IPv4 address, or the /64 of an IPv6 one.
fn neighbourhood(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
    }
}

/// A socket on its way to a thread.
struct Arrival {
    stream: std::net::TcpStream,
    peer: SocketAddr,
    counted: Counted,
    tls: Option<TlsAcceptor>,
}

impl Gateway {
    /// Starts threads and acceptors.
    ///
    /// # Errors
    /// When a thread or runtime cannot be made.
    pub fn start(self, listeners: Listeners) -> std::io::Result<Running> {
        let (stop, stopped) = watch::channel(false);
        let budget = Arc::new(Budget::new(self.gate.limits().bodies_bytes));
        let census = Arc::new(Census {
            limits: *self.gate.limits(),
            total: AtomicUsize::new(0),
            by_source: Mutex::default(),
        });
        let mut threads = Vec::new();
        let mut senders = Vec::new();
        for number in 0..self.threads.max(1) {
            let (sender, arrivals) = mpsc::unbounded_channel();
            senders.push(sender);
            let (gate, backend, stopped) = (Arc::clone(&self.gate), self.backend.clone(), stopped.clone());
            let budget = Arc::clone(&budget);
            let seed = self.seed.wrapping_add((number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let work = move || {
                let pool = Arc::new(Pool::new(backend, *gate.limits()));
                let desk = Arc::new(Desk { gate, budget, pool, ids: RequestIds::new(seed) });
                runtime.block_on(worker(desk, arrivals, stopped));
            };
            threads.push(std::thread::Builder::new().name(format!("gateway-{number}")).spawn(work)?);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let gate = Arc::clone(&self.gate);
        let accept = move || runtime.block_on(accept_all(listeners, gate, census, senders, stopped));
        threads.push(std::thread::Builder::new().name("gateway-accept".to_owned()).spawn(accept)?);
        Ok(Running { stop, threads })
    }
}

async fn accept_all(
    listeners: Listeners,
    gate: Arc<Gate>,
    census: Arc<Census>,
    senders: Vec<mpsc::UnboundedSender<Arrival>>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut loops = tokio::task::JoinSet::new();
    let tls = listeners.tls.map(|(listener, config)| (listener, Some(TlsAcceptor::from(config))));
    for (listener, tls) in listeners.plain.map(|listener| (listener, None)).into_iter().chain(tls) {
        let listener =
            listener.set_nonblocking(true).and_then(|()| tokio::net::TcpListener::from_std(listener));
        match listener {
            Ok(listener) => {
                loops.spawn(accept(listener, tls, Arc::clone(&gate), Arc::clone(&census), senders.clone()));
            }
            Err(problem) => error!(%problem, "a listener cannot be used"),
        }
    }
    drop(senders);
    let _ = stopped.wait_for(|stop| *stop).await;
    loops.shutdown().await;
}

async fn accept(
    listener: tokio::net::TcpListener,
    tls: Option<TlsAcceptor>,
    gate: Arc<Gate>,
    census: Arc<Census>,
    senders: Vec<mpsc::UnboundedSender<Arrival>>,
) {
    let mut turn = 0_usize;
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(problem) => {
                // Out of file descriptors, most likely: the backlog waits while others close.
                warn!(%problem, "cannot accept");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let source = canonical(peer.ip());
        if gate.counters.sources.is_banned(source, gate.clock().now_us() / 1_000) {
            continue;
        }
        let Some(counted) = census.enter(source) else { continue };
        let Ok(stream) = stream.into_std() else { continue };
        turn = turn.wrapping_add(1);
        if let Some(sender) = senders.get(turn % senders.len().max(1)) {
            let _ = sender.send(Arrival { stream, peer, counted, tls: tls.clone() });
        }
    }
}

/// One thread: takes sockets until told to stop, then waits for open connections within the limit.
async fn worker(
    desk: Arc<Desk>,
    mut arrivals: mpsc::UnboundedReceiver<Arrival>,
    stopped: watch::Receiver<bool>,
) {
    let open = Arc::new(AtomicUsize::new(0));
    let mut stop = stopped.clone();
    loop {
        let arrival = tokio::select! {
            () = told(&mut stop) => break,
            arrival = arrivals.recv() => arrival,
        };
        let Some(arrival) = arrival else { break };
        let (desk, stopped, open) = (Arc::clone(&desk), stopped.clone(), Arc::clone(&open));
        open.fetch_add(1, Ordering::Relaxed);
        tokio::task::spawn(async move {
            connection(desk, arrival, stopped).await;
            open.fetch_sub(1, Ordering::Relaxed);
        });
    }
    let drained = async {
        while open.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    if timeout(Duration::from_millis(desk.gate.limits().drain_ms), drained).await.is_err() {
        warn!(open = open.load(Ordering::Relaxed), "connections were cut at shutdown");
    }
}

/// Returns once the gateway is told to stop.
async fn told(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

async fn connection(desk: Arc<Desk>, arrival: Arrival, stopped: watch::Receiver<bool>) {
    let Arrival { stream, peer, counted, tls } = arrival;
    let Ok(stream) = tokio::net::TcpStream::from_std(stream) else { return };
    let _ = stream.set_nodelay(true);
    let source = canonical(peer.ip());
    let patience = Duration::from_millis(desk.gate.limits().head_ms);
    match tls {
        None => {
            let Ok(Some(http2)) = timeout(patience, speaks_http2(&stream)).await else { return };
            speak(desk, stream, source, http2, stopped).await;
        }
        Some(tls) => {
            let Ok(Ok(stream)) = timeout(patience, tls.accept(stream)).await else { return };
            let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            speak(desk, stream, source, if http2 { Speaks::Http2 } else { Speaks::Http1 }, stopped).await;
        }
    }
    drop(counted);
}

/// Which protocol a connection speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaks {
    Http1,
    Http2,
}

/// Looks at the first bytes without taking them; `None` when the peer closes first.
async fn speaks_http2(stream: &tokio::net::TcpStream) -> Option<Speaks> {
    let mut seen = [0; H2_PREFACE.len()];
    let mut before = 0;
    loop {
        let count = stream.peek(&mut seen).await.ok().filter(|count| *count > 0)?;
        let (start, same) = (seen.get(..count)?, H2_PREFACE.get(..count)?);
        if start != same {
            return Some(Speaks::Http1);
        }
        if count == H2_PREFACE.len() {
            return Some(Speaks::Http2);
        }
        // A part of the preface: `peek` returns at once while nothing new has come.
        if count == before {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        before = count;
    }
}

async fn speak<S>(
    desk: Arc<Desk>,
    stream: S,
    source: IpAddr,
    speaks: Speaks,
    mut stopped: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let limits = *desk.gate.limits();
    let service = service_fn(move |request| {
        let desk = Arc::clone(&desk);
        async move {
            if !desk.moves_funds(&request) {
                return Ok(serve(&desk, request, source).await);
            }
            // A task of its own: a client that goes away must not take the outcome's record with it.
            tokio::task::spawn(async move { serve(&desk, request, source).await }).await
        }
    });
    match speaks {
        Speaks::Http1 => {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_millis(limits.head_ms))
                .max_headers(limits.headers)
                .max_buf_size(limits.head_bytes.max(8_192))
                .writev(false)
                .serve_connection(TokioIo::new(Wording::new(stream)), service);
            tokio::pin!(connection);
            tokio::select! {
                _ = connection.as_mut() => {}
                () = told(&mut stopped) => {
                    connection.as_mut().graceful_shutdown();
                    let _ = connection.await;
                }
            }
        }
        Speaks::Http2 => {
            let connection = http2::Builder::new(LocalExecutor)
                .timer(TokioTimer::new())
                .max_concurrent_streams(limits.streams)
                .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
                .max_pending_accept_reset_streams(20)
                .max_local_error_reset_streams(20)
                .initial_stream_window_size(256 << 10)
                .initial_connection_window_size(1 << 20)
                .keep_alive_interval(Duration::from_secs(20))
                .keep_alive_timeout(Duration::from_millis(limits.head_ms))
                .serve_connection(TokioIo::new(stream), service);
            tokio::pin!(connection);
            tokio::select! {
                _ = connection.as_mut() => {}
                () = told(&mut stopped) => {
                    connection.as_mut().graceful_shutdown();
                    let _ = connection.await;
                }
            }
        }
    }
}

/// Runs HTTP/2's tasks on the thread that serves the connection.
#[derive(Clone, Copy)]
struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn(future);
    }
}
