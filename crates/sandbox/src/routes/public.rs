//! `public/*` and `system/*`: time, instruments, marks.

use serde_json::json;

use super::reply::{Answer, rows};
use super::{Asked, Route, open};
use crate::markets::{KINDS, Pair, Wanted, derivatives, funding_rate, instruments, mark_price, marked};
use crate::parameters::{required, text};
use crate::refusal::Refusal;

pub(super) const ROUTES: &[Route] = &[
    open("public/time", time),
    open("public/instruments", listed),
    open("public/mark-price", marks),
    open("public/funding-rate", funding),
    open("system/status", status),
];

fn time(asked: &Asked<'_>) -> Answer {
    rows([json!({"ts": asked.now_ms.to_string()})])
}

/// Nothing is ever under maintenance.
fn status(_: &Asked<'_>) -> Answer {
    rows([])
}

fn listed(asked: &Asked<'_>) -> Answer {
    let kind = required(asked.parameters, "instType")?;
    if !KINDS.contains(&kind.as_str()) {
        return Err(Refusal::Wrong("instType"));
    }
    let narrowed = ["uly", "instFamily"].into_iter().any(|name| text(asked.parameters, name).is_some());
    if kind == "OPTION" && !narrowed {
        return Err(Refusal::Either("uly", "instFamily"));
    }
    rows(instruments(Wanted { kind: &kind, query: asked.parameters }))
}

/// By type, or by instrument alone, as ccxt asks. Pairs are listed under margin, as with OKX.
fn marks(asked: &Asked<'_>) -> Answer {
    let kind = text(asked.parameters, "instType");
    if kind.as_ref().is_some_and(|kind| !KINDS.contains(&kind.as_str())) {
        return Err(Refusal::Wrong("instType"));
    }
    let Some(id) = text(asked.parameters, "instId") else {
        let kind = kind.ok_or(Refusal::Missing("instType"))?;
        let pairs = Pair::all().filter(|_| kind == "MARGIN").map(|pair| (pair.id, pair));
        let all = pairs.chain(derivatives(&kind));
        return rows(all.map(|(id, pair)| mark_price(&kind, id, pair, asked.now_ms)));
    };
    match marked(&id) {
        Some((of, id, pair)) if kind.is_none_or(|kind| kind == of) => {
            rows([mark_price(of, id, pair, asked.now_ms)])
        }
        Some(_) | None => Err(Refusal::NoInstrument),
    }
}

fn funding(asked: &Asked<'_>) -> Answer {
    let id = required(asked.parameters, "instId")?;
    rows([funding_rate(&id, asked.now_ms).ok_or(Refusal::NoInstrument)?])
}
