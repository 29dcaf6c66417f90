//! Action: change where a key works from. Fewer addresses take effect on one factor, more need a step-up.

use keyward_rules::address::{Binding, Width};
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{Action, Proof};
use keyward_rules::id::{KeyId, Revision};
use keyward_rules::key::{KeyPolicy, KeyRefusal, LifeRefusal, Need, WideRange};
use keyward_rules::permission::Permission;
use keyward_store::{KeyNotes, KeyRecord};

use super::KeyNamed;
use super::enable::check_loosening;
use crate::oversight::{policy_in_force, policy_now};
use crate::questions::reach_in_words;
use crate::{ActionError, Desk, Matter, tell};

/// What a change of addresses amounts to.
pub enum AddressChange {
    /// Only takes away: one factor.
    Narrows(Matter),
    /// Adds something: a step-up for exactly this.
    Widens(Matter),
}

/// Says what a change would amount to, by all rules, without making it.
///
/// # Errors
/// As [`change_addresses`].
#[crate::boxed]
pub async fn plan_addresses(
    desk: &Desk<'_>,
    id: KeyId,
    to: &Binding,
    wide: WideRange,
) -> Result<AddressChange, ActionError> {
    let reader = &desk.authority.access.reader;
    let key = reader.key(desk.actor.scope(), id).await?.ok_or(ActionError::NoKey)?;
    check(policy_in_force(desk).await?.policy.keys, &key, to, wide)?;
    if key.binding.covers(to) {
        return Ok(AddressChange::Narrows(matter(Action::NarrowKey, &key, to)));
    }
    Ok(AddressChange::Widens(matter(Action::WidenKey, &key, to)))
}

fn matter(action: Action, key: &KeyRecord, to: &Binding) -> Matter {
    Matter {
        action,
        facts: vec![("key", key.id.to_string()), ("where", reach_in_words(to))],
        words: vec![
            format!("Change where the API key “{}” ({}) works from", key.name, key.id),
            format!("Until now: {}", reach_in_words(&key.binding)),
            format!("From now on: {}", reach_in_words(to)),
        ],
    }
}

/// Changes the addresses; every gateway follows within the bound. A rotation is suggested afterwards.
///
/// # Errors
/// [`ActionError::NoKey`], [`ActionError::NotTheName`], [`ActionError::Unchanged`], [`ActionError::BoundToApp`],
/// [`ActionError::Key`] by rule, [`ActionError::Cooling`], and [`ActionError::NotAllowed`] when the proof is not
/// the one that the change asks for.
#[crate::boxed]
pub async fn change_addresses(
    desk: &Desk<'_>,
    proof: Proof,
    which: &KeyNamed,
    to: Binding,
    wide: WideRange,
) -> Result<Option<Revision>, ActionError> {
    // The proof says which of the two was approved; the key as it is now says which of them it is.
    let action = match &proof {
        Proof::StepUp(approved, _) => approved.action(),
        Proof::None | Proof::Factor(_) | Proof::Mail(_) | Proof::Link(_) | Proof::Passed(_) => {
            Action::NarrowKey
        }
    };
    let grant = desk.actor.may(action, proof)?;
    let mut tx = desk.authority.access.writer.begin(grant, desk.now).await?;
    let mut key = which.find(desk, &mut tx).await?;
    check(policy_now(desk, &mut tx).await?.keys, &key, &to, wide)?;
    if !key.binding.covers(&to) {
        if action != Action::WidenKey {
            let (actor, action) = (desk.actor.clone(), Action::WidenKey);
            return Err(keyward_rules::grant::NotAllowed { actor, action }.into());
        }
        check_loosening(desk, &mut tx, &key).await?;
    }
    if key.binding.is_bound() && !to.is_bound() {
        // The days in which nobody used the key while it was bound do not count.
        let notes = tx.notes(key.id).await?;
        tx.set_notes(&KeyNotes { unbound_at: Some(desk.now), ..notes }).await?;
    }
    let (before, after) = (reach_in_words(&key.binding), reach_in_words(&to));
    key.binding = to;
    let detail =
        format!("It worked from {before}, and works from {after} now. A rotation is worth a thought.");
    let alert = tell::about_key(desk, AlertKind::KeyChanged, &key, detail);
    let subject = format!("key:{}", key.id);
    tx.update_key(key).await?;
    tell::tell(desk, &mut tx, alert).await?;
    let event = Event::of(tx.grant(), desk.now, &subject, &[("where", format!("{before} -> {after}"))]);
    Ok(tx.commit(event).await?)
}

fn check(policy: KeyPolicy, key: &KeyRecord, to: &Binding, wide: WideRange) -> Result<(), ActionError> {
    if key.life.is_over() {
        return Err(LifeRefusal::Ended.into());
    }
    if matches!(key.binding, Binding::App(_)) || matches!(to, Binding::App(_)) {
        return Err(ActionError::BoundToApp);
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
