//! What a client's requests mean: logins, subscriptions, operations. [`Session::take`] reads top to bottom.
//!
//! A request goes on to the exchange only with evidence of the rules, judged on fresh facts. What is refused is answered and
//! recorded, as by REST.

mod channels;
mod login;
mod operations;
mod records;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use keyward_api::socket::{self as wire, Close};
use keyward_edge::Activity;
use keyward_rules::decision::{LoggedIn, Parts};
use keyward_rules::denial::Denial;
use keyward_rules::fence::Refused;
use keyward_rules::id::RequestId;
use keyward_rules::key::{Environment, KeyFacts};
use keyward_rules::route::Method;
use keyward_rules::socket::{ChannelArg, OperationRequest, Request, Unreadable, read};
use keyward_rules::time::Moment;
use keyward_store::Record;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::registry::Entry;
use super::side::Side;
use super::state::State;
use super::upgrade::Asked;
use super::upstream::connect;
use crate::admit::settle_rate;
use crate::context::RequestContext;
use crate::forward::{Caller, Outgoing};
use crate::recorder::Unread;
use crate::serve::ThreadContext;
use crate::taken_sums::TakenSums;

/// In the journal and the identity: what is no request, or none that there is.
const OTHER: &str = "WS request";
/// The journal's code for what was passed on.
const PASSED: &str = "0";

/// One client's requests, and what became of them.
pub struct Session<'d> {
    desk: &'d ThreadContext,
    asked: Asked,
    entry: Entry,
    activity: Activity,
    /// Eight hexadecimal digits that replies bear.
    conn_id: String,
    login: Option<Arc<LoggedIn>>,
    /// The ledger that the exchange was asked for, once there is a socket to it.
    ledger: Option<Environment>,
    /// With the numbers of their channels, if the account's sockets are counted by them.
    subscriptions: BTreeMap<ChannelArg<'static>, Option<u16>>,
    waiting: VecDeque<Waiting>,
    /// Bytes of the subscriptions' names and parameters.
    subscribed_bytes: usize,
    /// Bytes of frames that are kept for the records of those that wait.
    kept_bytes: usize,
    /// GCRA states of the socket's own rates, by the steady clock.
    requests_us: u64,
    frames_us: u64,
    refusals_us: u64,
}

/// An operation that waits for the exchange's answer.
struct Waiting {
    id: Box<str>,
    op: &'static str,
    since_ms: u64,
    record: Record,
    /// What its orders are read from, if there was room to keep it.
    unread: Option<Unread>,
    /// What it took from the sums of the day.
    taken: TakenSums,
}

impl Waiting {
    /// Bytes of its frame that are kept.
    fn kept_bytes(&self) -> usize {
        self.unread.as_ref().map_or(0, Unread::bytes)
    }
}

/// What is due after a client's request or a look of the registry.
#[derive(Default)]
pub struct Turn {
    /// To the client, in this order.
    pub replies: Vec<String>,
    /// Then the socket ends.
    pub close: Option<Close>,
}

impl Turn {
    fn reply(text: String) -> Self {
        Self { replies: vec![text], close: None }
    }

    const fn close(close: Close) -> Self {
        Self { replies: Vec::new(), close: Some(close) }
    }
}

/// A request on its way: when it came, its name, its bytes.
#[derive(Clone, Copy)]
struct Came<'r> {
    id: RequestId,
    at_us: u64,
    body: &'r Bytes,
}

impl Came<'_> {
    const fn at(&self) -> Moment {
        Moment::from_unix_ms(self.at_us / 1_000)
    }
}

type Upstream = Option<Side<TcpStream>>;

impl<'d> Session<'d> {
    /// A socket that nobody has logged in on.
    pub fn new(desk: &'d ThreadContext, asked: Asked, entry: Entry, activity: Activity) -> Self {
        let conn_id = format!("{:08x}", desk.ids.next().0 >> 96);
        Self {
            desk,
            asked,
            entry,
            activity,
            conn_id,
            login: None,
            ledger: None,
            subscriptions: BTreeMap::new(),
            waiting: VecDeque::new(),
            subscribed_bytes: 0,
            kept_bytes: 0,
            requests_us: 0,
            frames_us: 0,
            refusals_us: 0,
        }
    }

    /// The socket as others see it.
    pub fn state(&self) -> &State {
        self.entry.state()
    }

