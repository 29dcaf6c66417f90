//! A gateway's spool beside PostgreSQL: a journal in a SQLite file of its own disk, so that requests wait for no database
//! and go on without it as long as their lease lasts. A task takes what was written there into the store.
//!
//! Records go exactly once: the store notes up to which number it has them, in the transaction that takes them in. Intents and
//! outcomes go at least once, which is the same, because they have names. The spool also holds the replay horizon and marks.
//! A gateway that starts with another spool than the last one knows nothing of those. It refuses every timestamp that the
//! other may have accepted ([`Store::settle_in`]).

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use keyward_rules::limits::TIMESTAMP_WINDOW_MS;
use keyward_rules::time::Moment;

use crate::bulk;
use crate::charts::gathered::Request;
use crate::error::StoreError;
use crate::journal::Journal;
use crate::open::{Store, spool_database};
use crate::sql::{Database, Row, Value, statements};

statements! {
    /// The first nine columns are those of `RECORDS_AFTER`.
    SPOOLED_RECORDS = "SELECT id, at, key_id, account, source, method, route, code, micros, request, upstream_status, \
        bytes_in, bytes_out, orders FROM activity WHERE id > $1 ORDER BY id LIMIT $2";
    /// The newest record stays, so that SQLite never gives its number again.
    DROP_SPOOLED = "DELETE FROM activity WHERE id < (SELECT MAX(id) FROM activity) AND id <= $1";
    /// Two questions, because SQLite goes to the end of an index for one of them only.
    SPOOLED_RANGE = "SELECT COALESCE((SELECT MIN(id) FROM activity), 0), COALESCE((SELECT MAX(id) FROM activity), 0)";
    OPEN_SPOOLED = "SELECT request, at, key_id, account, route, source, body_hash, outcome, upstream_status, settled_at \
        FROM intents WHERE outcome IS NULL ORDER BY at";
    SETTLED_SPOOLED = "SELECT request, at, key_id, account, route, source, body_hash, outcome, upstream_status, settled_at \
        FROM intents WHERE outcome IS NOT NULL ORDER BY at LIMIT $1";
    /// An intent that is there and open, or that another gateway gave up as unknown, gets the outcome that the spool has.
    TAKE_INTENT = "INSERT INTO intents (request, at, key_id, account, route, source, body_hash, outcome, upstream_status, \
        settled_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (request) DO UPDATE SET \
        outcome = excluded.outcome, upstream_status = excluded.upstream_status, settled_at = excluded.settled_at \
        WHERE excluded.outcome IS NOT NULL AND (intents.outcome IS NULL OR intents.outcome = 'unknown')";
    DROP_INTENT = "DELETE FROM intents WHERE request = $1";
    /// Locks the row until the commit.
    SPOOL_TAKEN = "INSERT INTO spools (name, upto, latest) VALUES ($1, 0, 0) \
        ON CONFLICT (name) DO UPDATE SET upto = spools.upto RETURNING upto, until_ms";
    SET_SPOOL_TAKEN = "UPDATE spools SET upto = $2 WHERE name = $1";
    SET_SPOOL_HORIZON = "UPDATE spools SET until_ms = $2 WHERE name = $1 AND until_ms < $2";
    LATEST_HORIZON = "SELECT COALESCE(MAX(until_ms), 0) FROM spools";
    LATEST_SPOOL = "SELECT name FROM spools WHERE latest = 1";
    SET_LATEST_SPOOL = "UPDATE spools SET latest = CASE WHEN name = $1 THEN 1 ELSE 0 END";
}

/// The spool's file in its folder.
pub const SPOOL_FILE: &str = "spool.db";
/// Records and intents taken in one transaction.
const PAGE: i64 = 2_000;
const INTENTS: usize = 500;
/// Clocks of two machines may differ by so much more than the window of timestamps allows for.
const CLOCKS_MS: u64 = 5_000;

/// A gateway's spool.
pub struct Spool {
    /// The spool itself, and the store that takes it in.
    near: Journal,
    far: Journal,
    name: String,
    /// The node whose horizon and marks are here.
    node: String,
    /// How far the store knows the horizon to have come.
    until_ms: u64,
    /// Intents that the store has as open ones.
    told: HashSet<String>,
    /// Up to which record the store is known to have them.
    taken: i64,
}

impl Store {
    /// Opens the spool of a node in `folder`, or makes one.
    ///
    /// # Errors
    /// [`StoreError::OtherStore`] when it is another store's, and what the file system says.
    pub async fn spool(&self, folder: &Path, node: &str) -> Result<Spool, StoreError> {
        let file = folder.join(SPOOL_FILE);
        let database = spool_database(&file).await?;
        let fresh = format!("{:032x}", u128::from_be_bytes(self.random()));
        let name = claim_spool(&database, fresh, &self.root().spool_name()).await?;
        let near = Journal { database, file, charts: Arc::default() };
        let (node, far) = (node.to_owned(), self.journal());
        Ok(Spool { near, far, name, node, until_ms: 0, told: HashSet::new(), taken: 0 })
    }

