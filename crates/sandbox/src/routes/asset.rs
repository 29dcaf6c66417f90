//! `asset/*`: currencies, the funding account, deposits.

use serde_json::{Value, json};

use super::reply::{Answer, rows};
use super::{AccountRequest, Route, get};
use crate::ledger::Owner;
use crate::markets::{Chain, Currency};
use crate::parameters::{required, wants};
use crate::refusal::Refusal;

pub(super) const ROUTES: &[Route] = &[
    get("asset/currencies", currencies),
    get("asset/balances", balances),
    get("asset/deposit-address", deposit_address),
    get("asset/deposit-history", deposits),
];

/// When everybody's first money came in: 1 January 2026.
const SEEDED_MS: u64 = 1_767_225_600_000;

fn currencies(desk: &mut AccountRequest<'_>) -> Answer {
    let wanted = Currency::ALL.into_iter().filter(|currency| wants(desk.parameters, "ccy", currency.id()));
    let chains = |currency: Currency| {
        let all = currency.chains().iter().enumerate();
        all.map(move |(at, chain)| currency_shape(currency, chain, at == 0))
    };
    rows(wanted.flat_map(chains))
}

fn currency_shape(currency: Currency, chain: &Chain, main: bool) -> Value {
    let (fee, least) = (chain.fee.to_string(), chain.least.to_string());
    json!({
        "ccy": currency.id(), "name": currency.name(), "logoLink": "", "chain": chain.id, "ctAddr": "", "canDep": true,
        "canWd": true, "canInternal": true, "depEstOpenTime": "", "wdEstOpenTime": "", "minDep": least,
        "minWd": least, "minInternal": least, "maxWd": "1000000", "wdTickSz": "8", "wdQuota": "10000000",
        "usedWdQuota": "0", "fee": fee, "minFee": fee, "maxFee": fee, "minFeeForCtAddr": fee, "maxFeeForCtAddr": fee,
        "burningFeeRate": "", "mainNet": main, "needTag": false, "minDepArrivalConfirm": "1",
        "minWdUnlockConfirm": "2", "depQuotaFixed": "", "usedDepQuotaFixed": "", "depQuoteDailyLayer2": ""
    })
}

fn balances(desk: &mut AccountRequest<'_>) -> Answer {
    let all = desk.account().holdings.iter();
    let wanted = all.filter(|(currency, _)| wants(desk.parameters, "ccy", currency.id()));
    rows(wanted.map(|(currency, balance)| {
        let free = balance.funding().to_string();
        json!({"ccy": currency.id(), "bal": free, "availBal": free, "frozenBal": "0"})
    }))
}

fn deposit_address(desk: &mut AccountRequest<'_>) -> Answer {
    let owner = &desk.caller.owner;
    super::withdrawals::not_in_demo(owner)?;
    let currency = Currency::find(&required(desk.parameters, "ccy")?).ok_or(Refusal::Wrong("ccy"))?;
    let shape = |chain: &Chain| {
        json!({
            "ccy": currency.id(), "chain": chain.id, "addr": address(chain, owner), "tag": "", "memo": "", "pmtId": "",
            "addrEx": null, "selected": true,
            "to": "6", "ctAddr": "", "verifiedName": ""
        })
    };
    rows(currency.chains().iter().map(shape))
}

fn address(chain: &Chain, owner: &Owner) -> String {
    format!("{}{}", chain.prefix, owner.user())
}

/// One deposit for each currency: what a live account holds at first sight.
fn deposits(desk: &mut AccountRequest<'_>) -> Answer {
    let owner = &desk.caller.owner;
    super::withdrawals::not_in_demo(owner)?;
    let shape = |(at, currency): (usize, Currency)| {
        let chain = currency.chains().first()?;
        let (id, amount) = ((at + 1).to_string(), currency.seeded() + currency.seeded());
        let wanted = wants(desk.parameters, "ccy", currency.id())
            && wants(desk.parameters, "depId", &id)
            && wants(desk.parameters, "state", "2");
        wanted.then(|| {
            json!({
                "actualDepBlkConfirm": "3", "amt": amount.to_string(), "areaCodeFrom": "", "ccy": currency.id(),
                "chain": chain.id, "depId": id, "from": "", "fromWdId": "", "state": "2", "to": address(chain, owner),
                "ts": SEEDED_MS.to_string(), "txId": format!("sandbox-seed-{id}")
            })
        })
    };
    rows(Currency::ALL.into_iter().enumerate().filter_map(shape))
}
