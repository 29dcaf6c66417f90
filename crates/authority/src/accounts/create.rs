//! Action: create a master account.

use async_trait::async_trait;
use keyward_rules::account::Email;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_store::{AccountKind, AccountRecord};

use crate::{Action, ActionContext, ActionError, PendingAction};

/// Create the account that an e-mail address names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateAccount(pub Email);

#[async_trait]
impl Action for CreateAccount {
    type Reply = AccountRecord;

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        Ok(PendingAction {
            action: ActionKind::CreateAccount,
            facts: vec![("email", self.0.to_string())],
            words: vec![format!("Create the account {}", self.0)],
        })
    }

    /// # Errors
    /// [`ActionError::Store`] with `Exists` when the address is taken.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self(email) = self;
        let grant = context.actor.may(ActionKind::CreateAccount, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let account = AccountRecord {
            id: AccountId::from_entropy(context.random()),
            kind: AccountKind::Master(email.clone()),
            created_at: context.now,
        };
        tx.insert_account(&account).await?;
        let subject = format!("account:{}", account.id);
        let event = Event::of(tx.grant(), context.now, &subject, &[("email", email.to_string())]);
        tx.commit(event).await?;
        Ok(account)
    }
}
