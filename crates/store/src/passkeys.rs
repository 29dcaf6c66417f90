//! Passkeys, and the questions to authenticators that wait for an answer.
//!
//! Owns: both tables, their seals, and the two steps that must happen once: taking a question away, and moving a
//! passkey's counter on. Leaves to others: what an answer must look like (`authority`).

use keyward_rules::grant::Scope;
use keyward_rules::id::AccountId;
use keyward_rules::key::KeyName;
use keyward_rules::limits::PASSKEY_CEREMONIES;
use keyward_rules::person::{CeremonyId, PasskeyId};
use keyward_rules::secret::Secret;
use keyward_rules::time::Moment;

use crate::accounts;
use crate::door::Door;
use crate::error::StoreError;
use crate::log::rows;
use crate::reader::Reader;
use crate::seal::{Aad, Vault};
use crate::sql::{Row, Value, statements};
use crate::writer::Tx;

statements! {
    PASSKEYS = "SELECT id, account, name, handle, credential, data_key, counter, created_at, last_used_at FROM passkeys \
        WHERE account = $1 ORDER BY created_at, id";
    PASSKEY_BY_HANDLE = "SELECT id, account, name, handle, credential, data_key, counter, created_at, last_used_at FROM passkeys \
        WHERE handle = $1";
    INSERT_PASSKEY = "INSERT INTO passkeys (id, account, name, handle, credential, data_key, counter, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    /// Moves the counter on; one that stands or goes back changes no row, but for authenticators that do not count.
    USE_PASSKEY = "UPDATE passkeys SET counter = $3, credential = $4, data_key = $5, last_used_at = $6 \
        WHERE id = $1 AND account = $2 AND (counter < $3 OR (counter = 0 AND $3 = 0))";
    PASSKEY_NAME = "SELECT name FROM passkeys WHERE account = $1 AND id = $2";
    RENAME_PASSKEY = "UPDATE passkeys SET name = $3 WHERE account = $1 AND id = $2";
    PASSKEY_IS_THERE = "SELECT created_at FROM passkeys WHERE id = $1 AND account = $2";
    REMOVE_PASSKEY = "DELETE FROM passkeys WHERE account = $1 AND id = $2";
    DROP_PASSKEYS = "DELETE FROM passkeys WHERE account = $1";
    OPEN_CEREMONIES = "SELECT COUNT(*) FROM passkey_ceremonies WHERE owner = $1 AND expires_at > $2";
    INSERT_CEREMONY = "INSERT INTO passkey_ceremonies (id, owner, bound, account, state, data_key, expires_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    LOOK_AT_CEREMONY = "SELECT account, state, data_key FROM passkey_ceremonies \
        WHERE id = $1 AND bound = $2 AND expires_at > $3";
    /// Takes the question away, once: whoever comes second finds no row.
    TAKE_CEREMONY = "DELETE FROM passkey_ceremonies WHERE id = $1 AND bound = $2 AND expires_at > $3 \
        RETURNING account, state, data_key";
    DROP_CEREMONIES = "DELETE FROM passkey_ceremonies WHERE expires_at <= $1";
}

/// A passkey, opened.
pub struct PasskeyRecord {
    /// Its id.
    pub id: PasskeyId,
    /// Whose.
    pub account: AccountId,
    /// What its holder calls it.
    pub name: String,
    /// What its authenticator calls it.
    pub handle: Vec<u8>,
    /// What is needed to check its answers, as the one who checks wrote it.
    pub credential: String,
    /// Its own count of uses.
    pub counter: u32,
    /// Since when.
    pub created_at: Moment,
    /// When it was last used.
    pub last_used_at: Option<Moment>,
}

/// A passkey to keep.
pub struct NewPasskey {
    /// Its id.
    pub id: PasskeyId,
    /// Whose.
    pub account: AccountId,
    /// What its holder calls it.
    pub name: KeyName,
    /// What its authenticator calls it.
    pub handle: Vec<u8>,
    /// What is needed to check its answers.
    pub credential: String,
    /// Its own count of uses.
    pub counter: u32,
}

/// A question to put to an authenticator.
pub struct NewCeremony {
    /// Its id.
    pub id: CeremonyId,
    /// Whose open questions are counted together.
    pub owner: String,
    /// What its answer is good for; nothing else takes it.
    pub bound: String,
    /// Whose passkey is asked, if that is known.
    pub account: Option<AccountId>,
    /// What is needed to check the answer; sealed.
    pub state: Secret<String>,
    /// How long it waits.
    pub expires_at: Moment,
}

/// What came of noting a use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    /// Noted: the counter moved on.
    Noted,
    /// The counter stood still or went back: there may be a copy.
    WentBack,
    /// The passkey is gone.
    Gone,
}

