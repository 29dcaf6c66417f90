//! What changed in an account, for those who listen: collected while the ledger is changed, told afterwards.

use crate::amount::Amount;
use crate::ledger::holdings::Holdings;
use crate::ledger::{Order, Owner, Withdrawal};
use crate::markets::Currency;

/// A step in an order's life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    Placed,
    Amended,
    /// One trade; its fee, in the currency that was got.
    Filled {
        fee: Amount,
    },
    Cancelled,
}

/// An order as it was after a step.
#[derive(Clone, Debug)]
pub(crate) struct OrderEvent {
    pub(crate) order: Order,
    pub(crate) step: Step,
}

/// What happened to one account, oldest first.
#[derive(Clone, Default, Debug)]
pub(crate) struct Happened {
    pub(crate) orders: Vec<OrderEvent>,
    pub(crate) withdrawals: Vec<Withdrawal>,
}

impl Happened {
    pub(super) const fn is_nothing(&self) -> bool {
        self.orders.is_empty() && self.withdrawals.is_empty()
    }
}

/// One change of an account.
#[derive(Clone, Debug)]
pub(crate) struct News {
    pub(crate) owner: Owner,
    /// Later changes have larger numbers, whichever account they are of.
    pub(crate) number: u64,
    pub(crate) at_ms: u64,
    pub(crate) before: Holdings,
    pub(crate) after: Holdings,
    pub(crate) happened: Happened,
}

impl News {
    /// The currencies of which the trading account holds another amount than before.
    pub(crate) fn moved(&self) -> impl Iterator<Item = Currency> {
        Currency::ALL
            .into_iter()
            .filter(|currency| self.before.of(*currency).trading() != self.after.of(*currency).trading())
    }

    /// The currencies of which something in the trading account changed: the amount, or what is held back of it.
    pub(crate) fn changed(&self) -> impl Iterator<Item = Currency> {
        let parts = |holdings: &Holdings, currency| {
            let balance = holdings.of(currency);
            (balance.free(), balance.frozen())
        };
        Currency::ALL
            .into_iter()
            .filter(move |currency| parts(&self.before, *currency) != parts(&self.after, *currency))
    }
}

#[cfg(test)]
mod tests;
