//! Codes that people type: from a mail, from an authenticator, from the sheet of recovery codes.
//!
//! Each has one spelling once parsed, and is stored only as a keyed hash. What pasting puts around and between the characters
//! does not matter.

use std::fmt;

use zeroize::Zeroize;

use crate::paste::without_blanks;
use crate::secret::Secret;

/// What somebody types or pastes for a code has at most so many bytes.
const TYPED_BYTES: usize = 128;

/// A text that cannot be a code of its kind; never repeats the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("that is not a code of the right form")]
pub struct NotACode;

/// The code of a mail: 8 decimal digits.
#[derive(Debug)]
pub struct MailCode(Secret<String>);

impl MailCode {
    /// Digits of a code.
    pub const DIGITS: usize = 8;

    /// Makes a code; 128 bits over 10^8 codes leave no bias worth the name.
    #[must_use]
    pub fn from_entropy(entropy: [u8; 16]) -> Self {
        Self(Secret::new(format!("{:08}", u128::from_be_bytes(entropy) % 100_000_000)))
    }

    /// Reads what somebody typed or pasted: ASCII digits, with blanks anywhere.
    ///
    /// # Errors
    /// [`NotACode`].
    pub fn parse(text: &str) -> Result<Self, NotACode> {
        digits(text, Self::DIGITS).map(Self)
    }

    /// The digits, for hashing and for the mail.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// The code of an authenticator: 6 decimal digits (RFC 6238 as every app speaks it).
#[derive(Debug)]
pub struct TotpCode(Secret<String>);

impl TotpCode {
    /// Digits of a code.
    pub const DIGITS: usize = 6;

    /// Reads what somebody typed or pasted: ASCII digits, with blanks anywhere.
    ///
    /// # Errors
    /// [`NotACode`]; digits of other scripts are none.
    pub fn parse(text: &str) -> Result<Self, NotACode> {
        digits(text, Self::DIGITS).map(Self)
    }

    /// The digits, for the check.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

fn digits(text: &str, count: usize) -> Result<Secret<String>, NotACode> {
    let bare = bare(text)?;
    let good = bare.len() == count && bare.bytes().all(|byte| byte.is_ascii_digit());
    if good { Ok(Secret::new(bare)) } else { Err(NotACode) }
}

fn bare(text: &str) -> Result<String, NotACode> {
    if text.len() <= TYPED_BYTES { Ok(without_blanks(text)) } else { Err(NotACode) }
}

/// One of the codes on the sheet that a person keeps: 80 bits, shown in four groups of four.
#[derive(Debug)]
pub struct RecoveryCode(Secret<String>);

impl RecoveryCode {
    /// Letters and digits that nobody takes for one another.
    const ALPHABET: [u8; 32] = *b"abcdefghjkmnpqrstuvwxyz023456789";
    const CHARS: usize = 16;

    /// Makes a code of the first 80 bits.
    #[must_use]
    pub fn from_entropy(entropy: [u8; 16]) -> Self {
        let bits = u128::from_be_bytes(entropy) >> 48;
        let letter = |at: usize| {
            let place = usize::try_from((bits >> (5 * at)) & 31).unwrap_or_default();
            char::from(Self::ALPHABET.get(place).copied().unwrap_or(b'a'))
        };
        Self(Secret::new((0..Self::CHARS).map(letter).collect()))
    }

    /// Reads what somebody typed or pasted: case, hyphens and blanks do not matter.
    ///
    /// # Errors
    /// [`NotACode`].
    pub fn parse(text: &str) -> Result<Self, NotACode> {
        let bare = bare(text)?.replace('-', "").to_ascii_lowercase();
        let good = bare.len() == Self::CHARS && bare.bytes().all(|byte| Self::ALPHABET.contains(&byte));
        if good { Ok(Self(Secret::new(bare))) } else { Err(NotACode) }
    }

