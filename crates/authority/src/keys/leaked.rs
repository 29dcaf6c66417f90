//! Action: report a key as leaked. It is disabled at once; the page then leads on to its successor.

use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{Action, Proof};
use keyward_rules::id::Revision;
use keyward_rules::key::{HolderState, LifeRefusal};

use super::KeyNamed;
use crate::{ActionError, Desk, Matter, tell};

/// What reporting a leak is confirmed as.
#[must_use]
pub fn leak_matter(which: &KeyNamed) -> Matter {
    which.matter(Action::ReportLeak, "Disable as leaked")
}

/// Disables the key if it is active, and writes down that it leaked.
///
/// # Errors
/// [`ActionError::NoKey`], [`ActionError::NotTheName`], [`ActionError::Life`] when it has ended.
#[crate::boxed]
pub async fn report_leak(
    desk: &Desk<'_>,
    proof: Proof,
    which: &KeyNamed,
) -> Result<Option<Revision>, ActionError> {
    let grant = desk.actor.may(Action::ReportLeak, proof)?;
    let mut tx = desk.authority.access.writer.begin(grant, desk.now).await?;
    let mut key = which.find(desk, &mut tx).await?;
    match key.life.state {
        HolderState::Active => key.life = key.life.disable()?,
        HolderState::Disabled => {}
        HolderState::Deleted { .. } | HolderState::Expired { .. } => return Err(LifeRefusal::Ended.into()),
    }
    let mut notes = tx.notes(key.id).await?;
    if !notes.told.iter().any(|word| word == "leaked") {
        notes.told.push("leaked".to_owned());
        tx.set_notes(&notes).await?;
    }
    let alert = tell::about_key(desk, AlertKind::KeyLeaked, &key, String::new());
    let subject = format!("key:{}", key.id);
    tx.update_key(key).await?;
    tell::tell(desk, &mut tx, alert).await?;
    let event = Event::of(tx.grant(), desk.now, &subject, &[("state", "-> disabled, leaked".into())]);
    Ok(tx.commit(event).await?)
}
