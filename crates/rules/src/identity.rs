//! The verified identity that the gateway hands to the backend, and the backend's check of it.
//!
//! A keyed MAC over labelled, length-prefixed fields, the method, the target and the hash of the body, so that
//! no field can borrow bytes from its neighbour and an absent field differs from an empty one. The verifier is
//! small on purpose: others port it (vectors in `testdata/identity.json`).

use std::fmt;
use std::ops::Deref;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::secret::Secret;

/// Names of the headers, lower case.
pub const ACCOUNT: &str = "keyward-account";
/// See [`ACCOUNT`]; absent for a master.
pub const SUB_ACCOUNT: &str = "keyward-sub-account";
/// See [`ACCOUNT`]; the public key id.
pub const KEY: &str = "keyward-key";
/// See [`ACCOUNT`]; OKX's words and our own, comma-separated.
pub const PERMISSIONS: &str = "keyward-permissions";
/// See [`ACCOUNT`]; `live` or `demo`.
pub const ENVIRONMENT: &str = "keyward-environment";
/// See [`ACCOUNT`]; method and path of the route.
pub const ROUTE: &str = "keyward-route";
/// See [`ACCOUNT`].
pub const REQUEST_ID: &str = "keyward-request-id";
/// See [`ACCOUNT`]; Unix milliseconds.
pub const DEADLINE: &str = "keyward-deadline";
/// See [`ACCOUNT`]; the key's name, percent-encoded.
pub const LABEL: &str = "keyward-label";
/// See [`ACCOUNT`]; the key's own addresses, empty for none and for app keys.
pub const ADDRESSES: &str = "keyward-ip";
/// See [`ACCOUNT`]; the address that the request came from.
pub const CLIENT_ADDRESS: &str = "keyward-client-address";
/// See [`ACCOUNT`]; `v2,<key id>,<base64 of the MAC>`.
pub const IDENTITY: &str = "keyward-identity";

/// The prefix that no client's header may have, in any spelling.
const PREFIX: &str = "keyward-";

/// Whether a header's name belongs to the identity, with case ignored and `_`, `.` and space read as `-`:
/// some servers fold those before an application sees the name.
#[must_use]
pub fn is_identity_header(name: &str) -> bool {
    let folded = |byte: u8| match byte {
        b'_' | b'.' | b' ' => b'-',
        other => other.to_ascii_lowercase(),
    };
    name.len() >= PREFIX.len()
        && name.bytes().zip(PREFIX.bytes()).all(|(byte, wanted)| folded(byte) == wanted)
}

/// What is told of a request; a public one has no account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Identity<'a> {
    /// The master account, or the account itself.
    pub account: Option<&'a str>,
    /// The sub-account, if the key is one's.
    pub sub_account: Option<&'a str>,
    /// The public key id.
    pub key: Option<&'a str>,
    /// The key's name, percent-encoded.
    pub label: Option<&'a str>,
    /// The key's own addresses.
    pub addresses: Option<&'a str>,
    /// The key's permissions.
    pub permissions: &'a str,
    /// `live` or `demo`.
    pub environment: &'a str,
    /// Method and path of the route.
    pub route: &'a str,
    /// The request's id.
    pub request_id: &'a str,
    /// After this the backend must not act, Unix milliseconds.
    pub deadline_ms: u64,
    /// The address that the request came from, IPv6 by RFC 5952.
    pub client_address: &'a str,
}

/// The key shared by gateway and backend.
pub struct IdentityKey {
    id: u32,
    bytes: Secret<[u8; 32]>,
}

/// Why a backend must not act on a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IdentityRefusal {
    /// Not `v2,<id>,<44 characters>`.
    #[error("the identity header is malformed")]
    Malformed,
    /// Made with another key.
    #[error("the identity was made with another key")]
    OtherKey,
    /// The MAC does not fit.
    #[error("the identity does not fit the request")]
    Mismatch,
}

/// Bytes of the longest header value: `v2,`, ten digits, a comma, 44 characters of Base64.
const VALUE_BYTES: usize = 3 + 10 + 1 + MAC_CHARS;
/// Characters of a MAC in padded Base64.
const MAC_CHARS: usize = 44;

/// The value of the identity header, on the stack: one is made for every request that is forwarded.
#[derive(Clone, Copy)]
pub struct SignedIdentity {
    bytes: [u8; VALUE_BYTES],
    length: usize,
}

