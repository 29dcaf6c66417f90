//! Orders that rest and fill against the synthetic book.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::answer::{Refusal, amount, plain, refuse, required, text};
use crate::ledger::{Account, keep};
use crate::markets::{DEPTH, Pair, Side};

/// Resting orders of an account at most (OKX 51009 is close enough in meaning: no more may be placed).
const RESTING: usize = 500;

/// An order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) client_id: String,
    pub(crate) tag: String,
    pub(crate) pair: Pair,
    pub(crate) side: Side,
    pub(crate) kind: String,
    pub(crate) mode: String,
    pub(crate) price: Option<Decimal>,
    pub(crate) size: Decimal,
    pub(crate) filled: Decimal,
    pub(crate) spent: Decimal,
    pub(crate) state: &'static str,
    pub(crate) created_ms: u64,
    pub(crate) updated_ms: u64,
}

/// What filling against the book came to.
struct Taken {
    size: Decimal,
    value: Decimal,
}

impl Order {
    /// OKX's shape of an order.
    pub(crate) fn json(&self) -> Value {
        let average =
            if self.filled.is_zero() { String::new() } else { plain((self.spent / self.filled).round_dp(8)) };
        json!({
            "accFillSz": plain(self.filled), "algoClOrdId": "", "algoId": "", "attachAlgoClOrdId": "",
            "attachAlgoOrds": [], "avgPx": average, "cTime": self.created_ms.to_string(), "cancelSource": "",
            "cancelSourceReason": "", "category": "normal", "ccy": "", "clOrdId": self.client_id, "fee": "0",
            "feeCcy": self.pair.base, "fillPx": average, "fillSz": plain(self.filled),
            "fillTime": if self.filled.is_zero() { String::new() } else { self.updated_ms.to_string() },
            "instId": self.pair.id, "instType": "SPOT", "isTpLimit": "false", "lever": "", "linkedAlgoOrd": {"algoId": ""},
            "ordId": self.id.to_string(), "ordType": self.kind, "pnl": "0", "posSide": "net",
            "px": self.price.map(plain).unwrap_or_default(), "pxType": "", "pxUsd": "", "pxVol": "",
            "quickMgnType": "", "rebate": "0", "rebateCcy": self.pair.quote, "reduceOnly": "false",
            "side": self.side.word(), "slOrdPx": "", "slTriggerPx": "", "slTriggerPxType": "", "source": "",
            "state": self.state, "stpId": "", "stpMode": "cancel_maker", "sz": plain(self.size), "tag": self.tag,
            "tdMode": self.mode, "tgtCcy": "", "tpOrdPx": "", "tpTriggerPx": "", "tpTriggerPxType": "",
            "tradeId": if self.filled.is_zero() { String::new() } else { self.id.to_string() },
            "tradeQuoteCcy": self.pair.quote, "uTime": self.updated_ms.to_string()
        })
    }

    /// What the open part holds back, and in which currency.
    fn reserve(&self) -> (&'static str, Decimal) {
        let open = self.size - self.filled;
        match self.side {
            Side::Buy => (self.pair.quote, open * self.price.unwrap_or_default()),
            Side::Sell => (self.pair.base, open),
        }
    }

    fn is(&self, body: &Value) -> bool {
        let by_id = text(body, "ordId").map(|id| id == self.id.to_string());
        by_id.unwrap_or_else(|| text(body, "clOrdId").is_some_and(|id| id == self.client_id))
    }
}

/// The levels that an order takes, best first, up to `size` or `budget` and no worse than `limit`.
fn take(
    pair: Pair,
    side: Side,
    limit: Option<Decimal>,
    size: Option<Decimal>,
    budget: Option<Decimal>,
) -> Taken {
    let mut taken = Taken { size: Decimal::ZERO, value: Decimal::ZERO };
    for at in 0..DEPTH {
        let (price, offered) = pair.level(side, at);
        let too_dear = limit.is_some_and(|limit| match side {
            Side::Buy => price > limit,
            Side::Sell => price < limit,
        });
        if too_dear {
            break;
        }
        let by_size = size.map_or(offered, |size| size - taken.size);
        let by_budget = budget.map_or(offered, |budget| ((budget - taken.value) / price).round_dp(8));
        let part = offered.min(by_size).min(by_budget);
        if part <= Decimal::ZERO {
            break;
        }
        taken.size += part;
        taken.value += part * price;
    }
    taken
}

/// The element of an answer to one placement, change or cancellation.
pub(crate) fn element(body: &Value, done: Result<&Order, &Refusal>, now_ms: u64) -> Value {
    let asked = |name: &str| text(body, name).unwrap_or_default();
    let (id, client_id, tag, code, message) = match done {
        Ok(order) => (order.id.to_string(), order.client_id.clone(), order.tag.clone(), "0", "Order placed"),
        Err(refusal) => (asked("ordId"), asked("clOrdId"), asked("tag"), refusal.code, refusal.text.as_str()),
    };
    let message = if code == "0" { "" } else { message };
    json!({"clOrdId": client_id, "ordId": id, "reqId": asked("reqId"), "sCode": code, "sMsg": message,
           "subCode": "", "tag": tag, "ts": now_ms.to_string()})
}

