//! `account/*`: balances, settings, positions, fees.

use serde_json::{Value, json};

use super::reply::{Answer, rows};
use super::{AccountRequest, Route, get};
use crate::amount::Amount;
use crate::ledger::{Balance, FEE_MAKER, FEE_TAKER, Holdings};
use crate::markets::{Currency, KINDS, Wanted, instruments};
use crate::parameters::{required, wants};
use crate::refusal::Refusal;

pub(super) const ROUTES: &[Route] = &[
    get("account/balance", balance),
    get("account/config", config),
    get("account/positions", positions),
    get("account/positions-history", positions),
    get("account/instruments", listed),
    get("account/trade-fee", fees),
];

/// OKX's words for permissions; `funding` and `manage` are ours alone and never shown.
const PERMISSIONS: [(&str, &str); 3] = [("read", "read_only"), ("trade", "trade"), ("withdraw", "withdraw")];

fn balance(desk: &mut AccountRequest<'_>) -> Answer {
    let wanted = |currency: Currency| wants(desk.parameters, "ccy", currency.id());
    rows([balance_shape(&desk.account().holdings, wanted, desk.now_ms)])
}

/// OKX's shape of a trading account, with the details of the currencies that are wanted.
pub(crate) fn balance_shape(holdings: &Holdings, wanted: impl Fn(Currency) -> bool, now_ms: u64) -> Value {
    let at = now_ms.to_string();
    let total: Amount = holdings.iter().map(|(currency, balance)| dollars(currency, balance.trading())).sum();
    let details: Vec<Value> = holdings
        .iter()
        .filter(|(currency, _)| wanted(*currency))
        .map(|(currency, balance)| detail(currency, balance, &at))
        .collect();
    json!({
        "uTime": at, "totalEq": total.to_string(), "isoEq": "0", "adjEq": "", "availEq": "", "ordFroz": "", "imr": "",
        "mmr": "", "borrowFroz": "", "mgnRatio": "", "notionalUsd": "", "notionalUsdForBorrow": "",
        "notionalUsdForSwap": "", "notionalUsdForFutures": "", "notionalUsdForOption": "", "upl": "", "delta": "",
        "deltaLever": "", "deltaNeutralStatus": "", "details": details
    })
}

fn dollars(currency: Currency, amount: Amount) -> Amount {
    amount.times(currency.dollars()).unwrap_or_default()
}

fn detail(currency: Currency, balance: Balance, at: &str) -> Value {
    let (all, free, frozen) =
        (balance.trading().to_string(), balance.free().to_string(), balance.frozen().to_string());
    let worth = dollars(currency, balance.trading()).to_string();
    json!({
        "ccy": currency.id(), "eq": all, "cashBal": all, "uTime": at, "isoEq": "0", "availEq": "", "disEq": worth,
        "fixedBal": "0", "availBal": free, "frozenBal": frozen, "ordFrozen": frozen, "liab": "", "upl": "",
        "uplLiab": "", "crossLiab": "", "isoLiab": "", "rewardBal": "0", "mgnRatio": "", "imr": "", "mmr": "",
        "interest": "", "twap": "", "maxLoan": "", "eqUsd": worth, "borrowFroz": "", "notionalLever": "", "stgyEq": "0",
        "isoUpl": "", "spotInUseAmt": "", "clSpotInUseAmt": "", "maxSpotInUse": "", "spotIsoBal": "0",
        "smtSyncEq": "0", "spotCopyTradingEq": "0", "spotBal": all, "openAvgPx": "", "accAvgPx": "", "spotUpl": "",
        "spotUplRatio": "", "totalPnl": "", "totalPnlRatio": "", "collateralEnabled": false, "autoLendStatus": "off",
        "autoLendMtAmt": "0", "colRes": "0", "colBorrAutoConversion": "0", "autoStakingStatus": "off"
    })
}

/// What the verified identity says of the key, among settings that never change.
fn config(desk: &mut AccountRequest<'_>) -> Answer {
    let caller = desk.caller;
    let permissions: Vec<&str> = PERMISSIONS
        .into_iter()
        .filter(|(ours, theirs)| caller.permissions.split(',').any(|word| word == *ours || word == *theirs))
        .map(|(_, theirs)| theirs)
        .collect();
    let is_sub = caller.owner.sub_account.is_some();
    rows([json!({
        "uid": caller.owner.user(), "mainUid": caller.owner.account, "label": caller.label, "ip": caller.addresses,
        "perm": permissions.join(","), "acctLv": "1", "posMode": "net_mode", "autoLoan": false, "greeksType": "PA",
        "feeType": "0", "level": "Lv1", "levelTmp": "", "ctIsoMode": "automatic", "mgnIsoMode": "automatic",
        "spotOffsetType": "", "stgyType": "0", "roleType": "0", "traderInsts": [], "spotRoleType": "0",
        "spotTraderInsts": [], "opAuth": "0", "kycLv": "3", "discountType": "0", "liquidationGear": "-1",
        "enableSpotBorrow": false, "spotBorrowAutoRepay": false, "acctStpMode": "cancel_maker", "settleCcy": "USDT",
        "settleCcyList": ["USDT"], "type": if is_sub { "1" } else { "0" }
    })])
}

/// Spot leaves no positions.
fn positions(_: &mut AccountRequest<'_>) -> Answer {
    rows([])
}

fn listed(desk: &mut AccountRequest<'_>) -> Answer {
    let kind = kind(desk)?;
    rows(instruments(Wanted { kind: &kind, query: desk.parameters }))
}

fn fees(desk: &mut AccountRequest<'_>) -> Answer {
    let kind = kind(desk)?;
    let (maker, taker) = ((-FEE_MAKER).to_string(), (-FEE_TAKER).to_string());
    rows([json!({
        "instType": kind, "level": "Lv1", "feeGroup": [{"groupId": "1", "maker": maker, "taker": taker}],
        "maker": maker, "taker": taker, "makerU": "", "takerU": "", "makerUSDC": "", "takerUSDC": "", "delivery": "",
        "exercise": "", "settle": "", "ruleType": "normal", "category": "1", "fiat": [], "ts": desk.now_ms.to_string()
    })])
}

fn kind(desk: &AccountRequest<'_>) -> Result<String, Refusal> {
    let kind = required(desk.parameters, "instType")?;
    if KINDS.contains(&kind.as_str()) { Ok(kind) } else { Err(Refusal::Wrong("instType")) }
}
