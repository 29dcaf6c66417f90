//! `trade/*` that changes orders, singly and in batches; every order of a request has its own code.

use serde_json::{Value, json};

use super::reply::{Answer, Data};
use super::{AccountRequest, Route, post};
use crate::ledger::{Account, Change, Ids, Kind, Named, Order, SizedIn, Terms, TimeInForce};
use crate::markets::{Pair, Side, by_code, is_derivative};
use crate::parameters::{amount, optional_amount, required, text};
use crate::refusal::Refusal;

pub(super) const ROUTES: &[Route] = &[
    post("trade/order", |desk| in_time(desk).and_then(|()| single(desk, place))),
    post("trade/batch-orders", |desk| in_time(desk).and_then(|()| batch(desk, place))),
    post("trade/amend-order", |desk| in_time(desk).and_then(|()| single(desk, amend))),
    post("trade/amend-batch-orders", |desk| in_time(desk).and_then(|()| batch(desk, amend))),
    post("trade/cancel-order", |desk| single(desk, cancel)),
    post("trade/cancel-batch-orders", |desk| batch(desk, cancel)),
    post("trade/mass-cancel", mass_cancel),
];

/// Orders in a batch at most (OKX).
const BATCH: usize = 20;
/// Characters of a client's order id at most (OKX).
const CLIENT_ID: usize = 32;
/// Characters of a tag that are kept at most; OKX's own limit is 16.
const TAG: usize = 32;

/// What is done with one order of a request.
type Act = fn(&mut Account, &mut Ids, &Value, u64) -> Result<Order, Refusal>;

/// Placing and amending end at `expTime`: a header by HTTP, a member of the request on a socket (OKX).
fn in_time(desk: &AccountRequest<'_>) -> Result<(), Refusal> {
    let Some(expiry) = desk.expiry else { return Ok(()) };
    let until_ms: u64 = expiry.parse().map_err(|_| Refusal::Wrong("expTime"))?;
    if until_ms < desk.now_ms { Err(Refusal::Expired) } else { Ok(()) }
}

fn single(desk: &mut AccountRequest<'_>, act: Act) -> Answer {
    each(desk, std::slice::from_ref(desk.parameters), act)
}

fn batch(desk: &mut AccountRequest<'_>, act: Act) -> Answer {
    let all = desk.parameters.as_array().ok_or(Refusal::BadJson)?;
    match all.len() {
        0 => Err(Refusal::Missing("orders")),
        1..=BATCH => each(desk, all, act),
        _ => Err(Refusal::TooMany("orders", BATCH)),
    }
}

fn each(desk: &mut AccountRequest<'_>, all: &[Value], act: Act) -> Answer {
    let now_ms = desk.now_ms;
    let (account, ids) = desk.open()?;
    let mut done = |one| row(one, act(account, ids, one, now_ms), now_ms);
    Ok(Data::Orders(all.iter().map(&mut done).collect()))
}

fn row(asked: &Value, done: Result<Order, Refusal>, now_ms: u64) -> Value {
    let said = |name: &str| text(asked, name).unwrap_or_default();
    let (id, client_id, tag, code, message) = match done {
        Ok(order) => (order.id.to_string(), order.terms.client_id, order.terms.tag, "0", "".into()),
        Err(refusal) => (said("ordId"), said("clOrdId"), said("tag"), refusal.code(), refusal.text()),
    };
    json!({
        "clOrdId": client_id, "ordId": id, "tag": tag, "reqId": said("reqId"), "ts": now_ms.to_string(), "sCode": code,
        "sMsg": message, "subCode": ""
    })
}

fn place(account: &mut Account, ids: &mut Ids, body: &Value, now_ms: u64) -> Result<Order, Refusal> {
    account.place(ids, terms(body)?, now_ms)
}

