//! Whose reports are believed: names, key ids and public keys, and the check of a signature.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::limits::LEAK_REPORTERS;

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// Somebody whose signed reports are believed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reporter {
    name: String,
    key_id: String,
    /// The key as X.509 `SubjectPublicKeyInfo` in DER.
    public: Vec<u8>,
}

/// A setting that makes no reporter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAReporter {
    /// Of its name.
    #[error("a reporter's name has 1 to 40 letters, digits, spaces, dots and hyphens")]
    Name,
    /// Of its key id.
    #[error("a reporter's key_id has 1 to 128 visible ASCII characters")]
    KeyId,
    /// Of its key.
    #[error("a reporter's public_key is a PEM text of a P-256 key that begins with {BEGIN}")]
    Key,
    /// Of all of them.
    #[error("there can be at most {LEAK_REPORTERS} reporters, each with a key_id of its own")]
    TooMany,
}

/// A report whose signature does not hold; says nothing about which part of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "the report is not signed by a reporter that this deployment knows; check Github-Public-Key-Identifier and Github-Public-Key-Signature"
)]
pub struct NotSigned;

impl Reporter {
    /// Reads the settings of a reporter.
    ///
    /// # Errors
    /// [`NotAReporter`].
    pub fn new(name: &str, key_id: &str, pem: &str) -> Result<Self, NotAReporter> {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, ' ' | '.' | '-');
        if !(1..=40).contains(&name.len()) || !name.chars().all(is_plain) {
            return Err(NotAReporter::Name);
        }
        if !(1..=128).contains(&key_id.len()) || !key_id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NotAReporter::KeyId);
        }
        let body = pem.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
        let body: String = body.ok_or(NotAReporter::Key)?.split_ascii_whitespace().collect();
        let public = STANDARD.decode(body).map_err(|_| NotAReporter::Key)?;
        ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &public).map_err(|_| NotAReporter::Key)?;
        Ok(Self { name: name.to_owned(), key_id: key_id.to_owned(), public })
    }

    /// Its name, for holders and the audit log.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// All whose reports are believed; none unless a deployment names some.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Reporters(Vec<Reporter>);

impl Reporters {
    /// Takes reporters together.
    ///
    /// # Errors
    /// [`NotAReporter::TooMany`], also when two have one key id.
    pub fn new(reporters: Vec<Reporter>) -> Result<Self, NotAReporter> {
        let repeated = |(at, one): (usize, &Reporter)| {
            reporters.iter().take(at).any(|before| before.key_id == one.key_id)
        };
        if reporters.len() > LEAK_REPORTERS || reporters.iter().enumerate().any(repeated) {
            return Err(NotAReporter::TooMany);
        }
        Ok(Self(reporters))
    }

    /// Whether nobody's reports are believed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Who signed `body`: the reporter whose key id is `key_id`, if `signature` (Base64 of an ASN.1 ECDSA signature) is its.
    ///
    /// # Errors
    /// [`NotSigned`].
    pub fn signer(&self, key_id: &str, signature: &str, body: &[u8]) -> Result<&Reporter, NotSigned> {
        let reporter = self.0.iter().find(|reporter| reporter.key_id == key_id).ok_or(NotSigned)?;
        // An ASN.1 signature over P-256 has at most 72 bytes.
        if signature.len() > 128 {
            return Err(NotSigned);
        }
        let signature = STANDARD.decode(signature).map_err(|_| NotSigned)?;
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &reporter.public);
        public.verify(body, &signature).map_err(|_| NotSigned)?;
        Ok(reporter)
    }
}

#[cfg(test)]
mod tests {
    use super::{NotAReporter, NotSigned, Reporter, Reporters};

    /// A key, a body and a signature that GitHub publishes for those who write a receiver
    /// (`docs.github.com`, secret scanning partner program).
    const PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE9MJJHnMfn2+H4xL4YaPDA4RpJqUq\n\
        kCmRCBnYERxZanmcpzQSXs1X/AljlKkbJ8qpVIW4clayyef9gWhFbNHWAA==\n\
        -----END PUBLIC KEY-----\n";
    const ID: &str = "90a421169f0a406205f1563a953312f0be898d3c7b6c06b681aa86a874555f4a";
    const BODY: &[u8] = br#"[{"token":"some_token","type":"some_type","url":"some_url"}]"#;
    const SIGNATURE: &str =
        "MEUCIQDKZokqnCjrRtw0tni+2Ltvl/uiMJ1EGumEsp1BsNr32AIgQY1YXD2nlj+XNfGK4rBfkMJ1JDOQcYXxa2sY8FNkrKc=";

    fn reporters() -> Reporters {
        Reporters::new(vec![Reporter::new("GitHub", ID, PEM).unwrap()]).unwrap()
    }

    #[test]
    fn a_signature_that_others_made_holds() {
        assert_eq!(reporters().signer(ID, SIGNATURE, BODY).map(Reporter::name), Ok("GitHub"));
    }

    #[test]
    fn nothing_else_is_signed() {
        let all = reporters();
        let other_body = BODY.to_ascii_uppercase();
        let longer = format!("{SIGNATURE}{}", "A".repeat(400));
        for (id, signature, body) in [
            ("", SIGNATURE, BODY),
            ("GitHub", SIGNATURE, BODY),
            (ID, "", BODY),
            (ID, "?", BODY),
            (ID, &SIGNATURE[1..], BODY),
            (ID, &longer, BODY),
            (ID, SIGNATURE, &other_body),
            (ID, SIGNATURE, &BODY[1..]),
        ] {
            assert_eq!(all.signer(id, signature, body).err(), Some(NotSigned), "{id} {signature}");
        }
        assert_eq!(Reporters::default().signer(ID, SIGNATURE, BODY).err(), Some(NotSigned));
    }

    #[test]
    fn settings_that_make_no_reporter_are_refused() {
        let of = |name: &str, id: &str, pem: &str| Reporter::new(name, id, pem).err();
        assert_eq!(of("", ID, PEM), Some(NotAReporter::Name));
        assert_eq!(of("a\nb", ID, PEM), Some(NotAReporter::Name));
        assert_eq!(of("GitHub", "", PEM), Some(NotAReporter::KeyId));
        assert_eq!(of("GitHub", "a b", PEM), Some(NotAReporter::KeyId));
        for pem in ["", "MFkw", &PEM.replace("MFkw", "MFkx"), &PEM.replace("PUBLIC", "PRIVATE")] {
            assert_eq!(of("GitHub", ID, pem), Some(NotAReporter::Key), "{pem}");
        }
        let one = Reporter::new("GitHub", ID, PEM).unwrap();
        assert_eq!(Reporters::new(vec![one.clone(), one]).err(), Some(NotAReporter::TooMany));
    }
}
