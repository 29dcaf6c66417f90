//! A value that must not leak: no `Display`, no `Clone`, no `Serialize`, wiped on drop.
//!
//! `expose` is the one way out, so that every use of a secret can be found by searching for it.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// Holds a secret until it is dropped, then wipes it.
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the secret in.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The secret itself, for the moment of its use.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize + AsRef<[u8]>> Secret<T> {
    /// Whether `other` is the same, in time that depends on the lengths only.
    pub fn matches(&self, other: &[u8]) -> bool {
        self.0.as_ref().ct_eq(other).into()
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Says that something is there, never what.
impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_says_nothing() {
        assert_eq!(format!("{:?}", Secret::new(String::from("canary"))), "Secret(…)");
    }

    #[test]
    fn matches_only_itself() {
        let secret = Secret::new(*b"0123");
        assert!(secret.matches(b"0123"));
        assert!(!secret.matches(b"0124"));
        assert!(!secret.matches(b"01234"));
    }
}
