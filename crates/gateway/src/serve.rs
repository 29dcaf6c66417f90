//! One request from its head to its answer and its record.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderName};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, request};
use http_body::Body as _;
use hyper::body::Incoming;
use keyward_api::sub_accounts::EndpointReply;
use keyward_edge::{Peer, Proxies, Request as UnderWay};
use keyward_rules::address::Source;
use keyward_rules::decision::{Door, Permit};
use keyward_rules::denial::Denial;
use keyward_rules::id::{AccountId, KeyId, RequestId};
use keyward_rules::key::Environment;
use keyward_rules::route::{Destination, Found, Method, Route};
use keyward_rules::time::Moment;
use keyward_store::{Outcome, OutcomeStatus, Record};
use parking_lot::Mutex;
use tracing::info;

use crate::admit::{Rejection, ScreenedRequest, admit, path_of, screen, whole};
use crate::approvals::{self, UsedConsent};
use crate::body::{Budget, Room, drain, read};
use crate::context::RequestContext;
use crate::endpoints;
use crate::forward::{Forwarded, Outgoing, forward, forward_public};
use crate::framing::{Encodings, Head, check};
use crate::health;
use crate::observe;
use crate::own_config::OwnConfig;
use crate::recorder::Unread;
use crate::reply::{ReplyBody, respond, said_already, tell_quota};
use crate::socket::{Upgrades, open};
use crate::taken_sums::TakenSums;
use crate::upstream::Pool;

/// What one thread serves with.
pub struct ThreadContext {
    /// The context shared by all threads.
    pub context: Arc<RequestContext>,
    /// The bodies' budget, shared by all threads.
    pub budget: Arc<Budget>,
    /// The thread's connections to the exchange.
    pub pool: Arc<Pool>,
    /// The thread's request ids.
    pub ids: RequestIds,
    /// The proxies that may name their clients.
    pub proxies: Arc<Proxies>,
}

impl ThreadContext {
    /// The client of a request, unless it is closed out: a ban reaches open connections and streams too. At a listener for apps
    /// it must be one of an app's servers, which of a client that connects itself was looked at before.
    fn client(&self, peer: Peer, door: Door, headers: &HeaderMap) -> Result<IpAddr, Denial> {
        let client = self.proxies.client(peer, headers).map_err(|unclear| {
            self.context.reports.complaints.unclear(peer.address(), &unclear, self.context.clock().now());
            Denial::ClientUnclear
        })?;
        if self.context.is_banned(client) {
            Err(Denial::RateExceeded)
        } else if !matches!(peer, Peer::Client(_)) && !self.context.admits(door, client) {
            Err(Denial::AppKeysOnly)
        } else {
            Ok(client)
        }
    }

    /// Whether a request, as it says of itself, owes an outcome once it was forwarded.
    pub fn moves_funds(&self, request: &Request<Incoming>) -> bool {
        if request.method() != http::Method::POST {
            return false;
        }
        match self.context.routes.find(Method::Post, request.uri().path().as_bytes()) {
            Found::Route(route) => route.class.owes_record(),
            Found::WrongMethod | Found::Unknown => false,
        }
    }
}

/// Names requests by random bits: who knows the name of one must not know those of others.
pub struct RequestIds {
    key: [u8; 32],
    drawn: Mutex<Drawn>,
}

/// Random words, drawn many at a time.
struct Drawn {
    batch: u64,
    words: [u8; DRAWN_BYTES],
    next: usize,
}

const DRAWN_BYTES: usize = 4_096;

impl RequestIds {
    /// Ids that nobody can tell without `key`.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key, drawn: Mutex::new(Drawn { batch: 0, words: [0; DRAWN_BYTES], next: DRAWN_BYTES }) }
    }

    /// The next name.
    pub fn next(&self) -> RequestId {
        let mut drawn = self.drawn.lock();
        if drawn.next >= DRAWN_BYTES {
            drawn.batch += 1;
            let mut stream = blake3::Hasher::new_keyed(&self.key);
            stream.update(&drawn.batch.to_be_bytes());
            stream.finalize_xof().fill(&mut drawn.words);
            drawn.next = 0;
        }
        let at = drawn.next;
        drawn.next += 16;
        let word = drawn.words.get(at..).and_then(<[u8]>::first_chunk::<16>).copied().unwrap_or_default();
        RequestId(u128::from_be_bytes(word))
    }
}

/// What is recorded of a private request. One that is dropped before it was recorded, because its client went
/// away, records that.
struct Trace<'d> {
    context: &'d RequestContext,
    id: RequestId,
    source: IpAddr,
    method: &'static str,
    route: &'static str,
    began_us: u64,
    bytes_in: u64,
    whose: Option<(KeyId, AccountId)>,
    /// What its orders are read from, once its signature was verified.
    unread: Option<Unread>,
    open: bool,
}

