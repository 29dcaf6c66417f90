//! The journal's appenders: prepared statements on a connection of their own for SQLite, COPY for PostgreSQL.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use keyward_rules::id::AccountId;
use keyward_rules::time::Moment;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use sqlx::postgres::PgPool;

use super::numbered;
use crate::error::StoreError;
use crate::journal::{
    COUNT_QUARTER, INSERT_ACTIVITY, INSERT_INTENT, INSERT_MARK, Intent, Outcome, OutcomeStatus, QUARTER_MS,
    Record, SEE_SOURCE, SET_MARKS_SAVED, SETTLE_INTENT, SavedMark, intent_values, outcome_values,
};
use crate::sql::Transact;

/// The columns of [`INSERT_ACTIVITY`], for COPY.
const COPY_ACTIVITY: &str = "COPY activity (at, request, key_id, account, source, method, route, code, \
    upstream_status, bytes_in, bytes_out, micros) FROM STDIN";
/// How long a commit waits for another connection's.
const BUSY: Duration = Duration::from_secs(10);

/// What one commit takes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Batch<'b> {
    pub(crate) intents: &'b [Intent],
    pub(crate) outcomes: &'b [Outcome],
    pub(crate) records: &'b [Record],
}

/// Opens the appender's connection to a journal file that is there and migrated.
pub(crate) fn open(file: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // A checkpoint copies every page once more; a longer log makes that rarer for pages that change often.
    connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    Ok(connection)
}

/// Commits a batch to SQLite.
pub(crate) fn append_sqlite(connection: &mut Connection, batch: Batch<'_>) -> Result<(), StoreError> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    insert_intents(&tx, batch.intents)?;
    settle(&tx, batch.outcomes)?;
    insert_records(&tx, batch.records)?;
    count(&tx, batch.records)?;
    Ok(tx.commit()?)
}

fn insert_intents(tx: &Transaction<'_>, intents: &[Intent]) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(&numbered(INSERT_INTENT))?;
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

fn settle(tx: &Transaction<'_>, outcomes: &[Outcome]) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(&numbered(SETTLE_INTENT))?;
    for outcome in outcomes {
        let (word, status) = outcome.status.columns();
        let at = signed(outcome.at.unix_ms());
        statement.execute(params![outcome.request.to_string(), word, status, at])?;
    }
    Ok(())
}

fn insert_records(tx: &Transaction<'_>, records: &[Record]) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(&numbered(INSERT_ACTIVITY))?;
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
        ])?;
    }
    Ok(())
}

/// What charts and rotations go by.
fn count(tx: &Transaction<'_>, records: &[Record]) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(&numbered(COUNT_QUARTER))?;
    for ((key, quarter), (passed, refused)) in quarters(records) {
        statement.execute(params![key.to_be_bytes(), signed(quarter), signed(passed), signed(refused)])?;
    }
    let mut statement = tx.prepare_cached(&numbered(SEE_SOURCE))?;
    for ((key, source), at) in sources(records) {
        let (source, length) = octets(source);
        statement.execute(params![key.to_be_bytes(), source.get(..length), signed(at)])?;
    }
    Ok(())
}

/// Commits a batch to PostgreSQL.
pub(crate) async fn append_postgres(pool: &PgPool, batch: Batch<'_>) -> Result<(), StoreError> {
    let mut tx = Transact::Postgres(pool.begin().await?);
    for intent in batch.intents {
        tx.execute(INSERT_INTENT, intent_values(intent)).await?;
    }
    for outcome in batch.outcomes {
        tx.execute(SETTLE_INTENT, outcome_values(outcome)).await?;
    }
    if let Transact::Postgres(tx) = &mut tx
        && !batch.records.is_empty()
    {
        let mut copy = tx.copy_in_raw(COPY_ACTIVITY).await?;
        copy.send(copy_lines(batch.records).as_bytes()).await?;
        copy.finish().await?;
    }
    for ((key, quarter), (passed, refused)) in quarters(batch.records) {
        let key = key.to_be_bytes();
        let values = vec![key.as_slice().into(), quarter.into(), passed.into(), refused.into()];
        tx.execute(COUNT_QUARTER, values).await?;
    }
    for ((key, source), at) in sources(batch.records) {
        let (source, length) = octets(source);
        let (key, source) = (key.to_be_bytes(), source.get(..length).unwrap_or_default());
        tx.execute(SEE_SOURCE, vec![key.as_slice().into(), source.into(), at.into()]).await?;
    }
    tx.commit().await
}

