//! The rest after a change of password, factor or address, and holds over all keys of a person.

use keyward_rules::id::AccountId;
use keyward_rules::key::{Hold, Life};
use keyward_rules::limits::COOLING_MS;
use keyward_rules::permission::{Permission, Permissions};
use keyward_rules::time::Moment;
use keyward_store::{KeyRecord, Tx, UserRecord};

use crate::{ActionContext, ActionError};

/// Whether a key's rights let funds leave an account, or let it make keys that do (product.md 2).
pub(crate) fn moves_funds(permissions: Permissions) -> bool {
    [Permission::Withdraw, Permission::Funding, Permission::Manage]
        .into_iter()
        .any(|right| permissions.allows(right))
}

/// Whether keys that move funds rest.
pub(crate) fn is_cooling(person: &UserRecord, now: Moment) -> bool {
    person.cooling_until.is_some_and(|until| now < until)
}

/// Holds every key that moves funds, of the person and of the sub-accounts, for 24 hours.
pub(crate) async fn rest(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    account: AccountId,
) -> Result<(), ActionError> {
    tx.set_cooling(account, Some(context.now.plus_ms(COOLING_MS))).await?;
    family_holds(tx, account, |key| {
        if moves_funds(key.permissions) { key.life.hold(Hold::Cooling).ok() } else { None }
    })
    .await
}

/// Changes the life of the living keys of a person and of the sub-accounts, where `change` gives another.
pub(crate) async fn family_holds(
    tx: &mut Tx,
    account: AccountId,
    change: impl Fn(&KeyRecord) -> Option<Life>,
) -> Result<(), ActionError> {
    for mut key in tx.keys_of_family(account).await? {
        if let Some(life) = change(&key).filter(|life| !key.life.is_over() && *life != key.life) {
            key.life = life;
            tx.update_key(key).await?;
        }
    }
    Ok(())
}
