//! All keys of a SQLite store, straight from the file, and many new ones straight into it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use keyward_rules::event::Event;
use keyward_rules::time::Moment;
use rusqlite::types::FromSql;
use rusqlite::{Row, Transaction, TransactionBehavior};

use crate::error::StoreError;
use crate::head::{INSERT_AUDIT, INSERT_CHANGE, NEXT_AUDIT, NEXT_CHANGE};
use crate::keys::{ALL_KEYS, RawKey};
use crate::loaded_key::{LoadedKey, loaded};
use crate::log::append;
use crate::log::rows::Touched;
use crate::seal::Vault;
use crate::sql::Value;
use crate::sql::sqlite::{Access, open};
use crate::sql::statement::{Prepared, fetch};

/// Hands every key that has not ended to `take`, opened, one at a time.
pub(crate) fn load(file: &Path, vault: &Vault, mut take: impl FnMut(LoadedKey)) -> Result<(), StoreError> {
    let connection = open(file, Access::Read)?;
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
        fences: row.get(20)?,
        new_device_until: row.get(21)?,
    })
}

/// Rows to insert, and what is said of them.
pub(crate) struct Batch {
    /// The statements.
    pub(crate) statements: Vec<(&'static str, Vec<Value>)>,
    /// What is announced in the feed.
    pub(crate) subjects: Vec<(&'static str, String)>,
    /// The rows whose marks the record carries.
    pub(crate) touched: Touched,
    /// The record.
    pub(crate) event: Event,
    /// Accounts that it concerns.
    pub(crate) concerned: BTreeSet<u64>,
}

/// Inserts batches, announces them in the feed, and commits them with an audit record for each: what write transactions do,
/// without the general adapter's cost for each row.
pub(crate) fn insert(
    file: &Path,
    (key, now): (&[u8; 32], Moment),
    batches: impl IntoIterator<Item = Result<Batch, StoreError>>,
) -> Result<(), StoreError> {
    let now_ms = i64::try_from(now.unix_ms()).unwrap_or(i64::MAX);
    let mut connection = open(file, Access::Write)?;
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let execute = |sql, values: &[Value]| Prepared::new(&tx, sql)?.execute(values);
    for batch in batches {
        let batch = batch?;
        for (sql, values) in batch.statements {
            execute(sql, &values)?;
        }
        for (kind, subject) in batch.subjects {
            let n: i64 = one(&tx, NEXT_CHANGE, &[])?;
            execute(INSERT_CHANGE, &[n.into(), kind.into(), subject.into(), now_ms.into()])?;
        }
        let mut marks = BTreeMap::new();
        for (subject, (tracked, id)) in batch.touched {
            let (sql, values) = tracked.question(&id)?;
            marks.insert(subject, tracked.mark(key, &id, &fetch(&tx, sql, &values)?)?);
        }
        let event = batch.event.with_rows(marks);
        let n: i64 = one(&tx, NEXT_AUDIT, &[])?;
        execute(INSERT_AUDIT, &[n.into(), now_ms.into(), event.canonical().into()])?;
        let n = u64::try_from(n).map_err(|_| StoreError::tampered("head", "row"))?;
        let read = |sql: &str, index: u64| one(&tx, sql, &[index.into()]);
        for (sql, values) in append::statements(n, event.canonical(), &batch.concerned, read)? {
            execute(sql, &values)?;
        }
    }
    Ok(tx.commit()?)
}

/// The first column of the one row that a statement gives.
fn one<T: FromSql>(tx: &Transaction<'_>, sql: &str, values: &[Value]) -> Result<T, StoreError> {
    let mut statement = Prepared::new(tx, sql)?;
    let mut rows = statement.query(values)?;
    let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    Ok(row.get(0)?)
}
