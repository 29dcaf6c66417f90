//! PostgreSQL through tokio-postgres: one pool, unnamed statements with declared types, so that a pooler that hands
//! every transaction another connection works as well.
//!
//! Owns: the pool, transactions. Leaves to `connect`: opening a connection; to `url` and `tls`: what the URL asks for;
//! to `listen`: notices.
//! Invariants: a connection on which anything is under way is not handed out again; what may have changed something is
//! never sent twice; connections live on the runtime on which the store was opened, whoever uses them.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use deadpool::managed::{Manager, Metrics, Object, Pool, RecycleError, RecycleResult};
use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::connect::connect;
use super::error::{DatabaseError, reason};
use super::listen::Listener;
use super::row::Row;
use super::sqlite::Access;
use super::url::Settings;
use super::value::Value;

/// How long a statement waits for a free connection.
const WAIT: Duration = Duration::from_secs(5);
/// How long a rollback may take before its connection is given up.
const ROLLBACK: Duration = Duration::from_secs(5);
/// A connection that was not used for so long is not trusted: a firewall may have forgotten it.
const IDLE: Duration = Duration::from_secs(600);
/// One that was not used for so long is asked for a sign of life first, and gives it within so long.
const TRUSTED: Duration = Duration::from_secs(1);
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);
/// How long the server may take to begin a transaction, which takes it no work.
const BEGINS: Duration = Duration::from_secs(4);
/// A connection is used for so long, so that load moves to servers that come back.
const AGE: Duration = Duration::from_secs(1_800);

/// Said in full, because a database may have other defaults. Another program that stands still in the middle of a change
/// does not hold up ours for ever.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = '10s'";
/// Changes nothing, whatever is sent.
const BEGIN_READING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A value as the driver takes it.
pub(crate) type Typed<'v> = (&'v (dyn ToSql + Sync), Type);

/// The connections to one database.
#[derive(Clone)]
pub struct Postgres {
    pool: Pool<Connector>,
    settings: Arc<Settings>,
}

impl Postgres {
    /// Reads the URL; nothing is connected before the first statement, and never more than `connections` at a time, beside
    /// the one that listens.
    ///
    /// # Errors
    /// [`crate::StoreError::Url`].
    pub(crate) fn new(url: &str, connections: usize) -> Result<Self, crate::StoreError> {
        let settings = Arc::new(Settings::parse(url)?);
        let runtime = Handle::try_current().map_err(|_| DatabaseError::CutShort)?;
        let connector = Connector {
            settings: Arc::clone(&settings),
            runtime,
            failure: RwLock::default(),
            doubted: RwLock::default(),
        };
        let builder = Pool::builder(connector).max_size(connections).wait_timeout(Some(WAIT));
        let pool = builder.runtime(deadpool::Runtime::Tokio1).build().map_err(|_| DatabaseError::CutShort)?;
        Ok(Self { pool, settings })
    }

    /// All rows. When the connection turns out to be closed, it is asked once more on a fresh one.
    pub(super) async fn fetch_all(
        &self,
        sql: &'static str,
        values: &[Value],
    ) -> Result<Vec<Row>, DatabaseError> {
        // Bound to a name, so that the first connection is given back before the second is asked for.
        let answer = self.get().await?.ask(sql, values).await;
        match answer {
            Err(DatabaseError::ConnectionLost { .. }) => self.fresh().await?.ask(sql, values).await,
            answer => answer,
        }
    }

    /// Starts a transaction. BEGIN changes nothing, so it is sent again when the connection turns out to be closed.
    pub(super) async fn begin(&self, access: Access) -> Result<Transaction, DatabaseError> {
        let text = match access {
            Access::Write => BEGIN,
            Access::Read => BEGIN_READING,
        };
        let begun = Transaction::begin(self.get().await?, text).await;
        match begun {
            Err(DatabaseError::ConnectionLost { .. }) => Transaction::begin(self.fresh().await?, text).await,
            begun => begun,
        }
    }

    pub(super) async fn prepare(&self, sql: &'static str) -> Result<(), DatabaseError> {
        let session = self.get().await?;
        session.client.prepare(sql).await.map(drop).map_err(DatabaseError::from)
    }

