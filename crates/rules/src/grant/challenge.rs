//! A code that was sent by mail, and what exactly it approves.

use super::action::ActionKind;
use crate::id::AccountId;
use crate::limits::CODE_TRIES;
use crate::person::{CodeTag, MailCode, SessionId};
use crate::time::Moment;

/// A challenge as it stands in the store when one try of it has been counted.
pub struct Challenge {
    /// What it approves.
    pub action: ActionKind,
    /// Whose, if there is an account yet.
    pub account: Option<AccountId>,
    /// The session that it was made in; none before sign-in.
    pub session: Option<SessionId>,
    /// The keyed hash of the exact parameters.
    pub intent: CodeTag,
    /// The keyed hash of the code.
    pub code: CodeTag,
    /// How long it is good.
    pub expires_at: Moment,
    /// Tries so far, this one included.
    pub tries: u32,
}

/// What somebody answers.
pub struct Answer {
    /// For what.
    pub action: ActionKind,
    /// From which session.
    pub session: Option<SessionId>,
    /// With which parameters, as their keyed hash.
    pub intent: CodeTag,
    /// The keyed hash of the code.
    pub code: CodeTag,
}

/// A challenge that does not approve.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotApproved {
    /// Another code.
    #[error("this is not the code that was sent")]
    Wrong,
    /// No code at all; not counted as a try.
    #[error(
        "this is not a code: a code in a mail has {} digits; it was not counted as an attempt",
        MailCode::DIGITS
    )]
    Unreadable,
    /// Over, used, or never there: which of these is not told.
    #[error("this approval has expired or was used; start again to get a new code")]
    Over,
    /// Made for something else.
    #[error("the code was sent for another request; start again to get a new code")]
    OtherIntent,
}

/// One approval, for one action with its exact parameters, from one session.
#[derive(Debug)]
pub struct Approved {
    action: ActionKind,
    account: Option<AccountId>,
    session: Option<SessionId>,
}

impl Challenge {
    /// Holds an answer against the challenge. The caller has counted the try before, and uses the challenge up
    /// after.
    ///
    /// # Errors
    /// [`NotApproved`].
    pub fn settle(&self, answer: &Answer, now: Moment) -> Result<Approved, NotApproved> {
        if now >= self.expires_at || self.tries > CODE_TRIES {
            return Err(NotApproved::Over);
        }
        if answer.session != self.session {
            return Err(NotApproved::Over);
        }
        if answer.action != self.action || !answer.intent.matches(&self.intent) {
            return Err(NotApproved::OtherIntent);
        }
        if !answer.code.matches(&self.code) {
            return Err(NotApproved::Wrong);
        }
        Ok(Approved { action: self.action, account: self.account, session: self.session })
    }
}

impl Approved {
    /// For what.
    #[must_use]
    pub const fn action(&self) -> ActionKind {
        self.action
    }

    /// Whose, if there was an account.
    #[must_use]
    pub const fn account(&self) -> Option<AccountId> {
        self.account
    }

    /// From which session.
    #[must_use]
    pub const fn session(&self) -> Option<SessionId> {
        self.session
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Challenge, NotApproved};
    use crate::grant::ActionKind;
    use crate::person::{CodeTag, SessionId};
    use crate::time::Moment;

    fn tag(byte: u8) -> CodeTag {
        CodeTag::from_bytes([byte; 32])
    }

    fn challenge(tries: u32) -> Challenge {
        Challenge {
            action: ActionKind::IssueKey,
            account: None,
            session: Some(SessionId::from_entropy([1; 16])),
            intent: tag(1),
            code: tag(2),
            expires_at: Moment::from_unix_ms(100),
            tries,
        }
    }

    fn answer() -> Answer {
        Answer {
            action: ActionKind::IssueKey,
            session: Some(SessionId::from_entropy([1; 16])),
            intent: tag(1),
            code: tag(2),
        }
    }

    #[test]
    fn approves_only_what_it_was_made_for() {
        let at = Moment::from_unix_ms;
        let verdict = |answer: Answer, tries, now| challenge(tries).settle(&answer, at(now)).map(|_| ());
        assert_eq!(verdict(answer(), 1, 99), Ok(()));
        assert_eq!(verdict(answer(), 5, 99), Ok(()));
        assert_eq!(verdict(answer(), 6, 99), Err(NotApproved::Over));
        assert_eq!(verdict(answer(), 1, 100), Err(NotApproved::Over));
        assert_eq!(verdict(Answer { code: tag(3), ..answer() }, 1, 0), Err(NotApproved::Wrong));
        assert_eq!(verdict(Answer { intent: tag(3), ..answer() }, 1, 0), Err(NotApproved::OtherIntent));
        assert_eq!(
            verdict(Answer { action: ActionKind::EnableKey, ..answer() }, 1, 0),
            Err(NotApproved::OtherIntent)
        );
        let other = Some(SessionId::from_entropy([2; 16]));
        assert_eq!(verdict(Answer { session: other, ..answer() }, 1, 0), Err(NotApproved::Over));
        assert_eq!(verdict(Answer { session: None, ..answer() }, 1, 0), Err(NotApproved::Over));
    }
}
