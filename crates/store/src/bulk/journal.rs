//! The journal's appenders: prepared statements on a connection of their own for SQLite; for PostgreSQL one statement for
//! each table, whose parameters are columns.

use std::borrow::Cow;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use keyward_rules::id::AccountId;
use keyward_rules::time::Moment;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use tokio_postgres::types::Type;

use crate::error::StoreError;
use crate::journal::record::{
    Intent, Outcome, Record, Released, Reserved, SavedReplayEntry, intent_values, outcome_values,
    released_values, reserved_values,
};
use crate::journal::statements::{
    DROP_MARKS, INSERT_ACTIVITY, INSERT_INTENT, INSERT_MARK, INSERT_RESERVED, RELEASE, SET_MARKS_SAVED,
    SETTLE_INTENT,
};
use crate::sql::postgres::{Transaction as PostgresTransaction, Typed};
use crate::sql::sqlite::{self, Access};
use crate::sql::statement::Prepared;
use crate::sql::{Database, Row, Transact};

/// [`INSERT_ACTIVITY`] for many records: each parameter is a column. Returns the first number and the last.
const INSERT_ACTIVITIES: &str = "WITH inserted AS (INSERT INTO activity (at, request, key_id, account, source, method, \
    route, code, upstream_status, bytes_in, bytes_out, micros, orders) \
    SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id) \
    SELECT MIN(id), MAX(id) FROM inserted";
/// What one commit takes.
#[derive(Clone, Copy, Default)]
pub struct JournalBatch<'b> {
    /// What must be there before money moves.
    pub intents: &'b [Intent],
    /// How intents ended.
    pub outcomes: &'b [Outcome],
    /// Requests as they ended.
    pub records: &'b [Record],
    /// What is taken from the sums of the day.
    pub reserved: &'b [Reserved],
    /// What is given back to them.
    pub released: &'b [Released],
}

impl JournalBatch<'_> {
    /// Whether there is nothing to commit.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.intents.is_empty()
            && self.outcomes.is_empty()
            && self.records.is_empty()
            && self.reserved.is_empty()
            && self.released.is_empty()
    }
}

/// Opens the appender's connection to a journal file that is there and migrated.
pub(crate) fn open(file: &Path) -> Result<(Connection, Checkpoints), StoreError> {
    let connection = sqlite::open(file, Access::Write)?;
    // Of what is more than this between two checkpoints the appender takes care itself: the log must not grow without end.
    connection.pragma_update(None, "wal_autocheckpoint", 40_000)?;
    Ok((connection, Checkpoints::of(file)?))
}

