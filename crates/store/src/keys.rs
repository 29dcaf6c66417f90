//! The key's row: its seal, how it is read, inserted and changed.

use std::sync::Arc;

use keyward_rules::address::{AddressSet, Binding, HostBits};
use keyward_rules::fence::{self, Fences};
use keyward_rules::id::{AccountId, AppId, KeyId};
use keyward_rules::key::HmacState;
use keyward_rules::key::{
    EndCause, Environment, Hold, HolderState, Holds, KeyName, Life, LifecycleError, PassphraseTag, Place,
    RateCap, SecretKey, Sibling,
};
use keyward_rules::permission::Permissions;
use keyward_rules::secret::Secret;
use keyward_rules::time::Moment;

use crate::error::StoreError;
use crate::seal::{Aad, Vault};
use crate::sql::{Row, Value, statements};

statements! {
    KEY_BY_ID = "SELECT id, account, master, name, permissions, binding, environment, state, holds, ended_at, \
        expires_at, passphrase, version, data_key, seal, created_at, changed_at, used_at, used_from, rate_cap, fences, new_device_until \
        FROM keys LEFT JOIN uses ON uses.key_id = keys.id WHERE id = $1";
    KEYS_OF_ACCOUNT = "SELECT id, account, master, name, permissions, binding, environment, state, holds, ended_at, \
        expires_at, passphrase, version, data_key, seal, created_at, changed_at, used_at, used_from, rate_cap, fences, new_device_until \
        FROM keys LEFT JOIN uses ON uses.key_id = keys.id WHERE account = $1 ORDER BY created_at, id";
    /// An account's own and its sub-accounts'.
    KEYS_OF_FAMILY = "SELECT id, account, master, name, permissions, binding, environment, state, holds, ended_at, \
        expires_at, passphrase, version, data_key, seal, created_at, changed_at, used_at, used_from, rate_cap, fences, new_device_until \
        FROM keys LEFT JOIN uses ON uses.key_id = keys.id WHERE account = $1 OR master = $1 ORDER BY created_at, id";
    /// Living keys that were made, and last used if at all, before $1.
    KEYS_TO_REMIND = "SELECT id, account, master, name, permissions, binding, environment, state, holds, ended_at, \
        expires_at, passphrase, version, data_key, seal, created_at, changed_at, used_at, used_from, rate_cap, fences, new_device_until \
        FROM keys LEFT JOIN uses ON uses.key_id = keys.id WHERE state IN ('active', 'disabled') AND created_at <= $1 AND id > $2 ORDER BY id LIMIT $3";
    /// For gateways, which do not need to know when a key was used.
    ALL_KEYS = "SELECT id, account, master, name, permissions, binding, environment, state, holds, ended_at, \
        expires_at, passphrase, version, data_key, seal, created_at, changed_at, CAST(NULL AS BIGINT), CAST(NULL AS TEXT), rate_cap, fences, new_device_until \
        FROM keys";
    KEYS_AFTER = "SELECT id, account, master, name, permissions, binding, environment, state, holds, ended_at, \
        expires_at, passphrase, version, data_key, seal, created_at, changed_at, used_at, used_from, rate_cap, fences, new_device_until \
        FROM keys LEFT JOIN uses ON uses.key_id = keys.id WHERE id > $1 ORDER BY id LIMIT $2";
    /// Keys whose clock may have run out: unused since $1, or with an end of their own at or before $2; in the
    /// order of their ids from $3 on, so that bound and demo keys, which stay, cannot hide others behind them.
    KEYS_TO_SWEEP = "SELECT id, account, master, name, permissions, binding, environment, state, holds, ended_at, \
        expires_at, passphrase, version, data_key, seal, created_at, changed_at, used_at, used_from, rate_cap, fences, new_device_until \
        FROM keys LEFT JOIN uses ON uses.key_id = keys.id WHERE state IN ('active', 'disabled') AND id > $3 AND (expires_at <= $2 OR (created_at <= $1 AND \
        (used_at IS NULL OR used_at <= $1))) ORDER BY id LIMIT $4";
    INSERT_KEY = "INSERT INTO keys (id, account, master, name, permissions, binding, environment, state, holds, \
        ended_at, expires_at, passphrase, version, data_key, seal, created_at, changed_at, rate_cap, fences, secret_print, new_device_until) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)";
    UPDATE_KEY = "UPDATE keys SET name = $2, binding = $3, state = $4, holds = $5, ended_at = $6, expires_at = $7, \
        version = $8, data_key = $9, seal = $10, changed_at = $11, fences = $13, secret_print = $14, new_device_until = $15 \
        WHERE id = $1 AND version = $12";
    /// Living keys of new devices whose cooling period is over.
    KEYS_TO_RELEASE = "SELECT id, account, master, name, permissions, binding, environment, state, holds, ended_at, \
        expires_at, passphrase, version, data_key, seal, created_at, changed_at, used_at, used_from, rate_cap, fences, new_device_until \
        FROM keys LEFT JOIN uses ON uses.key_id = keys.id WHERE new_device_until <= $1 AND state IN ('active', 'disabled') ORDER BY id LIMIT $2";
    /// The sweep compares with the last use that it judged by, so that a key used meanwhile stays.
    UNUSED_SINCE = "SELECT id FROM keys LEFT JOIN uses ON uses.key_id = keys.id WHERE id = $1 AND \
        (used_at IS NULL OR used_at <= $2)";
}

