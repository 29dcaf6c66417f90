//! A key as those who follow the changes get to see it: intact, or broken.

use keyward_rules::id::KeyId;

use crate::keys::{KeyRecord, RawKey};
use crate::seal::Vault;

/// A key as a gateway gets to see it.
pub enum LoadedKey {
    /// Intact.
    Intact(Box<KeyRecord>),
    /// Its row was altered outside the program: unusable, and an alarm.
    Broken(KeyId),
}

/// A row as a gateway gets it; ended keys and unreadable ids are left out.
pub(crate) fn loaded(raw: &RawKey, vault: &Vault) -> Option<LoadedKey> {
    match raw.open(vault) {
        Ok(record) if record.life.is_over() => None,
        Ok(record) => Some(LoadedKey::Intact(Box::new(record))),
        Err(_) => raw.id.parse().ok().map(LoadedKey::Broken),
    }
}
