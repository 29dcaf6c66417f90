//! Actions: freeze a sub-account with all its keys, and lift that again. The master does both.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::exchange_notice::NoticeKind;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;

use super::cap::check_master;
use super::{hold_keys, settings_in, sub_account_in, sub_account_of};
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Freeze a sub-account: all its keys are refused, and no new ones can be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FreezeSubAccount(pub AccountId);

/// Lift the freeze of a sub-account. Its keys are what they were before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ThawSubAccount(pub AccountId);

#[async_trait]
impl Action for FreezeSubAccount {
    type Reply = ();

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let sub = sub_account_of(context, self.0).await?;
        Ok(PendingAction {
            action: ActionKind::FreezeSubAccount,
            facts: vec![("account", sub.id.to_string())],
            words: vec![
                format!("Freeze the sub-account “{}”", sub.name.as_str()),
                "All its keys are refused until you unfreeze it, and no keys can be created.".to_owned(),
            ],
        })
    }

    /// # Errors
    /// [`ActionError::NoSubAccount`], [`ActionError::SubAccountLife`], [`ActionError::Unchanged`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        set(context, (ActionKind::FreezeSubAccount, proof), self.0).await
    }
}

#[async_trait]
impl Action for ThawSubAccount {
    type Reply = ();

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let sub = sub_account_of(context, self.0).await?;
        Ok(PendingAction {
            action: ActionKind::ThawSubAccount,
            facts: vec![("account", sub.id.to_string())],
            words: vec![
                format!("Unfreeze the sub-account “{}”", sub.name.as_str()),
                "Its keys work again as they did before.".to_owned(),
            ],
        })
    }

    /// # Errors
    /// [`ActionError::NoSubAccount`], [`ActionError::SubAccountLife`], [`ActionError::Unchanged`], [`ActionError::TwoFactorOff`],
    /// [`ActionError::Cooling`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        set(context, (ActionKind::ThawSubAccount, proof), self.0).await
    }
}

async fn set(
    context: &ActionContext<'_>,
    (action, proof): (ActionKind, Proof),
    account: AccountId,
) -> Result<(), ActionError> {
    let freezes = action == ActionKind::FreezeSubAccount;
    let grant = context.actor.may(action, proof)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let sub = sub_account_in(&mut tx, account).await?;
    let mut settings = settings_in(&mut tx, sub.id).await?;
    settings.life.check_open()?;
    if settings.frozen_at.is_some() == freezes {
        return Err(ActionError::Unchanged);
    }
    if !freezes {
        check_master(context, &mut tx, &sub).await?;
    }
    settings.frozen_at = freezes.then_some(context.now);
    tx.set_sub_account(sub.id, &settings).await?;
    hold_keys(&mut tx, sub.id, &settings).await?;
    let kind = if freezes { NoticeKind::Frozen } else { NoticeKind::Unfrozen };
    tx.tell_exchange(kind, sub.parts(), &settings).await?;
    let done = if freezes { "was frozen: all its keys are refused" } else { "works again" };
    let detail = format!("“{}” {done}.", sub.name.as_str());
    let alert = tell::by_actor(context, AlertKind::SubAccountChanged, sub.id, detail);
    tell::notify_holder(context, &mut tx, alert).await?;
    let facts = [("holds", if freezes { "+ sub-account frozen" } else { "- sub-account frozen" }.to_owned())];
    let event = Event::of(tx.grant(), context.now, &format!("account:{}", sub.id), &facts);
    tx.commit(event).await?;
    Ok(())
}
