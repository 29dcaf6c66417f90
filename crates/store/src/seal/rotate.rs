//! Another master key takes over: which one wraps the root key, and wrapping it anew.

use std::sync::Arc;

use keyward_rules::id::MasterKeyId;

use super::root::ROOT_KEY;
use crate::error::StoreError;
use crate::master::MasterKey;
use crate::reader::Reader;
use crate::writer::Tx;

impl Tx {
    /// Wraps the root key under `new` instead of `old`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is not wrapped under `old` any more.
    pub async fn wrap_root_key(&mut self, old: &MasterKey, new: &MasterKey) -> Result<(), StoreError> {
        let (vault, now_ms) = (Arc::clone(&self.vault), self.now().unix_ms());
        vault.wrap_anew(&mut self.transact, (old, new), now_ms).await
    }
}

impl Reader {
    /// Which master key wraps the root key.
    ///
    /// # Errors
    /// [`StoreError::Tampered`].
    pub async fn master_key_id(&self) -> Result<MasterKeyId, StoreError> {
        let row = self.database.fetch_optional(ROOT_KEY, vec![]).await?;
        let text = row.map(|row| row.text(0)).transpose()?.unwrap_or_default();
        text.parse().map_err(|_| StoreError::tampered("root key", 1))
    }
}
