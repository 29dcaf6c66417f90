//! Reading records for people: a holder's own, and the search of those who see all.

use keyward_rules::grant::Scope;
use keyward_rules::id::AccountId;
use keyward_rules::trail::{Entry, Sought};

use super::{CONCERNS, Log, OLDER, OLDER_OF_ACCOUNT, PAGE, STRANGERS, TRAIL, number};
use crate::error::StoreError;
use crate::sql::Row;

/// Records that one search looks at; more are found by searching on from where it stopped.
const SEARCHED: u64 = 100_000;

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
    pub sought: Sought,
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

    /// Up to `limit` records that `filter` finds, newest first, and where to search on if there may be more. Nothing
    /// but for a scope that reaches all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn search(
        &self,
        scope: Scope,
        filter: &AuditFilter,
        limit: usize,
    ) -> Result<(Vec<AuditRecord>, Option<u64>), StoreError> {
        let mut found = Vec::new();
        if scope != Scope::All {
            return Ok((found, None));
        }
        let (mut before, mut searched) = (below(filter.before), 0);
        while searched < SEARCHED {
            let rows = self.older(filter.account, before).await?;
            if rows.is_empty() {
                return Ok((found, None));
            }
            for row in rows {
                if found.len() == limit {
                    return Ok((found, Some(before)));
                }
                before = row.n;
                searched += 1;
                if Entry::read(&row.record).is_some_and(|entry| filter.sought.matches(&entry)) {
                    found.push(row);
                }
            }
        }
        Ok((found, Some(before)))
    }

    async fn older(&self, account: Option<AccountId>, before: u64) -> Result<Vec<AuditRecord>, StoreError> {
        let values = |sql, mut values: Vec<_>| {
            values.extend(account.map(|account| account.as_u64().into()));
            self.database.fetch_all(sql, values)
        };
        let sql = if account.is_some() { OLDER_OF_ACCOUNT } else { OLDER };
        values(sql, vec![before.into(), PAGE.into()]).await?.iter().map(of_row).collect()
    }
}

/// A number above all, unless there is one.
fn below(before: Option<u64>) -> u64 {
    before.unwrap_or(i64::MAX.cast_unsigned())
}
