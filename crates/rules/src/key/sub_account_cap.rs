//! What keys of a sub-account may do at most (product.md 5).

use super::rate_cap::RateCap;
use crate::permission::{Permission, Permissions};

/// The most that keys of a sub-account may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SubAccountCap {
    permissions: Permissions,
    rate: Option<RateCap>,
    transfers: TransfersOut,
}

/// Where transfers of a sub-account may lead, beside the master account (OKX contract 5.5, `canTransOut`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TransfersOut {
    /// Nowhere else.
    ToMaster,
    /// To other sub-accounts of the same master as well.
    ToSubAccounts,
}

impl TransfersOut {
    /// In words.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ToMaster => "to the master account",
            Self::ToSubAccounts => "to the master account and other sub-accounts",
        }
    }
}

/// Permissions that no sub-account can be allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a sub-account's keys cannot manage sub-accounts")]
pub struct NotForSubAccounts;

/// A key that may do more than its sub-account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BeyondCap {
    /// A permission.
    #[error("keys of this sub-account may not have the permission {}; its master account decides that", .0.word())]
    Permission(Permission),
    /// A rate.
    #[error("a key of this sub-account needs a rate cap of at most {} requests a second", .0.per_second())]
    Rate(RateCap),
}

impl SubAccountCap {
    /// A cap under which transfers lead to the master account only.
    ///
    /// # Errors
    /// [`NotForSubAccounts`] with the permission to manage.
    pub const fn new(permissions: Permissions, rate: Option<RateCap>) -> Result<Self, NotForSubAccounts> {
        if permissions.allows(Permission::Manage) {
            return Err(NotForSubAccounts);
        }
        Ok(Self { permissions, rate, transfers: TransfersOut::ToMaster })
    }

    /// The same, with other places where transfers may lead.
    #[must_use]
    pub const fn transfers_to(self, transfers: TransfersOut) -> Self {
        Self { transfers, ..self }
    }

    /// Where transfers may lead.
    #[must_use]
    pub const fn transfers(&self) -> TransfersOut {
        self.transfers
    }

    /// What a new sub-account is allowed: to read, to trade and to move funds, and never to withdraw.
    #[must_use]
    pub fn of_new() -> Self {
        let usual = [Permission::Read, Permission::Trade, Permission::Funding];
        Permissions::new(usual)
            .map_or_else(|_| Self::narrowest(), |permissions| Self { permissions, ..Self::narrowest() })
    }

    /// What a sub-account is allowed of which nothing is stored: to read.
    #[must_use]
    pub fn narrowest() -> Self {
        Self { permissions: Permissions::READ, rate: None, transfers: TransfersOut::ToMaster }
    }

    /// The permissions.
    #[must_use]
    pub const fn permissions(&self) -> Permissions {
        self.permissions
    }

    /// The highest rate cap of a key; `None` where keys need none.
    #[must_use]
    pub const fn rate(&self) -> Option<RateCap> {
        self.rate
    }

    /// Holds a key against it.
    ///
    /// # Errors
    /// [`BeyondCap::Permission`], [`BeyondCap::Rate`].
    pub fn check(&self, permissions: Permissions, rate: Option<RateCap>) -> Result<(), BeyondCap> {
        if let Some(more) = permissions.iter().find(|right| !self.permissions.allows(*right)) {
            return Err(BeyondCap::Permission(more));
        }
        match (self.rate, rate) {
            (Some(most), Some(own)) if own <= most => Ok(()),
            (Some(most), _) => Err(BeyondCap::Rate(most)),
            (None, _) => Ok(()),
        }
    }

    /// Whether everything that this cap allows is allowed by `other`.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        let transfers = self.transfers == TransfersOut::ToMaster || self.transfers == other.transfers;
        transfers && other.check(self.permissions, self.rate).is_ok()
    }

    /// The cap in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        let rights = self.permissions.iter().map(Permission::word).collect::<Vec<_>>().join(", ");
        let rate =
            self.rate.map(|rate| format!("; at most {} requests a second for each key", rate.per_second()));
        let transfers = match self.transfers {
            TransfersOut::ToMaster => "",
            TransfersOut::ToSubAccounts => "; transfers to other sub-accounts",
        };
        format!("{rights}{}{transfers}", rate.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{SubAccountCap, TransfersOut};
    use crate::key::RateCap;
    use crate::permission::{Permission, Permissions};

    fn cap(bits: u8, rate: Option<u64>) -> SubAccountCap {
        let rate = rate.map(|rate| RateCap::new(rate).unwrap());
        SubAccountCap::new(Permissions::from_bits(bits).unwrap(), rate).unwrap()
    }

    fn any_cap() -> impl Strategy<Value = SubAccountCap> {
        let transfers = prop::sample::select(vec![TransfersOut::ToMaster, TransfersOut::ToSubAccounts]);
        (1_u8..16, prop::option::of(1_u64..9), transfers)
            .prop_map(|(bits, rate, transfers)| cap(bits, rate).transfers_to(transfers))
    }

    proptest! {
        /// What a cap allows, every cap that it is within allows too.
        #[test]
        fn within_is_what_it_says(narrow in any_cap(), wide in any_cap(), bits in 1_u8..32, rate in prop::option::of(1_u64..9)) {
            let permissions = Permissions::from_bits(bits).unwrap();
            let rate = rate.map(|rate| RateCap::new(rate).unwrap());
            if narrow.is_within(&wide) && narrow.check(permissions, rate).is_ok() {
                prop_assert!(wide.check(permissions, rate).is_ok());
            }
            let beyond = narrow.transfers() == TransfersOut::ToSubAccounts && wide.transfers() == TransfersOut::ToMaster;
            prop_assert!(!(beyond && narrow.is_within(&wide)));
            prop_assert!(narrow.is_within(&narrow));
        }
    }

    #[test]
    fn a_new_sub_account_cannot_withdraw_or_manage() {
        let allowed = SubAccountCap::of_new().permissions();
        assert!(allowed.allows(Permission::Trade) && allowed.allows(Permission::Funding));
        assert!(!allowed.allows(Permission::Withdraw) && !allowed.allows(Permission::Manage));
        let all = Permissions::new(Permission::ALL).unwrap();
        assert!(SubAccountCap::new(all, None).is_err());
        assert!(SubAccountCap::narrowest().is_within(&SubAccountCap::of_new()));
    }

    #[test]
    fn a_cap_on_the_rate_wants_every_key_to_have_one() {
        let five = |rate| cap(15, Some(5)).check(Permissions::READ, RateCap::new(rate).ok()).is_ok();
        assert_eq!([five(0), five(4), five(5), five(6)], [false, true, true, false]);
    }
}