impl SignedIdentity {
    /// The value as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let written = self.bytes.get(..self.length).unwrap_or_default();
        // Only ASCII is ever written; an empty value, which verifies nowhere, stands for anything else.
        std::str::from_utf8(written).unwrap_or_default()
    }

    fn push(&mut self, text: &[u8]) {
        for byte in text {
            if let Some(place) = self.bytes.get_mut(self.length) {
                *place = *byte;
                self.length += 1;
            }
        }
    }
}

impl Deref for SignedIdentity {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for SignedIdentity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl PartialEq<SignedIdentity> for &str {
    fn eq(&self, other: &SignedIdentity) -> bool {
        *self == other.as_str()
    }
}

/// A number in decimal digits without leading zeros: the digits, and where they begin.
fn digits(mut number: u32) -> ([u8; 10], usize) {
    let (mut written, mut start) = ([b'0'; 10], 10);
    for place in written.iter_mut().rev() {
        *place = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        start -= 1;
        if number == 0 {
            break;
        }
    }
    (written, start)
}

impl IdentityKey {
    /// A key and the number that names it.
    #[must_use]
    pub const fn new(id: u32, bytes: [u8; 32]) -> Self {
        Self { id, bytes: Secret::new(bytes) }
    }

    /// The value of the identity header for a request; nothing is allocated.
    #[must_use]
    pub fn sign(&self, identity: &Identity<'_>, method: &str, target: &[u8], body: &[u8]) -> SignedIdentity {
        let mac = self.mac(identity, method, target, body);
        let mut text = [0; MAC_CHARS];
        // Exactly 44 characters for 32 bytes, so it always fits.
        let _ = STANDARD.encode_slice(mac.as_bytes(), &mut text);
        let (id, start) = digits(self.id);
        let mut value = SignedIdentity { bytes: [0; VALUE_BYTES], length: 0 };
        value.push(b"v2,");
        value.push(id.get(start..).unwrap_or_default());
        value.push(b",");
        value.push(&text);
        value
    }

    /// Checks a request's identity header, in constant time.
    ///
    /// # Errors
    /// [`IdentityRefusal`]; the deadline is the caller's to check, because the clock is.
    pub fn verify(
        &self,
        identity: &Identity<'_>,
        method: &str,
        target: &[u8],
        body: &[u8],
        header: &str,
    ) -> Result<(), IdentityRefusal> {
        let rest = header.strip_prefix("v2,").ok_or(IdentityRefusal::Malformed)?;
        let (id, text) = rest.split_once(',').ok_or(IdentityRefusal::Malformed)?;
        let (own, start) = digits(self.id);
        if id.as_bytes() != own.get(start..).unwrap_or_default() {
            return Err(IdentityRefusal::OtherKey);
        }
        if text.len() != MAC_CHARS {
            return Err(IdentityRefusal::Malformed);
        }
        // One byte more than a MAC, which is what the decoder wants to see for 44 characters.
        let mut claimed = [0; 33];
        let length = STANDARD.decode_slice(text, &mut claimed).map_err(|_| IdentityRefusal::Malformed)?;
        let claimed = claimed.get(..length).ok_or(IdentityRefusal::Malformed)?;
        let claimed: [u8; 32] = claimed.try_into().map_err(|_| IdentityRefusal::Malformed)?;
        // Equality of BLAKE3 hashes is constant-time.
        if self.mac(identity, method, target, body) == blake3::Hash::from_bytes(claimed) {
            Ok(())
        } else {
            Err(IdentityRefusal::Mismatch)
        }
    }

