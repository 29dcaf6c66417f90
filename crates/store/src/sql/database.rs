//! A database and a transaction on it, whichever of the two it is.

use std::path::Path;

use super::listen::Listener;
use super::postgres::{self, Postgres};
use super::row::Row;
use super::sqlite::{self, Access, Sqlite};
use super::value::Value;
use crate::bulk::watch::Glance;
use crate::error::StoreError;

/// The connections to either database.
#[derive(Clone)]
pub enum Database {
    /// One writer, some readers.
    Sqlite(Sqlite),
    /// One pool.
    Postgres(Postgres),
}

/// An open write transaction; rolled back when it is dropped, or when one of its statements fails.
pub enum Transact {
    /// On SQLite.
    Sqlite(sqlite::Transaction),
    /// On PostgreSQL.
    Postgres(postgres::Transaction),
}

impl Database {
    /// A SQLite file, made if it is not there.
    ///
    /// # Errors
    /// [`StoreError::File`] and [`StoreError::Database`].
    #[crate::boxed]
    pub(crate) async fn sqlite(file: &Path) -> Result<Self, StoreError> {
        sqlite::create(file)?;
        Ok(Self::Sqlite(Sqlite::open(file, Access::Write).await?))
    }

    /// A SQLite file that is there, for reading only.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    #[crate::boxed]
    pub(crate) async fn sqlite_to_read(file: &Path) -> Result<Self, StoreError> {
        Ok(Self::Sqlite(Sqlite::open(file, Access::Read).await?))
    }

    /// A PostgreSQL database with so many connections at most. Nothing is connected before the first statement.
    ///
    /// # Errors
    /// [`StoreError::Url`].
    pub(crate) fn postgres(url: &str, connections: usize) -> Result<Self, StoreError> {
        Ok(Self::Postgres(Postgres::new(url, connections)?))
    }

    /// Starts a write transaction; on SQLite it takes the write lock at once.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn begin(&self) -> Result<Transact, StoreError> {
        self.begin_for(Access::Write).await
    }

    /// Starts a transaction that can only read.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub(crate) async fn begin_reading(&self) -> Result<Transact, StoreError> {
        self.begin_for(Access::Read).await
    }

    #[crate::boxed]
    async fn begin_for(&self, access: Access) -> Result<Transact, StoreError> {
        Ok(match self {
            Self::Sqlite(sqlite) => Transact::Sqlite(sqlite.begin(access).await?),
            Self::Postgres(postgres) => Transact::Postgres(postgres.begin(access).await?),
        })
    }

    /// All rows of a question. It may be asked a second time, so it changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    #[crate::boxed]
    pub async fn fetch_all(&self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        Ok(match self {
            Self::Sqlite(sqlite) => sqlite.fetch_all(sql, values).await?,
            Self::Postgres(postgres) => postgres.fetch_all(sql, &values).await?,
        })
    }

    /// The one row of a question, if any.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    #[crate::boxed]
    pub async fn fetch_optional(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.fetch_all(sql, values).await?.into_iter().next())
    }

    /// What PostgreSQL's clock shows, in milliseconds since the Unix epoch; SQLite has none but this machine's.
    /// A text for one database, and so none of the registry.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    #[crate::boxed]
    pub async fn clock_ms(&self) -> Result<Option<i64>, StoreError> {
        const CLOCK: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
        match self {
            Self::Sqlite(_) => Ok(None),
            Self::Postgres(_) => self.fetch_optional(CLOCK, vec![]).await?.map(|row| row.int(0)).transpose(),
        }
    }

    /// Whether a number of a record that was dropped is given again: on SQLite once it was the newest.
    pub(crate) const fn reuses_numbers(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// Whether anything was ever made in it.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub(crate) async fn is_empty(&self) -> Result<bool, StoreError> {
        // As above.
        const SQLITE: &str = "SELECT COUNT(*) FROM sqlite_schema";
        const POSTGRES: &str = "SELECT COUNT(*) FROM pg_class WHERE relname = 'schema_steps' \
            AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())";
        let text = match self {
            Self::Sqlite(_) => SQLITE,
            Self::Postgres(_) => POSTGRES,
        };
        Ok(self.fetch_optional(text, vec![]).await?.map_or(Ok(0), |row| row.int(0))? == 0)
    }

    /// The name of something in the database that the program never makes, and that could change or hide what it writes.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    #[crate::boxed]
    pub(crate) async fn foreign(&self) -> Result<Option<String>, StoreError> {
        // Texts for one database each, and so none of the registry. Views of extensions, such as those of
        // pg_stat_statements, are in many schemas.
        const SQLITE: &str = "SELECT name FROM sqlite_schema WHERE type IN ('trigger', 'view') LIMIT 1";
        const POSTGRES: &str = "SELECT CAST(name AS TEXT) FROM (\
            SELECT t.tgname AS name FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n \
            ON n.oid = c.relnamespace WHERE n.nspname = current_schema() AND NOT t.tgisinternal \
            UNION ALL SELECT rulename FROM pg_rules WHERE schemaname = current_schema() \
            UNION ALL SELECT policyname FROM pg_policies WHERE schemaname = current_schema() \
            UNION ALL SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
            WHERE n.nspname = current_schema() AND c.relkind IN ('v', 'm') \
            AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')) AS found LIMIT 1";
        let text = match self {
            Self::Sqlite(_) => SQLITE,
            Self::Postgres(_) => POSTGRES,
        };
        self.fetch_optional(text, vec![]).await?.map(|row| row.text(0)).transpose()
    }

    /// A way to wait until it is written to.
    pub(crate) fn glance(&self) -> Glance {
        match self {
            Self::Sqlite(sqlite) => Glance::at(Some(sqlite.file())),
            Self::Postgres(_) => Glance::at(None),
        }
    }

    /// Listens to a channel of PostgreSQL; `None` on SQLite, whose watchers look at the file.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it cannot be set up.
    #[crate::boxed]
    pub(crate) async fn listen(&self, channel: &'static str) -> Result<Option<Listener>, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(None),
            Self::Postgres(postgres) => Ok(Some(postgres.listen(channel).await?)),
        }
    }

    /// Closes all connections, after what is under way.
    #[crate::boxed]
    pub async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
            Self::Postgres(postgres) => postgres.close(),
        }
    }

    /// Asks the database to plan `sql`.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it refuses.
    #[doc(hidden)]
    #[crate::boxed]
    pub async fn prepare(&self, sql: &'static str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.prepare(sql).await?,
            Self::Postgres(postgres) => postgres.prepare(sql).await?,
        }
        Ok(())
    }
}

