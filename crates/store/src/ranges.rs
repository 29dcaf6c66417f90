//! Versions of an app's ranges. The ranges are inside the seal: they are confidential.

use keyward_rules::address::{AddressSet, HostBits, Network};
use keyward_rules::app::VersionStanding;
use keyward_rules::id::{AccountId, AppId};
use keyward_rules::limits::RANGE_VERSIONS;
use keyward_rules::time::Moment;

use crate::accounts;
use crate::error::StoreError;
use crate::log::rows;
use crate::reader::Reader;
use crate::seal::{Aad, Vault};
use crate::sql::{Row, Value, statements};
use crate::writer::Tx;

/// The columns of a version, in the order of [`RangeVersion::from_row`].
macro_rules! columns {
    () => {
        "app, number, standing, note, submitted_by, submitted_at, decided_by, decided_at, reason, overlap_ms, active_at, \
         ends_at, version, data_key, sealed"
    };
}

statements! {
    VERSION = concat!("SELECT ", columns!(), " FROM app_ranges WHERE app = $1 AND number = $2");
    VERSIONS = concat!("SELECT ", columns!(), " FROM app_ranges WHERE app = $1 \
        ORDER BY CASE WHEN standing IN ('active', 'retiring', 'approved', 'submitted') THEN 0 ELSE 1 END, number DESC LIMIT $2");
    VERSIONS_THAT = concat!("SELECT ", columns!(), " FROM app_ranges WHERE standing = $1 ORDER BY submitted_at LIMIT $2");
    VERSIONS_RETIRED = concat!("SELECT ", columns!(), " FROM app_ranges WHERE standing = 'retired' AND ends_at > $1 \
        ORDER BY ends_at DESC LIMIT $2");
    APPS_ENDING = "SELECT DISTINCT app FROM app_ranges WHERE standing = 'retiring' AND ends_at <= $1 ORDER BY app LIMIT $2";
    /// What is over and decided, but for the newest ones.
    FORGET_VERSIONS = "DELETE FROM app_ranges WHERE app = $1 AND number <= $2 \
        AND standing IN ('retired', 'rejected', 'withdrawn')";
    NEXT_VERSION = "SELECT COALESCE(MAX(number), 0) + 1 FROM app_ranges WHERE app = $1";
    INSERT_VERSION = "INSERT INTO app_ranges (app, number, standing, note, submitted_by, submitted_at, decided_by, decided_at, \
        reason, overlap_ms, active_at, ends_at, version, data_key, sealed) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    UPDATE_VERSION = "UPDATE app_ranges SET standing = $3, note = $4, submitted_by = $5, submitted_at = $6, decided_by = $7, \
        decided_at = $8, reason = $9, overlap_ms = $10, active_at = $11, ends_at = $12, version = $13, data_key = $14, \
        sealed = $15 WHERE app = $1 AND number = $2 AND version = $13 - 1";
    RANGES_WAITING = "SELECT COUNT(*) FROM app_ranges WHERE standing = 'submitted'";
}

/// A version of an app's ranges. No `Debug`: the ranges are confidential.
#[derive(Clone, PartialEq, Eq)]
pub struct RangeVersion {
    /// Whose.
    pub app: AppId,
    /// Its number, from 1.
    pub number: u64,
    /// How it stands.
    pub standing: VersionStanding,
    /// The ranges.
    pub ranges: AddressSet,
    /// What the broker says to the reviewers.
    pub note: String,
    /// Who submitted it: the broker, or an operator on the broker's behalf.
    pub submitted_by: AccountId,
    /// When.
    pub submitted_at: Moment,
    /// Who decided, and when.
    pub decided: Option<(AccountId, Moment)>,
    /// Why it was rejected; empty otherwise.
    pub reason: String,
    /// How long the version before stays in force beside it, in milliseconds.
    pub overlap_ms: u64,
    /// Since when it is in force, or was.
    pub active_at: Option<Moment>,
    /// When it stopped, or will.
    pub ends_at: Option<Moment>,
    /// From which of the ranges the broker has shown itself; empty where nobody asks for that.
    pub proven: Vec<Network>,
    /// Counts changes of this row.
    pub version: u64,
}

impl RangeVersion {
    /// The ranges that nobody has shown themselves from yet.
    #[must_use]
    pub fn unproven(&self) -> Vec<Network> {
        self.ranges.networks().iter().copied().filter(|network| !self.proven.contains(network)).collect()
    }

