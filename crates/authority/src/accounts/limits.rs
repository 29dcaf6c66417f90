//! Action: change the limits of an account, which hold over all its keys. Stricter ones take effect on one factor, wider ones
//! need a step-up.

use std::sync::Arc;

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::fence::Fences;
use keyward_rules::grant::{ActionKind, NotAllowed, Proof, TwoFactor};
use keyward_rules::id::{AccountId, Revision};
use keyward_store::{KeyRecord, StoreError};

use super::is_cooling;
use crate::keys::{approved, refuse_new_device, renewed, rests};
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Change what all keys of an account together may do. Every gateway follows within the bound.
#[derive(Clone, Debug)]
pub struct ChangeAccountLimits {
    /// The account, or a sub-account.
    pub account: AccountId,
    /// Its limits from now on; when destinations become usable is not the caller's to say.
    pub to: Fences,
}

#[async_trait]
impl Action for ChangeAccountLimits {
    type Reply = Option<Revision>;

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let (reader, scope) = (&context.authority.access.reader, context.actor.scope());
        let account = reader.account(scope, self.account).await?.ok_or(ActionError::NoAccount)?;
        context.authority.settings.market.check(Some(&self.to))?;
        let old = reader.account_limits(scope, account.id).await?.as_deref().cloned().unwrap_or_default();
        let to = renewed(&old, &self.to, context.now)?;
        let mut words = vec![
            "Change the limits of the account, over all its keys together".to_owned(),
            format!("Until now: {}", old.in_words()),
            format!("From now on: {}", to.in_words()),
        ];
        if rests(&to, context.now) {
            words.push("New destinations can be used after 24 hours.".to_owned());
        }
        Ok(PendingAction {
            action: kind(&old, &to),
            // As it was asked: the moment from which a destination can be used moves on while people type.
            facts: vec![("account", account.id.to_string()), ("limits", self.to.to_text())],
            words,
        })
    }

    /// # Errors
    /// [`ActionError::NoAccount`], [`ActionError::Unchanged`], [`ActionError::TwoFactorOff`], [`ActionError::Cooling`],
    /// [`ActionError::NoMarketData`], and [`ActionError::NotAllowed`] when the proof is not the one that the change asks for.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { account, to } = self;
        // The proof says which of the two was approved; the limits as they are now say which of them it is.
        let action = match approved(&proof, ActionKind::TightenAccountLimits) {
            Some(action) => action,
            None => Self { account, to: to.clone() }.plan(context).await?.action,
        };
        let grant = context.actor.may(action, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let record = tx.account(account).await?.ok_or(ActionError::NoAccount)?;
        if !tx.grant().scope().reaches(account) {
            return Err(ActionError::NoAccount);
        }
        context.authority.settings.market.check(Some(&to))?;
        let old = tx.account_limits(account).await?.as_deref().cloned().unwrap_or_default();
        let to = renewed(&old, &to, context.now)?;
        if kind(&old, &to) != action && action != ActionKind::LoosenAccountLimits {
            return Err(NotAllowed::of(&context.actor, ActionKind::LoosenAccountLimits).into());
        }
        if !to.is_within(&old)
            && let Some(person) = tx.person(record.master().unwrap_or(account)).await?
        {
            if person.two_factor() == TwoFactor::Off {
                return Err(ActionError::TwoFactorOff);
            }
            if is_cooling(&person, context.now) {
                return Err(ActionError::Cooling);
            }
            refuse_new_device(context, &mut tx).await?;
        }
        let keys = tx.keys_of(account).await?;
        check_in_step((!old.is_empty()).then_some(&old), &keys)?;
        tx.set_account_limits(account, &to).await?;
        let limits = (!to.is_empty()).then(|| Arc::new(to.clone()));
        for mut key in keys {
            if !key.life.is_over() {
                key.fences =
                    key.fences.as_deref().map(Fences::own).unwrap_or_default().beside(limits.clone());
                tx.update_key(key).await?;
            }
        }
        let detail = format!("They were: {}. They are now: {}.", old.in_words(), to.in_words());
        tell::notify_holder(
            context,
            &mut tx,
            tell::by_actor(context, AlertKind::AccountLimits, account, detail),
        )
        .await?;
        let moved = format!("{} -> {}", old.in_words(), to.in_words());
        let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &[("limits", moved)]);
        Ok(tx.commit(event).await?)
    }
}

/// Whether all living keys of an account have its limits, as its own row says them. An older row that somebody put back in the
/// database, or one that is missing, would make a wider change look like a stricter one, and new keys wider than the others.
///
/// # Errors
/// [`StoreError::Tampered`].
pub(crate) fn check_in_step(limits: Option<&Fences>, keys: &[KeyRecord]) -> Result<(), ActionError> {
    let of_key = |key: &&KeyRecord| {
        let account = key.fences.as_deref().and_then(|fences| fences.account.as_deref());
        !key.life.is_over() && account != limits
    };
    match keys.iter().find(of_key) {
        None => Ok(()),
        Some(key) => Err(StoreError::Tampered { what: format!("limits of account {}", key.account) }.into()),
    }
}

/// Which of the two the change is.
fn kind(old: &Fences, to: &Fences) -> ActionKind {
    if to.is_within(old) { ActionKind::TightenAccountLimits } else { ActionKind::LoosenAccountLimits }
}
