//! What a client's requests mean: logins, subscriptions, operations. [`Session::take`] reads top to bottom.
//!
//! A request goes on to the exchange only with evidence of the rules, judged on fresh facts. What is refused is answered and
//! recorded, as by REST.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use keyward_api::socket::{self as wire, Close};
use keyward_edge::Activity;
use keyward_rules::decision::{LoggedIn, Parts, Permit, Received, Subscribed, Whole};
use keyward_rules::denial::Denial;
use keyward_rules::id::{AccountId, KeyId, RequestId};
use keyward_rules::key::{Environment, KeyFacts};
use keyward_rules::okx::Credentials;
use keyward_rules::permission::Permission;
use keyward_rules::route::{Class, Found, Method, Route};
use keyward_rules::socket::{
    Channel, ChannelAccess, ChannelArg, FoundChannel, FoundOperation, LoginArgs, OperationRequest, Request,
    Subscription, Unreadable, read,
};
use keyward_rules::time::Moment;
use keyward_store::Record;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::Message;

use super::identity_line::{self, framed};
use super::registry::{Entry, State};
use super::side::{READ_OF_CLIENT, READ_OF_EXCHANGE, Side};
use super::upgrade::Asked;
use super::upstream::connect;
use crate::admit::{check_lease, look_up, pay, reject_stranger, settle_rate};
use crate::context::RequestContext;
use crate::forward::{Caller, Outgoing};
use crate::observe;
use crate::recorder::Unread;
use crate::serve::ThreadContext;

