//! SQLite through rusqlite: one writer, some readers, each statement on a thread that may block.
//!
//! Owns: how a file is opened, the two pools, transactions. Leaves to `statement`: values and rows.
//! Invariant: whatever way a connection is given back, it has no open transaction. A dropped future, a failed
//! statement, a failed COMMIT and a panic all end in [`Lease`]'s drop, which rolls back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use deadpool::managed::{Manager, Metrics, Object, Pool, RecycleError, RecycleResult};
use rusqlite::{Connection, OpenFlags};

use super::error::{BUSY, DatabaseError};
use super::row::Row;
use super::statement::{Prepared, fetch};
use super::value::Value;

/// How often a locked file is tried until then.
const TRY: Duration = Duration::from_millis(1);
/// How long a read waits for a free connection.
const READ_WAIT: Duration = Duration::from_secs(5);
/// Connections that read at the same time.
const READERS: usize = 4;
/// Statements that a connection keeps prepared: room for the whole registry.
const PREPARED_STATEMENTS: usize = 256;

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    /// Reading and writing.
    Write,
    /// Reading only.
    Read,
}

/// Opens a database file that is there.
///
/// # Errors
/// [`DatabaseError`].
pub(crate) fn open(file: &Path, access: Access) -> Result<Connection, DatabaseError> {
    let mode = match access {
        Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    // One thread at a time uses a connection: SQLite's own locks would only cost time.
    let mut connection = Connection::open_with_flags(file, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_handler(Some(wait_for_lock))?;
    connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
    if access == Access::Write {
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
        )?;
    }
    Ok(connection)
}

/// Waits for another connection's lock; whether to try again. SQLite's own handler soon waits 100 ms between two tries, and
/// finds no gap between the changes of a program that makes one after the other.
#[expect(
    clippy::disallowed_methods,
    reason = "SQLite asks again and again; a lock of another process tells nobody"
)]
fn wait_for_lock(tries: i32) -> bool {
    let waited = TRY.saturating_mul(u32::try_from(tries).unwrap_or(u32::MAX));
    if waited >= BUSY {
        return false;
    }
    std::thread::sleep(TRY);
    true
}

/// Makes the file if it is not there; in any case it is the owner's alone, and so are those that SQLite puts beside it.
///
/// # Errors
/// What the file system says.
pub(crate) fn create(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let named = |error: std::io::Error| {
        std::io::Error::new(error.kind(), format!("cannot open {}: {error}", file.display()))
    };
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600).open(file).map_err(named)?;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).map_err(named)
}

/// The connections to one file.
#[derive(Clone)]
pub struct Sqlite {
    writer: Pool<Opener>,
    readers: Pool<Opener>,
}

impl Sqlite {
    /// Pools for a file that is there, for reading only or for both. The first connection is opened at once, to see whether it
    /// is a database.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub(crate) async fn open(file: &Path, access: Access) -> Result<Self, DatabaseError> {
        let pool = |access, size, wait| {
            let opener = Opener { file: file.to_owned(), access };
            let builder = Pool::builder(opener).max_size(size).wait_timeout(Some(wait));
            builder.runtime(deadpool::Runtime::Tokio1).build().map_err(|_| DatabaseError::CutShort)
        };
        let sqlite =
            Self { writer: pool(access, 1, BUSY)?, readers: pool(Access::Read, READERS, READ_WAIT)? };
        drop(Lease::of(&sqlite.writer, BUSY).await?);
        Ok(sqlite)
    }

    /// Its file.
    pub(super) fn file(&self) -> &Path {
        &self.readers.manager().file
    }

    pub(super) async fn fetch_all(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, DatabaseError> {
        let lease = Lease::of(&self.readers, READ_WAIT).await?;
        blocking(move || fetch(&lease.0, sql, &values)).await?
    }

    /// Starts a transaction: one that writes holds the write lock from the start.
    pub(super) async fn begin(&self, access: Access) -> Result<Transaction, DatabaseError> {
        let (pool, wait, text) = match access {
            Access::Write => (&self.writer, BUSY, "BEGIN IMMEDIATE"),
            Access::Read => (&self.readers, READ_WAIT, "BEGIN"),
        };
        let mut transaction = Transaction { lease: Some(Lease::of(pool, wait).await?) };
        transaction.run(move |connection| Ok(connection.execute_batch(text)?)).await?;
        Ok(transaction)
    }

    pub(super) async fn prepare(&self, sql: &'static str) -> Result<(), DatabaseError> {
        let lease = Lease::of(&self.readers, READ_WAIT).await?;
        blocking(move || Prepared::new(&lease.0, sql).map(drop)).await?
    }

    /// Closes all connections, after what is under way.
    pub(super) async fn close(&self) {
        for (pool, wait) in [(&self.readers, READ_WAIT), (&self.writer, BUSY)] {
            // Who holds all connections of a pool knows that nobody else uses one.
            let mut all = Vec::new();
            while all.len() < pool.status().max_size
                && let Ok(lease) = Lease::of(pool, wait).await
            {
                all.push(lease);
            }
            pool.close();
            // The last one writes the log back into the file.
            let _ = blocking(move || drop(all)).await;
        }
    }
}

