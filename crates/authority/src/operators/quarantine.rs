//! Action: stop somebody's key from trading. One operator does it, at once; the user can lift it with a step-up, which a freeze
//! does not allow.

use async_trait::async_trait;
use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::KeyId;
use keyward_rules::key::Hold;

use super::roles::acting;
use crate::keys::is_quarantined;
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Put a key in quarantine: it reads and cancels.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StopKey {
    /// The key.
    pub key: KeyId,
    /// The reason, for the audit log.
    pub why: String,
}

#[async_trait]
impl Action for StopKey {
    type Reply = ();

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let Self { key, why } = self;
        Ok(PendingAction {
            action: ActionKind::StopTrading,
            facts: vec![("key", key.to_string()), ("why", why.clone())],
            words: vec![format!("Stop trading with the API key {key}"), format!("Why: {why}")],
        })
    }

    /// # Errors
    /// [`ActionError::NoKey`]; [`ActionError::Unchanged`] when it is in quarantine; [`ActionError::Life`] when it has ended.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { key: id, why } = self;
        let grant = context.actor.may(ActionKind::StopTrading, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        acting(context, &mut tx).await?;
        let mut key = tx.key(id).await?.ok_or(ActionError::NoKey)?;
        if is_quarantined(&key) {
            return Err(ActionError::Unchanged);
        }
        key.life = key.life.hold(Hold::CancelOnly)?;
        // The user is told that it happened, and not by whom or from where.
        let alert = Alert {
            key: Some((id, key.name.to_string())),
            detail: "An operator put it in quarantine: it only reads and cancels.".to_owned(),
            ..Alert::of(AlertKind::KeyQuarantined, key.account, context.now)
        };
        tx.update_key(key).await?;
        tell::notify_holder(context, &mut tx, alert).await?;
        let facts = [("holds", "+ quarantine: reads and cancels only".to_owned()), ("why", why)];
        let event = Event::of(tx.grant(), context.now, &format!("key:{id}"), &facts);
        tx.commit(event).await?;
        Ok(())
    }
}
