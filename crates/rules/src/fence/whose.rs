//! Whose limits and sums they are.

use std::fmt;

use crate::id::{AccountId, KeyId};

/// Whose limits they are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Whose {
    /// The key's own.
    Key,
    /// The account's, over all its keys.
    Account,
}

/// Whose day a sum is of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SumOwner {
    /// A key's.
    Key(KeyId),
    /// An account's: all its keys together.
    Account(AccountId),
}

impl SumOwner {
    /// The owner of what `key` of `account` takes.
    #[must_use]
    pub const fn of(whose: Whose, key: KeyId, account: AccountId) -> Self {
        match whose {
            Whose::Key => Self::Key(key),
            Whose::Account => Self::Account(account),
        }
    }

    /// Reads the text of a record.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("account:") {
            Some(account) => account.parse().ok().map(Self::Account),
            None => text.parse().ok().map(Self::Key),
        }
    }
}

impl fmt::Display for SumOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => write!(f, "{key}"),
            Self::Account(account) => write!(f, "account:{account}"),
        }
    }
}
