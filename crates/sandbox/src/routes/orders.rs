//! `trade/*` that reads: orders and fills.

use serde_json::{Value, json};

use super::page::page;
use super::reply::{Answer, rows};
use super::trade::named;
use super::{AccountRequest, Route, get};
use crate::amount::Amount;
use crate::ledger::{Fill, Kind, Order, SizedIn, State};
use crate::parameters::wants;

pub(super) const ROUTES: &[Route] = &[
    get("trade/order", one),
    get("trade/orders-pending", pending),
    get("trade/orders-history", ended),
    get("trade/orders-history-archive", ended),
    get("trade/fills", fills),
    get("trade/fills-history", fills),
];

fn one(desk: &mut AccountRequest<'_>) -> Answer {
    let named = named(desk.parameters)?;
    rows([order_shape(desk.account().find(&named)?)])
}

fn pending(desk: &mut AccountRequest<'_>) -> Answer {
    let newest_first = desk.account().open.iter().rev();
    rows(page(newest_first, desk.parameters, |order| is_wanted(order, desk.parameters)).map(order_shape))
}

fn ended(desk: &mut AccountRequest<'_>) -> Answer {
    let all = desk.account().ended.iter();
    rows(page(all, desk.parameters, |order| is_wanted(order, desk.parameters)).map(order_shape))
}

fn is_wanted(order: &Order, query: &Value) -> bool {
    wants(query, "instType", "SPOT")
        && wants(query, "instId", order.terms.pair.id)
        && wants(query, "ordType", order.terms.kind.word())
        && wants(query, "state", order.state.word())
}

fn fills(desk: &mut AccountRequest<'_>) -> Answer {
    let query = desk.parameters;
    let wanted = |fill: &Fill| {
        wants(query, "instType", "SPOT")
            && wants(query, "instId", fill.trade.pair.id)
            && wants(query, "ordId", &fill.trade.order_id.to_string())
    };
    rows(page(desk.account().fills.iter(), query, wanted).map(fill_shape))
}

/// OKX's shape of an order.
pub(crate) fn order_shape(order: &Order) -> Value {
    let terms = &order.terms;
    let written = |amount: Option<Amount>| amount.map(|amount| amount.to_string()).unwrap_or_default();
    let fee = if order.fee.is_zero() { "0".to_owned() } else { (-order.fee).to_string() };
    let target = match terms.kind {
        Kind::Market(SizedIn::Quote) => "quote_ccy",
        Kind::Market(SizedIn::Base) => "base_ccy",
        Kind::Limit(..) => "",
    };
    let cancelled = match order.state {
        State::Cancelled => "1",
        State::Live | State::PartiallyFilled | State::Filled => "",
    };
    let filled_at = order.last.map(|_| order.updated_ms.to_string()).unwrap_or_default();
    json!({
        "instType": "SPOT", "instId": terms.pair.id, "ccy": "", "tgtCcy": target, "tradeQuoteCcy": terms.pair.quote.id(),
        "ordId": order.id.to_string(), "clOrdId": terms.client_id, "tag": terms.tag,
        "px": written(terms.kind.price()), "pxUsd": "", "pxVol": "", "pxType": "", "sz": terms.size.to_string(),
        "pnl": "0", "ordType": terms.kind.word(), "side": terms.side.word(), "posSide": "net", "tdMode": "cash",
        "accFillSz": order.filled.to_string(), "fillPx": written(order.last.map(|(_, price, _)| price)),
        "tradeId": order.last.map(|(id, _, _)| id.to_string()).unwrap_or_default(),
        "fillSz": order.last.map_or(Amount::ZERO, |(_, _, size)| size).to_string(), "fillTime": filled_at,
        "avgPx": written(order.average()), "state": order.state.word(), "stpId": "", "stpMode": "cancel_maker",
        "lever": "", "attachAlgoClOrdId": "", "attachAlgoOrds": [], "linkedAlgoOrd": {"algoId": ""},
        "tpTriggerPx": "", "tpTriggerPxType": "", "tpOrdPx": "", "slTriggerPx": "", "slTriggerPxType": "",
        "slOrdPx": "", "feeCcy": order.gets().id(), "fee": fee, "rebateCcy": order.gives().id(), "rebate": "0",
        "source": "", "category": "normal", "reduceOnly": "false", "cancelSource": cancelled,
        "cancelSourceReason": "", "quickMgnType": "", "algoClOrdId": "", "algoId": "", "isTpLimit": "false",
        "uTime": order.updated_ms.to_string(), "cTime": order.created_ms.to_string()
    })
}

/// OKX's shape of a fill; always a taker's, because the book does not move.
fn fill_shape(fill: &Fill) -> Value {
    let trade = &fill.trade;
    let at = fill.at_ms.to_string();
    json!({
        "instType": "SPOT", "instId": trade.pair.id, "tradeId": fill.id.to_string(),
        "ordId": trade.order_id.to_string(), "clOrdId": fill.client_id, "billId": fill.bill_id.to_string(),
        "subType": if trade.gets() == trade.pair.base { "1" } else { "2" }, "tag": fill.tag,
        "fillPx": trade.price.to_string(), "fillSz": trade.size.to_string(), "fillIdxPx": "", "fillPnl": "0",
        "fillPxVol": "", "fillPxUsd": "", "fillMarkVol": "", "fillFwdPx": "", "fillMarkPx": "",
        "side": trade.side.word(), "posSide": "net", "execType": "T", "feeCcy": trade.gets().id(),
        "fee": if trade.fee.is_zero() { "0".to_owned() } else { (-trade.fee).to_string() }, "feeRate": "-0.001",
        "ts": at, "fillTime": at, "tradeQuoteCcy": trade.pair.quote.id()
    })
}
