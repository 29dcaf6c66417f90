//! Who may do which management action, and the proof that somebody asked.
//!
//! A [`Grant`] can only come from [`Actor::may`], and a write transaction takes one by value, so a change
//! without a permission check does not compile.

use std::fmt;

/// Who acts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Actor {
    /// A person at the host with the master key at hand, by the system's user name: an operator.
    Host(String),
    /// A duty of the system itself: the sweep, the sandbox's fixtures.
    System(&'static str),
}

impl fmt::Display for Actor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(user) => write!(out, "host:{user}"),
            Self::System(duty) => write!(out, "system:{duty}"),
        }
    }
}

/// Everything that changes something, one word each; the audit log's vocabulary.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Action {
    /// Create an account.
    CreateAccount,
    /// Create a sub-account.
    CreateSubAccount,
    /// Make a key.
    IssueKey,
    /// Disable a key.
    DisableKey,
    /// Enable a key.
    EnableKey,
    /// Delete a key.
    DeleteKey,
    /// Freeze a key.
    FreezeKey,
    /// End idle and dated keys.
    SweepKeys,
    /// Write the sandbox's fixtures for features that have no action yet.
    SeedSandbox,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::CreateAccount,
        Self::CreateSubAccount,
        Self::IssueKey,
        Self::DisableKey,
        Self::EnableKey,
        Self::DeleteKey,
        Self::FreezeKey,
        Self::SweepKeys,
        Self::SeedSandbox,
    ];

    /// The word in the audit log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::CreateAccount => "account.create",
            Self::CreateSubAccount => "sub_account.create",
            Self::IssueKey => "key.issue",
            Self::DisableKey => "key.disable",
            Self::EnableKey => "key.enable",
            Self::DeleteKey => "key.delete",
            Self::FreezeKey => "key.freeze",
            Self::SweepKeys => "key.sweep",
            Self::SeedSandbox => "sandbox.seed",
        }
    }
}

/// The proof that `actor` was allowed `action`; used up by the transaction.
#[derive(Debug)]
pub struct Grant {
    actor: Actor,
    action: Action,
}

impl Grant {
    /// Who.
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// What.
    #[must_use]
    pub const fn action(&self) -> Action {
        self.action
    }
}

/// The actor may not do that.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{actor} may not {}", action.word())]
pub struct NotAllowed {
    /// Who.
    pub actor: Actor,
    /// What.
    pub action: Action,
}

impl Actor {
    /// Asks for the right to do `action`.
    ///
    /// # Errors
    /// [`NotAllowed`] by the matrix: the host does what people ask, the system only its duties.
    pub fn may(&self, action: Action) -> Result<Grant, NotAllowed> {
        let allowed = match (self, action) {
            (Self::Host(_), Action::SweepKeys | Action::SeedSandbox) => false,
            (Self::Host(_), _) => true,
            (Self::System("sweep"), Action::SweepKeys) => true,
            (
                Self::System("sandbox"),
                Action::CreateAccount
                | Action::CreateSubAccount
                | Action::IssueKey
                | Action::DisableKey
                | Action::DeleteKey
                | Action::FreezeKey
                | Action::SeedSandbox,
            ) => true,
            (Self::System(_), _) => false,
        };
        if allowed {
            Ok(Grant { actor: self.clone(), action })
        } else {
            Err(NotAllowed { actor: self.clone(), action })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, Actor};

    #[test]
    fn duties_do_their_own_work_only() {
        let sweep = Actor::System("sweep");
        for action in Action::ALL {
            assert_eq!(sweep.may(action).is_ok(), action == Action::SweepKeys, "{action:?}");
            assert!(Actor::System("unheard-of").may(action).is_err());
        }
        assert!(Actor::Host("ops".into()).may(Action::SeedSandbox).is_err());
    }
}