    fn aad(&self, data_key: u64) -> Aad {
        Aad::new("keyward range version 1")
            .number("app", self.app.as_u64())
            .number("number", self.number)
            .text("standing", self.standing.word())
            .text("note", &self.note)
            .number("submitted_by", self.submitted_by.as_u64())
            .number("submitted_at", self.submitted_at.unix_ms())
            .maybe("decided_by", self.decided.map(|(by, _)| by.as_u64()))
            .maybe("decided_at", self.decided.map(|(_, at)| at.unix_ms()))
            .text("reason", &self.reason)
            .number("overlap_ms", self.overlap_ms)
            .maybe("active_at", self.active_at.map(Moment::unix_ms))
            .maybe("ends_at", self.ends_at.map(Moment::unix_ms))
            .number("version", self.version)
            .number("data key", data_key)
    }

    fn from_row(row: &Row, vault: &Vault) -> Result<Self, StoreError> {
        let tampered = || StoreError::tampered("range version", row.int(1).unwrap_or_default());
        let number = |value: i64| u64::try_from(value).map_err(|_| tampered());
        let moment = |value: i64| number(value).map(Moment::from_unix_ms);
        let decided = match (row.int_or_null(6)?, row.int_or_null(7)?) {
            (Some(by), Some(at)) => Some((accounts::id_of(by)?, moment(at)?)),
            (None, None) => None,
            (_, _) => return Err(tampered()),
        };
        let data_key = number(row.int(13)?)?;
        // What stands in the seal comes after the rest of the row has proven itself.
        let mut version = Self {
            app: AppId::from_u64(number(row.int(0)?)?).ok_or_else(tampered)?,
            number: number(row.int(1)?)?,
            standing: VersionStanding::from_word(&row.text(2)?).ok_or_else(tampered)?,
            ranges: AddressSet::of_app(vec![Network::V4(0, 32)]).map_err(|_| tampered())?,
            note: row.text(3)?,
            submitted_by: accounts::id_of(row.int(4)?)?,
            submitted_at: moment(row.int(5)?)?,
            decided,
            reason: row.text(8)?,
            overlap_ms: number(row.int(9)?)?,
            active_at: row.int_or_null(10)?.map(moment).transpose()?,
            ends_at: row.int_or_null(11)?.map(moment).transpose()?,
            proven: Vec::new(),
            version: number(row.int(12)?)?,
        };
        let opened =
            vault.open_seal(data_key, &version.aad(data_key), &row.bytes(14)?).ok_or_else(tampered)?;
        let text = std::str::from_utf8(opened.expose()).map_err(|_| tampered())?;
        let (ranges, proven) = text.split_once('\n').unwrap_or((text, ""));
        let read = |text: &str| {
            let entries = text.split(',').filter(|entry| !entry.is_empty());
            let networks: Result<Vec<_>, _> =
                entries.map(|entry| Network::parse(entry, HostBits::Refuse)).collect();
            networks.map_err(|_| tampered())
        };
        version.ranges = AddressSet::of_app(read(ranges)?).map_err(|_| tampered())?;
        version.proven = read(proven)?;
        Ok(version)
    }

    fn values(&self, vault: &Vault) -> Result<Vec<Value>, StoreError> {
        let data_key = vault.newest();
        let proven: Vec<String> = self.proven.iter().map(ToString::to_string).collect();
        let text = format!("{}\n{}", self.ranges, proven.join(","));
        let sealed = vault.seal(&self.aad(data_key), text.as_bytes())?;
        Ok(vec![
            self.app.as_u64().into(),
            self.number.into(),
            self.standing.word().into(),
            self.note.as_str().into(),
            self.submitted_by.as_u64().into(),
            self.submitted_at.unix_ms().into(),
            self.decided.map(|(by, _)| by.as_u64()).into(),
            self.decided.map(|(_, at)| at.unix_ms()).into(),
            self.reason.as_str().into(),
            self.overlap_ms.into(),
            self.active_at.map(Moment::unix_ms).into(),
            self.ends_at.map(Moment::unix_ms).into(),
            self.version.into(),
            data_key.into(),
            sealed.as_slice().into(),
        ])
    }
}

fn newest_first(mut versions: Vec<RangeVersion>) -> Vec<RangeVersion> {
    versions.sort_by_key(|version| std::cmp::Reverse(version.number));
    versions
}

impl Tx {
    /// One version.
    ///
    /// # Errors
    /// [`StoreError::Tampered`].
    pub async fn range_version(
        &mut self,
        app: AppId,
        number: u64,
    ) -> Result<Option<RangeVersion>, StoreError> {
        let row = self.transact.fetch_optional(VERSION, vec![app.as_u64().into(), number.into()]).await?;
        row.map(|row| RangeVersion::from_row(&row, &self.vault)).transpose()
    }

