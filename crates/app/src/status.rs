//! The listener for balancers and for Prometheus: `/healthz`, `/readyz` by class, `/metrics`.
//!
//! On a thread and a runtime of its own, so that it answers within a second whatever hangs elsewhere.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use keyward_api::health::{Answer, Health, Question, Service};
use keyward_console::Shell;
use keyward_gateway::{RequestContext, health};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};

use crate::exchange::ExchangeLag;
use crate::tasks::Heartbeat;
use crate::{ambient, metrics};

/// How long the console's part may take to say how it stands.
const PATIENCE: Duration = Duration::from_millis(900);
/// How long a request may take, and how many are answered at the same time; more are closed at once.
const REQUEST: Duration = Duration::from_secs(5);
const CONNECTIONS: usize = 64;

/// What is looked at.
#[derive(Clone)]
pub struct Watched {
    /// The gateway.
    pub request_context: Arc<RequestContext>,
    /// The signs of life of what runs beside requests.
    pub pulses: Vec<Heartbeat>,
    /// How far the exchange lags that is told of sub-accounts, if one is.
    pub exchange: Option<Arc<ExchangeLag>>,
    /// The console, if there is one, and where it runs.
    pub console: Option<(Shell, Handle)>,
}

/// A listener that answers until this is dropped.
pub struct Status {
    _stop: oneshot::Sender<()>,
}

impl Status {
    /// Starts to answer.
    pub fn start(listener: TcpListener, watched: Watched) -> Result<Self> {
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || runtime.block_on(serve(listener, watched, stopped));
        std::thread::Builder::new().name("status".to_owned()).spawn(serve).context("no thread for health")?;
        Ok(Self { _stop: stop })
    }
}

async fn serve(listener: TcpListener, watched: Watched, mut stopped: oneshot::Receiver<()>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut stopped => return,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else { continue };
        let watched = watched.clone();
        tokio::spawn(async move {
            let answer = service_fn(|request| answer(&watched, request));
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).keep_alive(false);
            // A client that goes away is no news.
            let _ = tokio::time::timeout(REQUEST, http.serve_connection(TokioIo::new(stream), answer)).await;
            drop(place);
        });
    }
}

async fn answer(watched: &Watched, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    let uri = request.uri();
    let asks = request.method() == Method::GET || request.method() == Method::HEAD;
    let (status, kind, body) = match Question::read(uri.path(), uri.query()).filter(|_| asks) {
        Some(question) => {
            let Answer { status, body } = judge(watched, question).await;
            (StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE), JSON, body)
        }
        None if asks && uri.path() == "/metrics" => (
            StatusCode::OK,
            HeaderValue::from_static(metrics::CONTENT_TYPE),
            metrics::text(&watched.request_context, &watched.pulses, watched.exchange.as_deref()).into(),
        ),
        None => (StatusCode::NOT_FOUND, HeaderValue::from_static("text/plain"), NOT_HERE.into()),
    };
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, kind);
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(reply)
}

const NOT_HERE: &str = "Here are /healthz, /readyz, /readyz?class=trade|funds|console and /metrics.\n";

async fn judge(watched: &Watched, question: Question) -> Answer {
    match question {
        Question::Alive => Answer::alive(),
        Question::Unknown => Answer::unknown("ask for trade, funds or console, or leave it out"),
        Question::Ready(Service::Console) => Answer::of(&console(watched).await),
        Question::Ready(service) => {
            let mut health = health::health(&watched.request_context, service);
            let late = watched.exchange.as_ref().and_then(|lag| lag.late(ambient::now()));
            health.stale.extend(late);
            Answer::of(&health)
        }
    }
}

async fn console(watched: &Watched) -> Health {
    let away = |why: &str| Health { ready: false, stale: vec![why.to_owned()] };
    let Some((shell, runtime)) = watched.console.clone() else { return away("this node has no console") };
    let asked = runtime.spawn(async move { shell.health().await });
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(health)) => health,
        Ok(Err(_)) | Err(_) => away("the console does not answer"),
    }
}
