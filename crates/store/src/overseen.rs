//! What operators and auditors look up: accounts and keys by a part of their names, and how much there is.

use keyward_rules::grant::Scope;
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::time::Moment;

use crate::accounts::AccountRecord;
use crate::error::StoreError;
use crate::keys::{KeyRecord, RawKey};
use crate::log::rows;
use crate::outbox;
use crate::proposals;
use crate::reader::Reader;
use crate::sql::{Row, statements};
use crate::writer::Tx;

statements! {
    /// The text is a literal: its `%`, `_` and `\` are escaped before.
    SEARCH_ACCOUNTS = "SELECT a.id, a.email, a.master, a.sub_name, a.created_at, a.frozen_at, p.registered_at, \
        CAST(CASE WHEN p.totp IS NULL AND NOT EXISTS (SELECT 1 FROM passkeys k WHERE k.account = a.id) THEN 0 ELSE 1 END AS BIGINT), (SELECT COUNT(*) FROM keys k WHERE k.account = a.id AND k.state IN \
        ('active', 'disabled')) FROM accounts a LEFT JOIN people p ON p.account = a.id \
        WHERE (a.email LIKE $1 ESCAPE '!' OR LOWER(a.sub_name) LIKE $1 ESCAPE '!' OR a.id = $2) AND a.id > $3 \
        ORDER BY a.id LIMIT $4";
    FROZEN_ACCOUNTS = "SELECT a.id, a.email, a.master, a.sub_name, a.created_at, a.frozen_at, p.registered_at, \
        CAST(CASE WHEN p.totp IS NULL AND NOT EXISTS (SELECT 1 FROM passkeys k WHERE k.account = a.id) THEN 0 ELSE 1 END AS BIGINT), (SELECT COUNT(*) FROM keys k WHERE k.account = a.id AND k.state IN \
        ('active', 'disabled')) FROM accounts a LEFT JOIN people p ON p.account = a.id \
        WHERE a.frozen_at IS NOT NULL ORDER BY a.frozen_at, a.id LIMIT $1";
    SEARCH_KEYS = "SELECT id, account, master, name, permissions, binding, environment, state, holds, ended_at, \
        expires_at, passphrase, version, data_key, seal, created_at, changed_at, used_at, used_from, rate_cap, fences, new_device_until \
        FROM keys LEFT JOIN uses ON uses.key_id = keys.id WHERE (LOWER(name) LIKE $1 ESCAPE '!' OR id LIKE $1 ESCAPE '!') AND id > $2 ORDER BY id LIMIT $3";
    COUNT_ACCOUNTS = "SELECT COUNT(*) FROM accounts";
    COUNT_KEYS = "SELECT state, COUNT(*) FROM keys GROUP BY state ORDER BY state";
    COUNT_EVENTS = "SELECT audit FROM head WHERE id = 1";
    FROZEN_SINCE = "SELECT frozen_at FROM accounts WHERE id = $1";
    SET_FROZEN = "UPDATE accounts SET frozen_at = $2 WHERE id = $1";
}

/// An account as those who oversee see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Overseen {
    /// The account.
    pub account: AccountRecord,
    /// Since when it is frozen.
    pub frozen_at: Option<Moment>,
    /// When a person took it.
    pub registered_at: Option<Moment>,
    /// Whether that person has a second factor.
    pub two_factor: bool,
    /// Living keys.
    pub keys: i64,
}

/// How much there is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Accounts, sub-accounts included.
    pub accounts: i64,
    /// Keys by state.
    pub keys: Vec<(String, i64)>,
    /// Audit records.
    pub events: i64,
    /// Open proposals.
    pub proposals: i64,
    /// Mails by state.
    pub mails: Vec<(String, i64)>,
}

/// A pattern that finds `text` anywhere, every character of it taken literally.
pub(crate) fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '!') {
            // Not a backslash: whether it means itself in SQL is a setting of the database.
            pattern.push('!');
        }
        // PostgreSQL takes no NUL in a text, and no name has one.
        pattern.push(if letter == '\0' { char::REPLACEMENT_CHARACTER } else { letter });
    }
    pattern.push('%');
    pattern
}

fn moment(value: Option<i64>) -> Option<Moment> {
    value.and_then(|value| u64::try_from(value).ok()).map(Moment::from_unix_ms)
}

fn overseen(row: &Row) -> Result<Overseen, StoreError> {
    Ok(Overseen {
        account: AccountRecord::from_row(row)?,
        frozen_at: moment(row.int_or_null(5)?),
        registered_at: moment(row.int_or_null(6)?),
        two_factor: row.int(7)? == 1,
        keys: row.int(8)?,
    })
}

