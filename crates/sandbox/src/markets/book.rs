//! The synthetic book and what is derived from it: tickers, trades, mark prices.

use serde_json::{Value, json};

use crate::amount::Amount;
use crate::markets::Pair;

/// Levels of the book on each side.
const DEPTH: u8 = 20;
/// The distance between levels, as a part of the middle: a hundredth of a percent.
const STEP: Amount = Amount::new(1, 4);

/// Which side of a trade somebody takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Buy,
    Sell,
}

impl Side {
    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Buy, Self::Sell].into_iter().find(|side| side.word() == word)
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

/// One price and what is offered there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Level {
    pub(crate) price: Amount,
    pub(crate) size: Amount,
}

/// What is offered to somebody who buys or sells, best first.
pub(crate) fn levels(pair: Pair, side: Side) -> impl Iterator<Item = Level> {
    let step = pair.middle.times(STEP).unwrap_or_default().floor_to(pair.tick).max(pair.tick);
    (1..=DEPTH).map(move |at| {
        let at = Amount::new(i128::from(at), 0);
        let away = step.times(at).unwrap_or_default();
        let price = match side {
            Side::Buy => pair.middle + away,
            Side::Sell => pair.middle - away,
        };
        let size = pair.offered.times(at).and_then(|offered| offered.over(pair.middle)).unwrap_or_default();
        Level { price, size: size.floor_to(pair.lot) }
    })
}

/// OKX's book, `depth` levels a side.
pub(crate) fn book(pair: Pair, depth: usize, now_ms: u64) -> Value {
    let side = |side| -> Vec<Value> {
        let shown = levels(pair, side).take(depth);
        shown.map(|level| json!([level.price.to_string(), level.size.to_string(), "0", "1"])).collect()
    };
    json!({"asks": side(Side::Buy), "bids": side(Side::Sell), "ts": now_ms.to_string(), "seqId": 1})
}

/// OKX's ticker.
pub(crate) fn ticker(pair: Pair, now_ms: u64) -> Value {
    let best = |side| levels(pair, side).next().unwrap_or(Level { price: pair.middle, size: pair.least });
    let (ask, bid) = (best(Side::Buy), best(Side::Sell));
    let last = pair.middle.to_string();
    json!({
        "instType": "SPOT", "instId": pair.id, "last": last, "lastSz": pair.least.to_string(),
        "askPx": ask.price.to_string(), "askSz": ask.size.to_string(),
        "bidPx": bid.price.to_string(), "bidSz": bid.size.to_string(),
        "open24h": last, "high24h": ask.price.to_string(), "low24h": bid.price.to_string(),
        "volCcy24h": pair.offered.to_string(), "vol24h": ask.size.to_string(), "ts": now_ms.to_string(),
        "sodUtc0": last, "sodUtc8": last
    })
}

/// The newest `limit` trades: one a second, at the middle.
pub(crate) fn trades(pair: Pair, limit: u64, now_ms: u64) -> Vec<Value> {
    let second = now_ms / 1_000;
    let trade = |ago: u64| {
        let at = second.saturating_sub(ago);
        let side = if at.is_multiple_of(2) { Side::Buy } else { Side::Sell };
        json!({
            "instId": pair.id, "side": side.word(), "sz": pair.least.to_string(), "source": "0", "count": "1",
            "px": pair.middle.to_string(), "tradeId": at.to_string(), "ts": (at * 1_000).to_string()
        })
    };
    (0..limit).map(trade).collect()
}

/// OKX's mark price of an instrument that is not spot, by its underlying pair.
pub(crate) fn mark_price(kind: &str, id: &str, pair: Pair, now_ms: u64) -> Value {
    json!({"instType": kind, "instId": id, "markPx": pair.middle.to_string(), "ts": now_ms.to_string()})
}

#[cfg(test)]
mod tests {
    use super::{Side, levels};
    use crate::amount::Amount;
    use crate::markets::Pair;

    #[test]
    fn books_are_in_order_and_keep_tick_and_lot() {
        for pair in Pair::all() {
            for side in [Side::Buy, Side::Sell] {
                let all: Vec<_> = levels(pair, side).collect();
                assert!(all.iter().all(|level| level.price.is_multiple_of(pair.tick)
                    && level.size.is_multiple_of(pair.lot)
                    && level.size >= pair.least
                    && level.price > Amount::ZERO));
                let sorted = all.windows(2).all(|two| match side {
                    Side::Buy => two[0].price < two[1].price,
                    Side::Sell => two[0].price > two[1].price,
                });
                assert!(sorted, "{}", pair.id);
                assert!(all.iter().all(|level| (level.price > pair.middle) == (side == Side::Buy)));
                // No product of a price and a size loses a digit.
                let exact = |level: &super::Level| {
                    let value = pair.tick.times(pair.lot).unwrap();
                    !value.is_zero() && level.price.times(level.size).unwrap().is_multiple_of(value)
                };
                assert!(all.iter().all(exact), "{}", pair.id);
            }
        }
    }
}
