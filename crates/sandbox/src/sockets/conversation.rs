//! What one socket is told: every frame is verified, then its request is answered.
//!
//! Owns: whose the socket is, and its channels. Leaves to `session`: reading and writing.

use std::future::pending;
use std::sync::Arc;

use keyward_rules::socket::Endpoint;
use serde_json::Value;

use super::account_feed::AccountFeed;
use super::asked::{Asked, Kind};
use super::book_feed::BookFeed;
use super::channel::{Channel, plain};
use super::frame::Frame;
use super::market_feed::{Content, MarketFeed};
use super::replies::{self, Mistake};
use super::subscriptions::{MOST, Subscriptions};
use super::twins::Twin;
use crate::Exchange;
use crate::caller::{Caller, Parts};
use crate::claims::Claims;
use crate::hub::Listener;
use crate::ledger::{News, Owner};
use crate::routes::Question;

/// What stands for the method in a frame's identity.
const METHOD: &str = "WS";

/// Where a socket was opened.
pub(super) struct Place {
    pub(super) endpoint: Endpoint,
    /// The target of the upgrade, as it came.
    pub(super) target: String,
    /// What OKX calls the connection: eight hexadecimal digits.
    pub(super) conn_id: String,
}

/// A frame that does not come from the gateway, or that no frame of this socket may ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct NotAdmitted;

/// One socket's conversation.
pub(super) struct Conversation {
    exchange: Arc<Exchange>,
    place: Place,
    /// Whose login held.
    owner: Option<Owner>,
    /// Begins with the first channel about the account.
    listener: Option<Listener>,
    subscriptions: Subscriptions,
}

impl Conversation {
    /// A conversation; `owner` is whom the upgrade named, if it named anybody.
    pub(super) fn new(exchange: Arc<Exchange>, place: Place, owner: Option<Owner>) -> Self {
        Self { exchange, place, owner, listener: None, subscriptions: Subscriptions::default() }
    }

    /// Does what a frame asks for; what it gives is to be sent in this order.
    pub(super) fn take(&mut self, text: &str) -> Result<Vec<String>, NotAdmitted> {
        let now_ms = self.exchange.now_ms();
        let frame = Frame::split(text).ok_or(NotAdmitted)?;
        let (claims, body) = (Claims::Line(&frame.line), frame.request.as_bytes());
        let parts = Parts { method: METHOD, target: &self.place.target, claims, body };
        let verified = self.exchange.verify(parts, now_ms).map_err(|_| NotAdmitted)?;
        let asked = Asked::read(frame.request);
        self.admit(verified.caller(), asked.as_ref())?;
        self.exchange.note(parts, &verified);
        let Some(asked) = asked else {
            return Ok(vec![replies::error(None, &Mistake::Illegal(frame.request), &self.place.conn_id)]);
        };
        Ok(match (asked.kind(), verified.caller()) {
            (Kind::Login, caller) => {
                self.owner = caller.map(|caller| caller.owner.clone());
                Vec::new()
            }
            (Kind::Subscribe, _) => self.subscribe(&asked, now_ms),
            (Kind::Unsubscribe, _) => self.unsubscribe(&asked),
            (Kind::Operation(twin), Some(caller)) => vec![self.operate(&asked, twin, caller, now_ms)],
            (Kind::Unknown | Kind::Operation(_), _) => {
                vec![replies::error(asked.id.as_deref(), &Mistake::UnknownOp(&asked.op), &self.place.conn_id)]
            }
        })
    }

    /// The next change of the account; none when too many were waiting.
    pub(super) async fn news(&mut self) -> Option<Arc<News>> {
        match &mut self.listener {
            Some(listener) => listener.next().await,
            None => pending().await,
        }
    }

    /// What the channels tell of a change.
    pub(super) fn tell(&mut self, news: &News) -> Vec<String> {
        self.subscriptions.news(news)
    }

    /// What the channels tell in a new second.
    pub(super) fn second(&mut self) -> Vec<String> {
        self.subscriptions.second(self.exchange.now_ms())
    }

