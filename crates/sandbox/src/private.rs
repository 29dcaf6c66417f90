//! Private routes, for the account that the verified identity names.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::answer::{Answer, Refusal, amount, plain, refuse, required, text};
use crate::ledger::{Account, Ledger, keep};
use crate::markets::{CURRENCIES, Pair, instruments};
use crate::orders::{self, Order, element};

/// Orders in a batch at most (OKX).
const BATCH: usize = 20;
/// Addresses that withdrawals may go to: those which the exchange's website would have verified.
const LISTED: [&str; 2] =
    ["bc1qkeywardsandbox0000000000000000000000", "0x00000000000000000000000000000000000beef0"];

/// Who asks, as verified.
pub(crate) struct Caller {
    pub(crate) account: String,
    pub(crate) sub_account: Option<String>,
    pub(crate) environment: String,
    pub(crate) permissions: String,
    pub(crate) label: String,
    pub(crate) addresses: String,
}

impl Caller {
    fn owner(&self) -> &str {
        self.sub_account.as_deref().unwrap_or(&self.account)
    }
}

/// Answers a private route; `None` when there is no such route here.
pub(crate) fn answer(
    ledger: &mut Ledger,
    caller: &Caller,
    (method, path): (&str, &str),
    body: &Value,
    now_ms: u64,
) -> Option<Answer> {
    let id = ledger.id();
    let demo = caller.environment == "demo";
    let account = match ledger.account(&caller.environment, caller.owner()) {
        Ok(account) => account,
        Err(refusal) => return Some(Err(refusal)),
    };
    Some(match (method, path.strip_prefix("/api/v5/")?) {
        ("GET", "account/balance") => Ok(vec![balance(account, body, now_ms)]),
        ("GET", "account/config") => Ok(vec![config(caller)]),
        ("GET", "account/positions" | "account/positions-history" | "asset/deposit-history") => Ok(vec![]),
        ("GET", "account/bills" | "account/bills-archive") => Ok(page(account.bills.iter().cloned(), body)),
        ("GET", "account/instruments") => required(body, "instType").map(|kind| instruments(&kind, None)),
        ("GET", "account/trade-fee") => {
            Ok(vec![json!({"category": "1", "delivery": "", "exercise": "", "feeGroup": [],
            "instType": "SPOT", "level": "Lv1", "maker": "0", "makerU": "", "makerUSDC": "", "taker": "0", "takerU": "",
            "takerUSDC": "", "ts": now_ms.to_string()})])
        }
        ("GET", "account/max-avail-size" | "account/max-size") => max_size(account, body),
        ("GET", "asset/currencies") => Ok(CURRENCIES.iter().map(|(id, name)| currency(id, name)).collect()),
        ("GET", "asset/balances") => Ok(funding(account, body)),
        ("GET", "asset/bills" | "asset/bills-history") => Ok(page(account.transfers.iter().cloned(), body)),
        ("GET", "asset/deposit-address") => deposit_address(caller, body),
        ("GET", "asset/withdrawal-history") => Ok(page(account.withdrawals.iter().cloned(), body)),
        ("GET", "asset/transfer-state") => transfer_state(account, body),
        ("POST", "asset/transfer") => transfer(ledger, caller, id, body, now_ms),
        ("POST", "asset/withdrawal") if demo => {
            refuse("50038", "This feature is unavailable in demo trading")
        }
        ("POST", "asset/withdrawal") => withdraw(account, caller, id, body, now_ms),
        ("POST", "asset/cancel-withdrawal") => refuse("58214", "Withdrawal suspended or already processed"),
        ("POST", "trade/order") => {
            Ok(each(std::slice::from_ref(body), now_ms, |one, _| orders::place(account, id, one, now_ms)))
        }
        ("POST", "trade/batch-orders") => batch(body)
            .map(|all| each(all, now_ms, |one, at| orders::place(account, id * 100 + at, one, now_ms))),
        ("POST", "trade/cancel-order") => {
            Ok(each(std::slice::from_ref(body), now_ms, |one, _| orders::cancel(account, one, now_ms)))
        }
        ("POST", "trade/cancel-batch-orders") => {
            batch(body).map(|all| each(all, now_ms, |one, _| orders::cancel(account, one, now_ms)))
        }
        ("POST", "trade/amend-order") => {
            Ok(each(std::slice::from_ref(body), now_ms, |one, _| orders::amend(account, one, now_ms)))
        }
        ("POST", "trade/amend-batch-orders") => {
            batch(body).map(|all| each(all, now_ms, |one, _| orders::amend(account, one, now_ms)))
        }
        ("GET", "trade/order") => orders::find(account, body).map(|order| vec![order.json()]),
        ("GET", "trade/orders-pending") => Ok(page(account.orders.iter().rev().map(Order::json), body)),
        ("GET", "trade/orders-history" | "trade/orders-history-archive") => {
            Ok(page(account.history.iter().map(Order::json), body))
        }
        ("GET", "trade/fills" | "trade/fills-history") => Ok(page(account.fills.iter().cloned(), body)),
        ("GET", "users/subaccount/list") => Ok(vec![]),
        (_, _) => return None,
    })
}

