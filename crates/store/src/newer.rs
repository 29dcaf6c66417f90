//! What was recorded since somebody last looked: of one key, or of all keys of an account.
//!
//! It goes by the numbers of the records, because what took long is recorded after what came later. With several gateways on
//! PostgreSQL a record that commits long after it was numbered may be left out; a search finds it. A filter by orders looks
//! through the same numbers as any other.

use keyward_rules::id::{AccountId, KeyId};

use crate::activity::{Activity, RequestFilter, RequestRow, request};
use crate::charts::statements::NEWEST_RECORD;
use crate::error::StoreError;
use crate::search::Bounds;
use crate::sql::{Row, Value, statements};

statements! {
    NEWER_OF_KEY = "SELECT id, at, source, method, route, code, upstream_status, micros, orders FROM activity \
        WHERE id > $2 AND id <= $3 AND at >= $4 AND at < $5 AND key_id = $1 \
        AND ($6 = '' OR code = $6 OR ($6 = 'refused' AND code <> '0')) \
        AND ($7 = '' OR LOWER(route) LIKE $7 ESCAPE '!') AND ($8 = 0 OR source = $9) \
        AND ($10 = '' OR orders LIKE $10) AND ($11 = '' OR orders LIKE $11) AND ($12 = '' OR orders LIKE $12) \
        ORDER BY id DESC LIMIT $13";
    /// A record has its account once its signature was verified, so what strangers send counts for no account.
    NEWER_OF_ACCOUNT = "SELECT id, at, source, method, route, code, upstream_status, micros, orders, key_id FROM activity \
        WHERE id > $2 AND id <= $3 AND at >= $4 AND at < $5 AND account = $1 AND key_id IS NOT NULL \
        AND ($6 = '' OR code = $6 OR ($6 = 'refused' AND code <> '0')) \
        AND ($7 = '' OR LOWER(route) LIKE $7 ESCAPE '!') AND ($8 = 0 OR source = $9) \
        AND ($10 = '' OR orders LIKE $10) AND ($11 = '' OR orders LIKE $11) AND ($12 = '' OR orders LIKE $12) \
        ORDER BY id DESC LIMIT $13";
}

/// What was recorded since somebody last looked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Newer<R> {
    /// The newest of it, newest first.
    pub rows: Vec<R>,
    /// The number to look on from.
    pub upto: i64,
    /// Whether there may have been more than was looked at or fits.
    pub left_out: bool,
}

/// One request of one of an account's keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountRequestRow {
    /// Which key.
    pub key: KeyId,
    /// The request.
    pub row: RequestRow,
}

/// How a row is read, and where the request is in what was read.
type Parts<R> = (fn(&Row) -> Result<R, StoreError>, fn(&R) -> &RequestRow);

impl Activity {
    /// What was recorded of a key after the record with number `after`, and fits: the newest of it, newest first, within
    /// `bounds`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newer(
        &self,
        key: KeyId,
        filter: &RequestFilter,
        after: i64,
        bounds: Bounds,
    ) -> Result<Newer<RequestRow>, StoreError> {
        let id = key.as_u128().to_be_bytes();
        let subject = (NEWER_OF_KEY, id.as_slice().into());
        let parts: Parts<RequestRow> = (request, |row| row);
        self.recorded_after(subject, filter, (after, bounds), parts).await
    }

    /// The same of all keys of an account; only requests whose signature was verified.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newer_of_account(
        &self,
        account: AccountId,
        filter: &RequestFilter,
        after: i64,
        bounds: Bounds,
    ) -> Result<Newer<AccountRequestRow>, StoreError> {
        let subject = (NEWER_OF_ACCOUNT, account.as_u64().into());
        let parts: Parts<AccountRequestRow> = (request_of_account, |one| &one.row);
        self.recorded_after(subject, filter, (after, bounds), parts).await
    }

    /// The number of the newest record of any key, for [`Self::newer`]; 0 without one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_record(&self) -> Result<i64, StoreError> {
        self.database.fetch_optional(NEWEST_RECORD, vec![]).await?.map_or(Ok(0), |row| row.int(0))
    }

    async fn recorded_after<R>(
        &self,
        (statement, subject): (&'static str, Value),
        filter: &RequestFilter,
        (after, bounds): (i64, Bounds),
        (read, request_of): Parts<R>,
    ) -> Result<Newer<R>, StoreError> {
        let upto = self.newest_record().await?;
        let most = i64::try_from(bounds.looked_through).unwrap_or(i64::MAX);
        let since = after.max(upto.saturating_sub(most));
        // One more than is wanted, to tell whether there were more.
        let wanted = bounds.rows.saturating_add(1);
        let (mut fitting, mut last) = (Vec::new(), upto);
        loop {
            let together = filter.rows_together(wanted.saturating_sub(fitting.len()));
            let mut values: Vec<Value> = vec![subject.clone(), since.into(), last.into()];
            values.extend([filter.from.unix_ms().into(), filter.until.unix_ms().into()]);
            values.extend(filter.values());
            values.push(i64::try_from(together).unwrap_or(i64::MAX).into());
            let rows = self.database.fetch_all(statement, values).await?;
            for row in &rows {
                let one = read(row)?;
                if fitting.len() < wanted && filter.fits(request_of(&one)) {
                    fitting.push(one);
                }
            }
            match rows.last().filter(|_| rows.len() >= together && fitting.len() < wanted) {
                Some(oldest) => last = oldest.int(0)?.saturating_sub(1),
                None => break,
            }
        }
        let left_out = since > after || fitting.len() > bounds.rows;
        fitting.truncate(bounds.rows);
        Ok(Newer { rows: fitting, upto, left_out })
    }
}

fn request_of_account(row: &Row) -> Result<AccountRequestRow, StoreError> {
    let tampered = || StoreError::tampered("activity", "row");
    let key = row.bytes(9)?.try_into().map(u128::from_be_bytes).map_err(|_| tampered())?;
    Ok(AccountRequestRow { key: KeyId::from_u128(key).ok_or_else(tampered)?, row: request(row)? })
}
