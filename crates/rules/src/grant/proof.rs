//! What a person proved just now. Values that only their checks make, used up by the grant.

use super::challenge::Approved;
use crate::approval::ChangeConsent;
use crate::id::AccountId;
use crate::limits::{BRAKE_LINK_MS, CODE_LIFE_MS};
use crate::person::{CodeKey, SessionId};
use crate::proposal::Passed;
use crate::time::Moment;

/// With what somebody showed who they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FactorKind {
    /// The password.
    Password,
    /// A code of the authenticator, used up.
    Totp,
    /// An assertion of a passkey that verified its holder; its ceremony is used up.
    Passkey,
    /// A recovery code, used up.
    RecoveryCode,
    /// Nothing beyond the mailbox: stands only where the account has no second factor, and so no key.
    Mailbox,
}

impl FactorKind {
    /// The word in the audit log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Totp => "totp",
            Self::Passkey => "passkey",
            Self::RecoveryCode => "recovery code",
            Self::Mailbox => "mailbox",
        }
    }
}

/// Whether an account has a second factor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TwoFactor {
    /// It has.
    On,
    /// It has not: no key can be made.
    Off,
}

/// What the check of a factor found; for codes, after the store took it as used for the first time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FactorAnswer {
    /// Right, and not used before.
    Right,
    /// Wrong, or used before.
    Wrong,
    /// Not even looked at: too many wrong tries.
    Paused,
}

/// A factor was not shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotProven {
    /// Wrong or used.
    #[error("this is wrong or was used before; the next code of an authenticator comes within 30 seconds")]
    Wrong,
    /// No code at all; not counted as a try.
    #[error(
        "this is not a code: an authenticator code has 6 digits, a recovery code 16 letters and digits; it was not counted as an attempt"
    )]
    Unreadable,
    /// Too many tries.
    #[error("too many wrong attempts; wait a while, or use another factor")]
    Paused,
}

/// A fresh factor of an account.
#[derive(Debug)]
pub struct Factor {
    account: AccountId,
    kind: FactorKind,
    two_factor: TwoFactor,
}

impl Factor {
    /// Turns the answer of a check into evidence.
    ///
    /// # Errors
    /// [`NotProven`] unless it was right.
    pub const fn settle(
        account: AccountId,
        kind: FactorKind,
        two_factor: TwoFactor,
        answer: FactorAnswer,
    ) -> Result<Self, NotProven> {
        match answer {
            FactorAnswer::Right => Ok(Self { account, kind, two_factor }),
            FactorAnswer::Wrong => Err(NotProven::Wrong),
            FactorAnswer::Paused => Err(NotProven::Paused),
        }
    }

    /// Whose.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// Which.
    #[must_use]
    pub const fn kind(&self) -> FactorKind {
        self.kind
    }

    /// Whether it can stand as the second factor of a step-up: the password can only where there is no other.
    #[must_use]
    pub const fn is_second(&self) -> bool {
        match (self.kind, self.two_factor) {
            (FactorKind::Totp | FactorKind::Passkey | FactorKind::RecoveryCode, _)
            | (FactorKind::Password | FactorKind::Mailbox, TwoFactor::Off) => true,
            (FactorKind::Password | FactorKind::Mailbox, TwoFactor::On) => false,
        }
    }
}

/// The one link of our mails: it can do nothing but disable an account's keys, for a day.
#[derive(Debug)]
pub struct BrakeLink {
    account: AccountId,
}

impl BrakeLink {
    /// The text of the link's last part, signed under the deployment's key.
    #[must_use]
    pub fn text(key: &CodeKey, account: AccountId, now: Moment) -> String {
        let until = now.plus_ms(BRAKE_LINK_MS).unix_ms();
        format!("{account}.{until}.{}", Self::mac(key, account, until))
    }

