//! `account/max-*` and `account/leverage-info`: how much could be traded.

use serde_json::{Value, json};

use super::reply::{Answer, rows};
use super::{AccountRequest, Route, get};
use crate::markets::Pair;
use crate::parameters::{optional_amount, required};
use crate::refusal::Refusal;

pub(super) const ROUTES: &[Route] = &[
    get("account/max-size", largest),
    get("account/max-avail-size", available),
    get("account/leverage-info", leverage),
];

/// Instruments in a list at most (OKX).
const MOST: usize = 5;

fn pairs(desk: &AccountRequest<'_>) -> Result<Vec<Pair>, Refusal> {
    let list = required(desk.parameters, "instId")?;
    if list.split(',').count() > MOST {
        return Err(Refusal::TooMany("instId", MOST));
    }
    list.split(',').map(|id| Pair::find(id).ok_or(Refusal::NoInstrument)).collect()
}

/// Sizes in the base currency, at the price given or the middle.
fn largest(desk: &mut AccountRequest<'_>) -> Answer {
    let price = optional_amount(desk.parameters, "px")?;
    let size = |pair: Pair| -> Value {
        let holdings = &desk.account().holdings;
        let buys = holdings.of(pair.quote).free().over(price.unwrap_or(pair.middle)).unwrap_or_default();
        let sells = holdings.of(pair.base).free();
        json!({
            "instId": pair.id, "ccy": "", "maxBuy": buys.floor_to(pair.lot).to_string(),
            "maxSell": sells.floor_to(pair.lot).to_string()
        })
    };
    rows(pairs(desk)?.into_iter().map(size))
}

/// What there is: of the quote currency to buy with, of the base currency to sell.
fn available(desk: &mut AccountRequest<'_>) -> Answer {
    let size = |pair: Pair| -> Value {
        let holdings = &desk.account().holdings;
        let (buys, sells) = (holdings.of(pair.quote).free(), holdings.of(pair.base).free());
        json!({"instId": pair.id, "availBuy": buys.to_string(), "availSell": sells.to_string()})
    };
    rows(pairs(desk)?.into_iter().map(size))
}

fn leverage(desk: &mut AccountRequest<'_>) -> Answer {
    let mode = required(desk.parameters, "mgnMode")?;
    let one =
        |pair: Pair| json!({"ccy": "", "instId": pair.id, "mgnMode": mode, "posSide": "net", "lever": "1"});
    rows(pairs(desk)?.into_iter().map(one))
}
