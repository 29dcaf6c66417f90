//! Action: disable a key.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::Revision;

use super::KeyNamed;
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Disable a key: every gateway refuses it within the bound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DisableKey(pub KeyNamed);

#[async_trait]
impl Action for DisableKey {
    type Reply = Option<Revision>;

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        self.0.plan(context, ActionKind::DisableKey, "Disable").await
    }

    /// # Errors
    /// [`ActionError::NoKey`], [`ActionError::NotTheName`], [`ActionError::Life`] when it is disabled or has ended.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let grant = context.actor.may(ActionKind::DisableKey, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let mut key = self.0.find(context, &mut tx).await?;
        key.life = key.life.disable()?;
        let alert = tell::about_key(context, AlertKind::KeyDisabled, &key, String::new());
        let subject = format!("key:{}", key.id);
        tx.update_key(key).await?;
        tell::notify_holder(context, &mut tx, alert).await?;
        let event = Event::of(tx.grant(), context.now, &subject, &[("state", "active -> disabled".into())]);
        Ok(tx.commit(event).await?)
    }
}
