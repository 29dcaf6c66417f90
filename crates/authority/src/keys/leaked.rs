//! Action: report a key as leaked. It is disabled at once; the page then leads on to its successor.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::Revision;
use keyward_rules::key::{HolderState, LifecycleError};

use super::KeyNamed;
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Report a key as leaked: it is disabled if it is active, and the leak is written down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportLeak(pub KeyNamed);

#[async_trait]
impl Action for ReportLeak {
    type Reply = Option<Revision>;

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        self.0.plan(context, ActionKind::ReportLeak, "Disable as leaked").await
    }

    /// # Errors
    /// [`ActionError::NoKey`], [`ActionError::NotTheName`], [`ActionError::Life`] when it has ended.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let grant = context.actor.may(ActionKind::ReportLeak, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let mut key = self.0.find(context, &mut tx).await?;
        match key.life.state {
            HolderState::Active => key.life = key.life.disable()?,
            HolderState::Disabled => {}
            HolderState::Deleted { .. } | HolderState::Expired { .. } => {
                return Err(LifecycleError::Ended.into());
            }
        }
        let mut notes = tx.notes(key.id).await?;
        if notes.report_leak() {
            tx.set_notes(&notes).await?;
        }
        let alert = tell::about_key(context, AlertKind::KeyLeaked, &key, String::new());
        let subject = format!("key:{}", key.id);
        tx.update_key(key).await?;
        tell::notify_holder(context, &mut tx, alert).await?;
        let event = Event::of(tx.grant(), context.now, &subject, &[("state", "-> disabled, leaked".into())]);
        Ok(tx.commit(event).await?)
    }
}
