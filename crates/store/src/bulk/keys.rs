//! The bulk reader: all keys of a SQLite store, straight from the file.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::error::StoreError;
use crate::feed::{LoadedKey, loaded};
use crate::keys::{ALL_KEYS, RawKey};
use crate::seal::Vault;

/// Reads and opens every key that has not ended.
pub(crate) fn load(file: &Path, vault: &Vault) -> Result<Vec<LoadedKey>, StoreError> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = connection.prepare(ALL_KEYS)?;
    let rows = statement.query_map([], |row| {
        Ok(RawKey {
            id: row.get(0)?,
            account: row.get(1)?,
            master: row.get(2)?,
            name: row.get(3)?,
            permissions: row.get(4)?,
            binding: row.get(5)?,
            environment: row.get(6)?,
            state: row.get(7)?,
            holds: row.get(8)?,
            ended_at: row.get(9)?,
            expires_at: row.get(10)?,
            passphrase: row.get(11)?,
            version: row.get(12)?,
            data_key: row.get(13)?,
            seal: row.get(14)?,
            created_at: row.get(15)?,
            changed_at: row.get(16)?,
            last_used_at: row.get(17)?,
            last_used_from: row.get(18)?,
        })
    })?;
    // A row whose columns have other types than we wrote was altered; its id, if readable, is reported.
    Ok(rows.filter_map(|raw| loaded(&raw.ok()?, vault)).collect())
}