/// Places an order: fills what crosses, rests or drops the remainder by its type.
pub(crate) fn place(account: &mut Account, id: u64, body: &Value, now_ms: u64) -> Result<Order, Refusal> {
    let Some(pair) = Pair::find(&required(body, "instId")?) else {
        return refuse("51001", "Instrument ID, Instrument ID code, or Spread ID doesn't exist.");
    };
    let mode = required(body, "tdMode")?;
    let side = match required(body, "side")?.as_str() {
        "buy" => Side::Buy,
        "sell" => Side::Sell,
        _ => return refuse("51000", "Parameter side error"),
    };
    let kind = required(body, "ordType")?;
    let market = kind == "market";
    if !market && !["limit", "post_only", "fok", "ioc"].contains(&kind.as_str()) {
        return refuse("51000", "Parameter ordType error");
    }
    let size = amount(body, "sz")?;
    let price = if market { None } else { Some(amount(body, "px")?) };
    let client_id = text(body, "clOrdId").unwrap_or_default();
    if !client_id.is_empty()
        && account.orders.iter().chain(&account.history).any(|order| order.client_id == client_id)
    {
        return refuse("51016", "Duplicated client order ID");
    }
    if account.orders.len() >= RESTING {
        return refuse("51009", "Order placement function is blocked by the platform");
    }
    let in_quote = market && side == Side::Buy && text(body, "tgtCcy").as_deref() != Some("base_ccy");
    let taken = if in_quote {
        take(pair, side, None, None, Some(size))
    } else {
        take(pair, side, price, Some(size), None)
    };
    let crosses = taken.size > Decimal::ZERO;
    let whole = in_quote || taken.size == size;
    if kind == "post_only" && crosses || kind == "fok" && !whole {
        let order = Order {
            id,
            client_id,
            tag: text(body, "tag").unwrap_or_default(),
            pair,
            side,
            kind,
            mode,
            price,
            size,
            filled: Decimal::ZERO,
            spent: Decimal::ZERO,
            state: "canceled",
            created_ms: now_ms,
            updated_ms: now_ms,
        };
        keep(&mut account.history, order.clone());
        return Ok(order);
    }
    let mut order = Order {
        id,
        client_id,
        tag: text(body, "tag").unwrap_or_default(),
        pair,
        side,
        kind,
        mode,
        price,
        size: if in_quote { taken.size } else { size },
        filled: taken.size,
        spent: taken.value,
        state: "live",
        created_ms: now_ms,
        updated_ms: now_ms,
    };
    let rests = order.filled < order.size && (order.kind == "limit" || order.kind == "post_only");
    settle(account, &order, rests, now_ms)?;
    order.state = match (order.filled == order.size, rests, crosses) {
        (true, _, _) => "filled",
        (false, true, true) => "partially_filled",
        (false, true, false) => "live",
        (false, false, _) => "canceled",
    };
    if rests {
        account.orders.push(order.clone());
    } else {
        keep(&mut account.history, order.clone());
    }
    Ok(order)
}

/// Moves the money of an order's fill and holds back what its rest needs; refuses before anything moved.
fn settle(account: &mut Account, order: &Order, rests: bool, now_ms: u64) -> Result<(), Refusal> {
    let held = if rests { order.reserve().1 } else { Decimal::ZERO };
    let (gives, given, gets, got) = match order.side {
        Side::Buy => (order.pair.quote, order.spent, order.pair.base, order.filled),
        Side::Sell => (order.pair.base, order.filled, order.pair.quote, order.spent),
    };
    let (_, source) = account.balance(gives)?;
    if source.free < given + held {
        return refuse("51008", format!("Order failed. Insufficient {gives} balance in account"));
    }
    source.free -= given + held;
    source.frozen += held;
    let (_, target) = account.balance(gets)?;
    target.free += got;
    if order.filled > Decimal::ZERO {
        account.bill(order.id, gives, -given, ("2", "2"), now_ms);
        account.bill(order.id, gets, got, ("2", "1"), now_ms);
        let fill = json!({
            "billId": order.id.to_string(), "clOrdId": order.client_id, "execType": "T", "fee": "0",
            "feeCcy": gets, "feeRate": "0", "fillFwdPx": "", "fillIdxPx": "", "fillMarkPx": "", "fillMarkVol": "",
            "fillPnl": "0", "fillPx": plain((order.spent / order.filled).round_dp(8)), "fillPxUsd": "",
            "fillPxVol": "", "fillSz": plain(order.filled), "fillTime": now_ms.to_string(),
            "instId": order.pair.id, "instType": "SPOT", "ordId": order.id.to_string(), "posSide": "net",
            "side": order.side.word(), "subType": "1", "tag": order.tag, "tradeId": order.id.to_string(),
            "tradeQuoteCcy": order.pair.quote, "ts": now_ms.to_string()
        });
        keep(&mut account.fills, fill);
    }
    Ok(())
}

