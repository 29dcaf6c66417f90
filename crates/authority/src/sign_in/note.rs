//! What a person just did, as a word that their session keeps until the next page shows it. Nothing of it stands in an
//! address, so that no link can claim what never happened.

use keyward_store::SessionRecord;

use crate::{ActionError, Desk};

/// Leaves `word` with the actor's session.
///
/// # Errors
/// [`ActionError::NoSession`] unless a signed-in person asks; [`ActionError::Store`].
#[crate::boxed]
pub async fn leave_note(desk: &Desk<'_>, word: &str) -> Result<(), ActionError> {
    let session = desk.session().ok_or(ActionError::NoSession)?;
    Ok(desk.authority.access.door.leave_note(session, word).await?)
}

/// Takes the word that `session` keeps; `None` without one, or when another page was faster.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn take_note(desk: &Desk<'_>, session: &SessionRecord) -> Result<Option<String>, ActionError> {
    let Some(word) = &session.note else { return Ok(None) };
    let first = desk.authority.access.door.take_note(session.id, word).await?;
    Ok(first.then(|| word.clone()))
}
