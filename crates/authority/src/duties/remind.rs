//! Duty: warn 7, 3 and 1 days before a key ends, and suggest a rotation at 90 days of age.

use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::KeyId;
use keyward_rules::key::{Place, idle_deadline};
use keyward_rules::limits::{DAY_MS, IDLE_WARNING_DAYS, ROTATION_AGE_DAYS};
use keyward_rules::time::Moment;
use keyward_store::{KeyMetadata, KeyRecord, Purpose};

use crate::keys::{place_in, place_of};
use crate::tell::{about_key, notify_holder};
use crate::{ActionContext, ActionError};

/// Keys looked at in one transaction.
const BATCH: u64 = 500;

/// Words that are remembered of a key; the newest are those that are asked for.
const TOLD: usize = 32;

/// Looks at every living key that is at least a day old; gives how many holders were told something.
///
/// # Errors
/// [`ActionError::Store`]; what was told before stays told.
#[crate::boxed]
pub async fn remind_holders(context: &ActionContext<'_>) -> Result<usize, ActionError> {
    let mut told = 0;
    let mut after = None;
    loop {
        let (count, last) = batch(context, after).await?;
        told += count;
        match last {
            Some(last) => after = Some(last),
            None => return Ok(told),
        }
    }
}

/// Reads a page outside of any change: at a million keys hardly one is due. What is due is looked at again inside of one.
async fn batch(
    context: &ActionContext<'_>,
    after: Option<KeyId>,
) -> Result<(usize, Option<KeyId>), ActionError> {
    let quiet_since = Moment::from_unix_ms(context.now.unix_ms().saturating_sub(DAY_MS));
    let read = context.authority.access.reader.keys_to_remind(quiet_since, after, BATCH).await?;
    let last = read.last().map(|(key, _)| key.id);
    let mut ids = Vec::new();
    for (key, notes) in &read {
        if !due(key, notes, place_of(context, notes).await?, context.now).is_empty() {
            ids.push(key.id);
        }
    }
    if ids.is_empty() {
        return Ok((0, last));
    }
    let grant = context.actor.may(ActionKind::Remind, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let mut told = Vec::new();
    for id in ids {
        // A key that was altered or ended meanwhile is told of by others.
        let Ok(Some(key)) = tx.key(id).await else { continue };
        let mut notes = tx.notes(id).await?;
        let place = place_in(&mut tx, &notes, context.now).await?;
        for (word, kind, detail) in due(&key, &notes, place, context.now) {
            notes.told.push(word.clone());
            let surplus = notes.told.len().saturating_sub(TOLD);
            notes.told.drain(..surplus);
            tx.set_notes(&notes).await?;
            if notify_holder(context, &mut tx, about_key(context, kind, &key, detail)).await? {
                told.push(format!("{id} {word}"));
            }
        }
    }
    if !told.is_empty() {
        let event = Event::of(tx.grant(), context.now, "keys", &[("told", told.join(","))]);
        tx.commit(event).await?;
    }
    Ok((told.len(), last))
}

/// What the holder of a key is to be told now and was not told yet: the word to remember, the kind, the detail.
fn due(key: &KeyRecord, notes: &KeyMetadata, place: Place, now: Moment) -> Vec<(String, AlertKind, String)> {
    let mut due = Vec::new();
    let (created, used) = (key.created_at, key.last_used_at);
    let idle = idle_deadline(&key.binding, key.environment, key.life, created, used, notes.unbound_at);
    let dated = key.expires_at.filter(|_| place == Place::Own);
    let end = [idle, dated].into_iter().flatten().min().filter(|end| *end > now);
    if let Some(end) = end {
        let left_ms = end.ms_since(now);
        // The nearest warning alone: who was away for a week is not told three times.
        let nearest = IDLE_WARNING_DAYS.iter().rev().find(|days| left_ms <= **days * DAY_MS);
        if let Some(days) = nearest {
            let word = format!("end:{days}:{}", end.unix_ms());
            if !notes.told.contains(&word) {
                let unit = if *days == 1 { "day" } else { "days" };
                due.push((word, AlertKind::KeyExpiring, format!("It ends within {days} {unit}, at {end}.")));
            }
        }
    }
    let age_ms = now.ms_since(created);
    let word = format!("age:{ROTATION_AGE_DAYS}");
    // No program has a canary, so there is nothing that a rotation would renew.
    let rotates = place == Place::Own && key.purpose() != Purpose::Canary;
    if age_ms >= ROTATION_AGE_DAYS * DAY_MS && rotates && !notes.told.contains(&word) {
        due.push((word, AlertKind::RotationDue, format!("It is {} days old.", age_ms / DAY_MS)));
    }
    due
}
