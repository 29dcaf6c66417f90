//! Adding counts to those that the store has: on SQLite row by row in one go, on PostgreSQL a statement for each table whose
//! parameters are columns.

use std::net::IpAddr;

use rusqlite::{Connection, params};
use tokio_postgres::types::Type;

use super::journal::{address, octets, signed};
use crate::charts::gathered::{Place, Quarter, Slice};
use crate::charts::statements::{COUNT_QUARTER, SEE_SOURCE, SET_TALLIES, TALLIES_OF};
use crate::charts::tallies::Tallies;
use crate::error::StoreError;
use crate::sql::postgres::{Transaction as PostgresTransaction, Typed};
use crate::sql::statement::Prepared;
use crate::sql::{DatabaseError, Transact};

/// [`TALLIES_OF`] for many.
const ALL_TALLIES_OF: &str = "SELECT charts.span, charts.at, charts.subject, charts.counts FROM UNNEST($1, $2, $3) \
    AS wanted (span, at, subject) JOIN charts USING (span, at, subject)";
/// [`SET_TALLIES`] for many.
const SET_ALL_TALLIES: &str = "INSERT INTO charts (span, at, subject, counts) SELECT * FROM UNNEST($1, $2, $3, $4) \
    ON CONFLICT (span, at, subject) DO UPDATE SET counts = excluded.counts";
/// [`COUNT_QUARTER`] for many, each of another key or quarter.
const COUNT_QUARTERS: &str = "INSERT INTO quarters (key_id, quarter, passed, refused) \
    SELECT * FROM UNNEST($1, $2, $3, $4) \
    ON CONFLICT (key_id, quarter) DO UPDATE SET passed = quarters.passed + excluded.passed, \
    refused = quarters.refused + excluded.refused";
/// [`SEE_SOURCE`] for many, each of another key or address.
const SEE_SOURCES: &str = "INSERT INTO sources (key_id, source, seen_at) SELECT * FROM UNNEST($1, $2, $3) \
    ON CONFLICT (key_id, source) DO UPDATE SET seen_at = excluded.seen_at WHERE sources.seen_at < excluded.seen_at";

/// Adds a slice.
///
/// # Errors
/// [`StoreError`]; then the transaction is over.
pub(crate) async fn add(tx: &mut Transact, slice: &Slice<'_>) -> Result<(), StoreError> {
    match (tx, slice) {
        (Transact::Sqlite(tx), Slice::Pieces(pieces)) => {
            let pieces = pieces.to_vec();
            Ok(tx.run(move |connection| add_pieces(connection, &pieces)).await?)
        }
        (Transact::Sqlite(tx), Slice::Quarters(quarters)) => {
            let quarters = quarters.to_vec();
            Ok(tx.run(move |connection| add_quarters(connection, &quarters)).await?)
        }
        (Transact::Sqlite(tx), Slice::Sources(sources)) => {
            let sources = sources.to_vec();
            Ok(tx.run(move |connection| add_sources(connection, &sources)).await?)
        }
        (Transact::Postgres(tx), Slice::Pieces(pieces)) => add_piece_columns(tx, pieces).await,
        (Transact::Postgres(tx), Slice::Quarters(quarters)) => add_quarter_columns(tx, quarters).await,
        (Transact::Postgres(tx), Slice::Sources(sources)) => add_source_columns(tx, sources).await,
    }
}

fn add_pieces(connection: &Connection, pieces: &[(Place, Tallies)]) -> Result<(), DatabaseError> {
    let mut known = Prepared::new(connection, TALLIES_OF)?;
    let mut set = Prepared::new(connection, SET_TALLIES)?;
    for ((span, at, subject), added) in pieces {
        let (span, at) = (signed(*span), signed(*at));
        let mut rows = known.query(params![span, at, subject])?;
        // Counts that cannot be read any more begin anew: a chart is not worth stopping for.
        let sum = match rows.next()? {
            Some(row) => Tallies::read(&row.get::<_, String>(0)?).unwrap_or_default(),
            None => Tallies::default(),
        };
        drop(rows);
        set.execute(params![span, at, subject, with(sum, added).text()])?;
    }
    Ok(())
}

