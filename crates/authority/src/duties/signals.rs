//! Duty: tell a holder that a key does something unusual, and put the key in quarantine where the policy says so.

use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof, Scope};
use keyward_rules::id::KeyId;
use keyward_rules::key::{Hold, Need};
use keyward_rules::limits::DAY_MS;
use keyward_rules::signal::{Signal, SignalKind};
use keyward_store::StoreError;

use crate::keys::is_quarantined;
use crate::operators::policy_in_force;
use crate::tell::notify_holder;
use crate::{ActionContext, ActionError};

/// From so many different unusual things within ten minutes on, a rule puts the key in quarantine.
const TOGETHER: usize = 2;

/// What became of signals.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Raised {
    /// Whether the key was put in quarantine.
    pub quarantined: bool,
    /// Those that are too small to be told, and the size that each would have to have.
    pub too_small: Vec<(SignalKind, u32)>,
}

/// Tells the holder of each, once a day for each kind. What the holder does not want to hear of is neither told nor counted.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn raise_signals(
    context: &ActionContext<'_>,
    key: KeyId,
    signals: Vec<Signal>,
) -> Result<Raised, ActionError> {
    let reader = &context.authority.access.reader;
    let choices = reader.notes(key).await?.signals;
    let too_small = signals.iter().filter_map(|signal| choices.too_small(signal)).collect();
    let raised = Raised { too_small, ..Raised::default() };
    let heard: Vec<Signal> = signals.into_iter().filter(|signal| choices.tells(signal)).collect();
    if heard.is_empty() {
        return Ok(raised);
    }
    let many = heard.iter().any(|signal| choices.count(signal) >= TOGETHER);
    let by_rule = many && policy_in_force(context).await?.policy.quarantine_on_signals == Need::Required;
    // Of an altered record its holder hears anyway.
    let known = match reader.key(Scope::All, key).await {
        Ok(Some(known)) => known,
        Ok(None) | Err(StoreError::Tampered { .. }) => return Ok(raised),
        Err(problem) => return Err(problem.into()),
    };
    let quarantines = by_rule && !is_quarantined(&known);
    let action = if quarantines { ActionKind::QuarantineKey } else { ActionKind::RaiseAlert };
    let grant = context.actor.may(action, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let Some(mut record) = tx.key(key).await? else { return Ok(raised) };
    if record.life.is_over() || quarantines && is_quarantined(&record) {
        return Ok(raised);
    }
    let alert = |kind: AlertKind, detail: String, once: String| Alert {
        key: Some((key, record.name.to_string())),
        detail,
        once,
        ..Alert::of(kind, record.account, context.now)
    };
    let day = context.now.unix_ms() / DAY_MS;
    let mut alerts: Vec<Alert> = heard
        .iter()
        .map(|signal| {
            let kind = signal.kind.alert();
            alert(kind, signal.evidence.clone(), format!("{}:{key}:{day}", kind.word()))
        })
        .collect();
    if quarantines {
        let evidence: Vec<&str> = heard.iter().map(|signal| signal.evidence.as_str()).collect();
        let why = format!("It did several unusual things at once. {}", evidence.join(" "));
        alerts.push(alert(AlertKind::KeyQuarantined, why, String::new()));
    }
    let mut told = false;
    for alert in alerts {
        told |= notify_holder(context, &mut tx, alert).await?;
    }
    let saw: Vec<&str> = heard.iter().map(|signal| signal.kind.word()).collect();
    let mut facts = vec![("saw", saw.join(" "))];
    if quarantines {
        record.life = record.life.hold(Hold::CancelOnly)?;
        tx.update_key(record).await?;
        facts.push(("holds", "+ quarantine: reads and cancels only".to_owned()));
    } else if !told {
        return Ok(raised);
    }
    let event = Event::of(tx.grant(), context.now, &format!("key:{key}"), &facts);
    tx.commit(event).await?;
    Ok(Raised { quarantined: quarantines, ..raised })
}
