//! Action: delete a key for good.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::Revision;

use super::KeyNamed;
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Delete a key: it becomes a tombstone, and its seal is erased.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeleteKey(pub KeyNamed);

#[async_trait]
impl Action for DeleteKey {
    type Reply = Option<Revision>;

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        self.0.plan(context, ActionKind::DeleteKey, "Delete").await
    }

    /// # Errors
    /// [`ActionError::NoKey`], [`ActionError::NotTheName`], [`ActionError::Life`] when it has ended already.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let grant = context.actor.may(ActionKind::DeleteKey, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let mut key = self.0.find(context, &mut tx).await?;
        key.life = key.life.delete(context.now)?;
        let alert = tell::about_key(context, AlertKind::KeyDeleted, &key, String::new());
        let subject = format!("key:{}", key.id);
        let facts = [("name", key.name.to_string()), ("state", "-> deleted".to_owned())];
        tx.update_key(key).await?;
        tell::notify_holder(context, &mut tx, alert).await?;
        let event = Event::of(tx.grant(), context.now, &subject, &facts);
        Ok(tx.commit(event).await?)
    }
}
