//! What the journal says of a key: counts for its chart, and its newest requests.

use std::net::IpAddr;

use keyward_rules::id::KeyId;
use keyward_rules::time::Moment;

use crate::error::StoreError;
use crate::journal::QUARTER_MS;
use crate::sql::{Database, Row, statements};

statements! {
    QUARTERS_OF_KEY = "SELECT quarter, passed, refused FROM quarters WHERE key_id = $1 AND quarter >= $2 ORDER BY quarter";
    SOURCES_OF_KEY = "SELECT source, seen_at FROM sources WHERE key_id = $1 ORDER BY seen_at DESC LIMIT $2";
    /// By time, because the journal has no index by key; the bound on time keeps the walk short.
    REQUESTS_OF_KEY = "SELECT at, source, method, route, code, upstream_status, micros FROM activity \
        WHERE at >= $2 AND key_id = $1 ORDER BY at DESC LIMIT $3";
}

/// One quarter of an hour of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quarter {
    /// When it began.
    pub at: Moment,
    /// Requests that passed every check.
    pub passed: u64,
    /// Requests with the right signature that were refused.
    pub refused: u64,
}

/// One request of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestRow {
    /// When.
    pub at: Moment,
    /// From which address.
    pub source: IpAddr,
    /// Its method.
    pub method: String,
    /// Its route.
    pub route: String,
    /// `0`, or the code of the refusal.
    pub code: String,
    /// What the exchange answered.
    pub upstream_status: Option<i64>,
    /// Microseconds to the answer's head.
    pub micros: u64,
}

/// The capability to read the journal for people; who may see which key is decided before.
#[derive(Clone)]
pub struct Activity {
    pub(crate) database: Database,
}

impl Activity {
    /// The counts of a key since `since`; quarters without requests are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn quarters(&self, key: KeyId, since: Moment) -> Result<Vec<Quarter>, StoreError> {
        let id = key.as_u128().to_be_bytes();
        let values = vec![id.as_slice().into(), (since.unix_ms() / QUARTER_MS).into()];
        let rows = self.database.fetch_all(QUARTERS_OF_KEY, values).await?;
        let count = |value: i64| u64::try_from(value).unwrap_or(0);
        rows.iter()
            .map(|row| {
                Ok(Quarter {
                    at: Moment::from_unix_ms(count(row.int(0)?).saturating_mul(QUARTER_MS)),
                    passed: count(row.int(1)?),
                    refused: count(row.int(2)?),
                })
            })
            .collect()
    }

    /// From which addresses a key was used and when last, freshest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sources(&self, key: KeyId, limit: u64) -> Result<Vec<(IpAddr, Moment)>, StoreError> {
        let id = key.as_u128().to_be_bytes();
        let rows = self.database.fetch_all(SOURCES_OF_KEY, vec![id.as_slice().into(), limit.into()]).await?;
        let moment = |value: i64| Moment::from_unix_ms(u64::try_from(value).unwrap_or(0));
        rows.iter().map(|row| Ok((address(&row.bytes(0)?)?, moment(row.int(1)?)))).collect()
    }

    /// The newest requests of a key since `since`, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn requests(
        &self,
        key: KeyId,
        since: Moment,
        limit: u64,
    ) -> Result<Vec<RequestRow>, StoreError> {
        let id = key.as_u128().to_be_bytes();
        let values = vec![id.as_slice().into(), since.unix_ms().into(), limit.into()];
        let rows = self.database.fetch_all(REQUESTS_OF_KEY, values).await?;
        rows.iter().map(request).collect()
    }
}

/// The address in a column.
fn address(bytes: &[u8]) -> Result<IpAddr, StoreError> {
    match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
        (Ok(v4), _) => Ok(IpAddr::from(v4)),
        (_, Ok(v6)) => Ok(IpAddr::from(v6)),
        (Err(_), Err(_)) => Err(StoreError::tampered("activity", "row")),
    }
}

fn request(row: &Row) -> Result<RequestRow, StoreError> {
    let tampered = || StoreError::tampered("activity", "row");
    let source = address(&row.bytes(1)?)?;
    let number = |value: i64| u64::try_from(value).map_err(|_| tampered());
    Ok(RequestRow {
        at: Moment::from_unix_ms(number(row.int(0)?)?),
        source,
        method: row.text(2)?,
        route: row.text(3)?,
        code: row.text(4)?,
        upstream_status: row.int_or_null(5)?,
        micros: number(row.int(6)?)?,
    })
}
