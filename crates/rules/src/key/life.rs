//! A key's life: one state that the holder moves, and holds that others lay on it (product.md 3.2).
//!
//! Moves consume the state. `Deleted` and `Expired` are final: no move leaves them. Lifting a hold never
//! changes the holder's state.

use crate::time::Moment;

/// Why a key ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndCause {
    /// The holder, or an operator for the holder, deleted it.
    Deleted,
    /// Unbound and unused for 30 days.
    Idle,
    /// Its own expiry date passed.
    Date,
}

/// What the holder made of the key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HolderState {
    /// Works, unless held.
    Active,
    /// Switched off by the holder; can be switched on again.
    Disabled,
    /// Gone for good: a tombstone.
    Deleted {
        /// When.
        at: Moment,
    },
    /// Ended by a rule: a tombstone as well.
    Expired {
        /// When.
        at: Moment,
        /// By which rule.
        cause: EndCause,
    },
}

/// A reason for which a key is stopped or narrowed by somebody else than its holder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hold {
    /// An operator froze the key.
    Frozen,
    /// Its app is frozen.
    AppFrozen,
    /// Its account is frozen.
    AccountFrozen,
    /// The account's second factor is off.
    TwoFactorOff,
    /// Rest after a reset of credentials.
    Cooling,
    /// Quarantine: reads and cancels still pass.
    CancelOnly,
    /// Quarantine: reads still pass.
    ReadOnly,
    /// The stored record was altered.
    BrokenSeal,
    /// Quarantine: somebody proved that the secret leaked. Nothing passes, and nothing lifts it: a secret stays leaked.
    Leaked,
    /// The master froze its sub-account, or allows it less than the key may do.
    SubAccount,
    /// The key was made or loosened on a device that was new for its user: reads still pass until the device is known for a day.
    NewDevice,
}

impl Hold {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Frozen,
        Self::AppFrozen,
        Self::AccountFrozen,
        Self::TwoFactorOff,
        Self::Cooling,
        Self::CancelOnly,
        Self::ReadOnly,
        Self::BrokenSeal,
        Self::Leaked,
        Self::SubAccount,
        Self::NewDevice,
    ];

    const fn bit(self) -> u16 {
        match self {
            Self::Frozen => 1,
            Self::AppFrozen => 1 << 1,
            Self::AccountFrozen => 1 << 2,
            Self::TwoFactorOff => 1 << 3,
            Self::Cooling => 1 << 4,
            Self::CancelOnly => 1 << 5,
            Self::ReadOnly => 1 << 6,
            Self::BrokenSeal => 1 << 7,
            Self::Leaked => 1 << 8,
            Self::SubAccount => 1 << 9,
            Self::NewDevice => 1 << 10,
        }
    }
}

/// The holds on a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Holds(u16);

impl Holds {
    /// No hold.
    pub const NONE: Self = Self(0);

    /// Rebuilds holds from stored bits; `None` with unknown bits, which must not read as "no hold".
    #[must_use]
    pub const fn from_bits(bits: u16) -> Option<Self> {
        if bits < 1 << 11 { Some(Self(bits)) } else { None }
    }

    /// The bits to store, stable.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// These holds and `hold`.
    #[must_use]
    pub const fn with(self, hold: Hold) -> Self {
        Self(self.0 | hold.bit())
    }

    /// These holds without `hold`.
    #[must_use]
    pub const fn without(self, hold: Hold) -> Self {
        Self(self.0 & !hold.bit())
    }

    /// Whether `hold` is among them.
    #[must_use]
    pub const fn has(self, hold: Hold) -> bool {
        self.0 & hold.bit() != 0
    }

    /// Whether any of them stops the key outright, quarantine and the cooling period of a new device aside.
    #[must_use]
    pub const fn stops(self) -> bool {
        self.without(Hold::CancelOnly).without(Hold::ReadOnly).without(Hold::NewDevice).0 != 0
    }

    /// Whether nothing but reads passes, even where none of them stops the key outright.
    #[must_use]
    pub const fn read_only(self) -> bool {
        self.has(Hold::ReadOnly) || self.has(Hold::NewDevice)
    }
}

/// Holder state and holds together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Life {
    /// What the holder made of it.
    pub state: HolderState,
    /// What others laid on it.
    pub holds: Holds,
}

