//! The signature: Base64(HMAC-SHA256(secret, timestamp + METHOD + target + body)).
//!
//! Target and body are raw bytes and are never decoded: ccxt signs `BTC%2CUSDT`, python-okx `BTC,USDT`, and
//! only the bytes as sent satisfy both (contract 1.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_hmac_state::HmacState;
use subtle::ConstantTimeEq;

/// A signature as its 44 characters, which is how it is compared: there is one spelling of each.
#[derive(Clone, Copy)]
pub struct Signature([u8; 44]);

impl Signature {
    /// Takes the header's bytes; anything but 44 of them is no signature.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        text.try_into().ok().map(Self)
    }

    /// The characters.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 44] {
        &self.0
    }

    /// Whether both are the same, in constant time.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// The first eight bytes of the MAC's text as a number, for a replay mark.
    ///
    /// A mark is only ever set after the signature was verified, so a stranger cannot choose it.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in self.0 {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        hash
    }
}

/// Signs the four parts of a request with a prepared state.
#[must_use]
pub fn sign(state: &HmacState, timestamp: &[u8], method: &[u8], target: &[u8], body: &[u8]) -> Signature {
    let tag = state.tag(&[timestamp, method, target, body]);
    let mut text = [0_u8; 44];
    // 32 bytes always encode to 44 characters, so the slice always fits; zeros would match nothing.
    let _ = STANDARD.encode_slice(tag, &mut text);
    Signature(text)
}

#[cfg(test)]
mod tests {
    use keyward_hmac_state::HmacState;

    use super::sign;

    /// The vectors of contract 1.6, shared as JSON with docs and ports.
    #[test]
    fn published_vectors() {
        let file: serde_json::Value =
            serde_json::from_str(include_str!("../../testdata/okx-signatures.json")).unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        assert_eq!(vectors.len(), 8);
        for vector in vectors {
            let text = |name: &str| vector[name].as_str().unwrap().as_bytes();
            let state = HmacState::from_key(text("secret"));
            let made = sign(&state, text("timestamp"), text("method"), text("target"), text("body"));
            assert_eq!(made.as_bytes(), text("signature"), "{vector}");
        }
    }
}
