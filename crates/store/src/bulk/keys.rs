//! All keys of a SQLite store, straight from the file, and many new ones straight into it.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use keyward_rules::time::Moment;
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, Row, ToSql, Transaction, TransactionBehavior, params_from_iter};

use super::{READ_ONLY, numbered};
use crate::error::StoreError;
use crate::feed::{LoadedKey, loaded};
use crate::keys::{ALL_KEYS, RawKey};
use crate::log::append;
use crate::seal::Vault;
use crate::sql::Value;
use crate::writer::{INSERT_AUDIT, INSERT_CHANGE, NEXT_AUDIT, NEXT_CHANGE};

/// How long a write waits for another connection's.
const BUSY: Duration = Duration::from_secs(10);

/// Hands every key that has not ended to `take`, opened, one at a time.
pub(crate) fn load(file: &Path, vault: &Vault, mut take: impl FnMut(LoadedKey)) -> Result<(), StoreError> {
    let connection = Connection::open_with_flags(file, READ_ONLY)?;
    let mut statement = connection.prepare(ALL_KEYS)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key = match raw(row) {
            Ok(raw) => loaded(&raw, vault),
            // A row whose columns have other types than we wrote was altered; its id, if readable, is reported.
            Err(_) => row.get::<_, String>(0).ok().and_then(|id| id.parse().ok()).map(LoadedKey::Broken),
        };
        key.into_iter().for_each(&mut take);
    }
    Ok(())
}

fn raw(row: &Row<'_>) -> Result<RawKey, rusqlite::Error> {
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
        rate_cap: row.get(19)?,
    })
}

/// What stands in the audit log for a bulk change.
pub(crate) struct Record<'r> {
    /// The record's canonical bytes.
    pub(crate) event: &'r str,
    /// When.
    pub(crate) now: Moment,
    /// Accounts that it concerns.
    pub(crate) concerned: BTreeSet<u64>,
}

/// Runs `statements`, announces `subjects` in the feed, and commits them with their audit record: what a write
/// transaction does, without the general adapter's cost for each row.
pub(crate) fn insert(
    file: &Path,
    statements: impl IntoIterator<Item = (&'static str, Vec<Value>)>,
    subjects: impl IntoIterator<Item = (&'static str, String)>,
    record: &Record<'_>,
) -> Result<(), StoreError> {
    let now_ms = i64::try_from(record.now.unix_ms()).unwrap_or(i64::MAX);
    let mut connection = Connection::open(file)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (sql, values) in statements {
        tx.prepare_cached(&numbered(sql))?.execute(params_from_iter(values))?;
    }
    for (kind, subject) in subjects {
        let n = next(&tx, NEXT_CHANGE)?;
        tx.prepare_cached(&numbered(INSERT_CHANGE))?.execute((n, kind, subject, now_ms))?;
    }
    let n = next(&tx, NEXT_AUDIT)?;
    tx.prepare_cached(&numbered(INSERT_AUDIT))?.execute((n, now_ms, record.event))?;
    let n = u64::try_from(n).map_err(|_| StoreError::tampered("head", "row"))?;
    let read = |sql: &str, index: u64| {
        Ok(tx.prepare_cached(&numbered(sql))?.query_row([index.cast_signed()], |row| row.get(0))?)
    };
    for (sql, values) in append::statements(n, record.event, &record.concerned, read)? {
        tx.prepare_cached(&numbered(sql))?.execute(params_from_iter(values))?;
    }
    Ok(tx.commit()?)
}

fn next(tx: &Transaction<'_>, statement: &str) -> Result<i64, StoreError> {
    Ok(tx.prepare_cached(&numbered(statement))?.query_row([], |row| row.get(0))?)
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Int(value) => value.to_sql(),
            Self::Text(value) => value.to_sql(),
            Self::Bytes(value) => value.to_sql(),
        }
    }
}
