//! Action: create a master account.

use keyward_rules::account::Email;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_store::{AccountKind, AccountRecord};

use crate::{ActionError, Desk};

/// Creates the account that `email` names.
///
/// # Errors
/// [`ActionError::Store`] with `Exists` when the address is taken.
#[crate::boxed]
pub async fn create_account(desk: &Desk<'_>, email: Email) -> Result<AccountRecord, ActionError> {
    let grant = desk.actor.may(ActionKind::CreateAccount, Proof::None)?;
    let mut tx = desk.authority.access.writer.begin(grant, desk.now).await?;
    let account = AccountRecord {
        id: AccountId::from_entropy(desk.random()),
        kind: AccountKind::Master(email.clone()),
        created_at: desk.now,
    };
    tx.insert_account(&account).await?;
    let subject = format!("account:{}", account.id);
    let event = Event::of(tx.grant(), desk.now, &subject, &[("email", email.to_string())]);
    tx.commit(event).await?;
    Ok(account)
}
