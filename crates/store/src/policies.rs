//! Policies that operators set in the console, above those of the configuration file.

use keyward_rules::id::AccountId;
use keyward_rules::policy::Setting;
use keyward_rules::time::Moment;

use crate::accounts;
use crate::error::StoreError;
use crate::log::rows;
use crate::reader::Reader;
use crate::seal::{Aad, Vault};
use crate::sql::{Row, Transact, statements};
use crate::writer::Tx;

statements! {
    POLICIES_HEAD = "SELECT data_key, seal FROM policies_head WHERE id = 1";
    SET_POLICIES_HEAD = "INSERT INTO policies_head (id, data_key, seal) VALUES (1, $1, $2) \
        ON CONFLICT (id) DO UPDATE SET data_key = excluded.data_key, seal = excluded.seal";
    POLICIES = "SELECT name, value, set_at, set_by, data_key, seal FROM policies ORDER BY name";
    SET_POLICY = "INSERT INTO policies (name, value, set_at, set_by, data_key, seal) VALUES ($1, $2, $3, $4, $5, $6) \
        ON CONFLICT (name) DO UPDATE SET value = excluded.value, set_at = excluded.set_at, set_by = excluded.set_by, \
        data_key = excluded.data_key, seal = excluded.seal";
}

/// A policy that an operator set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PolicyRecord {
    /// Which, and its value.
    pub setting: Setting,
    /// When.
    pub set_at: Moment,
    /// By whom.
    pub set_by: AccountId,
}

impl PolicyRecord {
    fn aad(&self) -> Aad {
        Aad::new("keyward policy 1")
            .text("name", self.setting.name())
            .text("value", &self.setting.value())
            .number("set_at", self.set_at.unix_ms())
            .number("set_by", self.set_by.as_u64())
    }

    fn from_row(row: &Row, vault: &Vault) -> Result<Self, StoreError> {
        let name = row.text(0)?;
        let tampered = || StoreError::tampered("policy", &name);
        let number = |value: i64| u64::try_from(value).map_err(|_| tampered());
        let record = Self {
            setting: Setting::parse(&name, &row.text(1)?).map_err(|_| tampered())?,
            set_at: Moment::from_unix_ms(number(row.int(2)?)?),
            set_by: accounts::id_of(row.int(3)?)?,
        };
        vault.open_seal(number(row.int(4)?)?, &record.aad(), &row.bytes(5)?).ok_or_else(tampered)?;
        Ok(record)
    }
}

/// All rows together, as the head seals them.
fn head_aad(records: &[PolicyRecord]) -> Aad {
    records.iter().fold(Aad::new("keyward policies 1"), |aad, record| {
        aad.text("name", record.setting.name())
            .text("value", &record.setting.value())
            .number("set_at", record.set_at.unix_ms())
    })
}

/// Reads all rows, and holds them against the head: none was altered, and none is missing.
fn whole(rows: &[Row], head: Option<&Row>, vault: &Vault) -> Result<Vec<PolicyRecord>, StoreError> {
    let tampered = || StoreError::tampered("policies", "all");
    let records: Result<Vec<_>, _> = rows.iter().map(|row| PolicyRecord::from_row(row, vault)).collect();
    let (records, head) = (records?, head.ok_or_else(tampered)?);
    let data_key = u64::try_from(head.int(0)?).map_err(|_| tampered())?;
    vault.open_seal(data_key, &head_aad(&records), &head.bytes(1)?).map(|_| records).ok_or_else(tampered)
}

/// Seals the head over what stands there.
pub(crate) async fn seal_all(tx: &mut Transact, vault: &Vault) -> Result<(), StoreError> {
    let rows = tx.fetch_all(POLICIES, vec![]).await?;
    let records: Result<Vec<_>, _> = rows.iter().map(|row| PolicyRecord::from_row(row, vault)).collect();
    let seal = vault.seal(&head_aad(&records?), b"")?;
    tx.execute(SET_POLICIES_HEAD, vec![vault.newest().into(), seal.as_slice().into()]).await.map(drop)
}

impl Tx {
    /// All policies that operators set.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when one was altered or taken away: a policy that cannot be read must not be taken as
    /// lenient.
    pub async fn policies(&mut self) -> Result<Vec<PolicyRecord>, StoreError> {
        let rows = self.transact.fetch_all(POLICIES, vec![]).await?;
        let head = self.transact.fetch_optional(POLICIES_HEAD, vec![]).await?;
        whole(&rows, head.as_ref(), &self.vault)
    }

    /// Sets a policy.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn set_policy(&mut self, setting: Setting, by: AccountId) -> Result<(), StoreError> {
        let record = PolicyRecord { setting, set_at: self.now(), set_by: by };
        let seal = self.vault.seal(&record.aad(), b"")?;
        let values = vec![
            setting.name().into(),
            setting.value().into(),
            record.set_at.unix_ms().into(),
            by.as_u64().into(),
            self.vault.newest().into(),
            seal.as_slice().into(),
        ];
        self.policies().await?;
        self.transact.execute(SET_POLICY, values).await?;
        self.touch(&rows::POLICIES, 1);
        let vault = std::sync::Arc::clone(&self.vault);
        seal_all(&mut self.transact, &vault).await
    }
}

impl Reader {
    /// As [`Tx::policies`].
    ///
    /// # Errors
    /// As there.
    pub async fn policies(&self) -> Result<Vec<PolicyRecord>, StoreError> {
        // Two reads: a change between them looks like a tampering, and is none when read again.
        for _ in 0..3 {
            let rows = self.database.fetch_all(POLICIES, vec![]).await?;
            let head = self.database.fetch_optional(POLICIES_HEAD, vec![]).await?;
            if let Ok(records) = whole(&rows, head.as_ref(), &self.vault) {
                return Ok(records);
            }
        }
        let rows = self.database.fetch_all(POLICIES, vec![]).await?;
        let head = self.database.fetch_optional(POLICIES_HEAD, vec![]).await?;
        whole(&rows, head.as_ref(), &self.vault)
    }
}