    /// The steady clock.
    pub fn now_ms(&self) -> u64 {
        (self.context().clock().steady_ms)()
    }

    fn context(&self) -> &'d RequestContext {
        &self.desk.context
    }

    /// A frame of the client came.
    ///
    /// # Errors
    /// Why the socket ends, if there are too many.
    pub fn heard(&mut self) -> Result<(), Close> {
        let now_ms = self.now_ms();
        self.state().heard(now_ms);
        let rate = self.entry.limits().frames;
        match rate.take(self.frames_us, now_ms.saturating_mul(1_000), 1) {
            Ok(state) => {
                self.frames_us = state;
                Ok(())
            }
            Err(_) => Err(Close::Flood),
        }
    }

    /// Answers one request of the client, or passes it on.
    pub async fn take(&mut self, upstream: &mut Upstream, text: Utf8Bytes) -> Turn {
        let body = Bytes::from(text);
        // The library has checked that the bytes are UTF-8.
        let Ok(text) = std::str::from_utf8(&body) else { return Turn::close(Close::NotText) };
        let came = Came { id: self.desk.ids.next(), at_us: self.context().clock().now_us(), body: &body };
        // A stranger's requests cost its source what they cost by REST.
        let sources = &self.context().counters.sources;
        if self.login.is_none() && settle_rate(sources.arrive(self.asked.source, came.at_us)).is_err() {
            return self.error("60014", TOO_FREQUENT, None, came);
        }
        match read(text) {
            Ok(Request::Ping) => Turn::reply("pong".to_owned()),
            Ok(Request::Login(login)) => self.log_in(upstream, &login, came).await,
            Ok(Request::Subscribe(asked)) => self.subscribe(upstream, &asked, came).await,
            Ok(Request::Unsubscribe(asked)) => self.unsubscribe(upstream, &asked, came).await,
            Ok(Request::Operation(asked)) => self.operate(upstream, &asked, came).await,
            Ok(Request::OtherOp { op, id }) => {
                self.error("60019", &format!("Invalid op: {op}"), id.as_deref(), came)
            }
            Err(unreadable) => self.unreadable(text, &unreadable, came),
        }
    }

    fn unreadable(&mut self, text: &str, unreadable: &Unreadable<'_>, came: Came<'_>) -> Turn {
        match unreadable {
            Unreadable::Request { id } => {
                let reply = wire::illegal_request(text, id.as_deref(), &self.conn_id);
                self.refuse(reply, "60012", OTHER, came)
            }
            Unreadable::Args { op, id } => self.refused(id, op, ("60013", "Invalid args"), OTHER, came),
            Unreadable::TooManyLogins { .. } => self.no_login(("60031", SECOND_LOGIN), unreadable.id(), came),
            Unreadable::EmptyMember { name, .. } => {
                let text = format!("Parameter {name} can not be empty.");
                self.no_login(("60027", &text), unreadable.id(), came)
            }
        }
    }

    /// Refuses what was meant as a login. A socket that has none ends with that.
    fn no_login(&mut self, (code, text): (&'static str, &str), id: Option<&str>, came: Came<'_>) -> Turn {
        if !self.take_request() {
            return self.error("60014", TOO_FREQUENT, id, came);
        }
        let close = self.login.is_none().then_some(Close::LoginFailed);
        let turn = self.error(code, text, id, came);
        Turn { close: turn.close.or(close), ..turn }
    }

    fn error(&mut self, code: &'static str, text: &str, id: Option<&str>, came: Came<'_>) -> Turn {
        let reply = wire::error(code, text, id, &self.conn_id);
        self.refuse(reply, code, OTHER, came)
    }

    fn refused(
        &mut self,
        id: &str,
        op: &str,
        (code, text): (&'static str, &str),
        route: &'static str,
        came: Came<'_>,
    ) -> Turn {
        let now_us = self.context().clock().now_us();
        let reply = wire::operation_refused(id, op, code, text, came.at_us, now_us);
        self.refuse(reply, code, route, came)
    }

    /// Refuses an operation that the key's limits do not let through. The record keeps what is said of each of its orders.
    fn fenced(
        &mut self,
        asked: &OperationRequest<'_>,
        refused: Refused,
        route: &'static str,
        came: Came<'_>,
    ) -> Turn {
        let now_us = self.context().clock().now_us();
        let what = (route, came.body.as_ref());
        let reply = wire::operation_fenced((&asked.id, asked.op), &refused, what, came.at_us, now_us);
        let said = Bytes::copy_from_slice(reply.as_bytes());
        self.refuse_saying(reply, (refused.code(), Some(said)), route, came)
    }

    /// Refuses a request, with its record. A program that goes on all the same is no program any more.
    fn refuse(&mut self, reply: String, code: &'static str, route: &'static str, came: Came<'_>) -> Turn {
        self.refuse_saying(reply, (code, None), route, came)
    }

    /// The same, with what the record keeps as the answer to its orders.
    fn refuse_saying(
        &mut self,
        reply: String,
        (code, said): (&'static str, Option<Bytes>),
        route: &'static str,
        came: Came<'_>,
    ) -> Turn {
        let now_us = self.now_ms().saturating_mul(1_000);
        match self.entry.limits().refusals.take(self.refusals_us, now_us, 1) {
            Ok(state) => {
                self.refusals_us = state;
                self.record_saying(came, route, (self.whose(), code), said);
                Turn::reply(reply)
            }
            Err(_) => Turn { replies: vec![reply], close: Some(Close::Flood) },
        }
    }

    /// Takes one of the socket's logins and changes of subscriptions.
    fn take_request(&mut self) -> bool {
        let now_us = self.now_ms().saturating_mul(1_000);
        let taken = self.entry.limits().requests.take(self.requests_us, now_us, 1);
        self.requests_us = taken.unwrap_or(self.requests_us);
        taken.is_ok()
    }

    /// Opens the exchange's end for the first request that may pass.
    async fn open_upstream(
        &mut self,
        upstream: &mut Upstream,
        facts: Option<&KeyFacts>,
        came: Came<'_>,
    ) -> Result<(), Denial> {
        if upstream.is_some() {
            return Ok(());
        }
        let label = wire::upgrade_label(self.asked.endpoint);
        let came = Came { body: &NOTHING, ..came };
        let outgoing = self.outgoing(came, label, facts);
        let environment = outgoing.environment;
        let backend = self.desk.pool.backend();
        let agent = self.asked.agent.as_ref();
        let opening = connect(self.context(), backend, &outgoing, agent, self.entry.limits());
        // An exchange that hangs does not keep a socket open whose key has changed.
        let opened = tokio::select! {
            opened = opening => opened?,
            () = self.state().has_to_end() => return Err(Denial::Busy),
        };
        *upstream = Some(opened);
        self.ledger = Some(environment);
        self.state().heard_upstream(self.now_ms());
        Ok(())
    }

    fn parts<'r>(&self, came: Came<'r>, target: &'r [u8]) -> Parts<'r> {
        let source = self.asked.source;
        Parts {
            id: came.id,
            method: Method::Post,
            target,
            body: came.body,
            plain: true,
            source,
            now: came.at(),
        }
    }

    /// A frame on its way to the exchange.
    fn outgoing<'r>(&'r self, came: Came<'r>, label: &'r str, facts: Option<&KeyFacts>) -> Outgoing<'r> {
        let environment = facts.map(|facts| facts.environment).or(self.ledger).or(self.asked.environment);
        Outgoing {
            id: came.id,
            method: Method::Get,
            target: self.asked.target.as_bytes(),
            body: came.body,
            label,
            environment: environment.unwrap_or(Environment::Live),
            deadline: came.at().plus_ms(self.context().limits().permit_ms),
            client: self.asked.source,
            caller: facts.map(Caller::of),
        }
    }

    /// A refusal by the rules, in an event.
    fn denied(&mut self, denial: &Denial, route: &'static str, id: Option<&str>, came: Came<'_>) -> Turn {
        let code = denial.entry().code;
        let reply = wire::error(code, &denial.text(), id, &self.conn_id);
        self.refuse(reply, code, route, came)
    }

    /// Tells the client that the end is near.
    pub fn notice(&self) -> Turn {
        Turn::reply(wire::notice(&self.conn_id))
    }
}

static NOTHING: Bytes = Bytes::new();

const LOG_IN_FIRST: &str = "Please log in";
const TOO_FREQUENT: &str = "Requests too frequent";
const SECOND_LOGIN: &str = "The WebSocket endpoint does not allow multiple or repeated logins.";