/// One element per order of a request.
fn each(
    bodies: &[Value],
    now_ms: u64,
    mut act: impl FnMut(&Value, u64) -> Result<Order, Refusal>,
) -> Vec<Value> {
    let act = |(at, one): (usize, &Value)| {
        let done = act(one, at as u64);
        element(one, done.as_ref(), now_ms)
    };
    bodies.iter().enumerate().map(act).collect()
}

fn batch(body: &Value) -> Result<&[Value], Refusal> {
    match body.as_array() {
        Some(all) if (1..=BATCH).contains(&all.len()) => Ok(all),
        Some(_) | None => refuse("51000", "Parameter orders error"),
    }
}

/// Filters a history as OKX's parameters ask, newest first.
fn page(entries: impl Iterator<Item = Value>, query: &Value) -> Vec<Value> {
    let limit =
        text(query, "limit").and_then(|limit| limit.parse::<usize>().ok()).unwrap_or(100).clamp(1, 100);
    let same = |entry: &Value, name: &str| {
        text(query, name).is_none_or(|wanted| entry.get(name).is_some_and(|value| *value == wanted))
    };
    let wanted = |entry: &Value| {
        ["instId", "instType", "ccy", "ordId", "clOrdId", "wdId", "clientId"]
            .iter()
            .all(|name| same(entry, name))
    };
    entries.filter(wanted).take(limit).collect()
}

fn wanted_currencies(query: &Value) -> Option<Vec<String>> {
    text(query, "ccy").map(|list| list.split(',').map(str::to_owned).collect())
}

fn balance(account: &Account, query: &Value, now_ms: u64) -> Value {
    let wanted = wanted_currencies(query);
    let details: Vec<Value> = account
        .balances
        .iter()
        .filter(|(currency, _)| wanted.as_ref().is_none_or(|wanted| wanted.iter().any(|one| one == *currency)))
        .map(|(currency, balance)| {
            let total = plain(balance.free + balance.frozen);
            let free = plain(balance.free);
            json!({"accAvgPx": "", "availBal": free, "availEq": free, "borrowFroz": "0", "cashBal": total, "ccy": currency,
                "crossLiab": "", "disEq": total, "eq": total, "eqUsd": total, "fixedBal": "0",
                "frozenBal": plain(balance.frozen), "imr": "", "interest": "", "isoEq": "0", "isoLiab": "", "isoUpl": "0",
                "liab": "", "maxLoan": "", "mgnRatio": "", "mmr": "", "notionalLever": "0",
                "ordFrozen": plain(balance.frozen), "rewardBal": "0", "spotBal": total, "stgyEq": "0", "twap": "0",
                "uTime": now_ms.to_string(), "upl": "0", "uplLiab": ""})
        })
        .collect();
    json!({"adjEq": "", "availEq": "", "borrowFroz": "", "details": details, "imr": "", "isoEq": "0", "mgnRatio": "",
        "mmr": "", "notionalUsd": "", "notionalUsdForBorrow": "", "notionalUsdForFutures": "",
        "notionalUsdForOption": "", "notionalUsdForSwap": "", "ordFroz": "", "totalEq": "0",
        "uTime": now_ms.to_string(), "upl": ""})
}

