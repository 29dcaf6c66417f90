//! One subscription to a channel of the market: what is told at first, and each second.

use serde_json::{Value, json};

use super::book_feed::BookFeed;
use super::market_channel::MarketChannel;

/// A subscription.
#[derive(Debug)]
pub(super) struct MarketFeed {
    /// The argument as messages repeat it.
    arg: Value,
    content: Content,
    /// The second of the last message.
    told: Option<u64>,
}

/// What is told.
#[derive(Debug)]
pub(super) enum Content {
    Rows(MarketChannel),
    Book(BookFeed),
}

impl MarketFeed {
    /// A subscription; `arg` is the argument's plain form.
    pub(super) const fn new(content: Content, arg: Value) -> Self {
        Self { arg, content, told: None }
    }

    /// What is told now: at once when it has begun, then once in a second.
    pub(super) fn next(&mut self, now_ms: u64) -> Option<String> {
        let second = now_ms / 1_000;
        let last = self.told;
        if last.is_some_and(|last| last >= second) {
            return None;
        }
        self.told = Some(second);
        let (arg, message) = (&self.arg, |message: Value| Some(message.to_string()));
        match &mut self.content {
            Content::Book(book) => {
                let (action, row) = book.next(now_ms)?;
                message(json!({"arg": arg, "action": action, "data": [row]}))
            }
            Content::Rows(channel) => {
                let rows = channel.rows(arg, last, now_ms);
                if rows.is_empty() { None } else { message(json!({"arg": arg, "data": rows})) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{BookFeed, Content, MarketChannel, MarketFeed};
    use crate::markets::Pair;

    const NOW_MS: u64 = 1_800_000_000_000;

    fn told(feed: &mut MarketFeed, now_ms: u64) -> Value {
        feed.next(now_ms).map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn at_once_and_then_once_in_a_second() {
        let pair = Pair::find("BTC-USDT").unwrap();
        let arg = json!({"channel": "tickers", "instId": "BTC-USDT"});
        let mut feed = MarketFeed::new(Content::Rows(MarketChannel::Ticker(pair)), arg.clone());
        let first = told(&mut feed, NOW_MS + 900);
        assert_eq!((&first["arg"], &first["data"][0]["last"]), (&arg, &json!("60000")));
        assert_eq!(told(&mut feed, NOW_MS + 999), Value::Null);
        assert_eq!(told(&mut feed, NOW_MS + 1_000)["data"][0]["ts"], (NOW_MS + 1_000).to_string());
        assert_eq!(told(&mut feed, NOW_MS + 1_001), Value::Null);
        assert_eq!(told(&mut feed, NOW_MS), Value::Null, "a clock that goes back tells nothing");
    }

    #[test]
    fn a_book_says_what_its_rows_are() {
        let pair = Pair::find("ETH-BTC").unwrap();
        let mut feed = MarketFeed::new(Content::Book(BookFeed::new(pair)), json!({"channel": "books"}));
        assert_eq!(told(&mut feed, NOW_MS)["action"], "snapshot");
        let update = told(&mut feed, NOW_MS + 1_000);
        assert_eq!(
            (&update["action"], &update["data"][0]["prevSeqId"]),
            (&json!("update"), &json!(NOW_MS / 1_000))
        );
    }
}
