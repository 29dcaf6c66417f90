//! What a master account says of its sub-account: a label, what its keys may do at most, and whether it is frozen (product.md 5).

use crate::key::{KeyName, RateCap, SubAccountCap};
use crate::permission::Permissions;
use crate::time::Moment;

/// A sub-account as its master set it up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubAccountSettings {
    /// What the master calls it; OKX's `label`.
    pub label: Option<KeyName>,
    /// What its keys may do at most.
    pub cap: SubAccountCap,
    /// Since when it is frozen.
    pub frozen_at: Option<Moment>,
}

impl SubAccountSettings {
    /// Those of a new sub-account.
    #[must_use]
    pub fn of_new(label: Option<KeyName>) -> Self {
        Self { label, cap: SubAccountCap::of_new(), frozen_at: None }
    }

    /// Those of a sub-account of which nothing is stored.
    #[must_use]
    pub fn unknown() -> Self {
        Self { label: None, cap: SubAccountCap::narrowest(), frozen_at: None }
    }

    /// Whether a key of the sub-account is held because of them.
    #[must_use]
    pub fn holds(&self, permissions: Permissions, rate: Option<RateCap>) -> bool {
        self.frozen_at.is_some() || self.cap.check(permissions, rate).is_err()
    }
}
