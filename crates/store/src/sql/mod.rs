//! The two drivers meet here: connection, value, row. No other file knows which database it talks to.
//!
//! Values are integers, texts, bytes, and typed nulls; times are integer milliseconds.

use sqlx::postgres::{PgArguments, PgPool, PgRow};
use sqlx::sqlite::{SqliteArguments, SqlitePool, SqliteRow};
use sqlx::{Postgres, Row as _, Sqlite, Transaction};

use crate::error::StoreError;

/// One bound value. Nulls keep their type, because PostgreSQL asks for it.
#[derive(Clone, Debug)]
pub enum Value {
    /// An integer or its null.
    Int(Option<i64>),
    /// A text or its null.
    Text(Option<String>),
    /// Bytes or their null.
    Bytes(Option<Vec<u8>>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<u64> for Value {
    /// Ids, revisions and times all lie below 2^63; what does not can match no row.
    fn from(value: u64) -> Self {
        Self::Int(Some(i64::try_from(value).unwrap_or(-1)))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(Some(value.to_owned()))
    }
}

impl From<Option<u64>> for Value {
    fn from(value: Option<u64>) -> Self {
        Self::Int(value.map(|number| i64::try_from(number).unwrap_or(-1)))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<Option<Vec<u8>>> for Value {
    fn from(value: Option<Vec<u8>>) -> Self {
        Self::Bytes(value)
    }
}

/// One row of an answer, read by column position.
pub enum Row {
    /// From SQLite.
    Sqlite(SqliteRow),
    /// From PostgreSQL.
    Postgres(PgRow),
}

macro_rules! getter {
    ($(#[$doc:meta])* $name:ident, $type:ty) => {
        $(#[$doc])*
        pub fn $name(&self, at: usize) -> Result<$type, StoreError> {
            Ok(match self {
                Self::Sqlite(row) => row.try_get(at)?,
                Self::Postgres(row) => row.try_get(at)?,
            })
        }
    };
}

impl Row {
    getter!(
        /// An integer.
        int, i64
    );
    getter!(
        /// An integer or null.
        int_or_null, Option<i64>
    );
    getter!(
        /// A text.
        text, String
    );
    getter!(
        /// A text or null.
        text_or_null, Option<String>
    );
    getter!(
        /// Bytes.
        bytes, Vec<u8>
    );
    getter!(
        /// Bytes or null.
        bytes_or_null, Option<Vec<u8>>
    );
}

/// A pool of connections to either database; SQLite has one writer, so writes get a pool of one.
#[derive(Clone)]
pub enum Database {
    /// Writer pool of one, reader pool.
    Sqlite {
        /// The one writer.
        writer: SqlitePool,
        /// The readers.
        readers: SqlitePool,
    },
    /// One pool.
    Postgres(PgPool),
}

/// An open write transaction; rolled back when dropped.
pub enum Transact {
    /// On SQLite.
    Sqlite(Transaction<'static, Sqlite>),
    /// On PostgreSQL.
    Postgres(Transaction<'static, Postgres>),
}

type SqliteQuery = sqlx::query::Query<'static, Sqlite, SqliteArguments>;
type PostgresQuery = sqlx::query::Query<'static, Postgres, PgArguments>;

fn sqlite(sql: &'static str, values: Vec<Value>) -> SqliteQuery {
    values.into_iter().fold(sqlx::query(sql), |query, value| match value {
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
    })
}

fn postgres(sql: &'static str, values: Vec<Value>) -> PostgresQuery {
    values.into_iter().fold(sqlx::query(sql), |query, value| match value {
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
    })
}

impl Database {
    /// Starts a write transaction; on SQLite it takes the write lock at once.
    pub async fn begin(&self) -> Result<Transact, StoreError> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Transact::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Transact::Postgres(pool.begin().await?),
        })
    }

    /// All rows of a question.
    pub async fn fetch_all(&self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        Ok(match self {
            Self::Sqlite { readers, .. } => {
                sqlite(sql, values).fetch_all(readers).await?.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(pool) => {
                postgres(sql, values).fetch_all(pool).await?.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// The one row of a question, if any.
    pub async fn fetch_optional(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.fetch_all(sql, values).await?.into_iter().next())
    }

    /// What PostgreSQL's clock shows, in milliseconds since the Unix epoch; SQLite has none but this machine's.
    /// A text for one database, and so none of the registry.
    pub async fn clock_ms(&self) -> Result<Option<i64>, StoreError> {
        const CLOCK: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
        Ok(match self {
            Self::Sqlite { .. } => None,
            Self::Postgres(pool) => Some(sqlx::query_scalar(CLOCK).fetch_one(pool).await?),
        })
    }

    /// Closes all connections, after what is under way.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }

    /// Asks the database to plan `sql`; gives the number of parameters it takes, where the database tells.
    #[doc(hidden)]
    pub async fn prepare(&self, sql: &'static str) -> Result<(), StoreError> {
        use sqlx::{Executor as _, SqlSafeStr as _};
        match self {
            Self::Sqlite { readers, .. } => {
                readers.acquire().await?.prepare(sql.into_sql_str()).await?;
            }
            Self::Postgres(pool) => {
                pool.acquire().await?.prepare(sql.into_sql_str()).await?;
            }
        }
        Ok(())
    }
}

impl Transact {
    /// Runs a statement; gives the number of rows touched.
    pub async fn execute(&mut self, sql: &'static str, values: Vec<Value>) -> Result<u64, StoreError> {
        Ok(match self {
            Self::Sqlite(tx) => sqlite(sql, values).execute(&mut **tx).await?.rows_affected(),
            Self::Postgres(tx) => postgres(sql, values).execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// All rows of a question inside the transaction.
    pub async fn fetch_all(&mut self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        Ok(match self {
            Self::Sqlite(tx) => {
                sqlite(sql, values).fetch_all(&mut **tx).await?.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(tx) => {
                postgres(sql, values).fetch_all(&mut **tx).await?.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// The one row of a question, if any.
    pub async fn fetch_optional(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.fetch_all(sql, values).await?.into_iter().next())
    }

    /// Wakes whoever watches `channel` once this commits. SQLite's watchers look at the file themselves.
    pub async fn notify(&mut self, channel: &'static str) -> Result<(), StoreError> {
        if let Self::Postgres(tx) = self {
            sqlx::query("SELECT pg_notify($1, '')").bind(channel).execute(&mut **tx).await?;
        }
        Ok(())
    }

    /// Commits.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// Declares the statements of a file and lists them for the test that prepares all of them.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)+) => {
        $($(#[$doc])* pub(crate) const $name: &str = $text;)+
        /// The statements of this file by name.
        pub(crate) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}
pub(crate) use statements;

/// Every statement of the store by file; a test prepares each on both databases.
pub const STATEMENTS: &[(&str, &[(&str, &str)])] = &[
    ("accounts", crate::accounts::STATEMENTS),
    ("activity", crate::activity::STATEMENTS),
    ("alerts", crate::alerts::STATEMENTS),
    ("app_keys", crate::app_keys::STATEMENTS),
    ("apps", crate::apps::STATEMENTS),
    ("brokers", crate::brokers::STATEMENTS),
    ("ranges", crate::ranges::STATEMENTS),
    ("channels", crate::channels::STATEMENTS),
    ("deliveries", crate::deliveries::STATEMENTS),
    ("door", crate::door::STATEMENTS),
    ("feed", crate::feed::STATEMENTS),
    ("journal", crate::journal::STATEMENTS),
    ("keys", crate::keys::STATEMENTS),
    ("log", crate::log::STATEMENTS),
    ("notes", crate::notes::STATEMENTS),
    ("outbox", crate::outbox::STATEMENTS),
    ("overseen", crate::overseen::STATEMENTS),
    ("passkeys", crate::passkeys::STATEMENTS),
    ("people", crate::people::STATEMENTS),
    ("policies", crate::policies::STATEMENTS),
    ("proposals", crate::proposals::STATEMENTS),
    ("root", crate::seal::ROOT_STATEMENTS),
    ("seal", crate::seal::STATEMENTS),
    ("rollups", crate::rollups::STATEMENTS),
    ("sessions", crate::sessions::STATEMENTS),
    ("staff", crate::staff::STATEMENTS),
    ("usage", crate::usage::STATEMENTS),
    ("writer", crate::writer::STATEMENTS),
];
