//! Action: choose another password.

use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;

use super::rest;
use crate::hashing::HashPriority;
use crate::prove::source;
use crate::{ActionContext, ActionError, PendingAction, strength, tell};

/// What a change of password is approved as.
#[must_use]
pub fn plan_password(new: &str) -> PendingAction {
    PendingAction {
        action: ActionKind::ChangePassword,
        facts: vec![("password", new.to_owned())],
        words: vec![
            "Change the password of your account".to_owned(),
            "All other sessions end. Keys that may withdraw, move funds or manage are held for 24 hours."
                .to_owned(),
        ],
    }
}

/// Sets the password; all other sessions end, and keys that move funds rest for a day.
///
/// # Errors
/// [`ActionError::WeakPassword`], [`ActionError::Password`].
#[crate::boxed]
pub async fn change_password(
    context: &ActionContext<'_>,
    proof: Proof,
    account: AccountId,
    new: &str,
) -> Result<(), ActionError> {
    let password = strength::choose(new, &["keyward"])?;
    let hash = context
        .authority
        .hasher
        .hash((source(context), HashPriority::Known), password, context.random())
        .await?;
    let grant = context.actor.may(ActionKind::ChangePassword, proof)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    tx.set_password(account, &hash).await?;
    tx.end_sessions(account, context.session()).await?;
    rest(context, &mut tx, account).await?;
    let alert = tell::by_actor(context, AlertKind::PasswordChanged, account, String::new());
    tell::notify_holder(context, &mut tx, alert).await?;
    let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &[]);
    tx.commit(event).await?;
    Ok(())
}