/// What the key is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// The holder's own software.
    Trading,
    /// A third-party app.
    ThirdPartyApp(AppId),
    /// None: it raises the alarm when somebody uses it.
    Canary,
}

/// A key to insert.
pub struct KeyDraft {
    /// Its id.
    pub id: KeyId,
    /// Whose it is.
    pub account: AccountId,
    /// The master, when the owner is a sub-account.
    pub master: Option<AccountId>,
    /// Its name.
    pub name: KeyName,
    /// Its rights.
    pub permissions: Permissions,
    /// Where from.
    pub binding: Binding,
    /// Live or demo.
    pub environment: Environment,
    /// Its end, if it has one.
    pub expires_at: Option<Moment>,
    /// Its own rate, if it has one.
    pub rate_cap: Option<RateCap>,
    /// Its limits, if it has any.
    pub fences: Option<Arc<Fences>>,
    /// Its passphrase's tag.
    pub passphrase: PassphraseTag,
    /// Until when it only reads, because it was made on a new device.
    pub new_device_until: Option<Moment>,
    /// The state of its secret.
    pub hmac: HmacState,
}

/// A key as stored, opened and found intact. Carries the secret's state, so it has no `Debug` of that.
pub struct KeyRecord {
    /// Its id.
    pub id: KeyId,
    /// Whose it is.
    pub account: AccountId,
    /// The master, when the owner is a sub-account.
    pub master: Option<AccountId>,
    /// Its name.
    pub name: KeyName,
    /// Its rights.
    pub permissions: Permissions,
    /// Where from.
    pub binding: Binding,
    /// Live or demo.
    pub environment: Environment,
    /// State and holds.
    pub life: Life,
    /// Its end, if it has one.
    pub expires_at: Option<Moment>,
    /// Its own rate, if it has one.
    pub rate_cap: Option<RateCap>,
    /// Its limits, if it has any.
    pub fences: Option<Arc<Fences>>,
    /// Its passphrase's tag.
    pub passphrase: PassphraseTag,
    /// Counts changes.
    pub version: u64,
    /// When it was made.
    pub created_at: Moment,
    /// When it last changed.
    pub changed_at: Moment,
    /// Its last use as last flushed.
    pub last_used_at: Option<Moment>,
    /// From where that was.
    pub last_used_from: Option<String>,
    /// Until when it only reads, because it was made or loosened on a new device: the end of [`Hold::NewDevice`].
    pub new_device_until: Option<Moment>,
    /// The state of its secret; gone once the key has ended.
    pub(crate) hmac: Option<Secret<Vec<u8>>>,
}

