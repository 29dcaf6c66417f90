//! The synthetic book and what is derived from it: tickers, trades, mark prices.
//!
//! Orders fill at the first levels, which never move. Behind them, levels are shown whose sizes change with the
//! seconds, so that those who follow a book have something to follow. No order fills there.

use serde_json::{Value, json};

use crate::amount::Amount;
use crate::markets::Pair;

/// Levels on each side that orders fill at.
const DEPTH: u8 = 20;
/// Levels that are shown on each side.
const SHOWN: u8 = 40;
/// A level behind [`DEPTH`] keeps its size for so many seconds.
const KEPT_SECONDS: u64 = 4;
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
    (1..=DEPTH).map(move |at| level(pair, side, at))
}

/// What is shown to somebody who buys or sells, best first.
pub(crate) fn shown(pair: Pair, side: Side, now_ms: u64) -> impl Iterator<Item = Level> {
    levels(pair, side).chain((DEPTH + 1..=SHOWN).filter_map(move |at| breathing(pair, side, at, now_ms)))
}

/// The number of what is shown: the larger, the later.
pub(crate) const fn sequence(now_ms: u64) -> u64 {
    now_ms / 1_000
}

fn level(pair: Pair, side: Side, at: u8) -> Level {
    let step = pair.middle.times(STEP).unwrap_or_default().floor_to(pair.tick).max(pair.tick);
    let at = Amount::new(i128::from(at), 0);
    let away = step.times(at).unwrap_or_default();
    let price = match side {
        Side::Buy => pair.middle + away,
        Side::Sell => pair.middle - away,
    };
    let size = pair.offered.times(at).and_then(|offered| offered.over(pair.middle)).unwrap_or_default();
    Level { price, size: size.floor_to(pair.lot) }
}

/// A level at some eighths of its size, or none at that price for the moment.
fn breathing(pair: Pair, side: Side, at: u8, now_ms: u64) -> Option<Level> {
    // A part of the levels changes every second.
    let turn = (sequence(now_ms) + u64::from(at)) / KEPT_SECONDS;
    let place = u64::from(at) * 2 + u64::from(side == Side::Buy);
    // A multiplicative hash (Knuth), of which the upper bits are well mixed.
    let eighths = (turn * 128 + place).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 61;
    let whole = level(pair, side, at);
    let size = whole.size.times(Amount::new(i128::from(eighths) * 125, 3))?.floor_to(pair.lot);
    (!size.is_zero()).then_some(Level { size, ..whole })
}

/// OKX's book, `depth` levels a side.
pub(crate) fn book(pair: Pair, depth: usize, now_ms: u64) -> Value {
    let side = |side| -> Vec<Value> { shown(pair, side, now_ms).take(depth).map(row).collect() };
    json!({
        "asks": side(Side::Buy), "bids": side(Side::Sell), "ts": now_ms.to_string(), "seqId": sequence(now_ms)
    })
}

/// A level as OKX writes it: price, size, a member that is no longer used, and the number of orders.
pub(crate) fn row(level: Level) -> Value {
    let orders = if level.size.is_zero() { "0" } else { "1" };
    json!([level.price.to_string(), level.size.to_string(), "0", orders])
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

/// OKX's ticker of a pair's index.
pub(crate) fn index_ticker(pair: Pair, now_ms: u64) -> Value {
    let price = pair.middle.to_string();
    json!({
        "instId": pair.id, "idxPx": price, "high24h": price, "low24h": price, "open24h": price, "sodUtc0": price,
        "sodUtc8": price, "ts": now_ms.to_string()
    })
}

/// OKX's mark price of an instrument that is not spot, by its underlying pair.
pub(crate) fn mark_price(kind: &str, id: &str, pair: Pair, now_ms: u64) -> Value {
    json!({"instType": kind, "instId": id, "markPx": pair.middle.to_string(), "ts": now_ms.to_string()})
}

#[cfg(test)]
mod tests {
    use super::{DEPTH, Level, Side, levels, shown};
    use crate::amount::Amount;
    use crate::markets::Pair;

    const NOW_MS: u64 = 1_800_000_000_000;

    #[test]
    fn what_is_shown_moves_behind_what_orders_fill_at() {
        let at = |second: u64, side| -> Vec<Level> {
            shown(Pair::find("BTC-USDT").unwrap(), side, NOW_MS + second * 1_000).collect()
        };
        for side in [Side::Buy, Side::Sell] {
            let fixed: Vec<Level> = levels(Pair::find("BTC-USDT").unwrap(), side).collect();
            for second in 0..100 {
                let (now, next) = (at(second, side), at(second + 1, side));
                assert_eq!(now[..usize::from(DEPTH)], fixed);
                assert_eq!(next[..usize::from(DEPTH)], fixed);
                let kept = now.iter().filter(|level| next.contains(level)).count();
                assert!(now != next && kept > usize::from(DEPTH), "{second}");
            }
        }
        let depths: Vec<usize> = (0..100).map(|second| at(second, Side::Buy).len()).collect();
        assert!(depths.iter().min() < depths.iter().max(), "levels come and go");
    }

    #[test]
    fn books_are_in_order_and_keep_tick_and_lot() {
        for pair in Pair::all() {
            for side in [Side::Buy, Side::Sell] {
                let all: Vec<_> = shown(pair, side, NOW_MS).collect();
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
