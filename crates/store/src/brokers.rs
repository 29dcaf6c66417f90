//! Apps as brokers register them, sealed with how they stand.

use keyward_rules::app::{AppName, AppStanding, FrozenBy};
use keyward_rules::id::{AccountId, AppId};
use keyward_rules::permission::Permissions;
use keyward_rules::time::Moment;

use crate::accounts;
use crate::error::StoreError;
use crate::log::rows;
use crate::reader::Reader;
use crate::seal::{Aad, Vault};
use crate::sql::{Row, Value, statements};
use crate::writer::{Tx, taken};

/// The columns of a profile, in the order of [`AppProfile::from_row`].
macro_rules! columns {
    () => {
        "id, owner, name, home_page, contact, permissions, logo, standing, reason, frozen_by, demanded_at, demand_due, \
         created_at, changed_at, version, data_key, seal, verified_at"
    };
}
pub(crate) use columns;

statements! {
    PROFILE = concat!("SELECT ", columns!(), " FROM app_profiles WHERE id = $1");
    PROFILES_OF = concat!("SELECT ", columns!(), " FROM app_profiles WHERE owner = $1 ORDER BY id");
    PROFILES = concat!("SELECT ", columns!(), " FROM app_profiles WHERE standing = $1 AND id > $2 ORDER BY id LIMIT $3");
    PROFILES_ALL = concat!("SELECT ", columns!(), " FROM app_profiles WHERE id > $1 ORDER BY id LIMIT $2");
    PROFILES_FROZEN = concat!("SELECT ", columns!(), " FROM app_profiles WHERE frozen_by IS NOT NULL \
        ORDER BY changed_at, id LIMIT $1");
    /// Those whose ranges were submitted first come first, as in the list of versions.
    PROFILES_TO_REVIEW = concat!("SELECT ", columns!(), " FROM app_profiles WHERE id IN \
        (SELECT app FROM app_ranges WHERE standing = 'submitted') ORDER BY (SELECT MIN(submitted_at) FROM app_ranges \
        WHERE app = app_profiles.id AND standing = 'submitted'), id LIMIT $1");
    PROFILES_DUE = concat!("SELECT ", columns!(), " FROM app_profiles WHERE demand_due <= $1 AND id > $2 ORDER BY id LIMIT $3");
    /// The first condition on keys is the index's own.
    PROFILES_OVERDUE = concat!("SELECT ", columns!(), " FROM app_profiles WHERE demand_due <= $1 AND EXISTS (SELECT 1 FROM keys \
        WHERE substr(binding, 1, 4) = 'app:' AND binding = 'app:' || app_profiles.id AND state IN ('active', 'disabled') \
        AND keys.created_at < app_profiles.demanded_at) ORDER BY demand_due, id LIMIT $2");
    INSERT_PROFILE = "INSERT INTO app_profiles (id, owner, name, folded, home_page, contact, permissions, logo, standing, \
        reason, frozen_by, demanded_at, demand_due, created_at, changed_at, version, data_key, seal, verified_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";
    UPDATE_PROFILE = "UPDATE app_profiles SET name = $3, folded = $4, home_page = $5, contact = $6, permissions = $7, \
        logo = $8, standing = $9, reason = $10, frozen_by = $11, demanded_at = $12, demand_due = $13, changed_at = $15, \
        version = $16, data_key = $17, seal = $18, verified_at = $19 WHERE id = $1 AND owner = $2 AND created_at = $14 AND version = $16 - 1";
    NAME_HELD = "SELECT 1 FROM app_profiles WHERE folded = $1 AND id <> $2";
    APPS_WAITING = "SELECT COUNT(*) FROM app_profiles WHERE standing = 'submitted'";
    ANY_APP_OF = "SELECT id FROM app_profiles WHERE owner = $1 LIMIT 1";
}

/// A demand that all keys of an app get successors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Demand {
    /// When it was made: keys made before are meant.
    pub made_at: Moment,
    /// From when on these are held.
    pub due: Moment,
}