impl KeyRecord {
    /// The purpose, which the binding implies.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        match self.binding {
            Binding::App(app) => Purpose::ThirdPartyApp(app),
            Binding::Anywhere | Binding::Addresses(_) => Purpose::Trading,
            Binding::Canary => Purpose::Canary,
        }
    }

    /// Whether the key has not ended: a key whose own end has come has, even before the sweep finds it.
    #[must_use]
    pub fn lives(&self, now: Moment) -> bool {
        !self.life.is_over() && self.expires_at.is_none_or(|end| end > now)
    }

    /// Lets it only read until then, because it is loosened on a new device. A later end that it has already stays.
    ///
    /// # Errors
    /// [`LifecycleError::Ended`].
    pub fn hold_for_new_device(&mut self, until: Moment) -> Result<(), LifecycleError> {
        self.life = self.life.hold(Hold::NewDevice)?;
        self.new_device_until = self.new_device_until.max(Some(until));
        Ok(())
    }

    /// Ends that.
    pub fn release_from_new_device(&mut self) {
        self.life = self.life.release(Hold::NewDevice);
        self.new_device_until = None;
    }

    /// What a new key of the account is compared with.
    #[must_use]
    pub fn as_sibling(&self, place: Place) -> Sibling {
        Sibling { name: self.name.clone(), life: self.life, passphrase: self.passphrase, place }
    }

    /// Whether the key was made with this secret, in constant time. A key that has ended was not.
    #[must_use]
    pub fn is_made_with(&self, secret: &SecretKey) -> bool {
        let state = Secret::new(HmacState::from_key(secret.expose().as_bytes()).to_bytes());
        self.hmac.as_ref().is_some_and(|own| own.matches(state.expose()))
    }

    /// The prepared state of the secret; `None` once the key has ended.
    #[must_use]
    pub fn hmac_state(&self) -> Option<HmacState> {
        self.hmac.as_ref()?.expose().as_slice().try_into().ok().map(HmacState::from_bytes)
    }
}

/// The sealed columns as they stand in the row, before they are believed.
pub(crate) struct RawKey {
    pub(crate) id: String,
    pub(crate) account: i64,
    pub(crate) master: Option<i64>,
    pub(crate) name: String,
    pub(crate) permissions: i64,
    pub(crate) binding: String,
    pub(crate) environment: String,
    pub(crate) state: String,
    pub(crate) holds: i64,
    pub(crate) ended_at: Option<i64>,
    pub(crate) expires_at: Option<i64>,
    pub(crate) passphrase: Vec<u8>,
    pub(crate) version: i64,
    pub(crate) data_key: i64,
    pub(crate) seal: Option<Vec<u8>>,
    pub(crate) created_at: i64,
    pub(crate) changed_at: i64,
    pub(crate) last_used_at: Option<i64>,
    pub(crate) last_used_from: Option<String>,
    pub(crate) rate_cap: Option<i64>,
    pub(crate) fences: Option<String>,
    pub(crate) new_device_until: Option<i64>,
}

impl RawKey {
    pub(crate) fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.text(0)?,
            account: row.int(1)?,
            master: row.int_or_null(2)?,
            name: row.text(3)?,
            permissions: row.int(4)?,
            binding: row.text(5)?,
            environment: row.text(6)?,
            state: row.text(7)?,
            holds: row.int(8)?,
            ended_at: row.int_or_null(9)?,
            expires_at: row.int_or_null(10)?,
            passphrase: row.bytes(11)?,
            version: row.int(12)?,
            data_key: row.int(13)?,
            seal: row.bytes_or_null(14)?,
            created_at: row.int(15)?,
            changed_at: row.int(16)?,
            last_used_at: row.int_or_null(17)?,
            last_used_from: row.text_or_null(18)?,
            rate_cap: row.int_or_null(19)?,
            fences: row.text_or_null(20)?,
            new_device_until: row.int_or_null(21)?,
        })
    }

    /// Opens the seal over all columns that a verdict uses and turns the row into its record.
    ///
    /// A tombstone has no seal left and is believed: a deleted key that stays deleted is the safe reading,
    /// and one brought back needs a seal that nobody can make.
    pub(crate) fn open(&self, vault: &Vault) -> Result<KeyRecord, StoreError> {
        let tampered = || StoreError::tampered("key", &self.id);
        let record = self.read().ok_or_else(tampered)?;
        let hmac = match (&self.seal, record.life.is_over()) {
            (None, true) => None,
            (Some(seal), false) => {
                let data_key = u64::try_from(self.data_key).map_err(|_| tampered())?;
                let opened = vault.open_seal(data_key, &aad(&record, data_key), seal).ok_or_else(tampered)?;
                if opened.expose().len() != 64 {
                    return Err(tampered());
                }
                Some(opened)
            }
            (Some(_), true) | (None, false) => return Err(tampered()),
        };
        Ok(KeyRecord { hmac, ..record })
    }

    /// The columns as domain values, the seal not looked at.
    fn read(&self) -> Option<KeyRecord> {
        let number = |value: i64| u64::try_from(value).ok();
        let moment = |value: i64| number(value).map(Moment::from_unix_ms);
        // Keeps an unreadable value apart from an absent one.
        let maybe = |value: Option<i64>| value.map_or(Some(None), |value| moment(value).map(Some));
        let state = match (self.state.as_str(), maybe(self.ended_at)?) {
            ("active", None) => HolderState::Active,
            ("disabled", None) => HolderState::Disabled,
            ("deleted", Some(at)) => HolderState::Deleted { at },
            ("expired_idle", Some(at)) => HolderState::Expired { at, cause: EndCause::Idle },
            ("expired_date", Some(at)) => HolderState::Expired { at, cause: EndCause::Date },
            (_, _) => return None,
        };
        Some(KeyRecord {
            id: self.id.parse().ok()?,
            account: AccountId::from_u64(number(self.account)?)?,
            master: match self.master {
                None => None,
                Some(master) => Some(AccountId::from_u64(number(master)?)?),
            },
            name: KeyName::stored(&self.name)?,
            permissions: Permissions::from_bits(u8::try_from(self.permissions).ok()?)?,
            binding: parse_binding(&self.binding)?,
            environment: self.environment.parse().ok()?,
            life: Life { state, holds: Holds::from_bits(u16::try_from(self.holds).ok()?)? },
            expires_at: maybe(self.expires_at)?,
            passphrase: PassphraseTag::from_bytes(self.passphrase.as_slice().try_into().ok()?),
            version: number(self.version)?,
            created_at: moment(self.created_at)?,
            changed_at: moment(self.changed_at)?,
            last_used_at: maybe(self.last_used_at)?,
            last_used_from: self.last_used_from.clone(),
            new_device_until: maybe(self.new_device_until)?,
            rate_cap: match self.rate_cap {
                None => None,
                Some(cap) => Some(RateCap::new(number(cap)?).ok()?),
            },
            fences: match &self.fences {
                None => None,
                Some(text) => Some(parse_fences(text)?),
            },
            hmac: None,
        })
    }
}

