//! Listeners, threads, connections: one acceptor hands sockets round-robin to one runtime per core.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use http::Response;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use keyward_edge::{Activity, Connection, Connections, Peer, Proxies, RewindStream, until_done};
use keyward_rules::address::Source;
use keyward_rules::decision::Door;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinError;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::{error, warn};

use crate::body::Budget;
use crate::context::RequestContext;
use crate::reply::ReplyBody;
use crate::serve::{RequestIds, ThreadContext, serve};
use crate::socket::{self, Upgrades};
use crate::upstream::{Backend, Deadlines, Pool};
use crate::wording::Wording;

/// How often it is looked for connections whose peers are late, the exchange's too.
const TICK: Duration = Duration::from_millis(500);
/// How often in that time it is looked for sockets whose keys changed.
const LOOKS_PER_TICK: u32 = 5;
/// What HTTP/2 clients say first (RFC 9113, 3.4).
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A socket to listen on, bound already.
pub struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// How to speak TLS, where it is spoken.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// For whom it is.
    pub door: Door,
}

/// The data plane, ready to start.
pub struct Gateway {
    /// The context.
    pub context: Arc<RequestContext>,
    /// The exchange.
    pub backend: Backend,
    /// How many threads serve.
    pub threads: usize,
    /// The proxies that may name their clients.
    pub proxies: Arc<Proxies>,
    /// Makes the names of requests unguessable; each thread derives its own.
    pub seed: [u8; 32],
}

/// A running data plane.
pub struct Running {
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    /// Stops accepting, lets open requests end within the limit, and returns when all threads have ended. Sockets end before
    /// ([`crate::Registry::farewell`]), or are cut.
    pub fn stop(self) {
        let _ = self.stop.send(true);
        for thread in self.threads {
            if thread.join().is_err() {
                error!("a gateway thread panicked");
            }
        }
    }
}

/// A socket on its way to a thread.
struct Arrival {
    stream: std::net::TcpStream,
    peer: Peer,
    door: Door,
    connection: Connection,
    tls: Option<TlsAcceptor>,
}