/// Moves what the appender wrote from SQLite's log into the file, on a thread of its own: a withdrawal waits for the appender,
/// and must not wait for this too.
pub(crate) struct Checkpoints {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How often. A checkpoint copies every page once more; a longer log makes that rarer for pages that change often.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(5);

impl Checkpoints {
    fn of(file: &Path) -> Result<Self, StoreError> {
        let connection = sqlite::open(file, Access::Write)?;
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let work = move || {
            // Ends when the other end is dropped. What is not moved now is moved the next time.
            while stopped.recv_timeout(CHECKPOINT_EVERY) == Err(RecvTimeoutError::Timeout) {
                let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
            }
        };
        let thread = std::thread::Builder::new().name("journal-pages".to_owned()).spawn(work)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The numbers of the first and the last record of a batch, which follow each other.
pub(crate) type Numbers = (i64, i64);

/// Commits a batch to SQLite.
pub(crate) fn append_sqlite(
    connection: &mut Connection,
    batch: JournalBatch<'_>,
) -> Result<Option<Numbers>, StoreError> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    insert_intents(&tx, batch.intents)?;
    reserve(&tx, batch.reserved)?;
    release(&tx, batch.released)?;
    settle(&tx, batch.outcomes)?;
    insert_records(&tx, batch.records)?;
    let newest = tx.last_insert_rowid();
    tx.commit()?;
    let count = i64::try_from(batch.records.len()).unwrap_or(i64::MAX);
    Ok((count > 0).then(|| (newest - count + 1, newest)))
}

fn insert_intents(tx: &Transaction<'_>, intents: &[Intent]) -> Result<(), StoreError> {
    let mut statement = Prepared::new(tx, INSERT_INTENT)?;
    for intent in intents {
        statement.execute(params![
            intent.request.to_string(),
            signed(intent.at.unix_ms()),
            intent.key.to_string(),
            signed(intent.account.as_u64()),
            intent.route,
            intent.source.to_string(),
            intent.body_hash,
        ])?;
    }
    Ok(())
}

fn reserve(tx: &Transaction<'_>, all: &[Reserved]) -> Result<(), StoreError> {
    if all.is_empty() {
        return Ok(());
    }
    let mut statement = Prepared::new(tx, INSERT_RESERVED)?;
    for reserved in all {
        statement.execute(params![
            reserved.request.to_string(),
            reserved.element,
            reserved.name(),
            reserved.owner.to_string(),
            signed(reserved.day),
            reserved.amount.to_string(),
        ])?;
    }
    Ok(())
}

fn release(tx: &Transaction<'_>, all: &[Released]) -> Result<(), StoreError> {
    if all.is_empty() {
        return Ok(());
    }
    let mut statement = Prepared::new(tx, RELEASE)?;
    for released in all {
        statement.execute(params![released.request.to_string(), released.element])?;
    }
    Ok(())
}

fn settle(tx: &Transaction<'_>, outcomes: &[Outcome]) -> Result<(), StoreError> {
    let mut statement = Prepared::new(tx, SETTLE_INTENT)?;
    for outcome in outcomes {
        let (word, status) = outcome.status.columns();
        let at = signed(outcome.at.unix_ms());
        statement.execute(params![outcome.request.to_string(), word, status, at])?;
    }
    Ok(())
}

fn insert_records(tx: &Transaction<'_>, records: &[Record]) -> Result<(), StoreError> {
    let mut statement = Prepared::new(tx, INSERT_ACTIVITY)?;
    for record in records {
        let (source, length) = octets(record.source);
        statement.execute(params![
            signed(record.at.unix_ms()),
            record.request.0.to_be_bytes(),
            record.key.map(|key| key.as_u128().to_be_bytes()),
            record.account.map(AccountId::as_u64).map(signed),
            source.get(..length),
            record.method,
            record.route,
            record.code,
            record.upstream_status,
            signed(record.bytes_in),
            signed(record.bytes_out),
            signed(record.micros),
            record.orders.as_deref(),
        ])?;
    }
    Ok(())
}

/// Commits a batch to PostgreSQL.
pub(crate) async fn append_postgres(
    database: &Database,
    batch: JournalBatch<'_>,
) -> Result<Option<Numbers>, StoreError> {
    let mut tx = database.begin().await?;
    for intent in batch.intents {
        tx.execute(INSERT_INTENT, intent_values(intent)).await?;
    }
    for reserved in batch.reserved {
        tx.execute(INSERT_RESERVED, reserved_values(reserved)).await?;
    }
    for released in batch.released {
        tx.execute(RELEASE, released_values(*released)).await?;
    }
    for outcome in batch.outcomes {
        tx.execute(SETTLE_INTENT, outcome_values(outcome)).await?;
    }
    let mut numbers = None;
    if let Transact::Postgres(tx) = &mut tx
        && !batch.records.is_empty()
    {
        let lines: Vec<Line> = batch.records.iter().map(Line::of).collect();
        numbers = Some(insert_columns(tx, &lines).await?);
    }
    tx.commit().await?;
    Ok(numbers)
}

/// Saves a node's marks in SQLite.
pub(crate) fn save_marks_sqlite(
    connection: &mut Connection,
    (node, now): (&str, Moment),
    marks: &[SavedReplayEntry],
) -> Result<(), StoreError> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    Prepared::new(&tx, DROP_MARKS)?.execute(params![node])?;
    insert_marks(&tx, node, marks)?;
    Prepared::new(&tx, SET_MARKS_SAVED)?.execute(params![node, signed(now.unix_ms())])?;
    Ok(tx.commit()?)
}

/// Adds marks of a node in SQLite.
pub(crate) fn keep_marks_sqlite(
    connection: &mut Connection,
    node: &str,
    marks: &[SavedReplayEntry],
) -> Result<(), StoreError> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    insert_marks(&tx, node, marks)?;
    Ok(tx.commit()?)
}

fn insert_marks(tx: &Transaction<'_>, node: &str, marks: &[SavedReplayEntry]) -> Result<(), StoreError> {
    let mut statement = Prepared::new(tx, INSERT_MARK)?;
    for mark in marks {
        let key = mark.key.as_u128().to_be_bytes();
        statement.execute(params![node, key, mark.fingerprint.cast_signed(), signed(mark.second)])?;
    }
    Ok(())
}

/// Saves a node's marks in PostgreSQL.
pub(crate) async fn save_marks_postgres(
    database: &Database,
    (node, now): (&str, Moment),
    marks: &[SavedReplayEntry],
) -> Result<(), StoreError> {
    let mut tx = database.begin().await?;
    tx.execute(DROP_MARKS, vec![node.into()]).await?;
    add_marks(&mut tx, node, marks).await?;
    tx.execute(SET_MARKS_SAVED, vec![node.into(), now.unix_ms().into()]).await?;
    tx.commit().await
}

/// Adds marks of a node in PostgreSQL.
pub(crate) async fn keep_marks_postgres(
    database: &Database,
    node: &str,
    marks: &[SavedReplayEntry],
) -> Result<(), StoreError> {
    let mut tx = database.begin().await?;
    add_marks(&mut tx, node, marks).await?;
    tx.commit().await
}

async fn add_marks(tx: &mut Transact, node: &str, marks: &[SavedReplayEntry]) -> Result<(), StoreError> {
    for mark in marks {
        let key = mark.key.as_u128().to_be_bytes();
        let values = vec![
            node.into(),
            key.as_slice().into(),
            mark.fingerprint.cast_signed().into(),
            mark.second.into(),
        ];
        tx.execute(INSERT_MARK, values).await?;
    }
    Ok(())
}