/// Cancels a resting order and frees what it held back.
pub(crate) fn cancel(account: &mut Account, body: &Value, now_ms: u64) -> Result<Order, Refusal> {
    let Some(at) = account.orders.iter().position(|order| order.is(body)) else {
        return refuse(
            "51400",
            "Cancellation failed as the order has been filled, canceled or does not exist.",
        );
    };
    let mut order = account.orders.swap_remove(at);
    release(account, &order)?;
    order.state = "canceled";
    order.updated_ms = now_ms;
    keep(&mut account.history, order.clone());
    Ok(order)
}

fn release(account: &mut Account, order: &Order) -> Result<(), Refusal> {
    let (currency, held) = order.reserve();
    let (_, balance) = account.balance(currency)?;
    balance.frozen -= held;
    balance.free += held;
    Ok(())
}

/// Changes size or price of a resting order, keeping what was filled.
pub(crate) fn amend(account: &mut Account, body: &Value, now_ms: u64) -> Result<Order, Refusal> {
    let Some(at) = account.orders.iter().position(|order| order.is(body)) else {
        return refuse("51503", "Your order has already been filled or canceled.");
    };
    let Some(before) = account.orders.get(at).cloned() else {
        return refuse("51603", "Order does not exist");
    };
    let mut after = before.clone();
    if text(body, "newSz").is_some() {
        after.size = amount(body, "newSz")?;
    }
    if text(body, "newPx").is_some() {
        after.price = Some(amount(body, "newPx")?);
    }
    let crosses = take(after.pair, after.side, after.price, Some(after.size), None).size > Decimal::ZERO;
    if after.size <= after.filled || crosses {
        return refuse("51000", "Parameter newSz or newPx error");
    }
    release(account, &before)?;
    let (currency, held) = after.reserve();
    let (_, balance) = account.balance(currency)?;
    if balance.free < held {
        let (currency, held) = before.reserve();
        let (_, balance) = account.balance(currency)?;
        balance.free -= held;
        balance.frozen += held;
        return refuse("51008", format!("Order failed. Insufficient {currency} balance in account"));
    }
    balance.free -= held;
    balance.frozen += held;
    after.updated_ms = now_ms;
    if let Some(place) = account.orders.get_mut(at) {
        *place = after.clone();
    }
    Ok(after)
}

/// The order that `body` names, resting or ended.
pub(crate) fn find<'a>(account: &'a Account, body: &Value) -> Result<&'a Order, Refusal> {
    let found = account.orders.iter().chain(&account.history).find(|order| order.is(body));
    found.map_or_else(|| refuse("51603", "Order does not exist"), Ok)
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;
    use serde_json::json;

    use super::{amend, cancel, place};
    use crate::ledger::Ledger;

    #[test]
    fn money_is_conserved_through_an_orders_life() {
        let mut ledger = Ledger::new(1);
        let account = ledger.account("live", "1").unwrap();
        let total = |account: &crate::ledger::Account, currency: &str| {
            let balance = account.balances[currency];
            assert!(balance.free >= Decimal::ZERO && balance.frozen >= Decimal::ZERO);
            balance.free + balance.frozen
        };
        let rest = json!({"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit", "px": "1000", "sz": "0.5"});
        let order = place(account, 1, &rest, 1).unwrap();
        assert_eq!(order.state, "live");
        assert_eq!(account.balances["USDT"].frozen, Decimal::from(500));
        let id = json!({"ordId": "1", "newPx": "2000"});
        amend(account, &id, 2).unwrap();
        assert_eq!(account.balances["USDT"].frozen, Decimal::from(1_000));
        cancel(account, &id, 3).unwrap();
        assert_eq!(total(account, "USDT"), Decimal::from(100_000));
        assert_eq!(account.balances["USDT"].frozen, Decimal::ZERO);
        assert_eq!(cancel(account, &id, 4).unwrap_err().code, "51400");

        let market =
            json!({"instId": "BTC-USDT", "tdMode": "cash", "side": "sell", "ordType": "market", "sz": "1"});
        let sold = place(account, 2, &market, 5).unwrap();
        assert_eq!((sold.state, sold.filled), ("filled", Decimal::ONE));
        assert_eq!(total(account, "BTC"), Decimal::from(9));
        assert_eq!(total(account, "USDT"), Decimal::from(100_000) + sold.spent);

        let dear = json!({"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit", "px": "50000", "sz": "9"});
        assert_eq!(place(account, 3, &dear, 6).unwrap_err().code, "51008");
    }
}
