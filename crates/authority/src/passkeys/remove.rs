//! Action: remove a passkey.

use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::person::PasskeyId;

use crate::accounts::{Left, let_go};
use crate::questions::PasskeyView;
use crate::{ActionContext, ActionError, PendingAction, tell};

/// What removing a passkey is approved as; what is left of the second factor belongs to it.
#[must_use]
pub fn plan_remove_passkey(passkey: &PasskeyView, left: Left) -> PendingAction {
    let mut words = vec![format!("Remove the passkey “{}” from your account", passkey.name)];
    words.push(left.sentence().to_owned());
    PendingAction {
        action: ActionKind::RemovePasskey,
        facts: vec![("passkey", passkey.id.to_string()), ("left", left.word().to_owned())],
        words,
    }
}

/// Removes a passkey. Without any other second factor every key is held, as after turning the authenticator off.
///
/// # Errors
/// [`ActionError::NoPasskey`].
#[crate::boxed]
pub async fn remove_passkey(
    context: &ActionContext<'_>,
    proof: Proof,
    account: AccountId,
    passkey: &PasskeyView,
) -> Result<(), ActionError> {
    let id: PasskeyId = passkey.id;
    let grant = context.actor.may(ActionKind::RemovePasskey, proof)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    if !tx.remove_passkey(account, id).await? {
        return Err(ActionError::NoPasskey);
    }
    let_go(context, &mut tx, account).await?;
    let detail = format!("It was called “{}”.", passkey.name);
    let alert = tell::by_actor(context, AlertKind::PasskeyRemoved, account, detail);
    tell::notify_holder(context, &mut tx, alert).await?;
    let facts = [("passkey", id.to_string())];
    let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &facts);
    tx.commit(event).await?;
    Ok(())
}
