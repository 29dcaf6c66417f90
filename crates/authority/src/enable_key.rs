//! Action: enable a key.

use keyward_rules::event::Event;
use keyward_rules::grant::Action;
use keyward_rules::id::{KeyId, Revision};

use crate::{ActionError, Desk};

/// Enables a disabled key; holds on it stay.
///
/// # Errors
/// [`ActionError::NoKey`], [`ActionError::Life`] when it is active or has ended.
pub async fn enable_key(desk: &Desk<'_>, id: KeyId) -> Result<Option<Revision>, ActionError> {
    let grant = desk.actor.may(Action::EnableKey)?;
    let mut tx = desk.writer.begin(grant, desk.now).await?;
    let mut key = tx.key(id).await?.ok_or(ActionError::NoKey)?;
    key.life = key.life.enable()?;
    tx.update_key(key).await?;
    let event =
        Event::of(tx.grant(), desk.now, &format!("key:{id}"), &[("state", "disabled -> active".into())]);
    Ok(tx.commit(event).await?)
}
