//! What a master account says of its sub-account: a label, what its keys may do at most, whether it is frozen, and where it is in
//! its life (product.md 5).

use crate::key::{KeyName, RateCap, SubAccountCap};
use crate::permission::Permissions;
use crate::time::Moment;

/// Where a sub-account is in its life. Moves consume the state, and no move leaves `Closed`. A freeze stands beside it: it is what
/// it was when the exchange refuses to close the sub-account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SubAccountLife {
    /// It is used.
    #[default]
    Open,
    /// Its master wants it closed, and the exchange has not answered yet.
    Closing {
        /// Since when.
        since: Moment,
    },
    /// The exchange has closed it.
    Closed {
        /// When.
        at: Moment,
    },
}

/// A move that the life of a sub-account does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SubAccountLifeError {
    /// It is to be open.
    #[error("the sub-account is being closed; wait until the exchange has answered")]
    Closing,
    /// Closing is final.
    #[error("the sub-account is closed for good; create another one under another name")]
    Closed,
    /// Nobody has asked for it.
    #[error("the sub-account is not being closed")]
    NotClosing,
}

impl SubAccountLife {
    /// Open → closing.
    ///
    /// # Errors
    /// [`SubAccountLifeError`] from any other state.
    pub const fn close(self, since: Moment) -> Result<Self, SubAccountLifeError> {
        match self.check_open() {
            Ok(()) => Ok(Self::Closing { since }),
            Err(why) => Err(why),
        }
    }

    /// Closing → open: the exchange refuses.
    ///
    /// # Errors
    /// [`SubAccountLifeError`] from any other state.
    pub const fn reopen(self) -> Result<Self, SubAccountLifeError> {
        match self {
            Self::Closing { .. } => Ok(Self::Open),
            Self::Open => Err(SubAccountLifeError::NotClosing),
            Self::Closed { .. } => Err(SubAccountLifeError::Closed),
        }
    }

    /// Closing → closed: the exchange has done it.
    ///
    /// # Errors
    /// [`SubAccountLifeError`] from any other state.
    pub const fn finish(self, at: Moment) -> Result<Self, SubAccountLifeError> {
        match self {
            Self::Closing { .. } => Ok(Self::Closed { at }),
            Self::Open => Err(SubAccountLifeError::NotClosing),
            Self::Closed { .. } => Err(SubAccountLifeError::Closed),
        }
    }

    /// Refuses changes of a sub-account that is not open.
    ///
    /// # Errors
    /// [`SubAccountLifeError`].
    pub const fn check_open(self) -> Result<(), SubAccountLifeError> {
        match self {
            Self::Open => Ok(()),
            Self::Closing { .. } => Err(SubAccountLifeError::Closing),
            Self::Closed { .. } => Err(SubAccountLifeError::Closed),
        }
    }

    /// Its word: `open`, `closing` or `closed`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closing { .. } => "closing",
            Self::Closed { .. } => "closed",
        }
    }

    /// Since when it is being closed.
    #[must_use]
    pub const fn closing_since(self) -> Option<Moment> {
        match self {
            Self::Closing { since } => Some(since),
            Self::Open | Self::Closed { .. } => None,
        }
    }

    /// When it was closed.
    #[must_use]
    pub const fn closed_at(self) -> Option<Moment> {
        match self {
            Self::Closed { at } => Some(at),
            Self::Open | Self::Closing { .. } => None,
        }
    }
}

/// A sub-account as its master set it up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubAccountSettings {
    /// What the master calls it; OKX's `label`.
    pub label: Option<KeyName>,
    /// What its keys may do at most.
    pub cap: SubAccountCap,
    /// Since when it is frozen.
    pub frozen_at: Option<Moment>,
    /// Where it is in its life.
    pub life: SubAccountLife,
}

impl SubAccountSettings {
    /// Those of a new sub-account.
    #[must_use]
    pub fn of_new(label: Option<KeyName>) -> Self {
        Self { label, cap: SubAccountCap::of_new(), frozen_at: None, life: SubAccountLife::Open }
    }

    /// Those of a sub-account of which nothing is stored.
    #[must_use]
    pub fn unknown() -> Self {
        Self { label: None, cap: SubAccountCap::narrowest(), frozen_at: None, life: SubAccountLife::Open }
    }

    /// The word for what it is: `active`, `frozen`, `closing` or `closed`.
    #[must_use]
    pub const fn state_word(&self) -> &'static str {
        match (self.life, self.frozen_at) {
            (SubAccountLife::Open, None) => "active",
            (SubAccountLife::Open, Some(_)) => "frozen",
            (SubAccountLife::Closing { .. } | SubAccountLife::Closed { .. }, _) => self.life.word(),
        }
    }

    /// Whether its keys work, as far as the sub-account decides: neither frozen nor at its end.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        self.frozen_at.is_none() && matches!(self.life, SubAccountLife::Open)
    }

    /// Whether a key of the sub-account is held because of them.
    #[must_use]
    pub fn holds(&self, permissions: Permissions, rate: Option<RateCap>) -> bool {
        self.life != SubAccountLife::Open
            || self.frozen_at.is_some()
            || self.cap.check(permissions, rate).is_err()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{SubAccountLife, SubAccountLifeError, SubAccountSettings};
    use crate::time::Moment;

    const AT: Moment = Moment::from_unix_ms(7);

    #[test]
    fn each_state_has_its_own_moves() {
        let (open, closing, closed) =
            (SubAccountLife::Open, SubAccountLife::Closing { since: AT }, SubAccountLife::Closed { at: AT });
        assert_eq!(open.close(AT), Ok(closing));
        assert_eq!(open.reopen(), Err(SubAccountLifeError::NotClosing));
        assert_eq!(open.finish(AT), Err(SubAccountLifeError::NotClosing));
        assert_eq!(closing.close(AT), Err(SubAccountLifeError::Closing));
        assert_eq!(closing.reopen(), Ok(open));
        assert_eq!(closing.finish(AT), Ok(closed));
        for refused in [closed.close(AT), closed.reopen(), closed.finish(AT)] {
            assert_eq!(refused, Err(SubAccountLifeError::Closed));
        }
        assert_eq!((closing.closing_since(), closing.closed_at()), (Some(AT), None));
        assert_eq!((closed.closing_since(), closed.closed_at()), (None, Some(AT)));
    }

    #[test]
    fn keys_work_in_an_open_sub_account_only() {
        let read = "read".parse().unwrap();
        let lives = |life| SubAccountSettings { life, ..SubAccountSettings::of_new(None) };
        assert!(!lives(SubAccountLife::Open).holds(read, None));
        assert!(lives(SubAccountLife::Closing { since: AT }).holds(read, None));
        assert!(lives(SubAccountLife::Closed { at: AT }).holds(read, None));
    }

    proptest! {
        /// Whatever is asked in whatever order: a closed sub-account stays closed, and none closes that was not being closed.
        #[test]
        fn no_move_leaves_closed_and_none_skips_closing(steps in prop::collection::vec(0_u8..3, 0..60)) {
            let mut life = SubAccountLife::default();
            for step in steps {
                let before = life;
                life = match step {
                    0 => life.close(AT),
                    1 => life.reopen(),
                    _ => life.finish(AT),
                }
                .unwrap_or(life);
                prop_assert!(before.closed_at().is_none() || life == before);
                prop_assert!(life.closed_at().is_none() || before != SubAccountLife::Open);
            }
        }
    }
}
