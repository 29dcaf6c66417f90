//! Appending to the tree in the transaction of the record, on either way into the database.

use std::collections::BTreeSet;

use keyward_rules::log::{Hash, grown, siblings, stored_count};
use keyward_rules::time::Moment;

use super::{CONCERN, HASH, INSERT_HASH, hash};
use crate::error::StoreError;
use crate::head::{INSERT_AUDIT, NEXT_AUDIT};
use crate::sql::{Transact, Value};

/// Appends a record with the next number, what it adds to the tree, and whom it concerns; gives the number. The row of `head`
/// is held, so nobody else appends.
///
/// # Errors
/// [`StoreError::Tampered`] when a hash that it builds on is not there: nothing is changed without its record.
pub(crate) async fn append(
    transact: &mut Transact,
    (record, now): (&str, Moment),
    concerned: &BTreeSet<u64>,
) -> Result<u64, StoreError> {
    let row = transact.fetch_optional(NEXT_AUDIT, vec![]).await?;
    let n = row.ok_or_else(|| StoreError::tampered("head", "row"))?.int(0)?;
    transact.execute(INSERT_AUDIT, vec![n.into(), now.unix_ms().into(), record.into()]).await?;
    let n = u64::try_from(n).map_err(|_| StoreError::tampered("head", "row"))?;
    hash_in(transact, n, record, concerned).await?;
    Ok(n)
}

/// Stores what record `n`, which is there, adds to the tree, and whom it concerns.
///
/// # Errors
/// As [`append`].
pub(super) async fn hash_in(
    transact: &mut Transact,
    n: u64,
    record: &str,
    concerned: &BTreeSet<u64>,
) -> Result<(), StoreError> {
    let mut beside = Vec::new();
    for index in siblings(leaf(n)) {
        let row = transact.fetch_optional(HASH, vec![index.into()]).await?;
        beside.push(hash(row.as_ref(), 0, index)?);
    }
    for (index, hash) in written(n, record, &beside) {
        transact.execute(INSERT_HASH, vec![index.into(), hash.as_bytes().as_slice().into()]).await?;
    }
    for account in concerned {
        transact.execute(CONCERN, vec![(*account).into(), n.into()]).await?;
    }
    Ok(())
}

/// The same as statements for SQLite's own interface; `read` gives a stored hash.
///
/// # Errors
/// As [`append`].
pub(crate) fn statements(
    n: u64,
    record: &str,
    concerned: &BTreeSet<u64>,
    mut read: impl FnMut(&'static str, u64) -> Result<Vec<u8>, StoreError>,
) -> Result<Vec<(&'static str, Vec<Value>)>, StoreError> {
    let mut beside = Vec::new();
    for index in siblings(leaf(n)) {
        let found = Hash::from_slice(&read(HASH, index)?);
        beside.push(found.ok_or_else(|| StoreError::tampered("hash of the audit log", index))?);
    }
    let hashes = written(n, record, &beside)
        .map(|(index, hash)| (INSERT_HASH, vec![index.into(), hash.as_bytes().as_slice().into()]));
    let concerns = concerned.iter().map(|account| (CONCERN, vec![(*account).into(), n.into()]));
    Ok(hashes.chain(concerns).collect())
}

/// Record `n` of the store is leaf `n - 1`; records count from 1.
const fn leaf(n: u64) -> u64 {
    n.saturating_sub(1)
}

fn written(n: u64, record: &str, beside: &[Hash]) -> impl Iterator<Item = (u64, Hash)> {
    let all = grown(Hash::of_leaf(record.as_bytes()), beside);
    (stored_count(leaf(n))..).zip(all)
}