impl PasskeyRecord {
    fn from_row(row: &Row, vault: &Vault) -> Result<Self, StoreError> {
        let tampered = || StoreError::tampered("passkey", "row");
        let moment = |value: i64| u64::try_from(value).map(Moment::from_unix_ms).map_err(|_| tampered());
        let id: PasskeyId = row.text(0)?.parse().map_err(|_| tampered())?;
        let (account, handle) = (accounts::id_of(row.int(1)?)?, row.bytes(3)?);
        let data_key = u64::try_from(row.int(5)?).map_err(|_| tampered())?;
        let credential = vault
            .open_seal(data_key, &credential_aad(id, account, &handle), &row.bytes(4)?)
            .and_then(|bytes| String::from_utf8(bytes.expose().clone()).ok())
            .ok_or_else(tampered)?;
        Ok(Self {
            id,
            account,
            name: row.text(2)?,
            handle,
            credential,
            counter: u32::try_from(row.int(6)?).map_err(|_| tampered())?,
            created_at: moment(row.int(7)?)?,
            last_used_at: row.int_or_null(8)?.map(moment).transpose()?,
        })
    }
}

/// A row moved to another account, or under another handle, does not open.
fn credential_aad(id: PasskeyId, account: AccountId, handle: &[u8]) -> Aad {
    Aad::new("keyward passkey 1")
        .text("id", &id.to_string())
        .number("account", account.as_u64())
        .bytes("handle", handle)
}

fn ceremony_aad(id: CeremonyId, bound: &str, account: Option<AccountId>) -> Aad {
    Aad::new("keyward passkey ceremony 1")
        .text("id", &id.to_string())
        .text("bound", bound)
        .maybe("account", account.map(AccountId::as_u64))
}

impl Tx {
    /// Keeps a passkey.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when some account has it already.
    pub async fn insert_passkey(&mut self, new: &NewPasskey) -> Result<(), StoreError> {
        self.concerns(new.account);
        self.touch(&rows::PASSKEYS, new.account.as_u64());
        let aad = credential_aad(new.id, new.account, &new.handle);
        let values = vec![
            new.id.to_string().into(),
            new.account.as_u64().into(),
            new.name.as_str().into(),
            new.handle.as_slice().into(),
            self.vault.seal(&aad, new.credential.as_bytes())?.as_slice().into(),
            self.vault.newest().into(),
            u64::from(new.counter).into(),
            self.now().unix_ms().into(),
        ];
        self.transact.execute(INSERT_PASSKEY, values).await.map_err(crate::writer::taken("the passkey"))?;
        Ok(())
    }

    /// What a passkey of the account is called; `None` if it has no such one.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn passkey_name(
        &mut self,
        account: AccountId,
        id: PasskeyId,
    ) -> Result<Option<String>, StoreError> {
        let values = vec![account.as_u64().into(), id.to_string().into()];
        let row = self.transact.fetch_optional(PASSKEY_NAME, values).await?;
        row.map(|row| row.text(0)).transpose()
    }

    /// Calls a passkey otherwise; whether the account had it.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn rename_passkey(
        &mut self,
        account: AccountId,
        id: PasskeyId,
        name: &KeyName,
    ) -> Result<bool, StoreError> {
        self.concerns(account);
        self.touch(&rows::PASSKEYS, account.as_u64());
        let values = vec![account.as_u64().into(), id.to_string().into(), name.as_str().into()];
        Ok(self.transact.execute(RENAME_PASSKEY, values).await? == 1)
    }

    /// Removes a passkey; whether the account had it.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn remove_passkey(&mut self, account: AccountId, id: PasskeyId) -> Result<bool, StoreError> {
        self.concerns(account);
        self.touch(&rows::PASSKEYS, account.as_u64());
        let values = vec![account.as_u64().into(), id.to_string().into()];
        Ok(self.transact.execute(REMOVE_PASSKEY, values).await? == 1)
    }

    /// Removes all passkeys of an account.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn drop_passkeys(&mut self, account: AccountId) -> Result<(), StoreError> {
        self.concerns(account);
        self.touch(&rows::PASSKEYS, account.as_u64());
        self.transact.execute(DROP_PASSKEYS, vec![account.as_u64().into()]).await.map(drop)
    }
}

impl Reader {
    /// The passkeys of an account in `scope`, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when a seal does not open.
    pub async fn passkeys_of(
        &self,
        scope: Scope,
        account: AccountId,
    ) -> Result<Vec<PasskeyRecord>, StoreError> {
        if !scope.reaches(account) {
            return Ok(Vec::new());
        }
        let rows = self.database.fetch_all(PASSKEYS, vec![account.as_u64().into()]).await?;
        rows.iter().map(|row| PasskeyRecord::from_row(row, &self.vault)).collect()
    }
}