    /// Listens to a channel on a connection of its own.
    pub(super) async fn listen(&self, channel: &'static str) -> Result<Listener, DatabaseError> {
        Listener::start(Arc::clone(&self.settings), channel).await
    }

    /// Closes what is idle now and the rest when it is given back.
    pub(super) fn close(&self) {
        self.pool.close();
    }

    async fn get(&self) -> Result<Object<Connector>, DatabaseError> {
        let failure = |error| DatabaseError::from_pool(error, WAIT, self.pool.manager().failure());
        self.pool.get().await.map_err(failure)
    }

    /// A connection that was opened after one was found closed: the others that are idle were opened before.
    async fn fresh(&self) -> Result<Object<Connector>, DatabaseError> {
        self.pool.retain(|_, _| false);
        self.get().await
    }
}

/// Opens the connections of the pool.
struct Connector {
    settings: Arc<Settings>,
    runtime: Handle,
    /// Why the last attempt failed, until one succeeds.
    failure: RwLock<Option<String>>,
    /// When a connection last gave no sign of life.
    doubted: RwLock<Option<Instant>>,
}

impl Connector {
    fn failure(&self) -> Option<String> {
        self.failure.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One connection was silent: those that were not used since are not asked one after the other.
    fn doubt(&self) {
        *self.doubted.write().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn is_doubted(&self, unused: Duration) -> bool {
        let doubted = *self.doubted.read().unwrap_or_else(PoisonError::into_inner);
        doubted.is_some_and(|at| at.elapsed() < unused)
    }
}

impl Manager for Connector {
    type Type = Session;
    type Error = DatabaseError;

    async fn create(&self) -> Result<Session, DatabaseError> {
        let settings = Arc::clone(&self.settings);
        let connecting = self.runtime.spawn(async move { connect(&settings).await });
        let connected = connecting.await.map_err(|_| DatabaseError::CutShort)?;
        let failure = connected.as_ref().err().map(ToString::to_string);
        *self.failure.write().unwrap_or_else(PoisonError::into_inner) = failure;
        let (client, mut link) = connected?;
        let last_words = Arc::new(OnceLock::new());
        let heard = Arc::clone(&last_words);
        // Ends with the client, or before it when the server closes.
        self.runtime.spawn(async move {
            if let Err(error) = (&mut link).await {
                let _ = heard.set(reason(&error));
            }
        });
        Ok(Session { client, runtime: self.runtime.clone(), quiet: true, last_words })
    }

    async fn recycle(&self, session: &mut Session, metrics: &Metrics) -> RecycleResult<DatabaseError> {
        let kept =
            session.quiet && !session.client.is_closed() && metrics.last_used() < IDLE && metrics.age() < AGE;
        if !kept || self.is_doubted(metrics.last_used()) {
            return Err(RecycleError::message("closed, busy, old or doubted"));
        }
        if metrics.last_used() < TRUSTED {
            return Ok(());
        }
        match tokio::time::timeout(SIGN_OF_LIFE, session.client.batch_execute("")).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(RecycleError::message("closed")),
            Err(_) => {
                self.doubt();
                Err(RecycleError::message("silent"))
            }
        }
    }
}

/// One connection of the pool.
pub(super) struct Session {
    client: Client,
    runtime: Handle,
    /// Nothing is under way on it: neither a statement nor a transaction.
    quiet: bool,
    /// Why the server closed it.
    last_words: Arc<OnceLock<String>>,
}

impl Session {
    /// Runs a question outside a transaction.
    async fn ask(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        self.quiet = false;
        let rows = self.fetch_all(sql, values).await;
        self.quiet = !matches!(rows, Err(DatabaseError::ConnectionLost { .. }));
        rows
    }

    async fn fetch_all(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        let typed: Vec<Typed<'_>> = values.iter().map(typed).collect();
        self.fetch_typed(sql, &typed).await
    }

