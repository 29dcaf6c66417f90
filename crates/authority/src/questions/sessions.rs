//! Question: who is signed in?

use keyward_rules::id::AccountId;
use keyward_rules::person::{SessionId, Token};
use keyward_rules::time::Moment;
use keyward_store::{SessionKind, SessionRecord, Stage};

use crate::{ActionContext, ActionError};

/// An open session as its owner sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionView {
    /// Its name, by which it can be ended.
    pub id: SessionId,
    /// Browser or program.
    pub kind: SessionKind,
    /// From which device.
    pub device: String,
    /// From which address.
    pub from: String,
    /// When it began.
    pub began_at: Moment,
    /// When it was last used.
    pub seen_at: Moment,
    /// When it ends if nobody uses it.
    pub ends_at: Moment,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// The open sessions of an account within the actor's scope, freshest first.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn list_sessions(
    context: &ActionContext<'_>,
    account: AccountId,
) -> Result<Vec<SessionView>, ActionError> {
    let rows = context.authority.access.reader.sessions_of(context.actor.scope(), account).await?;
    let current = context.session();
    let open = rows.into_iter().filter(|row| row.stage == Stage::Full && !row.life.is_over(context.now));
    Ok(open
        .map(|row| SessionView {
            id: row.id,
            kind: row.kind,
            device: row.device,
            from: row.source,
            began_at: row.life.began_at,
            seen_at: row.life.seen_at,
            ends_at: row.life.ends_at(),
            current: current == Some(row.id),
        })
        .collect())
}

/// Whether somebody sits there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// A person or program does something: the session goes on.
    Acting,
    /// A page refreshes itself: the session runs on towards its end.
    Watching,
}

/// The session that a token opens, whatever its stage.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn open_session(
    context: &ActionContext<'_>,
    token: &Token,
    presence: Presence,
) -> Result<Option<SessionRecord>, ActionError> {
    let door = &context.authority.access.door;
    let found = door.session(&token.hash(), context.now).await?;
    if let (Some(session), Presence::Acting) = (&found, presence) {
        door.touch(session, context.now).await?;
    }
    Ok(found)
}
