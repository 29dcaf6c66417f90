//! Action: create a master account.

use keyward_rules::account::Email;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_store::{AccountKind, AccountRecord};

use crate::{ActionContext, ActionError};

/// Creates the account that `email` names.
///
/// # Errors
/// [`ActionError::Store`] with `Exists` when the address is taken.
#[crate::boxed]
pub async fn create_account(context: &ActionContext<'_>, email: Email) -> Result<AccountRecord, ActionError> {
    let grant = context.actor.may(ActionKind::CreateAccount, Proof::None)?;
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
