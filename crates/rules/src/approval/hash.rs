//! What an approval is bound to.

use std::fmt;

/// The hash of what a request means, with whose it is and where. It is keyed where the request has a secret in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ApprovalHash([u8; 32]);

impl ApprovalHash {
    /// From its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads the 64 lower-case hexadecimal digits that it displays as.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        let read = Self(bytes);
        (read.to_string() == text).then_some(read)
    }
}

impl fmt::Display for ApprovalHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}
