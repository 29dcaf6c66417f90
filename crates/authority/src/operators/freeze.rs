//! Freezing: one operator, at once. Lifting a freeze is a proposal.

use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::key::Hold;
use keyward_store::{AccountRecord, Tx};

use super::roles::acting;
use crate::accounts::family_holds;
use crate::{ActionContext, ActionError, PendingAction, tell};

/// Refuses what would make something new of a frozen account, or of a sub-account whose master is frozen.
pub(crate) async fn refuse_frozen(
    context: &ActionContext<'_>,
    account: &AccountRecord,
) -> Result<(), ActionError> {
    for id in [Some(account.id), account.master()].into_iter().flatten() {
        if context.authority.access.reader.frozen_since(id).await?.is_some() {
            return Err(ActionError::Frozen);
        }
    }
    Ok(())
}

/// The same inside a transaction that has the row of all commits, so that no freeze comes between.
pub(crate) async fn frozen_now(tx: &mut Tx, account: &AccountRecord) -> Result<(), ActionError> {
    for id in [Some(account.id), account.master()].into_iter().flatten() {
        if tx.frozen_since(id).await?.is_some() {
            return Err(ActionError::Frozen);
        }
    }
    Ok(())
}

/// What freezing an account is confirmed as.
#[must_use]
pub fn plan_freeze_account(account: AccountId, why: &str) -> PendingAction {
    PendingAction {
        action: ActionKind::FreezeAccount,
        facts: vec![("account", account.to_string()), ("why", why.to_owned())],
        words: vec![format!("Freeze account {account} with all its keys"), format!("Why: {why}")],
    }
}

/// What freezing a key is confirmed as.
#[must_use]
pub fn plan_freeze_key(id: KeyId, why: &str) -> PendingAction {
    PendingAction {
        action: ActionKind::FreezeKey,
        facts: vec![("key", id.to_string()), ("why", why.to_owned())],
        words: vec![format!("Freeze the API key {id}"), format!("Why: {why}")],
    }
}

/// Freezes an account with all its keys and those of its sub-accounts.
///
/// # Errors
/// [`ActionError::NoAccount`], [`ActionError::Unchanged`] when it is frozen.
#[crate::boxed]
pub async fn freeze_account(
    context: &ActionContext<'_>,
    proof: Proof,
    account: AccountId,
    why: &str,
) -> Result<(), ActionError> {
    let grant = context.actor.may(ActionKind::FreezeAccount, proof)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    acting(context, &mut tx).await?;
    tx.account(account).await?.ok_or(ActionError::NoAccount)?;
    if tx.frozen_since(account).await?.is_some() {
        return Err(ActionError::Unchanged);
    }
    tx.set_frozen(account, Some(context.now)).await?;
    // All sessions of the account end at once. While the freeze lasts, its role is not in force.
    tx.end_sessions(account, None).await?;
    family_holds(&mut tx, account, |key| key.life.hold(Hold::AccountFrozen).ok()).await?;
    // The holder is told that it happened, and not by whom or from where.
    let alert = keyward_rules::alert::Alert::of(AlertKind::AccountFrozen, account, context.now);
    tell::notify_holder(context, &mut tx, alert).await?;
    let facts = [("holds", "+ account frozen".to_owned()), ("why", why.to_owned())];
    let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &facts);
    tx.commit(event).await?;
    Ok(())
}

/// Lifts the freeze of an account, in a proposal's transaction.
pub(super) async fn thaw_account(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    account: AccountId,
) -> Result<(), ActionError> {
    if tx.frozen_since(account).await?.is_none() {
        return Err(ActionError::Unchanged);
    }
    tx.set_frozen(account, None).await?;
    let mut still = Vec::new();
    if let Some(master) = tx.account(account).await?.and_then(|record| record.master())
        && tx.frozen_since(master).await?.is_some()
    {
        return Err(ActionError::OtherWay("its master account is frozen; lift that freeze first"));
    }
    for key in tx.keys_of_family(account).await? {
        // A sub-account that is frozen itself stays so when its master's freeze is lifted.
        if key.account != account && tx.frozen_since(key.account).await?.is_some() {
            still.push(key.id);
        }
    }
    family_holds(tx, account, |key| {
        (!still.contains(&key.id)).then(|| key.life.release(Hold::AccountFrozen))
    })
    .await?;
    let alert = keyward_rules::alert::Alert::of(AlertKind::AccountThawed, account, context.now);
    tell::notify_holder(context, tx, alert).await?;
    Ok(())
}

/// Freezes a key.
///
/// # Errors
/// [`ActionError::NoKey`]; [`ActionError::Unchanged`] when it is frozen; [`ActionError::Life`] when it has ended.
#[crate::boxed]
pub async fn freeze_one_key(
    context: &ActionContext<'_>,
    proof: Proof,
    id: KeyId,
    why: &str,
) -> Result<(), ActionError> {
    let grant = context.actor.may(ActionKind::FreezeKey, proof)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    acting(context, &mut tx).await?;
    let mut key = tx.key(id).await?.ok_or(ActionError::NoKey)?;
    if key.life.holds.has(Hold::Frozen) {
        return Err(ActionError::Unchanged);
    }
    key.life = key.life.hold(Hold::Frozen)?;
    let mut alert = keyward_rules::alert::Alert::of(AlertKind::KeyFrozen, key.account, context.now);
    alert.key = Some((id, key.name.to_string()));
    tx.update_key(key).await?;
    tell::notify_holder(context, &mut tx, alert).await?;
    let facts = [("holds", "+ frozen".to_owned()), ("why", why.to_owned())];
    let event = Event::of(tx.grant(), context.now, &format!("key:{id}"), &facts);
    tx.commit(event).await?;
    Ok(())
}

/// Lifts the freeze of a key, in a proposal's transaction.
pub(super) async fn thaw_key(context: &ActionContext<'_>, tx: &mut Tx, id: KeyId) -> Result<(), ActionError> {
    let mut key = tx.key(id).await?.ok_or(ActionError::NoKey)?;
    if key.life.is_over() || !key.life.holds.has(Hold::Frozen) {
        return Err(ActionError::Unchanged);
    }
    key.life = key.life.release(Hold::Frozen);
    let mut alert = keyward_rules::alert::Alert::of(AlertKind::KeyThawed, key.account, context.now);
    alert.key = Some((id, key.name.to_string()));
    tx.update_key(key).await?;
    tell::notify_holder(context, tx, alert).await?;
    Ok(())
}
