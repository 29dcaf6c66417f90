//! The master key: 32 bytes from outside the data folder, from which every other key is derived.

use keyward_rules::key::PassphraseKey;
use keyward_rules::person::CodeKey;
use keyward_rules::secret::Secret;

/// Wraps data keys, hashes passphrases, signs identities; never stored by the store.
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

    /// A key of its own for one purpose (BLAKE3 key derivation).
    #[must_use]
    pub fn derive(&self, purpose: &'static str) -> [u8; 32] {
        blake3::derive_key(purpose, self.0.expose())
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

    /// The key that signs the verified identity for the backend.
    #[must_use]
    pub fn identity_key(&self) -> [u8; 32] {
        self.derive("keyward 2026-11 verified identity")
    }

    /// Tells master keys apart without telling anything of them: eight bytes in hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let bytes = self.derive("keyward 2026-11 master key fingerprint");
        blake3::Hash::from_bytes(bytes).to_hex().chars().take(16).collect()
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

    /// The seed of the key that signs checkpoints of the audit log.
    #[must_use]
    pub fn checkpoint_seed(&self) -> [u8; 32] {
        self.derive("keyward 2026-11 audit checkpoints")
    }
}
