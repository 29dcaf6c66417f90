//! Authenticators (RFC 6238): SHA-1, 30 seconds, 6 digits, because apps ignore every other setting.

use keyward_rules::account::Email;
use keyward_rules::person::TotpCode;
use keyward_rules::secret::Secret;
use keyward_rules::time::Moment;
use totp_rs::{Builder, Totp};

/// The secret of an authenticator, with what it is shown as.
pub struct Authenticator {
    secret: Secret<Vec<u8>>,
}

impl Authenticator {
    /// Takes 160 random bits.
    #[must_use]
    pub fn from_entropy(entropy: [u8; 20]) -> Self {
        Self { secret: Secret::new(entropy.to_vec()) }
    }

    /// Takes a stored secret.
    #[must_use]
    pub const fn new(secret: Secret<Vec<u8>>) -> Self {
        Self { secret }
    }

    /// Reads the Base32 text that people may type; `None` for anything else.
    #[must_use]
    pub fn from_base32(text: &str) -> Option<Self> {
        let secret = totp_rs::Secret::try_from_base32(text).ok()?;
        Some(Self { secret: Secret::new(secret.as_bytes().to_vec()) })
    }

    /// The secret to store.
    #[must_use]
    pub const fn secret(&self) -> &Secret<Vec<u8>> {
        &self.secret
    }

    /// The secret as people type it.
    #[must_use]
    pub fn base32(&self) -> String {
        totp_rs::Secret::from(self.secret.expose().as_slice()).to_base32()
    }

    /// The address that the QR code holds.
    #[must_use]
    pub fn url(&self, issuer: &str, email: &Email) -> String {
        let totp = self.builder().with_issuer(Some(issuer.to_owned())).with_account_name(email.to_string());
        totp.build_noncompliant().to_url().unwrap_or_default()
    }

    /// The time step whose code this is, one step early or late included; `None` when it is none of them.
    #[must_use]
    pub fn step_of(&self, code: &TotpCode, now: Moment) -> Option<u64> {
        self.totp().check(code.expose(), now.unix_ms() / 1_000)
    }

    /// The code at `now`, for tests and the sandbox.
    #[must_use]
    pub fn code_at(&self, now: Moment) -> String {
        self.totp().generate(now.unix_ms() / 1_000).to_string()
    }

    fn builder(&self) -> Builder {
        Builder::new().with_secret(self.secret.expose().as_slice()).with_skew(1)
    }

    fn totp(&self) -> Totp {
        self.builder().build_noncompliant()
    }
}

#[cfg(test)]
mod tests {
    use super::Authenticator;
    use keyward_rules::person::TotpCode;
    use keyward_rules::time::Moment;

    /// RFC 6238, appendix B, cut to six digits.
    #[test]
    fn published_vectors() {
        let authenticator = Authenticator::from_entropy(*b"12345678901234567890");
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            let now = Moment::from_unix_ms(seconds * 1_000);
            assert_eq!(authenticator.code_at(now), code);
            let code = TotpCode::parse(code).unwrap();
            assert_eq!(authenticator.step_of(&code, now), Some(seconds / 30));
            assert_eq!(authenticator.step_of(&code, now.plus_ms(30_000)), Some(seconds / 30));
            assert_eq!(authenticator.step_of(&code, now.plus_ms(90_000)), None);
        }
        assert_eq!(authenticator.base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }
}
