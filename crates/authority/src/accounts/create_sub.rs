//! Action: create a sub-account of a master account.

use async_trait::async_trait;
use keyward_rules::account::SubAccountName;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_store::{AccountKind, AccountRecord};

use crate::{Action, ActionContext, ActionError, PendingAction};

/// Create a sub-account of a master account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateSubAccount {
    /// Of which account.
    pub master: AccountId,
    /// Its name, unique in the master account.
    pub name: SubAccountName,
}

#[async_trait]
impl Action for CreateSubAccount {
    type Reply = AccountRecord;

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let name = self.name.as_str();
        Ok(PendingAction {
            action: ActionKind::CreateSubAccount,
            facts: vec![("master", self.master.to_string()), ("name", name.to_owned())],
            words: vec![format!("Create the sub-account “{name}” of the account {}", self.master)],
        })
    }

    /// # Errors
    /// [`ActionError::NoAccount`] when `master` is no master account, [`ActionError::Store`] with `Exists` when the name is
    /// taken.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { master, name } = self;
        let grant = context.actor.may(ActionKind::CreateSubAccount, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let owner = tx.account(master).await?.ok_or(ActionError::NoAccount)?;
        if owner.master().is_some() {
            return Err(ActionError::NoAccount);
        }
        let account = AccountRecord {
            id: AccountId::from_entropy(context.random()),
            kind: AccountKind::Sub(master, name.clone()),
            created_at: context.now,
        };
        tx.insert_account(&account).await?;
        let subject = format!("account:{}", account.id);
        let facts = [("master", master.to_string()), ("name", name.as_str().to_owned())];
        let event = Event::of(tx.grant(), context.now, &subject, &facts);
        tx.commit(event).await?;
        Ok(account)
    }
}