    /// Reads a link that is good at `now`; `None` for every other text.
    #[must_use]
    pub fn parse(key: &CodeKey, text: &str, now: Moment) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let account: AccountId = parts.next()?.parse().ok()?;
        let until: u64 = parts.next()?.parse().ok()?;
        let mac = parts.next()?;
        let expected = Self::mac(key, account, until);
        let same: bool = subtle::ConstantTimeEq::ct_eq(expected.as_bytes(), mac.as_bytes()).into();
        (same && now.unix_ms() < until).then_some(Self { account })
    }

    /// Whose keys it can disable.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.account
    }

    fn mac(key: &CodeKey, account: AccountId, until: u64) -> String {
        let tag = key.tag("brake link", &account.to_string(), &until.to_be_bytes());
        tag.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The session in which an account was made, while the code that proved its address is fresh. In it the first second factor
/// is set up without another code (docs/decisions/0030).
#[derive(Debug)]
pub struct FirstSession {
    account: AccountId,
    session: SessionId,
}

impl FirstSession {
    /// `None` unless the session began with its account, at most ten minutes before `now`, and the account has no second factor.
    #[must_use]
    pub const fn settle(
        (account, made_at): (AccountId, Moment),
        (session, began_at): (SessionId, Moment),
        two_factor: TwoFactor,
        now: Moment,
    ) -> Option<Self> {
        let began_with_it = made_at.unix_ms() == began_at.unix_ms();
        let fresh = now.unix_ms() < began_at.plus_ms(CODE_LIFE_MS).unix_ms();
        match two_factor {
            TwoFactor::Off if began_with_it && fresh => Some(Self { account, session }),
            TwoFactor::Off | TwoFactor::On => None,
        }
    }

    /// Whose.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// Which session.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        self.session
    }
}

/// What is laid on the table for an action.
#[derive(Debug)]
pub enum Proof {
    /// Nothing beside who the actor is.
    None,
    /// One fresh factor.
    Factor(Factor),
    /// A code by mail.
    Mail(Approved),
    /// Both.
    StepUp(Approved, Factor),
    /// The session in which the account was made; for its first second factor only.
    FirstSession(FirstSession),
    /// The link of an alert.
    Link(BrakeLink),
    /// A proposal that enough operators approved.
    Passed(Passed),
    /// The approval of the master account for a request of its key.
    Consent(ChangeConsent),
}

#[cfg(test)]
mod tests {
    use super::{BrakeLink, FirstSession, TwoFactor};
    use crate::id::AccountId;
    use crate::limits::{BRAKE_LINK_MS, CODE_LIFE_MS};
    use crate::person::{CodeKey, SessionId};
    use crate::time::Moment;

    #[test]
    fn a_brake_link_is_for_one_account_and_one_day() {
        let (key, account) = (CodeKey::new([1; 32]), AccountId::from_u64(7).unwrap());
        let text = BrakeLink::text(&key, account, Moment::from_unix_ms(0));
        let at = |ms| BrakeLink::parse(&key, &text, Moment::from_unix_ms(ms));
        assert_eq!(at(BRAKE_LINK_MS - 1).unwrap().account(), account);
        assert!(at(BRAKE_LINK_MS).is_none());
        assert!(BrakeLink::parse(&key, &text.replacen('7', "8", 1), Moment::from_unix_ms(0)).is_none());
        assert!(BrakeLink::parse(&CodeKey::new([2; 32]), &text, Moment::from_unix_ms(0)).is_none());
    }

    #[test]
    fn a_first_session_began_with_its_account_a_short_time_ago_and_has_no_factor() {
        let (account, session) = (AccountId::from_u64(7).unwrap(), SessionId::from_entropy([1; 16]));
        let at = Moment::from_unix_ms;
        let first = |made, began, two_factor, now| {
            FirstSession::settle((account, at(made)), (session, at(began)), two_factor, at(now))
        };
        let made = 5_000;
        let last = made + CODE_LIFE_MS - 1;
        for now in [made, made + 1, last] {
            let found = first(made, made, TwoFactor::Off, now).unwrap();
            assert_eq!((found.account(), found.session()), (account, session));
            assert!(first(made, made, TwoFactor::On, now).is_none());
            assert!(first(made, made + 1, TwoFactor::Off, now).is_none(), "a session that began later");
            assert!(first(made - 1, made, TwoFactor::Off, now).is_none(), "an account from before");
        }
        assert!(first(made, made, TwoFactor::Off, last + 1).is_none());
    }
}
