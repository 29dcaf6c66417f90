//! The keys that are bound to an app: how many, and all of them in turn for what concerns all.

use keyward_rules::id::{AppId, KeyId};
use keyward_rules::key::{Hold, Holds};
use keyward_rules::time::Moment;

use crate::error::StoreError;
use crate::keys::{KeyRecord, RawKey};
use crate::reader::Reader;
use crate::sql::{Row, Value, statements};
use crate::writer::Tx;

statements! {
    /// The first condition is the index's own.
    APP_KEY_IDS = "SELECT id FROM keys WHERE substr(binding, 1, 4) = 'app:' AND binding = $1 AND id > $2 \
        AND state IN ('active', 'disabled') ORDER BY id LIMIT $3";
    APP_KEYS_DUE = "SELECT id FROM keys WHERE substr(binding, 1, 4) = 'app:' AND binding = $1 AND id > $2 \
        AND state IN ('active', 'disabled') AND created_at < $4 AND (holds & $5) = 0 ORDER BY id LIMIT $3";
    APP_KEY_COUNTS = "SELECT COUNT(*), COUNT(DISTINCT account), \
        COALESCE(SUM(CASE WHEN state = 'active' THEN 1 ELSE 0 END), 0), \
        COALESCE(SUM(CASE WHEN used_at >= $2 THEN 1 ELSE 0 END), 0), \
        COALESCE(SUM(CASE WHEN created_at < $3 THEN 1 ELSE 0 END), 0) \
        FROM keys LEFT JOIN uses ON uses.key_id = keys.id \
        WHERE substr(binding, 1, 4) = 'app:' AND binding = $1 AND state IN ('active', 'disabled')";
    INSERT_NEWS = "INSERT INTO app_news (id, app, kind, detail, at, after) \
        SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, $4, '' FROM app_news";
    NEXT_NEWS = "SELECT id, app, kind, detail, at, after FROM app_news \
        ORDER BY CASE WHEN kind IN ('app_frozen', 'app_demand') THEN 0 ELSE 1 END, id LIMIT 1";
    ANY_NEWS = "SELECT id FROM app_news LIMIT 1";
    NEWS_UPTO = "UPDATE app_news SET after = $2 WHERE id = $1";
    DROP_NEWS = "DELETE FROM app_news WHERE id = $1";
}

/// How many keys an app has, in numbers only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AppKeyCounts {
    /// Keys that have not ended.
    pub keys: u64,
    /// Accounts and sub-accounts that they belong to.
    pub accounts: u64,
    /// Of the keys, those that are active.
    pub active: u64,
    /// Of the keys, those used since the moment that was asked for.
    pub used: u64,
    /// Of the keys, those made before the moment that was asked for.
    pub older: u64,
}

/// News about an app that its holders are still to be told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppNews {
    /// Its number.
    pub id: u64,
    /// Which app.
    pub app: AppId,
    /// What kind of alert.
    pub kind: String,
    /// The alert's detail.
    pub detail: String,
    /// When it happened.
    pub at: Moment,
    /// Up to which key holders were told.
    pub after: String,
}

fn binding(app: AppId) -> Value {
    format!("app:{app}").into()
}

impl Reader {
    /// How many keys an app has; `used_since` and `made_before` say what two of the numbers mean.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn app_key_counts(
        &self,
        app: AppId,
        used_since: Moment,
        made_before: Moment,
    ) -> Result<AppKeyCounts, StoreError> {
        let values = vec![binding(app), used_since.unix_ms().into(), made_before.unix_ms().into()];
        let Some(row) = self.database.fetch_optional(APP_KEY_COUNTS, values).await? else {
            return Ok(AppKeyCounts::default());
        };
        let number = |at| row.int(at).map(|value| u64::try_from(value).unwrap_or(0));
        Ok(AppKeyCounts {
            keys: number(0)?,
            accounts: number(1)?,
            active: number(2)?,
            used: number(3)?,
            older: number(4)?,
        })
    }
}

impl Reader {
    /// Whether there are news about apps that holders are still to be told.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn has_app_news(&self) -> Result<bool, StoreError> {
        Ok(self.database.fetch_optional(ANY_NEWS, vec![]).await?.is_some())
    }
}

impl Tx {
    /// Living keys of an app after `after`, at most `limit`, with the id to go on from while there may be more; altered
    /// rows are left out, they are unusable already.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn app_keys(
        &mut self,
        app: AppId,
        after: &str,
        limit: u64,
    ) -> Result<(Vec<KeyRecord>, Option<String>), StoreError> {
        let rows =
            self.transact.fetch_all(APP_KEY_IDS, vec![binding(app), after.into(), limit.into()]).await?;
        self.opened(&rows).await
    }

    /// The same for living keys that were made before `made_before` and do not have `hold`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn app_keys_without(
        &mut self,
        (app, hold): (AppId, Hold),
        made_before: Moment,
        after: &str,
        limit: u64,
    ) -> Result<(Vec<KeyRecord>, Option<String>), StoreError> {
        let bits = u64::from(Holds::NONE.with(hold).bits());
        let values =
            vec![binding(app), after.into(), limit.into(), made_before.unix_ms().into(), bits.into()];
        let rows = self.transact.fetch_all(APP_KEYS_DUE, values).await?;
        self.opened(&rows).await
    }

    async fn opened(&mut self, rows: &[Row]) -> Result<(Vec<KeyRecord>, Option<String>), StoreError> {
        let (mut keys, mut last) = (Vec::new(), None);
        for row in rows {
            let id = row.text(0)?;
            let found: Option<KeyId> = id.parse().ok();
            last = Some(id);
            let Some(found) = found else { continue };
            let row =
                self.transact.fetch_optional(crate::keys::KEY_BY_ID, vec![found.to_string().into()]).await?;
            let opened = row.and_then(|row| RawKey::from_row(&row).ok()?.open(&self.vault).ok());
            keys.extend(opened);
        }
        Ok((keys, last))
    }

    /// Puts news about an app where the duty finds it that tells its holders.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn put_app_news(&mut self, app: AppId, kind: &str, detail: &str) -> Result<(), StoreError> {
        let values = vec![app.as_u64().into(), kind.into(), detail.into(), self.now().unix_ms().into()];
        self.transact.execute(INSERT_NEWS, values).await.map(drop)
    }

    /// The oldest news that holders are still to be told.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn app_news(&mut self) -> Result<Option<AppNews>, StoreError> {
        let Some(row) = self.transact.fetch_optional(NEXT_NEWS, vec![]).await? else { return Ok(None) };
        let tampered = || StoreError::tampered("news about an app", "row");
        let number = |at| row.int(at).and_then(|value| u64::try_from(value).map_err(|_| tampered()));
        Ok(Some(AppNews {
            id: number(0)?,
            app: AppId::from_u64(number(1)?).ok_or_else(tampered)?,
            kind: row.text(2)?,
            detail: row.text(3)?,
            at: Moment::from_unix_ms(number(4)?),
            after: row.text(5)?,
        }))
    }

    /// Notes up to which key holders were told; `None` when all were.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn app_news_told(&mut self, id: u64, after: Option<&str>) -> Result<(), StoreError> {
        match after {
            Some(after) => self.transact.execute(NEWS_UPTO, vec![id.into(), after.into()]).await.map(drop),
            None => self.transact.execute(DROP_NEWS, vec![id.into()]).await.map(drop),
        }
    }
}