/// Takes records into PostgreSQL from rows of a spool.
pub(crate) async fn take_in(tx: &mut Transact, rows: &[Row]) -> Result<Numbers, StoreError> {
    let lines: Result<Vec<_>, _> = rows.iter().map(Line::of_row).collect();
    match tx {
        Transact::Postgres(tx) => insert_columns(tx, &lines?).await,
        Transact::Sqlite(_) => Err(StoreError::Location),
    }
}

/// A row of `activity`.
struct Line {
    at: i64,
    request: Vec<u8>,
    key: Option<Vec<u8>>,
    account: Option<i64>,
    source: Vec<u8>,
    method: Cow<'static, str>,
    route: Cow<'static, str>,
    code: Cow<'static, str>,
    status: Option<i64>,
    bytes_in: i64,
    bytes_out: i64,
    micros: i64,
    orders: Option<Arc<str>>,
}

impl Line {
    fn of(record: &Record) -> Self {
        Self {
            at: signed(record.at.unix_ms()),
            request: record.request.0.to_be_bytes().to_vec(),
            key: record.key.map(|key| key.as_u128().to_be_bytes().to_vec()),
            account: record.account.map(AccountId::as_u64).map(signed),
            source: address(record.source),
            method: record.method.into(),
            route: record.route.into(),
            code: record.code.into(),
            status: record.upstream_status.map(i64::from),
            bytes_in: signed(record.bytes_in),
            bytes_out: signed(record.bytes_out),
            micros: signed(record.micros),
            orders: record.orders.clone(),
        }
    }

    /// From a row of `SPOOLED_RECORDS`.
    fn of_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            at: row.int(1)?,
            key: row.bytes_or_null(2)?,
            account: row.int_or_null(3)?,
            source: row.bytes(4)?,
            method: row.text(5)?.into(),
            route: row.text(6)?.into(),
            code: row.text(7)?.into(),
            micros: row.int(8)?,
            request: row.bytes(9)?,
            status: row.int_or_null(10)?,
            bytes_in: row.int(11)?,
            bytes_out: row.int(12)?,
            orders: row.text_or_null(13)?.map(Arc::from),
        })
    }
}

async fn insert_columns(tx: &mut PostgresTransaction, lines: &[Line]) -> Result<Numbers, StoreError> {
    let at = column(lines, |line| line.at);
    let request = column(lines, |line| line.request.as_slice());
    let key = column(lines, |line| line.key.as_deref());
    let account = column(lines, |line| line.account);
    let source = column(lines, |line| line.source.as_slice());
    let method = column(lines, |line| &*line.method);
    let route = column(lines, |line| &*line.route);
    let code = column(lines, |line| &*line.code);
    let status = column(lines, |line| line.status);
    let bytes_in = column(lines, |line| line.bytes_in);
    let bytes_out = column(lines, |line| line.bytes_out);
    let micros = column(lines, |line| line.micros);
    let orders = column(lines, |line| line.orders.as_deref());
    let columns: [Typed<'_>; 13] = [
        (&at, Type::INT8_ARRAY),
        (&request, Type::BYTEA_ARRAY),
        (&key, Type::BYTEA_ARRAY),
        (&account, Type::INT8_ARRAY),
        (&source, Type::BYTEA_ARRAY),
        (&method, Type::TEXT_ARRAY),
        (&route, Type::TEXT_ARRAY),
        (&code, Type::TEXT_ARRAY),
        (&status, Type::INT8_ARRAY),
        (&bytes_in, Type::INT8_ARRAY),
        (&bytes_out, Type::INT8_ARRAY),
        (&micros, Type::INT8_ARRAY),
        (&orders, Type::TEXT_ARRAY),
    ];
    let numbers = tx.fetch_typed(INSERT_ACTIVITIES, &columns).await?;
    let numbers = numbers.first().ok_or_else(|| StoreError::tampered("activity", "newest"))?;
    Ok((numbers.int(0)?, numbers.int(1)?))
}

/// One value of each row.
fn column<R: IntoIterator, T>(rows: R, value: impl FnMut(R::Item) -> T) -> Vec<T> {
    rows.into_iter().map(value).collect()
}

pub(super) fn address(address: IpAddr) -> Vec<u8> {
    let (bytes, length) = octets(address);
    bytes.get(..length).map(<[u8]>::to_vec).unwrap_or_default()
}

/// The address's four or sixteen bytes, and how many they are.
pub(super) fn octets(address: IpAddr) -> ([u8; 16], usize) {
    let mut bytes = [0; 16];
    let length = match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            let [first, second, third, fourth, ..] = &mut bytes;
            (*first, *second, *third, *fourth) = (a, b, c, d);
            4
        }
        IpAddr::V6(v6) => {
            bytes = v6.octets();
            16
        }
    };
    (bytes, length)
}

/// Times, ids and counts all lie below 2^63.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