    /// The versions in force, those that wait, and the newest others; newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Tampered`]: nothing is decided beside an altered one.
    pub async fn range_versions(
        &mut self,
        app: AppId,
        limit: usize,
    ) -> Result<Vec<RangeVersion>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(0);
        let rows = self.transact.fetch_all(VERSIONS, vec![app.as_u64().into(), limit.into()]).await?;
        let found: Result<Vec<_>, _> =
            rows.iter().map(|row| RangeVersion::from_row(row, &self.vault)).collect();
        found.map(newest_first)
    }

    /// Keeps a version: a new one (its row's version 1) under the next number, in the place of what is long over, or the next state of the one there is; gives
    /// its number.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody changed it at the same time.
    pub async fn put_range_version(&mut self, version: &RangeVersion) -> Result<u64, StoreError> {
        let conflict = || StoreError::Conflict { what: format!("the ranges of app {}", version.app) };
        self.touch(&rows::RANGES, version.app.as_u64());
        if version.version == 1 {
            let row = self.transact.fetch_optional(NEXT_VERSION, vec![version.app.as_u64().into()]).await?;
            let number = u64::try_from(row.map_or(Ok(1), |row| row.int(0))?).map_err(|_| conflict())?;
            let values = RangeVersion { number, ..version.clone() }.values(&self.vault)?;
            self.transact.execute(INSERT_VERSION, values).await?;
            let kept = u64::try_from(RANGE_VERSIONS).unwrap_or(u64::MAX);
            let old = number.saturating_sub(kept);
            self.transact.execute(FORGET_VERSIONS, vec![version.app.as_u64().into(), old.into()]).await?;
            return Ok(number);
        }
        let values = version.values(&self.vault)?;
        if self.transact.execute(UPDATE_VERSION, values).await? == 1 {
            Ok(version.number)
        } else {
            Err(conflict())
        }
    }
}

impl Reader {
    /// One version.
    ///
    /// # Errors
    /// [`StoreError::Tampered`].
    pub async fn range_version(&self, app: AppId, number: u64) -> Result<Option<RangeVersion>, StoreError> {
        let row = self.database.fetch_optional(VERSION, vec![app.as_u64().into(), number.into()]).await?;
        row.map(|row| RangeVersion::from_row(&row, &self.vault)).transpose()
    }

    /// The versions in force, the one that waits, and the newest others; newest first, at most `limit`. Altered rows are
    /// left out.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn range_versions(&self, app: AppId, limit: usize) -> Result<Vec<RangeVersion>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(0);
        let rows = self.database.fetch_all(VERSIONS, vec![app.as_u64().into(), limit.into()]).await?;
        Ok(newest_first(
            rows.iter().filter_map(|row| RangeVersion::from_row(row, &self.vault).ok()).collect(),
        ))
    }

    /// Apps with a version whose overlap is over, at most `limit`; whether their rows verify is not looked at.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn apps_with_ranges_ending(&self, now: Moment, limit: usize) -> Result<Vec<AppId>, StoreError> {
        let values = vec![now.unix_ms().into(), i64::try_from(limit).unwrap_or(0).into()];
        let rows = self.database.fetch_all(APPS_ENDING, values).await?;
        let read = |row: &Row| Ok(u64::try_from(row.int(0)?).ok().and_then(AppId::from_u64));
        rows.iter().filter_map(|row| read(row).transpose()).collect()
    }

    /// Versions of all apps that were retired after `since`, newest first, at most `limit`; altered rows are left out.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn range_versions_retired(
        &self,
        since: Moment,
        limit: usize,
    ) -> Result<Vec<RangeVersion>, StoreError> {
        let values = vec![since.unix_ms().into(), i64::try_from(limit).unwrap_or(0).into()];
        let rows = self.database.fetch_all(VERSIONS_RETIRED, values).await?;
        Ok(rows.iter().filter_map(|row| RangeVersion::from_row(row, &self.vault).ok()).collect())
    }

    /// Versions of all apps that stand so, oldest first, at most `limit`; altered rows are left out.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn range_versions_that(
        &self,
        standing: VersionStanding,
        limit: usize,
    ) -> Result<Vec<RangeVersion>, StoreError> {
        let values = vec![standing.word().into(), i64::try_from(limit).unwrap_or(0).into()];
        let rows = self.database.fetch_all(VERSIONS_THAT, values).await?;
        Ok(rows.iter().filter_map(|row| RangeVersion::from_row(row, &self.vault).ok()).collect())
    }

    /// How many versions wait for operators.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn ranges_waiting(&self) -> Result<u64, StoreError> {
        let row = self.database.fetch_optional(RANGES_WAITING, vec![]).await?;
        Ok(u64::try_from(row.map_or(Ok(0), |row| row.int(0))?).unwrap_or(0))
    }
}