    /// The bare letters, for hashing.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The code as it is shown once.
    #[must_use]
    pub fn shown(&self) -> String {
        let letters: Vec<char> = self.0.expose().chars().collect();
        letters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join("-")
    }
}

/// The key under which codes are hashed; derived from the master key.
pub struct CodeKey(Secret<[u8; 32]>);

impl CodeKey {
    /// Takes 32 derived bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    /// The tag of `text` for one purpose and owner: keyed BLAKE3 over length-prefixed parts. A slow hash would buy
    /// nothing: eight digits fall to any hash whose key is known, and to none whose key is not.
    #[must_use]
    pub fn tag(&self, purpose: &str, owner: &str, text: &[u8]) -> CodeTag {
        let mut hasher = blake3::Hasher::new_keyed(self.0.expose());
        for part in [purpose.as_bytes(), owner.as_bytes(), text] {
            hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(part);
        }
        let mut whole = *hasher.finalize().as_bytes();
        let tag = CodeTag(whole);
        whole.zeroize();
        tag
    }
}

/// The stored form of a code.
#[derive(Clone, Copy)]
pub struct CodeTag([u8; 32]);

impl CodeTag {
    /// Rebuilds a tag from storage.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether both came from the same text, in constant time.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq;
        self.0.ct_eq(&other.0).into()
    }
}

/// Says that something is there, never what.
impl fmt::Debug for CodeTag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("CodeTag(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{CodeKey, MailCode, RecoveryCode, TotpCode};

    #[test]
    fn digits_are_ascii_and_counted() {
        for text in [
            "012345",
            " 012345 ",
            "012 345",
            "01 23 45",
            "0 1 2 3 4 5",
            "012345\n",
            "012345\r\n",
            "\t012345",
            "012\u{a0}345",
            "012\u{202f}345",
            "012\u{2009}345",
            "012  345",
            "012345\u{200b}",
            "\u{200e}012345\u{200e}",
            "\u{feff}012345",
        ] {
            assert_eq!(TotpCode::parse(text).unwrap().expose(), "012345", "{text:?}");
        }
        for text in [
            "",
            " ",
            "12345",
            "1234567",
            "٠١٢٣٤٥",
            "０１２３４５",
            "12 34567",
            "+12345",
            "-12345",
            "012-345",
            "12345a",
            "12345\u{0}",
            "0x1234",
            &format!("012345{}", " ".repeat(200)),
        ] {
            assert!(TotpCode::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(MailCode::parse("0123 4567").unwrap().expose(), "01234567");
        assert!(MailCode::parse("012345").is_err());
    }

    #[test]
    fn a_code_of_a_mail_has_eight_digits_in_any_spelling() {
        for text in [
            "01234567",
            " 01234567 ",
            "0123 4567",
            "01 23 45 67",
            "0 1 2 3 4 5 6 7",
            "01234567\n",
            "01234567\r\n",
            "\t0123\t4567",
            "0123\u{a0}4567",
            "0123\u{202f}4567",
            "0123\u{2009}4567",
            "0123  4567",
            "0123\u{3000}4567",
            "01234567\u{200b}",
            "\u{200e}01234567\u{200e}",
            "\u{2066}01234567\u{2069}",
            "\u{feff}01234567",
            "0123\u{ad}4567",
            &format!("{}01234567{}", " ".repeat(60), " ".repeat(60)),
        ] {
            assert_eq!(MailCode::parse(text).unwrap().expose(), "01234567", "{text:?}");
        }
        for text in [
            "",
            " ",
            "012345",
            "0123456",
            "012345678",
            "0123-4567",
            "0123.4567",
            "0123,4567",
            "0123_4567",
            "+1234567",
            "-1234567",
            "0x123456",
            "0123456a",
            "O1234567",
            "code 01234567",
            "01234567.",
            "01234567\0",
            "٠١٢٣٤٥٦٧",
            "０１２３４５６７",
            "0123456\u{b2}",
            "abcd-efgh-jkmn-pqrs",
            &format!("01234567{}", " ".repeat(121)),
        ] {
            assert!(MailCode::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn tags_differ_by_purpose_and_owner() {
        let key = CodeKey::new([3; 32]);
        let tag = key.tag("mail", "1", b"01234567");
        assert!(tag.matches(&key.tag("mail", "1", b"01234567")));
        assert!(!tag.matches(&key.tag("mail", "2", b"01234567")));
        assert!(!tag.matches(&key.tag("recovery", "1", b"01234567")));
        assert!(!key.tag("a", "bc", b"").matches(&key.tag("ab", "c", b"")));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(entropy: [u8; 16]) {
            let code = RecoveryCode::from_entropy(entropy);
            let shown = code.shown();
            for typed in [shown.to_uppercase(), shown.replace('-', "\u{a0}"), format!("\t{shown}\r\n")] {
                let read = RecoveryCode::parse(&typed).unwrap();
                prop_assert_eq!(read.expose(), code.expose());
            }
            prop_assert!(RecoveryCode::parse(&shown.replace('-', "_")).is_err());
            let mail = MailCode::from_entropy(entropy);
            let again = MailCode::parse(mail.expose()).unwrap();
            prop_assert_eq!(again.expose(), mail.expose());
        }
    }
}
