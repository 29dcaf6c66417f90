//! The canonical bytes that a seal authenticates: every field labelled and length-prefixed.

/// Builds associated data; two different field lists never give the same bytes.
pub(crate) struct Aad(Vec<u8>);

impl Aad {
    /// Starts with the format's name.
    pub(crate) fn new(format: &str) -> Self {
        Self(Vec::with_capacity(256)).text("format", format)
    }

    /// Adds a text.
    pub(crate) fn text(self, label: &str, value: &str) -> Self {
        self.bytes(label, value.as_bytes())
    }

    /// Adds a number.
    pub(crate) fn number(self, label: &str, value: u64) -> Self {
        self.bytes(label, &value.to_be_bytes())
    }

    /// Adds a number that may be absent; absence differs from every number.
    pub(crate) fn maybe(self, label: &str, value: Option<u64>) -> Self {
        match value {
            Some(value) => self.number(label, value),
            None => self.bytes(label, b"-"),
        }
    }

    /// Adds bytes.
    pub(crate) fn bytes(mut self, label: &str, value: &[u8]) -> Self {
        for part in [label.as_bytes(), value] {
            self.0.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            self.0.extend_from_slice(part);
        }
        self
    }

    /// The bytes.
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.0
    }
}
