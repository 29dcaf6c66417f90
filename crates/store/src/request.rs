//! One record of the journal with all that it holds, and its neighbours.

use keyward_rules::id::{KeyId, RequestId};

use crate::activity::{Activity, RequestRow, request};
use crate::error::StoreError;
use crate::sql::{Row, Value, statements};

statements! {
    REQUEST_OF_KEY = "SELECT id, at, source, method, route, code, upstream_status, micros, orders, request, bytes_in, \
        bytes_out FROM activity WHERE id = $2 AND key_id = $1 LIMIT 1";
    /// The journal has no index by key, so only so many numbers before and behind a record are looked at.
    EARLIER_OF_KEY = "SELECT id FROM activity WHERE id < $2 AND id >= $3 AND key_id = $1 ORDER BY id DESC LIMIT 1";
    LATER_OF_KEY = "SELECT id FROM activity WHERE id > $2 AND id <= $3 AND key_id = $1 ORDER BY id LIMIT 1";
}

/// One request of a key with all that was recorded of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestDetail {
    /// What lists show of it.
    pub row: RequestRow,
    /// Its id.
    pub request: RequestId,
    /// Bytes of its body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// The number of the record of the same key before it, if it is near.
    pub earlier: Option<i64>,
    /// The number of the record of the same key after it, if it is near.
    pub later: Option<i64>,
}

impl Activity {
    /// The record of a key with this number, and its neighbours among the next `around` numbers on each side; `None` for a
    /// record of another key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn request(
        &self,
        key: KeyId,
        id: i64,
        around: u64,
    ) -> Result<Option<RequestDetail>, StoreError> {
        let bytes = key.as_u128().to_be_bytes();
        let values: Vec<Value> = vec![bytes.as_slice().into(), id.into()];
        let Some(row) = self.database.fetch_optional(REQUEST_OF_KEY, values).await? else { return Ok(None) };
        let around = i64::try_from(around).unwrap_or(i64::MAX);
        let earlier = self.neighbour(EARLIER_OF_KEY, key, (id, id.saturating_sub(around))).await?;
        let later = self.neighbour(LATER_OF_KEY, key, (id, id.saturating_add(around))).await?;
        detail(&row, earlier, later).map(Some)
    }

    async fn neighbour(
        &self,
        statement: &'static str,
        key: KeyId,
        (id, last): (i64, i64),
    ) -> Result<Option<i64>, StoreError> {
        let bytes = key.as_u128().to_be_bytes();
        let values: Vec<Value> = vec![bytes.as_slice().into(), id.into(), last.into()];
        self.database.fetch_optional(statement, values).await?.map(|row| row.int(0)).transpose()
    }
}

fn detail(row: &Row, earlier: Option<i64>, later: Option<i64>) -> Result<RequestDetail, StoreError> {
    let tampered = || StoreError::tampered("activity", "row");
    let number = |value: i64| u64::try_from(value).map_err(|_| tampered());
    let id = row.bytes(9)?.try_into().map(u128::from_be_bytes).map_err(|_| tampered())?;
    Ok(RequestDetail {
        row: request(row)?,
        request: RequestId(id),
        bytes_in: number(row.int(10)?)?,
        bytes_out: number(row.int(11)?)?,
        earlier,
        later,
    })
}