    /// Says where the node's replay marks are from now on: in its spool, or in the store. Where the last gateway kept them
    /// elsewhere, or the spool was put back to an older state, the node refuses every timestamp that could have been accepted
    /// until `now`.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing may be accepted.
    pub async fn settle_in(
        &self,
        spool: Option<&mut Spool>,
        node: &str,
        now: Moment,
    ) -> Result<(), StoreError> {
        let far = self.journal();
        let row = far.database.fetch_optional(LATEST_SPOOL, vec![]).await?;
        let latest = row.map_or(Ok(String::new()), |row| row.text(0))?;
        let row = far.database.fetch_optional(LATEST_HORIZON, vec![]).await?;
        let noted = row.map_or(Ok(0), |row| row.int(0))?;
        let here = far.horizon(node).await?;
        let (near, name, put_back) = match spool {
            None => (far.clone(), String::new(), false),
            Some(spool) => {
                let put_back = spool.renew_if_put_back(self).await?;
                (spool.near.clone(), spool.name.clone(), put_back)
            }
        };
        let moved = latest != name && !(latest.is_empty() && here.is_none());
        if moved || put_back {
            // Marks that a clean stop left here count no more: others have accepted requests since.
            near.take_marks(node, now).await?;
            let window = now.plus_ms(TIMESTAMP_WINDOW_MS + CLOCKS_MS);
            // Those of a gateway whose clock was ahead.
            let noted = Moment::from_unix_ms(u64::try_from(noted).unwrap_or(0));
            near.advance_horizon(node, window.max(noted).max(here.unwrap_or(noted))).await?;
        }
        let mut tx = far.database.begin().await?;
        tx.fetch_all(SPOOL_TAKEN, vec![name.as_str().into()]).await?;
        tx.execute(SET_LATEST_SPOOL, vec![name.into()]).await?;
        tx.commit().await
    }
}

/// Gives the spool a name if it has none; gives the one that it has.
async fn claim_spool(database: &Database, fresh: String, store: &[u8]) -> Result<String, StoreError> {
    // The spool's own table, which the store has not, and so no texts of the registry.
    const SPOOL: &str = "SELECT name, store FROM spool";
    const NAME_SPOOL: &str = "INSERT INTO spool (name, store) VALUES ($1, $2)";
    let mut tx = database.begin().await?;
    let name = match tx.fetch_optional(SPOOL, vec![]).await? {
        Some(row) if row.bytes(1)? == store => row.text(0)?,
        Some(_) => return Err(StoreError::OtherStore),
        None => {
            tx.execute(NAME_SPOOL, vec![fresh.as_str().into(), store.into()]).await?;
            fresh
        }
    };
    tx.commit().await?;
    Ok(name)
}

impl Spool {
    /// The journal that the node writes.
    #[must_use]
    pub fn journal(&self) -> Journal {
        self.near.clone()
    }

