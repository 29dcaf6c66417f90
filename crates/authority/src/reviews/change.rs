//! What an answer of a review does to one key.

use keyward_rules::address::Binding;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::key::{Hold, LifecycleError};
use keyward_rules::limits::DAY_MS;
use keyward_rules::review::Remedy;
use keyward_rules::time::Moment;
use keyward_store::{KeyMetadata, KeyRecord, Tx};

use crate::questions::{reach_in_words, reach_of};
use crate::{ActionContext, ActionError, tell};

/// What was changed about a key: what its holder is told, and the fact of its audit record.
pub(super) struct Changed {
    alert: AlertKind,
    detail: String,
    fact: (&'static str, String),
}

const fn changed(alert: AlertKind, detail: String, fact: (&'static str, String)) -> Changed {
    Changed { alert, detail, fact }
}

/// Changes the key; `None` where it is kept as it is.
///
/// # Errors
/// [`LifecycleError`].
pub(super) fn change(
    key: &mut KeyRecord,
    remedy: &Remedy,
    now: Moment,
) -> Result<Option<Changed>, LifecycleError> {
    Ok(Some(match remedy {
        Remedy::Keep => return Ok(None),
        Remedy::Delete => {
            key.life = key.life.delete(now)?;
            changed(AlertKind::KeyDeleted, String::new(), ("state", "deleted".to_owned()))
        }
        Remedy::Disable => {
            key.life = key.life.disable()?;
            changed(AlertKind::KeyDisabled, String::new(), ("state", "disabled".to_owned()))
        }
        Remedy::ReadOnly => {
            key.life = key.life.hold(Hold::ReadOnly)?;
            quarantined("It is in quarantine: it only reads.", "+ quarantine: reads only")
        }
        Remedy::StopTrading => {
            key.life = key.life.hold(Hold::CancelOnly)?;
            quarantined(
                "It is in quarantine: it only reads and cancels.",
                "+ quarantine: reads and cancels only",
            )
        }
        Remedy::Narrow(to) => {
            let before = std::mem::replace(&mut key.binding, Binding::Addresses(to.clone()));
            let (was, is) = (reach_in_words(&before), reach_in_words(&key.binding));
            let moved = format!("{} -> {}", reach_of(&before), reach_of(&key.binding));
            let detail = format!("It worked from {was}. It works from {is} now.");
            changed(AlertKind::KeyChanged, detail, ("where", moved))
        }
        Remedy::Expire { days } => {
            let end = now.plus_ms(u64::from(*days) * DAY_MS);
            key.expires_at = Some(end);
            changed(AlertKind::KeyChanged, format!("It ends at {end}."), ("ends", end.to_string()))
        }
    }))
}

fn quarantined(detail: &str, fact: &str) -> Changed {
    changed(AlertKind::KeyChanged, detail.to_owned(), ("holds", fact.to_owned()))
}

impl Changed {
    /// Stores the key with an audit record of its own, and tells its holder.
    pub(super) async fn store(
        self,
        context: &ActionContext<'_>,
        tx: &mut Tx,
        key: KeyRecord,
        notes: KeyMetadata,
    ) -> Result<(), ActionError> {
        let Self { alert, detail, fact } = self;
        if fact.0 == "ends" {
            // A rotation gives its successor the same end.
            tx.set_notes(&KeyMetadata { own_end: key.expires_at, ..notes }).await?;
        }
        let alert = tell::about_key(context, alert, &key, detail);
        let subject = format!("key:{}", key.id);
        tx.update_key(key).await?;
        tell::notify_holder(context, tx, alert).await?;
        let event = Event::of(tx.grant(), context.now, &subject, &[fact]);
        Ok(tx.record(event).await?)
    }
}
