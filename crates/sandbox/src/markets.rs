//! Instruments and their synthetic prices: the same at every start.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::answer::plain;

/// A spot pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pair {
    pub(crate) id: &'static str,
    pub(crate) base: &'static str,
    pub(crate) quote: &'static str,
    /// The middle of the book, in units of the quote currency.
    middle: u32,
    tick: &'static str,
    lot: &'static str,
}

const PAIRS: [Pair; 4] = [
    Pair { id: "BTC-USDT", base: "BTC", quote: "USDT", middle: 60_000, tick: "0.1", lot: "0.00000001" },
    Pair { id: "ETH-USDT", base: "ETH", quote: "USDT", middle: 3_000, tick: "0.01", lot: "0.000001" },
    Pair { id: "SOL-USDT", base: "SOL", quote: "USDT", middle: 150, tick: "0.01", lot: "0.000001" },
    Pair { id: "ETH-BTC", base: "ETH", quote: "BTC", middle: 0, tick: "0.00001", lot: "0.000001" },
];

/// Currencies that accounts hold.
pub(crate) const CURRENCIES: [(&str, &str); 4] =
    [("BTC", "Bitcoin"), ("ETH", "Ethereum"), ("SOL", "Solana"), ("USDT", "Tether")];

/// Levels of the book on each side.
pub(crate) const DEPTH: u32 = 20;

impl Pair {
    pub(crate) fn find(id: &str) -> Option<Self> {
        PAIRS.into_iter().find(|pair| pair.id == id)
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        PAIRS.into_iter()
    }

    pub(crate) fn middle(&self) -> Decimal {
        // 0.05 for the one pair below 1.
        if self.middle == 0 { Decimal::new(5, 2) } else { Decimal::from(self.middle) }
    }

    /// Price and size of the level `at` (from 0) for somebody who buys or sells.
    pub(crate) fn level(&self, side: Side, at: u32) -> (Decimal, Decimal) {
        let step = self.middle() / Decimal::from(10_000);
        let away = step * Decimal::from(at + 1);
        let price = match side {
            Side::Buy => self.middle() + away,
            Side::Sell => self.middle() - away,
        };
        (price, Decimal::from(at + 1) / Decimal::from(2))
    }
}

/// Which side of a trade somebody takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Buy,
    Sell,
}

impl Side {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

/// OKX's description of an instrument, empty where it does not apply.
fn instrument(kind: &str, id: &str, base: &str, quote: &str, more: &Value) -> Value {
    let mut object = json!({
        "alias": "", "auctionEndTime": "", "baseCcy": base, "category": "1", "ctMult": "", "ctType": "", "ctVal": "",
        "ctValCcy": "", "contTdSwTime": "", "expTime": "", "futureSettlement": false, "groupId": "1",
        "instFamily": "", "instId": id, "instIdCode": 1, "instType": kind, "lever": "", "listTime": "1548133413000",
        "lotSz": "1", "maxIcebergSz": "999999", "maxLmtAmt": "20000000", "maxLmtSz": "999999",
        "maxMktAmt": "1000000", "maxMktSz": "1000000", "maxPlatOILmt": "", "maxStopSz": "1000000",
        "maxTriggerSz": "999999", "maxTwapSz": "999999", "minSz": "1", "openType": "fix_price", "optType": "",
        "posLmtAmt": "", "posLmtPct": "", "preMktSwTime": "", "quoteCcy": quote, "ruleType": "normal",
        "settleCcy": "", "state": "live", "stk": "", "tickSz": "0.1", "tradeQuoteCcyList": [quote], "uly": ""
    });
    if let (Some(object), Some(more)) = (object.as_object_mut(), more.as_object()) {
        object.extend(more.clone());
    }
    object
}

/// The instruments of a type, optionally of one underlying.
pub(crate) fn instruments(kind: &str, underlying: Option<&str>) -> Vec<Value> {
    let all: Vec<Value> = match kind {
        "SPOT" => Pair::all()
            .map(|pair| {
                let more = json!({"tickSz": pair.tick, "lotSz": pair.lot, "minSz": "0.00001"});
                instrument("SPOT", pair.id, pair.base, pair.quote, &more)
            })
            .collect(),
        "SWAP" => vec![derivative("SWAP", "BTC-USDT-SWAP", "USDT", "linear", &json!({"lever": "100"}))],
        "FUTURES" => vec![derivative(
            "FUTURES",
            "BTC-USDT-301227",
            "USDT",
            "linear",
            &json!({"alias": "quarter", "expTime": "1924588800000", "lever": "20"}),
        )],
        "OPTION" => ["BTC-USD", "ETH-USD"]
            .into_iter()
            .map(|uly| {
                let id = format!("{uly}-301227-100000-C");
                let more = json!({"expTime": "1924588800000", "optType": "C", "stk": "100000", "uly": uly, "instFamily": uly, "settleCcy": uly.split('-').next()});
                derivative("OPTION", &id, "BTC", "", &more)
            })
            .collect(),
        _ => vec![],
    };
    let wanted =
        |one: &Value| underlying.is_none_or(|wanted| one.get("uly").is_some_and(|uly| uly == wanted));
    all.into_iter().filter(wanted).collect()
}

fn derivative(kind: &str, id: &str, settle: &str, contract: &str, more: &Value) -> Value {
    let base = json!({
        "ctMult": "1", "ctType": contract, "ctVal": "0.01", "ctValCcy": "BTC", "instFamily": "BTC-USDT",
        "settleCcy": settle, "uly": "BTC-USDT", "lotSz": "0.01", "minSz": "0.01"
    });
    let mut object = instrument(kind, id, "", "", &base);
    if let (Some(object), Some(more)) = (object.as_object_mut(), more.as_object()) {
        object.extend(more.clone());
    }
    object
}

/// A ticker.
pub(crate) fn ticker(pair: Pair, now_ms: u64) -> Value {
    let (ask, ask_size) = pair.level(Side::Buy, 0);
    let (bid, bid_size) = pair.level(Side::Sell, 0);
    let middle = plain(pair.middle());
    json!({
        "askPx": plain(ask), "askSz": plain(ask_size), "bidPx": plain(bid), "bidSz": plain(bid_size),
        "high24h": middle, "instId": pair.id, "instType": "SPOT", "last": middle, "lastSz": "0.1", "low24h": middle,
        "open24h": middle, "sodUtc0": middle, "sodUtc8": middle, "ts": now_ms.to_string(), "vol24h": "1000",
        "volCcy24h": "60000000"
    })
}

/// The book, `depth` levels a side.
pub(crate) fn book(pair: Pair, depth: u32, now_ms: u64) -> Value {
    let side = |side: Side| -> Vec<Value> {
        let level = |at| {
            let (price, size) = pair.level(side, at);
            json!([plain(price), plain(size), "0", "1"])
        };
        (0..depth.min(DEPTH)).map(level).collect()
    };
    json!({"asks": side(Side::Buy), "bids": side(Side::Sell), "ts": now_ms.to_string(), "seqId": 1})
}
