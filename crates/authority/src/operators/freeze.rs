//! Actions: freeze an account, freeze a key. One operator does either, at once. Lifting a freeze is a proposal.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::key::Hold;
use keyward_store::{AccountRecord, Tx};

use super::roles::acting;
use crate::accounts::family_holds;
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

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

/// Freeze an account with all its keys and those of its sub-accounts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FreezeAccount {
    /// The account.
    pub account: AccountId,
    /// The reason, for the audit log.
    pub why: String,
}

#[async_trait]
impl Action for FreezeAccount {
    type Reply = ();

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let Self { account, why } = self;
        Ok(PendingAction {
            action: ActionKind::FreezeAccount,
            facts: vec![("account", account.to_string()), ("why", why.clone())],
            words: vec![format!("Freeze account {account} with all its keys"), format!("Why: {why}")],
        })
    }

    /// # Errors
    /// [`ActionError::NoAccount`], [`ActionError::Unchanged`] when it is frozen.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { account, why } = self;
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
        let facts = [("holds", "+ account frozen".to_owned()), ("why", why)];
        let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &facts);
        tx.commit(event).await?;
        Ok(())
    }
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

/// Freeze a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FreezeKey {
    /// The key.
    pub key: KeyId,
    /// The reason, for the audit log.
    pub why: String,
}

#[async_trait]
impl Action for FreezeKey {
    type Reply = ();

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let Self { key, why } = self;
        Ok(PendingAction {
            action: ActionKind::FreezeKey,
            facts: vec![("key", key.to_string()), ("why", why.clone())],
            words: vec![format!("Freeze the API key {key}"), format!("Why: {why}")],
        })
    }

    /// # Errors
    /// [`ActionError::NoKey`]; [`ActionError::Unchanged`] when it is frozen; [`ActionError::Life`] when it has ended.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { key: id, why } = self;
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
        let facts = [("holds", "+ frozen".to_owned()), ("why", why)];
        let event = Event::of(tx.grant(), context.now, &format!("key:{id}"), &facts);
        tx.commit(event).await?;
        Ok(())
    }
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
