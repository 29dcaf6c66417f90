//! Data keys: made on first use, wrapped by the root key, opened once at the start.

use aws_lc_rs::aead::LessSafeKey;
use keyward_rules::secret::Secret;
use zeroize::{Zeroize, Zeroizing};

use super::Aad;
use super::cipher::{cipher, open_with, seal_with};
use super::root::{Made, RootKey};
use crate::Entropy;
use crate::error::StoreError;
use crate::master::MasterKey;
use crate::sql::{Transact, statements};

statements! {
    ALL_DATA_KEYS = "SELECT id, wrapped FROM data_keys ORDER BY id";
    INSERT_DATA_KEY = "INSERT INTO data_keys (id, wrapped, created_at) VALUES ($1, $2, $3)";
}

/// The opened data keys. New seals use the newest; with random nonces one key is good for 2^32 seals.
pub(crate) struct Vault {
    root: RootKey,
    keys: Vec<(u64, LessSafeKey)>,
    entropy: Entropy,
}

impl Vault {
    /// Opens all data keys, or makes the first one in an empty store.
    pub(crate) async fn open(
        tx: &mut Transact,
        master: &MasterKey,
        entropy: Entropy,
        now_ms: u64,
    ) -> Result<(Self, Made), StoreError> {
        let (root, made) = RootKey::open(tx, master, &entropy, now_ms).await?;
        let wrapping = cipher(&root.data_key_wrapping())?;
        let rows = tx.fetch_all(ALL_DATA_KEYS, vec![]).await?;
        let mut keys = Vec::new();
        for row in rows {
            let id = u64::try_from(row.int(0)?).map_err(|_| StoreError::tampered("data key", "?"))?;
            let bare =
                open_with(&wrapping, &wrap_aad(id), &row.bytes(1)?).ok_or(StoreError::WrongMasterKey)?;
            keys.push((id, cipher(bare.expose())?));
        }
        if keys.is_empty() {
            let mut bare = [0_u8; 32];
            entropy(&mut bare);
            let wrapped = seal_with(&wrapping, &entropy, &wrap_aad(1), &bare)?;
            tx.execute(INSERT_DATA_KEY, vec![1_u64.into(), wrapped.as_slice().into(), now_ms.into()]).await?;
            keys.push((1, cipher(&bare)?));
            bare.zeroize();
        }
        Ok((Self { root, keys, entropy }, made))
    }

    /// The root key, from which keys of their own purpose derive.
    pub(crate) const fn root(&self) -> &RootKey {
        &self.root
    }

    /// Wraps the root key under another master key.
    pub(crate) async fn wrap_anew(
        &self,
        tx: &mut Transact,
        (old, new): (&MasterKey, &MasterKey),
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.root.wrap_anew(tx, (&old.id().to_string(), new), &self.entropy, now_ms).await
    }

    /// The data key that new seals use.
    pub(crate) fn newest(&self) -> u64 {
        self.keys.last().map_or(0, |(id, _)| *id)
    }

    /// Random bytes, for ids of what is sealed.
    pub(crate) fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.entropy)(&mut bytes);
        bytes
    }

    /// The print of a secret's HMAC state, by which a key is found.
    pub(crate) fn secret_print(&self, state: &[u8; 64]) -> [u8; 16] {
        let key = Zeroizing::new(self.root.secret_print_key());
        let mut print = [0; 16];
        for (to, from) in print.iter_mut().zip(blake3::keyed_hash(&key, state).as_bytes()) {
            *to = *from;
        }
        print
    }

    /// Seals `plain` with `aad` under the newest data key: nonce, ciphertext, tag.
    pub(crate) fn seal(&self, aad: &Aad, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let (_, key) = self.keys.last().ok_or(StoreError::WrongMasterKey)?;
        seal_with(key, &self.entropy, aad, plain)
    }

    /// Opens a seal; `None` when anything about it or its associated data is not as it was.
    pub(crate) fn open_seal(&self, data_key: u64, aad: &Aad, sealed: &[u8]) -> Option<Secret<Vec<u8>>> {
        let (_, key) = self.keys.iter().find(|(id, _)| *id == data_key)?;
        open_with(key, aad, sealed)
    }
}

pub(super) fn wrap_aad(id: u64) -> Aad {
    Aad::new("keyward data key 1").number("id", id)
}
