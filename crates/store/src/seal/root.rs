//! The root key: made with the store, kept in it, wrapped by the master key. Everything else derives from it, so that
//! another master key takes over by wrapping one row anew.

use keyward_rules::key::PassphraseKey;
use keyward_rules::person::CodeKey;
use keyward_rules::secret::Secret;
use zeroize::Zeroizing;

use super::Aad;
use super::cipher::{cipher, open_with, seal_with};
use crate::Entropy;
use crate::error::StoreError;
use crate::master::MasterKey;
use crate::sql::{Transact, statements};

statements! {
    ROOT_KEY = "SELECT master_key, wrapped FROM root_key WHERE id = 1";
    DATA_KEYS_MADE = "SELECT COUNT(*) FROM data_keys";
    INSERT_ROOT_KEY = "INSERT INTO root_key (id, master_key, wrapped, wrapped_at) VALUES (1, $1, $2, $3)";
    /// Only under the master key that was read: of two rotations at once, one changes no row.
    WRAP_ROOT_KEY = "UPDATE root_key SET master_key = $2, wrapped = $3, wrapped_at = $4 WHERE id = 1 AND master_key = $1";
}

/// When the root key was made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    /// In this transaction: what stands on it is made in the same one.
    Now,
    /// By an earlier start.
    Before,
}

/// Wraps data keys, hashes passphrases and codes, signs identities and checkpoints.
pub struct RootKey(Secret<[u8; 32]>);

impl RootKey {
    /// Opens the store's root key, or makes it in a store that has none.
    ///
    /// A store with data keys and without a root key is from before there were root keys: its master key took that
    /// place, and stays the root. If somebody only removed the row, the data keys do not open afterwards.
    pub(super) async fn open(
        tx: &mut Transact,
        master: &MasterKey,
        entropy: &Entropy,
        now_ms: u64,
    ) -> Result<(Self, Made), StoreError> {
        if let Some(row) = tx.fetch_optional(ROOT_KEY, vec![]).await? {
            let aad = wrap_aad(&row.text(0)?);
            let bare = open_with(&cipher(&master.wrapping())?, &aad, &row.bytes(1)?);
            let bare = bare.ok_or(StoreError::WrongMasterKey)?;
            let bytes = bare.expose().as_slice().try_into().map_err(|_| StoreError::WrongMasterKey)?;
            return Ok((Self(Secret::new(bytes)), Made::Before));
        }
        let row = tx.fetch_optional(DATA_KEYS_MADE, vec![]).await?;
        let mut bytes = Zeroizing::new(master.as_first_root());
        if row.map_or(Ok(0), |row| row.int(0))? == 0 {
            entropy(bytes.as_mut_slice());
        }
        let root = Self(Secret::new(*bytes));
        let (id, wrapped) = (master.id().to_string(), root.wrap(master, entropy)?);
        tx.execute(INSERT_ROOT_KEY, vec![id.into(), wrapped.as_slice().into(), now_ms.into()]).await?;
        Ok((root, Made::Now))
    }

    /// Wraps it under `new` instead of the master key called `old`.
    pub(super) async fn wrap_anew(
        &self,
        tx: &mut Transact,
        (old, new): (&str, &MasterKey),
        entropy: &Entropy,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let wrapped = self.wrap(new, entropy)?;
        let values = vec![old.into(), new.id().to_string().into(), wrapped.as_slice().into(), now_ms.into()];
        if tx.execute(WRAP_ROOT_KEY, values).await? == 1 {
            return Ok(());
        }
        Err(StoreError::Conflict { what: "the root key".to_owned() })
    }

    fn wrap(&self, master: &MasterKey, entropy: &Entropy) -> Result<Vec<u8>, StoreError> {
        let aad = wrap_aad(&master.id().to_string());
        seal_with(&cipher(&master.wrapping())?, entropy, &aad, self.0.expose())
    }

