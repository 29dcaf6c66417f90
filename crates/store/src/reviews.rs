//! Reviews of accounts' keys that were finished, and which are due.
//!
//! A row is sealed and tracked: it says when the next review is due, so one that somebody adds in the database must not count.

use keyward_rules::account::{Email, SubAccountName};
use keyward_rules::grant::Scope;
use keyward_rules::id::AccountId;
use keyward_rules::limits::REVIEWS_KEPT;
use keyward_rules::review::{ReviewAnswer, answers_text, read_answers};
use keyward_rules::time::Moment;

use crate::accounts;
use crate::error::StoreError;
use crate::log::rows;
use crate::reader::Reader;
use crate::seal::{Aad, Vault};
use crate::sql::{Row, statements};
use crate::writer::{Tx, taken};

statements! {
    REVIEWS_OF_ACCOUNT = "SELECT at, score, key_count, answers, reviewer, data_key, seal FROM reviews WHERE account = $1 \
        ORDER BY at DESC LIMIT $2";
    INSERT_REVIEW = "INSERT INTO reviews (account, at, score, key_count, answers, reviewer, data_key, seal) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    TRIM_REVIEWS = "DELETE FROM reviews WHERE account = $1 AND at NOT IN \
        (SELECT at FROM reviews WHERE account = $1 ORDER BY at DESC LIMIT $2)";
    /// Accounts and sub-accounts of registered users with living keys, all of them made, and reviewed if at all, at or before $2.
    REVIEWS_DUE = "SELECT a.id, COALESCE(a.email, m.email), MIN(k.created_at), COUNT(k.id), \
        (SELECT MAX(r.at) FROM reviews r WHERE r.account = a.id), a.sub_name FROM accounts a \
        LEFT JOIN accounts m ON m.id = a.master JOIN people p ON p.account = COALESCE(a.master, a.id) \
        JOIN keys k ON k.account = a.id AND k.state IN ('active', 'disabled') \
        WHERE a.id > $1 AND COALESCE(a.email, m.email) IS NOT NULL \
        GROUP BY a.id, a.email, m.email, a.sub_name HAVING MIN(k.created_at) <= $2 AND \
        COALESCE((SELECT MAX(r.at) FROM reviews r WHERE r.account = a.id), 0) <= $2 ORDER BY a.id LIMIT $3";
}

/// A review that was finished.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReviewRecord {
    /// Whose keys.
    pub account: AccountId,
    /// When.
    pub at: Moment,
    /// The score that was left, 0 to 100.
    pub score: u8,
    /// How many keys were reviewed.
    pub keys: usize,
    /// What was answered of each.
    pub answers: Vec<ReviewAnswer>,
    /// Who did it, as the audit log spells actors.
    pub reviewer: String,
}

/// An account whose review is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReviewDue {
    /// Which.
    pub account: AccountId,
    /// Its address; of a sub-account, its master's.
    pub email: Email,
    /// The name of a sub-account.
    pub sub_account: Option<SubAccountName>,
    /// When the oldest of its living keys was made.
    pub oldest_key: Moment,
    /// How many living keys it has.
    pub keys: usize,
    /// When it was last reviewed.
    pub last: Option<Moment>,
}

impl ReviewRecord {
    fn aad(&self, answers: &str) -> Aad {
        Aad::new("keyward review 1")
            .number("account", self.account.as_u64())
            .number("at", self.at.unix_ms())
            .number("score", self.score.into())
            .number("keys", u64::try_from(self.keys).unwrap_or(u64::MAX))
            .text("answers", answers)
            .text("reviewer", &self.reviewer)
    }