/// Limits as they were written, in their one spelling.
fn parse_fences(text: &str) -> Option<Arc<Fences>> {
    let fences = fence::read_stored(text).ok().filter(|fences| !fences.is_empty())?;
    (fences.to_text() == text).then(|| Arc::new(fences))
}

/// Everything that a verdict uses, and the version (architecture: secrets at rest).
fn aad(key: &KeyRecord, data_key: u64) -> Aad {
    let sealed = Aad::new("keyward key 1")
        .text("id", &key.id.to_string())
        .number("account", key.account.as_u64())
        .maybe("master", key.master.map(AccountId::as_u64))
        .text("name", key.name.as_str())
        .number("permissions", key.permissions.bits().into())
        .text("binding", &print_binding(&key.binding))
        .text("environment", key.environment.word())
        .text("state", state_word(key.life.state))
        .number("holds", key.life.holds.bits().into())
        .maybe("expires", key.expires_at.map(Moment::unix_ms))
        .bytes("passphrase", key.passphrase.as_bytes())
        .text("algorithm", "hmac-sha256")
        .number("created", key.created_at.unix_ms())
        .number("version", key.version)
        .number("data key", data_key);
    // Absent for keys from before there were caps, whose seals must go on to open; taking a cap away, or adding one,
    // breaks the seal all the same.
    let sealed = match key.rate_cap {
        None => sealed,
        Some(cap) => sealed.number("rate cap", cap.per_second().into()),
    };
    // As with caps: absent for keys without limits.
    let sealed = match &key.fences {
        None => sealed,
        Some(fences) => sealed.text("fences", &fences.to_text()),
    };
    // And for keys of devices that are known: moving the end forward breaks the seal.
    match key.new_device_until {
        None => sealed,
        Some(until) => sealed.number("new device until", until.unix_ms()),
    }
}

/// The words of the `state` column.
pub(crate) const fn state_word(state: HolderState) -> &'static str {
    match state {
        HolderState::Active => "active",
        HolderState::Disabled => "disabled",
        HolderState::Deleted { .. } | HolderState::Expired { cause: EndCause::Deleted, .. } => "deleted",
        HolderState::Expired { cause: EndCause::Idle, .. } => "expired_idle",
        HolderState::Expired { cause: EndCause::Date, .. } => "expired_date",
    }
}

const fn ended_at(state: HolderState) -> Option<Moment> {
    match state {
        HolderState::Active | HolderState::Disabled => None,
        HolderState::Deleted { at } | HolderState::Expired { at, .. } => Some(at),
    }
}

