//! Keys that are made or loosened on a new device: they only read until the device is known for a day (threat F2).
//!
//! Somebody who has a password and one code can sign in once, on a device of their own. What they make there must not trade
//! before the owner has read the mail about it. Keys that only read, canaries and demo keys move nothing, and are not held.

use keyward_rules::address::Binding;
use keyward_rules::grant::Actor;
use keyward_rules::key::Environment;
use keyward_rules::permission::{Permission, Permissions};
use keyward_rules::policy::Policy;
use keyward_rules::time::Moment;
use keyward_store::{KeyRecord, Tx};

use crate::operators::{policy_in_force, policy_now};
use crate::{ActionContext, ActionError};

/// Until when the device is new on which the user acts; `None` when it is not, and for who is no holder: operators have
/// ceremonies of their own, the host has the master key, and what a key may not do by itself somebody approves.
fn new_until(context: &ActionContext<'_>, policy: &Policy) -> Option<Moment> {
    match &context.actor {
        Actor::Holder(holder) => policy.new_device_until(holder.device_since, context.now),
        Actor::Host(_) | Actor::System(_) | Actor::Staff(_) | Actor::Key(_) | Actor::Visitor(_) => None,
    }
}

/// Whether a key can do more than read.
fn acts(permissions: Permissions, environment: Environment, binding: &Binding) -> bool {
    let reads_only = permissions.iter().all(|right| right == Permission::Read);
    !reads_only && environment == Environment::Live && *binding != Binding::Canary
}

/// What is known of a key before it is made, as far as it matters here.
pub(super) struct Powers<'k>(pub(super) Permissions, pub(super) Environment, pub(super) &'k Binding);

impl<'k> Powers<'k> {
    /// Those of a key.
    pub(super) const fn of(key: &'k KeyRecord) -> Self {
        Self(key.permissions, key.environment, &key.binding)
    }
}

/// Until when a key only reads that is made now.
pub(super) async fn first_hold(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    Powers(permissions, environment, binding): Powers<'_>,
) -> Result<Option<Moment>, ActionError> {
    let until = new_until(context, &policy_now(context, tx).await?);
    Ok(until.filter(|_| acts(permissions, environment, binding)))
}

/// Lets a key only read that is loosened now, if the device is new; gives until when.
pub(super) async fn hold_loosened(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    key: &mut KeyRecord,
) -> Result<Option<Moment>, ActionError> {
    let until = first_hold(context, tx, Powers::of(key)).await?;
    if let Some(until) = until {
        key.hold_for_new_device(until)?;
    }
    Ok(until)
}

/// Says before the proof what the new device does to these keys.
pub(super) async fn foretell(
    context: &ActionContext<'_>,
    words: &mut Vec<String>,
    keys: impl IntoIterator<Item = Powers<'_>>,
) -> Result<(), ActionError> {
    let until = new_until(context, &policy_in_force(context).await?.policy);
    let held =
        keys.into_iter().filter(|Powers(rights, where_from, binding)| acts(*rights, *where_from, binding));
    if let (Some(until), true) = (until, held.count() > 0) {
        words.push(format!(
            "This device is new for your account. Until {until} the key only reads; on an older device you can let it work at once"
        ));
    }
    Ok(())
}

/// What the mail says of it: nothing for a device that is known.
pub(super) fn in_words(until: Option<Moment>) -> String {
    until.map(sentence).unwrap_or_default()
}

fn sentence(until: Moment) -> String {
    format!(
        "This was done on a new device, so the key only reads until {until}. If it was you, you can let it work at once from a \
         device that you used before. If it was not you, disable all keys now."
    )
}

/// Two parts of a detail, either of which may be empty.
pub(super) fn beside(detail: String, until: Option<Moment>) -> String {
    [detail, in_words(until)].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The same for an audit record.
pub(super) fn fact(until: Option<Moment>) -> Option<(&'static str, String)> {
    until.map(|until| ("new_device_until", until.to_string()))
}

/// Refuses what loosens many keys together, or lets others loosen them, on a device that is new.
pub(crate) async fn refuse_new_device(context: &ActionContext<'_>, tx: &mut Tx) -> Result<(), ActionError> {
    match new_until(context, &policy_now(context, tx).await?) {
        Some(until) => Err(ActionError::NewDevice(until)),
        None => Ok(()),
    }
}

/// The same before the proof.
pub(crate) async fn refuse_new_device_early(context: &ActionContext<'_>) -> Result<(), ActionError> {
    match new_until(context, &policy_in_force(context).await?.policy) {
        Some(until) => Err(ActionError::NewDevice(until)),
        None => Ok(()),
    }
}
