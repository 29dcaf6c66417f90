//! What holders are told: the list in the console, and the mail that leaves through the outbox with it.

use std::collections::BTreeMap;

use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::grant::Scope;
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::letter::MailMessage;
use keyward_rules::time::Moment;

use crate::accounts;
use crate::deliveries;
use crate::error::StoreError;
use crate::outbox;
use crate::reader::Reader;
use crate::sql::{Row, statements};
use crate::writer::Tx;

statements! {
    INSERT_ALERT = "INSERT INTO alerts (account, at, kind, key_id, key_name, source, device, detail, once, \
        seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (once) DO NOTHING";
    TOLD_ONCE = "SELECT 1 FROM alerts WHERE once = $1";
    /// Among the newest only, so that it costs the same however many there are.
    COUNT_RECENT = "SELECT COUNT(*) FROM (SELECT key_id, kind, at FROM alerts WHERE account = $1 ORDER BY id DESC LIMIT 1000) \
        AS newest WHERE key_id = $2 AND kind = $3 AND at > $4";
    /// By key, the last alert of a kind: among the newest only, for the same reason.
    LAST_OF_KIND = "SELECT key_id, MAX(at) FROM (SELECT key_id, kind, at FROM alerts WHERE account = $1 ORDER BY id DESC LIMIT 1000) \
        AS newest WHERE kind = $2 AND at > $3 AND key_id IS NOT NULL GROUP BY key_id ORDER BY key_id";
    ALERTS_OF_ACCOUNT = "SELECT id, account, at, kind, key_id, key_name, source, device, detail, seen_at FROM alerts \
        WHERE account = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    ALERTS_OF_KEY = "SELECT id, account, at, kind, key_id, key_name, source, device, detail, seen_at FROM alerts \
        WHERE account = $1 AND key_id = $2 ORDER BY id DESC LIMIT $3";
    DROP_ALERTS = "DELETE FROM alerts WHERE at < $1";
    UNSEEN_ALERTS = "SELECT COUNT(*) FROM alerts WHERE account = $1 AND seen_at IS NULL";
    SEE_ALERT = "UPDATE alerts SET seen_at = $3 WHERE account = $1 AND id = $2 AND seen_at IS NULL";
    SEE_ALERTS = "UPDATE alerts SET seen_at = $3 WHERE account = $1 AND id <= $2 AND seen_at IS NULL";
}

/// An alert as it stands in the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlertRecord {
    /// Its number; later ones are greater.
    pub id: i64,
    /// What it says.
    pub alert: Alert,
    /// When the holder looked at it.
    pub seen_at: Option<Moment>,
}

impl AlertRecord {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let tampered = || StoreError::tampered("alert", "row");
        let moment = |value: i64| u64::try_from(value).map(Moment::from_unix_ms).map_err(|_| tampered());
        let key = match (row.text_or_null(4)?, row.text_or_null(5)?) {
            (Some(id), Some(name)) => Some((id.parse().map_err(|_| tampered())?, name)),
            (_, _) => None,
        };
        let kind = AlertKind::from_word(&row.text(3)?).ok_or_else(tampered)?;
        let alert = Alert {
            key,
            from: row.text_or_null(6)?.map(|text| text.parse().map_err(|_| tampered())).transpose()?,
            device: row.text_or_null(7)?,
            detail: row.text(8)?,
            ..Alert::of(kind, accounts::id_of(row.int(1)?)?, moment(row.int(2)?)?)
        };
        Ok(Self { id: row.int(0)?, alert, seen_at: row.int_or_null(9)?.map(moment).transpose()? })
    }
}

impl Tx {
    /// How many of the account's thousand newest alerts are about this key, of this kind and later than `since`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn recent_alerts(
        &mut self,
        (account, key): (AccountId, KeyId),
        kind: AlertKind,
        since: Moment,
    ) -> Result<i64, StoreError> {
        let values =
            vec![account.as_u64().into(), key.to_string().into(), kind.word().into(), since.unix_ms().into()];
        self.transact.fetch_optional(COUNT_RECENT, values).await?.map_or(Ok(0), |row| row.int(0))
    }

    /// Sends a mail to somebody whom no alert is about.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn send(&mut self, letter: &MailMessage) -> Result<(), StoreError> {
        let now = self.now();
        outbox::put(&mut self.transact, &self.vault, letter, now).await
    }

    /// Tells a holder: in the console, by the mails in `letters`, and through the account's channels; nothing happens when it was told before.
    /// Whether it was told now.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn tell(&mut self, alert: &Alert, letters: &[MailMessage]) -> Result<bool, StoreError> {
        let values = vec![
            alert.account.as_u64().into(),
            alert.at.unix_ms().into(),
            alert.kind.word().into(),
            alert.key.as_ref().map(|(id, _)| id.to_string()).into(),
            alert.key.as_ref().map(|(_, name)| name.clone()).into(),
            alert.from.map(|address| address.to_string()).into(),
            alert.device.clone().into(),
            alert.detail.as_str().into(),
            Some(alert.once.clone()).filter(|once| !once.is_empty()).into(),
            Some(alert.at.unix_ms()).filter(|_| alert.is_known()).into(),
        ];
        if self.transact.execute(INSERT_ALERT, values).await? == 0 {
            return Ok(false);
        }
        self.concerns(alert.account);
        for letter in letters {
            outbox::put(&mut self.transact, &self.vault, letter, self.now).await?;
        }
        deliveries::queue(&mut self.transact, &self.vault, alert, self.now).await?;
        Ok(true)
    }
}

