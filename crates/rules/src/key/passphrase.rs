//! The passphrase: chosen by the holder, sent with every request, stored only as a keyed hash.

use zeroize::Zeroize;

use crate::id::AccountId;
use crate::limits::{PASSPHRASE_MAX_CHARS, PASSPHRASE_MIN_CHARS};
use crate::secret::Secret;

/// 8 to 32 visible ASCII characters with upper case, lower case, digit and special character.
#[derive(Debug)]
pub struct Passphrase(Secret<String>);

/// Why a text is no passphrase (OKX 59505); never repeats the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "a passphrase has 8 to 32 visible ASCII characters, among them upper case, lower case, a digit and a special character"
)]
pub struct NotAPassphrase;

impl Passphrase {
    /// Reads a passphrase.
    ///
    /// # Errors
    /// [`NotAPassphrase`] when a rule is broken.
    pub fn parse(text: &str) -> Result<Self, NotAPassphrase> {
        let has = |rule: fn(&u8) -> bool| text.as_bytes().iter().any(rule);
        let good = (PASSPHRASE_MIN_CHARS..=PASSPHRASE_MAX_CHARS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic())
            && has(u8::is_ascii_uppercase)
            && has(u8::is_ascii_lowercase)
            && has(u8::is_ascii_digit)
            && has(u8::is_ascii_punctuation);
        if good { Ok(Self(Secret::new(text.to_owned()))) } else { Err(NotAPassphrase) }
    }

    /// The text, for hashing and for the one answer that shows it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// The key under which passphrases are hashed; derived from the master key.
pub struct PassphraseKey(Secret<[u8; 32]>);

impl PassphraseKey {
    /// Takes 32 derived bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    /// The tag of `passphrase` for a key of `account`: keyed BLAKE3, cut to 128 bits.
    ///
    /// The account is part of it, so that equal passphrases of two accounts have unlike tags while two keys
    /// of one account can be compared. A slow hash would buy nothing: the text comes with each request, and
    /// without the key the tags cannot be tried offline.
    #[must_use]
    pub fn tag(&self, account: AccountId, passphrase: &[u8]) -> PassphraseTag {
        let mut hasher = blake3::Hasher::new_keyed(self.0.expose());
        hasher.update(&account.as_u64().to_be_bytes());
        hasher.update(passphrase);
        let mut whole = hasher.finalize().as_bytes().to_owned();
        let mut tag = [0_u8; 16];
        for (to, from) in tag.iter_mut().zip(&whole) {
            *to = *from;
        }
        whole.zeroize();
        PassphraseTag(tag)
    }
}

/// The stored form of a passphrase.
#[derive(Clone, Copy)]
pub struct PassphraseTag([u8; 16]);

impl PassphraseTag {
    /// Rebuilds a tag from storage.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Whether both came from the same passphrase, in constant time.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq;
        self.0.ct_eq(&other.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::{Passphrase, PassphraseKey};
    use crate::id::AccountId;

    #[test]
    fn rules_of_the_form() {
        assert!(Passphrase::parse("Probe-Pass1!").is_ok());
        for text in [
            "",
            "Aa1!aaa",
            "aa1!aaaa",
            "AA1!AAAA",
            "Aaa!aaaa",
            "Aa1aaaaa",
            "Aa1! aaaa",
            "Aa1!ääää",
            &"Aa1!".repeat(9),
        ] {
            assert!(Passphrase::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tags_differ_by_account_and_text() {
        let key = PassphraseKey::new([7; 32]);
        let (one, two) = (AccountId::from_u64(1).unwrap(), AccountId::from_u64(2).unwrap());
        assert!(key.tag(one, b"Probe-Pass1!").matches(&key.tag(one, b"Probe-Pass1!")));
        assert!(!key.tag(one, b"Probe-Pass1!").matches(&key.tag(two, b"Probe-Pass1!")));
        assert!(!key.tag(one, b"Probe-Pass1!").matches(&key.tag(one, b"Probe-Pass1?")));
    }
}
