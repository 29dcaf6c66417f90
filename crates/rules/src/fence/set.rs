//! The limits of one key: what it may do, how much, and how often.
//!
//! Invariants: what is absent limits nothing; a list that is there and empty allows nothing; two sets are compared limit by
//! limit, and what cannot be compared counts as wider.

use std::collections::BTreeMap;

use super::decimal::Decimal;
use super::pattern::Pattern;
use super::sums::SumOf;
use super::words::{InstrumentType, OrderType, TradeMode};
use crate::time::Moment;

/// Limits that are read from the bodies of a key's requests (`fences.md`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Fences {
    /// Of orders and positions.
    pub trade: TradeFences,
    /// Of transfers between own accounts.
    pub transfer: Option<TransferFence>,
    /// Of withdrawals.
    pub withdrawal: Option<WithdrawalFence>,
}

/// Limits of orders and positions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TradeFences {
    /// What types of instruments, sorted.
    pub instrument_types: Option<Vec<InstrumentType>>,
    /// Which instruments, sorted.
    pub instruments: Option<Vec<Pattern>>,
    /// Which types of orders, sorted.
    pub order_types: Option<Vec<OrderType>>,
    /// Which ways of paying, sorted.
    pub trade_modes: Option<Vec<TradeMode>>,
    /// How many units of an instrument at most in one order: contracts, or the first currency of a pair.
    pub max_order_quantity: BTreeMap<Pattern, Decimal>,
    /// What one order may be worth at most, in US dollars.
    pub max_order_value: Option<Decimal>,
    /// How far from the market an order's price may be at most, in per cent.
    pub price_collar: Option<Decimal>,
    /// What all orders of a UTC day may be worth at most, in US dollars.
    pub daily_value: Option<Decimal>,
    /// How many orders may be placed or changed in a UTC day.
    pub daily_orders: Option<u32>,
    /// How many orders may be placed or changed in a second.
    pub message_throttle: Option<u16>,
    /// Only what makes a position smaller.
    pub reduce_only: bool,
    /// The leverage that may be set at most.
    pub max_leverage: Option<Decimal>,
    /// Whether a position may be closed without saying how much of it. Off unless said, where there is any other of these limits.
    pub whole_position: bool,
}

/// Limits of transfers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TransferFence {
    /// Where to, sorted: `funding`, `trading`, `master`, or `sub:` and a sub-account's name. Absent for anywhere.
    pub destinations: Option<Vec<Box<str>>>,
    /// How much of each currency in a UTC day. Where any is named, of others nothing.
    pub daily: BTreeMap<Box<str>, Decimal>,
}

/// Limits of withdrawals.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WithdrawalFence {
    /// Where to, sorted, at least one.
    pub destinations: Vec<Destination>,
    /// How much of each currency in a UTC day. Where any is named, of others nothing.
    pub daily: BTreeMap<Box<str>, Decimal>,
}

/// Where a withdrawal may go.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Destination {
    /// The currency.
    pub currency: Box<str>,
    /// The chain, as the exchange writes it (`USDT-TRC20`).
    pub chain: Box<str>,
    /// The address, with `:` and the tag behind it where it has one.
    pub address: Box<str>,
    /// When it can be used first.
    pub usable_from: Moment,
}

impl Fences {
    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same, with destinations that can be used at once: whose limits these are has just approved them.
    #[must_use]
    pub fn usable_now(mut self) -> Self {
        for place in self.withdrawal.iter_mut().flat_map(|fence| &mut fence.destinations) {
            place.usable_from = Moment::from_unix_ms(0);
        }
        self
    }

    /// Whether everything that these limits let through is let through by `other` as well.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.trade.is_within(&other.trade)
            && within(self.transfer.as_ref(), other.transfer.as_ref(), TransferFence::is_within)
            && within(self.withdrawal.as_ref(), other.withdrawal.as_ref(), WithdrawalFence::is_within)
    }

    /// The sums of a day that are limited, each with its limit.
    #[must_use]
    pub fn daily(&self) -> Vec<(SumOf, Decimal)> {
        let mut all = Vec::new();
        all.extend(self.trade.daily_value.map(|limit| (SumOf::Value, limit)));
        all.extend(self.trade.daily_orders.map(|limit| (SumOf::Orders, Decimal::of(limit))));
        let transfers = self.transfer.iter().flat_map(|fence| &fence.daily);
        all.extend(transfers.map(|(currency, limit)| (SumOf::Transfer(currency.clone()), *limit)));
        let withdrawals = self.withdrawal.iter().flat_map(|fence| &fence.daily);
        all.extend(withdrawals.map(|(currency, limit)| (SumOf::Withdrawal(currency.clone()), *limit)));
        all
    }

    /// Whether some limit needs the exchange's list of instruments and prices.
    #[must_use]
    pub fn needs_market(&self) -> bool {
        let trade = &self.trade;
        trade.instrument_types.is_some()
            || !trade.max_order_quantity.is_empty()
            || trade.price_collar.is_some()
            || trade.values()
    }
}

impl TradeFences {
    /// Whether nothing of orders is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an order's value matters.
    #[must_use]
    pub const fn values(&self) -> bool {
        self.max_order_value.is_some() || self.daily_value.is_some()
    }

