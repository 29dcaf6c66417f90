//! The audit log as a Merkle tree: appended with each record, read for proofs, checked as a whole.
//!
//! The arithmetic is [`keyward_rules::log`]; here are the tables. Record `n` is leaf `n - 1`.

pub(crate) mod append;
mod bring_up;
mod checkpoints;
mod findings;
pub(crate) mod rows;
mod state;
mod trail;
mod verify;

pub(crate) use bring_up::bring_up;
pub use findings::Finding;
pub use state::{StateVerdict, States};
pub use trail::{AuditFilter, AuditRecord, Concern};
pub use verify::{Kept, Signer, Verdict, Verification, Witnessed};

use keyward_rules::log::{Hash, Span, consistency, fold, inclusion};
use keyward_rules::time::Moment;

use crate::error::StoreError;
use crate::sql::{Database, Row, moment, statements};

statements! {
    HASH = "SELECT hash FROM audit_hashes WHERE i = $1";
    HASHES = "SELECT i, hash FROM audit_hashes WHERE i >= $1 ORDER BY i LIMIT $2";
    INSERT_HASH = "INSERT INTO audit_hashes (i, hash) VALUES ($1, $2)";
    SIZE = "SELECT audit FROM head WHERE id = 1";
    NEWEST_RECORD = "SELECT at FROM audit ORDER BY n DESC LIMIT 1";
    RECORDS = "SELECT n, at, record FROM audit WHERE n >= $1 ORDER BY n LIMIT $2";
    /// The counter, the last record and the last hash, at one moment.
    ENDS = "SELECT audit, (SELECT MAX(n) FROM audit), (SELECT MAX(i) FROM audit_hashes) FROM head WHERE id = 1";
    RECORD = "SELECT n, record FROM audit WHERE n = $1";
    /// An account and its master, if it has one; casts, because a select list tells PostgreSQL no types.
    CONCERN = "INSERT INTO audit_accounts (account, n) \
        SELECT id, CAST($2 AS BIGINT) FROM accounts WHERE id = $1 UNION \
        SELECT master, CAST($2 AS BIGINT) FROM accounts WHERE id = $1 AND master IS NOT NULL \
        ON CONFLICT (account, n) DO NOTHING";
    INSERT_CHECKPOINT = "INSERT INTO audit_checkpoints (size, at, note) VALUES ($1, $2, $3) ON CONFLICT (size) DO NOTHING";
    NEWEST_CHECKPOINT = "SELECT size, note FROM audit_checkpoints ORDER BY size DESC LIMIT 1";
    CHECKPOINT_COUNT = "SELECT COUNT(*), MAX(size) FROM audit_checkpoints";
    CHECKPOINTS = "SELECT size, note FROM audit_checkpoints WHERE size >= $1 ORDER BY size LIMIT $2";
    /// Newest first.
    TRAIL = "SELECT a.n, a.record FROM audit_accounts c JOIN audit a ON a.n = c.n \
        WHERE c.account = $1 AND c.n < $2 ORDER BY c.n DESC LIMIT $3";
    CONCERNS = "SELECT account FROM audit_accounts WHERE account = $1 AND n = $2";
    /// Whom else a record concerns, beside an account, its master and its sub-accounts.
    STRANGERS = "SELECT COUNT(*) FROM audit_accounts WHERE n = $2 AND account <> $1 \
        AND account NOT IN (SELECT id FROM accounts WHERE master = $1) \
        AND account NOT IN (SELECT master FROM accounts WHERE id = $1 AND master IS NOT NULL)";
    /// Those of an account's records in a stretch that concern such others as well.
    SHARED = "SELECT c.n FROM audit_accounts c WHERE c.account = $1 AND c.n >= $2 AND c.n < $3 \
        AND EXISTS (SELECT 1 FROM audit_accounts s WHERE s.n = c.n AND s.account <> $1 \
        AND s.account NOT IN (SELECT id FROM accounts WHERE master = $1) \
        AND s.account NOT IN (SELECT master FROM accounts WHERE id = $1 AND master IS NOT NULL))";
    OLDER = "SELECT n, record FROM audit WHERE n < $1 ORDER BY n DESC LIMIT $2";
    OLDER_OF_ACCOUNT = "SELECT a.n, a.record FROM audit_accounts c JOIN audit a ON a.n = c.n \
        WHERE c.account = $3 AND c.n < $1 ORDER BY c.n DESC LIMIT $2";
}

