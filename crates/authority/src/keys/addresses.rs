//! Action: change where a key works from. Fewer addresses take effect on one factor, more need a step-up.

use async_trait::async_trait;
use keyward_rules::address::{Binding, Width};
use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, NotAllowed, Proof};
use keyward_rules::id::Revision;
use keyward_rules::key::{KeyPolicy, KeyRefusal, LifecycleError, Need, WideRange};
use keyward_rules::permission::Permission;
use keyward_store::{KeyMetadata, KeyRecord, Tx};

use super::enable::check_loosening;
use super::new_device::{Powers, beside, fact, foretell, hold_loosened};
use super::{KeyNamed, approved};
use crate::operators::{policy_in_force, policy_now};
use crate::questions::{reach_in_words, reach_of};
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Change where a key works from. Every gateway follows within the bound.
#[derive(Clone, Debug)]
pub struct ChangeAddresses {
    /// The key.
    pub which: KeyNamed,
    /// Where it works from, from now on.
    pub to: Binding,
    /// Whether a very wide range is meant.
    pub wide: WideRange,
}

#[async_trait]
impl Action for ChangeAddresses {
    type Reply = Option<Revision>;

    /// Narrowing only takes away, and asks for one factor. Widening asks for a step-up.
    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let key = self.which.living(context).await?;
        check(policy_in_force(context).await?.policy.keys, &key, &self.to, self.wide)?;
        let action = kind_of(&key.binding, &self.to);
        let mut pending = pending(action, &key, &self.to);
        if action == ActionKind::WidenKey {
            foretell(context, &mut pending.words, [Powers::of(&key)]).await?;
        }
        Ok(pending)
    }

    /// # Errors
    /// [`ActionError::NoKey`], [`ActionError::NotTheName`], [`ActionError::Unchanged`], [`ActionError::BoundToApp`],
    /// [`ActionError::Key`] by rule, [`ActionError::Cooling`], and [`ActionError::NotAllowed`] when the proof is not the one
    /// that the change asks for.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { which, to, wide } = self;
        // The proof says which of the two was approved; the key as it is now says which of them it is.
        let action = approved(&proof, ActionKind::NarrowKey).unwrap_or(ActionKind::NarrowKey);
        let grant = context.actor.may(action, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let mut key = which.find(context, &mut tx).await?;
        check(policy_now(context, &mut tx).await?.keys, &key, &to, wide)?;
        let (alert, facts) = rebind(context, &mut tx, &mut key, to).await?;
        let subject = format!("key:{}", key.id);
        tx.update_key(key).await?;
        tell::notify_holder(context, &mut tx, alert).await?;
        let event = Event::of(tx.grant(), context.now, &subject, &facts);
        Ok(tx.commit(event).await?)
    }
}

/// Gives a key other addresses inside a transaction, and says what is told and recorded of it. The caller has checked them.
///
/// # Errors
/// [`ActionError::NotAllowed`] when they are more than before and the grant is for less, [`ActionError::TwoFactorOff`],
/// [`ActionError::Cooling`].
pub(super) async fn rebind(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    key: &mut KeyRecord,
    to: Binding,
) -> Result<(Alert, Vec<(&'static str, String)>), ActionError> {
    let mut held = None;
    if !key.binding.covers(&to) {
        if tx.grant().action() != ActionKind::WidenKey {
            return Err(NotAllowed::of(&context.actor, ActionKind::WidenKey).into());
        }
        check_loosening(context, tx, key).await?;
        held = hold_loosened(context, tx, key).await?;
    }
    if key.binding.is_bound() && !to.is_bound() {
        // The days in which nobody used the key while it was bound do not count.
        let notes = tx.notes(key.id).await?;
        tx.set_notes(&KeyMetadata { unbound_at: Some(context.now), ..notes }).await?;
    }
    let before = std::mem::replace(&mut key.binding, to);
    let detail = format!(
        "It worked from {}. It works from {} now. Consider rotating the key as well.",
        reach_in_words(&before),
        reach_in_words(&key.binding)
    );
    let mut facts = vec![("where", format!("{} -> {}", reach_of(&before), reach_of(&key.binding)))];
    facts.extend(fact(held));
    Ok((tell::about_key(context, AlertKind::KeyChanged, key, beside(detail, held)), facts))
}

/// Which of the two a change is.
pub(super) fn kind_of(before: &Binding, to: &Binding) -> ActionKind {
    if before.covers(to) { ActionKind::NarrowKey } else { ActionKind::WidenKey }
}

fn pending(action: ActionKind, key: &KeyRecord, to: &Binding) -> PendingAction {
    PendingAction {
        action,
        facts: vec![("key", key.id.to_string()), ("where", reach_of(to))],
        words: vec![
            format!("Change where the API key “{}” ({}) works from", key.name, key.id),
            format!("Until now: {}", reach_in_words(&key.binding)),
            format!("From now on: {}", reach_in_words(to)),
        ],
    }
}

pub(super) fn check(
    policy: KeyPolicy,
    key: &KeyRecord,
    to: &Binding,
    wide: WideRange,
) -> Result<(), ActionError> {
    if key.life.is_over() {
        return Err(LifecycleError::Ended.into());
    }
    if matches!(key.binding, Binding::App(_)) || matches!(to, Binding::App(_)) {
        return Err(ActionError::BoundToApp);
    }
    if matches!(key.binding, Binding::Canary) || matches!(to, Binding::Canary) {
        return Err(ActionError::Canary);
    }
    if key.binding == *to {
        return Err(ActionError::Unchanged);
    }
    if let (Binding::Addresses(set), WideRange::NotAcknowledged) = (to, wide)
        && set.width() == Width::Wide
    {
        return Err(KeyRefusal::WideRange.into());
    }
    if !to.is_bound() {
        if key.permissions.allows(Permission::Withdraw) && policy.withdraw_binding == Need::Required {
            return Err(KeyRefusal::WithdrawUnbound.into());
        }
        if key.permissions.allows(Permission::Manage) {
            return Err(KeyRefusal::ManageUnbound.into());
        }
    }
    Ok(())
}