    fn is_within(&self, other: &Self) -> bool {
        if other.is_empty() {
            return true;
        }
        fn number<T: PartialOrd>(ours: &T, theirs: &T) -> bool {
            ours <= theirs
        }
        let patterns = |ours: &Vec<Pattern>, theirs: &Vec<Pattern>| {
            ours.iter().all(|our| theirs.iter().any(|their| their.covers(our.as_str())))
        };
        within(self.instrument_types.as_deref(), other.instrument_types.as_deref(), subset)
            && within(self.instruments.as_ref(), other.instruments.as_ref(), patterns)
            && within(self.order_types.as_deref(), other.order_types.as_deref(), subset)
            && within(self.trade_modes.as_deref(), other.trade_modes.as_deref(), subset)
            && other
                .max_order_quantity
                .iter()
                .all(|(pattern, most)| self.max_order_quantity.get(pattern).is_some_and(|ours| ours <= most))
            && within(self.max_order_value.as_ref(), other.max_order_value.as_ref(), number)
            && within(self.price_collar.as_ref(), other.price_collar.as_ref(), number)
            && within(self.daily_value.as_ref(), other.daily_value.as_ref(), number)
            && within(self.daily_orders.as_ref(), other.daily_orders.as_ref(), number)
            && within(self.message_throttle.as_ref(), other.message_throttle.as_ref(), number)
            && (self.reduce_only || !other.reduce_only)
            && within(self.max_leverage.as_ref(), other.max_leverage.as_ref(), number)
            && (!self.is_empty() && (!self.whole_position || other.whole_position))
    }
}

impl TransferFence {
    fn is_within(&self, other: &Self) -> bool {
        within(self.destinations.as_deref(), other.destinations.as_deref(), subset)
            && daily_within(&self.daily, &other.daily)
    }
}

impl WithdrawalFence {
    fn is_within(&self, other: &Self) -> bool {
        subset(&self.destinations, &other.destinations) && daily_within(&self.daily, &other.daily)
    }
}

/// Whether a limit is there wherever the other one is, and within it.
fn within<T: ?Sized>(ours: Option<&T>, theirs: Option<&T>, is_within: impl Fn(&T, &T) -> bool) -> bool {
    match (ours, theirs) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(ours), Some(theirs)) => is_within(ours, theirs),
    }
}

fn subset<T: PartialEq>(ours: &[T], theirs: &[T]) -> bool {
    ours.iter().all(|our| theirs.contains(our))
}

/// A currency that is not named has no sum at all where others are named, and no bound where none is.
fn daily_within(ours: &BTreeMap<Box<str>, Decimal>, theirs: &BTreeMap<Box<str>, Decimal>) -> bool {
    if theirs.is_empty() {
        return true;
    }
    !ours.is_empty()
        && ours.iter().all(|(currency, most)| theirs.get(currency).is_some_and(|their| most <= their))
}

#[cfg(test)]
mod tests {
    use super::super::text::read;
    use super::Fences;

    fn of(text: &str) -> Fences {
        read(text).unwrap()
    }

    #[test]
    fn a_stricter_limit_is_within_a_wider_one() {
        for (strict, wide) in [
            (r#"{"max_order_value":"400"}"#, r#"{"max_order_value":"500"}"#),
            (r#"{"max_order_value":"500"}"#, "{}"),
            (r#"{"max_order_value":"500","instruments":["BTC-USDT"]}"#, r#"{"max_order_value":"500"}"#),
            (r#"{"instruments":["BTC-USDT"]}"#, r#"{"instruments":["BTC-*","ETH-USDT"]}"#),
            (r#"{"instrument_types":["SPOT"]}"#, r#"{"instrument_types":["SPOT","SWAP"]}"#),
            (r#"{"max_order_value":"1"}"#, r#"{"max_order_value":"1","whole_position":true}"#),
            (r#"{"max_order_value":"1","whole_position":true}"#, "{}"),
            (r#"{"max_order_value":"1","reduce_only":true}"#, r#"{"max_order_value":"1"}"#),
            (
                r#"{"max_order_quantity":{"BTC-USDT":"1","ETH-USDT":"9"}}"#,
                r#"{"max_order_quantity":{"BTC-USDT":"2"}}"#,
            ),
            (r#"{"transfer":{"daily":{"USDT":"1"}}}"#, r#"{"transfer":{"daily":{"USDT":"2","BTC":"1"}}}"#),
            (
                r#"{"withdrawal":{"destinations":[{"ccy":"USDT","chain":"USDT-TRC20","address":"Ta"}],"daily":{"USDT":"1"}}}"#,
                r#"{"withdrawal":{"destinations":[{"ccy":"USDT","chain":"USDT-TRC20","address":"Ta"},{"ccy":"USDT","chain":"USDT-TRC20","address":"Tb"}]}}"#,
            ),
        ] {
            assert!(of(strict).is_within(&of(wide)), "{strict} in {wide}");
            assert!(!of(wide).is_within(&of(strict)), "{wide} in {strict}");
            for same in [strict, wide] {
                assert!(of(same).is_within(&of(same)), "{same}");
            }
        }
    }
}
