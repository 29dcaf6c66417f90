//! The listener: HTTP/1.1 with limits on connections, heads, bodies and time.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use http_body::{Frame, SizeHint};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use keyward_edge::{
    Activity, Connection, ConnectionLimits, Connections, KEEP_ALIVE, Peer, Proxies, Request as UnderWay,
    Shares, TrackedStream, until_done,
};
use keyward_rules::address::Source;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::warn;

use crate::client::{BODY_BYTES, Client, Share};
use crate::shell::Shell;
use crate::{api, assets, compress, guard, pages};

/// A source's part of all connections.
const SOURCE_PART: usize = 8;
/// Requests under way of one source; behind a proxy its connections do not bound them.
const REQUESTS: usize = 64;
/// How long a client may be silent between requests, and how long it may take nothing of its answer.
const SILENT_MS: u64 = 80_000;
const _: () = assert!(keyward_edge::keeps_what_is_announced(SILENT_MS));
const UNREAD_MS: u64 = 30_000;
/// How long a request may take up to the beginning of its answer; the guard ends it before.
const REQUEST_MS: u64 = 40_000;
/// How often it is looked for connections whose clients are late.
const TICK: Duration = Duration::from_secs(1);
/// How long a request's head may take.
const HEAD: Duration = Duration::from_millis(HEAD_MS);
const HEAD_MS: u64 = 10_000;
/// How long open requests may take once the console stops.
const FAREWELL: Duration = Duration::from_secs(5);

/// Who is at the other end of a connection, and the proxies that may name their clients.
#[derive(Clone)]
struct Link {
    peer: Peer,
    proxies: Arc<Proxies>,
    shell: Shell,
    requests: Arc<Shares>,
    /// What the connection does; tests have none.
    activity: Option<Activity>,
}

