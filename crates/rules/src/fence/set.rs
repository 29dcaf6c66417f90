//! The limits of one key: what it may do, how much, and how often.
//!
//! Invariants: what is absent limits nothing; a list that is there and empty allows nothing; two sets are compared limit by
//! limit, and what cannot be compared counts as wider.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::decimal::Decimal;
use super::pattern::Pattern;
use super::repeated::Repeated;
use super::sums::SumOf;
use super::whose::Whose;
use super::words::{InstrumentType, OrderType, TradeMode};
use crate::time::Moment;

/// Limits that are read from the bodies of a key's requests (`fences.md`).
///
/// All of them hold: a key's own, those that only watch, and those of its account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Fences {
    /// Of orders and positions.
    pub trade: TradeFences,
    /// Of transfers between own accounts.
    pub transfer: Option<TransferFence>,
    /// Of withdrawals.
    pub withdrawal: Option<WithdrawalFence>,
    /// Limits that only watch: what they would refuse passes, and is counted and told. It has neither `monitor` nor `account`.
    pub monitor: Option<Box<Self>>,
    /// Limits of the key's account, which count over all its keys. It has no `account`.
    pub account: Option<Arc<Self>>,
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
    /// How often the same order may be placed; then the key stops trading (RTS 6, article 15(3)).
    pub repeated_execution: Option<Repeated>,
    /// Only what makes a position smaller.
    pub reduce_only: bool,
    /// The leverage that may be set at most.
    pub max_leverage: Option<Decimal>,
    /// Whether a position may be closed without saying how much of it. Off unless said, where there is any other of these limits.
    pub whole_position: bool,
}

/// A sum of a day that is limited.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DayLimit {
    /// Whose requests count.
    pub whose: Whose,
    /// What is summed up.
    pub of: SumOf,
    /// What it may come to.
    pub limit: Decimal,
    /// Whether more is refused; otherwise it is only told.
    pub enforced: bool,
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
        for place in self.destinations_mut() {
            place.usable_from = Moment::from_unix_ms(0);
        }
        self
    }

    /// The destinations of withdrawals, those included that are only watched.
    fn destinations_mut(&mut self) -> impl Iterator<Item = &mut Destination> {
        let watched = self.monitor.iter_mut().flat_map(|monitor| monitor.withdrawal.iter_mut());
        self.withdrawal.iter_mut().chain(watched).flat_map(|fence| &mut fence.destinations)
    }

    /// The same limits beside those of an account; `None` where neither limits anything.
    #[must_use]
    pub fn beside(self, account: Option<Arc<Self>>) -> Option<Arc<Self>> {
        let account = account.filter(|fences| !fences.is_empty());
        let all = Self { account, ..self };
        (!all.is_empty()).then(|| Arc::new(all))
    }

    /// The same limits without those of the account.
    #[must_use]
    pub fn own(&self) -> Self {
        Self { account: None, ..self.clone() }
    }

    /// Whether everything that these limits let through is let through by `other` as well. What only watches lets everything
    /// through, and an account's limits are not the key's.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.trade.is_within(&other.trade)
            && within(self.transfer.as_ref(), other.transfer.as_ref(), TransferFence::is_within)
            && within(self.withdrawal.as_ref(), other.withdrawal.as_ref(), WithdrawalFence::is_within)
    }

    /// The sums of a day that are limited, each with its limit: the key's, and then the account's.
    #[must_use]
    pub fn daily(&self) -> Vec<DayLimit> {
        let layers = self.layers().into_iter();
        layers.flat_map(|layer| layer.fences.own_daily(layer.whose, layer.enforced)).collect()
    }

    fn own_daily(&self, whose: Whose, enforced: bool) -> Vec<DayLimit> {
        let mut all = Vec::new();
        let mut put = |of, limit| all.push(DayLimit { whose, of, limit, enforced });
        if let Some(limit) = self.trade.daily_value {
            put(SumOf::Value, limit);
        }
        if let Some(limit) = self.trade.daily_orders {
            put(SumOf::Orders, Decimal::of(limit));
        }
        for (currency, limit) in self.transfer.iter().flat_map(|fence| &fence.daily) {
            put(SumOf::Transfer(currency.clone()), *limit);
        }
        for (currency, limit) in self.withdrawal.iter().flat_map(|fence| &fence.daily) {
            put(SumOf::Withdrawal(currency.clone()), *limit);
        }
        all
    }

    /// All limits that bear on the key's requests: those that refuse first, the key's before the account's.
    #[must_use]
    pub fn layers(&self) -> Vec<Layer<'_>> {
        let account = self.account.as_deref();
        let layer = |fences, whose, enforced| Layer { fences, whose, enforced };
        let mut all = vec![layer(self, Whose::Key, true)];
        all.extend(account.map(|account| layer(account, Whose::Account, true)));
        all.extend(self.monitor.as_deref().map(|monitor| layer(monitor, Whose::Key, false)));
        let watched = account.and_then(|account| account.monitor.as_deref());
        all.extend(watched.map(|monitor| layer(monitor, Whose::Account, false)));
        all
    }

    /// Whether some limit needs the exchange's list of instruments and prices.
    #[must_use]
    pub fn needs_market(&self) -> bool {
        let needs = |trade: &TradeFences| {
            trade.instrument_types.is_some()
                || !trade.max_order_quantity.is_empty()
                || trade.price_collar.is_some()
                || trade.values()
        };
        self.layers().iter().any(|layer| needs(&layer.fences.trade))
    }
}

/// Limits that are judged together.
#[derive(Clone, Copy)]
pub struct Layer<'f> {
    /// The limits; of these only `trade`, `transfer` and `withdrawal` count.
    pub fences: &'f Fences,
    /// Whose they are.
    pub whose: Whose,
    /// Whether they refuse; otherwise they only watch.
    pub enforced: bool,
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
            && within(self.repeated_execution.as_ref(), other.repeated_execution.as_ref(), |ours, theirs| {
                ours.times <= theirs.times && ours.seconds >= theirs.seconds
            })
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
            (
                r#"{"repeated_execution":{"times":5,"seconds":60}}"#,
                r#"{"repeated_execution":{"times":9,"seconds":60}}"#,
            ),
            (
                r#"{"repeated_execution":{"times":5,"seconds":60}}"#,
                r#"{"repeated_execution":{"times":5,"seconds":10}}"#,
            ),
            (r#"{"max_order_value":"500"}"#, r#"{"monitor":{"max_order_value":"500"}}"#),
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
