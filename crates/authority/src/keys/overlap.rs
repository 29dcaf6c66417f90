//! Action: end the overlap of a rotation now, because the successor does all the work.

use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{Action, Proof};
use keyward_rules::id::Revision;
use keyward_rules::key::{EndCause, Place};

use super::{KeyNamed, place_in};
use crate::{ActionError, Desk, Matter, tell};

/// What ending an overlap is confirmed as.
#[must_use]
pub fn overlap_matter(which: &KeyNamed) -> Matter {
    which.matter(Action::EndOverlap, "End the overlap of")
}

/// Ends the predecessor of a rotation.
///
/// # Errors
/// [`ActionError::NoKey`], [`ActionError::NotTheName`], [`ActionError::Unchanged`] when no successor of it lives,
/// [`ActionError::Life`] when it has ended.
#[crate::boxed]
pub async fn end_overlap(
    desk: &Desk<'_>,
    proof: Proof,
    which: &KeyNamed,
) -> Result<Option<Revision>, ActionError> {
    let grant = desk.actor.may(Action::EndOverlap, proof)?;
    let mut tx = desk.authority.access.writer.begin(grant, desk.now).await?;
    let mut key = which.find(desk, &mut tx).await?;
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
