//! The signature of a webhook in the Standard Webhooks form (standardwebhooks.com, specification 1.0).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_hmac_state::HmacState;
use zeroize::Zeroize as _;

use super::MessageId;
use crate::secret::Secret;

/// What stands before the Base64 of a secret.
const PREFIX: &str = "whsec_";

/// The key that a receiver verifies with: 32 random bytes.
#[derive(Debug)]
pub struct WebhookSecret(Secret<[u8; 32]>);

impl WebhookSecret {
    /// Takes 32 random bytes.
    #[must_use]
    pub const fn from_entropy(entropy: [u8; 32]) -> Self {
        Self(Secret::new(entropy))
    }

    /// Reads `whsec_…` again; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let key = <[u8; 32]>::try_from(bytes.as_slice()).ok();
        bytes.zeroize();
        key.map(Self::from_entropy)
    }

    /// `whsec_…`, for the one answer that shows it.
    #[must_use]
    pub fn text(&self) -> Secret<String> {
        Secret::new(format!("{PREFIX}{}", STANDARD.encode(self.0.expose())))
    }

    /// The header `webhook-signature`: `v1,` and the Base64 of the HMAC-SHA256 over `id.timestamp.body`.
    #[must_use]
    pub fn sign(&self, id: MessageId, unix_seconds: u64, body: &[u8]) -> String {
        let head = format!("{id}.{unix_seconds}.");
        let tag = HmacState::from_key(self.0.expose()).tag(&[head.as_bytes(), body]);
        format!("v1,{}", STANDARD.encode(tag))
    }
}

#[cfg(test)]
mod tests {
    use super::{MessageId, WebhookSecret};

    #[test]
    fn the_text_is_read_again() {
        let secret = WebhookSecret::from_entropy([7; 32]);
        let text = secret.text();
        let read = WebhookSecret::parse(text.expose()).unwrap();
        let id = MessageId::from_entropy([1; 16]);
        assert_eq!(read.sign(id, 1, b"{}"), secret.sign(id, 1, b"{}"));
        for odd in ["", "whsec_", "whsec_AAAA", &text.expose()[6..]] {
            assert!(WebhookSecret::parse(odd).is_none(), "{odd}");
        }
        assert!(!format!("{secret:?}").contains("whsec"));
    }

    /// Computed with `hmac` of Python over bytes 0 to 31 as the key.
    #[test]
    fn a_known_signature() {
        let secret = WebhookSecret::parse("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        let id = MessageId::from_entropy([0xab; 16]);
        let signature = secret.sign(id, 1_800_000_000, br#"{"type":"channel.test"}"#);
        assert_eq!(signature, KNOWN);
    }

    const KNOWN: &str = "v1,gvLX56s9jY/87qaGVXXwrEJj9ohYLtnM1GaFKCMfxYw=";
}