/// A move that the life cycle does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LifecycleError {
    /// The key is a tombstone.
    #[error("the key was deleted or has expired and cannot be used again; create a new one")]
    Ended,
    /// Nothing to do.
    #[error("the key is {0} already")]
    Already(&'static str),
}

impl Life {
    /// A key's first state.
    pub const NEW: Self = Self { state: HolderState::Active, holds: Holds::NONE };

    /// Active → disabled.
    ///
    /// # Errors
    /// [`LifecycleError`] from any other state.
    pub const fn disable(self) -> Result<Self, LifecycleError> {
        match self.state {
            HolderState::Active => Ok(Self { state: HolderState::Disabled, holds: self.holds }),
            HolderState::Disabled => Err(LifecycleError::Already("disabled")),
            HolderState::Deleted { .. } | HolderState::Expired { .. } => Err(LifecycleError::Ended),
        }
    }

    /// Disabled → active; holds stay.
    ///
    /// # Errors
    /// [`LifecycleError`] from any other state.
    pub const fn enable(self) -> Result<Self, LifecycleError> {
        match self.state {
            HolderState::Disabled => Ok(Self { state: HolderState::Active, holds: self.holds }),
            HolderState::Active => Err(LifecycleError::Already("active")),
            HolderState::Deleted { .. } | HolderState::Expired { .. } => Err(LifecycleError::Ended),
        }
    }

    /// To `Deleted`.
    ///
    /// # Errors
    /// [`LifecycleError::Ended`] from a tombstone.
    pub const fn delete(self, at: Moment) -> Result<Self, LifecycleError> {
        self.end(HolderState::Deleted { at })
    }

    /// To `Expired`.
    ///
    /// # Errors
    /// [`LifecycleError::Ended`] from a tombstone.
    pub const fn expire(self, at: Moment, cause: EndCause) -> Result<Self, LifecycleError> {
        self.end(HolderState::Expired { at, cause })
    }

    const fn end(self, to: HolderState) -> Result<Self, LifecycleError> {
        match self.state {
            HolderState::Active | HolderState::Disabled => Ok(Self { state: to, holds: self.holds }),
            HolderState::Deleted { .. } | HolderState::Expired { .. } => Err(LifecycleError::Ended),
        }
    }

    /// With one hold more; tombstones carry none.
    ///
    /// # Errors
    /// [`LifecycleError::Ended`] from a tombstone.
    pub const fn hold(self, hold: Hold) -> Result<Self, LifecycleError> {
        match self.state {
            HolderState::Active | HolderState::Disabled => {
                Ok(Self { state: self.state, holds: self.holds.with(hold) })
            }
            HolderState::Deleted { .. } | HolderState::Expired { .. } => Err(LifecycleError::Ended),
        }
    }

    /// With one hold fewer; restores what was, and enables nothing that the holder had disabled.
    #[must_use]
    pub const fn release(self, hold: Hold) -> Self {
        Self { state: self.state, holds: self.holds.without(hold) }
    }

    /// Whether the key has ended.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self.state, HolderState::Deleted { .. } | HolderState::Expired { .. })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{EndCause, Hold, HolderState, Holds, Life};
    use crate::time::Moment;

    fn apply(life: Life, step: u8) -> Life {
        let at = Moment::from_unix_ms(1);
        let hold = Hold::ALL[usize::from(step) % Hold::ALL.len()];
        match step % 6 {
            0 => life.disable().unwrap_or(life),
            1 => life.enable().unwrap_or(life),
            2 => life.delete(at).unwrap_or(life),
            3 => life.expire(at, EndCause::Idle).unwrap_or(life),
            4 => life.hold(hold).unwrap_or(life),
            _ => life.release(hold),
        }
    }

    proptest! {
        #[test]
        fn moves_never_revive_a_dead_key(steps in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut life = Life::NEW;
            let mut over = false;
            for step in steps {
                life = apply(life, step);
                over |= life.is_over();
                prop_assert_eq!(life.is_over(), over);
            }
        }

        #[test]
        fn releasing_never_enables(bits in 0_u16..2048, at in 0_usize..Hold::ALL.len()) {
            let life = Life { state: HolderState::Disabled, holds: Holds::from_bits(bits).unwrap() };
            prop_assert_eq!(life.release(Hold::ALL[at]).state, HolderState::Disabled);
        }
    }

    #[test]
    fn unknown_hold_bits_are_not_no_hold() {
        assert!(Holds::from_bits(1 << 11).is_none());
    }
}