    /// Whether this is the master key of a store from before root keys had a row: whoever has it opens everything.
    #[must_use]
    pub fn is(&self, master: &MasterKey) -> bool {
        self.0.matches(&master.as_first_root())
    }

    /// The key that wraps data keys.
    pub(super) fn data_key_wrapping(&self) -> [u8; 32] {
        self.derive("keyward 2026-11 data key wrapping")
    }

    /// The key under which passphrases are hashed.
    #[must_use]
    pub fn passphrase_key(&self) -> PassphraseKey {
        PassphraseKey::new(self.derive("keyward 2026-11 passphrase tags"))
    }

    /// The key under which codes, their intents and the links of mails are hashed.
    #[must_use]
    pub fn code_key(&self) -> CodeKey {
        CodeKey::new(self.derive("keyward 2026-11 codes"))
    }

    /// The key under which the states of secrets are hashed, so that a key is found by its secret.
    pub(super) fn secret_print_key(&self) -> [u8; 32] {
        self.derive("keyward 2026-12 secret prints")
    }

    /// The key that signs the verified identity for the backend.
    #[must_use]
    pub fn identity_key(&self) -> [u8; 32] {
        self.derive("keyward 2026-11 verified identity")
    }

    /// The key under which mails are named: their numbers would tell how many there are.
    pub(crate) fn message_id_key(&self) -> [u8; 32] {
        self.derive("keyward 2026-11 message ids")
    }

    /// The key of the marks by which the audit log knows rows again.
    pub(crate) fn row_marks_key(&self) -> [u8; 32] {
        self.derive("keyward 2026-11 row marks")
    }

    /// What a spool knows its store by.
    pub(crate) fn spool_name(&self) -> [u8; 32] {
        self.derive("keyward 2026-11 name of the store in spools")
    }

    /// The seed of the key that signs checkpoints of the audit log.
    #[must_use]
    pub fn checkpoint_seed(&self) -> [u8; 32] {
        self.derive("keyward 2026-11 audit checkpoints")
    }

    fn derive(&self, purpose: &'static str) -> [u8; 32] {
        blake3::derive_key(purpose, self.0.expose())
    }
}

fn wrap_aad(master_key: &str) -> Aad {
    Aad::new("keyward root key 1").text("master key", master_key)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use keyward_rules::time::Moment;

    use super::super::cipher::{cipher, seal_with};
    use super::super::vault::wrap_aad;
    use crate::{Entropy, Location, MasterKey, Store};

    /// A store from before there were root keys: its data key is wrapped by the master key itself.
    #[tokio::test]
    async fn the_master_key_of_an_older_store_stays_its_root() {
        let folder = std::env::temp_dir().join(format!("keyward-root-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let location = Location::Folder(folder.clone());
        let entropy: Entropy = Arc::new(|bytes: &mut [u8]| bytes.fill(7));
        let master = MasterKey::new([9; 32]);
        let open = || Store::open(&location, &master, Arc::clone(&entropy), Moment::from_unix_ms(1));
        let store = open().await.unwrap();
        let fresh = store.root().identity_key();
        store.close().await;
        let wrapping = cipher(&blake3::derive_key("keyward 2026-11 data key wrapping", &[9; 32])).unwrap();
        let wrapped = seal_with(&wrapping, &entropy, &wrap_aad(1), &[5; 32]).unwrap();
        let file = rusqlite::Connection::open(folder.join("keyward.db")).unwrap();
        file.execute("DELETE FROM root_key", []).unwrap();
        file.execute("UPDATE data_keys SET wrapped = ?1", [wrapped]).unwrap();
        let store = open().await.unwrap();
        let root = store.root().identity_key();
        store.close().await;
        assert_ne!(root, fresh);
        assert_eq!(root, blake3::derive_key("keyward 2026-11 verified identity", &[9; 32]));
        // With the row removed from a store that has a root of its own, nothing opens.
        file.execute("DELETE FROM root_key", []).unwrap();
        file.execute("UPDATE data_keys SET wrapped = zeroblob(60)", []).unwrap();
        assert!(open().await.is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
