//! One owner's account: holdings, open orders, and what happened.

use crate::amount::Amount;
use crate::ledger::history::{Entry, History, Ids};
use crate::ledger::holdings::{Holdings, Wallet};
use crate::ledger::news::{Happened, OrderEvent, Step};
use crate::ledger::{Order, Transfer, Withdrawal};
use crate::markets::{Currency, Pair, Side};

/// One account on one ledger.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) holdings: Holdings,
    /// Open orders, oldest first.
    pub(crate) open: Vec<Order>,
    /// Orders that have ended.
    pub(crate) ended: History<Order>,
    pub(crate) fills: History<Fill>,
    /// Changes of the trading account.
    pub(crate) bills: History<Bill>,
    /// Changes of the funding account.
    pub(crate) funding_bills: History<Bill>,
    pub(crate) transfers: History<Transfer>,
    pub(crate) withdrawals: History<Withdrawal>,
    /// What happened since the ledger was last asked for news.
    pub(super) happened: Happened,
}

/// A trade with the book.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Trade {
    pub(crate) order_id: u64,
    pub(crate) pair: Pair,
    pub(crate) side: Side,
    pub(crate) price: Amount,
    /// In the base currency.
    pub(crate) size: Amount,
    /// In the currency that was got.
    pub(crate) fee: Amount,
}

impl Trade {
    /// The currency that was got, and in which the fee is paid.
    pub(crate) const fn gets(&self) -> Currency {
        match self.side {
            Side::Buy => self.pair.base,
            Side::Sell => self.pair.quote,
        }
    }
}

/// A trade as the account remembers it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fill {
    pub(crate) id: u64,
    pub(crate) bill_id: u64,
    pub(crate) trade: Trade,
    pub(crate) client_id: String,
    pub(crate) tag: String,
    pub(crate) at_ms: u64,
}

impl Entry for Fill {
    fn id(&self) -> u64 {
        self.id
    }

    fn at_ms(&self) -> u64 {
        self.at_ms
    }
}

/// Why a balance changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    Trade(Trade),
    /// Between the owner's own pots.
    MovedIn,
    MovedOut,
    ToSubAccount,
    FromSubAccount,
    ToMaster,
    FromMaster,
    Withdrawal,
    WithdrawalCancelled,
}

/// A change of a balance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Bill {
    pub(crate) id: u64,
    pub(crate) currency: Currency,
    pub(crate) change: Amount,
    /// The balance after it.
    pub(crate) after: Amount,
    pub(crate) cause: Cause,
    pub(crate) client_id: String,
    pub(crate) at_ms: u64,
}

impl Entry for Bill {
    fn id(&self) -> u64 {
        self.id
    }

    fn at_ms(&self) -> u64 {
        self.at_ms
    }
}

/// A change that has just been made to a pot, to be recorded.
pub(super) struct Changed<'a> {
    pub(super) pot: Wallet,
    pub(super) currency: Currency,
    pub(super) change: Amount,
    pub(super) cause: Cause,
    pub(super) client_id: &'a str,
}

impl Account {
    /// An account at first sight.
    pub(super) fn seeded() -> Self {
        Self {
            holdings: Holdings::seeded(),
            open: Vec::new(),
            ended: History::default(),
            fills: History::default(),
            bills: History::default(),
            funding_bills: History::default(),
            transfers: History::default(),
            withdrawals: History::default(),
            happened: Happened::default(),
        }
    }

    /// Notes a step of an order for those who listen.
    pub(super) fn tell(&mut self, order: &Order, step: Step) {
        self.happened.orders.push(OrderEvent { order: order.clone(), step });
    }

    /// Records a change of a balance; returns the bill's id.
    pub(super) fn bill(&mut self, ids: &mut Ids, changed: &Changed<'_>, now_ms: u64) -> u64 {
        let bill = Bill {
            id: ids.next(),
            currency: changed.currency,
            change: changed.change,
            after: self.holdings.of(changed.currency).in_pot(changed.pot),
            cause: changed.cause,
            client_id: changed.client_id.to_owned(),
            at_ms: now_ms,
        };
        let id = bill.id;
        match changed.pot {
            Wallet::Funding => self.funding_bills.push(bill),
            Wallet::Trading => self.bills.push(bill),
        }
        id
    }
}
