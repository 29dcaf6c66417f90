//! Action: disable a key.

use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{Action, Proof};
use keyward_rules::id::Revision;

use super::KeyNamed;
use crate::{ActionError, Desk, Matter, tell};

/// What disabling a key is confirmed as.
#[must_use]
pub fn disable_matter(which: &KeyNamed) -> Matter {
    which.matter(Action::DisableKey, "Disable")
}

/// Disables the key; every gateway refuses it within the bound.
///
/// # Errors
/// [`ActionError::NoKey`], [`ActionError::NotTheName`], [`ActionError::Life`] when it is disabled or has ended.
#[crate::boxed]
pub async fn disable_key(
    desk: &Desk<'_>,
    proof: Proof,
    which: &KeyNamed,
) -> Result<Option<Revision>, ActionError> {
    let grant = desk.actor.may(Action::DisableKey, proof)?;
    let mut tx = desk.authority.access.writer.begin(grant, desk.now).await?;
    let mut key = which.find(desk, &mut tx).await?;
    key.life = key.life.disable()?;
    let alert = tell::about_key(desk, AlertKind::KeyDisabled, &key, String::new());
    let subject = format!("key:{}", key.id);
    tx.update_key(key).await?;
    tell::tell(desk, &mut tx, alert).await?;
    let event = Event::of(tx.grant(), desk.now, &subject, &[("state", "active -> disabled".into())]);
    Ok(tx.commit(event).await?)
}