    /// Each field is its label, a zero byte, four bytes of length (big-endian, all ones when absent) and its
    /// bytes; the deadline is eight bytes, the body its BLAKE3 hash.
    fn mac(&self, identity: &Identity<'_>, method: &str, target: &[u8], body: &[u8]) -> blake3::Hash {
        let mut message = Message::new(blake3::Hasher::new_keyed(self.bytes.expose()));
        message.field("format", Some(b"keyward identity 2"));
        message.field(ACCOUNT, identity.account.map(str::as_bytes));
        message.field(SUB_ACCOUNT, identity.sub_account.map(str::as_bytes));
        message.field(KEY, identity.key.map(str::as_bytes));
        message.field(LABEL, identity.label.map(str::as_bytes));
        message.field(ADDRESSES, identity.addresses.map(str::as_bytes));
        message.field(PERMISSIONS, Some(identity.permissions.as_bytes()));
        message.field(ENVIRONMENT, Some(identity.environment.as_bytes()));
        message.field(ROUTE, Some(identity.route.as_bytes()));
        message.field(REQUEST_ID, Some(identity.request_id.as_bytes()));
        message.field(DEADLINE, Some(&identity.deadline_ms.to_be_bytes()));
        message.field(CLIENT_ADDRESS, Some(identity.client_address.as_bytes()));
        message.field("method", Some(method.as_bytes()));
        message.field("target", Some(target));
        let body = if body.is_empty() { EMPTY_BODY } else { *blake3::hash(body).as_bytes() };
        message.field("body", Some(&body));
        message.mac()
    }
}

/// BLAKE3 of nothing, which is the body of most requests.
const EMPTY_BODY: [u8; 32] = *b"\xaf\x13\x49\xb9\xf5\xf9\xa1\xa6\xa0\x40\x4d\xea\x36\xdc\xc9\x49\
    \x9b\xcb\x25\xc9\xad\xc1\x12\xb7\xcc\x9a\x93\xca\xe4\x1f\x32\x62";

/// Gathers the fields before they are hashed: the hasher's cost is per call as well as per byte.
struct Message {
    hasher: blake3::Hasher,
    gathered: [u8; Self::ROOM],
    length: usize,
}

impl Message {
    const ROOM: usize = 512;

    const fn new(hasher: blake3::Hasher) -> Self {
        Self { hasher, gathered: [0; Self::ROOM], length: 0 }
    }

    fn field(&mut self, label: &str, value: Option<&[u8]>) {
        let length = value.map_or(u32::MAX, |value| u32::try_from(value.len()).unwrap_or(u32::MAX - 1));
        self.push(label.as_bytes());
        self.push(&[0]);
        self.push(&length.to_be_bytes());
        self.push(value.unwrap_or_default());
    }

    fn push(&mut self, bytes: &[u8]) {
        let room = self.length..self.length + bytes.len();
        if let Some(place) = self.gathered.get_mut(room.clone()) {
            place.copy_from_slice(bytes);
            self.length = room.end;
        } else {
            self.hasher.update(self.gathered.get(..self.length).unwrap_or_default());
            self.hasher.update(bytes);
            self.length = 0;
        }
    }

    fn mac(mut self) -> blake3::Hash {
        self.hasher.update(self.gathered.get(..self.length).unwrap_or_default());
        self.hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{Identity, IdentityKey, IdentityRefusal, is_identity_header};

    const TARGET: &[u8] = b"/api/v5/trade/order";

    fn identity() -> Identity<'static> {
        Identity {
            account: Some("1"),
            key: Some("k"),
            label: Some("bot"),
            addresses: Some(""),
            permissions: "read,trade",
            environment: "live",
            route: "POST /api/v5/trade/order",
            request_id: "r",
            deadline_ms: 7,
            client_address: "203.0.113.9",
            sub_account: None,
        }
    }

    #[test]
    fn fits_its_request_only() {
        let key = IdentityKey::new(1, [9; 32]);
        let good = key.sign(&identity(), "POST", TARGET, b"{}");
        assert_eq!(key.verify(&identity(), "POST", TARGET, b"{}", &good), Ok(()));
        let others = [
            Identity { account: None, ..identity() },
            Identity { sub_account: Some(""), ..identity() },
            Identity { permissions: "read", ..identity() },
            Identity { environment: "demo", ..identity() },
            Identity { deadline_ms: 8, ..identity() },
            Identity { client_address: "203.0.113.8", ..identity() },
            Identity { label: Some("botX"), ..identity() },
            Identity { addresses: None, ..identity() },
        ];
        for other in others {
            assert_eq!(
                key.verify(&other, "POST", TARGET, b"{}", &good),
                Err(IdentityRefusal::Mismatch),
                "{other:?}"
            );
        }
        assert!(key.verify(&identity(), "GET", TARGET, b"{}", &good).is_err());
        assert!(key.verify(&identity(), "POST", b"/api/v5/trade/orders", b"{}", &good).is_err());
        assert!(key.verify(&identity(), "POST", TARGET, b"{ }", &good).is_err());
        assert!(IdentityKey::new(1, [8; 32]).verify(&identity(), "POST", TARGET, b"{}", &good).is_err());
    }

    #[test]
    fn the_hash_of_nothing_is_right() {
        assert_eq!(super::EMPTY_BODY, *blake3::hash(b"").as_bytes());
    }

