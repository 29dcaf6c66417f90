//! Question: which keys does an account have?

use keyward_rules::id::AccountId;
use keyward_store::KeyRecord;

use super::show_key::KeyView;
use crate::keys::place_among;
use crate::{ActionContext, ActionError};

/// The account's keys, oldest first, ended ones included; rows that do not verify are counted apart.
///
/// # Errors
/// [`ActionError::Store`]. An account beyond the actor's scope has no keys.
#[crate::boxed]
pub async fn list_keys(
    context: &ActionContext<'_>,
    account: AccountId,
) -> Result<(Vec<KeyView>, usize), ActionError> {
    let reader = &context.authority.access.reader;
    let rows = reader.keys_of(context.actor.scope(), account).await?;
    let notes = reader.notes_of(account).await?;
    let altered = rows.iter().filter(|row| row.is_err()).count();
    let keys: Vec<KeyRecord> = rows.into_iter().flatten().collect();
    let view = |key: &KeyRecord| {
        let notes = notes.iter().find(|notes| notes.key == key.id);
        KeyView::of(key, notes, place_among(notes, &keys, context.now), context.now)
    };
    Ok((keys.iter().map(view).collect(), altered))
}
