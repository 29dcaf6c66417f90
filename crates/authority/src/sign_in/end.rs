//! Actions: end one session, or all others.

use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::person::SessionId;

use crate::{ActionError, Desk};

/// Ends one of the account's sessions, the own one included.
///
/// # Errors
/// [`ActionError::NoSession`] when the account has none of that name.
#[crate::boxed]
pub async fn end_session(desk: &Desk<'_>, account: AccountId, id: SessionId) -> Result<(), ActionError> {
    let grant = desk.actor.may(ActionKind::EndSession, Proof::None)?;
    let mut tx = desk.authority.access.writer.begin(grant, desk.now).await?;
    if !tx.end_session(account, id).await? {
        return Err(ActionError::NoSession);
    }
    let event = Event::of(tx.grant(), desk.now, &format!("session:{id}"), &[]);
    tx.commit(event).await?;
    Ok(())
}

/// Ends all sessions of the account but the actor's own; gives how many.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn end_other_sessions(desk: &Desk<'_>, account: AccountId) -> Result<u64, ActionError> {
    let grant = desk.actor.may(ActionKind::EndSession, Proof::None)?;
    let mut tx = desk.authority.access.writer.begin(grant, desk.now).await?;
    let ended = tx.end_sessions(account, desk.session()).await?;
    let facts = [("ended", ended.to_string())];
    let event = Event::of(tx.grant(), desk.now, &format!("account:{account}"), &facts);
    tx.commit(event).await?;
    Ok(ended)
}
