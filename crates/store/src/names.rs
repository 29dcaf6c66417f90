//! What things are called, for pages that name many of them: one statement for each kind, however many ids there are.

use std::collections::BTreeMap;

use keyward_rules::app::AppStanding;
use keyward_rules::channel::ChannelId;
use keyward_rules::grant::Scope;
use keyward_rules::id::{AccountId, AppId, KeyId};
use keyward_rules::limits::RECORD_NAMES;

use crate::accounts::{AccountKind, AccountRecord};
use crate::brokers::{self, AppProfile};
use crate::channels::{self, ChannelRecord};
use crate::error::StoreError;
use crate::keys::RawKey;
use crate::reader::Reader;
use crate::sql::{Row, Value, statements};

/// Places for [`RECORD_NAMES`] ids.
macro_rules! places {
    () => {
        "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, \
         $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, \
         $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, $52, $53, $54, $55, $56, $57, $58, $59, \
         $60, $61, $62, $63, $64, $65, $66, $67, $68, $69, $70, $71, $72, $73, $74, $75, $76, $77, $78, \
         $79, $80, $81, $82, $83, $84, $85, $86, $87, $88, $89, $90, $91, $92, $93, $94, $95, $96, $97, \
         $98, $99, $100"
    };
}

statements! {
    NAMED_KEYS = concat!("SELECT id, account, master, name, permissions, binding, environment, state, holds, ended_at, \
        expires_at, passphrase, version, data_key, seal, created_at, changed_at, CAST(NULL AS BIGINT), CAST(NULL AS TEXT), \
        rate_cap, fences, new_device_until FROM keys WHERE id IN (", places!(), ")");
    /// With the address of a sub-account's master.
    NAMED_ACCOUNTS = concat!("SELECT a.id, a.email, a.master, a.sub_name, a.created_at, m.email FROM accounts a \
        LEFT JOIN accounts m ON m.id = a.master WHERE a.id IN (", places!(), ")");
    NAMED_APPS = concat!("SELECT ", brokers::columns!(), " FROM app_profiles WHERE id IN (", places!(), ")");
    NAMED_CHANNELS = concat!("SELECT ", channels::columns!(), " FROM channels WHERE id IN (", places!(), ")");
}

/// Ids whose names are wanted: of each kind the first [`RECORD_NAMES`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NamesWanted {
    keys: Vec<KeyId>,
    accounts: Vec<AccountId>,
    apps: Vec<AppId>,
    channels: Vec<ChannelId>,
}

impl NamesWanted {
    /// Wants a key's name.
    pub fn key(&mut self, id: KeyId) {
        add(&mut self.keys, id);
    }

    /// Wants an account's name.
    pub fn account(&mut self, id: AccountId) {
        add(&mut self.accounts, id);
    }

    /// Wants an app's name.
    pub fn app(&mut self, id: AppId) {
        add(&mut self.apps, id);
    }

    /// Wants a channel's name.
    pub fn channel(&mut self, id: ChannelId) {
        add(&mut self.channels, id);
    }
}

fn add<I: PartialEq>(ids: &mut Vec<I>, id: I) {
    if ids.len() < RECORD_NAMES && !ids.contains(&id) {
        ids.push(id);
    }
}

/// What things are called, by their ids. What the reader may not see, what is not there and what was altered is left out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names {
    /// The names of keys, ended ones included.
    pub keys: BTreeMap<KeyId, String>,
    /// The e-mail addresses of accounts; of a sub-account its name and the address of its master.
    pub accounts: BTreeMap<AccountId, String>,
    /// The names of apps: those of the reader, and verified ones, which everybody may see.
    pub apps: BTreeMap<AppId, String>,
    /// The names of channels.
    pub channels: BTreeMap<ChannelId, String>,
}

impl Reader {
    /// The names of what is wanted, as far as `scope` reaches.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn names(&self, scope: Scope, wanted: &NamesWanted) -> Result<Names, StoreError> {
        let mut names = Names::default();
        let ids: Vec<Value> = wanted.keys.iter().map(|id| id.to_string().into()).collect();
        for row in self.named(NAMED_KEYS, ids, Value::from("")).await? {
            let opened = RawKey::from_row(&row).and_then(|raw| raw.open(&self.vault));
            if let Some(key) = opened.ok().filter(|key| scope.reaches(key.account)) {
                names.keys.insert(key.id, key.name.to_string());
            }
        }
        let ids: Vec<Value> = wanted.accounts.iter().map(|id| id.as_u64().into()).collect();
        for row in self.named(NAMED_ACCOUNTS, ids, Value::from(0_u64)).await? {
            let found = AccountRecord::from_row(&row).ok();
            if let Some(found) = found.filter(|one| scope.reaches(one.id)) {
                names.accounts.insert(found.id, account_name(found, row.text_or_null(5)?));
            }
        }
        let ids: Vec<Value> = wanted.apps.iter().map(|id| id.as_u64().into()).collect();
        for row in self.named(NAMED_APPS, ids, Value::from(0_u64)).await? {
            let seen = |app: &AppProfile| scope.reaches(app.owner) || app.standing == AppStanding::Verified;
            if let Some(app) = AppProfile::from_row(&row, &self.vault).ok().filter(seen) {
                names.apps.insert(app.id, app.name.to_string());
            }
        }
        let ids: Vec<Value> = wanted.channels.iter().map(|id| id.to_string().into()).collect();
        for row in self.named(NAMED_CHANNELS, ids, Value::from("")).await? {
            let found = ChannelRecord::from_row(&row, &self.vault).ok();
            // Without its target the row was altered, and its name is not to be believed.
            if let Some(found) = found.filter(|one| one.target.is_some() && scope.reaches(one.account)) {
                names.channels.insert(found.id, found.name.to_string());
            }
        }
        Ok(names)
    }

    /// The rows of some ids. The places that are left over get `none`, which is no id; without ids nothing is asked.
    async fn named(
        &self,
        sql: &'static str,
        mut ids: Vec<Value>,
        none: Value,
    ) -> Result<Vec<Row>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        ids.resize(RECORD_NAMES, none);
        self.database.fetch_all(sql, ids).await
    }
}

fn account_name(account: AccountRecord, master: Option<String>) -> String {
    match account.kind {
        AccountKind::Master(email) => email.to_string(),
        AccountKind::Sub(of, name) => {
            format!("{}, sub-account of {}", name.as_str(), master.unwrap_or_else(|| of.to_string()))
        }
    }
}
