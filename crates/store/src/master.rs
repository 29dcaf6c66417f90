//! The master key: 32 bytes from outside the data folder, which wrap the store's root key.

use keyward_rules::id::MasterKeyId;
use keyward_rules::secret::Secret;

/// Wraps the root key and tags backups; never stored by the store, and another one can take its place.
pub struct MasterKey(Secret<[u8; 32]>);

/// A text that is no master key; never repeats the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a master key is 64 hexadecimal digits; make one with `keyward init`")]
pub struct NotAMasterKey;

impl MasterKey {
    /// Takes 32 random bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    /// Reads 64 hexadecimal digits, as [`MasterKey::to_text`] writes them; a line end may follow.
    ///
    /// # Errors
    /// [`NotAMasterKey`] on anything else, and on all zeros.
    pub fn parse(text: &str) -> Result<Self, NotAMasterKey> {
        let digits = text.trim_end_matches(['\r', '\n']);
        if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotAMasterKey);
        }
        let mut bytes = [0_u8; 32];
        for (to, pair) in bytes.iter_mut().zip(digits.as_bytes().as_chunks::<2>().0) {
            let pair = std::str::from_utf8(pair).map_err(|_| NotAMasterKey)?;
            *to = u8::from_str_radix(pair, 16).map_err(|_| NotAMasterKey)?;
        }
        if bytes == [0; 32] { Err(NotAMasterKey) } else { Ok(Self::new(bytes)) }
    }

    /// The text to keep in a file of mode 0600.
    #[must_use]
    pub fn to_text(&self) -> Secret<String> {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(65);
        for byte in self.0.expose() {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
        Secret::new(text)
    }

    /// Which one it is, without telling anything of it.
    #[must_use]
    pub fn id(&self) -> MasterKeyId {
        let digest = self.derive("keyward 2026-11 master key fingerprint");
        let (first, _) = digest.split_first_chunk().unwrap_or((&[0; 8], &[]));
        MasterKeyId::from_bytes(*first)
    }

    /// The key that wraps the root key.
    pub(crate) fn wrapping(&self) -> [u8; 32] {
        self.derive("keyward 2026-11 root key wrapping")
    }

    /// The root key of a store from before root keys had a row of their own.
    pub(crate) const fn as_first_root(&self) -> [u8; 32] {
        *self.0.expose()
    }

    /// The tag that makes a backup's manifest this deployment's.
    #[must_use]
    pub fn manifest_tag(&self, manifest: &[u8]) -> String {
        self.tag_of(manifest).to_hex().to_string()
    }

    /// Whether a tag is the manifest's, in constant time.
    #[must_use]
    pub fn is_manifest_tag(&self, manifest: &[u8], tag: &str) -> bool {
        blake3::Hash::from_hex(tag).is_ok_and(|tag| tag == self.tag_of(manifest))
    }

    fn tag_of(&self, manifest: &[u8]) -> blake3::Hash {
        blake3::keyed_hash(&self.derive("keyward 2026-11 backup manifests"), manifest)
    }

    fn derive(&self, purpose: &'static str) -> [u8; 32] {
        blake3::derive_key(purpose, self.0.expose())
    }
}