/// Opens the connections of a pool.
struct Opener {
    file: PathBuf,
    access: Access,
}

impl Manager for Opener {
    type Type = Connection;
    type Error = DatabaseError;

    async fn create(&self) -> Result<Connection, DatabaseError> {
        let (file, access) = (self.file.clone(), self.access);
        blocking(move || open(&file, access)).await?
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<DatabaseError> {
        // Not so when even the rollback failed.
        let clean = connection.is_autocommit();
        if clean { Ok(()) } else { Err(RecycleError::message("a transaction is open")) }
    }
}

/// A connection out of its pool. It goes back when this is dropped, and never with an open transaction.
struct Lease(Object<Opener>);

impl Lease {
    async fn of(pool: &Pool<Opener>, wait: Duration) -> Result<Self, DatabaseError> {
        pool.get().await.map(Self).map_err(|error| DatabaseError::from_pool(error, wait, None))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            // Frees the write lock now. One that fails leaves the connection as it is, and the pool closes it.
            let _ = self.0.execute_batch("ROLLBACK");
        }
    }
}

/// An open transaction. Once a statement failed or was abandoned there is no lease any more, and no way to commit.
pub struct Transaction {
    lease: Option<Lease>,
}

impl Transaction {
    pub(super) async fn execute(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<u64, DatabaseError> {
        self.run(move |connection| Prepared::new(connection, sql)?.execute(&values)).await
    }

    pub(super) async fn execute_each(
        &mut self,
        sql: &'static str,
        rows: Vec<Vec<Value>>,
    ) -> Result<(), DatabaseError> {
        self.run(move |connection| {
            let mut statement = Prepared::new(connection, sql)?;
            rows.iter().try_for_each(|values| statement.execute(values).map(drop))
        })
        .await
    }

    pub(super) async fn fetch_all(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, DatabaseError> {
        self.run(move |connection| fetch(connection, sql, &values)).await
    }

    pub(super) async fn script(&mut self, sql: &'static str) -> Result<(), DatabaseError> {
        self.run(move |connection| Ok(connection.execute_batch(sql)?)).await
    }

    pub(super) async fn commit(mut self) -> Result<(), DatabaseError> {
        self.run(|connection| Ok(connection.execute_batch("COMMIT")?)).await
    }

    /// Runs `work` on the connection, where it may block.
    ///
    /// # Errors
    /// [`DatabaseError`]; then the transaction is over.
    pub(crate) async fn run<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let lease = self.lease.take().ok_or(DatabaseError::RolledBack)?;
        let (lease, done) = blocking(move || {
            let done = work(&lease.0);
            (done.is_ok().then_some(lease), done)
        })
        .await?;
        self.lease = lease;
        done
    }
}

/// Runs `work` where it may block. Whoever stops waiting does not stop it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, DatabaseError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| DatabaseError::CutShort)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::{Access, BUSY, Lease, Sqlite, Transaction, create, open};
    use crate::sql::DatabaseError;

