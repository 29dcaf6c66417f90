//! Action: lay an operator's hold on a key.

use keyward_rules::event::Event;
use keyward_rules::grant::{Action, Proof};
use keyward_rules::id::{KeyId, Revision};
use keyward_rules::key::Hold;

use crate::{ActionError, Desk};

/// Freezes the key, whatever its holder made of it.
///
/// # Errors
/// [`ActionError::NoKey`], [`ActionError::Life`] when it has ended.
pub async fn freeze_key(desk: &Desk<'_>, id: KeyId) -> Result<Option<Revision>, ActionError> {
    let grant = desk.actor.may(Action::FreezeKey, Proof::None)?;
    let mut tx = desk.authority.access.writer.begin(grant, desk.now).await?;
    let mut key = tx.key(id).await?.ok_or(ActionError::NoKey)?;
    key.life = key.life.hold(Hold::Frozen)?;
    tx.update_key(key).await?;
    let event = Event::of(tx.grant(), desk.now, &format!("key:{id}"), &[("holds", "+ frozen".into())]);
    Ok(tx.commit(event).await?)
}
