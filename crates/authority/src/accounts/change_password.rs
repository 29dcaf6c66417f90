//! Action: choose another password.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::secret::Secret;

use super::rest;
use crate::hashing::HashPriority;
use crate::prove::source;
use crate::{Action, ActionContext, ActionError, PendingAction, strength, tell};

/// Choose another password: all other sessions end, and keys that move funds are held for a day.
pub struct ChangePassword {
    /// Whose.
    pub account: AccountId,
    /// The new one, as typed.
    pub password: Secret<String>,
}

#[async_trait]
impl Action for ChangePassword {
    type Reply = ();

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        Ok(PendingAction {
            action: ActionKind::ChangePassword,
            facts: vec![("password", self.password.expose().clone())],
            words: vec![
                "Change the password of your account".to_owned(),
                "All other sessions end. Keys that may withdraw, move funds or manage are held for 24 hours."
                    .to_owned(),
            ],
        })
    }

    /// # Errors
    /// [`ActionError::WeakPassword`], [`ActionError::Password`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { account, password } = self;
        let password = strength::choose(password.expose(), &["keyward"])?;
        let hash = context
            .authority
            .hasher
            .hash((source(context), HashPriority::Known), password, context.random())
            .await?;
        let grant = context.actor.may(ActionKind::ChangePassword, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        tx.set_password(account, &hash).await?;
        tx.end_sessions(account, context.session()).await?;
        rest(context, &mut tx, account).await?;
        let alert = tell::by_actor(context, AlertKind::PasswordChanged, account, String::new());
        tell::notify_holder(context, &mut tx, alert).await?;
        let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &[]);
        tx.commit(event).await?;
        Ok(())
    }
}