impl Transact {
    /// Runs a statement; gives the number of rows touched.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then the transaction is over.
    #[crate::boxed]
    pub async fn execute(&mut self, sql: &'static str, values: Vec<Value>) -> Result<u64, StoreError> {
        Ok(match self {
            Self::Sqlite(tx) => tx.execute(sql, values).await?,
            Self::Postgres(tx) => tx.execute(sql, &values).await?,
        })
    }

    /// Runs a statement once for each of many rows of values, on SQLite in one go.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then the transaction is over.
    #[crate::boxed]
    pub async fn execute_each(&mut self, sql: &'static str, rows: Vec<Vec<Value>>) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.execute_each(sql, rows).await?,
            Self::Postgres(tx) => {
                for values in &rows {
                    tx.execute(sql, values).await?;
                }
            }
        }
        Ok(())
    }

    /// All rows of a question inside the transaction.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then the transaction is over.
    #[crate::boxed]
    pub async fn fetch_all(&mut self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        Ok(match self {
            Self::Sqlite(tx) => tx.fetch_all(sql, values).await?,
            Self::Postgres(tx) => tx.fetch_all(sql, &values).await?,
        })
    }

    /// The one row of a question, if any.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then the transaction is over.
    #[crate::boxed]
    pub async fn fetch_optional(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.fetch_all(sql, values).await?.into_iter().next())
    }

    /// Runs a migration's script of several statements.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then the transaction is over.
    #[crate::boxed]
    pub(crate) async fn script(
        &mut self,
        sqlite: &'static str,
        postgres: &'static str,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.script(sqlite).await?,
            Self::Postgres(tx) => tx.script(postgres).await?,
        }
        Ok(())
    }

    /// Wakes whoever listens to `channel` once this commits. SQLite's watchers look at the file themselves.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then the transaction is over.
    #[crate::boxed]
    pub async fn notify(&mut self, channel: &'static str) -> Result<(), StoreError> {
        if let Self::Postgres(tx) = self {
            tx.execute("SELECT pg_notify($1, '')", &[channel.into()]).await?;
        }
        Ok(())
    }

    /// Commits.
    ///
    /// # Errors
    /// [`StoreError::Database`]: nothing was changed, unless the connection was lost at this very moment.
    #[crate::boxed]
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}
