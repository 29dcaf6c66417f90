//! What an approval is about.

use std::fmt;

use super::change::WantedChange;
use super::hash::ApprovalHash;
use super::transfer::Transfer;
use crate::id::AccountId;
use crate::key::Environment;

/// What somebody's key asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// A transfer by a key of the sub-account.
    Transfer(Transfer),
    /// A change of the sub-account or its keys, by a key of the master account.
    Change(WantedChange),
}

impl Wanted {
    /// Reads the text that it displays as.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // A transfer is one line, and a change is at least two.
        if text.contains('\n') {
            WantedChange::parse(text).map(Self::Change)
        } else {
            Transfer::parse(text).map(Self::Transfer)
        }
    }

    /// What an approval of it is bound to.
    #[must_use]
    pub fn hash(&self, environment: Environment, account: AccountId) -> ApprovalHash {
        match self {
            Self::Transfer(transfer) => transfer.hash(environment, account),
            Self::Change(change) => change.hash,
        }
    }

    /// In words, for the sub-account of this name.
    #[must_use]
    pub fn in_words(&self, sub_account: &str) -> String {
        match self {
            Self::Transfer(transfer) => {
                format!("{} {}", transfer.amount_in_words(), transfer.direction_in_words(sub_account))
            }
            Self::Change(change) => format!("{} (sub-account {sub_account})", change.in_words()),
        }
    }

    /// The transfer, if it is one.
    #[must_use]
    pub const fn transfer(&self) -> Option<&Transfer> {
        match self {
            Self::Transfer(transfer) => Some(transfer),
            Self::Change(_) => None,
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transfer(transfer) => transfer.fmt(out),
            Self::Change(change) => change.fmt(out),
        }
    }
}