fn config(caller: &Caller) -> Value {
    let okx = [("read", "read_only"), ("trade", "trade"), ("withdraw", "withdraw")];
    let has = |word: &str| caller.permissions.split(',').any(|one| one == word);
    let permissions: Vec<&str> =
        okx.iter().filter(|(ours, _)| has(ours)).map(|(_, theirs)| *theirs).collect();
    json!({"acctLv": "1", "acctStpMode": "cancel_maker", "autoLoan": false, "ctIsoMode": "automatic",
        "enableSpotBorrow": false, "feeType": "0", "greeksType": "PA", "ip": caller.addresses, "kycLv": "3",
        "label": caller.label, "level": "Lv1", "levelTmp": "", "liquidationGear": "-1", "mainUid": caller.account,
        "mgnIsoMode": "automatic", "opAuth": "0", "perm": permissions.join(","), "posMode": "net_mode",
        "roleType": "0", "settleCcy": "USDT", "settleCcyList": ["USDT"], "spotBorrowAutoRepay": false,
        "spotOffsetType": "", "spotRoleType": "0", "spotTraderInsts": [], "stgyType": "0", "traderInsts": [],
        "type": if caller.sub_account.is_some() { "1" } else { "0" }, "uid": caller.owner()})
}

fn max_size(account: &mut Account, query: &Value) -> Answer {
    let Some(pair) = Pair::find(&required(query, "instId")?) else {
        return refuse("51001", "Instrument ID doesn't exist.");
    };
    let quote = account.balance(pair.quote)?.1.free;
    let base = account.balance(pair.base)?.1.free;
    Ok(vec![json!({"availBuy": plain(quote), "availSell": plain(base), "ccy": "", "instId": pair.id,
        "maxBuy": plain((quote / pair.middle()).round_dp(8)), "maxSell": plain(base)})])
}

fn currency(id: &str, name: &str) -> Value {
    json!({"burningFeeRate": "", "canDep": true, "canInternal": true, "canWd": true, "ccy": id, "chain": format!("{id}-{name}"),
        "ctAddr": "", "depEstOpenTime": "", "depQuotaFixed": "", "depQuoteDailyLayer2": "", "fee": "0.0001",
        "logoLink": "", "mainNet": true, "maxFee": "0.0001", "maxFeeForCtAddr": "", "maxWd": "100", "minDep": "0.0001",
        "minDepArrivalConfirm": "1", "minFee": "0.0001", "minFeeForCtAddr": "", "minInternal": "0.0001",
        "minWd": "0.0001", "minWdUnlockConfirm": "1", "name": name, "needTag": false, "usedDepQuotaFixed": "",
        "usedWdQuota": "0", "wdEstOpenTime": "", "wdQuota": "1000000", "wdTickSz": "8"})
}

fn funding(account: &Account, query: &Value) -> Vec<Value> {
    let wanted = wanted_currencies(query);
    let rows = account.balances.iter();
    rows.filter(|(currency, _)| {
        wanted.as_ref().is_none_or(|wanted| wanted.iter().any(|one| one == *currency))
    })
    .map(|(currency, balance)| {
        let free = plain(balance.funding);
        json!({"availBal": free, "bal": free, "ccy": currency, "frozenBal": "0"})
    })
    .collect()
}

fn deposit_address(caller: &Caller, query: &Value) -> Answer {
    let currency = required(query, "ccy")?;
    let Some((id, name)) = CURRENCIES.into_iter().find(|(id, _)| *id == currency) else {
        return refuse("51000", "Parameter ccy error");
    };
    Ok(vec![json!({"addr": format!("sandbox-{}-{}", id.to_lowercase(), caller.owner()), "ccy": id,
        "chain": format!("{id}-{name}"), "ctAddr": "", "selected": true, "to": "6", "verifiedName": ""})])
}

fn transfer_state(account: &Account, query: &Value) -> Answer {
    let id = required(query, "transId")?;
    let found = account.transfers.iter().find(|one| one.get("transId").is_some_and(|one| *one == id));
    found.map_or_else(|| refuse("58129", "Transfer does not exist"), |one| Ok(vec![one.clone()]))
}

