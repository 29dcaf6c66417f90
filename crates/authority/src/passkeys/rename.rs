//! Action: rename a passkey.

use async_trait::async_trait;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::key::KeyName;
use keyward_rules::person::PasskeyId;

use crate::{Action, ActionContext, ActionError, PendingAction};

/// Rename a passkey. Nothing is decided by its name, so the session is enough, as for a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RenamePasskey {
    /// Of which account.
    pub account: AccountId,
    /// Which.
    pub passkey: PasskeyId,
    /// Its name from now on.
    pub name: KeyName,
}

#[async_trait]
impl Action for RenamePasskey {
    type Reply = ();

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        Ok(PendingAction {
            action: ActionKind::RenamePasskey,
            facts: vec![("passkey", self.passkey.to_string()), ("name", self.name.to_string())],
            words: vec![format!("Rename the passkey {} to “{}”", self.passkey, self.name)],
        })
    }

    /// # Errors
    /// [`ActionError::NoPasskey`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { account, passkey: id, name } = self;
        let grant = context.actor.may(ActionKind::RenamePasskey, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let before = tx.passkey_name(account, id).await?.ok_or(ActionError::NoPasskey)?;
        if before == name.as_str() {
            return Ok(());
        }
        if !tx.rename_passkey(account, id, &name).await? {
            return Err(ActionError::NoPasskey);
        }
        let facts = [("passkey", id.to_string()), ("name", format!("{before} -> {name}"))];
        let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &facts);
        tx.commit(event).await?;
        Ok(())
    }
}