/// An app with all that is known of it but its ranges.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppProfile {
    /// Its id.
    pub id: AppId,
    /// The broker.
    pub owner: AccountId,
    /// Its name.
    pub name: AppName,
    /// Where people read about it: `https://…`.
    pub home_page: String,
    /// Operators write to this address.
    pub contact: String,
    /// The permissions that it needs.
    pub permissions: Permissions,
    /// Its logo, a PNG of ours.
    pub logo: Option<Vec<u8>>,
    /// How it stands.
    pub standing: AppStanding,
    /// Why it was rejected; empty otherwise.
    pub reason: String,
    /// When it was first verified: from then on it keeps its name.
    pub verified_at: Option<Moment>,
    /// Who froze its keys.
    pub frozen: Option<FrozenBy>,
    /// Whether its keys must be replaced.
    pub demand: Option<Demand>,
    /// When it was registered.
    pub created_at: Moment,
    /// When it was changed last.
    pub changed_at: Moment,
    /// Counts changes.
    pub version: u64,
}

impl AppProfile {
    fn aad(&self) -> Aad {
        Aad::new("keyward app profile 1")
            .number("id", self.id.as_u64())
            .number("owner", self.owner.as_u64())
            .text("name", self.name.as_str())
            .text("home_page", &self.home_page)
            .text("contact", &self.contact)
            .number("permissions", u64::from(self.permissions.bits()))
            .bytes("logo", self.logo.as_deref().unwrap_or_default())
            .text("standing", self.standing.word())
            .text("reason", &self.reason)
            .maybe("verified_at", self.verified_at.map(Moment::unix_ms))
            .text("frozen_by", self.frozen.map_or("", FrozenBy::word))
            .maybe("demanded_at", self.demand.map(|demand| demand.made_at.unix_ms()))
            .maybe("demand_due", self.demand.map(|demand| demand.due.unix_ms()))
            .number("created_at", self.created_at.unix_ms())
            .number("changed_at", self.changed_at.unix_ms())
            .number("version", self.version)
    }

    pub(crate) fn from_row(row: &Row, vault: &Vault) -> Result<Self, StoreError> {
        let tampered = || StoreError::tampered("app profile", row.int(0).unwrap_or_default());
        let number = |value: i64| u64::try_from(value).map_err(|_| tampered());
        let moment = |value: i64| number(value).map(Moment::from_unix_ms);
        let bits = u8::try_from(row.int(5)?).map_err(|_| tampered())?;
        let demand = match (row.int_or_null(10)?, row.int_or_null(11)?) {
            (Some(made_at), Some(due)) => Some(Demand { made_at: moment(made_at)?, due: moment(due)? }),
            (None, None) => None,
            (_, _) => return Err(tampered()),
        };
        let frozen = row.text_or_null(9)?;
        let record = Self {
            id: AppId::from_u64(number(row.int(0)?)?).ok_or_else(tampered)?,
            owner: accounts::id_of(row.int(1)?)?,
            name: AppName::parse(&row.text(2)?).map_err(|_| tampered())?,
            home_page: row.text(3)?,
            contact: row.text(4)?,
            permissions: Permissions::from_bits(bits).ok_or_else(tampered)?,
            logo: row.bytes_or_null(6)?,
            standing: AppStanding::from_word(&row.text(7)?).ok_or_else(tampered)?,
            reason: row.text(8)?,
            verified_at: row.int_or_null(17)?.map(moment).transpose()?,
            frozen: frozen.map(|word| FrozenBy::from_word(&word).ok_or_else(tampered)).transpose()?,
            demand,
            created_at: moment(row.int(12)?)?,
            changed_at: moment(row.int(13)?)?,
            version: number(row.int(14)?)?,
        };
        vault
            .open_seal(number(row.int(15)?)?, &record.aad(), &row.bytes(16)?)
            .map(|_| record)
            .ok_or_else(tampered)
    }

    /// What no two rows have: the name's folded form once it was verified, and before something that is this app's alone.
    fn held_name(&self) -> String {
        let folded = self.name.folded();
        if self.verified_at.is_some() { folded } else { format!("~{}:{folded}", self.id) }
    }