    async fn fetch_typed(&self, sql: &str, values: &[Typed<'_>]) -> Result<Vec<Row>, DatabaseError> {
        let rows = self.client.query_typed(sql, values).await.map_err(|error| self.failed(error))?;
        Ok(rows.into_iter().map(Row::Postgres).collect())
    }

    async fn execute(&self, sql: &str, values: &[Typed<'_>]) -> Result<u64, DatabaseError> {
        self.client.execute_typed(sql, values).await.map_err(|error| self.failed(error))
    }

    async fn script(&self, sql: &str) -> Result<(), DatabaseError> {
        self.client.batch_execute(sql).await.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: tokio_postgres::Error) -> DatabaseError {
        match (DatabaseError::from(error), self.last_words.get()) {
            (DatabaseError::ConnectionLost { .. }, Some(said)) => {
                DatabaseError::ConnectionLost { reason: said.clone() }
            }
            (error, _) => error,
        }
    }
}

/// An open transaction. Once a statement failed there is no session any more, and no way to commit.
pub struct Transaction {
    session: Option<Object<Connector>>,
}

impl Transaction {
    async fn begin(session: Object<Connector>, text: &str) -> Result<Self, DatabaseError> {
        let mut transaction = Self { session: Some(session) };
        match tokio::time::timeout(BEGINS, transaction.script(text)).await {
            Ok(begun) => begun.map(|()| transaction),
            Err(_) => Err(DatabaseError::ConnectionLost {
                reason: format!("no answer within {} s", BEGINS.as_secs()),
            }),
        }
    }

    pub(super) async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, DatabaseError> {
        let typed: Vec<Typed<'_>> = values.iter().map(typed).collect();
        self.execute_typed(sql, &typed).await
    }

    /// Runs a statement with values of any type that the driver knows.
    ///
    /// # Errors
    /// [`DatabaseError`]; then the transaction is over.
    pub(crate) async fn execute_typed(
        &mut self,
        sql: &str,
        values: &[Typed<'_>],
    ) -> Result<u64, DatabaseError> {
        let done = self.open()?.execute(sql, values).await;
        self.done(done)
    }

    pub(super) async fn fetch_all(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        let typed: Vec<Typed<'_>> = values.iter().map(typed).collect();
        self.fetch_typed(sql, &typed).await
    }

    /// All rows of a statement with values of any type that the driver knows.
    ///
    /// # Errors
    /// [`DatabaseError`]; then the transaction is over.
    pub(crate) async fn fetch_typed(
        &mut self,
        sql: &str,
        values: &[Typed<'_>],
    ) -> Result<Vec<Row>, DatabaseError> {
        let rows = self.open()?.fetch_typed(sql, values).await;
        self.done(rows)
    }

    pub(super) async fn script(&mut self, sql: &str) -> Result<(), DatabaseError> {
        let done = self.open()?.script(sql).await;
        self.done(done)
    }

    pub(super) async fn commit(mut self) -> Result<(), DatabaseError> {
        self.script("COMMIT").await?;
        if let Some(mut session) = self.session.take() {
            session.quiet = true;
        }
        Ok(())
    }

    fn open(&mut self) -> Result<&mut Session, DatabaseError> {
        let session = self.session.as_deref_mut().ok_or(DatabaseError::RolledBack)?;
        session.quiet = false;
        Ok(session)
    }

    fn done<T>(&mut self, done: Result<T, DatabaseError>) -> Result<T, DatabaseError> {
        if done.is_err() {
            self.roll_back();
        }
        done
    }

    /// Sends ROLLBACK behind whatever is under way, and gives the connection back only after it. Until then the pool
    /// takes it for busy. One that does not roll back is closed, which the server takes for the same.
    fn roll_back(&mut self) {
        let Some(mut session) = self.session.take() else { return };
        session.runtime.clone().spawn(async move {
            match tokio::time::timeout(ROLLBACK, session.client.batch_execute("ROLLBACK")).await {
                Ok(Ok(())) => session.quiet = true,
                Ok(Err(_)) | Err(_) => drop(Object::take(session)),
            }
        });
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.roll_back();
    }
}

/// A value with the type that it is declared with: nothing is left to the server's guess.
fn typed(value: &Value) -> Typed<'_> {
    match value {
        Value::Int(value) => (value, Type::INT8),
        Value::Text(value) => (value, Type::TEXT),
        Value::Bytes(value) => (value, Type::BYTEA),
    }
}
