//! Hashes and accounts of records from before there was a tree, in the transaction that adds its tables.

use std::collections::BTreeSet;

use keyward_rules::event::parties;

use super::append::hash_in;
use super::{HASHES, PAGE, RECORDS, SIZE, number};
use crate::error::StoreError;
use crate::sql::Transact;

/// The account that a key's row names.
const OWNER: &str = "SELECT account FROM keys WHERE id = $1";

/// Hashes all records of a log that has no hash yet. One that has some is left alone: whoever removes hashes must not
/// get them made anew over records that were altered.
pub(crate) async fn bring_up(transact: &mut Transact) -> Result<(), StoreError> {
    if !transact.fetch_all(HASHES, vec![0_u64.into(), 1_u64.into()]).await?.is_empty() {
        return Ok(());
    }
    let mut expected = 1;
    loop {
        let rows = transact.fetch_all(RECORDS, vec![expected.into(), PAGE.into()]).await?;
        if rows.is_empty() {
            let row = transact.fetch_optional(SIZE, vec![]).await?;
            let counted = row.map_or(Ok(0), |row| number(row.int(0)?, "head"))?;
            let whole = counted + 1 == expected;
            return if whole { Ok(()) } else { Err(StoreError::tampered("audit record", expected)) };
        }
        for row in rows {
            let (n, record) = (number(row.int(0)?, "audit record")?, row.text(2)?);
            if n != expected {
                return Err(StoreError::tampered("audit record", expected));
            }
            let concerned = concerned(transact, &record).await?;
            hash_in(transact, n, &record, &concerned).await?;
            expected += 1;
        }
    }
}

/// Whom an old record concerns, as far as it names them.
async fn concerned(transact: &mut Transact, record: &str) -> Result<BTreeSet<u64>, StoreError> {
    let (accounts, keys) = parties(record);
    let mut all: BTreeSet<u64> = accounts.iter().map(|account| account.as_u64()).collect();
    for key in keys {
        if let Some(row) = transact.fetch_optional(OWNER, vec![key.to_string().into()]).await? {
            all.insert(number(row.int(0)?, "key")?);
        }
    }
    Ok(all)
}
