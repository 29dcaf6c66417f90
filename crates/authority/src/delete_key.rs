//! Action: delete a key for good.

use keyward_rules::event::Event;
use keyward_rules::grant::Action;
use keyward_rules::id::{KeyId, Revision};

use crate::{ActionError, Desk};

/// Turns the key into a tombstone and erases its seal.
///
/// # Errors
/// [`ActionError::NoKey`], [`ActionError::Life`] when it has ended already.
pub async fn delete_key(desk: &Desk<'_>, id: KeyId) -> Result<Option<Revision>, ActionError> {
    let grant = desk.actor.may(Action::DeleteKey)?;
    let mut tx = desk.writer.begin(grant, desk.now).await?;
    let mut key = tx.key(id).await?.ok_or(ActionError::NoKey)?;
    key.life = key.life.delete(desk.now)?;
    let facts = [("name", key.name.to_string()), ("state", "-> deleted".to_owned())];
    tx.update_key(key).await?;
    let event = Event::of(tx.grant(), desk.now, &format!("key:{id}"), &facts);
    Ok(tx.commit(event).await?)
}
