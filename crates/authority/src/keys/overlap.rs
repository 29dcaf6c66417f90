//! Action: end the overlap of a rotation now, because the successor does all the work.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::Revision;
use keyward_rules::key::{EndCause, Place};

use super::{KeyNamed, place_in};
use crate::{Action, ActionError, Desk, PendingAction, tell};

/// End the predecessor of a rotation before its overlap is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndOverlap(pub KeyNamed);

#[async_trait]
impl Action for EndOverlap {
    type Reply = Option<Revision>;

    async fn plan(&self, desk: &Desk<'_>) -> Result<PendingAction, ActionError> {
        self.0.plan(desk, ActionKind::EndOverlap, "End the overlap of").await
    }

    /// # Errors
    /// [`ActionError::NoKey`], [`ActionError::NotTheName`], [`ActionError::Unchanged`] when no successor of it lives,
    /// [`ActionError::Life`] when it has ended.
    async fn perform(self, desk: &Desk<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let grant = desk.actor.may(ActionKind::EndOverlap, proof)?;
        let mut tx = desk.authority.access.writer.begin(grant, desk.now).await?;
        let mut key = self.0.find(desk, &mut tx).await?;
        let notes = tx.notes(key.id).await?;
        if place_in(&mut tx, &notes, desk.now).await? == Place::Own {
            return Err(ActionError::Unchanged);
        }
        key.life = key.life.expire(desk.now, EndCause::Date)?;
        let alert = tell::about_key(desk, AlertKind::KeyExpired, &key, "Its successor took over.".to_owned());
        let subject = format!("key:{}", key.id);
        tx.update_key(key).await?;
        tell::tell(desk, &mut tx, alert).await?;
        let event = Event::of(tx.grant(), desk.now, &subject, &[("state", "-> expired".into())]);
        Ok(tx.commit(event).await?)
    }
}
