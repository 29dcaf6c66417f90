//! Action: create a sub-account of a master account.

use keyward_rules::account::SubAccountName;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_store::{AccountKind, AccountRecord};

use crate::{ActionContext, ActionError};

/// Creates the sub-account `name` of `master`.
///
/// # Errors
/// [`ActionError::NoAccount`] when `master` is no master account, `Exists` when the name is taken.
#[crate::boxed]
pub async fn create_sub_account(
    context: &ActionContext<'_>,
    master: AccountId,
    name: SubAccountName,
) -> Result<AccountRecord, ActionError> {
    let grant = context.actor.may(ActionKind::CreateSubAccount, Proof::None)?;
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
