//! Actions: end one session, or all others.

use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::person::SessionId;

use crate::{ActionContext, ActionError};

/// Ends one of the account's sessions, the own one included.
///
/// # Errors
/// [`ActionError::NoSession`] when the account has none of that name.
#[crate::boxed]
pub async fn end_session(
    context: &ActionContext<'_>,
    account: AccountId,
    id: SessionId,
) -> Result<(), ActionError> {
    let grant = context.actor.may(ActionKind::EndSession, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    if !tx.end_session(account, id).await? {
        return Err(ActionError::NoSession);
    }
    let event = Event::of(tx.grant(), context.now, &format!("session:{id}"), &[]);
    tx.commit(event).await?;
    Ok(())
}

/// Ends all sessions of the account but the actor's own; gives how many.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn end_other_sessions(context: &ActionContext<'_>, account: AccountId) -> Result<u64, ActionError> {
    let grant = context.actor.may(ActionKind::EndSession, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let ended = tx.end_sessions(account, context.session()).await?;
    let facts = [("ended", ended.to_string())];
    let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &facts);
    tx.commit(event).await?;
    Ok(ended)
}
