//! `asset/withdrawal*`: out to listed addresses; never in demo, never by a sub-account.

use keyward_rules::key::Environment;
use serde_json::{Value, json};

use super::page::page_by_time;
use super::reply::{Answer, rows};
use super::{AccountRequest, Route, get, post};
use crate::ledger::{Owner, Withdrawal, WithdrawalRequest};
use crate::markets::Currency;
use crate::parameters::{amount, required, text, wants};
use crate::refusal::Refusal;

pub(super) const ROUTES: &[Route] = &[
    post("asset/withdrawal", withdraw),
    post("asset/cancel-withdrawal", cancel),
    get("asset/withdrawal-history", history),
];

/// To an address on a chain; the other destination, another user of the exchange, is not offered.
const ON_CHAIN: &str = "4";

/// Money neither comes in nor goes out in demo (OKX contract, section 10).
pub(super) fn not_in_demo(owner: &Owner) -> Result<(), Refusal> {
    match owner.environment {
        Environment::Live => Ok(()),
        Environment::Demo => Err(Refusal::NotInDemo),
    }
}

fn may(owner: &Owner) -> Result<(), Refusal> {
    not_in_demo(owner)?;
    if owner.sub_account.is_some() { Err(Refusal::NotForSubAccounts) } else { Ok(()) }
}

fn withdraw(desk: &mut AccountRequest<'_>) -> Answer {
    may(&desk.caller.owner)?;
    let wish = wish(desk.parameters)?;
    let now_ms = desk.now_ms;
    let (account, ids) = desk.open()?;
    let made = account.withdraw(ids, wish, now_ms)?;
    rows([json!({
        "amt": made.wish.amount.to_string(), "wdId": made.id.to_string(), "ccy": made.wish.currency.id(),
        "clientId": made.wish.client_id, "chain": made.wish.chain.id
    })])
}

fn wish(body: &Value) -> Result<WithdrawalRequest, Refusal> {
    let currency = Currency::find(&required(body, "ccy")?).ok_or(Refusal::Wrong("ccy"))?;
    let amount = amount(body, "amt")?;
    if text(body, "dest").is_some_and(|dest| dest != ON_CHAIN) {
        return Err(Refusal::Wrong("dest"));
    }
    // Without a chain, the currency's main one.
    let wanted = text(body, "chain");
    let mut chains = currency.chains().iter();
    let chain = chains.find(|chain| wanted.as_ref().is_none_or(|wanted| wanted == chain.id));
    Ok(WithdrawalRequest {
        currency,
        chain: chain.ok_or(Refusal::Wrong("chain"))?,
        amount,
        to: required(body, "toAddr")?,
        client_id: text(body, "clientId").unwrap_or_default(),
    })
}

fn cancel(desk: &mut AccountRequest<'_>) -> Answer {
    may(&desk.caller.owner)?;
    let id = required(desk.parameters, "wdId")?;
    let number = id.parse().map_err(|_| Refusal::NoWithdrawal)?;
    let now_ms = desk.now_ms;
    let (account, ids) = desk.open()?;
    account.cancel_withdrawal(ids, number, now_ms)?;
    rows([json!({"wdId": id})])
}

fn history(desk: &mut AccountRequest<'_>) -> Answer {
    not_in_demo(&desk.caller.owner)?;
    let (query, now_ms) = (desk.parameters, desk.now_ms);
    let wanted = |one: &Withdrawal| {
        wants(query, "ccy", one.wish.currency.id())
            && wants(query, "wdId", &one.id.to_string())
            && wants(query, "clientId", &one.wish.client_id)
            && wants(query, "txId", &transaction(one))
            && wants(query, "state", one.state(now_ms).id())
    };
    let found = page_by_time(desk.account().withdrawals.iter(), query, wanted);
    rows(found.map(|one| withdrawal_shape(one, now_ms)))
}

fn transaction(one: &Withdrawal) -> String {
    format!("sandbox-{}", one.id)
}

/// OKX's shape of a withdrawal.
pub(crate) fn withdrawal_shape(one: &Withdrawal, now_ms: u64) -> Value {
    json!({
        "wdId": one.id.to_string(), "clientId": one.wish.client_id, "ccy": one.wish.currency.id(),
        "chain": one.wish.chain.id, "amt": one.wish.amount.to_string(), "fee": one.wish.chain.fee.to_string(),
        "feeCcy": one.wish.currency.id(), "state": one.state(now_ms).id(), "from": "", "areaCodeFrom": "",
        "to": one.wish.to, "areaCodeTo": "", "toAddrType": "1", "tag": "", "pmtId": "", "memo": "", "addrEx": null,
        "txId": transaction(one), "ts": one.at_ms.to_string(), "nonTradableAsset": false, "note": ""
    })
}
