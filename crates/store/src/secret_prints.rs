//! Finding a key by its secret alone.
//!
//! The store keeps no secret, only the sealed HMAC state that was made of it. A *secret print* is a hash of that state under a
//! key that derives from the root key: equal for equal secrets, and without the root key it can neither be tried nor forged. A
//! print only finds a row. What proves the secret is the state behind the row's seal ([`KeyRecord::is_made_with`]).

use std::sync::Arc;

use keyward_rules::id::KeyId;
use keyward_rules::key::{HmacState, SecretKey};
use tokio::sync::Mutex;

use crate::error::StoreError;
use crate::head::TAKE_TURN;
use crate::keys::{KeyRecord, RawKey};
use crate::seal::Vault;
use crate::sql::{Database, Value, statements};
use crate::writer::{Seen, next_turn};

statements! {
    KEY_BY_SECRET_PRINT = "SELECT id, account, master, name, permissions, binding, environment, state, holds, ended_at, \
        expires_at, passphrase, version, data_key, seal, created_at, changed_at, used_at, used_from, rate_cap, fences, new_device_until \
        FROM keys LEFT JOIN uses ON uses.key_id = keys.id WHERE secret_print = $1";
    KEYS_WITHOUT_PRINT = "SELECT id, account, master, name, permissions, binding, environment, state, holds, ended_at, \
        expires_at, passphrase, version, data_key, seal, created_at, changed_at, CAST(NULL AS BIGINT), CAST(NULL AS TEXT), rate_cap, fences, new_device_until \
        FROM keys WHERE secret_print IS NULL AND state IN ('active', 'disabled') AND id > $1 ORDER BY id LIMIT $2";
    /// Only where there is none: a key that ended or changed meanwhile has been seen to.
    FILL_SECRET_PRINT = "UPDATE keys SET secret_print = $2 WHERE id = $1 AND version = $3 AND secret_print IS NULL";
}

/// Keys that one transaction of [`SecretPrints::fill`] looks at.
const BATCH: u64 = 500;

/// The capability to find keys by their secrets, and nothing else.
#[derive(Clone)]
pub struct SecretPrints {
    pub(crate) database: Database,
    pub(crate) vault: Arc<Vault>,
    /// See [`Writer`](crate::Writer): rows of keys are written in turn.
    pub(crate) turn: Arc<Mutex<Seen>>,
}

impl SecretPrints {
    /// The living key that was made with this secret, whoever's it is.
    ///
    /// # Errors
    /// [`StoreError`]. A row that was altered counts as none: its key is held already.
    pub async fn find(&self, secret: &SecretKey) -> Result<Option<KeyRecord>, StoreError> {
        let state = HmacState::from_key(secret.expose().as_bytes());
        let print = self.vault.secret_print(&state.to_bytes());
        let rows = self.database.fetch_all(KEY_BY_SECRET_PRINT, vec![print.as_slice().into()]).await?;
        let mut keys = rows.iter().filter_map(|row| RawKey::from_row(row).ok()?.open(&self.vault).ok());
        Ok(keys.find(|key| !key.life.is_over() && key.is_made_with(secret)))
    }

    /// Gives their prints to keys after `after` that have none, at most a batch of them; gives the last one that it looked at,
    /// while there may be more.
    ///
    /// # Errors
    /// [`StoreError`]; then none of the batch has one. Altered rows are left out.
    pub async fn fill(&self, after: Option<KeyId>) -> Result<Option<KeyId>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let rows = self.database.fetch_all(KEYS_WITHOUT_PRINT, vec![after.into(), BATCH.into()]).await?;
        let Some(last) = rows.last().map(|row| row.text(0)).transpose()? else { return Ok(None) };
        let filled = |key: &KeyRecord| -> Option<Vec<Value>> {
            let print = self.vault.secret_print(&key.hmac_state()?.to_bytes());
            Some(vec![key.id.to_string().into(), print.as_slice().into(), key.version.into()])
        };
        let keys = rows.iter().filter_map(|row| RawKey::from_row(row).ok()?.open(&self.vault).ok());
        let values: Vec<Vec<Value>> = keys.filter_map(|key| filled(&key)).collect();
        // Written by the turn, as every change of a key, so that neither waits for a row that the other holds.
        let _turn = next_turn(&self.turn).await?;
        let mut tx = self.database.begin().await?;
        tx.fetch_optional(TAKE_TURN, vec![]).await?;
        tx.execute_each(FILL_SECRET_PRINT, values).await?;
        tx.commit().await?;
        last.parse().map(Some).map_err(|_| StoreError::tampered("key", last))
    }
}
