//! Duty: tell holders of withdrawals and transfers that were under way when a gateway was interrupted.

use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_store::Unfinished;

use crate::tell::notify_holder;
use crate::{ActionContext, ActionError};

/// Tells of one, once however often the gateway starts. Nobody is told of an account that nobody has registered.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn tell_interrupted(
    context: &ActionContext<'_>,
    unfinished: &Unfinished,
) -> Result<bool, ActionError> {
    let grant = context.actor.may(ActionKind::RaiseAlert, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let name = match tx.key(unfinished.key).await {
        Ok(Some(key)) => key.name.to_string(),
        Ok(None) | Err(_) => "unreadable".to_owned(),
    };
    let alert = Alert {
        key: Some((unfinished.key, name)),
        detail: format!(
            "POST {} was forwarded at {}. Its number in the gateway's log is {}.",
            unfinished.route, unfinished.at, unfinished.request
        ),
        once: format!("outcome_unknown:{}", unfinished.request),
        ..Alert::of(AlertKind::OutcomeUnknown, unfinished.account, context.now)
    };
    let told = notify_holder(context, &mut tx, alert).await?;
    if told {
        let subject = format!("key:{}", unfinished.key);
        let word = AlertKind::OutcomeUnknown.word().to_owned();
        let event = Event::of(tx.grant(), context.now, &subject, &[("saw", word)]);
        tx.commit(event).await?;
    }
    Ok(told)
}
