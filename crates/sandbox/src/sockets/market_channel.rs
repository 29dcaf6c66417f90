//! The channels of the market whose messages stand for themselves, and what each of them tells.

use keyward_rules::socket::Endpoint;
use serde_json::{Value, json};

use crate::markets::{
    KINDS, Pair, Wanted, book, candles, funding_rate, index_ticker, instruments, is_bar, mark_price, marked,
    ticker, trades,
};
use crate::parameters::text;

/// Trades of one message at most, for a socket that missed some seconds.
const TRADES: u64 = 60;

/// A channel of the market.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum MarketChannel {
    Ticker(Pair),
    IndexTicker(Pair),
    Trades(Pair),
    AllTrades(Pair),
    FiveLevels(Pair),
    BestLevel(Pair),
    /// Of a type.
    Instruments(String),
    /// Type and id, and the pair that it follows.
    MarkPrice(&'static str, &'static str, Pair),
    /// Of a swap.
    FundingRate(String),
    /// Of a length.
    Candles(Pair, String),
}

impl MarketChannel {
    pub(super) fn find(endpoint: Endpoint, name: &str, arg: &Value) -> Option<Self> {
        let id = text(arg, "instId");
        let pair = || Pair::find(id.as_deref()?);
        match (endpoint, name) {
            (Endpoint::Public, "tickers") => pair().map(Self::Ticker),
            (Endpoint::Public, "index-tickers") => pair().map(Self::IndexTicker),
            (Endpoint::Public, "trades") => pair().map(Self::Trades),
            (Endpoint::Public, "books5") => pair().map(Self::FiveLevels),
            (Endpoint::Public, "bbo-tbt") => pair().map(Self::BestLevel),
            (Endpoint::Public, "instruments") => {
                let kind = text(arg, "instType")?;
                KINDS.contains(&kind.as_str()).then_some(Self::Instruments(kind))
            }
            (Endpoint::Public, "mark-price") => {
                marked(id.as_deref()?).map(|(kind, id, pair)| Self::MarkPrice(kind, id, pair))
            }
            (Endpoint::Public, "funding-rate") => {
                let id = id?;
                funding_rate(&id, 0).is_some().then_some(Self::FundingRate(id))
            }
            (Endpoint::Business, "trades-all") => pair().map(Self::AllTrades),
            (Endpoint::Business, _) => {
                let bar = name.strip_prefix("candle").filter(|bar| is_bar(bar))?;
                Some(Self::Candles(pair()?, bar.to_owned()))
            }
            (Endpoint::Public | Endpoint::Private, _) => None,
        }
    }

    /// What is to be told now, if `last` was the second of the last message; nothing when there is nothing new.
    pub(super) fn rows(&self, arg: &Value, last: Option<u64>, now_ms: u64) -> Vec<Value> {
        match self {
            Self::Ticker(pair) => vec![ticker(*pair, now_ms)],
            Self::IndexTicker(pair) => vec![index_ticker(*pair, now_ms)],
            Self::Trades(pair) => new_trades(*pair, last, now_ms),
            Self::AllTrades(pair) => {
                let mut all = new_trades(*pair, last, now_ms);
                // Each row is one trade here, so none has a number of trades.
                all.iter_mut().filter_map(Value::as_object_mut).for_each(|row| drop(row.remove("count")));
                all
            }
            Self::FiveLevels(pair) => vec![with_id(*pair, book(*pair, 5, now_ms))],
            Self::BestLevel(pair) => vec![book(*pair, 1, now_ms)],
            // None ever changes.
            Self::Instruments(_) if last.is_some() => Vec::new(),
            Self::Instruments(kind) => instruments(Wanted { kind, query: arg }),
            Self::MarkPrice(kind, id, pair) => vec![mark_price(kind, id, *pair, now_ms)],
            Self::FundingRate(id) => funding_rate(id, now_ms).into_iter().collect(),
            Self::Candles(pair, bar) => new_candles(*pair, bar, last, now_ms),
        }
    }
}

fn with_id(pair: Pair, mut book: Value) -> Value {
    if let Some(book) = book.as_object_mut() {
        book.insert("instId".to_owned(), Value::from(pair.id));
    }
    book
}

/// The trades since the last message, oldest first; at first the newest one.
fn new_trades(pair: Pair, last: Option<u64>, now_ms: u64) -> Vec<Value> {
    let missed = last.map_or(1, |last| (now_ms / 1_000).saturating_sub(last));
    let mut all = trades(pair, missed.min(TRADES), now_ms);
    all.reverse();
    all
}

/// The candle that is open, and before it the one that has ended since the last message.
fn new_candles(pair: Pair, bar: &str, last: Option<u64>, now_ms: u64) -> Vec<Value> {
    let newest = candles(pair, &json!({"bar": bar, "limit": 2}), now_ms).unwrap_or_default();
    let opened = |row: &Value| row.get(0).and_then(Value::as_str).and_then(|at| at.parse::<u64>().ok());
    let begun = newest.first().and_then(opened).zip(last).is_some_and(|(opened, last)| opened / 1_000 > last);
    let mut shown: Vec<Value> = newest.into_iter().take(if begun { 2 } else { 1 }).collect();
    shown.reverse();
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::MarketChannel;
    use crate::markets::Pair;

    const NOW_MS: u64 = 1_800_000_000_000;

    fn pair() -> Pair {
        Pair::find("BTC-USDT").unwrap()
    }

    fn rows(channel: &MarketChannel, last: Option<u64>, now_ms: u64) -> Vec<Value> {
        channel.rows(&json!({}), last, now_ms)
    }

    #[test]
    fn no_trade_is_left_out_and_none_comes_twice() {
        let (channel, second) = (MarketChannel::Trades(pair()), NOW_MS / 1_000);
        let ids = |last, now_ms| -> Vec<String> {
            rows(&channel, last, now_ms)
                .iter()
                .map(|row| row["tradeId"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(ids(None, NOW_MS), [second.to_string()]);
        assert_eq!(ids(Some(second), NOW_MS + 1_000), [(second + 1).to_string()]);
        let missed = [second + 1, second + 2, second + 3].map(|id| id.to_string());
        assert_eq!(ids(Some(second), NOW_MS + 3_000), missed);
        assert_eq!(ids(Some(second), NOW_MS + 3_600_000).len(), 60);
        let all = rows(&MarketChannel::AllTrades(pair()), None, NOW_MS);
        assert!(all[0].get("count").is_none() && all[0].get("px").is_some());
    }

    #[test]
    fn a_candle_is_told_once_more_when_it_has_ended() {
        let channel = MarketChannel::Candles(pair(), "1m".to_owned());
        let told = |last, now_ms| -> Vec<Value> {
            rows(&channel, last, now_ms).iter().map(|row| row[8].clone()).collect()
        };
        let second = NOW_MS / 1_000;
        assert_eq!(NOW_MS % 60_000, 0);
        assert_eq!(told(None, NOW_MS), ["0"]);
        assert_eq!(told(Some(second), NOW_MS + 1_000), ["0"]);
        assert_eq!(told(Some(second + 59), NOW_MS + 60_000), ["1", "0"]);
        assert_eq!(told(Some(second + 60), NOW_MS + 61_000), ["0"]);
    }

    #[test]
    fn instruments_are_told_once() {
        let channel = MarketChannel::Instruments("SPOT".to_owned());
        assert_eq!(rows(&channel, None, NOW_MS).len(), 6);
        assert!(rows(&channel, Some(1), NOW_MS).is_empty());
    }
}
