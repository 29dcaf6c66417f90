//! One id type per noun, each with exactly one spelling.

use std::fmt;
use std::str::FromStr;

/// A text that is not an id in its one accepted spelling.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not an id in its canonical spelling")]
pub struct NotAnId;

/// The public API key: a random UUID (version 4, RFC 9562), in lower case only.
///
/// One spelling means that no second one can slip past a list, a mark or a log search.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(u128);

impl KeyId {
    /// Makes an id from 16 random bytes by setting version and variant (RFC 9562, 5.4).
    #[must_use]
    pub const fn from_entropy(entropy: [u8; 16]) -> Self {
        let bits = u128::from_be_bytes(entropy);
        Self((bits & !(0xf << 76) & !(0b11 << 62)) | (0x4 << 76) | (0b10 << 62))
    }

    /// Rebuilds an id from its stored number; `None` unless version and variant are right.
    #[must_use]
    pub const fn from_u128(bits: u128) -> Option<Self> {
        if (bits >> 76) & 0xf == 0x4 && (bits >> 62) & 0b11 == 0b10 { Some(Self(bits)) } else { None }
    }

    /// The id as a number.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        self.0
    }

    /// Reads the bytes of a header: 36 of them, lower case, hyphens in place, version 4.
    ///
    /// # Errors
    /// [`NotAnId`] on any other spelling.
    pub fn parse(text: &[u8]) -> Result<Self, NotAnId> {
        let text: &[u8; 36] = text.try_into().map_err(|_| NotAnId)?;
        let mut bits = 0_u128;
        for (at, byte) in text.iter().enumerate() {
            let digit = match (at, byte) {
                (8 | 13 | 18 | 23, b'-') => continue,
                (8 | 13 | 18 | 23, _) => return Err(NotAnId),
                (_, b'0'..=b'9') => byte - b'0',
                (_, b'a'..=b'f') => byte - b'a' + 10,
                (_, _) => return Err(NotAnId),
            };
            bits = bits << 4 | u128::from(digit);
        }
        Self::from_u128(bits).ok_or(NotAnId)
    }
}

impl FromStr for KeyId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        Self::parse(text.as_bytes())
    }
}

impl KeyId {
    /// The one spelling, on the stack: every forwarded request carries it.
    #[must_use]
    pub fn text(self) -> [u8; 36] {
        let digits = hex_digits(self.0);
        let mut text = [b'-'; 36];
        for (at, part) in [(0, 0..8), (9, 8..12), (14, 12..16), (19, 16..20), (24, 20..32)] {
            if let (Some(to), Some(from)) = (text.get_mut(at..at + part.len()), digits.get(part)) {
                to.copy_from_slice(from);
            }
        }
        text
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "KeyId({self})")
    }
}

/// Declares an id that is a positive number with a decimal spelling.
macro_rules! numeric_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(u64);

        impl $name {
            /// Random ids have 18 decimal digits, as OKX's `uid` does, and fit every signed 64-bit column.
            #[must_use]
            pub const fn from_entropy(entropy: [u8; 8]) -> Self {
                const FIRST: u64 = 100_000_000_000_000_000;
                Self(FIRST + u64::from_be_bytes(entropy) % (9 * FIRST))
            }

            /// Rebuilds an id from its stored number; `None` for zero and what no signed column holds.
            #[must_use]
            pub const fn from_u64(number: u64) -> Option<Self> {
                if number == 0 || number > i64::MAX as u64 { None } else { Some(Self(number)) }
            }

            /// The id as a number.
            #[must_use]
            pub const fn as_u64(self) -> u64 {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let plain = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
                let number = text.parse().ok().filter(|_| plain).ok_or(NotAnId)?;
                Self::from_u64(number).ok_or(NotAnId)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{}", self.0)
            }
        }
    };
}

numeric_id!(
    /// An account or sub-account; what OKX calls `uid`.
    AccountId
);
numeric_id!(
    /// A broker's third-party app.
    AppId
);
numeric_id!(
    /// A master's approval of one request. Random, so that no number tells how many others there are.
    ApprovalId
);

/// The number of a change in the feed that gateways follow: gap-free, in commit order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Revision(pub u64);

/// One request's id, from 128 random or counted bits; shown as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(pub u128);

impl RequestId {
    /// The one spelling, on the stack.
    #[must_use]
    pub fn text(self) -> [u8; 32] {
        hex_digits(self.0)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RequestId({self})")
    }
}

/// 32 hexadecimal digits in lower case. Formatting wide integers through `fmt` costs a thousand instructions.
fn hex_digits(bits: u128) -> [u8; 32] {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let mut text = [0; 32];
    for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(bits.to_be_bytes()) {
        let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
        *pair = [digit(byte >> 4), digit(byte & 0xf)];
    }
    text
}

/// Tells master keys apart without telling anything of them: 16 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MasterKeyId(u64);

impl MasterKeyId {
    /// Takes the first eight bytes of a digest.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }
}

impl fmt::Display for MasterKeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:016x}", self.0)
    }
}

impl FromStr for MasterKeyId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let id = u64::from_str_radix(text, 16).map(Self).map_err(|_| NotAnId)?;
        if id.to_string() == text { Ok(id) } else { Err(NotAnId) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{AccountId, KeyId};

    const GOOD: &str = "0b7c2f1e-8a43-4d0f-9b2a-3c5d6e7f8091";

    #[test]
    fn one_spelling_of_a_key_id() {
        assert_eq!(GOOD.parse::<KeyId>().unwrap().to_string(), GOOD);
        let odd = [
            GOOD.to_uppercase(),
            GOOD.replace('-', ""),
            format!("{{{GOOD}}}"),
            format!("urn:uuid:{GOOD}"),
            format!(" {GOOD}"),
            format!("{GOOD} "),
            GOOD.replacen('-', "_", 1),
            GOOD.replace("4d0f", "7d0f"),
            GOOD.replace("9b2a", "cb2a"),
            GOOD.replacen('0', "g", 1),
            String::new(),
        ];
        for text in odd {
            assert!(text.parse::<KeyId>().is_err(), "{text}");
        }
    }

    #[test]
    fn one_spelling_of_a_number() {
        assert!("7".parse::<AccountId>().is_ok());
        for text in ["", "0", "07", "+7", "-7", " 7", "7 ", "٧", "9223372036854775808"] {
            assert!(text.parse::<AccountId>().is_err(), "{text}");
        }
    }

    #[test]
    fn request_ids_have_32_digits() {
        assert_eq!(super::RequestId(0xa7).to_string(), format!("{:032x}", 0xa7));
        assert_eq!(super::RequestId(u128::MAX).to_string(), "f".repeat(32));
    }

    proptest! {
        #[test]
        fn print_then_parse_is_identity(entropy: [u8; 16], number: [u8; 8]) {
            let key = KeyId::from_entropy(entropy);
            prop_assert_eq!(key.to_string().parse::<KeyId>(), Ok(key));
            let account = AccountId::from_entropy(number);
            prop_assert_eq!(account.to_string().parse::<AccountId>(), Ok(account));
        }
    }
}
