//! What a page tells once after something was done.
//!
//! A note is kept with the session on the server and taken by the next page. No part of an address names one, so no link can
//! claim what never happened.

/// What was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Note {
    /// The key is disabled.
    Disabled,
    /// The key is enabled.
    Enabled,
    /// The key was made by the same form before.
    MadeBefore,
    /// The key is deleted for good.
    Deleted,
    /// Saved.
    Edited,
    /// The addresses are changed.
    Addresses,
    /// The overlap is over: the old key has ended.
    Ended,
    /// The key is disabled.
    Leaked,
    /// All keys are disabled.
    AllDisabled,
    /// The password is changed.
    Password,
    /// The e-mail address is changed.
    Email,
    /// The phrase is changed.
    Phrase,
    /// The authenticator is set up.
    Authenticator,
    /// Two-factor sign-in is off.
    AuthenticatorOff,
    /// The authenticator is off.
    AuthenticatorRemoved,
    /// The passkey is added.
    PasskeyAdded,
    /// The passkey is renamed.
    PasskeyRenamed,
    /// The passkey is removed.
    PasskeyRemoved,
    /// The session has ended.
    SessionEnded,
    /// All other sessions have ended.
    SessionsEnded,
    /// Frozen.
    Frozen,
    /// Proposed.
    Proposed,
    /// Approved.
    Approved,
    /// Carried out.
    CarriedOut,
    /// The proposal is cancelled.
    Cancelled,
    /// The role is taken away.
    Revoked,
    /// The policy is in force.
    Tightened,
    /// You are an operator now.
    Operator,
    /// The channel is added.
    ChannelAdded,
    /// The channel is removed.
    ChannelRemoved,
    /// A test is on its way.
    Tested,
    /// The message is on its way again, with the same id.
    SentAgain,
    /// Registered as a draft.
    Registered,
    /// The app is changed.
    AppChanged,
    /// Submitted.
    AppSubmitted,
    /// All keys of the app are frozen.
    AppFrozen,
    /// The freeze is lifted.
    AppThawed,
    /// The ranges are in force.
    RangesNarrowed,
    /// The ranges are submitted.
    RangesSubmitted,
    /// The submission is withdrawn.
    RangesWithdrawn,
    /// The ranges are entered.
    RangesEntered,
    /// It is sent back.
    SentBack,
    /// Successors are demanded.
    Demanded,
    /// All alerts are marked as seen.
    Seen,
}

impl Note {
    /// All of them.
    pub const ALL: [Self; 44] = [
        Self::Disabled,
        Self::Enabled,
        Self::MadeBefore,
        Self::Deleted,
        Self::Edited,
        Self::Addresses,
        Self::Ended,
        Self::Leaked,
        Self::AllDisabled,
        Self::Password,
        Self::Email,
        Self::Phrase,
        Self::Authenticator,
        Self::AuthenticatorOff,
        Self::AuthenticatorRemoved,
        Self::PasskeyAdded,
        Self::PasskeyRenamed,
        Self::PasskeyRemoved,
        Self::SessionEnded,
        Self::SessionsEnded,
        Self::Frozen,
        Self::Proposed,
        Self::Approved,
        Self::CarriedOut,
        Self::Cancelled,
        Self::Revoked,
        Self::Tightened,
        Self::Operator,
        Self::ChannelAdded,
        Self::ChannelRemoved,
        Self::Tested,
        Self::SentAgain,
        Self::Registered,
        Self::AppChanged,
        Self::AppSubmitted,
        Self::AppFrozen,
        Self::AppThawed,
        Self::RangesNarrowed,
        Self::RangesSubmitted,
        Self::RangesWithdrawn,
        Self::RangesEntered,
        Self::SentBack,
        Self::Demanded,
        Self::Seen,
    ];

