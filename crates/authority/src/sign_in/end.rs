//! Actions: end one session, or all others.

use async_trait::async_trait;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::person::SessionId;

use crate::{Action, ActionContext, ActionError, PendingAction};

/// End one of the account's sessions, the own one included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EndSession {
    /// Of which account.
    pub account: AccountId,
    /// Which.
    pub session: SessionId,
}

#[async_trait]
impl Action for EndSession {
    type Reply = ();

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        Ok(PendingAction {
            action: ActionKind::EndSession,
            facts: vec![("session", self.session.to_string())],
            words: vec!["End a session of your account".to_owned()],
        })
    }

    /// # Errors
    /// [`ActionError::NoSession`] when the account has none of that name.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { account, session } = self;
        let grant = context.actor.may(ActionKind::EndSession, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        if !tx.end_session(account, session).await? {
            return Err(ActionError::NoSession);
        }
        let event = Event::of(tx.grant(), context.now, &format!("session:{session}"), &[]);
        tx.commit(event).await?;
        Ok(())
    }
}

/// End all sessions of the account except the actor's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EndOtherSessions(pub AccountId);

#[async_trait]
impl Action for EndOtherSessions {
    /// How many have ended.
    type Reply = u64;

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        Ok(PendingAction {
            action: ActionKind::EndSession,
            facts: vec![("account", self.0.to_string())],
            words: vec!["End all other sessions of your account".to_owned()],
        })
    }

    /// # Errors
    /// [`ActionError::Store`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self(account) = self;
        let grant = context.actor.may(ActionKind::EndSession, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let ended = tx.end_sessions(account, context.session()).await?;
        let facts = [("ended", ended.to_string())];
        let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &facts);
        tx.commit(event).await?;
        Ok(ended)
    }
}