    fn from_row(account: AccountId, row: &Row, vault: &Vault) -> Result<Self, StoreError> {
        let tampered = || StoreError::tampered("review", account);
        let answers = row.text(3)?;
        let record = Self {
            account,
            at: moment(row.int(0)?).ok_or_else(tampered)?,
            score: u8::try_from(row.int(1)?).map_err(|_| tampered())?,
            keys: usize::try_from(row.int(2)?).map_err(|_| tampered())?,
            answers: read_answers(&answers).map_err(|_| tampered())?,
            reviewer: row.text(4)?,
        };
        let data_key = u64::try_from(row.int(5)?).map_err(|_| tampered())?;
        vault.open_seal(data_key, &record.aad(&answers), &row.bytes(6)?).ok_or_else(tampered)?;
        Ok(record)
    }
}

fn moment(value: i64) -> Option<Moment> {
    u64::try_from(value).ok().map(Moment::from_unix_ms)
}

fn due(row: &Row) -> Result<ReviewDue, StoreError> {
    let tampered = || StoreError::tampered("review", "due");
    let last = row.int_or_null(4)?.map(|at| moment(at).ok_or_else(tampered)).transpose()?;
    let sub_account = row.text_or_null(5)?;
    Ok(ReviewDue {
        account: accounts::id_of(row.int(0)?)?,
        email: Email::parse(&row.text(1)?).map_err(|_| tampered())?,
        sub_account: sub_account
            .map(|name| SubAccountName::parse(&name))
            .transpose()
            .map_err(|_| tampered())?,
        oldest_key: moment(row.int(2)?).ok_or_else(tampered)?,
        keys: usize::try_from(row.int(3)?).map_err(|_| tampered())?,
        last,
    })
}

impl Reader {
    /// The newest reviews of an account in `scope`, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when one of them was altered.
    pub async fn reviews_of(
        &self,
        scope: Scope,
        account: AccountId,
        limit: usize,
    ) -> Result<Vec<ReviewRecord>, StoreError> {
        if !scope.reaches(account) {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(limit).unwrap_or(0);
        let values = vec![account.as_u64().into(), limit.into()];
        let rows = self.database.fetch_all(REVIEWS_OF_ACCOUNT, values).await?;
        rows.iter().map(|row| ReviewRecord::from_row(account, row, &self.vault)).collect()
    }

    /// Accounts whose oldest living key was made, and which were last reviewed, at or before `before`: after `after` in the order
    /// of their ids, at most `limit`. Nothing unless `scope` is everybody's.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reviews_due(
        &self,
        scope: Scope,
        before: Moment,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<ReviewDue>, StoreError> {
        if scope != Scope::All {
            return Ok(Vec::new());
        }
        let after = after.map_or(0, AccountId::as_u64);
        let limit = i64::try_from(limit).unwrap_or(0);
        let values = vec![after.into(), before.unix_ms().into(), limit.into()];
        let rows = self.database.fetch_all(REVIEWS_DUE, values).await?;
        // An altered row is nobody's review, and keeps no other from being found.
        Ok(rows.iter().filter_map(|row| due(row).ok()).collect())
    }
}

impl Tx {
    /// Records a review, and drops the oldest beyond [`REVIEWS_KEPT`] of the account.
    ///
    /// # Errors
    /// [`StoreError::Exists`] for a second one in the same millisecond.
    pub async fn insert_review(&mut self, review: &ReviewRecord) -> Result<(), StoreError> {
        let account = review.account;
        self.concerns(account);
        let answers = answers_text(&review.answers);
        let seal = self.vault.seal(&review.aad(&answers), b"")?;
        let values = vec![
            account.as_u64().into(),
            review.at.unix_ms().into(),
            u64::from(review.score).into(),
            u64::try_from(review.keys).unwrap_or(u64::MAX).into(),
            answers.as_str().into(),
            review.reviewer.as_str().into(),
            self.vault.newest().into(),
            seal.as_slice().into(),
        ];
        self.transact.execute(INSERT_REVIEW, values).await.map_err(taken("a review of this moment"))?;
        let kept = u64::try_from(REVIEWS_KEPT).unwrap_or(u64::MAX);
        self.transact.execute(TRIM_REVIEWS, vec![account.as_u64().into(), kept.into()]).await?;
        self.touch(&rows::REVIEWS, account);
        Ok(())
    }
}
