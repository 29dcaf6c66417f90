//! The channels that one socket follows. Bounded; one that is asked for again begins again.

use serde_json::Value;

use super::account_feed::AccountFeed;
use super::market_feed::MarketFeed;
use crate::ledger::News;

/// Channels of a socket at most.
pub(super) const MOST: usize = 240;

/// All channels of a socket, each with the plain form of its argument.
#[derive(Default)]
pub(super) struct Subscriptions {
    market: Vec<(Value, MarketFeed)>,
    own: Vec<(Value, AccountFeed)>,
}

impl Subscriptions {
    /// Whether there is room for this one.
    pub(super) fn has_room_for(&self, plain: &Value) -> bool {
        let mut known = self.market.iter().map(|(arg, _)| arg).chain(self.own.iter().map(|(arg, _)| arg));
        self.market.len() + self.own.len() < MOST || known.any(|arg| arg == plain)
    }

    pub(super) fn follow_market(&mut self, plain: Value, feed: MarketFeed) {
        self.leave(&plain);
        self.market.push((plain, feed));
    }

    pub(super) fn follow_own(&mut self, plain: Value, feed: AccountFeed) {
        self.leave(&plain);
        self.own.push((plain, feed));
    }

    pub(super) fn leave(&mut self, plain: &Value) {
        self.market.retain(|(arg, _)| arg != plain);
        self.own.retain(|(arg, _)| arg != plain);
    }

    /// Whether a channel about the account is followed.
    pub(super) const fn has_own(&self) -> bool {
        !self.own.is_empty()
    }

    /// What the channels of the market tell now.
    pub(super) fn second(&mut self, now_ms: u64) -> Vec<String> {
        self.market.iter_mut().filter_map(|(_, feed)| feed.next(now_ms)).collect()
    }

    /// What the channels about the account tell of a change.
    pub(super) fn news(&mut self, news: &News) -> Vec<String> {
        self.own.iter_mut().flat_map(|(_, feed)| feed.next(news)).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{MOST, MarketFeed, Subscriptions};
    use crate::markets::Pair;
    use crate::sockets::market_channel::MarketChannel;
    use crate::sockets::market_feed::Content;

    fn follow(all: &mut Subscriptions, name: &str) {
        let arg = json!({"channel": name});
        let ticker = MarketChannel::Ticker(Pair::find("BTC-USDT").unwrap());
        all.follow_market(arg.clone(), MarketFeed::new(Content::Rows(ticker), arg));
    }

    #[test]
    fn bounded_and_each_once() {
        let mut all = Subscriptions::default();
        let named = |at: usize| json!({"channel": at.to_string()});
        for at in 0..MOST {
            assert!(all.has_room_for(&named(at)));
            follow(&mut all, &at.to_string());
        }
        assert!(!all.has_room_for(&named(MOST)) && all.has_room_for(&named(0)));
        follow(&mut all, "0");
        assert_eq!(all.second(1_000).len(), MOST);
        all.leave(&named(0));
        all.leave(&Value::Null);
        assert!(all.has_room_for(&named(MOST)));
        assert_eq!(all.second(2_000).len(), MOST - 1);
        assert!(!all.has_own());
    }
}
