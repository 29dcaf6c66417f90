//! Action: delete several keys for good.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::KeyId;

use super::KeySet;
use super::key_set::DoneTo;
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Delete the selected keys in one transaction: they become tombstones, and their seals are erased.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeleteKeys(pub KeySet);

#[async_trait]
impl Action for DeleteKeys {
    /// Those that were deleted.
    type Reply = Vec<KeyId>;

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        self.0.plan(context, ActionKind::DeleteKeys, "Delete").await
    }

    /// # Errors
    /// [`ActionError::NoKey`], [`ActionError::Life`] when one has ended already; then none is deleted.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let grant = context.actor.may(ActionKind::DeleteKeys, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let mut subject = String::new();
        let mut done = DoneTo::none("deleted");
        for mut key in self.0.find(context, &mut tx).await? {
            key.life = key.life.delete(context.now)?;
            subject = format!("account:{}", key.account);
            done.add(&key);
            let alert = tell::about_key(context, AlertKind::KeyDeleted, &key, String::new());
            tx.update_key(key).await?;
            tell::notify_holder(context, &mut tx, alert).await?;
        }
        let event = Event::of(tx.grant(), context.now, &subject, &done.facts());
        tx.commit(event).await?;
        Ok(done.ids)
    }
}
