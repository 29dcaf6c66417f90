//! Duty: end the overlap of a rotation early, once the successor does the work from every address that the old key was
//! used from (product.md 3.2).
//!
//! "Does the work" means: at each of those addresses the successor was seen after the old key, and the old key was not
//! used anywhere for an hour. A second program at one address that still has the old key so keeps it alive. A successor that
//! was deleted, disabled or has ended meanwhile does no work any more: the overlap runs out by itself.

use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::KeyId;
use keyward_rules::key::{EndCause, HolderState};
use keyward_rules::time::Moment;
use keyward_store::{KeyMetadata, KeyRecord, Tx};

use crate::tell::{about_key, notify_holder};
use crate::{ActionContext, ActionError};

/// Rotations looked at in one run, and addresses of one key.
const BATCH: u64 = 200;
const SOURCES: u64 = 256;
/// How long the old key must have been quiet: an hour, and a minute because uses are written that late.
const QUIET_MS: u64 = 61 * 60 * 1_000;

/// Ends every overlap whose successor has taken over; gives the old keys.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn end_overlaps(context: &ActionContext<'_>) -> Result<Vec<KeyId>, ActionError> {
    let mut ended = Vec::new();
    let mut after = None;
    loop {
        let grant = context.actor.may(ActionKind::EndOverlaps, Proof::None)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let rotations = tx.overlaps(after, BATCH).await?;
        drop(tx);
        let Some(last) = rotations.last() else { return Ok(ended) };
        after = Some(last.key);
        for rotation in rotations {
            if taken_over(context, &rotation).await? && end(context, &rotation).await? {
                ended.push(rotation.key);
            }
        }
    }
}

async fn taken_over(context: &ActionContext<'_>, rotation: &KeyMetadata) -> Result<bool, ActionError> {
    let Some(successor) = rotation.successor else { return Ok(false) };
    let activity = &context.authority.access.activity;
    let old = activity.sources(rotation.key, SOURCES).await?;
    let new = activity.sources(successor, SOURCES).await?;
    Ok(does_the_work(&old, &new, context.now))
}

/// Whether the successor was seen at every address after the old key, and the old key has been quiet.
fn does_the_work<A: PartialEq>(old: &[(A, Moment)], new: &[(A, Moment)], now: Moment) -> bool {
    let replaced = |(address, last): &(A, Moment)| {
        let later = new.iter().any(|(other, at)| other == address && at > last);
        later && now.ms_since(*last) >= QUIET_MS
    };
    !old.is_empty() && old.iter().all(replaced)
}

/// Whether the successor that took over is the key's still, and works.
async fn still_works(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    rotation: &KeyMetadata,
) -> Result<bool, ActionError> {
    let successor = tx.notes(rotation.key).await?.successor;
    let Some(successor) = successor.filter(|_| successor == rotation.successor) else { return Ok(false) };
    let works = |key: KeyRecord| key.lives(context.now) && key.life.state == HolderState::Active;
    // A key that was altered is unusable, and is told of by others.
    Ok(tx.key(successor).await.ok().flatten().is_some_and(works))
}

async fn end(context: &ActionContext<'_>, rotation: &KeyMetadata) -> Result<bool, ActionError> {
    let id = rotation.key;
    let grant = context.actor.may(ActionKind::EndOverlaps, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let Some(mut key) = tx.key(id).await?.filter(|key| !key.life.is_over()) else { return Ok(false) };
    if !still_works(context, &mut tx, rotation).await? {
        return Ok(false);
    }
    key.life = key.life.expire(context.now, EndCause::Date)?;
    let detail = "Its successor was used from every address that the old key was used from.";
    let alert = about_key(context, AlertKind::KeyExpired, &key, detail.to_owned());
    tx.update_key(key).await?;
    notify_holder(context, &mut tx, alert).await?;
    let event = Event::of(tx.grant(), context.now, &format!("key:{id}"), &[("state", "-> expired".into())]);
    tx.commit(event).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::{QUIET_MS, does_the_work};
    use keyward_rules::time::Moment;

    #[test]
    fn every_address_must_be_taken_over_and_the_old_key_quiet() {
        let at = Moment::from_unix_ms;
        let old = [("a", at(10)), ("b", at(20))];
        let now = at(QUIET_MS + 20);
        assert!(does_the_work(&old, &[("a", at(11)), ("b", at(21)), ("c", at(1))], now));
        assert!(!does_the_work(&old, &[("a", at(11))], now), "one address is missing");
        assert!(
            !does_the_work(&old, &[("a", at(11)), ("b", at(19))], now),
            "there the old one was seen later"
        );
        assert!(
            !does_the_work(&old, &[("a", at(11)), ("b", at(21))], at(QUIET_MS + 19)),
            "used within the hour"
        );
        assert!(
            !does_the_work::<&str>(&[], &[("a", at(1))], now),
            "never used: the overlap runs out by itself"
        );
    }
}
