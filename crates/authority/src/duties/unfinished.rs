//! Duty: tell people of sign-ins that ended between password and second factor.

use keyward_rules::alert::AlertKind;
use keyward_rules::id::AccountId;
use keyward_rules::limits::DAY_MS;

use super::raise::raise_of;
use crate::{ActionContext, ActionError};

/// Sign-ins in one run.
const BATCH: u64 = 200;

/// Tells of every sign-in whose second factor did not come in time, then ends it; gives how many there were. An account is
/// told once a day: who knows its password could try every minute.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn tell_unfinished(context: &ActionContext<'_>) -> Result<usize, ActionError> {
    let door = &context.authority.access.door;
    let unfinished = door.unfinished(context.now, BATCH).await?;
    for session in &unfinished {
        let place = (session.source.parse().ok(), Some(session.device.clone()));
        let once = once_a_day(context, session.account);
        raise_of(context, AlertKind::PasswordKnown, (session.account, place), once).await?;
        door.end_half(session).await?;
    }
    Ok(unfinished.len())
}

/// Under which text an account is told of it.
pub(crate) fn once_a_day(context: &ActionContext<'_>, account: AccountId) -> String {
    format!("password_known:{account}:{}", context.now.unix_ms() / DAY_MS)
}
