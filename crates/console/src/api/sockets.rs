//! Open sockets of a key. What closes them is declared in `actions`.

use axum::Json;
use keyward_authority::questions::{SocketView, open_sockets};
use keyward_rules::id::KeyId;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::Id;
use super::caller::Caller;
use super::problem::{Problem, Problems};

/// An open socket of a key.
#[derive(Serialize, ToSchema)]
pub struct OpenSocket {
    /// Its number, by which it can be closed. Another socket may get it when the gateway is started again.
    id: u64,
    /// The last part of its path: `public`, `private` or `business`.
    path: &'static str,
    /// When it logged in.
    since_ms: u64,
    /// From which address; for an app's key only that it is one of the app's servers.
    from: String,
    /// What it is subscribed to, at most 100.
    channels: Vec<String>,
    /// Messages that came from the client.
    received: u64,
    /// Messages that went to the client.
    sent: u64,
}

impl From<SocketView> for OpenSocket {
    fn from(view: SocketView) -> Self {
        Self {
            id: view.id,
            path: view.endpoint,
            since_ms: view.since.unix_ms(),
            from: view.from,
            channels: view.channels,
            received: view.received,
            sent: view.sent,
        }
    }
}

/// List a key's open sockets
#[utoipa::path(get, path = "/api/v1/keys/{id}/sockets", tag = "keys", security(("bearer" = [])),
    params(("id" = String, Path, description = "The API key")),
    responses((status = 200, description = "Those that logged in with it, newest first", body = Vec<OpenSocket>), Problems))]
pub async fn list(caller: Caller, Id(id): Id<KeyId>) -> Result<Json<Vec<OpenSocket>>, Problem> {
    let sockets = &*caller.shell.settings().sockets;
    let views = open_sockets(&caller.context(), sockets, id).await?;
    Ok(Json(views.into_iter().map(OpenSocket::from).collect()))
}