/// `anywhere`, `addresses:<list>`, `app:<id>`, `canary`: the empty text is none of them.
fn print_binding(binding: &Binding) -> String {
    match binding {
        Binding::Anywhere => "anywhere".to_owned(),
        Binding::Addresses(set) => format!("addresses:{set}"),
        Binding::App(app) => format!("app:{app}"),
        Binding::Canary => "canary".to_owned(),
    }
}

fn parse_binding(text: &str) -> Option<Binding> {
    if text == "anywhere" {
        return Some(Binding::Anywhere);
    }
    if text == "canary" {
        return Some(Binding::Canary);
    }
    if let Some(list) = text.strip_prefix("addresses:") {
        return AddressSet::parse(list, HostBits::Refuse).ok().map(Binding::Addresses);
    }
    text.strip_prefix("app:")?.parse().ok().map(Binding::App)
}

/// The holds that a key begins with.
fn first_holds(new_device_until: Option<Moment>) -> Holds {
    new_device_until.map_or(Holds::NONE, |_| Holds::NONE.with(Hold::NewDevice))
}

/// The values of `INSERT_KEY`, sealed.
pub(crate) fn insert_values(draft: KeyDraft, vault: &Vault, now: Moment) -> Result<Vec<Value>, StoreError> {
    let record = KeyRecord {
        id: draft.id,
        account: draft.account,
        master: draft.master,
        name: draft.name,
        permissions: draft.permissions,
        binding: draft.binding,
        environment: draft.environment,
        life: Life { holds: first_holds(draft.new_device_until), ..Life::NEW },
        expires_at: draft.expires_at,
        rate_cap: draft.rate_cap,
        fences: draft.fences,
        passphrase: draft.passphrase,
        version: 1,
        created_at: now,
        changed_at: now,
        last_used_at: None,
        last_used_from: None,
        new_device_until: draft.new_device_until,
        hmac: None,
    };
    let data_key = vault.newest();
    let plain = Secret::new(draft.hmac.to_bytes());
    let seal = vault.seal(&aad(&record, data_key), plain.expose())?;
    Ok(vec![
        record.id.to_string().into(),
        record.account.as_u64().into(),
        record.master.map(AccountId::as_u64).into(),
        record.name.as_str().into(),
        u64::from(record.permissions.bits()).into(),
        print_binding(&record.binding).into(),
        record.environment.word().into(),
        state_word(record.life.state).into(),
        u64::from(record.life.holds.bits()).into(),
        Value::Int(None),
        record.expires_at.map(Moment::unix_ms).into(),
        record.passphrase.as_bytes().as_slice().into(),
        record.version.into(),
        data_key.into(),
        seal.as_slice().into(),
        now.unix_ms().into(),
        now.unix_ms().into(),
        record.rate_cap.map(|cap| u64::from(cap.per_second())).into(),
        record.fences.as_ref().map(|fences| fences.to_text()).into(),
        vault.secret_print(plain.expose()).as_slice().into(),
        record.new_device_until.map(Moment::unix_ms).into(),
    ])
}

/// The values of `UPDATE_KEY`: re-sealed under the next version, or with the seal erased once the key ended.
pub(crate) fn update_values(
    mut record: KeyRecord,
    vault: &Vault,
    now: Moment,
) -> Result<Vec<Value>, StoreError> {
    let before = record.version;
    record.version += 1;
    let data_key = vault.newest();
    let seal = match (&record.hmac, record.life.is_over()) {
        (_, true) => None,
        (Some(hmac), false) => Some(vault.seal(&aad(&record, data_key), hmac.expose())?),
        (None, false) => return Err(StoreError::tampered("key", record.id)),
    };
    let state = record.hmac_state().filter(|_| !record.life.is_over());
    let print = state.map(|state| vault.secret_print(Secret::new(state.to_bytes()).expose()));
    Ok(vec![
        record.id.to_string().into(),
        record.name.as_str().into(),
        print_binding(&record.binding).into(),
        state_word(record.life.state).into(),
        u64::from(record.life.holds.bits()).into(),
        ended_at(record.life.state).map(Moment::unix_ms).into(),
        record.expires_at.map(Moment::unix_ms).into(),
        record.version.into(),
        data_key.into(),
        seal.into(),
        now.unix_ms().into(),
        before.into(),
        record.fences.as_ref().map(|fences| fences.to_text()).into(),
        print.map(|print| print.to_vec()).into(),
        record.new_device_until.map(Moment::unix_ms).into(),
    ])
}
