//! What a record is about, as coarse as a filter of a list offers it.

/// What a record is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordKind {
    /// API keys.
    Keys,
    /// Sessions.
    SignIn,
    /// The account: its factors, its channels, its alerts, transfers of its sub-accounts.
    Security,
    /// Third-party apps.
    Apps,
    /// What operators do, and what concerns the deployment.
    Operators,
}

/// What only operators do to an account or a key.
const BY_OPERATORS: [&str; 5] =
    ["key.freeze", "key.thaw", "account.freeze", "account.thaw", "account.factors.reset"];

impl RecordKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Keys, Self::SignIn, Self::Security, Self::Apps, Self::Operators];

    /// The kind of an action, by the word in its record. A word that this version does not know counts by its first part.
    #[must_use]
    pub fn of(action: &str) -> Self {
        if BY_OPERATORS.contains(&action) {
            return Self::Operators;
        }
        match action.split('.').next().unwrap_or_default() {
            "key" => Self::Keys,
            "session" => Self::SignIn,
            "account" | "sub_account" | "member" | "channel" | "alert" | "transfer" => Self::Security,
            "app" => Self::Apps,
            _ => Self::Operators,
        }
    }

    /// The word of links.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::SignIn => "sign-in",
            Self::Security => "security",
            Self::Apps => "apps",
            Self::Operators => "operators",
        }
    }

    /// Its name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Keys => "API keys",
            Self::SignIn => "Sign-in",
            Self::Security => "Security",
            Self::Apps => "Apps",
            Self::Operators => "Operators",
        }
    }

    /// The kind that a link names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::RecordKind;

    #[test]
    fn actions_have_the_kind_that_people_look_for() {
        for (action, kind) in [
            ("key.issue", RecordKind::Keys),
            ("key.freeze", RecordKind::Operators),
            ("session.begin", RecordKind::SignIn),
            ("account.totp.on", RecordKind::Security),
            ("channel.add", RecordKind::Security),
            ("transfer.approve", RecordKind::Security),
            ("app.ranges.submit", RecordKind::Apps),
            ("policy.loosen", RecordKind::Operators),
            ("unreadable", RecordKind::Operators),
            ("", RecordKind::Operators),
        ] {
            assert_eq!(RecordKind::of(action), kind, "{action}");
        }
        for kind in RecordKind::ALL {
            assert_eq!(RecordKind::from_word(kind.word()), Some(kind));
        }
        assert_eq!(RecordKind::from_word(""), None);
    }
}