/// Requests that passed and were refused, by key and quarter of an hour. Only requests whose signature was right
/// count: a stranger who knows a key's public id writes nothing into its chart. In the order of the keys, so that
/// two nodes never wait for one another.
fn quarters(records: &[Record]) -> BTreeMap<(u128, u64), (u64, u64)> {
    let mut counts = BTreeMap::new();
    for record in records {
        if let (Some(key), Some(_)) = (record.key, record.account) {
            let place = (key.as_u128(), record.at.unix_ms() / QUARTER_MS);
            let (passed, refused): &mut (u64, u64) = counts.entry(place).or_default();
            if record.code == "0" { *passed += 1 } else { *refused += 1 }
        }
    }
    counts
}

/// From which addresses keys were used, and when last: requests that passed, because a refused one uses nothing.
fn sources(records: &[Record]) -> BTreeMap<(u128, IpAddr), u64> {
    let mut seen = BTreeMap::new();
    for record in records {
        if let (Some(key), Some(_), "0") = (record.key, record.account, record.code) {
            let at = record.at.unix_ms();
            seen.entry((key.as_u128(), record.source))
                .and_modify(|last: &mut u64| *last = at.max(*last))
                .or_insert(at);
        }
    }
    seen
}

/// Saves a node's marks in SQLite.
pub(crate) fn save_marks_sqlite(
    connection: &mut Connection,
    (node, now): (&str, Moment),
    marks: &[SavedMark],
) -> Result<(), StoreError> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for mark in marks {
        let mut statement = tx.prepare_cached(&numbered(INSERT_MARK))?;
        let key = mark.key.as_u128().to_be_bytes();
        statement.execute(params![node, key, mark.fingerprint.cast_signed(), signed(mark.second)])?;
    }
    tx.execute(&numbered(SET_MARKS_SAVED), params![node, signed(now.unix_ms())])?;
    Ok(tx.commit()?)
}

/// Saves a node's marks in PostgreSQL.
pub(crate) async fn save_marks_postgres(
    pool: &PgPool,
    (node, now): (&str, Moment),
    marks: &[SavedMark],
) -> Result<(), StoreError> {
    let mut tx = Transact::Postgres(pool.begin().await?);
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
    tx.execute(SET_MARKS_SAVED, vec![node.into(), now.unix_ms().into()]).await?;
    tx.commit().await
}

/// COPY's text form. No field can hold a tab, a line feed or a backslash: they are numbers, hexadecimal digits
/// and words of our own.
fn copy_lines(records: &[Record]) -> String {
    let mut lines = String::with_capacity(records.len() * 192);
    for record in records {
        // Writing to a text cannot fail.
        let _ = write_line(&mut lines, record);
    }
    lines
}

fn write_line(lines: &mut String, record: &Record) -> std::fmt::Result {
    write!(lines, "{}\t\\\\x{:032x}\t", record.at.unix_ms(), record.request.0)?;
    match record.key {
        Some(key) => write!(lines, "\\\\x{:032x}\t", key.as_u128())?,
        None => lines.push_str("\\N\t"),
    }
    match record.account {
        Some(account) => write!(lines, "{}\t", account.as_u64())?,
        None => lines.push_str("\\N\t"),
    }
    match record.source {
        IpAddr::V4(v4) => write!(lines, "\\\\x{:08x}\t", v4.to_bits())?,
        IpAddr::V6(v6) => write!(lines, "\\\\x{:032x}\t", v6.to_bits())?,
    }
    write!(lines, "{}\t{}\t{}\t", record.method, record.route, record.code)?;
    match record.upstream_status {
        Some(status) => write!(lines, "{status}\t")?,
        None => lines.push_str("\\N\t"),
    }
    writeln!(lines, "{}\t{}\t{}", record.bytes_in, record.bytes_out, record.micros)
}

/// The address's four or sixteen bytes, and how many they are.
fn octets(address: IpAddr) -> ([u8; 16], usize) {
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
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl OutcomeStatus {
    /// The words of `intents.outcome`, and the exchange's status beside `answered`.
    pub(crate) fn columns(self) -> (&'static str, Option<u16>) {
        match self {
            Self::Answered(status) => ("answered", Some(status)),
            Self::NotSent => ("not_sent", None),
            Self::Unknown => ("unknown", None),
        }
    }
}
