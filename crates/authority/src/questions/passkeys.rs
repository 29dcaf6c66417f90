//! Question: which passkeys has an account?

use keyward_rules::id::AccountId;
use keyward_rules::person::PasskeyId;
use keyward_rules::time::Moment;

use crate::{ActionContext, ActionError};

/// A passkey as its holder sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PasskeyView {
    /// Its id.
    pub id: PasskeyId,
    /// What its holder calls it.
    pub name: String,
    /// Since when.
    pub created_at: Moment,
    /// When it was last used.
    pub last_used_at: Option<Moment>,
}

/// The passkeys of an account within the actor's scope, oldest first.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn list_passkeys(
    context: &ActionContext<'_>,
    account: AccountId,
) -> Result<Vec<PasskeyView>, ActionError> {
    let records = context.authority.access.reader.passkeys_of(context.actor.scope(), account).await?;
    let view = |record: keyward_store::PasskeyRecord| PasskeyView {
        id: record.id,
        name: record.name,
        created_at: record.created_at,
        last_used_at: record.last_used_at,
    };
    Ok(records.into_iter().map(view).collect())
}

/// One of them.
///
/// # Errors
/// [`ActionError::NoPasskey`].
#[crate::boxed]
pub async fn show_passkey(
    context: &ActionContext<'_>,
    account: AccountId,
    id: PasskeyId,
) -> Result<PasskeyView, ActionError> {
    let all = list_passkeys(context, account).await?;
    all.into_iter().find(|passkey| passkey.id == id).ok_or(ActionError::NoPasskey)
}
