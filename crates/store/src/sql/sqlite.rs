//! SQLite through rusqlite: one writer, some readers, each statement on a thread that may block.
//!
//! Owns: how a file is opened, the two pools, transactions, and how values find their places.
//! Invariant: whatever way a connection is given back, it has no open transaction. A dropped future, a failed
//! statement, a failed COMMIT and a panic all end in [`Lease`]'s drop, which rolls back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use deadpool::managed::{Manager, Metrics, Object, Pool, RecycleError, RecycleResult};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OpenFlags, Rows, ToSql};

use super::error::DatabaseError;
use super::row::{Cell, Row};
use super::value::Value;

/// How long a write waits for another program's, and for its turn among our own.
pub(crate) const BUSY: Duration = Duration::from_secs(10);
/// How long a read waits for a free connection.
const READ_WAIT: Duration = Duration::from_secs(5);
/// Connections that read at the same time.
const READERS: usize = 4;
/// Statements that a connection keeps prepared: all of the registry.
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
    let connection = Connection::open_with_flags(file, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
    if access == Access::Write {
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
        )?;
    }
    Ok(connection)
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
    /// Pools for a file that is there. The first connection is opened at once, to see whether it is a database.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub(crate) async fn open(file: &Path) -> Result<Self, DatabaseError> {
        let pool = |access, size, wait| {
            let opener = Opener { file: file.to_owned(), access };
            let builder = Pool::builder(opener).max_size(size).wait_timeout(Some(wait));
            builder.runtime(deadpool::Runtime::Tokio1).build().map_err(|_| DatabaseError::CutShort)
        };
        let sqlite =
            Self { writer: pool(Access::Write, 1, BUSY)?, readers: pool(Access::Read, READERS, READ_WAIT)? };
        drop(Lease::of(&sqlite.writer, BUSY).await?);
        Ok(sqlite)
    }

    pub(super) async fn fetch_all(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, DatabaseError> {
        let lease = Lease::of(&self.readers, READ_WAIT).await?;
        blocking(move || fetch(&lease.0, sql, &values)).await?
    }

    /// Starts a transaction that holds the write lock from the start.
    pub(super) async fn begin(&self) -> Result<Transaction, DatabaseError> {
        let mut transaction = Transaction { lease: Some(Lease::of(&self.writer, BUSY).await?) };
        transaction.run(|connection| Ok(connection.execute_batch("BEGIN IMMEDIATE")?)).await?;
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
        pool.get().await.map(Self).map_err(|error| DatabaseError::from_pool(error, wait))
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

    async fn run<T: Send + 'static>(
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

fn fetch(connection: &Connection, sql: &str, values: &[Value]) -> Result<Vec<Row>, DatabaseError> {
    let mut statement = Prepared::new(connection, sql)?;
    let columns = statement.statement.column_count();
    let mut rows = statement.query(values)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let cells = (0..columns).map(|column| row.get_ref(column).map(Cell::from));
        all.push(Row::Sqlite(cells.collect::<Result<_, _>>()?));
    }
    Ok(all)
}

impl From<ValueRef<'_>> for Cell {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Int(number),
            ValueRef::Real(_) => Self::Real,
            ValueRef::Text(text) => Self::Text(text.to_owned()),
            ValueRef::Blob(bytes) => Self::Bytes(bytes.to_owned()),
        }
    }
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

/// A prepared statement of the registry. To SQLite `$2` is a name, which it numbers by where it first stands; here it
/// is the second value, as in PostgreSQL.
pub(crate) struct Prepared<'c> {
    statement: CachedStatement<'c>,
    /// For each of SQLite's places, the number of its value.
    numbers: Vec<usize>,
}

impl<'c> Prepared<'c> {
    /// # Errors
    /// [`DatabaseError`]: also for a parameter that is not `$` with a number.
    pub(crate) fn new(connection: &'c Connection, sql: &str) -> Result<Self, DatabaseError> {
        let statement = connection.prepare_cached(sql)?;
        let places = statement.parameter_count();
        let number = |place| statement.parameter_name(place)?.strip_prefix('$')?.parse().ok();
        let numbers = (1..=places).map(number).collect::<Option<Vec<usize>>>();
        let numbers = numbers.ok_or(DatabaseError::Values { expected: places, given: 0 })?;
        Ok(Self { statement, numbers })
    }

    /// Runs it; gives the number of rows touched.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub(crate) fn execute(&mut self, values: &[impl ToSql]) -> Result<u64, DatabaseError> {
        self.bind(values)?;
        Ok(self.statement.raw_execute()? as u64)
    }

    /// Its rows.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub(crate) fn query(&mut self, values: &[impl ToSql]) -> Result<Rows<'_>, DatabaseError> {
        self.bind(values)?;
        Ok(self.statement.raw_query())
    }

    fn bind(&mut self, values: &[impl ToSql]) -> Result<(), DatabaseError> {
        let expected = self.numbers.iter().copied().max().unwrap_or(0);
        let misfit = DatabaseError::Values { expected, given: values.len() };
        if expected != values.len() {
            return Err(misfit);
        }
        for (place, number) in (1_usize..).zip(&self.numbers) {
            let Some(value) = number.checked_sub(1).and_then(|at| values.get(at)) else { return Err(misfit) };
            self.statement.raw_bind_parameter(place, value)?;
        }
        Ok(())
    }
}
