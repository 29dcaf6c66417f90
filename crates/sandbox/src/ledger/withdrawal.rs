//! A withdrawal: what is asked for, what was made, and how far it got.

use crate::amount::Amount;
use crate::ledger::history::Entry;
use crate::markets::{Chain, Currency};

/// How long a withdrawal waits before it is sent.
pub(super) const WAITS_MS: u64 = 10_000;

/// A withdrawal that is asked for.
#[derive(Clone, Debug)]
pub(crate) struct WithdrawalRequest {
    pub(crate) currency: Currency,
    pub(crate) chain: &'static Chain,
    pub(crate) amount: Amount,
    pub(crate) to: String,
    pub(crate) client_id: String,
}

/// A withdrawal that was made.
#[derive(Clone, Debug)]
pub(crate) struct Withdrawal {
    pub(crate) id: u64,
    pub(crate) wish: WithdrawalRequest,
    pub(crate) at_ms: u64,
    pub(super) cancelled: bool,
}

/// How far a withdrawal got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WithdrawalState {
    Waiting,
    Sent,
    Cancelled,
}

impl WithdrawalState {
    /// OKX's number for it.
    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::Waiting => "0",
            Self::Sent => "2",
            Self::Cancelled => "-2",
        }
    }
}

impl Withdrawal {
    pub(crate) const fn state(&self, now_ms: u64) -> WithdrawalState {
        if self.cancelled {
            WithdrawalState::Cancelled
        } else if now_ms < self.at_ms.saturating_add(WAITS_MS) {
            WithdrawalState::Waiting
        } else {
            WithdrawalState::Sent
        }
    }
}

impl Entry for Withdrawal {
    fn id(&self) -> u64 {
        self.id
    }

    fn at_ms(&self) -> u64 {
        self.at_ms
    }
}
