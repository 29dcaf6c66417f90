//! What can be unusual, and sets of it.

use std::fmt;
use std::str::FromStr;

use crate::alert::AlertKind;

/// Declares the kinds with their word, the alert that tells of them, and what they are, for people.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $word:literal, $alert:ident, $label:literal;)+) => {
        /// What is unusual about how a key is used.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum SignalKind {
            $($(#[$doc])* $name,)+
        }

        impl SignalKind {
            /// All of them.
            pub const ALL: [Self; [$(Self::$name),+].len()] = [$(Self::$name),+];

            /// Its stable word, in the API and in the store.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// The alert that tells of it.
            #[must_use]
            pub const fn alert(self) -> AlertKind {
                match self { $(Self::$name => AlertKind::$alert,)+ }
            }

            /// What it is, for a list that people choose from.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)+ }
            }
        }
    };
}

kinds! {
    /// Far more requests in three seconds than ever before.
    Burst "burst", RequestBurst, "Far more requests than usual";
    /// A kind of request that the key never sent before.
    NewUse "new_use", NewUse, "A kind of request that the key never sent before";
    /// The first withdrawal.
    FirstWithdrawal "first_withdrawal", FirstWithdrawal, "The first withdrawal";
    /// The first use after a long time.
    Dormant "dormant", DormantUse, "A use after two weeks without any";
    /// Two networks at once, one of them new.
    TwoNetworks "two_networks", TwoNetworks, "Use from a new network while the usual one is in use";
    /// Far more refusals in a minute than ever before.
    Refusals "refusals", ManyRefusals, "Many refused requests";
}

impl SignalKind {
    pub(super) const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A word that names no signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there is no such signal")]
pub struct NotASignal;

impl FromStr for SignalKind {
    type Err = NotASignal;

    fn from_str(word: &str) -> Result<Self, NotASignal> {
        Self::ALL.into_iter().find(|kind| kind.word() == word).ok_or(NotASignal)
    }
}

/// One unusual thing that a key did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signal {
    /// What it is.
    pub kind: SignalKind,
    /// The figures behind it, in a sentence or two. No confidential address is in it.
    pub evidence: String,
    /// What this key did within ten minutes, with this.
    pub together: SignalSet,
    /// Whether an unbound key was used from a network that it was never used from before, within the same ten minutes. That has
    /// an alert of its own.
    pub new_network: bool,
    /// How large it was, and what else has a number.
    pub sizes: Sizes,
}

/// How large the signals with a number were, of the last ten minutes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Sizes {
    /// Requests in three seconds.
    pub requests: u32,
    /// Refusals within a minute.
    pub refusals: u32,
}

impl Sizes {
    /// The one of this kind; 0 for kinds without a number.
    #[must_use]
    pub const fn of(self, kind: SignalKind) -> u32 {
        match kind {
            SignalKind::Burst => self.requests,
            SignalKind::Refusals => self.refusals,
            SignalKind::NewUse
            | SignalKind::FirstWithdrawal
            | SignalKind::Dormant
            | SignalKind::TwoNetworks => 0,
        }
    }
}

/// Some of the signals.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SignalSet(u8);

impl SignalSet {
    /// None.
    pub const NONE: Self = Self(0);

    /// Of these kinds.
    #[must_use]
    pub fn of(kinds: impl IntoIterator<Item = SignalKind>) -> Self {
        Self(kinds.into_iter().fold(0, |bits, kind| bits | kind.bit()))
    }

    /// Whether this kind is one of them.
    #[must_use]
    pub const fn has(self, kind: SignalKind) -> bool {
        self.0 & kind.bit() != 0
    }

    /// All of them, in the order of [`SignalKind::ALL`].
    pub fn kinds(self) -> impl Iterator<Item = SignalKind> {
        SignalKind::ALL.into_iter().filter(move |kind| self.has(*kind))
    }
}

/// Their words with a blank between; empty for none.
impl fmt::Display for SignalSet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, kind) in self.kinds().enumerate() {
            write!(out, "{}{}", if at == 0 { "" } else { " " }, kind.word())?;
        }
        Ok(())
    }
}

impl FromStr for SignalSet {
    type Err = NotASignal;

    fn from_str(text: &str) -> Result<Self, NotASignal> {
        text.split_whitespace().map(str::parse).collect::<Result<Vec<_>, _>>().map(Self::of)
    }
}

#[cfg(test)]
mod tests {
    use super::{NotASignal, SignalKind, SignalSet};

    #[test]
    fn sets_read_back() {
        assert_eq!("".parse(), Ok(SignalSet::default()));
        let two = SignalSet::of([SignalKind::Refusals, SignalKind::Burst]);
        assert_eq!(two.to_string(), "burst refusals");
        assert_eq!(two.to_string().parse(), Ok(two));
        assert!(two.has(SignalKind::Burst) && !two.has(SignalKind::Dormant));
        assert_eq!("burst storm".parse::<SignalSet>(), Err(NotASignal));
        let all = SignalSet::of(SignalKind::ALL);
        assert_eq!(all.to_string().parse(), Ok(all));
        assert_eq!(all.kinds().count(), SignalKind::ALL.len());
    }
}