fn with(mut sum: Tallies, added: &Tallies) -> Tallies {
    sum.add_all(added);
    sum
}

fn add_quarters(connection: &Connection, quarters: &[Quarter]) -> Result<(), DatabaseError> {
    let mut statement = Prepared::new(connection, COUNT_QUARTER)?;
    for ((key, quarter), (passed, refused)) in quarters {
        let values = params![key.to_be_bytes(), signed(*quarter), signed(*passed), signed(*refused)];
        statement.execute(values)?;
    }
    Ok(())
}

fn add_sources(connection: &Connection, sources: &[((u128, IpAddr), u64)]) -> Result<(), DatabaseError> {
    let mut statement = Prepared::new(connection, SEE_SOURCE)?;
    for ((key, source), at) in sources {
        let (source, length) = octets(*source);
        statement.execute(params![key.to_be_bytes(), source.get(..length), signed(*at)])?;
    }
    Ok(())
}

async fn add_piece_columns(
    tx: &mut PostgresTransaction,
    pieces: &[(Place, Tallies)],
) -> Result<(), StoreError> {
    let span: Vec<i64> = pieces.iter().map(|((span, _, _), _)| signed(*span)).collect();
    let at: Vec<i64> = pieces.iter().map(|((_, at, _), _)| signed(*at)).collect();
    let subject: Vec<Vec<u8>> = pieces.iter().map(|((_, _, subject), _)| subject.to_vec()).collect();
    let places: [Typed<'_>; 3] =
        [(&span, Type::INT8_ARRAY), (&at, Type::INT8_ARRAY), (&subject, Type::BYTEA_ARRAY)];
    let mut known = std::collections::HashMap::new();
    for row in tx.fetch_typed(ALL_TALLIES_OF, &places).await? {
        let tallies = Tallies::read(&row.text(3)?).unwrap_or_default();
        known.insert((row.int(0)?, row.int(1)?, row.bytes(2)?), tallies);
    }
    let counts: Vec<String> = pieces
        .iter()
        .map(|((span, at, subject), added)| {
            let place = (signed(*span), signed(*at), subject.to_vec());
            with(known.remove(&place).unwrap_or_default(), added).text()
        })
        .collect();
    let [span, at, subject] = places;
    tx.execute_typed(SET_ALL_TALLIES, &[span, at, subject, (&counts, Type::TEXT_ARRAY)]).await?;
    Ok(())
}

async fn add_quarter_columns(tx: &mut PostgresTransaction, quarters: &[Quarter]) -> Result<(), StoreError> {
    let key: Vec<Vec<u8>> = quarters.iter().map(|((key, _), _)| key.to_be_bytes().to_vec()).collect();
    let quarter: Vec<i64> = quarters.iter().map(|((_, quarter), _)| signed(*quarter)).collect();
    let passed: Vec<i64> = quarters.iter().map(|(_, (passed, _))| signed(*passed)).collect();
    let refused: Vec<i64> = quarters.iter().map(|(_, (_, refused))| signed(*refused)).collect();
    let columns: [Typed<'_>; 4] = [
        (&key, Type::BYTEA_ARRAY),
        (&quarter, Type::INT8_ARRAY),
        (&passed, Type::INT8_ARRAY),
        (&refused, Type::INT8_ARRAY),
    ];
    tx.execute_typed(COUNT_QUARTERS, &columns).await?;
    Ok(())
}

async fn add_source_columns(
    tx: &mut PostgresTransaction,
    sources: &[((u128, IpAddr), u64)],
) -> Result<(), StoreError> {
    let key: Vec<Vec<u8>> = sources.iter().map(|((key, _), _)| key.to_be_bytes().to_vec()).collect();
    let source: Vec<Vec<u8>> = sources.iter().map(|((_, source), _)| address(*source)).collect();
    let at: Vec<i64> = sources.iter().map(|(_, at)| signed(*at)).collect();
    let columns: [Typed<'_>; 3] =
        [(&key, Type::BYTEA_ARRAY), (&source, Type::BYTEA_ARRAY), (&at, Type::INT8_ARRAY)];
    tx.execute_typed(SEE_SOURCES, &columns).await?;
    Ok(())
}