impl Door {
    /// The passkeys of an account, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when a seal does not open.
    pub async fn passkeys(&self, account: AccountId) -> Result<Vec<PasskeyRecord>, StoreError> {
        let rows = self.database.fetch_all(PASSKEYS, vec![account.as_u64().into()]).await?;
        rows.iter().map(|row| PasskeyRecord::from_row(row, &self.vault)).collect()
    }

    /// The passkey that an authenticator calls so.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when its seal does not open.
    pub async fn passkey_by_handle(&self, handle: &[u8]) -> Result<Option<PasskeyRecord>, StoreError> {
        let row = self.database.fetch_optional(PASSKEY_BY_HANDLE, vec![handle.into()]).await?;
        row.map(|row| PasskeyRecord::from_row(&row, &self.vault)).transpose()
    }

    /// Notes a use of a passkey whose answer was right, under the counter that it gave. Committed when this returns.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then the answer must not count.
    pub async fn use_passkey(
        &self,
        passkey: &PasskeyRecord,
        credential: &str,
        counter: u32,
        now: Moment,
    ) -> Result<Use, StoreError> {
        let aad = credential_aad(passkey.id, passkey.account, &passkey.handle);
        let (id, account) = (passkey.id.to_string(), passkey.account.as_u64());
        let values: Vec<Value> = vec![
            id.as_str().into(),
            account.into(),
            u64::from(counter).into(),
            self.vault.seal(&aad, credential.as_bytes())?.as_slice().into(),
            self.vault.newest().into(),
            now.unix_ms().into(),
        ];
        if self.alone(USE_PASSKEY, values).await? == 1 {
            return Ok(Use::Noted);
        }
        let row = self.database.fetch_optional(PASSKEY_IS_THERE, vec![id.into(), account.into()]).await?;
        Ok(if row.is_some() { Use::WentBack } else { Use::Gone })
    }

    /// Puts a question away until its answer comes; `false` when its owner has too many open.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn begin_ceremony(&self, new: NewCeremony, now: Moment) -> Result<bool, StoreError> {
        let aad = ceremony_aad(new.id, &new.bound, new.account);
        let state = self.vault.seal(&aad, new.state.expose().as_bytes())?;
        let mut tx = self.database.begin().await?;
        let values = vec![new.owner.as_str().into(), now.unix_ms().into()];
        let row = tx.fetch_optional(OPEN_CEREMONIES, values).await?;
        if row.map_or(Ok(0), |row| row.int(0))? >= PASSKEY_CEREMONIES {
            return Ok(false);
        }
        let values: Vec<Value> = vec![
            new.id.to_string().into(),
            new.owner.into(),
            new.bound.into(),
            new.account.map(AccountId::as_u64).into(),
            state.as_slice().into(),
            self.vault.newest().into(),
            new.expires_at.unix_ms().into(),
        ];
        tx.execute(INSERT_CEREMONY, values).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The state of a question that still waits, left where it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn look_at_ceremony(
        &self,
        id: CeremonyId,
        bound: &str,
        now: Moment,
    ) -> Result<Option<Secret<String>>, StoreError> {
        let values = vec![id.to_string().into(), bound.into(), now.unix_ms().into()];
        let row = self.database.fetch_optional(LOOK_AT_CEREMONY, values).await?;
        row.map(|row| self.ceremony_state(id, bound, &row)).transpose()
    }

    /// Takes a question away, whatever its answer is worth. Committed when this returns. `None` when it was answered,
    /// is over, was put for something else, or never was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_ceremony(
        &self,
        id: CeremonyId,
        bound: &str,
        now: Moment,
    ) -> Result<Option<Secret<String>>, StoreError> {
        let values = vec![id.to_string().into(), bound.into(), now.unix_ms().into()];
        let mut tx = self.database.begin().await?;
        let Some(row) = tx.fetch_optional(TAKE_CEREMONY, values).await? else { return Ok(None) };
        tx.commit().await?;
        self.ceremony_state(id, bound, &row).map(Some)
    }

    fn ceremony_state(&self, id: CeremonyId, bound: &str, row: &Row) -> Result<Secret<String>, StoreError> {
        let tampered = || StoreError::tampered("passkey ceremony", id);
        let account = row.int_or_null(0)?.map(accounts::id_of).transpose()?;
        let data_key = u64::try_from(row.int(2)?).map_err(|_| tampered())?;
        self.vault
            .open_seal(data_key, &ceremony_aad(id, bound, account), &row.bytes(1)?)
            .and_then(|bytes| String::from_utf8(bytes.expose().clone()).ok())
            .map(Secret::new)
            .ok_or_else(tampered)
    }
}
