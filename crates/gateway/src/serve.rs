//! One request from its head to its answer and its record.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{Request, Response, request};
use http_body::Body as _;
use hyper::body::Incoming;
use keyward_rules::alert::Sighting;
use keyward_rules::decision::Permit;
use keyward_rules::denial::Denial;
use keyward_rules::id::{AccountId, KeyId, RequestId};
use keyward_rules::key::{Environment, Reach};
use keyward_rules::route::{Found, Method, Route};
use keyward_rules::time::Moment;
use keyward_store::{LastUse, Outcome, OutcomeStatus, Record};
use tracing::{info, warn};

use crate::admit::{Turned, Way, admit, path_of, screen, whole};
use crate::body::{Budget, drain, read};
use crate::forward::{Forwarded, Outgoing, forward, forward_public};
use crate::framing::{Head, check};
use crate::gate::Gate;
use crate::reply::{ReplyBody, respond};
use crate::upstream::Pool;

/// What one thread serves with.
pub struct Desk {
    /// The context shared by all threads.
    pub gate: Arc<Gate>,
    /// The bodies' budget, shared by all threads.
    pub budget: Arc<Budget>,
    /// The thread's connections to the exchange.
    pub pool: Arc<Pool>,
    /// The thread's request ids.
    pub ids: RequestIds,
}

impl Desk {
    /// Whether a request, as it says of itself, owes an outcome once it was forwarded.
    pub fn moves_funds(&self, request: &Request<Incoming>) -> bool {
        if request.method() != http::Method::POST {
            return false;
        }
        match self.gate.routes.find(Method::Post, request.uri().path().as_bytes()) {
            Found::Route(route) => route.class.owes_record(),
            Found::WrongMethod | Found::Unknown => false,
        }
    }
}

/// Numbers requests: random bits of the process and thread, then a count.
pub struct RequestIds {
    seed: u64,
    count: AtomicU64,
}

impl RequestIds {
    /// Ids that start with `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed, count: AtomicU64::new(0) }
    }

    fn next(&self) -> RequestId {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        RequestId(u128::from(self.seed) << 64 | u128::from(count))
    }
}

/// What is recorded of a private request. One that is dropped before it was recorded, because its client went
/// away, records that.
struct Trace<'d> {
    gate: &'d Gate,
    id: RequestId,
    source: IpAddr,
    method: &'static str,
    route: &'static str,
    began_us: u64,
    bytes_in: u64,
    whose: Option<(KeyId, AccountId)>,
    open: bool,
}

/// The journal's code for a request whose client went away before the answer.
const CLIENT_GONE: &str = "gone";

/// Serves one request from `source`.
pub async fn serve(desk: &Desk, request: Request<Incoming>, source: IpAddr) -> Response<ReplyBody> {
    let id = desk.ids.next();
    let (parts, body) = request.into_parts();
    match handle(desk, &parts, body, source, id).await {
        Ok(reply) => reply,
        Err(denial) => respond(&denial, id),
    }
}

async fn handle(
    desk: &Desk,
    parts: &request::Parts,
    body: Incoming,
    source: IpAddr,
    id: RequestId,
) -> Result<Response<ReplyBody>, Denial> {
    let gate = &*desk.gate;
    let head = match check(parts) {
        Ok(head) => head,
        Err(denial) => return refuse_early(gate, body, denial).await,
    };
    let way = match screen(gate, &head, source, !body.is_end_stream()).await {
        Ok(way) => way,
        Err(turned) => {
            Trace::new(gate, id, source, head.method, turned.route, 0).refused(&turned);
            return refuse_early(gate, body, turned.denial).await;
        }
    };
    let (bytes, _share) = read(body, gate.limits(), &desk.budget).await?;
    let (credentials, found) = match way {
        Way::Public(route) => return public(desk, parts, &head, route, &bytes, id).await,
        Way::Private(credentials, found) => (credentials, found),
    };
    let mut trace = Trace::new(gate, id, source, head.method, path_of(found), bytes.len());
    let whole = whole(id, &head, &bytes, (credentials, found), source, trace.began());
    match admit(gate, whole).await {
        Ok(permit) => finish(desk, permit, parts, &mut trace).await,
        Err(turned) => {
            trace.refused(&turned);
            Err(turned.denial)
        }
    }
}