    /// A socket is one account's, or nobody's yet; and only the gateway decides what is for everybody.
    fn admit(&self, caller: Option<&Caller>, asked: Option<&Asked>) -> Result<(), NotAdmitted> {
        let is_login = asked.is_some_and(|asked| matches!(asked.kind(), Kind::Login));
        let right = match (caller, &self.owner) {
            (Some(caller), Some(owner)) => caller.owner == *owner,
            (Some(_), None) => is_login,
            (None, _) => !asked.is_some_and(|asked| self.is_private(asked)),
        };
        if right { Ok(()) } else { Err(NotAdmitted) }
    }

    fn is_private(&self, asked: &Asked) -> bool {
        let is_own = |arg: &Value| matches!(Channel::find(self.place.endpoint, arg), Some(Channel::Own(_)));
        match asked.kind() {
            Kind::Login | Kind::Operation(_) => true,
            Kind::Subscribe => asked.args.iter().any(is_own),
            Kind::Unsubscribe | Kind::Unknown => false,
        }
    }

    fn subscribe(&mut self, asked: &Asked, now_ms: u64) -> Vec<String> {
        let mut out = Vec::new();
        for arg in &asked.args {
            let (found, plain) = (Channel::find(self.place.endpoint, arg), plain(arg));
            let mistake = match &found {
                None => Some(Mistake::NoChannel(arg)),
                Some(_) if !self.subscriptions.has_room_for(&plain) => Some(Mistake::TooManyChannels(MOST)),
                Some(_) => None,
            };
            if let Some(mistake) = mistake {
                out.push(replies::error(asked.id.as_deref(), &mistake, &self.place.conn_id));
            } else if let Some(channel) = found {
                out.push(replies::channel(asked, arg, &self.place.conn_id));
                out.extend(self.follow(channel, plain, now_ms));
            }
        }
        out
    }

    /// Follows a channel; gives its first message, if it has one.
    fn follow(&mut self, channel: Channel, plain: Value, now_ms: u64) -> Option<String> {
        let content = match channel {
            Channel::Market(channel) => Content::Rows(channel),
            Channel::Book(pair) => Content::Book(BookFeed::new(pair)),
            Channel::Own(channel) => {
                let owner = self.owner.as_ref()?;
                // Listened to before the account is read, so that no change falls between the two.
                self.listener.get_or_insert_with(|| self.exchange.listen(owner));
                let mut feed = AccountFeed::new(channel, &plain, owner);
                let first = self.exchange.read(owner, |account, number| feed.begin(account, number, now_ms));
                self.subscriptions.follow_own(plain, feed);
                return first;
            }
        };
        let mut feed = MarketFeed::new(content, plain.clone());
        let first = feed.next(now_ms);
        self.subscriptions.follow_market(plain, feed);
        first
    }

    fn unsubscribe(&mut self, asked: &Asked) -> Vec<String> {
        let mut out = Vec::with_capacity(asked.args.len());
        for arg in &asked.args {
            if Channel::find(self.place.endpoint, arg).is_some() {
                self.subscriptions.leave(&plain(arg));
                out.push(replies::channel(asked, arg, &self.place.conn_id));
            } else {
                let mistake = Mistake::NoChannel(arg);
                out.push(replies::error(asked.id.as_deref(), &mistake, &self.place.conn_id));
            }
        }
        if !self.subscriptions.has_own() {
            self.listener = None;
        }
        out
    }

    fn operate(&self, asked: &Asked, twin: &Twin, caller: &Caller, now_ms: u64) -> String {
        if self.place.endpoint != Endpoint::Private {
            return replies::wrong_path(asked, now_ms);
        }
        let Some(body) = twin.body(&asked.args) else { return replies::invalid_args(asked, now_ms) };
        let answer = self.exchange.answer(Question {
            method: "POST",
            path: twin.path,
            caller: Some(caller),
            parameters: Ok(body),
            expiry: asked.expiry.as_deref(),
            now_ms,
        });
        replies::operation(asked, answer, now_ms)
    }
}
