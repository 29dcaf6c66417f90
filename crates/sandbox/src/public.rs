//! Public routes: time, instruments, prices.

use serde_json::{Value, json};

use crate::answer::{Answer, plain, refuse, required, text};
use crate::markets::{DEPTH, Pair, Side, book, instruments, ticker};

/// Answers a public route; `None` when there is no such route here.
pub(crate) fn answer(path: &str, query: &Value, now_ms: u64) -> Option<Answer> {
    Some(match path {
        "/api/v5/public/time" => Ok(vec![json!({"ts": now_ms.to_string()})]),
        "/api/v5/system/status" => Ok(vec![]),
        "/api/v5/public/instruments" => required(query, "instType").and_then(|kind| {
            if !["SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION"].contains(&kind.as_str()) {
                return refuse("51000", "Parameter instType error");
            }
            Ok(instruments(&kind, text(query, "uly").as_deref()))
        }),
        "/api/v5/market/tickers" => Ok(Pair::all().map(|pair| ticker(pair, now_ms)).collect()),
        "/api/v5/market/ticker" => pair(query).map(|pair| vec![ticker(pair, now_ms)]),
        "/api/v5/market/books" | "/api/v5/market/books-full" => pair(query).map(|pair| {
            let depth = text(query, "sz").and_then(|size| size.parse().ok()).unwrap_or(DEPTH);
            vec![book(pair, depth, now_ms)]
        }),
        "/api/v5/market/candles" | "/api/v5/market/history-candles" => pair(query).map(|pair| {
            let price = plain(pair.middle());
            let bar = |at: u64| {
                let began = (now_ms / 60_000 - at) * 60_000;
                json!([
                    began.to_string(),
                    price,
                    price,
                    price,
                    price,
                    "1",
                    "1",
                    "1",
                    if at == 0 { "0" } else { "1" }
                ])
            };
            (0..100).map(bar).collect()
        }),
        "/api/v5/market/trades" | "/api/v5/market/history-trades" => pair(query).map(|pair| {
            vec![
                json!({"instId": pair.id, "px": plain(pair.middle()), "side": Side::Buy.word(), "source": "0",
                        "sz": "0.1", "count": "1", "tradeId": "1", "ts": now_ms.to_string()}),
            ]
        }),
        _ => return None,
    })
}

fn pair(query: &Value) -> Result<Pair, crate::answer::Refusal> {
    let id = required(query, "instId")?;
    Pair::find(&id).map_or_else(|| refuse("51001", "Instrument ID doesn't exist."), Ok)
}
