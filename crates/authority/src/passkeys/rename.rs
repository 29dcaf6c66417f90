//! Action: rename a passkey.

use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::key::KeyName;
use keyward_rules::person::PasskeyId;

use crate::{ActionError, Desk};

/// Sets the name. Nothing is decided by it, so the session is enough, as for a key.
///
/// # Errors
/// [`ActionError::NoPasskey`].
#[crate::boxed]
pub async fn rename_passkey(
    desk: &Desk<'_>,
    account: AccountId,
    id: PasskeyId,
    name: &KeyName,
) -> Result<(), ActionError> {
    let grant = desk.actor.may(ActionKind::RenamePasskey, Proof::None)?;
    let mut tx = desk.authority.access.writer.begin(grant, desk.now).await?;
    let before = tx.passkey_name(account, id).await?.ok_or(ActionError::NoPasskey)?;
    if before == name.as_str() {
        return Ok(());
    }
    if !tx.rename_passkey(account, id, name).await? {
        return Err(ActionError::NoPasskey);
    }
    let facts = [("passkey", id.to_string()), ("name", format!("{before} -> {name}"))];
    let event = Event::of(tx.grant(), desk.now, &format!("account:{account}"), &facts);
    tx.commit(event).await?;
    Ok(())
}
