//! A request as lists show it.

use keyward_authority::questions::KeyRequest;
use keyward_rules::id::KeyId;

use crate::words::{When, verdict};

/// A request in the list.
pub struct Row {
    /// Whose it is.
    pub key: KeyId,
    /// Its number in the journal.
    pub number: i64,
    /// The key's name; empty in lists of one key.
    pub name: String,
    /// When it came.
    pub at: When,
    /// From where.
    pub from: String,
    /// Method and route.
    pub what: String,
    /// The verdict, as HTML.
    pub verdict: String,
    /// Milliseconds to the answer's head.
    pub millis: u64,
}

/// A request of this key as the key's own list shows it.
pub fn row(key: KeyId, request: KeyRequest) -> Row {
    named(key, String::new(), request)
}

/// A request as a list of several keys shows it.
pub fn named(key: KeyId, name: String, request: KeyRequest) -> Row {
    Row {
        key,
        number: request.id,
        name,
        at: When::of(request.at),
        from: request.from,
        what: request.what,
        verdict: verdict(&request.code, key, request.of_app),
        millis: request.millis,
    }
}
