//! Third-party apps and their range sets, sealed like keys. Their life cycle comes with the app issue; what
//! exists already is what a gateway must know to enforce an app key.

use keyward_rules::address::{AddressSet, HostBits, Network};
use keyward_rules::id::AppId;
use keyward_rules::time::Moment;

use crate::error::StoreError;
use crate::seal::{Aad, Vault};
use crate::sql::{Row, Value, statements};

statements! {
    APP_BY_ID = "SELECT id, name, state, ranges, version, data_key, seal FROM apps WHERE id = $1";
    APP_BY_NAME = "SELECT id, name, state, ranges, version, data_key, seal FROM apps WHERE name = $1";
    ALL_APPS = "SELECT id, name, state, ranges, version, data_key, seal FROM apps";
    INSERT_APP = "INSERT INTO apps (id, name, state, ranges, version, data_key, seal, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
}

/// Whether an app's keys may be used at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AppState {
    /// Verified, with an active range set.
    Active,
    /// Frozen by its broker or an operator.
    Frozen,
}

impl AppState {
    const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Frozen => "frozen",
        }
    }
}

/// An app as a gateway needs it. The ranges are confidential: no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct AppRecord {
    /// Its id.
    pub id: AppId,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: AppState,
    /// Where its servers are.
    pub ranges: AddressSet,
    /// Counts changes.
    pub version: u64,
}

impl AppRecord {
    pub(crate) fn from_row(row: &Row, vault: &Vault) -> Result<Self, StoreError> {
        let tampered = || StoreError::tampered("app", "row");
        let number = |value: i64| u64::try_from(value).map_err(|_| tampered());
        let state = match row.text(2)?.as_str() {
            "active" => AppState::Active,
            "frozen" => AppState::Frozen,
            _ => return Err(tampered()),
        };
        let networks: Result<Vec<_>, _> =
            row.text(3)?.split(',').map(|entry| Network::parse(entry, HostBits::Refuse)).collect();
        let record = Self {
            id: AppId::from_u64(number(row.int(0)?)?).ok_or_else(tampered)?,
            name: row.text(1)?,
            state,
            ranges: AddressSet::of_app(networks.map_err(|_| tampered())?).map_err(|_| tampered())?,
            version: number(row.int(4)?)?,
        };
        let data_key = number(row.int(5)?)?;
        vault.open_seal(data_key, &record.aad(data_key), &row.bytes(6)?).map(|_| record).ok_or_else(tampered)
    }

    fn aad(&self, data_key: u64) -> Aad {
        Aad::new("keyward app 1")
            .number("id", self.id.as_u64())
            .text("name", &self.name)
            .text("state", self.state.word())
            .text("ranges", &self.ranges.to_string())
            .number("version", self.version)
            .number("data key", data_key)
    }

    /// The values of `INSERT_APP`, sealed.
    pub(crate) fn insert_values(&self, vault: &Vault, now: Moment) -> Result<Vec<Value>, StoreError> {
        let data_key = vault.newest();
        let seal = vault.seal(&self.aad(data_key), b"")?;
        Ok(vec![
            self.id.as_u64().into(),
            self.name.as_str().into(),
            self.state.word().into(),
            self.ranges.to_string().into(),
            self.version.into(),
            data_key.into(),
            seal.as_slice().into(),
            now.unix_ms().into(),
        ])
    }
}
