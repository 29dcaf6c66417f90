//! What a person just did, as a word that their session keeps until the next page shows it. Nothing of it stands in an
//! address, so that no link can claim what never happened.

use keyward_store::SessionRecord;

use crate::{ActionContext, ActionError};

/// Leaves `word` with the actor's session.
///
/// # Errors
/// [`ActionError::NoSession`] unless a signed-in person asks; [`ActionError::Store`].
#[crate::boxed]
pub async fn leave_note(context: &ActionContext<'_>, word: &str) -> Result<(), ActionError> {
    let session = context.session().ok_or(ActionError::NoSession)?;
    Ok(context.authority.access.door.leave_note(session, word).await?)
}

/// Takes the word that `session` keeps; `None` without one, or when another page was faster.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn take_note(
    context: &ActionContext<'_>,
    session: &SessionRecord,
) -> Result<Option<String>, ActionError> {
    let Some(word) = &session.note else { return Ok(None) };
    let first = context.authority.access.door.take_note(session.id, word).await?;
    Ok(first.then(|| word.clone()))
}
