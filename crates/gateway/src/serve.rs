//! One request from its head to its answer and its record.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::{Request, Response, request};
use hyper::body::Incoming;
use keyward_rules::decision::Permit;
use keyward_rules::denial::Denial;
use keyward_rules::id::{AccountId, KeyId, RequestId};
use keyward_rules::key::Environment;
use keyward_rules::route::Found;
use keyward_store::{LastUse, Outcome, OutcomeStatus, Record};
use tracing::{info, warn};

use crate::admit::{Turned, Way, admit, screen, whole};
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
    pub pool: Rc<Pool>,
    /// The thread's request ids.
    pub ids: RequestIds,
}

/// Numbers requests: random bits of the process and thread, then a count.
pub struct RequestIds {
    seed: u64,
    count: std::cell::Cell<u64>,
}

impl RequestIds {
    /// Ids that start with `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed, count: std::cell::Cell::new(0) }
    }

    fn next(&self) -> RequestId {
        self.count.set(self.count.get().wrapping_add(1));
        RequestId(u128::from(self.seed) << 64 | u128::from(self.count.get()))
    }
}

/// What is recorded of a private request.
struct Trace {
    id: RequestId,
    source: IpAddr,
    method: &'static str,
    route: &'static str,
    began_us: u64,
    bytes_in: u64,
}

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
    let way = match screen(gate, &head, source) {
        Ok(way) => way,
        Err(turned) => {
            let trace = trace(gate, id, source, &head, 0);
            record_refusal(gate, &trace, &turned);
            return refuse_early(gate, body, turned.denial).await;
        }
    };
    let (bytes, _share) = read(body, gate.limits(), &desk.budget).await?;
    let (credentials, found) = match way {
        Way::Public(route) => {
            let outgoing = Outgoing { method: head.method, target: head.target, body: &bytes, route };
            let demo = head.credentials.simulated == Some(b"1");
            let environment = if demo { Environment::Demo } else { Environment::Live };
            return match forward_public(gate, &desk.pool, id, environment, &outgoing, &parts.headers).await {
                Forwarded::Answered(reply) => Ok(reply),
                Forwarded::NotSent(denial) | Forwarded::Unknown(denial) => Err(denial),
            };
        }
        Way::Private(credentials, found) => (credentials, found),
    };
    let trace = trace(gate, id, source, &head, bytes.len());
    match admit(gate, whole(gate, id, &head, &bytes, (credentials, found), source)).await {
        Ok(permit) => finish(desk, permit, parts, &trace).await,
        Err(turned) => {
            record_refusal(gate, &trace, &turned);
            Err(turned.denial)
        }
    }
}

/// Forwards, then records how it ended, whatever became of the client.
async fn finish(
    desk: &Desk,
    permit: Permit<'_>,
    parts: &request::Parts,
    trace: &Trace,
) -> Result<Response<ReplyBody>, Denial> {
    let gate = &*desk.gate;
    let (key, account) = (permit.facts().id, permit.facts().account);
    let (at, owes_outcome) = (permit.whole().now, permit.route().class.owes_record());
    gate.recorder.used(LastUse { key, at, from: trace.source });
    let forwarded = forward(gate, &desk.pool, permit, &parts.headers).await;
    let (status, code, reply) = match forwarded {
        Forwarded::Answered(reply) => (OutcomeStatus::Answered(reply.status().as_u16()), "0", Ok(reply)),
        Forwarded::NotSent(denial) => (OutcomeStatus::NotSent, denial.entry().code, Err(denial)),
        Forwarded::Unknown(denial) => (OutcomeStatus::Unknown, denial.entry().code, Err(denial)),
    };
    if owes_outcome {
        gate.recorder.settle(Outcome { request: trace.id, status, at: gate.clock().now() });
    }
    let upstream_status = match status {
        OutcomeStatus::Answered(status) => Some(status),
        OutcomeStatus::NotSent | OutcomeStatus::Unknown => None,
    };
    record(gate, trace, Some(key), Some(account), code, upstream_status);
    reply
}

/// A refusal before the body was read: what the client still sends is drained within bounds.
async fn refuse_early(gate: &Gate, body: Incoming, denial: Denial) -> Result<Response<ReplyBody>, Denial> {
    if !http_body::Body::is_end_stream(&body) {
        drain(body, gate.limits()).await;
    }
    Err(denial)
}

fn trace(gate: &Gate, id: RequestId, source: IpAddr, head: &Head<'_>, bytes_in: usize) -> Trace {
    let route = match gate.routes.find(head.method, head.path) {
        Found::Route(route) => route.path,
        Found::WrongMethod | Found::Unknown => "-",
    };
    let began_us = gate.clock().now_us();
    Trace { id, source, method: head.method.as_str(), route, began_us, bytes_in: bytes_in as u64 }
}

fn record_refusal(gate: &Gate, trace: &Trace, turned: &Turned) {
    let code = turned.denial.entry().code;
    if let Denial::AddressRefused(key, address) = turned.denial {
        warn!(%key, %address, "right credentials from a wrong address: treat the key as leaked");
    } else if let Denial::AppAddressRefused(key) = turned.denial {
        warn!(%key, "right credentials of an app key from elsewhere than its app");
    } else if turned.account.is_some() {
        info!(request = %trace.id, code, route = trace.route, "refused");
    }
    record(gate, trace, turned.key, turned.account, code, None);
}

fn record(
    gate: &Gate,
    trace: &Trace,
    key: Option<KeyId>,
    account: Option<AccountId>,
    code: &'static str,
    upstream_status: Option<u16>,
) {
    let now_us = gate.clock().now_us();
    gate.recorder.record(Record {
        at: keyward_rules::time::Moment::from_unix_ms(trace.began_us / 1_000),
        request: trace.id,
        key,
        account,
        source: trace.source,
        method: trace.method,
        route: trace.route,
        code,
        upstream_status,
        bytes_in: trace.bytes_in,
        bytes_out: 0,
        micros: now_us.saturating_sub(trace.began_us),
    });
}
