//! The key that a key follows and the keys that follow it, by name.

use keyward_authority::questions::{KeyView, list_keys};
use keyward_authority::{ActionContext, ActionError};
use keyward_rules::id::KeyId;

/// A key that a page leads to.
pub struct KeyLink {
    /// Its id.
    pub id: String,
    /// Its name; its id where the row is unusable.
    pub name: String,
}

/// The neighbours of a key.
pub struct KeyLinks {
    /// The key that it follows.
    pub predecessor: Option<KeyLink>,
    /// The key that follows it after a rotation.
    pub successor: Option<KeyLink>,
    /// Keys that were made to replace it.
    pub replaced_by: Vec<KeyLink>,
}

impl KeyLinks {
    /// Asks for all names at once; for a key without neighbours it asks nothing.
    ///
    /// # Errors
    /// [`ActionError::Store`].
    pub async fn of(context: &ActionContext<'_>, key: &KeyView) -> Result<Self, ActionError> {
        let alone = key.predecessor.is_none() && key.successor.is_none() && key.replaced_by.is_empty();
        let keys = if alone { Vec::new() } else { list_keys(context, key.account).await?.0 };
        let link = |id: KeyId| {
            let name = keys.iter().find(|other| other.id == id).map(|other| other.name.to_string());
            KeyLink { id: id.to_string(), name: name.unwrap_or_else(|| id.to_string()) }
        };
        Ok(Self {
            predecessor: key.predecessor.map(link),
            successor: key.successor.map(link),
            replaced_by: key.replaced_by.iter().copied().map(link).collect(),
        })
    }
}
