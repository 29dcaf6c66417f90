//! Question: what did all keys of an account do since somebody last looked?

use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::limits::TAIL_ROWS;
use keyward_store::{AccountRequestRow, Bounds, KeyRecord, RequestFilter};

use super::activity::{KeyRequest, as_shown};
use crate::tell::shows_addresses;
use crate::{ActionContext, ActionError};

/// One request of one of the keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountRequest {
    /// Which key.
    pub key: KeyId,
    /// Its name; its id where the row is unusable.
    pub name: String,
    /// The request.
    pub request: KeyRequest,
}

/// What was recorded of an account's keys since their holder last looked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountRequests {
    /// The newest of it, newest first.
    pub requests: Vec<AccountRequest>,
    /// Where to look on from.
    pub upto: i64,
    /// Whether there may have been more than fits.
    pub left_out: bool,
    /// Whether requests can be filtered by address: not when one of the keys is an app's, because the answer would tell the
    /// app's ranges. The filter's address is ignored then.
    pub by_address: bool,
}

/// What was recorded of an account's keys within the actor's scope after number `after`, and fits, at most `limit`; for who
/// watches. From number 0 on it begins with the newest requests. One look goes through [`TAIL_ROWS`] records at most, those of
/// other accounts included.
///
/// # Errors
/// [`ActionError::NoAccount`]; [`ActionError::Searching`] and [`ActionError::TooManySearches`] as a search.
#[crate::boxed]
pub async fn newer_account_requests(
    context: &ActionContext<'_>,
    account: AccountId,
    filter: RequestFilter,
    after: i64,
    limit: usize,
) -> Result<AccountRequests, ActionError> {
    let (access, scope) = (&context.authority.access, context.actor.scope());
    if !scope.reaches(account) {
        return Err(ActionError::NoAccount);
    }
    // A look counts as a search: it may go through many records of others.
    let _search = context.authority.searches.begin(&context.actor)?;
    let rows = access.reader.keys_of(scope, account).await?;
    let all = rows.len();
    let keys: Vec<KeyRecord> = rows.into_iter().flatten().collect();
    // A key whose row was altered may be an app's.
    let by_address = keys.len() == all && keys.iter().all(|key| shows_addresses(&key.binding));
    let filter = RequestFilter { source: filter.source.filter(|_| by_address), ..filter };
    let bounds = Bounds { rows: limit, looked_through: TAIL_ROWS };
    let newer = access.activity.newer_of_account(account, &filter, after, bounds).await?;
    let requests = newer.rows.into_iter().map(|one| named(one, &keys)).collect();
    Ok(AccountRequests { requests, upto: newer.upto, left_out: newer.left_out, by_address })
}

fn named(one: AccountRequestRow, keys: &[KeyRecord]) -> AccountRequest {
    let key = keys.iter().find(|key| key.id == one.key);
    AccountRequest {
        key: one.key,
        name: key.map_or_else(|| one.key.to_string(), |key| key.name.to_string()),
        request: as_shown(one.row, key.is_some_and(|key| shows_addresses(&key.binding))),
    }
}
