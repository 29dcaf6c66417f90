//! Whether a rotated key still counts. It does not while its successor lives; a successor that was deleted or has ended
//! takes nothing over, and the key counts, warns and can be rotated as if it had none.

use keyward_rules::key::Place;
use keyward_rules::time::Moment;
use keyward_store::{KeyMetadata, KeyRecord, StoreError, Tx};

use crate::{ActionContext, ActionError};

/// The place of the key with these notes among all keys of its account.
pub(crate) fn place_among(notes: Option<&KeyMetadata>, keys: &[KeyRecord], now: Moment) -> Place {
    let successor = notes.and_then(|notes| notes.successor);
    place(keys.iter().find(|key| Some(key.id) == successor), now)
}

/// The same for one key, read for people.
///
/// # Errors
/// [`ActionError::Store`].
pub(crate) async fn place_of(context: &ActionContext<'_>, notes: &KeyMetadata) -> Result<Place, ActionError> {
    let Some(successor) = notes.successor else { return Ok(Place::Own) };
    let found = context.authority.access.reader.key(context.actor.scope(), successor).await;
    Ok(place(readable(found)?.as_ref(), context.now))
}

/// The same inside a transaction.
///
/// # Errors
/// [`ActionError::Store`].
pub(crate) async fn place_in(tx: &mut Tx, notes: &KeyMetadata, now: Moment) -> Result<Place, ActionError> {
    let Some(successor) = notes.successor else { return Ok(Place::Own) };
    let found = tx.key(successor).await;
    Ok(place(readable(found)?.as_ref(), now))
}

fn place(successor: Option<&KeyRecord>, now: Moment) -> Place {
    if successor.is_some_and(|key| key.lives(now)) { Place::Superseded } else { Place::Own }
}

/// A successor whose row was altered is unusable, so it takes nothing over either.
fn readable(found: Result<Option<KeyRecord>, StoreError>) -> Result<Option<KeyRecord>, StoreError> {
    match found {
        Ok(key) => Ok(key),
        Err(StoreError::Tampered { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}
