//! A transfer: whose pots, what is asked for, what was made.

use crate::amount::Amount;
use crate::ledger::Wallet;
use crate::ledger::history::Entry;
use crate::markets::Currency;

/// Whose pots (OKX's `type`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// `0`: the owner's own.
    Within,
    /// `1`: from the master to one of its sub-accounts.
    ToSubAccount(String),
    /// `2`: from a sub-account to the master, asked for by the master.
    FromSubAccount(String),
    /// `3`: from a sub-account to its master, asked for by the sub-account.
    ToMaster,
    /// `4`: between sub-accounts of one master, asked for by the one that gives.
    ToSibling(String),
}

impl Way {
    pub(crate) const fn id(&self) -> &'static str {
        match self {
            Self::Within => "0",
            Self::ToSubAccount(_) => "1",
            Self::FromSubAccount(_) => "2",
            Self::ToMaster => "3",
            Self::ToSibling(_) => "4",
        }
    }

    /// The sub-account that it names; empty for none.
    pub(crate) fn sub_account(&self) -> &str {
        match self {
            Self::ToSubAccount(name) | Self::FromSubAccount(name) | Self::ToSibling(name) => name,
            Self::Within | Self::ToMaster => "",
        }
    }
}

/// A transfer that is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TransferRequest {
    pub(crate) way: Way,
    pub(crate) currency: Currency,
    pub(crate) amount: Amount,
    pub(crate) from: Wallet,
    pub(crate) to: Wallet,
    pub(crate) client_id: String,
}

/// A transfer that was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Transfer {
    pub(crate) id: u64,
    pub(crate) wish: TransferRequest,
    pub(crate) at_ms: u64,
}

impl Entry for Transfer {
    fn id(&self) -> u64 {
        self.id
    }

    fn at_ms(&self) -> u64 {
        self.at_ms
    }
}
