//! Reading records for people: a holder's own, and the search of those who see all.

use std::collections::BTreeSet;

use keyward_rules::grant::Scope;
use keyward_rules::id::AccountId;
use keyward_rules::trail::{Entry, RecordFilter};

use super::{CONCERNS, Log, OLDER, OLDER_OF_ACCOUNT, PAGE, SHARED, STRANGERS, TRAIL, number};
use crate::error::StoreError;
use crate::search::{Bounds, Found};
use crate::sql::Row;

/// A record with its number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditRecord {
    /// Its number, from 1.
    pub n: u64,
    /// Its canonical bytes.
    pub record: String,
}

/// Whether a record concerns an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Concern {
    /// Not at all.
    Not,
    /// It, and nobody but its master and sub-accounts.
    Own,
    /// Strangers as well: what a duty did for many at once. Only that it happened may be shown.
    Shared,
}

/// What is looked for among all records.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditFilter {
    /// In the record.
    pub sought: RecordFilter,
    /// Only records that concern this account.
    pub account: Option<AccountId>,
    /// Only records with smaller numbers.
    pub before: Option<u64>,
}

fn of_row(row: &Row) -> Result<AuditRecord, StoreError> {
    Ok(AuditRecord { n: number(row.int(0)?, "audit record")?, record: row.text(1)? })
}

impl Log {
    /// Up to `limit` records that concern an account in `scope`, before number `before`, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn trail(
        &self,
        scope: Scope,
        account: AccountId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        if !scope.reaches(account) {
            return Ok(Vec::new());
        }
        let limit = u64::try_from(limit).unwrap_or(0);
        let values = vec![account.as_u64().into(), below(before).into(), limit.into()];
        self.database.fetch_all(TRAIL, values).await?.iter().map(of_row).collect()
    }

    /// Whether record `n` concerns an account in `scope`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn concern(&self, scope: Scope, account: AccountId, n: u64) -> Result<Concern, StoreError> {
        let values = || vec![account.as_u64().into(), n.into()];
        if !scope.reaches(account) || self.database.fetch_optional(CONCERNS, values()).await?.is_none() {
            return Ok(Concern::Not);
        }
        let row = self.database.fetch_optional(STRANGERS, values()).await?;
        let strangers = row.map_or(Ok(0), |row| row.int(0))?;
        Ok(if strangers == 0 { Concern::Own } else { Concern::Shared })
    }

    /// Which of the records that concern an account in `scope`, from number `from` to before number `before`, concern
    /// strangers as well: one question for a page of [`Self::trail`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn shared(
        &self,
        scope: Scope,
        account: AccountId,
        from: u64,
        before: Option<u64>,
    ) -> Result<BTreeSet<u64>, StoreError> {
        if !scope.reaches(account) {
            return Ok(BTreeSet::new());
        }
        let values = vec![account.as_u64().into(), from.into(), below(before).into()];
        let rows = self.database.fetch_all(SHARED, values).await?;
        rows.iter().map(|row| number(row.int(0)?, "audit record")).collect()
    }

    /// Records that `filter` finds, newest first, within `bounds`, and where to search on if there may be more. Nothing
    /// but for a scope that reaches all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn search(
        &self,
        scope: Scope,
        filter: &AuditFilter,
        bounds: Bounds,
    ) -> Result<Found<AuditRecord, u64>, StoreError> {
        let mut found = Found { rows: Vec::new(), next: None, looked_through: 0 };
        if scope != Scope::All {
            return Ok(found);
        }
        let (needle, mut before) = (filter.sought.needle(), below(filter.before));
        loop {
            let left = bounds.looked_through.saturating_sub(found.looked_through);
            let over = left == 0 || found.rows.len() >= bounds.rows;
            // When it is over, one record tells whether there are more.
            let rows = self.older(filter.account, before, if over { 1 } else { left.min(PAGE) }).await?;
            if rows.is_empty() {
                return Ok(found);
            }
            if over {
                return Ok(Found { next: Some(before), ..found });
            }
            for row in rows {
                if found.rows.len() >= bounds.rows {
                    break;
                }
                before = row.n;
                found.looked_through += 1;
                if Entry::read(&row.record).is_some_and(|entry| needle.matches(&entry)) {
                    found.rows.push(row);
                }
            }
        }
    }

    async fn older(
        &self,
        account: Option<AccountId>,
        before: u64,
        size: u64,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let mut values = vec![before.into(), size.into()];
        values.extend(account.map(|account| account.as_u64().into()));
        let sql = if account.is_some() { OLDER_OF_ACCOUNT } else { OLDER };
        self.database.fetch_all(sql, values).await?.iter().map(of_row).collect()
    }
}

/// A number above all, unless there is one.
fn below(before: Option<u64>) -> u64 {
    before.unwrap_or(i64::MAX.cast_unsigned())
}
