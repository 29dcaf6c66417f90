//! Action: remove a passkey.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::person::PasskeyId;

use crate::accounts::let_go;
use crate::questions::{show_account, show_passkey};
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Remove a passkey. Without any other second factor every key is held, as after turning the authenticator off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RemovePasskey {
    /// Of which account.
    pub account: AccountId,
    /// Which.
    pub passkey: PasskeyId,
}

#[async_trait]
impl Action for RemovePasskey {
    type Reply = ();

    /// What is left of the second factor belongs to it.
    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let passkey = show_passkey(context, self.account, self.passkey).await?;
        let left = show_account(context, self.account).await?.without_a_passkey();
        Ok(PendingAction {
            action: ActionKind::RemovePasskey,
            facts: vec![("passkey", passkey.id.to_string()), ("left", left.word().to_owned())],
            words: vec![
                format!("Remove the passkey “{}” from your account", passkey.name),
                left.sentence().to_owned(),
            ],
        })
    }

    /// # Errors
    /// [`ActionError::NoPasskey`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { account, passkey: id } = self;
        let grant = context.actor.may(ActionKind::RemovePasskey, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let name = tx.passkey_name(account, id).await?.ok_or(ActionError::NoPasskey)?;
        if !tx.remove_passkey(account, id).await? {
            return Err(ActionError::NoPasskey);
        }
        let_go(context, &mut tx, account).await?;
        let detail = format!("It was called “{name}”.");
        let alert = tell::by_actor(context, AlertKind::PasskeyRemoved, account, detail);
        tell::notify_holder(context, &mut tx, alert).await?;
        let facts = [("passkey", id.to_string())];
        let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &facts);
        tx.commit(event).await?;
        Ok(())
    }
}