/// The console.
#[derive(Clone)]
pub struct Console {
    router: Router,
    shell: Shell,
    requests: Arc<Shares>,
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
            .merge(pages::routes().into_parts().0)
            .merge(api::router())
            .merge(assets::router())
            .fallback(pages::not_found)
            .layer(DefaultBodyLimit::max(BODY_BYTES))
            .layer(middleware::from_fn_with_state(shell.clone(), guard::guard))
            .layer(middleware::from_fn_with_state(shell.clone(), pages::reframe))
            .layer(middleware::from_fn(compress::pages))
            .with_state(shell.clone());
        Self { router, shell, requests: Shares::new(REQUESTS) }
    }

    /// The handlers without a listener, for tests; the peer's address is an extension of each request.
    pub fn router_for(&self, peer: IpAddr) -> Router {
        self.router_behind(Peer::Client(peer.to_canonical()), Arc::default(), None)
    }

    /// The handlers as a connection from `peer` gets them.
    fn router_behind(&self, peer: Peer, proxies: Arc<Proxies>, activity: Option<Activity>) -> Router {
        let (shell, requests) = (self.shell.clone(), Arc::clone(&self.requests));
        let link = Link { peer, proxies, shell, requests, activity };
        self.router.clone().layer(middleware::from_fn_with_state(link, name_client))
    }

    /// Serves one connection to its end.
    async fn serve_one(
        self,
        (mut stream, peer): (TcpStream, Peer),
        connection: &Connection,
        proxies: Arc<Proxies>,
        mut stopped: watch::Receiver<()>,
    ) {
        let known = match tokio::time::timeout(HEAD, proxies.introduce(&mut stream, peer)).await {
            Ok(Ok(known)) => known,
            Ok(Err(problem)) => return self.shell.complain(peer, &problem),
            Err(_) => return,
        };
        if let Peer::Client(client) = known
            && known != peer
            && !connection.belongs_to(Source::of(client))
        {
            return;
        }
        let activity = connection.activity();
        let router = self.router_behind(known, proxies, Some(activity.clone()));
        let mut builder = hyper::server::conn::http1::Builder::new();
        // The connection limiter cuts an unfinished head, and silence.
        builder.header_read_timeout(None).max_headers(64);
        let stream = TokioIo::new(TrackedStream::new(stream, activity));
        let served = builder.serve_connection(stream, TowerToHyperService::new(router));
        let stop = async { drop(stopped.changed().await) };
        until_done(served, |served| served.graceful_shutdown(), connection, stop).await;
    }

    /// Serves until it is stopped.
    #[must_use]
    pub fn serve(self, listener: TcpListener, proxies: Arc<Proxies>, connections: usize) -> Running {
        let (stop, stopped) = watch::channel(());
        let limits = ConnectionLimits {
            total: connections,
            per_source: (connections / SOURCE_PART).max(1),
            head_ms: HEAD_MS,
            idle_ms: SILENT_MS,
            request_ms: REQUEST_MS,
            reply_ms: UNREAD_MS,
        };
        let task = tokio::spawn(accept(listener, self, proxies, Connections::new(limits), stopped));
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

/// Puts the client's address on a request. One that a trusted proxy does not name clearly gets no further than the
/// health checks.
async fn name_client(State(link): State<Link>, request: Request, next: Next) -> Response {
    let under_way = link.activity.as_ref().map(Activity::request);
    let answer = answer_client(&link, request, next).await;
    match under_way {
        Some(mut under_way) => {
            under_way.replies();
            let mut answer = answer.map(|body| Body::new(Unread { body, under_way }));
            answer.headers_mut().insert("keep-alive", HeaderValue::from_static(KEEP_ALIVE));
            answer
        }
        None => answer,
    }
}

async fn answer_client(link: &Link, mut request: Request, next: Next) -> Response {
    let held = match link.proxies.client(link.peer, request.headers()) {
        Ok(client) => {
            request.extensions_mut().insert(Client(client));
            let Some(held) = link.requests.take(Source::of(client)) else {
                let retry = [(header::RETRY_AFTER, "2")];
                return (StatusCode::SERVICE_UNAVAILABLE, retry, CROWDED).into_response();
            };
            let share = Share::of(held);
            request.extensions_mut().insert(share.clone());
            Some(share)
        }
        Err(_) if matches!(request.uri().path(), "/healthz" | "/readyz") => None,
        Err(unclear) => {
            link.shell.complain(link.peer, &unclear);
            return (StatusCode::BAD_REQUEST, UNCLEAR).into_response();
        }
    };
    let answer = next.run(request).await;
    drop(held);
    answer
}

/// An answer's body, which ends its request once the client has taken it.
struct Unread {
    body: Body,
    under_way: UnderWay,
}

impl http_body::Body for Unread {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_ready() {
            self.under_way.moved();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What a request gets whose source has too many others under way.
const CROWDED: &str =
    "The console is answering too many requests from your network. Try again in a few seconds.\n";

/// What a request gets that a trusted proxy does not name the client of.
const UNCLEAR: &str = "The proxy before this console did not say clearly from which address you come, so the request was \
    refused. Operators: let it set X-Forwarded-For or Forwarded, as [proxies] in the configuration says.\n";

async fn accept(
    listener: TcpListener,
    console: Console,
    proxies: Arc<Proxies>,
    connections: Arc<Connections>,
    mut stopped: watch::Receiver<()>,
) {
    // Each connection holds one end, so that this hears when the last is over.
    let (open, mut over) = mpsc::channel::<()>(1);
    let ticking = tokio::spawn(tick(Arc::clone(&connections)));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(problem) => {
                warn!(%problem, "the console could not accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let peer = proxies.peer(address.ip());
        let source = match peer {
            Peer::Client(client) => Some(Source::of(client)),
            Peer::Proxy(_) | Peer::ProxyItself(_) => None,
        };
        // Full: the connection is closed at once, so that its client does not wait for nothing.
        let Some(connection) = connections.enter(source) else { continue };
        if source.is_none() {
            connection.activity().mark_known();
        }
        let (console, proxies) = (console.clone(), Arc::clone(&proxies));
        let (stopped, open) = (stopped.clone(), open.clone());
        tokio::spawn(async move {
            console.serve_one((stream, peer), &connection, proxies, stopped).await;
            drop(open);
        });
    }
    drop(open);
    let _ = tokio::time::timeout(FAREWELL, over.recv()).await;
    ticking.abort();
}

/// Has connections closed whose clients are late.
async fn tick(connections: Arc<Connections>) {
    let (began, mut ticks) = (tokio::time::Instant::now(), tokio::time::interval(TICK));
    loop {
        let now = ticks.tick().await.duration_since(began);
        connections.tick(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    }
}