    /// The bytes that it takes of its disk, without what it has freed and takes again.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn used_bytes(&self) -> Result<u64, StoreError> {
        self.near.used_bytes().await
    }

    /// Takes a page of what waits into the store. Whether more is there.
    ///
    /// # Errors
    /// [`StoreError`] of either database; it is done again by the next call.
    pub async fn ship(&mut self) -> Result<bool, StoreError> {
        let intents = self.ship_intents().await?;
        let records = self.ship_records().await?;
        self.ship_horizon().await?;
        Ok(intents || records)
    }

    /// Takes everything that waits into the store.
    ///
    /// # Errors
    /// As [`Spool::ship`].
    pub async fn ship_all(&mut self) -> Result<(), StoreError> {
        while self.ship().await? {}
        Ok(())
    }

    /// Takes all intents into the store.
    ///
    /// # Errors
    /// As [`Spool::ship`].
    pub async fn ship_all_intents(&mut self) -> Result<(), StoreError> {
        while self.ship_intents().await? {}
        Ok(())
    }

    /// Notes how far the horizon has come: a spool that is behind it was put back.
    async fn ship_horizon(&mut self) -> Result<(), StoreError> {
        let until_ms = self.near.horizon(&self.node).await?.map_or(0, Moment::unix_ms);
        if until_ms <= self.until_ms {
            return Ok(());
        }
        let mut tx = self.far.database.begin().await?;
        tx.fetch_all(SPOOL_TAKEN, vec![self.name.as_str().into()]).await?;
        tx.execute(SET_SPOOL_HORIZON, vec![self.name.as_str().into(), until_ms.into()]).await?;
        tx.commit().await?;
        self.until_ms = until_ms;
        Ok(())
    }

    /// Closes its connections.
    pub async fn close(&self) {
        self.near.database.close().await;
    }

    async fn ship_intents(&mut self) -> Result<bool, StoreError> {
        let settled = self.near.database.fetch_all(SETTLED_SPOOLED, vec![(INTENTS as u64).into()]).await?;
        let open = self.near.database.fetch_all(OPEN_SPOOLED, vec![]).await?;
        let mut names = HashSet::new();
        let mut to_tell = Vec::new();
        for row in &open {
            let name = row.text(0)?;
            if !self.told.contains(&name) {
                to_tell.push(intent_values(row)?);
            }
            names.insert(name);
        }
        let mut over = Vec::new();
        for row in &settled {
            to_tell.push(intent_values(row)?);
            over.push(vec![row.text(0)?.into()]);
        }
        if !to_tell.is_empty() {
            let mut tx = self.far.database.begin().await?;
            tx.execute_each(TAKE_INTENT, to_tell).await?;
            tx.commit().await?;
        }
        self.told = names;
        if !over.is_empty() {
            let mut tx = self.near.database.begin().await?;
            tx.execute_each(DROP_INTENT, over).await?;
            tx.commit().await?;
        }
        Ok(settled.len() == INTENTS)
    }

    async fn ship_records(&mut self) -> Result<bool, StoreError> {
        let (first, last) = range(&self.near.database).await?;
        if last <= self.taken {
            return Ok(false);
        }
        let mut tx = self.far.database.begin().await?;
        let row = tx.fetch_optional(SPOOL_TAKEN, vec![self.name.as_str().into()]).await?;
        let taken = row.map_or(Ok(0), |row| row.int(0))?;
        let rows = self.near.database.fetch_all(SPOOLED_RECORDS, vec![taken.into(), PAGE.into()]).await?;
        let upto = match rows.last() {
            Some(newest) => newest.int(0)?,
            None => taken,
        };
        if upto > taken {
            let span = bulk::journal::take_in(&mut tx, &rows).await?;
            tx.execute(SET_SPOOL_TAKEN, vec![self.name.as_str().into(), upto.into()]).await?;
            tx.commit().await?;
            let requests: Result<Vec<_>, _> = rows.iter().map(Request::of_row).collect();
            self.far.charts.appended(requests?.into_iter().flatten(), span);
        }
        self.taken = upto;
        if first < last && first <= upto {
            let mut tx = self.near.database.begin().await?;
            tx.execute(DROP_SPOOLED, vec![upto.into()]).await?;
            tx.commit().await?;
        }
        Ok(upto < last)
    }

    /// A spool whose newest record or horizon the store has passed was put back to an older state. What it has from before is
    /// in the store or lost, and what is written from now on needs a name of its own. Whether that was so.
    async fn renew_if_put_back(&mut self, store: &Store) -> Result<bool, StoreError> {
        // See `claim_spool`.
        const RENAME_SPOOL: &str = "UPDATE spool SET name = $1";
        let (_, last) = range(&self.near.database).await?;
        let mut far = self.far.database.begin().await?;
        let row = far.fetch_optional(SPOOL_TAKEN, vec![self.name.as_str().into()]).await?;
        let (taken, until_ms) =
            row.map_or(Ok((0, 0)), |row| Ok::<_, StoreError>((row.int(0)?, row.int(1)?)))?;
        let here = self.near.horizon(&self.node).await?.map_or(0, Moment::unix_ms);
        if taken <= last && u64::try_from(until_ms).unwrap_or(0) <= here {
            return Ok(false);
        }
        self.taken = 0;
        self.name = format!("{:032x}", u128::from_be_bytes(store.random()));
        far.fetch_all(SPOOL_TAKEN, vec![self.name.as_str().into()]).await?;
        far.execute(SET_SPOOL_TAKEN, vec![self.name.as_str().into(), taken.min(last).into()]).await?;
        far.commit().await?;
        let mut near = self.near.database.begin().await?;
        near.execute(RENAME_SPOOL, vec![self.name.as_str().into()]).await?;
        near.commit().await?;
        Ok(true)
    }
}

/// The numbers of the oldest and newest record in a spool; zeros when it never had one.
async fn range(database: &Database) -> Result<(i64, i64), StoreError> {
    let row = database.fetch_optional(SPOOLED_RANGE, vec![]).await?;
    row.map_or(Ok((0, 0)), |row| Ok((row.int(0)?, row.int(1)?)))
}

/// The values of [`TAKE_INTENT`] from a row of the spool.
fn intent_values(row: &Row) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        row.text(0)?.into(),
        row.int(1)?.into(),
        row.text(2)?.into(),
        row.int(3)?.into(),
        row.text(4)?.into(),
        row.text(5)?.into(),
        row.bytes(6)?.as_slice().into(),
        row.text_or_null(7)?.into(),
        row.int_or_null(8)?.into(),
        row.int_or_null(9)?.into(),
    ])
}
