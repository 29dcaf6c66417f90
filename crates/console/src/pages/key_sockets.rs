//! The open sockets of a key on its page. The list asks for itself again while the page is open.
//!
//! `templates/key_sockets.html` shows them, and finds them by the name `sockets`.

use askama::Template;
use axum::response::Response;
use keyward_authority::ActionError;
use keyward_authority::questions::{SocketView, open_sockets};
use keyward_rules::id::KeyId;

use super::layout::{capital, page};
use super::person::SignedIn;
use crate::words::{When, grouped};

/// Rows of the list. The API lists the others too.
const ROWS: usize = 50;
/// Channels that a row names.
const CHANNELS: usize = 6;

/// A socket in the list.
pub struct SocketRow {
    /// Its number, for the form that closes it.
    pub id: u64,
    /// When it logged in.
    pub since: When,
    /// From where.
    pub from: String,
    /// The last part of its path, as a word.
    pub path: String,
    /// The first of its channels; empty without any.
    pub channels: String,
    /// How many more there are.
    pub more: usize,
    /// Messages that came from the client.
    pub received: String,
    /// Messages that went to the client.
    pub sent: String,
}

/// What the list shows.
pub struct Sockets {
    /// The key.
    pub key: String,
    /// The token of the forms.
    pub csrf: String,
    /// The newest.
    pub rows: Vec<SocketRow>,
    /// How many are open.
    pub open: usize,
}

#[derive(Template)]
#[template(path = "key_sockets.html")]
struct List {
    sockets: Sockets,
}

impl SocketRow {
    fn of(view: SocketView) -> Self {
        let (all, named) = (view.channels.len(), view.channels.get(..CHANNELS).unwrap_or(&view.channels));
        Self {
            id: view.id,
            since: When::of(view.since),
            from: view.from,
            path: capital(view.endpoint),
            channels: named.join(", "),
            more: all - named.len(),
            received: grouped(view.received),
            sent: grouped(view.sent),
        }
    }
}

impl Sockets {
    /// Asks for those of a key.
    ///
    /// # Errors
    /// [`ActionError::NoKey`].
    pub async fn of(person: &SignedIn, key: KeyId) -> Result<Self, ActionError> {
        let sockets = &*person.shell.settings().sockets;
        let views = open_sockets(&person.context(), sockets, key).await?;
        let open = views.len();
        let rows = views.into_iter().take(ROWS).map(SocketRow::of).collect();
        Ok(Self { key: key.to_string(), csrf: person.csrf.clone(), rows, open })
    }
}

/// The list alone, for the page that is open.
///
/// # Errors
/// As [`Sockets::of`].
pub async fn list(person: &SignedIn, key: KeyId) -> Result<Response, ActionError> {
    Ok(page(&List { sockets: Sockets::of(person, key).await? }))
}
