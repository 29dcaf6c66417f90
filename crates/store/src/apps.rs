//! What a gateway must know of a third-party app to enforce its keys, sealed like keys; the ranges are inside the seal.

use keyward_rules::address::{AddressSet, HostBits, Network};
use keyward_rules::id::AppId;
use keyward_rules::limits::RANGES_PER_APP;
use keyward_rules::time::Moment;

use crate::error::StoreError;
use crate::log::rows;
use crate::seal::{Aad, Vault};
use crate::sql::{Row, Value, statements};
use crate::writer::{Tx, taken};

statements! {
    APP_BY_ID = "SELECT id, name, state, ranges, version, data_key, seal FROM apps WHERE id = $1";
    ALL_APPS = "SELECT id, name, state, ranges, version, data_key, seal FROM apps";
    /// The apps that keys of an account are bound to.
    APPS_OF_ACCOUNT = "SELECT id, name, state, ranges, version, data_key, seal FROM apps \
        WHERE 'app:' || CAST(id AS TEXT) IN (SELECT binding FROM keys WHERE account = $1)";
    /// The ranges stand in the seal; the column is from when they did not.
    INSERT_APP = "INSERT INTO apps (id, name, state, ranges, version, data_key, seal, created_at) \
        VALUES ($1, $2, $3, '', $4, $5, $6, $7)";
    UPDATE_APP = "UPDATE apps SET name = $2, state = $3, ranges = '', version = $4, data_key = $5, seal = $6 \
        WHERE id = $1 AND version = $4 - 1";
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
        let data_key = number(row.int(5)?)?;
        let read = |text: &str| {
            let networks: Result<Vec<_>, _> =
                text.split(',').map(|entry| Network::parse(entry, HostBits::Refuse)).collect();
            AddressSet::of_overlap(networks.map_err(|_| tampered())?).map_err(|_| tampered())
        };
        let head = Head {
            id: AppId::from_u64(number(row.int(0)?)?).ok_or_else(tampered)?,
            name: &row.text(1)?,
            state,
            version: number(row.int(4)?)?,
            data_key,
        };
        let (clear, seal) = (row.text(3)?, row.bytes(6)?);
        let ranges = if clear.is_empty() {
            let opened = vault.open_seal(data_key, &head.aad(), &seal).ok_or_else(tampered)?;
            read(std::str::from_utf8(opened.expose()).map_err(|_| tampered())?)?
        } else {
            let ranges = read(&clear)?;
            vault.open_seal(data_key, &head.aad_in_clear(&ranges), &seal).ok_or_else(tampered)?;
            ranges
        };
        Ok(Self { id: head.id, name: head.name.to_owned(), state, ranges, version: head.version })
    }

    fn sealed(&self, vault: &Vault) -> Result<(u64, Vec<u8>), StoreError> {
        let Self { id, name, state, ranges, version } = self;
        let data_key = vault.newest();
        let head = Head { id: *id, name, state: *state, version: *version, data_key };
        Ok((data_key, vault.seal(&head.aad(), ranges.to_string().as_bytes())?))
    }

    /// The values of `INSERT_APP`.
    pub(crate) fn insert_values(&self, vault: &Vault, now: Moment) -> Result<Vec<Value>, StoreError> {
        let mut values = self.update_values(vault)?;
        values.push(now.unix_ms().into());
        Ok(values)
    }

    /// The values of `UPDATE_APP`.
    pub(crate) fn update_values(&self, vault: &Vault) -> Result<Vec<Value>, StoreError> {
        let (data_key, seal) = self.sealed(vault)?;
        Ok(vec![
            self.id.as_u64().into(),
            self.name.as_str().into(),
            self.state.word().into(),
            self.version.into(),
            data_key.into(),
            seal.as_slice().into(),
        ])
    }
}

/// Everything of an app but its ranges.
struct Head<'a> {
    id: AppId,
    name: &'a str,
    state: AppState,
    version: u64,
    data_key: u64,
}

impl Head<'_> {
    fn aad(&self) -> Aad {
        Aad::new("keyward app 2")
            .number("id", self.id.as_u64())
            .text("name", self.name)
            .text("state", self.state.word())
            .number("version", self.version)
            .number("data key", self.data_key)
    }

    /// As rows were sealed whose ranges stood beside the seal.
    fn aad_in_clear(&self, ranges: &AddressSet) -> Aad {
        Aad::new("keyward app 1")
            .number("id", self.id.as_u64())
            .text("name", self.name)
            .text("state", self.state.word())
            .text("ranges", &ranges.to_string())
            .number("version", self.version)
            .number("data key", self.data_key)
    }
}

impl Tx {
    /// What gateways know of the app.
    ///
    /// # Errors
    /// [`StoreError::Tampered`].
    pub async fn app(&mut self, id: AppId) -> Result<Option<AppRecord>, StoreError> {
        let row = self.transact.fetch_optional(APP_BY_ID, vec![id.as_u64().into()]).await?;
        row.map(|row| AppRecord::from_row(&row, &self.vault)).transpose()
    }

    /// Tells gateways of the app as it is now: a new one with version 1, or the next version of the one there is.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when another app has the name; [`StoreError::Conflict`] when the version is not the next.
    pub async fn put_app(&mut self, app: &AppRecord) -> Result<(), StoreError> {
        if app.ranges.networks().len() > 2 * RANGES_PER_APP {
            return Err(StoreError::Conflict {
                what: format!("app {}: more ranges than a gateway takes", app.id),
            });
        }
        let touched = if app.version == 1 {
            let values = app.insert_values(&self.vault, self.now)?;
            self.transact.execute(INSERT_APP, values).await.map_err(taken("the app"))?
        } else {
            let values = app.update_values(&self.vault)?;
            self.transact.execute(UPDATE_APP, values).await.map_err(taken("the app"))?
        };
        if touched != 1 {
            return Err(StoreError::Conflict { what: format!("app {}", app.id) });
        }
        self.touch(&rows::APPS, app.id.as_u64());
        self.announce("app", app.id.to_string()).await
    }
}
