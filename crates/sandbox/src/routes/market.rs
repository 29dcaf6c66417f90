//! `market/*`: prices of the spot pairs.

use super::reply::{Answer, rows};
use super::{Asked, Route, open};
use crate::markets::{Pair, book, candles, index_ticker, ticker, trades};
use crate::parameters::{number, required, wants};
use crate::refusal::Refusal;

pub(super) const ROUTES: &[Route] = &[
    open("market/ticker", one_ticker),
    open("market/tickers", tickers),
    open("market/index-tickers", index_tickers),
    open("market/books", books),
    open("market/books-full", books),
    open("market/candles", bars),
    open("market/history-candles", bars),
    open("market/trades", recent),
    open("market/history-trades", recent),
];

/// Trades in an answer at most (OKX).
const TRADES: u64 = 500;
/// Levels in an answer at most (OKX).
const LEVELS: usize = 400;

fn pair(asked: &Asked<'_>) -> Result<Pair, Refusal> {
    Pair::find(&required(asked.parameters, "instId")?).ok_or(Refusal::NoInstrument)
}

fn one_ticker(asked: &Asked<'_>) -> Answer {
    rows([ticker(pair(asked)?, asked.now_ms)])
}

fn tickers(asked: &Asked<'_>) -> Answer {
    match required(asked.parameters, "instType")?.as_str() {
        "SPOT" => rows(Pair::all().map(|pair| ticker(pair, asked.now_ms))),
        "SWAP" | "FUTURES" | "OPTION" => rows([]),
        _ => Err(Refusal::Wrong("instType")),
    }
}

fn index_tickers(asked: &Asked<'_>) -> Answer {
    let query = asked.parameters;
    let wanted = Pair::all()
        .filter(|pair| wants(query, "instId", pair.id) && wants(query, "quoteCcy", pair.quote.id()));
    rows(wanted.map(|pair| index_ticker(pair, asked.now_ms)))
}

fn books(asked: &Asked<'_>) -> Answer {
    let depth = number(asked.parameters, "sz", 1).clamp(1, LEVELS);
    rows([book(pair(asked)?, depth, asked.now_ms)])
}

fn bars(asked: &Asked<'_>) -> Answer {
    rows(candles(pair(asked)?, asked.parameters, asked.now_ms)?)
}

fn recent(asked: &Asked<'_>) -> Answer {
    let limit = number(asked.parameters, "limit", 100).clamp(1, TRADES);
    rows(trades(pair(asked)?, limit, asked.now_ms))
}