    /// Rows enough that nobody waits for them on purpose.
    const MANY: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) \
        INSERT INTO t (text) SELECT 'row' FROM n";
    const ONE: &str = "INSERT INTO t (text) VALUES ($1)";

    struct World {
        folder: PathBuf,
        sqlite: Sqlite,
    }

    impl World {
        async fn new() -> Self {
            static COUNT: AtomicU64 = AtomicU64::new(0);
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let folder = std::env::temp_dir().join(format!("keyward-sqlite-{}-{number}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            create(&folder.join("one.db")).unwrap();
            let sqlite = Sqlite::open(&folder.join("one.db"), Access::Write).await.unwrap();
            let world = Self { folder, sqlite };
            let mut tx = world.begin().await;
            let table = "CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT, \
                other INTEGER REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)";
            tx.script(table).await.unwrap();
            tx.commit().await.unwrap();
            world
        }

        /// A transaction that must not have to wait for another's lock.
        async fn begin(&self) -> Transaction {
            tokio::time::timeout(Duration::from_secs(9), self.sqlite.begin(Access::Write))
                .await
                .unwrap()
                .unwrap()
        }

        async fn rows(&self) -> i64 {
            let rows = self.sqlite.fetch_all("SELECT COUNT(*) FROM t", vec![]).await.unwrap();
            rows[0].int(0).unwrap()
        }

        /// That a change can be made, and that it is the only one.
        async fn still_works(&self) {
            let mut tx = self.begin().await;
            assert_eq!(tx.execute(ONE, vec!["after".into()]).await.unwrap(), 1);
            tx.commit().await.unwrap();
            assert_eq!(self.rows().await, 1);
        }

        /// That another program gets the write lock without waiting.
        fn lock_is_free(&self) {
            let other = open(&self.folder.join("one.db"), Access::Write).unwrap();
            other.busy_timeout(Duration::ZERO).unwrap();
            other.execute_batch("BEGIN IMMEDIATE; ROLLBACK").unwrap();
        }

        /// Limits the file to its size of now and `more` pages, or takes the limit away.
        async fn room(&self, more: Option<u32>) {
            let lease = Lease::of(&self.sqlite.writer, BUSY).await.unwrap();
            let pages: u32 = lease.0.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
            let most = more.map_or(u32::MAX - 1, |more| pages + more);
            lease.0.query_row(&format!("PRAGMA max_page_count = {most}"), [], |_| Ok(())).unwrap();
        }
    }

    impl Drop for World {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }

    /// A program that makes one change after the other, with short pauses, starves no other.
    #[expect(clippy::disallowed_methods, reason = "the other program takes its time and leaves short gaps")]
    #[tokio::test(flavor = "multi_thread")]
    async fn gaps_between_changes_are_found() {
        let world = World::new().await;
        let file = world.folder.join("one.db");
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let stopped = std::sync::Arc::clone(&stop);
        let greedy = std::thread::spawn(move || {
            let greedy = open(&file, Access::Write).unwrap();
            while !stopped.load(Ordering::Relaxed) {
                greedy.execute_batch("BEGIN IMMEDIATE").unwrap();
                // The change takes a while, and the pause is short: that is what the test is about.
                std::thread::sleep(Duration::from_millis(60));
                greedy.execute_batch("ROLLBACK").unwrap();
                std::thread::sleep(Duration::from_millis(3));
            }
        });
        let changes = async {
            for _ in 0..20 {
                drop(world.begin().await);
            }
        };
        let done = tokio::time::timeout(Duration::from_secs(15), changes).await;
        stop.store(true, Ordering::Relaxed);
        greedy.join().unwrap();
        assert!(done.is_ok(), "it waited for long");
    }

    #[tokio::test]
    async fn a_dropped_transaction_is_rolled_back() {
        let world = World::new().await;
        let mut tx = world.begin().await;
        tx.execute(ONE, vec!["before".into()]).await.unwrap();
        drop(tx);
        world.lock_is_free();
        world.still_works().await;
    }

    #[tokio::test]
    async fn a_transaction_whose_future_is_dropped_in_a_statement_is_rolled_back() {
        let world = World::new().await;
        let mut tx = world.begin().await;
        let cut_short = tokio::time::timeout(Duration::ZERO, tx.execute(MANY, vec![])).await;
        assert!(cut_short.is_err(), "the statement takes longer than nothing");
        let next = tx.execute(ONE, vec!["before".into()]).await;
        assert!(matches!(next, Err(DatabaseError::RolledBack)), "{next:?}");
        drop(tx);
        world.still_works().await;
    }

    #[tokio::test]
    async fn a_commit_whose_future_is_dropped_leaves_no_transaction() {
        let world = World::new().await;
        let mut tx = world.begin().await;
        tx.execute(ONE, vec!["before".into()]).await.unwrap();
        // Whether it was in time is a race; that nothing is left open is not.
        let _ = tokio::time::timeout(Duration::ZERO, tx.commit()).await;
        let mut tx = world.begin().await;
        tx.execute("DELETE FROM t", vec![]).await.unwrap();
        tx.commit().await.unwrap();
        world.still_works().await;
    }

    #[tokio::test]
    async fn a_commit_that_fails_leaves_no_transaction() {
        let world = World::new().await;
        let mut tx = world.begin().await;
        tx.execute("INSERT INTO t (other) VALUES (7)", vec![]).await.unwrap();
        let refused = tx.commit().await;
        assert!(matches!(refused, Err(DatabaseError::Refused { .. })), "{refused:?}");
        world.lock_is_free();
        world.still_works().await;
    }

    #[tokio::test]
    async fn a_full_disk_is_named_and_forgotten_once_there_is_room() {
        let world = World::new().await;
        world.room(Some(0)).await;
        for _ in 0..3 {
            let mut tx = world.begin().await;
            let full = tx.execute("INSERT INTO t (text) VALUES (hex(zeroblob(100000)))", vec![]).await;
            assert!(matches!(full, Err(DatabaseError::DiskFull { .. })), "{full:?}");
            let next = tx.execute(ONE, vec!["on its own".into()]).await;
            assert!(matches!(next, Err(DatabaseError::RolledBack)), "{next:?}");
            assert!(matches!(tx.commit().await, Err(DatabaseError::RolledBack)));
        }
        world.room(None).await;
        world.still_works().await;
    }

    #[tokio::test]
    async fn a_panic_leaves_no_transaction() {
        let world = World::new().await;
        let mut tx = world.begin().await;
        tx.execute(ONE, vec!["before".into()]).await.unwrap();
        let cut_short = tx.run(|_| -> Result<(), DatabaseError> { panic!("in the statement") }).await;
        assert!(matches!(cut_short, Err(DatabaseError::CutShort)), "{cut_short:?}");
        let sqlite = world.sqlite.clone();
        let between = tokio::spawn(async move {
            let mut tx = sqlite.begin(Access::Write).await.unwrap();
            tx.execute(ONE, vec!["before".into()]).await.unwrap();
            panic!("between statements");
        });
        assert!(between.await.unwrap_err().is_panic());
        world.still_works().await;
    }

    #[tokio::test]
    async fn a_failed_statement_ends_its_transaction_at_once() {
        let world = World::new().await;
        let mut tx = world.begin().await;
        tx.execute(ONE, vec!["before".into()]).await.unwrap();
        assert!(tx.execute("INSERT INTO t (id) VALUES (1)", vec![]).await.is_err(), "the id is taken");
        // Although `tx` is still there.
        world.lock_is_free();
        world.still_works().await;
        assert!(matches!(tx.commit().await, Err(DatabaseError::RolledBack)));
    }

    #[tokio::test]
    async fn a_question_changes_nothing() {
        let world = World::new().await;
        assert!(world.sqlite.fetch_all("DELETE FROM t RETURNING id", vec![]).await.is_err());
        assert!(world.sqlite.prepare("SELECT nothing FROM t").await.is_err());
        world.sqlite.prepare("SELECT text FROM t WHERE id = $1").await.unwrap();
    }

    #[tokio::test]
    async fn the_files_are_their_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let world = World::new().await;
        world.still_works().await;
        let mut names = Vec::new();
        for file in std::fs::read_dir(&world.folder).unwrap().flatten() {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
            names.push(file.file_name());
        }
        assert_eq!(names.len(), 3, "{names:?}");
    }

    #[tokio::test]
    async fn closing_waits_for_what_is_under_way() {
        let world = World::new().await;
        let mut tx = world.begin().await;
        let sqlite = world.sqlite.clone();
        let closing = tokio::spawn(async move { sqlite.close().await });
        tx.execute(ONE, vec!["before".into()]).await.unwrap();
        tx.commit().await.unwrap();
        closing.await.unwrap();
        assert!(matches!(world.sqlite.begin(Access::Write).await, Err(DatabaseError::Closed)));
        let file = world.folder.join("one.db");
        assert!(!file.with_extension("db-wal").exists(), "the log is written back");
        let left = open(&file, Access::Read).unwrap();
        let left: String = left.query_row("SELECT text FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(left, "before");
    }
}
