//! Question: what was a holder told?

use keyward_rules::alert::Alert;
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::limits::PAGE_MAX;
use keyward_store::AlertRecord;

use crate::{ActionContext, ActionError};

/// An alert in the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlertView {
    /// Its number; later ones are greater.
    pub id: i64,
    /// What it says.
    pub alert: Alert,
    /// Whether the holder looked at it.
    pub seen: bool,
}

fn view(record: AlertRecord) -> AlertView {
    AlertView { id: record.id, alert: record.alert, seen: record.seen_at.is_some() }
}

/// Alerts of an account before the one numbered `before`, newest first, at most `limit` (1 to 100).
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn list_alerts(
    context: &ActionContext<'_>,
    account: AccountId,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<AlertView>, ActionError> {
    let limit = limit.clamp(1, PAGE_MAX);
    let rows =
        context.authority.access.reader.alerts_of(context.actor.scope(), account, before, limit).await?;
    Ok(rows.into_iter().map(view).collect())
}

/// The newest alerts about one key.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn list_alerts_of_key(
    context: &ActionContext<'_>,
    account: AccountId,
    key: KeyId,
    limit: usize,
) -> Result<Vec<AlertView>, ActionError> {
    let limit = limit.clamp(1, PAGE_MAX);
    let rows =
        context.authority.access.reader.alerts_of_key(context.actor.scope(), account, key, limit).await?;
    Ok(rows.into_iter().map(view).collect())
}

/// How many alerts were not looked at.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn unseen_alerts(context: &ActionContext<'_>, account: AccountId) -> Result<i64, ActionError> {
    Ok(context.authority.access.reader.unseen_alerts(context.actor.scope(), account).await?)
}

/// Notes that the alerts up to number `upto` were looked at.
///
/// # Errors
/// [`ActionError::NoAccount`] beyond the actor's scope.
#[crate::boxed]
pub async fn mark_alerts_seen(
    context: &ActionContext<'_>,
    account: AccountId,
    upto: i64,
) -> Result<(), ActionError> {
    if !context.actor.scope().reaches(account) {
        return Err(ActionError::NoAccount);
    }
    Ok(context.authority.access.inbox.seen(account, upto, context.now).await?)
}

/// Notes that these alerts were looked at, at most a hundred.
///
/// # Errors
/// [`ActionError::NoAccount`] beyond the actor's scope.
#[crate::boxed]
pub async fn mark_these_seen(
    context: &ActionContext<'_>,
    account: AccountId,
    ids: Vec<i64>,
) -> Result<(), ActionError> {
    if !context.actor.scope().reaches(account) {
        return Err(ActionError::NoAccount);
    }
    let ids = ids.get(..PAGE_MAX).unwrap_or(&ids);
    Ok(context.authority.access.inbox.seen_these(account, ids, context.now).await?)
}
