//! Question: which keys stop when a password, factor or e-mail address changes? Asked before the change is confirmed.

use keyward_rules::grant::Scope;
use keyward_rules::id::AccountId;
use keyward_rules::key::{Hold, HolderState, KeyName};

use crate::accounts::{Left, moves_funds};
use crate::{ActionContext, ActionError};

/// The names of the working keys, of the account and of its sub-accounts, that stop once a change is made which leaves
/// `left` of the second factor: without one every key, else those that may withdraw, move funds or manage. A key that is
/// held for a change before is among them, because it is held for longer.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn keys_that_rest(
    context: &ActionContext<'_>,
    account: AccountId,
    left: Left,
) -> Result<Vec<KeyName>, ActionError> {
    stopping(context, context.actor.scope(), account, left).await
}

/// The same for a person who is proven and not signed in, whose scope the caller gives.
pub(crate) async fn stopping(
    context: &ActionContext<'_>,
    scope: Scope,
    account: AccountId,
    left: Left,
) -> Result<Vec<KeyName>, ActionError> {
    let keys = context.authority.access.reader.keys_of_family(scope, account).await?;
    let stops = keys.into_iter().filter(|key| {
        let works =
            key.life.state == HolderState::Active && key.expires_at.is_none_or(|end| context.now < end);
        let held = key.life.holds.stops() && !key.life.holds.has(Hold::Cooling);
        works && !held && (left == Left::Nothing || moves_funds(key.permissions))
    });
    Ok(stops.map(|key| key.name).collect())
}
