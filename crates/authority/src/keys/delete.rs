//! Action: delete a key for good.

use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{Action, Proof};
use keyward_rules::id::Revision;

use super::KeyNamed;
use crate::{ActionError, Desk, Matter, tell};

/// What deleting a key is confirmed as.
#[must_use]
pub fn delete_matter(which: &KeyNamed) -> Matter {
    which.matter(Action::DeleteKey, "Delete")
}

/// Turns the key into a tombstone and erases its seal.
///
/// # Errors
/// [`ActionError::NoKey`], [`ActionError::NotTheName`], [`ActionError::Life`] when it has ended already.
#[crate::boxed]
pub async fn delete_key(
    desk: &Desk<'_>,
    proof: Proof,
    which: &KeyNamed,
) -> Result<Option<Revision>, ActionError> {
    let grant = desk.actor.may(Action::DeleteKey, proof)?;
    let mut tx = desk.authority.access.writer.begin(grant, desk.now).await?;
    let mut key = which.find(desk, &mut tx).await?;
    key.life = key.life.delete(desk.now)?;
    let alert = tell::about_key(desk, AlertKind::KeyDeleted, &key, String::new());
    let subject = format!("key:{}", key.id);
    let facts = [("name", key.name.to_string()), ("state", "-> deleted".to_owned())];
    tx.update_key(key).await?;
    tell::tell(desk, &mut tx, alert).await?;
    let event = Event::of(tx.grant(), desk.now, &subject, &facts);
    Ok(tx.commit(event).await?)
}
