//! What a review can find of a key, in one table: how serious it is, and what it takes from the score.

use std::fmt;
use std::str::FromStr;

use super::remedy::Remedy;

/// How serious a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Could be better.
    Advice,
    /// Should be changed.
    Warning,
    /// Should be changed today.
    Serious,
}

impl Severity {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Advice => "advice",
            Self::Warning => "warning",
            Self::Serious => "serious",
        }
    }
}

/// What to do about a finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NextStep {
    /// The review does it with its one confirmation.
    Apply(Remedy),
    /// Make a successor with fewer rights, on its own page.
    Successor,
    /// Rotate the key, on its own page.
    Rotate,
    /// Set its limits, on their page.
    Limits,
    /// Set its addresses, on their page.
    Addresses,
}

/// Declares the findings: word, severity, what it is for people, points that each key with it takes from the score, and the points
/// that all keys together can take.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $word:literal, $severity:ident, $title:literal, $points:literal of $most:literal;)+) => {
        /// What a review can find. The order is that of the page: what is most serious comes first.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum FindingKind {
            $($(#[$doc])* $name,)+
        }

        impl FindingKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its stable word, in the API and in the store.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// How serious it is.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)+ }
            }

            /// What it is, for people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            /// Points that one key with it takes from the score.
            #[must_use]
            pub const fn points(self) -> u32 {
                match self { $(Self::$name => $points,)+ }
            }

            /// Points that all keys with it take together at most.
            #[must_use]
            pub const fn most_points(self) -> u32 {
                match self { $(Self::$name => $most,)+ }
            }
        }
    };
}

kinds! {
    /// Its holder reported it as leaked, and it is still there.
    Leaked "leaked", Serious, "Reported as leaked and not deleted", 30 of 60;
    /// Whoever has it can move funds from everywhere.
    UnboundFunds "unbound_funds", Serious, "Can move funds from any address", 20 of 40;
    /// It was used from two networks at once.
    TwoNetworks "two_networks", Serious, "Used from two networks at once", 15 of 30;
    /// Whoever has it can trade from everywhere.
    UnboundTrade "unbound_trade", Warning, "Can trade from any address", 10 of 30;
    /// It may withdraw to any address, or any amount a day.
    OpenWithdrawals "open_withdrawals", Warning, "Withdrawals without a list of destinations or a daily limit", 10 of 20;
    /// It may move funds, and never did.
    UnusedFunds "unused_funds", Warning, "A permission that moves funds was never used", 10 of 30;
    /// Nobody used it for long.
    Dormant "dormant", Warning, "Not used for 30 days or more", 5 of 20;
    /// A range is wider than one network.
    WideAddresses "wide_addresses", Warning, "Bound to a range that is wider than a network", 5 of 15;
    /// An address that it is bound to was never used.
    UnusedAddresses "unused_addresses", Warning, "Bound to addresses that were never used", 3 of 15;
    /// Whoever has it can read from everywhere.
    UnboundRead "unbound_read", Advice, "Can read from any address", 3 of 10;
    /// It may trade or read, and never did.
    UnusedPermission "unused_permission", Advice, "A permission was never used", 3 of 15;
    /// Its orders or transfers have no limits.
    NoLimits "no_limits", Advice, "No limits for its orders or transfers", 2 of 10;
    /// It never ends by itself.
    NoExpiry "no_expiry", Advice, "No expiry date", 1 of 5;
    /// It is older than the age at which a rotation is suggested.
    Old "old", Advice, "90 days old or more, and due for rotation", 1 of 5;
}

/// A word that names no finding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there is no such finding")]
pub struct NotAFinding;

impl FromStr for FindingKind {
    type Err = NotAFinding;

    fn from_str(word: &str) -> Result<Self, NotAFinding> {
        Self::ALL.iter().copied().find(|kind| kind.word() == word).ok_or(NotAFinding)
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

/// One thing that a review found of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// The evidence, in a sentence or two. No address of an app is in it.
    pub evidence: String,
    /// What to do about it.
    pub next: NextStep,
}
