//! Action: disable several keys.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::KeyId;
use keyward_rules::key::HolderState;

use super::KeySet;
use super::key_set::DoneTo;
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Disable the selected keys in one transaction. Those that are disabled already stay as they are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DisableKeys(pub KeySet);

#[async_trait]
impl Action for DisableKeys {
    /// Those that were disabled now.
    type Reply = Vec<KeyId>;

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        self.0.plan(context, ActionKind::DisableKeys, "Disable").await
    }

    /// # Errors
    /// [`ActionError::NoKey`], [`ActionError::Life`] when one has ended, [`ActionError::Unchanged`] when all are disabled
    /// already; then none is changed.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let grant = context.actor.may(ActionKind::DisableKeys, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let mut subject = String::new();
        let mut done = DoneTo::none("disabled");
        for mut key in self.0.find(context, &mut tx).await? {
            if key.life.state == HolderState::Disabled {
                continue;
            }
            key.life = key.life.disable()?;
            subject = format!("account:{}", key.account);
            done.add(&key);
            let alert = tell::about_key(context, AlertKind::KeyDisabled, &key, String::new());
            tx.update_key(key).await?;
            tell::notify_holder(context, &mut tx, alert).await?;
        }
        if done.ids.is_empty() {
            return Err(ActionError::Unchanged);
        }
        let event = Event::of(tx.grant(), context.now, &subject, &done.facts());
        tx.commit(event).await?;
        Ok(done.ids)
    }
}
