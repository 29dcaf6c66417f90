//! What a page tells once after something was done.
//!
//! A note is kept with the session on the server, and the next page takes it. No part of an address names one, so no link can
//! claim what never happened. The text of an action stands in the table of actions.

use keyward_rules::grant::ActionKind;

/// What was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Note {
    /// An action; the table of actions has its text.
    Done(ActionKind),
    /// The same form created the key before.
    MadeBefore,
    /// Two-factor sign-in is off.
    TwoFactorOff,
    /// All other sessions have ended.
    OtherSessionsEnded,
    /// The change of a proposal is carried out.
    CarriedOut,
    /// All alerts are marked as seen.
    Seen,
}

impl Note {
    /// Those that are more than the end of an action.
    const OWN: [Self; 5] =
        [Self::MadeBefore, Self::TwoFactorOff, Self::OtherSessionsEnded, Self::CarriedOut, Self::Seen];

    /// The word by which it is stored.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done(action) => action.word(),
            Self::MadeBefore => "made-before",
            Self::TwoFactorOff => "two-factor-off",
            Self::OtherSessionsEnded => "other-sessions-ended",
            Self::CarriedOut => "carried-out",
            Self::Seen => "seen",
        }
    }

    /// What people read.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Done(action) => action.note(),
            Self::MadeBefore => {
                "This key was created when the form was sent the first time. Its secret was shown in that answer and cannot be \
                 shown again. If you did not see it, delete the key and create another one."
            }
            Self::TwoFactorOff => {
                "Two-factor sign-in is off. All your keys are held until you turn it on again."
            }
            Self::OtherSessionsEnded => "All other sessions have ended.",
            Self::CarriedOut => "The change is carried out.",
            Self::Seen => "All alerts are marked as seen.",
        }
    }

    /// The note of a stored word.
    pub fn read(word: &str) -> Option<Self> {
        let own = Self::OWN.into_iter().find(|note| note.word() == word);
        let done = || ActionKind::from_word(word).map(Self::Done);
        own.or_else(done).filter(|note| !note.text().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::Note;
    use keyward_rules::grant::ActionKind;

    #[test]
    fn a_word_names_one_note() {
        for note in Note::OWN {
            assert_eq!(Note::read(note.word()), Some(note));
            assert!(ActionKind::from_word(note.word()).is_none(), "{note:?}");
        }
        for action in ActionKind::ALL {
            let told = Note::read(action.word());
            assert_eq!(told, (!action.note().is_empty()).then_some(Note::Done(*action)));
        }
        for word in ["", "reset", "Seen", "seen ", "see", "<b>", "all keys are disabled"] {
            assert_eq!(Note::read(word), None, "{word}");
        }
    }
}
