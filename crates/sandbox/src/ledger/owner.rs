//! Whose holdings: an account or one of its sub-accounts, on one of the two ledgers.

use keyward_rules::key::Environment;

/// The owner of holdings. A sub-account is named below its master, so that no name reaches another master's.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Owner {
    pub(crate) environment: Environment,
    /// The master account, or the account itself.
    pub(crate) account: String,
    pub(crate) sub_account: Option<String>,
}

impl Owner {
    /// OKX's user id: each sub-account is a user of its own.
    pub(crate) fn user(&self) -> &str {
        self.sub_account.as_deref().unwrap_or(&self.account)
    }

    /// The sub-account `name` of the same master.
    pub(crate) fn sub(&self, name: &str) -> Self {
        Self { sub_account: Some(name.to_owned()), ..self.clone() }
    }

    /// The master.
    pub(crate) fn master(&self) -> Self {
        Self { sub_account: None, ..self.clone() }
    }
}
