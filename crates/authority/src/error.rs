//! Why an action did not happen; texts are for people and say what to do.

use keyward_rules::grant::NotAllowed;
use keyward_rules::key::{KeyRefusal, LifeRefusal};
use keyward_store::StoreError;

/// An action that did not happen. Nothing else changed.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// The actor may not.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// A rule on new keys.
    #[error(transparent)]
    Key(#[from] KeyRefusal),
    /// A rule of the life cycle.
    #[error(transparent)]
    Life(#[from] LifeRefusal),
    /// No such account.
    #[error("there is no such account; make it with `keyward account create`")]
    NoAccount,
    /// No such key.
    #[error("there is no such key; `keyward key list` shows the account's keys")]
    NoKey,
    /// No such app.
    #[error("there is no such app")]
    NoApp,
    /// The store failed or refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}
