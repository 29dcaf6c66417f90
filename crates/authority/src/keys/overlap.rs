//! Action: end the overlap of a rotation now, because the successor does all the work.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::Revision;
use keyward_rules::key::{EndCause, Place};

use super::{KeyNamed, place_in};
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// End the predecessor of a rotation before its overlap is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndOverlap(pub KeyNamed);

#[async_trait]
impl Action for EndOverlap {
    type Reply = Option<Revision>;

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        self.0.plan(context, ActionKind::EndOverlap, "End the overlap of").await
    }

    /// # Errors
    /// [`ActionError::NoKey`], [`ActionError::NotTheName`], [`ActionError::Unchanged`] when no successor of it lives,
    /// [`ActionError::Life`] when it has ended.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let grant = context.actor.may(ActionKind::EndOverlap, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let mut key = self.0.find(context, &mut tx).await?;
        let notes = tx.notes(key.id).await?;
        if place_in(&mut tx, &notes, context.now).await? == Place::Own {
            return Err(ActionError::Unchanged);
        }
        key.life = key.life.expire(context.now, EndCause::Date)?;
        let alert =
            tell::about_key(context, AlertKind::KeyExpired, &key, "Its successor took over.".to_owned());
        let subject = format!("key:{}", key.id);
        tx.update_key(key).await?;
        tell::notify_holder(context, &mut tx, alert).await?;
        let event = Event::of(tx.grant(), context.now, &subject, &[("state", "-> expired".into())]);
        Ok(tx.commit(event).await?)
    }
}
