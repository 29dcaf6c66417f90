//! An order's step in OKX's shapes: of the channel `orders`, and of the channel `fills`.

use serde_json::{Value, json};

use crate::amount::Amount;
use crate::ledger::{Kind, Order, OrderEvent, SizedIn, Step};
use crate::markets::Currency;
use crate::routes::order_shape;

/// A row of the channel `orders`: the order, and what happened to it just now.
pub(super) fn order_row(event: &OrderEvent) -> Value {
    let order = &event.order;
    let amended = if event.step == Step::Amended { "0" } else { "" };
    let mut row = order_shape(order);
    let more = json!({
        "notionalUsd": worth(order).to_string(), "lastPx": order.terms.pair.middle.to_string(), "reqId": "",
        "amendResult": amended, "amendSource": "", "code": "0", "msg": "", "fillPnl": "0"
    });
    for members in [more, just_filled(event)] {
        if let (Some(row), Value::Object(members)) = (row.as_object_mut(), members) {
            row.extend(members);
        }
    }
    row
}

/// What was filled by this step: of an order that was filled before, nothing is told again.
fn just_filled(event: &OrderEvent) -> Value {
    let order = &event.order;
    match (event.step, order.last) {
        (Step::Filled { fee }, Some((id, price, size))) => json!({
            "fillPx": price.to_string(), "fillSz": size.to_string(), "tradeId": id.to_string(), "execType": "T",
            "fillTime": order.updated_ms.to_string(), "fillFee": cost(fee), "fillFeeCcy": order.gets().id(),
            "fillNotionalUsd": dollars(order.terms.pair.quote, price.times(size)).to_string()
        }),
        (Step::Filled { .. } | Step::Placed | Step::Amended | Step::Cancelled, _) => json!({
            "fillPx": "", "fillSz": "0", "tradeId": "", "execType": "", "fillTime": "", "fillFee": "0",
            "fillFeeCcy": "", "fillNotionalUsd": ""
        }),
    }
}

/// A row of the channel `fills`, if the step was a fill.
pub(super) fn fill_row(event: &OrderEvent) -> Option<Value> {
    let (order, terms) = (&event.order, &event.order.terms);
    let (Step::Filled { .. }, Some((id, price, size))) = (event.step, order.last) else { return None };
    Some(json!({
        "instId": terms.pair.id, "fillSz": size.to_string(), "fillPx": price.to_string(), "side": terms.side.word(),
        "ts": order.updated_ms.to_string(), "ordId": order.id.to_string(), "clOrdId": terms.client_id,
        "tradeId": id.to_string(), "execType": "T", "count": "1"
    }))
}

/// What is paid as a fee, which OKX writes as a negative number.
fn cost(fee: Amount) -> String {
    if fee.is_zero() { "0".to_owned() } else { (-fee).to_string() }
}

/// What the whole order is worth, in dollars.
fn worth(order: &Order) -> Amount {
    let (pair, size) = (order.terms.pair, order.terms.size);
    match order.terms.kind {
        Kind::Market(SizedIn::Quote) => dollars(pair.quote, Some(size)),
        Kind::Market(SizedIn::Base) => dollars(pair.base, Some(size)),
        Kind::Limit(price, _) => dollars(pair.quote, size.times(price)),
    }
}

fn dollars(currency: Currency, amount: Option<Amount>) -> Amount {
    amount.and_then(|amount| amount.times(currency.dollars())).unwrap_or_default()
}
