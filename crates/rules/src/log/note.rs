//! Signed notes (c2sp.org/signed-note), with Ed25519 keys only.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::tree::sha256;
use crate::limits::{NOTE_BYTES, ORIGIN_BYTES};

/// The signature type of Ed25519.
const ED25519_TYPE: u8 = 1;

/// The name of a log and of the key that signs for it, such as `keys.example.com/audit`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin(String);

/// A text that names no log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an origin is 1 to 255 visible ASCII characters without `+`, such as keys.example.com/audit")]
pub struct NotAnOrigin;

impl Origin {
    /// Reads a name.
    ///
    /// # Errors
    /// [`NotAnOrigin`].
    pub fn parse(text: &str) -> Result<Self, NotAnOrigin> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'+');
        let good = visible && (1..=ORIGIN_BYTES).contains(&text.len());
        good.then(|| Self(text.to_owned())).ok_or(NotAnOrigin)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A public key with its name; shown and read as `name+id+key`, the form that the C2SP tools take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifierKey {
    origin: Origin,
    public: [u8; 32],
}

/// A text that is no public key of this form.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a public key reads name+id+key, as `keyward audit key` prints it")]
pub struct NotAKey;

impl VerifierKey {
    /// A key by its 32 bytes (RFC 8032).
    #[must_use]
    pub const fn new(origin: Origin, public: [u8; 32]) -> Self {
        Self { origin, public }
    }

    /// Reads `name+id+key`.
    ///
    /// # Errors
    /// [`NotAKey`], also when the id is not the one that name and key give.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NotAKey);
        };
        let origin = Origin::parse(name).map_err(|_| NotAKey)?;
        let bytes = STANDARD.decode(key).map_err(|_| NotAKey)?;
        let Some((&ED25519_TYPE, public)) = bytes.split_first() else { return Err(NotAKey) };
        let key = Self { origin, public: public.try_into().map_err(|_| NotAKey)? };
        if key.id_in_hex() == id { Ok(key) } else { Err(NotAKey) }
    }

    /// Its name.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The same key under another name.
    #[must_use]
    pub fn named(&self, origin: Origin) -> Self {
        Self { origin, public: self.public }
    }

    /// The text of a note that this key signed, with its last line end. Signatures by other keys are passed over.
    ///
    /// # Errors
    /// [`NotSigned`].
    pub fn open<'n>(&self, note: &'n str) -> Result<&'n str, NotSigned> {
        let (text, signatures) = split(note)?;
        let mut signed = false;
        for line in signatures.lines() {
            let (name, bytes) = signature(line)?;
            let Some((id, signature)) = bytes.split_first_chunk::<4>() else { return Err(NotSigned::Form) };
            if name == self.origin.as_str() && *id == self.id() {
                let key = UnparsedPublicKey::new(&ED25519, &self.public);
                key.verify(text.as_bytes(), signature).map_err(|_| NotSigned::BadSignature)?;
                signed = true;
            }
        }
        if signed { Ok(text) } else { Err(NotSigned::OtherKey) }
    }

    fn id(&self) -> [u8; 4] {
        let hash = sha256(&[self.origin.as_str().as_bytes(), &[b'\n', ED25519_TYPE], &self.public]);
        let [a, b, c, d, ..] = *hash.as_bytes();
        [a, b, c, d]
    }

    fn id_in_hex(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.id()))
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[ED25519_TYPE], self.public.as_slice()].concat();
        write!(out, "{}+{}+{}", self.origin, self.id_in_hex(), STANDARD.encode(bytes))
    }
}

/// A note that this key did not sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotSigned {
    /// It has not the form of a note.
    #[error("it is no signed note")]
    Form,
    /// Only other keys signed it.
    #[error("it is signed by another key")]
    OtherKey,
    /// A signature in the key's name is wrong.
    #[error("its signature is wrong")]
    BadSignature,
}

/// Text and signature lines, parted at the last empty line.
fn split(note: &str) -> Result<(&str, &str), NotSigned> {
    let plain = note.len() <= NOTE_BYTES && !note.chars().any(|symbol| symbol < ' ' && symbol != '\n');
    let at = note.rfind("\n\n").filter(|_| plain && note.ends_with('\n')).ok_or(NotSigned::Form)?;
    let (text, rest) = note.split_at_checked(at + 1).ok_or(NotSigned::Form)?;
    let signatures = rest.strip_prefix('\n').filter(|lines| !lines.is_empty()).ok_or(NotSigned::Form)?;
    Ok((text, signatures))
}

/// Name and bytes of a signature line.
fn signature(line: &str) -> Result<(&str, Vec<u8>), NotSigned> {
    let (name, text) =
        line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).ok_or(NotSigned::Form)?;
    let bytes = STANDARD.decode(text).map_err(|_| NotSigned::Form)?;
    if name.is_empty() { Err(NotSigned::Form) } else { Ok((name, bytes)) }
}

/// A private key with its name. Has no way to show itself.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    verifier: VerifierKey,
}

impl SigningKey {
    /// The key of a seed (RFC 8032); `None` only if the library refuses the seed.
    #[must_use]
    pub fn from_seed(origin: Origin, seed: &[u8; 32]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let public = pair.public_key().as_ref().try_into().ok()?;
        Some(Self { pair, verifier: VerifierKey::new(origin, public) })
    }

    /// The public half.
    #[must_use]
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The note of `text`, whose lines all end and none of which is empty.
    pub(super) fn sign(&self, text: &str) -> String {
        let signature = self.pair.sign(text.as_bytes());
        let bytes = [self.verifier.id().as_slice(), signature.as_ref()].concat();
        format!("{text}\n— {} {}\n", self.verifier.origin, STANDARD.encode(bytes))
    }
}