fn transfer(ledger: &mut Ledger, caller: &Caller, id: u64, body: &Value, now_ms: u64) -> Answer {
    let (currency, amount) = (required(body, "ccy")?, amount(body, "amt")?);
    let (from, to) = (required(body, "from")?, required(body, "to")?);
    let kind = text(body, "type").unwrap_or_else(|| "0".to_owned());
    let owner = caller.owner();
    match kind.as_str() {
        "0" if from != to => {
            let (_, balance) = ledger.account(&caller.environment, owner)?.balance(&currency)?;
            let (source, target) = match (from.as_str(), to.as_str()) {
                ("6", "18") => (&mut balance.funding, &mut balance.free),
                ("18", "6") => (&mut balance.free, &mut balance.funding),
                (_, _) => return refuse("51000", "Parameter from error"),
            };
            if *source < amount {
                return refuse("58350", "Insufficient balance");
            }
            *source -= amount;
            *target += amount;
        }
        "0" => return refuse("58123", "Parameter from equal to parameter to"),
        "1" if caller.sub_account.is_none() => {
            ledger.move_between(
                &caller.environment,
                (owner, &required(body, "subAcct")?),
                &currency,
                amount,
            )?;
        }
        "2" if caller.sub_account.is_none() => {
            ledger.move_between(
                &caller.environment,
                (&required(body, "subAcct")?, owner),
                &currency,
                amount,
            )?;
        }
        "1" | "2" => {
            return refuse(
                "58128",
                "Sub-account API key does not support current transfer 'type' parameter.",
            );
        }
        _ => {
            return refuse(
                "58127",
                "Main account API key does not support current transfer 'type' parameter.",
            );
        }
    }
    let client = text(body, "clientId").unwrap_or_default();
    let reply = json!({"amt": plain(amount), "ccy": currency, "clientId": client, "from": from, "to": to,
        "transId": id.to_string()});
    let mut kept = reply.clone();
    if let Some(kept) = kept.as_object_mut() {
        kept.insert("state".to_owned(), json!("success"));
        kept.insert("type".to_owned(), json!(kind));
        kept.insert("ts".to_owned(), json!(now_ms.to_string()));
        kept.insert("balChg".to_owned(), json!(plain(amount)));
        kept.insert("billId".to_owned(), json!(id.to_string()));
    }
    keep(&mut ledger.account(&caller.environment, owner)?.transfers, kept);
    Ok(vec![reply])
}

fn withdraw(account: &mut Account, caller: &Caller, id: u64, body: &Value, now_ms: u64) -> Answer {
    if caller.sub_account.is_some() {
        return refuse(
            "58209",
            "Sub-accounts don't support withdrawals or deposits. Please use your main account instead",
        );
    }
    let (currency, amount) = (required(body, "ccy")?, amount(body, "amt")?);
    let to = required(body, "toAddr")?;
    if !LISTED.contains(&to.as_str()) {
        return refuse("58207", "Withdrawal address is not allowlisted for verification exemption.");
    }
    let fee = Decimal::new(1, 4);
    let (name, balance) = account.balance(&currency)?;
    if balance.funding < amount + fee {
        return refuse("58350", "Insufficient balance");
    }
    balance.funding -= amount + fee;
    let client = text(body, "clientId").unwrap_or_default();
    let chain = text(body, "chain").unwrap_or_else(|| name.to_owned());
    keep(
        &mut account.withdrawals,
        json!({"addrEx": null, "amt": plain(amount), "areaCodeFrom": "", "areaCodeTo": "", "ccy": name, "chain": chain,
            "clientId": client, "fee": plain(fee), "feeCcy": name, "from": caller.account, "memo": "",
            "nonTradableAsset": false, "note": "", "state": "2", "to": to, "toAddrType": "1",
            "ts": now_ms.to_string(), "txId": format!("sandbox-{id}"), "wdId": id.to_string()}),
    );
    Ok(vec![
        json!({"amt": plain(amount), "ccy": name, "chain": chain, "clientId": client, "wdId": id.to_string()}),
    ])
}
