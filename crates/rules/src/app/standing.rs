//! How an app and a version of its ranges stand.

/// Declares an enum of stored words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum $name {
            $($(#[$each])* $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word that is stored and shown.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The one that a stored word names.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.word() == word)
            }
        }
    };
}

words! {
    /// How an app stands.
    AppStanding {
        /// Its broker still writes it; nobody else sees it.
        Draft = "draft",
        /// Waits for an operator.
        Submitted = "submitted",
        /// Operators looked at it: with an active range set, holders see it.
        Verified = "verified",
        /// An operator refused it, with a reason; it can be changed and submitted again.
        Rejected = "rejected",
    }
}

words! {
    /// Who stopped an app's keys.
    FrozenBy {
        /// The broker, who can lift it.
        Broker = "broker",
        /// An operator: lifting it is a proposal.
        Operator = "operator",
        /// Both: each lifts its own, and the keys work again after the last.
        Both = "both",
    }
}

impl FrozenBy {
    /// With one more who froze them.
    #[must_use]
    pub fn and(before: Option<Self>, by: Self) -> Self {
        match before {
            None => by,
            Some(one) if one == by => by,
            Some(_) => Self::Both,
        }
    }

    /// What is left once `by` has lifted theirs; `None` where `by` laid none.
    #[must_use]
    pub fn lifted(before: Option<Self>, by: Self) -> Option<Option<Self>> {
        match (before?, by) {
            (Self::Both, Self::Broker) => Some(Some(Self::Operator)),
            (Self::Both, Self::Operator) => Some(Some(Self::Broker)),
            (one, by) if one == by => Some(None),
            (_, _) => None,
        }
    }

    /// Whether an operator is among them.
    #[must_use]
    pub const fn is_of_operators(self) -> bool {
        matches!(self, Self::Operator | Self::Both)
    }
}

words! {
    /// How a version of an app's ranges stands.
    VersionStanding {
        /// Its broker still writes it.
        Draft = "draft",
        /// Waits for operators.
        Submitted = "submitted",
        /// Approved; waits for proof that the broker controls the addresses.
        Approved = "approved",
        /// In force.
        Active = "active",
        /// In force beside its successor, until the overlap ends.
        Retiring = "retiring",
        /// No longer in force.
        Retired = "retired",
        /// An operator refused it, with a reason.
        Rejected = "rejected",
        /// The broker took it back, or sent another one.
        Withdrawn = "withdrawn",
    }
}

impl VersionStanding {
    /// Whether its ranges count at the gateway.
    #[must_use]
    pub const fn is_in_force(self) -> bool {
        matches!(self, Self::Active | Self::Retiring)
    }
}

#[cfg(test)]
mod tests {
    use super::{AppStanding, FrozenBy, VersionStanding};

    #[test]
    fn a_standing_has_one_spelling() {
        assert_eq!(AppStanding::from_word("Verified"), None);
        assert_eq!(VersionStanding::from_word("active "), None);
        assert_eq!(FrozenBy::from_word(""), None);
        use FrozenBy::{Both, Broker, Operator};
        assert_eq!(FrozenBy::and(Some(Broker), Operator), Both);
        assert_eq!(FrozenBy::and(None, Broker), Broker);
        assert_eq!(FrozenBy::and(Some(Both), Broker), Both);
        assert_eq!(FrozenBy::lifted(Some(Both), Operator), Some(Some(Broker)), "the broker's stays");
        assert_eq!(FrozenBy::lifted(Some(Broker), Operator), None, "it is not theirs");
        assert_eq!(FrozenBy::lifted(Some(Broker), Broker), Some(None));
        assert_eq!(FrozenBy::lifted(None, Broker), None);
        for one in VersionStanding::ALL {
            assert_eq!(VersionStanding::from_word(one.word()), Some(*one));
        }
        for one in AppStanding::ALL {
            assert_eq!(AppStanding::from_word(one.word()), Some(*one));
        }
    }
}