    #[test]
    fn ids_are_plain_decimal() {
        for id in [0, 1, 10, 4_294_967_295] {
            let key = IdentityKey::new(id, [9; 32]);
            let value = key.sign(&identity(), "GET", TARGET, b"");
            assert!(value.starts_with(&format!("v2,{id},")), "{value}");
            // As a header's value and in comparisons it reads like any text.
            let text: Option<&str> = Some(&value);
            assert!(text.is_some_and(|text| text == value));
            assert_eq!(value.len(), 4 + id.to_string().len() + 44);
            assert_eq!(key.verify(&identity(), "GET", TARGET, b"", &value), Ok(()));
        }
    }

    #[test]
    fn no_field_borrows_from_its_neighbour() {
        let key = IdentityKey::new(1, [9; 32]);
        let glued = |account, sub_account, key| Identity { account, sub_account, key, ..identity() };
        let all = [
            glued(Some("ab"), None, Some("k")),
            glued(Some("a"), Some("b"), Some("k")),
            glued(Some(""), Some("ab"), Some("k")),
            glued(None, Some("ab"), Some("k")),
            glued(Some("ab"), Some(""), Some("k")),
            glued(Some("abk"), None, Some("")),
            glued(Some("abk"), None, None),
        ];
        let made: std::collections::HashSet<String> =
            all.iter().map(|one| key.sign(one, "GET", TARGET, b"").to_string()).collect();
        assert_eq!(made.len(), all.len());
    }

    #[test]
    fn vectors() {
        let file: Value = serde_json::from_str(include_str!("../testdata/identity.json")).unwrap();
        let bytes: Vec<u8> = (0..32).collect();
        let wanted: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(file["key"], wanted.as_str());
        let id = u32::try_from(file["key_id"].as_u64().unwrap()).unwrap();
        let key = IdentityKey::new(id, bytes.try_into().unwrap());
        let vectors = file["vectors"].as_array().unwrap();
        assert!(vectors.len() >= 5);
        let mut frames = 0;
        for vector in vectors {
            let text = |name: &str| vector[name].as_str();
            let identity = Identity {
                account: text("account"),
                sub_account: text("sub_account"),
                key: text("key"),
                label: text("label"),
                addresses: text("ip"),
                permissions: text("permissions").unwrap(),
                environment: text("environment").unwrap(),
                route: text("route").unwrap(),
                request_id: text("request_id").unwrap(),
                deadline_ms: vector["deadline_ms"].as_u64().unwrap(),
                client_address: text("client_address").unwrap(),
            };
            let (method, target) = (text("method").unwrap(), text("target").unwrap().as_bytes());
            let body = text("body").unwrap().as_bytes();
            assert_eq!(&*key.sign(&identity, method, target, body), text("header").unwrap(), "{vector}");
            assert_eq!(key.verify(&identity, method, target, body, text("header").unwrap()), Ok(()));
            if let Some((line, request)) = text("frame").and_then(|frame| frame.split_once('\n')) {
                let told: Value = serde_json::from_str(line).unwrap();
                assert_eq!((told["keyward-identity"].as_str(), request.as_bytes()), (text("header"), body));
                assert_eq!(method, "WS");
                frames += 1;
            }
        }
        assert!(frames >= 3, "{frames}");
        for odd in file["malformed"].as_array().unwrap() {
            let refused = key.verify(&identity(), "POST", TARGET, b"{}", odd.as_str().unwrap());
            assert!(matches!(refused, Err(IdentityRefusal::Malformed | IdentityRefusal::OtherKey)), "{odd}");
        }
    }

    #[test]
    fn one_spelling_of_the_header() {
        let key = IdentityKey::new(1, [9; 32]);
        let good = key.sign(&identity(), "POST", TARGET, b"{}");
        for odd in [
            good.replacen("v2", "v1", 1),
            good.replacen(",1,", ",01,", 1),
            good.trim_end_matches('=').into(),
            format!("{good} "),
        ] {
            assert!(key.verify(&identity(), "POST", TARGET, b"{}", &odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn every_spelling_of_the_prefix_is_ours() {
        for name in [
            "keyward-account",
            "Keyward-Account",
            "KEYWARD_KEY",
            "keyward.key",
            "keyward_Sub-Account",
            "keyward-",
        ] {
            assert!(is_identity_header(name), "{name}");
        }
        for name in ["keyward", "x-keyward-account", "key-ward-account", "keywardaccount"] {
            assert!(!is_identity_header(name), "{name}");
        }
    }
}
