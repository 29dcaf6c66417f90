//! Action: change where a key works from. Fewer addresses take effect on one factor, more need a step-up.

use async_trait::async_trait;
use keyward_rules::address::{Binding, Width};
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::Revision;
use keyward_rules::key::{KeyPolicy, KeyRefusal, LifecycleError, Need, WideRange};
use keyward_rules::permission::Permission;
use keyward_store::{KeyMetadata, KeyRecord};

use super::KeyNamed;
use super::enable::check_loosening;
use super::new_device::{Powers, beside, fact, foretell, hold_loosened};
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
        let narrows = key.binding.covers(&self.to);
        let action = if narrows { ActionKind::NarrowKey } else { ActionKind::WidenKey };
        let mut pending = pending(action, &key, &self.to);
        if !narrows {
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
        let action = match &proof {
            Proof::StepUp(approved, _) => approved.action(),
            Proof::None
            | Proof::Factor(_)
            | Proof::Mail(_)
            | Proof::FirstSession(_)
            | Proof::Link(_)
            | Proof::Passed(_) => ActionKind::NarrowKey,
        };
        let grant = context.actor.may(action, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let mut key = which.find(context, &mut tx).await?;
        check(policy_now(context, &mut tx).await?.keys, &key, &to, wide)?;
        let mut held = None;
        if !key.binding.covers(&to) {
            if action != ActionKind::WidenKey {
                return Err(keyward_rules::grant::NotAllowed::of(&context.actor, ActionKind::WidenKey).into());
            }
            check_loosening(context, &mut tx, &key).await?;
            held = hold_loosened(context, &mut tx, &mut key).await?;
        }
        if key.binding.is_bound() && !to.is_bound() {
            // The days in which nobody used the key while it was bound do not count.
            let notes = tx.notes(key.id).await?;
            tx.set_notes(&KeyMetadata { unbound_at: Some(context.now), ..notes }).await?;
        }
        let was_bound = std::mem::replace(&mut key.binding, to);
        let detail = format!(
            "It worked from {}. It works from {} now. Consider rotating the key as well.",
            reach_in_words(&was_bound),
            reach_in_words(&key.binding)
        );
        let moved = format!("{} -> {}", reach_of(&was_bound), reach_of(&key.binding));
        let alert = tell::about_key(context, AlertKind::KeyChanged, &key, beside(detail, held));
        let subject = format!("key:{}", key.id);
        tx.update_key(key).await?;
        tell::notify_holder(context, &mut tx, alert).await?;
        let mut facts = vec![("where", moved)];
        facts.extend(fact(held));
        let event = Event::of(tx.grant(), context.now, &subject, &facts);
        Ok(tx.commit(event).await?)
    }
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

fn check(policy: KeyPolicy, key: &KeyRecord, to: &Binding, wide: WideRange) -> Result<(), ActionError> {
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
