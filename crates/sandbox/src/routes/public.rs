//! `public/*` and `system/*`: time, instruments, marks.

use serde_json::json;

use super::reply::{Answer, rows};
use super::{Asked, Route, open};
use crate::markets::{KINDS, Pair, Wanted, instruments, is_derivative, mark_price};
use crate::parameters::{required, text};
use crate::refusal::Refusal;

pub(super) const ROUTES: &[Route] = &[
    open("public/time", time),
    open("public/instruments", listed),
    open("public/mark-price", marks),
    open("public/funding-rate", funding_rate),
    open("system/status", status),
];

const EIGHT_HOURS_MS: u64 = 8 * 3_600_000;

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

fn marks(asked: &Asked<'_>) -> Answer {
    let kind = required(asked.parameters, "instType")?;
    if !KINDS.contains(&kind.as_str()) {
        return Err(Refusal::Wrong("instType"));
    }
    let id = text(asked.parameters, "instId");
    let Some(id) = id else {
        let spot = Pair::all().filter(|_| kind == "MARGIN");
        return rows(spot.map(|pair| mark_price(&kind, pair.id, pair, asked.now_ms)));
    };
    let pair = match is_derivative(&id) {
        Some((found, pair)) if found == kind => Some(pair),
        Some(_) => None,
        None => Pair::find(&id).filter(|_| kind == "MARGIN"),
    };
    let pair = pair.ok_or(Refusal::NoInstrument)?;
    rows([mark_price(&kind, &id, pair, asked.now_ms)])
}

fn funding_rate(asked: &Asked<'_>) -> Answer {
    let id = required(asked.parameters, "instId")?;
    match is_derivative(&id) {
        Some(("SWAP", _)) => {}
        Some(_) | None => return Err(Refusal::NoInstrument),
    }
    let next = (asked.now_ms / EIGHT_HOURS_MS + 1) * EIGHT_HOURS_MS;
    rows([json!({
        "instType": "SWAP", "instId": id, "method": "current_period", "formulaType": "withRate", "fundingRate": "0.0001",
        "nextFundingRate": "", "fundingTime": next.to_string(), "nextFundingTime": (next + EIGHT_HOURS_MS).to_string(),
        "minFundingRate": "-0.00375", "maxFundingRate": "0.00375", "interestRate": "0.0001", "impactValue": "20000",
        "premium": "0", "settState": "settled", "settFundingRate": "0.0001", "prevFundingTime": (next - EIGHT_HOURS_MS).to_string(),
        "ts": asked.now_ms.to_string()
    })])
}