impl Reader {
    /// Whether the alert that is told once under this text was told.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn was_told(&self, once: &str) -> Result<bool, StoreError> {
        Ok(self.database.fetch_optional(TOLD_ONCE, vec![once.into()]).await?.is_some())
    }

    /// Up to `limit` alerts of an account in `scope` before the one numbered `before`, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn alerts_of(
        &self,
        scope: Scope,
        account: AccountId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<AlertRecord>, StoreError> {
        if !scope.reaches(account) {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(limit).unwrap_or(0);
        let values = vec![account.as_u64().into(), before.unwrap_or(i64::MAX).into(), limit.into()];
        let rows = self.database.fetch_all(ALERTS_OF_ACCOUNT, values).await?;
        rows.iter().map(AlertRecord::from_row).collect()
    }

    /// When the keys of an account in `scope` last had an alert of this kind, later than `since`, among its thousand newest alerts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_alerts(
        &self,
        scope: Scope,
        account: AccountId,
        kind: AlertKind,
        since: Moment,
    ) -> Result<BTreeMap<KeyId, Moment>, StoreError> {
        if !scope.reaches(account) {
            return Ok(BTreeMap::new());
        }
        let tampered = || StoreError::tampered("alert", "row");
        let values = vec![account.as_u64().into(), kind.word().into(), since.unix_ms().into()];
        let rows = self.database.fetch_all(LAST_OF_KIND, values).await?;
        let read = |row: &Row| {
            let key = row.text(0)?.parse().map_err(|_| tampered())?;
            let at = u64::try_from(row.int(1)?).map_err(|_| tampered())?;
            Ok((key, Moment::from_unix_ms(at)))
        };
        rows.iter().map(read).collect()
    }

    /// The newest alerts about one key of an account in `scope`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn alerts_of_key(
        &self,
        scope: Scope,
        account: AccountId,
        key: KeyId,
        limit: usize,
    ) -> Result<Vec<AlertRecord>, StoreError> {
        if !scope.reaches(account) {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(limit).unwrap_or(0);
        let values = vec![account.as_u64().into(), key.to_string().into(), limit.into()];
        let rows = self.database.fetch_all(ALERTS_OF_KEY, values).await?;
        rows.iter().map(AlertRecord::from_row).collect()
    }

    /// How many alerts of an account in `scope` were not looked at.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unseen_alerts(&self, scope: Scope, account: AccountId) -> Result<i64, StoreError> {
        if !scope.reaches(account) {
            return Ok(0);
        }
        let row = self.database.fetch_optional(UNSEEN_ALERTS, vec![account.as_u64().into()]).await?;
        row.map_or(Ok(0), |row| row.int(0))
    }
}

/// The capability to note which alerts were looked at, and nothing else.
#[derive(Clone)]
pub struct Inbox {
    pub(crate) database: crate::sql::Database,
}

impl Inbox {
    /// Notes that the alerts of an account up to number `upto` were looked at.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn seen(&self, account: AccountId, upto: i64, now: Moment) -> Result<(), StoreError> {
        let mut tx = self.database.begin().await?;
        let values = vec![account.as_u64().into(), upto.into(), now.unix_ms().into()];
        tx.execute(SEE_ALERTS, values).await?;
        tx.commit().await
    }

    /// The same of these alone.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn seen_these(&self, account: AccountId, ids: &[i64], now: Moment) -> Result<(), StoreError> {
        let values = |id: &i64| vec![account.as_u64().into(), (*id).into(), now.unix_ms().into()];
        let mut tx = self.database.begin().await?;
        tx.execute_each(SEE_ALERT, ids.iter().map(values).collect()).await?;
        tx.commit().await
    }
}
