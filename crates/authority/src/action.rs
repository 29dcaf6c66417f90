//! The one shape of every action: a request, the plan that is proven, and the change.

use async_trait::async_trait;
use keyward_rules::grant::{ActionKind, Proof};

use crate::{ActionContext, ActionError};

/// What is to be approved: its exact parameters, which are hashed, and the words that the user reads.
pub struct PendingAction {
    /// Which action.
    pub action: ActionKind,
    /// Every parameter. It may hold secrets: only the keyed hash is kept.
    pub facts: Vec<(&'static str, String)>,
    /// A lead and one line per fact, without secrets.
    pub words: Vec<String>,
}

/// A change that somebody asks for. The value is the whole request, read and typed.
///
/// Pages, API and command line use the same value. Pages and API go through all three steps; at the host there is nothing to be
/// proven, so the command line performs at once:
///
/// 1. `judge` refuses what cannot be done, before anybody is asked for a proof. It is left out for the answer to a challenge,
///    because the request was judged when the challenge was made.
/// 2. `plan` says what is to be proven, in words and as facts.
/// 3. `perform` makes the change with that proof. It judges the request again inside its transaction, and commits the change
///    together with its audit record.
#[async_trait]
pub trait Action: Sized + Send + Sync {
    /// What the one who asked gets back.
    type Reply: Send;

    /// Judges the request and changes nothing; for actions whose `plan` does not do so already.
    ///
    /// # Errors
    /// As [`Action::perform`], but for what only a proof may learn.
    async fn judge(&self, _: &ActionContext<'_>) -> Result<(), ActionError> {
        Ok(())
    }

    /// What is to be proven. Changes nothing.
    ///
    /// # Errors
    /// As [`Action::perform`], but for what only a proof may learn.
    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError>;

    /// Makes the change.
    ///
    /// # Errors
    /// [`ActionError::NotAllowed`] when the proof is not the one that the action asks of this actor; every other by rule.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError>;
}
