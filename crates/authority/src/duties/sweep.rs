//! Duty: end unbound keys that nobody used for 30 days, and keys whose own date has come.
//!
//! Gateways flush their last uses before the sweep asks, and the sweep compares once more inside its
//! transaction, so that a key in use is never swept.

use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::KeyId;
use keyward_rules::key::{EndCause, idle_deadline};
use keyward_rules::limits::{DAY_MS, UNBOUND_IDLE_DAYS};
use keyward_rules::time::Moment;
use keyward_store::{KeyRecord, Tx};

use crate::tell::{about_key, notify_holder};
use crate::{ActionContext, ActionError};

/// Keys looked at in one transaction.
const BATCH: u64 = 500;

/// One key that the sweep ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Swept {
    /// Which.
    pub key: KeyId,
    /// Why.
    pub cause: EndCause,
}

/// Sweeps all keys, a batch in each transaction.
///
/// # Errors
/// [`ActionError::Store`]; batches that were committed before stay.
#[crate::boxed]
pub async fn sweep_keys(context: &ActionContext<'_>) -> Result<Vec<Swept>, ActionError> {
    let mut swept = Vec::new();
    let mut after = None;
    loop {
        let (ended, last) = sweep_batch(context, after).await?;
        swept.extend(ended);
        match last {
            Some(last) => after = Some(last),
            None => return Ok(swept),
        }
    }
}

/// Sweeps one batch; gives what it ended and, when there may be more, the last key that it looked at.
async fn sweep_batch(
    context: &ActionContext<'_>,
    after: Option<KeyId>,
) -> Result<(Vec<Swept>, Option<KeyId>), ActionError> {
    let idle_since = Moment::from_unix_ms(context.now.unix_ms().saturating_sub(UNBOUND_IDLE_DAYS * DAY_MS));
    let grant = context.actor.may(ActionKind::SweepKeys, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    // An altered key is unusable already, and must not stop the sweep of the others.
    let keys: Vec<_> = tx.keys_to_sweep(idle_since, after, BATCH).await?.into_iter().flatten().collect();
    let last = keys.last().map(|key| key.id);
    let mut swept = Vec::new();
    for mut key in keys {
        let dated = key.expires_at.is_some_and(|end| end <= context.now);
        let idle = is_idle(context, &mut tx, &key).await?;
        let cause = match (dated, idle) {
            (true, _) => EndCause::Date,
            (false, true) if tx.unused_since(key.id, idle_since).await? => EndCause::Idle,
            (false, _) => continue,
        };
        key.life = key.life.expire(context.now, cause)?;
        swept.push(Swept { key: key.id, cause });
        let detail = match cause {
            EndCause::Idle => "It was not used for 30 days and is not bound to addresses.",
            EndCause::Date | EndCause::Deleted => "It reached its expiry date.",
        };
        let alert = about_key(context, AlertKind::KeyExpired, &key, detail.to_owned());
        tx.update_key(key).await?;
        notify_holder(context, &mut tx, alert).await?;
    }
    if !swept.is_empty() {
        let list: Vec<String> =
            swept.iter().map(|one| format!("{} {}", one.key, cause_word(one.cause))).collect();
        let event = Event::of(tx.grant(), context.now, "keys", &[("ended", list.join(","))]);
        tx.commit(event).await?;
    }
    Ok((swept, last))
}

/// Whether the key's 30 days are over. The notes are read only of keys whose days are over without them: most keys that the
/// sweep looks at are bound and have no deadline.
async fn is_idle(context: &ActionContext<'_>, tx: &mut Tx, key: &KeyRecord) -> Result<bool, ActionError> {
    let is_over = |unbound| {
        let (created, used) = (key.created_at, key.last_used_at);
        idle_deadline(&key.binding, key.environment, key.life, created, used, unbound)
            .is_some_and(|end| end <= context.now)
    };
    Ok(is_over(None) && is_over(tx.notes(key.id).await?.unbound_at))
}

const fn cause_word(cause: EndCause) -> &'static str {
    match cause {
        EndCause::Deleted => "deleted",
        EndCause::Idle => "idle",
        EndCause::Date => "date",
    }
}
