//! Question: which sockets has a key open?

use keyward_api::open_sockets::{OpenSocket, OpenSockets};
use keyward_rules::id::KeyId;
use keyward_rules::time::Moment;

use crate::tell::shows_addresses;
use crate::{ActionContext, ActionError};

/// An open socket, as people see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SocketView {
    /// Its number in the gateway's process.
    pub id: u64,
    /// The last part of its path: `public`, `private` or `business`.
    pub endpoint: &'static str,
    /// When it logged in.
    pub since: Moment,
    /// From which address; for an app's key only that it is one of the app's servers.
    pub from: String,
    /// What it is subscribed to, in order.
    pub channels: Vec<String>,
    /// Messages that came from the client.
    pub received: u64,
    /// Messages that went to the client.
    pub sent: u64,
}

impl SocketView {
    fn of(socket: OpenSocket, shown: bool) -> Self {
        Self {
            id: socket.id,
            endpoint: socket.endpoint,
            since: socket.since,
            // A login from anywhere else is refused, and ranges that narrow close the sockets outside.
            from: if shown { socket.source.to_string() } else { "the app's servers".to_owned() },
            channels: socket.channels,
            received: socket.received,
            sent: socket.sent,
        }
    }
}

/// The open sockets of a key within the actor's scope, newest first.
///
/// # Errors
/// [`ActionError::NoKey`].
#[crate::boxed]
pub async fn open_sockets(
    context: &ActionContext<'_>,
    sockets: &dyn OpenSockets,
    id: KeyId,
) -> Result<Vec<SocketView>, ActionError> {
    let reader = &context.authority.access.reader;
    let key = reader.key(context.actor.scope(), id).await?.ok_or(ActionError::NoKey)?;
    let shown = shows_addresses(&key.binding);
    let open = sockets.of_key(key.account, id);
    Ok(open.into_iter().map(|socket| SocketView::of(socket, shown)).collect())
}