/// Forwards what needs no key; nothing is recorded of it.
async fn public(
    desk: &Desk,
    parts: &request::Parts,
    head: &Head<'_>,
    route: &Route,
    body: &Bytes,
    id: RequestId,
) -> Result<Response<ReplyBody>, Denial> {
    let gate = &*desk.gate;
    let demo = head.credentials.simulated == Some(b"1");
    let outgoing = Outgoing {
        id,
        method: head.method,
        target: head.target,
        body,
        route,
        environment: if demo { Environment::Demo } else { Environment::Live },
        deadline: gate.clock().now().plus_ms(gate.limits().permit_ms),
        caller: None,
    };
    match forward_public(gate, &desk.pool, outgoing, &parts.headers).await {
        Forwarded::Answered(reply) => Ok(reply),
        Forwarded::NotSent(denial) | Forwarded::Unknown(denial) => Err(denial),
    }
}

/// Forwards, then records how it ended, whatever became of the client.
async fn finish(
    desk: &Desk,
    permit: Permit<'_>,
    parts: &request::Parts,
    trace: &mut Trace<'_>,
) -> Result<Response<ReplyBody>, Denial> {
    let gate = &*desk.gate;
    let key = permit.facts().id;
    trace.whose = Some((key, permit.facts().account));
    gate.reports.recorder.used(LastUse { key, at: permit.whole().now, from: trace.source });
    if matches!(permit.facts().reach, Reach::Anywhere) {
        gate.reports.alarms.raise(Sighting::Unbound(key, trace.source), permit.whole().now);
    }
    let owes_outcome = permit.route().class.owes_record();
    let forwarded = forward(gate, &desk.pool, permit, &parts.headers).await;
    let (status, code, reply) = match forwarded {
        Forwarded::Answered(reply) => (OutcomeStatus::Answered(reply.status().as_u16()), "0", Ok(reply)),
        Forwarded::NotSent(denial) => (OutcomeStatus::NotSent, denial.entry().code, Err(denial)),
        Forwarded::Unknown(denial) => (OutcomeStatus::Unknown, denial.entry().code, Err(denial)),
    };
    if owes_outcome {
        gate.reports.recorder.settle(Outcome { request: trace.id, status, at: gate.clock().now() });
    }
    let upstream_status = match status {
        OutcomeStatus::Answered(status) => Some(status),
        OutcomeStatus::NotSent | OutcomeStatus::Unknown => None,
    };
    trace.record(code, upstream_status);
    reply
}

/// A refusal before the body was read: what the client still sends is drained within bounds.
async fn refuse_early(gate: &Gate, body: Incoming, denial: Denial) -> Result<Response<ReplyBody>, Denial> {
    if !body.is_end_stream() {
        drain(body, gate.limits()).await;
    }
    Err(denial)
}

impl<'d> Trace<'d> {
    fn new(
        gate: &'d Gate,
        id: RequestId,
        source: IpAddr,
        method: Method,
        route: &'static str,
        bytes_in: usize,
    ) -> Self {
        let (began_us, bytes_in) = (gate.clock().now_us(), bytes_in as u64);
        Self { gate, id, source, method: method.as_str(), route, began_us, bytes_in, whose: None, open: true }
    }

    /// When the request was complete.
    fn began(&self) -> Moment {
        Moment::from_unix_ms(self.began_us / 1_000)
    }

    fn refused(&mut self, turned: &Turned) {
        let code = turned.denial.entry().code;
        if let Denial::AddressRefused(key, address) = turned.denial {
            // The holder is told, and the log once: who tries for an hour must not fill it.
            if self.gate.reports.alarms.raise(Sighting::WrongAddress(key, address), self.began()) {
                warn!(%key, %address, "right credentials from a wrong address: treat the key as leaked");
            }
        } else if let Denial::AppAddressRefused(key) = turned.denial {
            if self.gate.reports.alarms.raise(Sighting::WrongAddress(key, self.source), self.began()) {
                warn!(%key, "right credentials of an app key from elsewhere than its app");
            }
        } else if turned.account.is_some() {
            info!(request = %self.id, code, route = self.route, "refused");
        }
        self.write(turned.key, turned.account, code, None);
    }

    fn record(&mut self, code: &'static str, upstream_status: Option<u16>) {
        let (key, account) = self.whose.unzip();
        self.write(key, account, code, upstream_status);
    }

    fn write(
        &mut self,
        key: Option<KeyId>,
        account: Option<AccountId>,
        code: &'static str,
        upstream_status: Option<u16>,
    ) {
        self.open = false;
        self.gate.reports.recorder.record(Record {
            at: self.began(),
            request: self.id,
            key,
            account,
            source: self.source,
            method: self.method,
            route: self.route,
            code,
            upstream_status,
            bytes_in: self.bytes_in,
            bytes_out: 0,
            micros: self.gate.clock().now_us().saturating_sub(self.began_us),
        });
    }
}

impl Drop for Trace<'_> {
    fn drop(&mut self) {
        if self.open {
            self.record(CLIENT_GONE, None);
        }
    }
}
