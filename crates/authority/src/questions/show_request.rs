//! Question: what was recorded of this request?

use keyward_rules::id::{KeyId, RequestId};
use keyward_rules::limits::NEIGHBOUR_ROWS;

use super::activity::{KeyRequest, as_shown};
use crate::tell::shows_addresses;
use crate::{ActionContext, ActionError};

/// One request with all that was recorded of it, as its holder sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestView {
    /// The key's name.
    pub name: String,
    /// What lists show of it.
    pub request: KeyRequest,
    /// Its id, which the gateway gave it.
    pub id: RequestId,
    /// The status that the exchange answered with, if it was asked.
    pub upstream_status: Option<i64>,
    /// Bytes of its body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// Microseconds to the answer's head.
    pub micros: u64,
    /// The number of the key's request before it, if that is near.
    pub earlier: Option<i64>,
    /// The number of the key's request after it, if that is near.
    pub later: Option<i64>,
}

/// One request of a key within the actor's scope, by its number in the journal.
///
/// # Errors
/// [`ActionError::NoKey`]; [`ActionError::NoRequest`], also for a request of another key.
#[crate::boxed]
pub async fn show_request(
    context: &ActionContext<'_>,
    key: KeyId,
    number: i64,
) -> Result<RequestView, ActionError> {
    let access = &context.authority.access;
    let key = access.reader.key(context.actor.scope(), key).await?.ok_or(ActionError::NoKey)?;
    let found = access.activity.request(key.id, number, NEIGHBOUR_ROWS).await?;
    let found = found.ok_or(ActionError::NoRequest)?;
    Ok(RequestView {
        name: key.name.to_string(),
        id: found.request,
        upstream_status: found.row.upstream_status,
        bytes_in: found.bytes_in,
        bytes_out: found.bytes_out,
        micros: found.row.micros,
        earlier: found.earlier,
        later: found.later,
        request: as_shown(found.row, shows_addresses(&key.binding)),
    })
}
