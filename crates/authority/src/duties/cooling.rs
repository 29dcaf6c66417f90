//! Duty: lift the rest that a change of password, factor or address laid on keys, and the one of keys of new devices, when its
//! time is over.

use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::key::Hold;

use crate::accounts::family_holds;
use crate::{ActionContext, ActionError};

/// Accounts or keys in one run.
const BATCH: u64 = 200;

/// Lifts the rest of every account whose time is over; gives how many accounts.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn end_cooling(context: &ActionContext<'_>) -> Result<usize, ActionError> {
    let grant = context.actor.may(ActionKind::EndCooling, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let accounts = tx.cooled(BATCH).await?;
    if accounts.is_empty() {
        return Ok(0);
    }
    for account in &accounts {
        family_holds(&mut tx, *account, |key| Some(key.life.release(Hold::Cooling))).await?;
        tx.set_cooling(*account, None).await?;
    }
    let list: Vec<String> = accounts.iter().map(ToString::to_string).collect();
    let event = Event::of(tx.grant(), context.now, "accounts", &[("rested", list.join(","))]);
    tx.commit(event).await?;
    Ok(accounts.len())
}

/// Lets keys work whose device is no longer new; gives how many.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn end_new_devices(context: &ActionContext<'_>) -> Result<usize, ActionError> {
    let grant = context.actor.may(ActionKind::EndCooling, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    // An altered key is unusable already, and must not stop the others.
    let keys: Vec<_> = tx.keys_to_release(BATCH).await?.into_iter().flatten().collect();
    if keys.is_empty() {
        return Ok(0);
    }
    let mut released = Vec::new();
    for mut key in keys {
        released.push(key.id.to_string());
        key.release_from_new_device();
        tx.update_key(key).await?;
    }
    let event = Event::of(tx.grant(), context.now, "keys", &[("released", released.join(" "))]);
    tx.commit(event).await?;
    Ok(released.len())
}