/// The journal's code for a request whose client went away before the answer.
const CLIENT_GONE: &str = "gone";

/// Serves one request of `peer`, which came by `door`; `under_way` ends with its reply. A socket that it opens is left in `upgrades`.
pub async fn serve(
    desk: &ThreadContext,
    request: Request<Incoming>,
    (peer, door): (Peer, Door),
    under_way: UnderWay,
    upgrades: &Upgrades,
) -> Response<ReplyBody> {
    let id = desk.ids.next();
    let (mut parts, body) = request.into_parts();
    let handled = if let Some(answer) = health::answer(&desk.context, &parts) {
        Ok(answer)
    } else {
        match desk.client(peer, door, &parts.headers) {
            Ok(client) => match check(&parts, desk.context.limits()) {
                Ok(head) if head.websocket => open(&desk.context, &mut parts, (client, door), upgrades),
                Ok(head) => handle(desk, (&parts, head), body, ((client, door), &under_way), id).await,
                Err(denial) => refuse_early(&desk.context, body, denial).await,
            },
            Err(denial) => refuse_early(&desk.context, body, denial).await,
        }
    };
    let mut reply = handled.unwrap_or_else(|denial| respond(&denial, id));
    if matches!(peer, Peer::Client(client) if desk.context.is_banned(client)) {
        reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    } else if parts.version == Version::HTTP_11 && reply.status() != StatusCode::SWITCHING_PROTOCOLS {
        reply.headers_mut().insert(KEEP_ALIVE, HeaderValue::from_static(keyward_edge::KEEP_ALIVE));
    }
    reply.body_mut().end(under_way, parts.version);
    reply
}

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// Handles a request whose head was checked: screen → body → admit → forward.
async fn handle(
    desk: &ThreadContext,
    (parts, head): (&request::Parts, Head<'_>),
    body: Incoming,
    ((source, door), under_way): ((IpAddr, Door), &UnderWay),
    id: RequestId,
) -> Result<Response<ReplyBody>, Denial> {
    let context = &*desk.context;
    let way = match screen(context, &head, source, !body.is_end_stream()).await {
        Ok(way) => way,
        Err(rejection) => {
            Trace::new(context, id, source, head.method, rejection.route, 0).refused(&rejection, &[]);
            return refuse_early(context, body, rejection.denial).await;
        }
    };
    let room = match way {
        ScreenedRequest::Public(_) => Room::Public,
        // Its source has replies waiting that it does not take. A public route takes room for its reply before it asks.
        ScreenedRequest::Private(..) if !desk.budget.has_room(Source::of(source)) => {
            return refuse_early(context, body, Denial::Busy).await;
        }
        ScreenedRequest::Private(..) => Room::Private,
    };
    let (bytes, _share) =
        read(body, head.method, (room, Source::of(source)), context.limits(), &desk.budget).await?;
    let (credentials, found) = match way {
        ScreenedRequest::Public(route) => {
            return public(desk, parts, &head, (route, source), &bytes, id).await;
        }
        ScreenedRequest::Private(credentials, found) => (credentials, found),
    };
    let mut trace = Trace::new(context, id, source, head.method, path_of(found), bytes.len());
    let whole = whole(id, &head, &bytes, (credentials, found), (source, door), trace.began());
    match admit(context, whole).await {
        Ok(permit) => {
            under_way.activity().mark_known();
            match permit.route().destination {
                Destination::Approvals => tell_approval(context, &permit, &mut trace).await,
                Destination::SubAccounts => administer(context, &permit, &parts.headers, &mut trace).await,
                Destination::Upstream | Destination::Closed => finish(desk, permit, parts, &mut trace).await,
            }
        }
        Err(rejection) => {
            if rejection.account.is_some() {
                trace.asks(&bytes);
            }
            let reply = trace.refused(&rejection, &bytes);
            // Limits answer order by order, and approvals with their number as data, which a denial alone cannot.
            if matches!(
                rejection.denial,
                Denial::Fenced(_) | Denial::ApprovalWaiting(_) | Denial::ApprovalRefused(..)
            ) {
                Ok(said_already(StatusCode::OK, reply, id))
            } else {
                Err(rejection.denial)
            }
        }
    }
}

/// Forwards what needs no key; nothing is recorded of it.
async fn public(
    desk: &ThreadContext,
    parts: &request::Parts,
    head: &Head<'_>,
    (route, client): (&Route, IpAddr),
    body: &Bytes,
    id: RequestId,
) -> Result<Response<ReplyBody>, Denial> {
    let context = &*desk.context;
    let demo = head.credentials.simulated == Some(b"1");
    let outgoing = Outgoing {
        id,
        method: head.method,
        target: head.target,
        body,
        label: &route.label,
        environment: if demo { Environment::Demo } else { Environment::Live },
        deadline: context.clock().now().plus_ms(context.limits().permit_ms),
        client,
        caller: None,
    };
    // Room for the answer is taken before it is asked for: so a source has only so many under way at the exchange.
    let reserved = desk.budget.reply(Room::Public, Source::of(client), context.limits().gather_bytes);
    let mut share = reserved.ok_or(Denial::Busy)?;
    match forward_public(context, &desk.pool, outgoing, &parts.headers).await {
        Forwarded::Answered(mut reply) => {
            share.resize(reply.body().waiting())?;
            reply.body_mut().count(Some(share));
            Ok(reply)
        }
        Forwarded::NotSent(denial) | Forwarded::Unknown(denial) => Err(denial),
    }
}

/// Answers what Keyward alone knows: nothing goes to the exchange.
async fn tell_approval(
    context: &RequestContext,
    permit: &Permit<'_>,
    trace: &mut Trace<'_>,
) -> Result<Response<ReplyBody>, Denial> {
    trace.used_by(permit);
    let answer = approvals::state(context, permit.facts().account, permit.target()).await;
    trace.told(permit, answer.map(|body| EndpointReply { status: 200, code: "0", body }))
}

/// Has the control plane carry out what is about sub-accounts: nothing goes to the exchange. Bodies may hold secrets, and are
/// never recorded.
async fn administer(
    context: &RequestContext,
    permit: &Permit<'_>,
    headers: &HeaderMap,
    trace: &mut Trace<'_>,
) -> Result<Response<ReplyBody>, Denial> {
    trace.used_by(permit);
    let answer = endpoints::carry_out(context, permit, (trace.id, trace.source), headers).await;
    trace.told(permit, answer)
}

/// Forwards, then records how it ended, whatever became of the client.
async fn finish(
    desk: &ThreadContext,
    permit: Permit<'_>,
    parts: &request::Parts,
    trace: &mut Trace<'_>,
) -> Result<Response<ReplyBody>, Denial> {
    let context = &*desk.context;
    trace.used_by(&permit);
    trace.asks(permit.body());
    let owes_outcome = permit.route().class.owes_record();
    let own_config = OwnConfig::asked(&permit);
    let reads_answer = trace.unread.is_some() || own_config.is_some();
    let encodings = if reads_answer { Encodings::Strip } else { Encodings::Keep };
    let (taken, quota) = (TakenSums::of(permit.request()), permit.request().quota());
    let consent = UsedConsent::of(permit.request());
    let forwarded = forward(context, &desk.pool, permit, (&parts.headers, encodings)).await;
    let (status, code, mut reply) = match forwarded {
        Forwarded::Answered(reply) => {
            let mut reply = match own_config {
                Some(own) => own.lay_over(context, reply).await,
                None => reply,
            };
            // It took effect, so it is passed on even when there is no room to count it.
            let share = desk.budget.reply(Room::Private, Source::of(trace.source), reply.body().waiting());
            reply.body_mut().count(share);
            (OutcomeStatus::Answered(reply.status().as_u16()), "0", Ok(reply))
        }
        Forwarded::NotSent(denial) => (OutcomeStatus::NotSent, denial.entry().code, Err(denial)),
        Forwarded::Unknown(denial) => (OutcomeStatus::Unknown, denial.entry().code, Err(denial)),
    };
    match (&status, &reply) {
        (OutcomeStatus::NotSent, _) => {
            taken.give_all_back(context);
            consent.give_back(context).await;
        }
        (OutcomeStatus::Answered(_), Ok(reply)) => {
            if let (Some(unread), Some(answer)) = (&trace.unread, reply.body().all()) {
                taken.settle(context, unread.path(), unread.body(), answer);
            }
        }
        (OutcomeStatus::Answered(_) | OutcomeStatus::Unknown, _) => {}
    }
    if owes_outcome {
        context.reports.recorder.settle(Outcome { request: trace.id, status, at: context.clock().now() });
    }
    let upstream_status = match status {
        OutcomeStatus::Answered(status) => Some(status),
        OutcomeStatus::NotSent | OutcomeStatus::Unknown => None,
    };
    let record = trace.end(trace.whose.unzip(), code, upstream_status);
    let (unread, recorder) = (trace.unread.take(), &context.reports.recorder);
    match &mut reply {
        Ok(reply) => {
            if let Some(quota) = quota {
                tell_quota(reply.headers_mut(), quota);
            }
            reply.body_mut().record(record, unread, recorder);
        }
        Err(denial) => recorder.record(refused_with(denial, record), unread),
    }
    reply
}

/// The record of a request that was answered with a refusal. It is rendered once more for its length: few of the refusals that
/// a flood gets are recorded.
fn refused_with(denial: &Denial, record: Record) -> Record {
    Record { bytes_out: keyward_api::okx::refusal(denial).len() as u64, ..record }
}

/// A refusal before the body was read: what the client still sends is drained within bounds.
async fn refuse_early(
    context: &RequestContext,
    body: Incoming,
    denial: Denial,
) -> Result<Response<ReplyBody>, Denial> {
    if !body.is_end_stream() {
        drain(body, context.limits()).await;
    }
    Err(denial)
}

impl<'d> Trace<'d> {
    fn new(
        context: &'d RequestContext,
        id: RequestId,
        source: IpAddr,
        method: Method,
        route: &'static str,
        bytes_in: usize,
    ) -> Self {
        let (began_us, bytes_in) = (context.clock().now_us(), bytes_in as u64);
        Self {
            context,
            id,
            source,
            method: method.as_str(),
            route,
            began_us,
            bytes_in,
            whose: None,
            unread: None,
            open: true,
        }
    }

    /// Notes the verified body, if it asks for something of orders or funds.
    fn asks(&mut self, body: &Bytes) {
        self.unread = Unread::of(self.route, body, 0);
    }

    /// When the request was complete.
    fn began(&self) -> Moment {
        Moment::from_unix_ms(self.began_us / 1_000)
    }

    /// A key is at work.
    fn used_by(&mut self, permit: &Permit<'_>) {
        let facts = permit.facts();
        self.whose = Some((facts.id, facts.account));
        observe::used(self.context, facts, self.source, permit.parts().now);
    }

    /// Records an answer that did not come from the exchange, and gives it.
    fn told(
        &mut self,
        permit: &Permit<'_>,
        answer: Result<EndpointReply, Denial>,
    ) -> Result<Response<ReplyBody>, Denial> {
        let code = answer.as_ref().map_or_else(|denial| denial.entry().code, |reply| reply.code);
        let (record, recorder) = (self.end(self.whose.unzip(), code, None), &self.context.reports.recorder);
        match answer {
            Ok(EndpointReply { status, body, .. }) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
                let mut reply = said_already(status, body, self.id);
                if let Some(quota) = permit.request().quota() {
                    tell_quota(reply.headers_mut(), quota);
                }
                reply.body_mut().record(record, None, recorder);
                Ok(reply)
            }
            Err(denial) => {
                recorder.record(refused_with(&denial, record), None);
                Err(denial)
            }
        }
    }

    /// Records a refusal; gives what is said of it.
    fn refused(&mut self, rejection: &Rejection, asked: &[u8]) -> Bytes {
        let code = rejection.denial.entry().code;
        let misplaced = observe::misplaced(self.context, &rejection.denial, self.source, self.began());
        if !misplaced && rejection.account.is_some() {
            info!(request = %self.id, code, route = self.route, "refused");
        }
        // A request whose signature does not hold is a stranger's, whatever key it names.
        if rejection.account.is_none()
            && !self.context.counters.sources.may_record(self.source, self.began_us)
        {
            self.open = false;
            return Bytes::new();
        }
        let record = self.end((rejection.key, rejection.account), code, None);
        let said = keyward_api::okx::refusal_of(&rejection.denial, self.route, asked);
        let mut unread = self.unread.take();
        if matches!(rejection.denial, Denial::Fenced(_)) {
            // What is said of each order is kept, as if the exchange had said it.
            unread = unread.map(|unread| unread.answered(said.clone(), 0));
        }
        let bytes_out = said.len() as u64;
        self.context.reports.recorder.record(Record { bytes_out, ..record }, unread);
        said
    }

    /// The finished record, but for the bytes of the answer. Whoever takes it hands it in.
    fn end(
        &mut self,
        (key, account): (Option<KeyId>, Option<AccountId>),
        code: &'static str,
        upstream_status: Option<u16>,
    ) -> Record {
        self.open = false;
        Record {
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
            micros: self.context.clock().now_us().saturating_sub(self.began_us),
            orders: None,
        }
    }
}

impl Drop for Trace<'_> {
    fn drop(&mut self) {
        if self.open {
            let record = self.end(self.whose.unzip(), CLIENT_GONE, None);
            self.context.reports.recorder.record(record, self.unread.take());
        }
    }
}
