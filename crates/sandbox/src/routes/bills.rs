//! `account/bills*` and `asset/bills*`: what changed balances.

use serde_json::{Value, json};

use super::page::page;
use super::reply::{Answer, rows};
use super::{AccountRequest, Route, get};
use crate::ledger::{Bill, Cause};
use crate::markets::Side;
use crate::parameters::{text, wants};

pub(super) const ROUTES: &[Route] = &[
    get("account/bills", trading),
    get("account/bills-archive", trading),
    get("asset/bills", funding),
    get("asset/bills-history", funding),
];

fn trading(desk: &mut AccountRequest<'_>) -> Answer {
    let query = desk.parameters;
    let wanted = |bill: &Bill| {
        let (kind, sub) = trading_kind(bill.cause);
        let spot = matches!(bill.cause, Cause::Trade(_));
        wants(query, "ccy", bill.currency.id())
            && wants(query, "type", kind)
            && wants(query, "subType", sub)
            && text(query, "instType").is_none_or(|kind| spot && kind == "SPOT")
    };
    rows(page(desk.account().bills.iter(), query, wanted).map(trading_shape))
}

fn funding(desk: &mut AccountRequest<'_>) -> Answer {
    let query = desk.parameters;
    let wanted = |bill: &Bill| {
        wants(query, "ccy", bill.currency.id())
            && wants(query, "type", funding_kind(bill.cause))
            && wants(query, "clientId", &bill.client_id)
    };
    rows(page(desk.account().funding_bills.iter(), query, wanted).map(funding_shape))
}

/// `type` and `subType` of a trading account's bill.
const fn trading_kind(cause: Cause) -> (&'static str, &'static str) {
    match cause {
        Cause::Trade(trade) => match trade.side {
            Side::Buy => ("2", "1"),
            Side::Sell => ("2", "2"),
        },
        Cause::MovedIn | Cause::FromSubAccount | Cause::FromMaster | Cause::WithdrawalCancelled => {
            ("1", "11")
        }
        Cause::MovedOut | Cause::ToSubAccount | Cause::ToMaster | Cause::Withdrawal => ("1", "12"),
    }
}

/// `type` of a funding account's bill.
const fn funding_kind(cause: Cause) -> &'static str {
    match cause {
        Cause::Withdrawal => "2",
        Cause::WithdrawalCancelled => "13",
        Cause::ToSubAccount => "20",
        Cause::FromSubAccount => "21",
        Cause::ToMaster => "22",
        Cause::FromMaster => "23",
        Cause::MovedIn => "130",
        // A trade never touches the funding account.
        Cause::MovedOut | Cause::Trade(_) => "131",
    }
}

fn trading_shape(bill: &Bill) -> Value {
    let (kind, sub) = trading_kind(bill.cause);
    let mut row = json!({
        "billId": bill.id.to_string(), "ccy": bill.currency.id(), "bal": bill.after.to_string(),
        "balChg": bill.change.to_string(), "sz": bill.change.to_string().trim_start_matches('-'), "type": kind,
        "subType": sub, "ts": bill.at_ms.to_string(), "instType": "", "instId": "", "ordId": "", "clOrdId": "", "px": "",
        "fee": "0", "execType": "", "tradeId": "", "mgnMode": "", "from": "", "to": "", "notes": "", "pnl": "0",
        "posBal": "0", "posBalChg": "0", "interest": "", "tag": "", "fillTime": "", "fillIdxPx": "", "fillMarkPx": "",
        "fillPxUsd": "", "fillPxVol": "", "fillMarkVol": "", "fillFwdPx": "", "earnAmt": "", "earnApr": ""
    });
    let members = match bill.cause {
        Cause::Trade(trade) => json!({
            "instType": "SPOT", "instId": trade.pair.id, "ordId": trade.order_id.to_string(),
            "clOrdId": bill.client_id, "px": trade.price.to_string(), "execType": "T", "mgnMode": "cash",
            "fillTime": bill.at_ms.to_string(),
            "fee": if trade.gets() == bill.currency { (-trade.fee).to_string() } else { "0".to_owned() }
        }),
        Cause::MovedIn | Cause::FromSubAccount | Cause::FromMaster | Cause::WithdrawalCancelled => {
            json!({"from": "6", "to": "18"})
        }
        Cause::MovedOut | Cause::ToSubAccount | Cause::ToMaster | Cause::Withdrawal => {
            json!({"from": "18", "to": "6"})
        }
    };
    if let (Some(row), Value::Object(members)) = (row.as_object_mut(), members) {
        row.extend(members);
    }
    row
}

fn funding_shape(bill: &Bill) -> Value {
    json!({
        "billId": bill.id.to_string(), "clientId": bill.client_id, "ccy": bill.currency.id(),
        "balChg": bill.change.to_string(), "bal": bill.after.to_string(), "type": funding_kind(bill.cause),
        "notes": "", "ts": bill.at_ms.to_string()
    })
}
