//! Action: disable a key.

use keyward_rules::event::Event;
use keyward_rules::grant::Action;
use keyward_rules::id::{KeyId, Revision};

use crate::{ActionError, Desk};

/// Disables the key; every gateway refuses it within the bound.
///
/// # Errors
/// [`ActionError::NoKey`], [`ActionError::Life`] when it is disabled or has ended.
pub async fn disable_key(desk: &Desk<'_>, id: KeyId) -> Result<Option<Revision>, ActionError> {
    let grant = desk.actor.may(Action::DisableKey)?;
    let mut tx = desk.writer.begin(grant, desk.now).await?;
    let mut key = tx.key(id).await?.ok_or(ActionError::NoKey)?;
    key.life = key.life.disable()?;
    tx.update_key(key).await?;
    let event =
        Event::of(tx.grant(), desk.now, &format!("key:{id}"), &[("state", "active -> disabled".into())]);
    Ok(tx.commit(event).await?)
}
