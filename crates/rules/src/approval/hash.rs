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
        let read = Self(*blake3::Hash::from_hex(text).ok()?.as_bytes());
        (read.to_string() == text).then_some(read)
    }
}

impl fmt::Display for ApprovalHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}
