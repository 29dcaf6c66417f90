//! Question: what is usual for a key, and of which signals does its holder not want to hear?

use keyward_rules::id::KeyId;
use keyward_rules::signal::{SignalChoices, Usual};
use keyward_store::StoreError;

use crate::{ActionContext, ActionError};

/// What is known of how a key is used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignalsView {
    /// Which signals are told.
    pub choices: SignalChoices,
    /// What was usual until some minutes ago; nothing for a key that was never used, or not for long.
    pub usual: Option<Usual>,
}

/// What is usual for a key within the actor's scope.
///
/// # Errors
/// [`ActionError::NoKey`].
#[crate::boxed]
pub async fn key_signals(context: &ActionContext<'_>, id: KeyId) -> Result<SignalsView, ActionError> {
    let reader = &context.authority.access.reader;
    reader.key(context.actor.scope(), id).await?.ok_or(ActionError::NoKey)?;
    let usual = match reader.baseline(id).await {
        Ok(baseline) => baseline.map(|baseline| baseline.usual()),
        // What somebody altered is learned anew, and nothing depends on it but what holders are told.
        Err(StoreError::Tampered { .. }) => None,
        Err(problem) => return Err(problem.into()),
    };
    Ok(SignalsView { choices: reader.notes(id).await?.signals, usual })
}