fn terms(body: &Value) -> Result<Terms, Refusal> {
    let pair = pair(body)?;
    if required(body, "tdMode")? != "cash" {
        return Err(Refusal::AccountMode);
    }
    let side = Side::parse(&required(body, "side")?).ok_or(Refusal::Wrong("side"))?;
    let force = match required(body, "ordType")?.as_str() {
        "market" => None,
        "limit" => Some(TimeInForce::Rest),
        "post_only" => Some(TimeInForce::PostOnly),
        "fok" => Some(TimeInForce::FillOrKill),
        "ioc" => Some(TimeInForce::ImmediateOrCancel),
        _ => return Err(Refusal::Wrong("ordType")),
    };
    let kind = match force {
        None => Kind::Market(sized_in(body, side)?),
        Some(force) => Kind::Limit(amount(body, "px")?, force),
    };
    let client_id = text(body, "clOrdId").unwrap_or_default();
    if client_id.len() > CLIENT_ID || !client_id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Refusal::Wrong("clOrdId"));
    }
    let tag = text(body, "tag").unwrap_or_default();
    if tag.len() > TAG {
        return Err(Refusal::Wrong("tag"));
    }
    Ok(Terms { pair, side, kind, size: amount(body, "sz")?, client_id, tag })
}

fn pair(body: &Value) -> Result<Pair, Refusal> {
    let id = instrument(body)?;
    match (Pair::find(&id), is_derivative(&id)) {
        (Some(pair), _) => Ok(pair),
        (None, Some(_)) => Err(Refusal::AccountMode),
        (None, None) => Err(Refusal::NoInstrument),
    }
}

/// The instrument that an order names: by its id, by its code, or by both if they stand for the same one.
fn instrument(body: &Value) -> Result<String, Refusal> {
    let Some(code) = text(body, "instIdCode") else { return required(body, "instId") };
    let coded = by_code(&code).ok_or(Refusal::NoInstrument)?;
    match text(body, "instId") {
        Some(id) if id != coded => Err(Refusal::Wrong("instIdCode")),
        Some(_) | None => Ok(coded.to_owned()),
    }
}

/// A spot market order to buy is sized in the quote currency unless it says otherwise (OKX).
fn sized_in(body: &Value, side: Side) -> Result<SizedIn, Refusal> {
    match (text(body, "tgtCcy").as_deref(), side) {
        (Some("base_ccy"), _) | (None, Side::Sell) => Ok(SizedIn::Base),
        (Some("quote_ccy"), _) | (None, Side::Buy) => Ok(SizedIn::Quote),
        (Some(_), _) => Err(Refusal::Wrong("tgtCcy")),
    }
}

fn amend(account: &mut Account, ids: &mut Ids, body: &Value, now_ms: u64) -> Result<Order, Refusal> {
    let named = named(body)?;
    let change = Change { size: optional_amount(body, "newSz")?, price: optional_amount(body, "newPx")? };
    if change.size.is_none() && change.price.is_none() {
        return Err(Refusal::Either("newSz", "newPx"));
    }
    account.amend(ids, &named, change, now_ms)
}

fn cancel(account: &mut Account, _: &mut Ids, body: &Value, now_ms: u64) -> Result<Order, Refusal> {
    account.cancel(&named(body)?, now_ms)
}

/// Cancels the orders of a market maker for options: an account for spot has none.
fn mass_cancel(desk: &mut AccountRequest<'_>) -> Answer {
    if required(desk.parameters, "instType")? != "OPTION" {
        return Err(Refusal::Wrong("instType"));
    }
    required(desk.parameters, "instFamily")?;
    Err(Refusal::AccountMode)
}

/// The order that a request names. One whose id is no number exists nowhere, so it gets the id that none has.
pub(super) fn named(from: &Value) -> Result<Named, Refusal> {
    instrument(from)?;
    match (text(from, "ordId"), text(from, "clOrdId")) {
        (Some(id), _) => Ok(Named::Id(id.parse().unwrap_or(0))),
        (None, Some(id)) => Ok(Named::ClientId(id)),
        (None, None) => Err(Refusal::Either("ordId", "clOrdId")),
    }
}
