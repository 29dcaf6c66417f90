//! Action: rename a passkey.

use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::key::KeyName;
use keyward_rules::person::PasskeyId;

use crate::{ActionContext, ActionError};

/// Sets the name. Nothing is decided by it, so the session is enough, as for a key.
///
/// # Errors
/// [`ActionError::NoPasskey`].
#[crate::boxed]
pub async fn rename_passkey(
    context: &ActionContext<'_>,
    account: AccountId,
    id: PasskeyId,
    name: &KeyName,
) -> Result<(), ActionError> {
    let grant = context.actor.may(ActionKind::RenamePasskey, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let before = tx.passkey_name(account, id).await?.ok_or(ActionError::NoPasskey)?;
    if before == name.as_str() {
        return Ok(());
    }
    if !tx.rename_passkey(account, id, name).await? {
        return Err(ActionError::NoPasskey);
    }
    let facts = [("passkey", id.to_string()), ("name", format!("{before} -> {name}"))];
    let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &facts);
    tx.commit(event).await?;
    Ok(())
}