/// What a login signs in place of a request (contract 3.1).
const LOGIN_TARGET: &[u8] = b"/users/self/verify";
/// In the journal, the identity and the log: the method of everything that came over a socket, and what has no REST twin.
const METHOD: &str = "WS";
const LOGIN: &str = "WS login";
const SUBSCRIBE: &str = "WS subscribe";
const UNSUBSCRIBE: &str = "WS unsubscribe";
/// What is no request, or none that there is.
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
    /// The ledger that the exchange was asked for, and whether it knows the login, once there is a socket to it.
    told: Option<(Environment, bool)>,
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

    /// The same without a word.
    fn silent(self) -> Self {
        Self { replies: Vec::new(), ..self }
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
            told: None,
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

    /// Refuses a request, with its record. A program that goes on all the same is no program any more.
    fn refuse(&mut self, reply: String, code: &'static str, route: &'static str, came: Came<'_>) -> Turn {
        let now_us = self.now_ms().saturating_mul(1_000);
        match self.entry.limits().refusals.take(self.refusals_us, now_us, 1) {
            Ok(state) => {
                self.refusals_us = state;
                self.record(came, route, self.whose(), code);
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

    /// Source rate → key known → timestamp → passphrase → signature → state, address, environment → lease → room.
    async fn log_in(&mut self, upstream: &mut Upstream, login: &LoginArgs<'_>, came: Came<'_>) -> Turn {
        let id = login.id.as_deref();
        if !self.take_request() {
            return self.error("60014", TOO_FREQUENT, id, came);
        }
        if self.login.is_some() {
            return self.error("60031", SECOND_LOGIN, id, came);
        }
        let (logged_in, facts) = match self.check_login(login, came).await {
            Ok(checked) => checked,
            Err(denial) => {
                let (code, text) = wire::login_code(&denial);
                let close = end_of_login(&denial);
                return Turn {
                    close: Some(close),
                    ..Turn::reply(wire::error(code, &text, id, &self.conn_id))
                };
            }
        };
        observe::used(self.context(), &facts, self.asked.source, came.at());
        let whose = Some((facts.id, facts.account));
        let told = self.login_frame(upstream.is_some(), &facts, came);
        let logged_in = Arc::new(logged_in);
        if let Err(full) = self.entry.join(Arc::clone(&logged_in), facts, came.at()) {
            self.record(came, LOGIN, whose, Denial::Busy.entry().code);
            let text = format!("Login failed. {} too many open sockets.", full.words());
            let reply = wire::error("60009", &text, id, &self.conn_id);
            return Turn { close: Some(Close::TooManySockets), ..Turn::reply(reply) };
        }
        self.activity.mark_known();
        self.login = Some(logged_in);
        self.record(came, LOGIN, whose, PASSED);
        if let (Some(upstream), Some(frame)) = (upstream, told) {
            self.told = self.told.map(|(environment, _)| (environment, true));
            if upstream.push(Message::text(frame)).is_err() {
                return Turn::close(Close::UpstreamLost);
            }
        }
        Turn::reply(wire::login_holds(&self.conn_id))
    }

    async fn check_login(
        &self,
        login: &LoginArgs<'_>,
        came: Came<'_>,
    ) -> Result<(LoggedIn, KeyFacts), Denial> {
        let (context, source) = (self.context(), self.asked.source);
        let asked = self.told.map(|(environment, _)| environment).or(self.asked.environment);
        if context.is_banned(source) {
            return Err(Denial::RateExceeded);
        }
        let credentials = Credentials::of_login(login.members(), asked)?;
        let facts = look_up(context, credentials.key).await.map_err(|rejection| rejection.denial)?;
        let whole = Whole {
            id: came.id,
            method: Method::Get,
            target: LOGIN_TARGET,
            body: &NOTHING,
            credentials,
            routed: Found::Unknown,
            source,
            now: came.at(),
        };
        let verified = match Received::new(whole).verify(facts, &context.keys.passphrases) {
            Ok(verified) => verified,
            Err(denial) => {
                let named = (credentials.key, LOGIN);
                let rejection = reject_stranger(context, denial, named, source, came.at_us);
                if context.counters.sources.may_record(source, came.at_us) {
                    let code = rejection.denial.entry().code;
                    self.hand_in(self.draft(came, LOGIN, (rejection.key, None), code), None, 0);
                }
                return Err(rejection.denial);
            }
        };
        // The key's holder asks: neither this request nor the socket counts against the address that others share.
        context.counters.sources.refund(source);
        context.counters.sources.refund(source);
        context.counters.sources.refund_socket(source);
        let whose = (verified.facts().id, verified.facts().account);
        let opened = verified.open().and_then(|logged_in| {
            check_lease(context, Class::Read)?;
            Ok(logged_in)
        });
        let checked = match opened {
            Ok(logged_in) => {
                let facts = look_up(context, whose.0).await.map_err(|rejection| rejection.denial)?;
                logged_in.still_holds(facts.as_ref(), came.at()).map(|()| (logged_in, facts))
            }
            Err(denial) => Err(denial),
        };
        match checked {
            Ok((logged_in, Some(facts))) => Ok((logged_in, facts)),
            Ok((_, None)) => Err(Denial::KeyUnknown),
            Err(denial) => {
                observe::misplaced(context, &denial, source, came.at());
                self.record(came, LOGIN, Some(whose), denial.entry().code);
                Err(denial)
            }
        }
    }

    /// What tells the exchange of the login, if there is a socket to it already.
    fn login_frame(&self, is_open: bool, facts: &KeyFacts, came: Came<'_>) -> Option<String> {
        let came = Came { body: &identity_line::LOGIN, ..came };
        is_open.then(|| framed(self.context(), &self.outgoing(came, LOGIN, Some(facts))))
    }

    /// Every channel known → login where one is needed → permission → counts → exchange.
    async fn subscribe(&mut self, upstream: &mut Upstream, asked: &Subscription<'_>, came: Came<'_>) -> Turn {
        let id = asked.id.as_deref();
        if !self.take_request() {
            return self.error("60014", TOO_FREQUENT, id, came);
        }
        let channels = match self.find(asked) {
            Ok(channels) => channels,
            Err((code, text)) => return self.error(code, &text, id, came),
        };
        let more = channels.iter().filter(|(arg, _)| !self.subscriptions.contains_key(&arg.identity()));
        let (count, bytes) = more.fold((0, 0), |(count, bytes), (arg, _)| (count + 1, bytes + arg.bytes()));
        let limits = self.entry.limits();
        if self.subscriptions.len() + count > limits.channels
            || self.subscribed_bytes + bytes > limits.channels_bytes
        {
            let close = Some(Close::TooManyChannels);
            return Turn { close, ..self.refuse(String::new(), "4009", SUBSCRIBE, came).silent() };
        }
        let evidence = match self.evidence(&channels, came).await {
            Ok(evidence) => evidence,
            Err(denial) => return self.denied(&denial, SUBSCRIBE, id, came),
        };
        let counts = match self.count(&channels) {
            Ok(counts) => counts,
            Err(event) => return self.refuse(event, "channel-conn-count-error", SUBSCRIBE, came),
        };
        if let Err(denial) =
            self.send(upstream, SUBSCRIBE, evidence.as_ref().map(Subscribed::facts), came).await
        {
            self.uncount(&channels);
            return self.denied(&denial, SUBSCRIBE, id, came);
        }
        for (arg, channel) in channels {
            let counted = channel.counted.then_some(channel.number);
            let arg = arg.identity();
            let bytes = arg.bytes();
            match self.subscriptions.insert(arg, counted) {
                None => self.subscribed_bytes += bytes,
                // It was subscribed to before, and counts once.
                Some(Some(again)) => self.uncount_one(again),
                Some(None) => {}
            }
        }
        self.show();
        self.record(came, SUBSCRIBE, self.whose(), PASSED);
        Turn { replies: counts, close: None }
    }

    async fn unsubscribe(
        &mut self,
        upstream: &mut Upstream,
        asked: &Subscription<'_>,
        came: Came<'_>,
    ) -> Turn {
        let id = asked.id.as_deref();
        if !self.take_request() {
            return self.error("60014", TOO_FREQUENT, id, came);
        }
        let channels = match self.find(asked) {
            Ok(channels) => channels,
            Err((code, text)) => return self.error(code, &text, id, came),
        };
        // Leaving needs no right, but it goes by whose socket it is, as every frame does.
        let evidence = match self.evidence(&[], came).await {
            Ok(evidence) => evidence,
            Err(denial) => return self.denied(&denial, UNSUBSCRIBE, id, came),
        };
        let facts = evidence.as_ref().map(Subscribed::facts);
        if let Err(denial) = self.send(upstream, UNSUBSCRIBE, facts, came).await {
            return self.denied(&denial, UNSUBSCRIBE, id, came);
        }
        for (arg, _) in channels {
            let arg = arg.identity();
            if let Some(counted) = self.subscriptions.remove(&arg) {
                self.subscribed_bytes = self.subscribed_bytes.saturating_sub(arg.bytes());
                counted.into_iter().for_each(|channel| self.uncount_one(channel));
            }
        }
        self.show();
        self.record(came, UNSUBSCRIBE, self.whose(), PASSED);
        Turn::default()
    }

    /// The channels that a subscription names, or code and text for one that it cannot have.
    fn find<'a>(
        &self,
        asked: &'a Subscription<'a>,
    ) -> Result<Vec<(&'a ChannelArg<'a>, &'d Channel)>, (&'static str, String)> {
        let mut found = Vec::with_capacity(asked.args.len());
        for arg in &asked.args {
            match self.context().channels.channel(self.asked.endpoint, &arg.channel) {
                FoundChannel::Channel(channel) => {
                    if matches!(channel.access, ChannelAccess::Login(_)) && self.login.is_none() {
                        return Err(("60011", LOG_IN_FIRST.to_owned()));
                    }
                    found.push((arg, channel));
                }
                FoundChannel::OtherPath | FoundChannel::Unknown => {
                    return Err(("60018", wire::no_channel(&arg.spelled())));
                }
            }
        }
        Ok(found)
    }

    /// What the rules say to a subscription: nothing on a socket without a login, which is nobody's.
    async fn evidence<'r>(
        &self,
        channels: &[(&ChannelArg<'_>, &Channel)],
        came: Came<'r>,
    ) -> Result<Option<Subscribed<'r>>, Denial>
    where
        'd: 'r,
    {
        let Some(login) = &self.login else { return Ok(None) };
        let facts = look_up(self.context(), login.key()).await.map_err(|rejection| rejection.denial)?;
        check_lease(self.context(), Class::Read)?;
        let needed = channels.iter().filter_map(|(_, channel)| match channel.access {
            ChannelAccess::Public => None,
            ChannelAccess::Login(permission) => Some(permission),
        });
        let needed: Vec<Permission> = needed.collect();
        login.subscribe(facts, self.parts(came, LOGIN_TARGET), needed).map(Some)
    }

    /// Counts what OKX counts by account; gives the events that tell the client how many there are.
    fn count(&self, channels: &[(&ChannelArg<'_>, &Channel)]) -> Result<Vec<String>, String> {
        let Some(account) = self.login.as_ref().map(|login| login.account()) else { return Ok(Vec::new()) };
        let mut events = Vec::new();
        for (at, (_, channel)) in channels.iter().enumerate().filter(|(_, (_, channel))| channel.counted) {
            match self.entry.count_channel(account, channel.number) {
                Some(count) => events.push(wire::conn_count(channel.name, count, &self.conn_id)),
                None => {
                    self.uncount(channels.get(..at).unwrap_or_default());
                    let most = self.entry.limits().per_channel;
                    return Err(wire::conn_count_error(channel.name, most, &self.conn_id));
                }
            }
        }
        Ok(events)
    }

    fn uncount(&self, channels: &[(&ChannelArg<'_>, &Channel)]) {
        for (_, channel) in channels.iter().filter(|(_, channel)| channel.counted) {
            self.uncount_one(channel.number);
        }
    }

    fn uncount_one(&self, channel: u16) {
        if let Some(login) = &self.login {
            self.entry.uncount_channel(login.account(), channel);
        }
    }

    fn show(&self) {
        self.entry.show_channels(self.subscriptions.keys().map(ChannelArg::label));
    }

    /// Login → operation known → facts, permission, rates → exchange. What the twin owes by REST is owed here.
    async fn operate(
        &mut self,
        upstream: &mut Upstream,
        asked: &OperationRequest<'_>,
        came: Came<'_>,
    ) -> Turn {
        let Some(login) = self.login.clone() else {
            return self.error("60011", LOG_IN_FIRST, Some(&asked.id), came);
        };
        let twin = match self.context().channels.operation(self.asked.endpoint, asked.op) {
            FoundOperation::Operation(operation) => self.context().routes.of_number(operation.twin),
            FoundOperation::OtherPath => return self.error("60028", WRONG_URL, Some(&asked.id), came),
            FoundOperation::Unknown => None,
        };
        let Some(twin) = twin else {
            return self.error("60019", &format!("Invalid op: {}", asked.op), Some(&asked.id), came);
        };
        let sent = match self.permit(&login, twin, came).await {
            Ok(permit) => self.forward(upstream, &permit, came).await,
            Err(denial) => Err(denial),
        };
        match sent {
            Ok(()) => {
                self.wait_for(asked, twin.path, came);
                Turn::default()
            }
            Err(denial) => {
                self.refused(&asked.id, asked.op, (denial.entry().code, &denial.text()), twin.path, came)
            }
        }
    }

    async fn permit<'r>(
        &self,
        login: &LoggedIn,
        twin: &'r Route,
        came: Came<'r>,
    ) -> Result<Permit<'r>, Denial>
    where
        'd: 'r,
    {
        if self.waiting.len() >= self.entry.limits().operations {
            return Err(Denial::Busy);
        }
        let facts = look_up(self.context(), login.key()).await.map_err(|rejection| rejection.denial)?;
        let cleared = login.request(facts, self.parts(came, twin.path.as_bytes()), twin)?;
        pay(self.context(), cleared).await
    }

    /// Forwards a permitted operation, once. The permit's deadline and the key's record are looked at once more before the first
    /// byte goes out.
    async fn forward(
        &mut self,
        upstream: &mut Upstream,
        permit: &Permit<'_>,
        came: Came<'_>,
    ) -> Result<(), Denial> {
        let facts = permit.facts();
        self.open_upstream(upstream, Some(facts), came).await?;
        let context = self.context();
        if !context.view.memory.is_current(facts) || context.clock().now() > permit.deadline() {
            return Err(Denial::Busy);
        }
        let outgoing = Outgoing {
            deadline: permit.deadline(),
            ..self.outgoing(came, &permit.route().label, Some(facts))
        };
        let frame = framed(context, &outgoing);
        let upstream = upstream.as_mut().ok_or(Denial::UpstreamDown)?;
        upstream.push(Message::text(frame)).map_err(|_| Denial::UpstreamDown)?;
        observe::used(context, facts, self.asked.source, came.at());
        Ok(())
    }

    /// Sends a subscription, or the end of one.
    async fn send(
        &mut self,
        upstream: &mut Upstream,
        label: &'static str,
        facts: Option<&KeyFacts>,
        came: Came<'_>,
    ) -> Result<(), Denial> {
        self.open_upstream(upstream, facts, came).await?;
        let context = self.context();
        if facts.is_some_and(|facts| !context.view.memory.is_current(facts)) {
            return Err(Denial::Busy);
        }
        let frame = framed(context, &self.outgoing(came, label, facts));
        let upstream = upstream.as_mut().ok_or(Denial::UpstreamDown)?;
        upstream.push(Message::text(frame)).map_err(|_| Denial::UpstreamDown)
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
        self.told = Some((environment, facts.is_some()));
        self.state().heard_upstream(self.now_ms());
        Ok(())
    }

    fn parts<'r>(&self, came: Came<'r>, target: &'r [u8]) -> Parts<'r> {
        let source = self.asked.source;
        Parts { id: came.id, method: Method::Post, target, body: came.body, source, now: came.at() }
    }

    /// A frame on its way to the exchange.
    fn outgoing<'r>(&'r self, came: Came<'r>, label: &'r str, facts: Option<&KeyFacts>) -> Outgoing<'r> {
        let told = self.told.map(|(environment, _)| environment);
        let environment = facts.map(|facts| facts.environment).or(told).or(self.asked.environment);
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

    /// A frame of the exchange came; the answer to an operation completes its record.
    pub fn heard_upstream(&mut self, message: &Message) {
        self.state().heard_upstream(self.now_ms());
        let Message::Text(text) = message else { return };
        if self.waiting.is_empty() || !text.contains("\"op\"") {
            return;
        }
        let Ok(Answer { id: Some(id), op: Some(_) }) = serde_json::from_str::<Answer<'_>>(text) else {
            return;
        };
        let Some(at) = self.waiting.iter().position(|waiting| *waiting.id == *id) else { return };
        if let Some(Waiting { record, unread, .. }) = self.take_waiting(at) {
            let unread = unread.map(|unread| unread.answered(text.clone().into(), READ_OF_EXCHANGE));
            self.hand_in(Record { upstream_status: Some(ANSWERED), ..record }, unread, text.len());
        }
        self.note_waiting();
    }

    fn wait_for(&mut self, asked: &OperationRequest<'_>, path: &'static str, came: Came<'_>) {
        let record = self.draft(came, path, self.whose().unzip(), PASSED);
        let unread = Unread::of(path, came.body, READ_OF_CLIENT);
        let since_ms = self.now_ms().max(1);
        let mut waiting = Waiting { id: (*asked.id).into(), op: asked.op, since_ms, record, unread };
        if self.kept_bytes + waiting.kept_bytes() > self.entry.limits().kept_bytes {
            waiting.unread = None;
            self.context().reports.recorder.count_without_orders();
        }
        self.kept_bytes += waiting.kept_bytes();
        self.waiting.push_back(waiting);
        self.note_waiting();
    }

    fn take_waiting(&mut self, at: usize) -> Option<Waiting> {
        let taken = self.waiting.remove(at)?;
        self.kept_bytes = self.kept_bytes.saturating_sub(taken.kept_bytes());
        Some(taken)
    }

    fn note_waiting(&self) {
        self.state().waits_since(self.waiting.front().map_or(0, |first| first.since_ms));
    }

    /// Answers operations whose answers are late, as REST does: they may have taken effect.
    pub fn late_answers(&mut self) -> Turn {
        let (now_ms, patience) = (self.now_ms(), self.entry.limits().answer_ms);
        let (denial, mut turn) = (Denial::UpstreamTimeout, Turn::default());
        let (code, text) = (denial.entry().code, denial.text());
        let is_late = |waiting: &Waiting| now_ms.saturating_sub(waiting.since_ms) > patience;
        while self.waiting.front().is_some_and(is_late) {
            let Some(late) = self.take_waiting(0) else { break };
            let began_us = late.record.at.unix_ms().saturating_mul(1_000);
            let now_us = self.context().clock().now_us();
            let reply = wire::operation_refused(&late.id, late.op, code, &text, began_us, now_us);
            self.hand_in(Record { code, ..late.record }, late.unread, reply.len());
            turn.replies.push(reply);
        }
        self.note_waiting();
        turn
    }

    /// Tells the client that the end is near.
    pub fn notice(&self) -> Turn {
        Turn::reply(wire::notice(&self.conn_id))
    }

    /// Records what waits still: nobody knows how it ended.
    pub fn end(&mut self) {
        let code = Denial::UpstreamTimeout.entry().code;
        while let Some(waiting) = self.take_waiting(0) {
            self.hand_in(Record { code, ..waiting.record }, waiting.unread, 0);
        }
    }

    fn whose(&self) -> Option<(KeyId, AccountId)> {
        self.login.as_ref().map(|login| (login.key(), login.account()))
    }

    fn record(
        &self,
        came: Came<'_>,
        route: &'static str,
        whose: Option<(KeyId, AccountId)>,
        code: &'static str,
    ) {
        // What nobody has logged in for is public, and nothing is recorded of that, as by REST.
        if whose.is_some() {
            let unread = Unread::of(route, came.body, READ_OF_CLIENT);
            self.hand_in(self.draft(came, route, whose.unzip(), code), unread, 0);
        }
    }

    /// A record, but for what is known at the end.
    fn draft(
        &self,
        came: Came<'_>,
        route: &'static str,
        (key, account): (Option<KeyId>, Option<AccountId>),
        code: &'static str,
    ) -> Record {
        Record {
            at: came.at(),
            request: came.id,
            key,
            account,
            source: self.asked.source,
            method: METHOD,
            route,
            code,
            upstream_status: None,
            bytes_in: came.body.len() as u64,
            bytes_out: 0,
            micros: 0,
            orders: None,
        }
    }

    fn hand_in(&self, record: Record, unread: Option<Unread>, bytes_out: usize) {
        let began_us = record.at.unix_ms().saturating_mul(1_000);
        let micros = self.context().clock().now_us().saturating_sub(began_us);
        let record = Record { bytes_out: bytes_out as u64, micros, ..record };
        self.context().reports.recorder.record(record, unread);
    }
}

/// An answer of the exchange to an operation, as far as its record goes.
#[derive(Deserialize)]
struct Answer<'t> {
    #[serde(borrow)]
    id: Option<std::borrow::Cow<'t, str>>,
    op: Option<serde::de::IgnoredAny>,
}

/// The status that stands for an answer in the journal: a socket has none of its own.
const ANSWERED: u16 = 200;

static NOTHING: Bytes = Bytes::new();

const LOG_IN_FIRST: &str = "Please log in";
const TOO_FREQUENT: &str = "Requests too frequent";
const SECOND_LOGIN: &str = "The WebSocket endpoint does not allow multiple or repeated logins.";
const WRONG_URL: &str = "The current operation is not supported by this URL. Please use the correct WebSocket URL for the operation.";

/// How a socket ends whose login is refused. 4001 tells programs not to come back, so it is not said of what passes.
fn end_of_login(denial: &Denial) -> Close {
    if matches!(denial, Denial::Busy | Denial::Unavailable) {
        Close::LeaseOut
    } else if matches!(denial, Denial::RateExceeded) {
        Close::Flood
    } else {
        Close::LoginFailed
    }
}
