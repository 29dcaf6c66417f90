//! The exchange behind a socket: verified identity first, then the route.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use keyward_rules::identity::{self, Identity, IdentityKey};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::answer::{Answer, decoded, envelope, query};
use crate::ledger::Ledger;
use crate::private::{self, Caller};
use crate::public;

/// Bytes of a body; the gateway's own limit is the same.
const BODY_BYTES: usize = 1 << 20;
/// Requests remembered for tests.
const SEEN: usize = 100_000;

/// One request that the exchange acted upon.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// The gateway's id of it.
    pub request_id: String,
    /// Its method.
    pub method: String,
    /// Its target.
    pub target: String,
}

/// The exchange.
pub struct Exchange {
    key: IdentityKey,
    ledger: Mutex<Ledger>,
    seen: Mutex<(u64, VecDeque<Seen>)>,
    now_ms: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl Exchange {
    /// An exchange that believes identities made with `key`.
    #[must_use]
    pub fn new(key: IdentityKey, seed: u64, now_ms: Box<dyn Fn() -> u64 + Send + Sync>) -> Arc<Self> {
        Arc::new(Self { key, ledger: Mutex::new(Ledger::new(seed)), seen: Mutex::default(), now_ms })
    }

    /// How many requests were acted upon, and the newest of them.
    #[must_use]
    pub fn seen(&self) -> (u64, Vec<Seen>) {
        let seen = self.seen.lock();
        (seen.0, seen.1.iter().cloned().collect())
    }

    /// Serves the listener until the task is dropped.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let _ = stream.set_nodelay(true);
            let exchange = Arc::clone(&self);
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let exchange = Arc::clone(&exchange);
                    async move { Ok::<_, Infallible>(exchange.answer(request).await) }
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service);
                let _ = connection.await;
            });
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let Ok(body) = Limited::new(body, BODY_BYTES).collect().await else {
            return reply(StatusCode::PAYLOAD_TOO_LARGE, refused("50002", "JSON syntax error"));
        };
        let body = body.to_bytes();
        let target = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let now_ms = (self.now_ms)();
        let Some(told) = Told::read(&parts.headers) else {
            return reply(
                StatusCode::FORBIDDEN,
                refused("50030", "The request does not come from the gateway"),
            );
        };
        let signature = header(&parts.headers, identity::IDENTITY).unwrap_or_default();
        let identity = told.identity();
        if self.key.verify(&identity, parts.method.as_str(), target.as_bytes(), &body, signature).is_err() {
            return reply(StatusCode::FORBIDDEN, refused("50030", "The gateway's identity does not verify"));
        }
        if told.deadline_ms < now_ms {
            return reply(StatusCode::FORBIDDEN, refused("50037", "Order expired."));
        }
        self.note(told.request_id, parts.method.as_str(), target);
        let path = target.split('?').next().unwrap_or(target);
        match self.route(&told, parts.method.as_str(), path, &arguments(&parts.method, target, &body), now_ms)
        {
            Some(answer) => reply(StatusCode::OK, envelope(answer)),
            None => {
                reply(StatusCode::NOT_FOUND, refused("50005", "API endpoint is inactive or unavailable."))
            }
        }
    }

    fn route(
        &self,
        told: &Told<'_>,
        method: &str,
        path: &str,
        arguments: &Option<Value>,
        now_ms: u64,
    ) -> Option<Answer> {
        let Some(arguments) = arguments else {
            return Some(crate::answer::refuse("50002", "JSON syntax error"));
        };
        match told.caller() {
            None => public::answer(path, arguments, now_ms),
            Some(caller) => {
                let mut ledger = self.ledger.lock();
                private::answer(&mut ledger, &caller, (method, path), arguments, now_ms)
            }
        }
    }

    fn note(&self, request_id: &str, method: &str, target: &str) {
        let mut seen = self.seen.lock();
        seen.0 += 1;
        if seen.1.len() >= SEEN {
            seen.1.pop_front();
        }
        let entry =
            Seen { request_id: request_id.to_owned(), method: method.to_owned(), target: target.to_owned() };
        seen.1.push_back(entry);
    }
}

/// The identity headers as they came.
struct Told<'h> {
    account: Option<&'h str>,
    sub_account: Option<&'h str>,
    key: Option<&'h str>,
    label: Option<&'h str>,
    addresses: Option<&'h str>,
    permissions: &'h str,
    environment: &'h str,
    route: &'h str,
    request_id: &'h str,
    deadline_ms: u64,
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

impl<'h> Told<'h> {
    fn read(headers: &'h HeaderMap) -> Option<Self> {
        Some(Self {
            account: header(headers, identity::ACCOUNT),
            sub_account: header(headers, identity::SUB_ACCOUNT),
            key: header(headers, identity::KEY),
            label: header(headers, identity::LABEL),
            addresses: header(headers, identity::ADDRESSES),
            permissions: header(headers, identity::PERMISSIONS)?,
            environment: header(headers, identity::ENVIRONMENT)?,
            route: header(headers, identity::ROUTE)?,
            request_id: header(headers, identity::REQUEST_ID)?,
            deadline_ms: header(headers, identity::DEADLINE)?.parse().ok()?,
        })
    }

    const fn identity(&self) -> Identity<'h> {
        Identity {
            account: self.account,
            sub_account: self.sub_account,
            key: self.key,
            label: self.label,
            addresses: self.addresses,
            permissions: self.permissions,
            environment: self.environment,
            route: self.route,
            request_id: self.request_id,
            deadline_ms: self.deadline_ms,
        }
    }

    fn caller(&self) -> Option<Caller> {
        Some(Caller {
            account: self.account?.to_owned(),
            sub_account: self.sub_account.map(str::to_owned),
            environment: self.environment.to_owned(),
            permissions: self.permissions.to_owned(),
            label: decoded(self.label.unwrap_or_default()),
            addresses: self.addresses.unwrap_or_default().to_owned(),
        })
    }
}

/// A GET's query or a POST's body; `None` when the body is no JSON.
fn arguments(method: &http::Method, target: &str, body: &[u8]) -> Option<Value> {
    if method == http::Method::GET {
        return Some(query(target));
    }
    if body.is_empty() { Some(json!({})) } else { serde_json::from_slice(body).ok() }
}

fn refused(code: &str, text: &str) -> String {
    json!({"code": code, "data": [], "msg": text}).to_string()
}

fn reply(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status;
    reply
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    reply
}