    /// The word by which it is stored.
    pub const fn word(self) -> &'static str {
        self.parts().0
    }

    /// What people read.
    pub const fn text(self) -> &'static str {
        self.parts().1
    }

    /// The note of a stored word.
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|note| note.word() == word)
    }

    /// Word and text.
    const fn parts(self) -> (&'static str, &'static str) {
        match self {
            Self::Disabled => ("disabled", "The key is disabled. Every gateway refuses it from now on."),
            Self::Enabled => ("enabled", "The key is enabled."),
            Self::MadeBefore => (
                "made-before",
                "This key was made when the form was sent the first time. Its secret was shown in that answer and cannot be \
                 shown again. If you did not see it, delete the key and create another one.",
            ),
            Self::Deleted => ("deleted", "The key is deleted for good."),
            Self::Edited => ("edited", "Saved."),
            Self::Addresses => (
                "addresses",
                "The addresses are changed. Rotate the key as well: whoever had it before still has it.",
            ),
            Self::Ended => ("ended", "The overlap is over: the old key has ended."),
            Self::Leaked => ("leaked", "The key is disabled. Continue with the steps below."),
            Self::AllDisabled => {
                ("all-disabled", "All keys are disabled. Every gateway refuses them from now on.")
            }
            Self::Password => ("password", "The password is changed. All other sessions have ended."),
            Self::Email => ("email", "The e-mail address is changed. All other sessions have ended."),
            Self::Phrase => ("phrase", "The phrase is changed. Our next mail carries it."),
            Self::Authenticator => ("authenticator", "The authenticator is set up."),
            Self::AuthenticatorOff => {
                ("authenticator-off", "Two-factor sign-in is off. All keys are held until it is on again.")
            }
            Self::AuthenticatorRemoved => (
                "authenticator-removed",
                "The authenticator is off. Your passkeys are the second factor now.",
            ),
            Self::PasskeyAdded => {
                ("passkey-added", "The passkey is added. It signs in without the password.")
            }
            Self::PasskeyRenamed => ("passkey-renamed", "The passkey is renamed."),
            Self::PasskeyRemoved => ("passkey-removed", "The passkey is removed."),
            Self::SessionEnded => ("session-ended", "The session has ended."),
            Self::SessionsEnded => ("sessions-ended", "All other sessions have ended."),
            Self::Frozen => ("frozen", "Frozen. Every gateway refuses it from now on."),
            Self::Proposed => ("proposed", "Proposed. The other operators were told by mail."),
            Self::Approved => ("approved", "Approved."),
            Self::CarriedOut => ("carried-out", "Carried out."),
            Self::Cancelled => ("cancelled", "The proposal is cancelled."),
            Self::Revoked => ("revoked", "The role is taken away."),
            Self::Tightened => ("tightened", "The policy is in force."),
            Self::Operator => ("operator", "You are an operator now."),
            Self::ChannelAdded => {
                ("channel-added", "The channel is added. Send a test to see whether it arrives.")
            }
            Self::ChannelRemoved => ("channel-removed", "The channel is removed."),
            Self::Tested => ("tested", "A test is on its way. Its outcome appears below in a moment."),
            Self::SentAgain => ("sent-again", "The message is on its way again, with the same id."),
            Self::Registered => (
                "registered",
                "Registered as a draft. Submit it for review when it is complete, and the ranges of its servers.",
            ),
            Self::AppChanged => ("app-changed", "The app is changed."),
            Self::AppSubmitted => ("app-submitted", "Submitted. Operators look at it; you are told by mail."),
            Self::AppFrozen => {
                ("app-frozen", "All keys of the app are frozen. Every gateway refuses them from now on.")
            }
            Self::AppThawed => ("app-thawed", "The freeze is lifted. The app's keys work again."),
            Self::RangesNarrowed => ("ranges-narrowed", "The ranges are in force."),
            Self::RangesSubmitted => (
                "ranges-submitted",
                "The ranges are submitted. Operators look at them; you are told by mail.",
            ),
            Self::RangesWithdrawn => ("ranges-withdrawn", "The submission is withdrawn."),
            Self::RangesEntered => (
                "ranges-entered",
                "The ranges are entered. Approving them is another step; the broker is told.",
            ),
            Self::SentBack => ("sent-back", "It is sent back. Its broker is told why."),
            Self::Demanded => {
                ("demanded", "Successors are demanded. The holders and the broker are being told.")
            }
            Self::Seen => ("seen", "All alerts are marked as seen."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Note;
    use std::collections::HashSet;

    #[test]
    fn a_word_names_one_note() {
        for note in Note::ALL {
            assert_eq!(Note::read(note.word()), Some(note));
            assert!(note.text().ends_with('.'), "{note:?}");
        }
        assert_eq!(Note::ALL.map(Note::word).into_iter().collect::<HashSet<_>>().len(), Note::ALL.len());
        for word in ["", "reset", "Edited", "edited ", "edit", "<b>", "all keys are disabled"] {
            assert_eq!(Note::read(word), None, "{word}");
        }
    }
}
