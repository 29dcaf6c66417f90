//! The secret key's text: recognisable, checkable offline, 256 bits of entropy.

use zeroize::Zeroize;

use crate::secret::Secret;

/// What every secret starts with, so that scanners find leaked ones.
const PREFIX: &str = "kws_";
/// Base-62 digits that hold 256 bits.
const BODY_CHARS: usize = 43;
/// Base-62 digits of the checksum (32 bits).
const CHECK_CHARS: usize = 6;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const _: () = assert!(PREFIX.len() + BODY_CHARS + CHECK_CHARS <= crate::limits::SECRET_MAX_CHARS);

/// `kws_`, 43 base-62 digits of entropy, 6 of checksum: 53 characters in all.
#[derive(Debug)]
pub struct SecretKey(Secret<String>);

/// A text that only looks like one of our secrets; never repeats the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a Keyward secret: prefix, length or checksum is wrong")]
pub struct NotASecret;

impl SecretKey {
    /// What every secret starts with.
    pub const PREFIX: &str = PREFIX;
    /// Characters of a secret.
    pub const CHARS: usize = PREFIX.len() + BODY_CHARS + CHECK_CHARS;

    /// Makes a secret from 32 random bytes: each digit comes from the whole number, so none is biased by
    /// more than 62/2^256.
    #[must_use]
    pub fn from_entropy(mut entropy: [u8; 32]) -> Self {
        let mut text = String::with_capacity(PREFIX.len() + BODY_CHARS + CHECK_CHARS);
        text.push_str(PREFIX);
        for _ in 0..BODY_CHARS {
            text.push(digit(divide(&mut entropy)));
        }
        entropy.zeroize();
        let check: String = checksum(&text).collect();
        text.push_str(&check);
        Self(Secret::new(text))
    }

    /// Reads a secret of ours.
    ///
    /// # Errors
    /// [`NotASecret`] when prefix, length, alphabet or checksum are wrong.
    pub fn parse(text: &str) -> Result<Self, NotASecret> {
        let (head, check) = text.split_at_checked(PREFIX.len() + BODY_CHARS).ok_or(NotASecret)?;
        let body = head.strip_prefix(PREFIX).ok_or(NotASecret)?;
        let good = body.bytes().all(|byte| byte.is_ascii_alphanumeric()) && check.chars().eq(checksum(head));
        if good { Ok(Self(Secret::new(text.to_owned()))) } else { Err(NotASecret) }
    }

    /// The text, for the one answer that shows it and for preparing the HMAC state.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Divides the big-endian number by 62 and gives the remainder.
fn divide(number: &mut [u8; 32]) -> u32 {
    number.iter_mut().fold(0_u32, |rest, byte| {
        let value = rest << 8 | u32::from(*byte);
        *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
        value % 62
    })
}

fn digit(value: u32) -> char {
    DIGITS.get(value as usize % 62).copied().map_or('0', char::from)
}

/// 32 bits of BLAKE3 over everything before, as base-62 digits.
fn checksum(head: &str) -> impl Iterator<Item = char> + use<> {
    let hash = blake3::hash(head.as_bytes());
    let mut value = hash.as_bytes().iter().take(4).fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    (0..CHECK_CHARS).map(move |_| {
        let rest = u32::try_from(value % 62).unwrap_or(0);
        value /= 62;
        digit(rest)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::SecretKey;

    proptest! {
        #[test]
        fn parses_what_it_makes_and_nothing_near(entropy: [u8; 32], at in 0_usize..53) {
            let secret = SecretKey::from_entropy(entropy);
            prop_assert_eq!(secret.expose().len(), 53);
            prop_assert!(SecretKey::parse(secret.expose()).is_ok());
            let mut bytes = secret.expose().as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            prop_assert!(SecretKey::parse(std::str::from_utf8(&bytes).unwrap()).is_err());
        }
    }

    /// F79: digits are spread evenly. 62 bins over 430,000 digits; the bound is chi-square's 99.99 % point
    /// for 61 degrees of freedom, and the input is fixed.
    #[test]
    fn digits_are_even() {
        let mut bins = [0_u32; 62];
        for number in 0_u32..10_000 {
            let entropy = *blake3::hash(&number.to_be_bytes()).as_bytes();
            let secret = SecretKey::from_entropy(entropy);
            // The 43rd digit holds what is left of 256 bits and is not uniform; the other 42 are.
            for byte in secret.expose().as_bytes()[4..46].iter() {
                bins[super::DIGITS.iter().position(|digit| digit == byte).unwrap()] += 1;
            }
        }
        let mean = f64::from(bins.iter().sum::<u32>()) / 62.0;
        let chi: f64 = bins.iter().map(|bin| (f64::from(*bin) - mean).powi(2) / mean).sum();
        assert!(chi < 111.0, "{chi}");
    }
}