    fn values(&self, vault: &Vault) -> Result<Vec<Value>, StoreError> {
        let seal = vault.seal(&self.aad(), b"")?;
        Ok(vec![
            self.id.as_u64().into(),
            self.owner.as_u64().into(),
            self.name.as_str().into(),
            self.held_name().into(),
            self.home_page.as_str().into(),
            self.contact.as_str().into(),
            u64::from(self.permissions.bits()).into(),
            Value::Bytes(self.logo.clone()),
            self.standing.word().into(),
            self.reason.as_str().into(),
            Value::Text(self.frozen.map(|by| by.word().to_owned())),
            self.demand.map(|demand| demand.made_at.unix_ms()).into(),
            self.demand.map(|demand| demand.due.unix_ms()).into(),
            self.created_at.unix_ms().into(),
            self.changed_at.unix_ms().into(),
            self.version.into(),
            vault.newest().into(),
            seal.as_slice().into(),
            self.verified_at.map(Moment::unix_ms).into(),
        ])
    }
}

impl Tx {
    /// An app's profile; `None` also when it is somebody else's than the grant reaches.
    ///
    /// # Errors
    /// [`StoreError::Tampered`].
    pub async fn app_profile(&mut self, id: AppId) -> Result<Option<AppProfile>, StoreError> {
        let row = self.transact.fetch_optional(PROFILE, vec![id.as_u64().into()]).await?;
        let profile = row.map(|row| AppProfile::from_row(&row, &self.vault)).transpose()?;
        let scope = self.grant().scope();
        Ok(profile.filter(|profile| scope.reaches(profile.owner)))
    }

    /// An app's profile, whoever's it is: for a holder who binds a key to it.
    ///
    /// # Errors
    /// [`StoreError::Tampered`].
    pub async fn any_app_profile(&mut self, id: AppId) -> Result<Option<AppProfile>, StoreError> {
        let row = self.transact.fetch_optional(PROFILE, vec![id.as_u64().into()]).await?;
        row.map(|row| AppProfile::from_row(&row, &self.vault)).transpose()
    }

    /// Refuses a name that looks like that of an app which was verified. Others may have it too: who is verified first
    /// gets it.
    ///
    /// # Errors
    /// [`StoreError::Exists`].
    pub async fn refuse_held_name(&mut self, name: &AppName, of: AppId) -> Result<(), StoreError> {
        let values = vec![name.folded().into(), of.as_u64().into()];
        match self.transact.fetch_optional(NAME_HELD, values).await? {
            Some(_) => Err(StoreError::Exists { what: "an app whose name looks like this" }),
            None => Ok(()),
        }
    }

    /// How many apps an account has registered.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn apps_of(&mut self, owner: AccountId) -> Result<usize, StoreError> {
        Ok(self.transact.fetch_all(PROFILES_OF, vec![owner.as_u64().into()]).await?.len())
    }

    /// Keeps a profile: a new one with version 1, or the next version of the one there is.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when another app's name looks like it; [`StoreError::Conflict`] when the version is not the
    /// next.
    pub async fn put_app_profile(&mut self, profile: &AppProfile) -> Result<(), StoreError> {
        let values = profile.values(&self.vault)?;
        let statement = if profile.version == 1 { INSERT_PROFILE } else { UPDATE_PROFILE };
        let touched = self
            .transact
            .execute(statement, values)
            .await
            .map_err(taken("an app whose name looks like this"))?;
        self.concerns(profile.owner);
        self.touch(&rows::PROFILES, profile.id.as_u64());
        if touched == 1 { Ok(()) } else { Err(StoreError::Conflict { what: format!("app {}", profile.id) }) }
    }
}

impl Reader {
    /// An app's profile.
    ///
    /// # Errors
    /// [`StoreError::Tampered`].
    pub async fn app_profile(&self, id: AppId) -> Result<Option<AppProfile>, StoreError> {
        let row = self.database.fetch_optional(PROFILE, vec![id.as_u64().into()]).await?;
        row.map(|row| AppProfile::from_row(&row, &self.vault)).transpose()
    }

