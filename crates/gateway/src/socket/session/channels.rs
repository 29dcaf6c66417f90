//! Subscriptions: which channels a socket gets, and how many.

use keyward_api::socket::{self as wire, Close};
use keyward_rules::decision::Subscribed;
use keyward_rules::denial::Denial;
use keyward_rules::key::KeyFacts;
use keyward_rules::permission::Permission;
use keyward_rules::route::Class;
use keyward_rules::socket::{Channel, ChannelAccess, ChannelArg, FoundChannel, Subscription};
use tokio_tungstenite::tungstenite::protocol::Message;

use super::{Came, LOG_IN_FIRST, PASSED, Session, TOO_FREQUENT, Turn, Upstream};
use crate::admit::{check_lease, look_up};
use crate::socket::identity_line::framed;

/// In the journal and the identity.
const SUBSCRIBE: &str = "WS subscribe";
const UNSUBSCRIBE: &str = "WS unsubscribe";

impl<'d> Session<'d> {
    /// Every channel known → login where one is needed → permission → counts → exchange.
    pub(super) async fn subscribe(
        &mut self,
        upstream: &mut Upstream,
        asked: &Subscription<'_>,
        came: Came<'_>,
    ) -> Turn {
        let id = asked.id.as_deref();
        let channels = match self.take_request_for(asked, came) {
            Ok(channels) => channels,
            Err(turn) => return turn,
        };
        let more = channels.iter().filter(|(arg, _)| !self.subscriptions.contains_key(&arg.identity()));
        let (count, bytes) = more.fold((0, 0), |(count, bytes), (arg, _)| (count + 1, bytes + arg.bytes()));
        let limits = self.entry.limits();
        if self.subscriptions.len() + count > limits.channels
            || self.subscribed_bytes + bytes > limits.channels_bytes
        {
            self.record(came, SUBSCRIBE, self.whose(), "4009");
            return Turn::close(Close::TooManyChannels);
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

    pub(super) async fn unsubscribe(
        &mut self,
        upstream: &mut Upstream,
        asked: &Subscription<'_>,
        came: Came<'_>,
    ) -> Turn {
        let id = asked.id.as_deref();
        let channels = match self.take_request_for(asked, came) {
            Ok(channels) => channels,
            Err(turn) => return turn,
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

    /// What subscribing and leaving begin with: the socket's rate, and channels that there are.
    fn take_request_for<'a>(
        &mut self,
        asked: &'a Subscription<'a>,
        came: Came<'_>,
    ) -> Result<Vec<(&'a ChannelArg<'a>, &'d Channel)>, Turn> {
        let id = asked.id.as_deref();
        if !self.take_request() {
            return Err(self.error("60014", TOO_FREQUENT, id, came));
        }
        self.find(asked).map_err(|(code, text)| self.error(code, &text, id, came))
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
        login.subscribe(facts, self.parts(came, self.asked.endpoint.path().as_bytes()), needed).map(Some)
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
}