impl Reader {
    /// Accounts whose e-mail address or name contains `text`, or whose id it is, after `after`; at most `limit`.
    /// Nothing unless `scope` is everybody's.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn search_accounts(
        &self,
        scope: Scope,
        text: &str,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<Overseen>, StoreError> {
        if scope != Scope::All {
            return Ok(Vec::new());
        }
        let id = text.parse::<AccountId>().map_or(0, AccountId::as_u64);
        let after = after.map_or(0, AccountId::as_u64);
        let limit = i64::try_from(limit).unwrap_or(0);
        let values = vec![containing(text).into(), id.into(), after.into(), limit.into()];
        let rows = self.database.fetch_all(SEARCH_ACCOUNTS, values).await?;
        rows.iter().map(overseen).collect()
    }

    /// Frozen accounts, the one that was frozen first at the front; at most `limit`. Nothing unless `scope` is everybody's.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn frozen_accounts(&self, scope: Scope, limit: usize) -> Result<Vec<Overseen>, StoreError> {
        if scope != Scope::All {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(limit).unwrap_or(0);
        let rows = self.database.fetch_all(FROZEN_ACCOUNTS, vec![limit.into()]).await?;
        rows.iter().map(overseen).collect()
    }

    /// Keys whose name or id contains `text`, after `after`; at most `limit`. An altered row stands in the answer as
    /// its error. Nothing unless `scope` is everybody's.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn search_keys(
        &self,
        scope: Scope,
        text: &str,
        after: Option<KeyId>,
        limit: usize,
    ) -> Result<Vec<Result<KeyRecord, StoreError>>, StoreError> {
        if scope != Scope::All {
            return Ok(Vec::new());
        }
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let limit = i64::try_from(limit).unwrap_or(0);
        let values = vec![containing(text).into(), after.into(), limit.into()];
        let rows = self.database.fetch_all(SEARCH_KEYS, values).await?;
        Ok(rows.iter().map(|row| RawKey::from_row(row)?.open(&self.vault)).collect())
    }

    /// How much there is; zeros unless `scope` is everybody's.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn counts(&self, scope: Scope, now: Moment) -> Result<Counts, StoreError> {
        if scope != Scope::All {
            return Ok(Counts::default());
        }
        let one = async |sql, values| -> Result<i64, StoreError> {
            self.database.fetch_optional(sql, values).await?.map_or(Ok(0), |row| row.int(0))
        };
        let by_state = async |sql| -> Result<Vec<(String, i64)>, StoreError> {
            let rows = self.database.fetch_all(sql, vec![]).await?;
            rows.iter().map(|row| Ok((row.text(0)?, row.int(1)?))).collect()
        };
        Ok(Counts {
            accounts: one(COUNT_ACCOUNTS, vec![]).await?,
            keys: by_state(COUNT_KEYS).await?,
            events: one(COUNT_EVENTS, vec![]).await?,
            proposals: one(proposals::OPEN_PROPOSALS, vec![now.unix_ms().into()]).await?,
            mails: by_state(outbox::COUNT_LETTERS).await?,
        })
    }

    /// The account, where `scope` reaches it, as those who oversee see it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn oversee(&self, scope: Scope, id: AccountId) -> Result<Option<Overseen>, StoreError> {
        let after = AccountId::from_u64(id.as_u64() - 1);
        let found = self.search_accounts(scope, &id.to_string(), after, 1).await?;
        Ok(found.into_iter().find(|one| one.account.id == id))
    }

    /// Since when an account is frozen.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn frozen_since(&self, id: AccountId) -> Result<Option<Moment>, StoreError> {
        let row = self.database.fetch_optional(FROZEN_SINCE, vec![id.as_u64().into()]).await?;
        row.map_or(Ok(None), |row| Ok(moment(row.int_or_null(0)?)))
    }
}

impl Tx {
    /// Since when an account is frozen, as it stands now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn frozen_since(&mut self, id: AccountId) -> Result<Option<Moment>, StoreError> {
        let row = self.transact.fetch_optional(FROZEN_SINCE, vec![id.as_u64().into()]).await?;
        row.map_or(Ok(None), |row| Ok(moment(row.int_or_null(0)?)))
    }

    /// Notes that an account is frozen, or no longer.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn set_frozen(&mut self, id: AccountId, frozen_at: Option<Moment>) -> Result<(), StoreError> {
        self.touch(&rows::ACCOUNTS, id.as_u64());
        let values = vec![id.as_u64().into(), frozen_at.map(Moment::unix_ms).into()];
        self.transact.execute(SET_FROZEN, values).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::containing;

    #[test]
    fn what_people_type_is_literal() {
        assert_eq!(containing("Bot"), "%bot%");
        assert_eq!(containing("100%_a\\b*!{{x}}"), "%100!%!_a\\b*!!{{x}}%");
    }
}