    /// The apps of an account; altered rows stand in the list as their error.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn app_profiles_of(
        &self,
        owner: AccountId,
    ) -> Result<Vec<Result<AppProfile, StoreError>>, StoreError> {
        let rows = self.database.fetch_all(PROFILES_OF, vec![owner.as_u64().into()]).await?;
        Ok(rows.iter().map(|row| AppProfile::from_row(row, &self.vault)).collect())
    }

    /// Whether an account has registered an app.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn is_broker(&self, owner: AccountId) -> Result<bool, StoreError> {
        Ok(self.database.fetch_optional(ANY_APP_OF, vec![owner.as_u64().into()]).await?.is_some())
    }

    /// Up to `limit` apps after `after`, all or those that stand so; altered rows are left out.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn app_profiles(
        &self,
        standing: Option<AppStanding>,
        after: Option<AppId>,
        limit: usize,
    ) -> Result<Vec<AppProfile>, StoreError> {
        let after: Value = after.map_or(0, AppId::as_u64).into();
        let limit: Value = i64::try_from(limit).unwrap_or(0).into();
        let rows = match standing {
            Some(standing) => {
                self.database.fetch_all(PROFILES, vec![standing.word().into(), after, limit]).await?
            }
            None => self.database.fetch_all(PROFILES_ALL, vec![after, limit]).await?,
        };
        Ok(rows.iter().filter_map(|row| AppProfile::from_row(row, &self.vault).ok()).collect())
    }

    /// Up to `limit` apps whose keys are frozen, the one that was changed first at the front; altered rows are left out.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn frozen_app_profiles(&self, limit: usize) -> Result<Vec<AppProfile>, StoreError> {
        let limit: Value = i64::try_from(limit).unwrap_or(0).into();
        let rows = self.database.fetch_all(PROFILES_FROZEN, vec![limit]).await?;
        Ok(rows.iter().filter_map(|row| AppProfile::from_row(row, &self.vault).ok()).collect())
    }

    /// Up to `limit` apps with ranges that wait for review; altered rows are left out.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn app_profiles_with_submitted_ranges(
        &self,
        limit: usize,
    ) -> Result<Vec<AppProfile>, StoreError> {
        let limit: Value = i64::try_from(limit).unwrap_or(0).into();
        let rows = self.database.fetch_all(PROFILES_TO_REVIEW, vec![limit]).await?;
        Ok(rows.iter().filter_map(|row| AppProfile::from_row(row, &self.vault).ok()).collect())
    }

    /// Up to `limit` apps after `after` whose demand for successors is due; altered rows are left out.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn app_profiles_due(
        &self,
        now: Moment,
        after: Option<AppId>,
        limit: usize,
    ) -> Result<Vec<AppProfile>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(0);
        let values = vec![now.unix_ms().into(), after.map_or(0, AppId::as_u64).into(), limit.into()];
        let rows = self.database.fetch_all(PROFILES_DUE, values).await?;
        Ok(rows.iter().filter_map(|row| AppProfile::from_row(row, &self.vault).ok()).collect())
    }

    /// Up to `limit` apps whose demand for successors is due while keys that it means have not ended, the longest due
    /// first; altered rows are left out.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn overdue_app_profiles(
        &self,
        now: Moment,
        limit: usize,
    ) -> Result<Vec<AppProfile>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(0);
        let values = vec![now.unix_ms().into(), limit.into()];
        let rows = self.database.fetch_all(PROFILES_OVERDUE, values).await?;
        Ok(rows.iter().filter_map(|row| AppProfile::from_row(row, &self.vault).ok()).collect())
    }

    /// How many apps wait for an operator.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn apps_waiting(&self) -> Result<u64, StoreError> {
        let row = self.database.fetch_optional(APPS_WAITING, vec![]).await?;
        Ok(u64::try_from(row.map_or(Ok(0), |row| row.int(0))?).unwrap_or(0))
    }
}