/// Rows that are read at a time.
const PAGE: u64 = 1_000;

/// The capability to read the audit log, and to keep checkpoints of it.
#[derive(Clone)]
pub struct Log {
    pub(crate) database: Database,
}

impl Log {
    /// How many records there are, by the counter.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn size(&self) -> Result<u64, StoreError> {
        let row = self.database.fetch_optional(SIZE, vec![]).await?;
        number(row.ok_or_else(|| StoreError::tampered("head", "row"))?.int(0)?, "head")
    }

    /// When the newest record was written; `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest(&self) -> Result<Option<Moment>, StoreError> {
        let row = self.database.fetch_optional(NEWEST_RECORD, vec![]).await?;
        let tampered = || StoreError::tampered("audit record", "newest");
        row.map(|row| moment(row.int(0)?).ok_or_else(tampered)).transpose()
    }

    /// The root over the first `size` records, from the stored hashes.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when one of them is not there.
    pub async fn root(&self, size: u64) -> Result<Hash, StoreError> {
        let mut roots = self.hashes_of(&[Span::tree(size)]).await?;
        Ok(roots.pop().unwrap_or_else(Hash::of_nothing))
    }

    /// The proof that leaf `index` stands in the tree of `size` records; `None` when the tree has no such leaf.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when a hash is not there.
    pub async fn inclusion(&self, size: u64, index: u64) -> Result<Option<Vec<Hash>>, StoreError> {
        let Some(spans) = inclusion(size, index) else { return Ok(None) };
        self.hashes_of(&spans).await.map(Some)
    }

    /// The proof that the tree of `old` records is the beginning of the one of `new`; `None` when it is larger.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when a hash is not there.
    pub async fn consistency(&self, old: u64, new: u64) -> Result<Option<Vec<Hash>>, StoreError> {
        let Some(spans) = consistency(old, new) else { return Ok(None) };
        self.hashes_of(&spans).await.map(Some)
    }

    /// The stored hashes with these numbers.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when one is not there.
    pub async fn stored(&self, indexes: impl IntoIterator<Item = u64>) -> Result<Vec<Hash>, StoreError> {
        let mut found = Vec::new();
        for index in indexes {
            let row = self.database.fetch_optional(HASH, vec![index.into()]).await?;
            found.push(hash(row.as_ref(), 0, index)?);
        }
        Ok(found)
    }

    /// Up to a page of records from number `from` on: number and canonical bytes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn records(&self, from: u64) -> Result<Vec<(u64, String)>, StoreError> {
        let rows = self.database.fetch_all(RECORDS, vec![from.into(), PAGE.into()]).await?;
        rows.iter().map(|row| Ok((number(row.int(0)?, "audit record")?, row.text(2)?))).collect()
    }

    /// The canonical bytes of one record.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record(&self, n: u64) -> Result<Option<String>, StoreError> {
        let row = self.database.fetch_optional(RECORD, vec![n.into()]).await?;
        row.map(|row| row.text(1)).transpose()
    }

    async fn hashes_of(&self, spans: &[Span]) -> Result<Vec<Hash>, StoreError> {
        let mut hashes = Vec::new();
        for span in spans {
            hashes.push(fold(&self.stored(span.stored()).await?));
        }
        Ok(hashes)
    }
}

/// A hash in a column, or the finding that it is not there or is none.
fn hash(row: Option<&Row>, column: usize, index: u64) -> Result<Hash, StoreError> {
    let bytes = row.map(|row| row.bytes(column)).transpose()?;
    let hash = bytes.as_deref().and_then(Hash::from_slice);
    hash.ok_or_else(|| StoreError::tampered("hash of the audit log", index))
}

fn number(value: i64, what: &str) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::tampered(what, value))
}
