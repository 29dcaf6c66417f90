//! Action: change what keys of a sub-account may do at most. Less takes effect on one factor, more needs a step-up.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Actor, NotAllowed, Proof, TwoFactor};
use keyward_rules::id::AccountId;
use keyward_rules::key::{SubAccountCap, TransfersOut};
use keyward_rules::sub_account::SubAccountSettings;

use super::{
    SubAccountOf, held_by, hold_keys, settings_in, settings_or_least, sub_account_in, sub_account_of,
};
use crate::accounts::is_cooling;
use crate::keys::approved;
use crate::keys::refuse_new_device;
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Change what keys of a sub-account may do at most. Permissions of a key never change: a key that may do more than the cap is
/// held while that lasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChangeSubAccountCap {
    /// The sub-account.
    pub account: AccountId,
    /// What changes.
    pub to: CapChange,
}

/// What changes of a cap. The rest is as it is when the change is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CapChange {
    /// All of it.
    Whole(SubAccountCap),
    /// Where transfers may lead, and nothing else.
    Transfers(TransfersOut),
}

impl CapChange {
    /// The cap after it.
    const fn of(self, old: SubAccountCap) -> SubAccountCap {
        match self {
            Self::Whole(to) => to,
            Self::Transfers(transfers) => old.transfers_to(transfers),
        }
    }

    /// What a proof is bound to.
    fn fact(self) -> (&'static str, String) {
        match self {
            Self::Whole(to) => ("allowed", to.in_words()),
            Self::Transfers(transfers) => ("transfers", transfers.word().to_owned()),
        }
    }
}

#[async_trait]
impl Action for ChangeSubAccountCap {
    type Reply = ();

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let sub = sub_account_of(context, self.account).await?;
        let old = settings_or_least(context.authority.access.reader.sub_account_settings(sub.id).await)?;
        old.life.check_open()?;
        let to = self.to.of(old.cap);
        if old.cap == to {
            return Err(ActionError::Unchanged);
        }
        let new = SubAccountSettings { cap: to, ..old.clone() };
        let mut words = vec![
            format!("Change what keys of the sub-account “{}” may do at most", sub.name.as_str()),
            format!("Until now: {}", old.cap.in_words()),
            format!("From now on: {}", to.in_words()),
        ];
        words.extend(held_by(context, sub.id, &new).await?);
        Ok(PendingAction {
            action: kind(&old.cap, &to),
            facts: vec![("account", sub.id.to_string()), self.to.fact()],
            words,
        })
    }

    /// # Errors
    /// [`ActionError::NoSubAccount`], [`ActionError::Unchanged`], [`ActionError::TwoFactorOff`], [`ActionError::Cooling`], and
    /// [`ActionError::NotAllowed`] when the proof is not the one that the change asks for.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        // The proof says which of the two was approved; the cap as it is now says which of them it is.
        let action = match approved(&proof, ActionKind::TightenSubAccount) {
            Some(action) => action,
            None => self.plan(context).await?.action,
        };
        let grant = context.actor.may(action, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let sub = sub_account_in(&mut tx, self.account).await?;
        let mut settings = settings_in(&mut tx, sub.id).await?;
        settings.life.check_open()?;
        let old = settings.cap;
        let to = self.to.of(old);
        if old == to {
            return Err(ActionError::Unchanged);
        }
        if kind(&old, &to) != action && action != ActionKind::LoosenSubAccount {
            return Err(NotAllowed::of(&context.actor, ActionKind::LoosenSubAccount).into());
        }
        if !to.is_within(&old) {
            check_master(context, &mut tx, &sub).await?;
        }
        settings.cap = to;
        tx.set_sub_account(sub.id, &settings).await?;
        hold_keys(&mut tx, sub.id, &settings).await?;
        let name = sub.name.as_str();
        let detail = format!("Keys of “{name}” may now: {}. Before: {}.", to.in_words(), old.in_words());
        let alert = tell::by_actor(context, AlertKind::SubAccountChanged, sub.id, detail);
        tell::notify_holder(context, &mut tx, alert).await?;
        let facts = [("allowed", format!("{} -> {}", old.in_words(), to.in_words()))];
        let event = Event::of(tx.grant(), context.now, &format!("account:{}", sub.id), &facts);
        tx.commit(event).await?;
        Ok(())
    }
}

/// Whoever gives rights has a second factor that has not just been replaced.
pub(super) async fn check_master(
    context: &ActionContext<'_>,
    tx: &mut keyward_store::Tx,
    sub: &SubAccountOf,
) -> Result<(), ActionError> {
    let Actor::Holder(_) = context.actor else { return Ok(()) };
    let person = tx.person(sub.master).await?.ok_or(ActionError::TwoFactorOff)?;
    if person.two_factor() == TwoFactor::Off {
        return Err(ActionError::TwoFactorOff);
    }
    if is_cooling(&person, context.now) {
        return Err(ActionError::Cooling);
    }
    refuse_new_device(context, tx).await
}

/// Which of the two the change is.
fn kind(old: &SubAccountCap, to: &SubAccountCap) -> ActionKind {
    if to.is_within(old) { ActionKind::TightenSubAccount } else { ActionKind::LoosenSubAccount }
}