impl Gateway {
    /// Starts threads and acceptors.
    ///
    /// # Errors
    /// When a thread or runtime cannot be made.
    pub fn start(self, listeners: Vec<Listener>) -> std::io::Result<Running> {
        let (stop, stopped) = watch::channel(false);
        let budget = Arc::new(Budget::new(self.context.limits().bodies_bytes));
        let connections = Connections::new(self.context.limits().connections());
        let deadlines = Deadlines::new((self.context.clock().steady_ms)());
        let mut threads = Vec::new();
        let mut senders = Vec::new();
        for number in 0..self.threads.max(1) {
            let (sender, arrivals) = mpsc::unbounded_channel();
            senders.push(sender);
            let (context, backend, stopped) =
                (Arc::clone(&self.context), self.backend.clone(), stopped.clone());
            let (budget, proxies) = (Arc::clone(&budget), Arc::clone(&self.proxies));
            let deadlines = Arc::clone(&deadlines);
            let seed = *blake3::keyed_hash(&self.seed, &number.to_be_bytes()).as_bytes();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let work = move || {
                let pool = Arc::new(Pool::new(backend, *context.limits(), deadlines));
                let desk =
                    Arc::new(ThreadContext { context, budget, pool, ids: RequestIds::new(seed), proxies });
                runtime.block_on(worker(desk, arrivals, stopped));
            };
            threads.push(std::thread::Builder::new().name(format!("gateway-{number}")).spawn(work)?);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let acceptor =
            Acceptor { context: self.context, connections, deadlines, proxies: self.proxies, senders };
        let accept = move || runtime.block_on(accept_all(listeners, acceptor, stopped));
        threads.push(std::thread::Builder::new().name("gateway-accept".to_owned()).spawn(accept)?);
        Ok(Running { stop, threads })
    }
}

/// What an acceptor works with.
#[derive(Clone)]
struct Acceptor {
    context: Arc<RequestContext>,
    connections: Arc<Connections>,
    deadlines: Arc<Deadlines>,
    proxies: Arc<Proxies>,
    senders: Vec<mpsc::UnboundedSender<Arrival>>,
}

async fn accept_all(listeners: Vec<Listener>, acceptor: Acceptor, mut stopped: watch::Receiver<bool>) {
    let mut loops = tokio::task::JoinSet::new();
    for Listener { socket, tls, door } in listeners {
        let socket = socket.set_nonblocking(true).and_then(|()| tokio::net::TcpListener::from_std(socket));
        match socket {
            Ok(socket) => {
                loops.spawn(accept(socket, tls.map(TlsAcceptor::from), door, acceptor.clone()));
            }
            Err(problem) => error!(%problem, "a listener cannot be used"),
        }
    }
    let (context, connections, deadlines) = (acceptor.context, acceptor.connections, acceptor.deadlines);
    drop(acceptor.senders);
    loops.spawn(async move {
        loop {
            let now_ms = (context.clock().steady_ms)();
            connections.tick(now_ms);
            deadlines.tick(now_ms);
            context.counters.sources.end_bans(context.clock().now().unix_ms());
            look_at_sockets(&context, true);
            for _ in 1..LOOKS_PER_TICK {
                tokio::time::sleep(TICK / LOOKS_PER_TICK).await;
                // A key that changed ends its sockets within the bound.
                look_at_sockets(&context, false);
            }
            tokio::time::sleep(TICK / LOOKS_PER_TICK).await;
        }
    });
    let _ = stopped.wait_for(|stop| *stop).await;
    loops.shutdown().await;
}

fn look_at_sockets(context: &RequestContext, all: bool) {
    context.sockets.tick(&context.view.memory, &context.view.lease, context.clock(), all);
}

async fn accept(listener: tokio::net::TcpListener, tls: Option<TlsAcceptor>, door: Door, acceptor: Acceptor) {
    let Acceptor { context, connections, deadlines: _, proxies, senders } = acceptor;
    let mut turn = 0_usize;
    loop {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(problem) => {
                // Out of file descriptors, most likely: the backlog waits while others close.
                warn!(%problem, "cannot accept");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let peer = proxies.peer(address.ip());
        let source = match peer {
            Peer::Client(client) if context.is_banned(client) => continue,
            Peer::Client(client) => Some(Source::of(client)),
            // A proxy is neither banned nor counted as one source: its clients are, as soon as they are known.
            Peer::Proxy(_) | Peer::ProxyItself(_) => None,
        };
        let Some(connection) = connections.enter(source) else { continue };
        if source.is_none() {
            // Its idle connections are part of its pool, and a request that it puts on one would be lost.
            connection.activity().mark_known();
        }
        let Ok(stream) = stream.into_std() else { continue };
        turn = turn.wrapping_add(1);
        if let Some(sender) = senders.get(turn % senders.len().max(1)) {
            let _ = sender.send(Arrival { stream, peer, door, connection, tls: tls.clone() });
        }
    }
}

/// One thread: takes sockets until told to stop, then waits for open connections within the limit.
async fn worker(
    desk: Arc<ThreadContext>,
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
    if timeout(Duration::from_millis(desk.context.limits().drain_ms), drained).await.is_err() {
        warn!(open = open.load(Ordering::Relaxed), "connections were cut at shutdown");
    }
}

/// Returns once the gateway is told to stop.
async fn told(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

async fn connection(desk: Arc<ThreadContext>, arrival: Arrival, stopped: watch::Receiver<bool>) {
    let Arrival { stream, peer, door, connection, tls } = arrival;
    let Some((stream, peer)) =
        connection.unless_closed(arrive(&desk, stream, (peer, door), &connection)).await.flatten()
    else {
        return;
    };
    let patience = Duration::from_millis(desk.context.limits().head_ms);
    let client = Client { desk, peer, door, activity: connection.activity(), upgrades: Upgrades::default() };
    match tls {
        None => {
            // Pools open connections ahead: its first byte may come as late as that of a later request.
            let looked = async {
                stream.readable().await.ok()?;
                timeout(patience, RewindStream::starts_with(stream, H2_PREFACE)).await.ok()?.ok()
            };
            let Some((stream, http2)) = connection.unless_closed(looked).await.flatten() else { return };
            let speaks = if http2 { Speaks::Http2 } else { Speaks::Http1 };
            client.speak(stream, speaks, connection, stopped).await;
        }
        Some(tls) => {
            let accepted = connection.unless_closed(timeout(patience, tls.accept(stream))).await;
            let Some(Ok(Ok(stream))) = accepted else { return };
            let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let speaks = if http2 { Speaks::Http2 } else { Speaks::Http1 };
            client.speak(stream, speaks, connection, stopped).await;
        }
    }
}

/// A socket of this thread, and who is at its other end.
async fn arrive(
    desk: &ThreadContext,
    stream: std::net::TcpStream,
    (peer, door): (Peer, Door),
    connection: &Connection,
) -> Option<(tokio::net::TcpStream, Peer)> {
    let mut stream = tokio::net::TcpStream::from_std(stream).ok()?;
    let _ = stream.set_nodelay(true);
    let patience = Duration::from_millis(desk.context.limits().head_ms);
    let peer = timeout(patience, introduce(desk, &mut stream, (peer, door), connection)).await.ok()??;
    Some((stream, peer))
}

/// Who is at the other end. A client that a proxy announced is counted and turned away as one that connects itself.
async fn introduce(
    desk: &ThreadContext,
    stream: &mut tokio::net::TcpStream,
    (peer, door): (Peer, Door),
    connection: &Connection,
) -> Option<Peer> {
    match desk.proxies.introduce(stream, peer).await {
        Ok(Peer::Client(client)) if peer != Peer::Client(client) => {
            let context = &desk.context;
            let admitted = !context.is_banned(client) && context.admits(door, client);
            (admitted && connection.belongs_to(Source::of(client))).then_some(Peer::Client(client))
        }
        // Looked at here and not where connections are accepted: it takes as long as there are apps.
        Ok(Peer::Client(client)) if !desk.context.admits(door, client) => None,
        Ok(known) => Some(known),
        Err(problem) => {
            desk.context.reports.complaints.unclear(peer.address(), &problem, desk.context.clock().now());
            None
        }
    }
}

/// Which protocol a connection speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaks {
    Http1,
    Http2,
}

/// A connection that is ready for requests.
#[derive(Clone)]
struct Client {
    desk: Arc<ThreadContext>,
    peer: Peer,
    door: Door,
    activity: Activity,
    /// The socket that a request opened.
    upgrades: Upgrades,
}

impl Client {
    async fn answer(self, request: hyper::Request<Incoming>) -> Result<Response<ReplyBody>, JoinError> {
        let (under_way, from) = (self.activity.request(), (self.peer, self.door));
        if !self.desk.moves_funds(&request) {
            return Ok(serve(&self.desk, request, from, under_way, &self.upgrades).await);
        }
        // A task of its own: a client that goes away must not take the outcome's record with it.
        let served = async move { serve(&self.desk, request, from, under_way, &self.upgrades).await };
        tokio::task::spawn(served).await
    }

    async fn speak<S>(
        self,
        stream: S,
        speaks: Speaks,
        connection: Connection,
        mut stopped: watch::Receiver<bool>,
    ) where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let limits = *self.desk.context.limits();
        let (activity, desk, upgrades) =
            (self.activity.clone(), Arc::clone(&self.desk), Arc::clone(&self.upgrades));
        let service = service_fn(move |request| self.clone().answer(request));
        match speaks {
            Speaks::Http1 => {
                let served = http1::Builder::new()
                    // The connection limiter cuts an unfinished head, and silence; a timer for each request would cost more.
                    .header_read_timeout(None)
                    .max_buf_size(limits.head_bytes.max(8_192))
                    .writev(false)
                    .serve_connection(TokioIo::new(Wording::new(stream, activity)), service)
                    .with_upgrades();
                until_done(served, |served| served.graceful_shutdown(), &connection, told(&mut stopped))
                    .await;
                let opened = upgrades.lock().take();
                if let Some(opened) = opened {
                    // A task of its own: an idle socket does not keep what its request needed.
                    tokio::task::spawn(socket::run::<S>(desk, opened, connection));
                }
            }
            Speaks::Http2 => {
                let served = http2::Builder::new(LocalExecutor)
                    .timer(TokioTimer::new())
                    .max_concurrent_streams(limits.streams)
                    // Larger than the limit, so that a head that exceeds it is refused in words.
                    .max_header_list_size(u32::try_from(limits.head_bytes * 4).unwrap_or(u32::MAX))
                    .max_pending_accept_reset_streams(20)
                    .max_local_error_reset_streams(20)
                    .initial_stream_window_size(256 << 10)
                    .initial_connection_window_size(1 << 20)
                    .keep_alive_interval(Duration::from_secs(20))
                    .keep_alive_timeout(Duration::from_millis(limits.head_ms))
                    .serve_connection(TokioIo::new(stream), service);
                until_done(served, |served| served.graceful_shutdown(), &connection, told(&mut stopped))
                    .await;
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
