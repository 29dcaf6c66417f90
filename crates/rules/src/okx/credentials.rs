//! The four headers and the demo flag, read strictly (contract 1.1).

use super::sign::Signature;
use crate::denial::Denial;
use crate::id::KeyId;
use crate::key::Environment;
use crate::time::Timestamp;

/// Lower-case header names; the wire's case does not matter.
pub const HEADER_KEY: &str = "ok-access-key";
/// See [`HEADER_KEY`].
pub const HEADER_SIGN: &str = "ok-access-sign";
/// See [`HEADER_KEY`].
pub const HEADER_TIMESTAMP: &str = "ok-access-timestamp";
/// See [`HEADER_KEY`].
pub const HEADER_PASSPHRASE: &str = "ok-access-passphrase";
/// See [`HEADER_KEY`].
pub const HEADER_SIMULATED: &str = "x-simulated-trading";

/// The headers' bytes as they came; `None` where a header is absent.
#[derive(Clone, Copy, Default)]
pub struct RawCredentials<'r> {
    /// `OK-ACCESS-KEY`.
    pub key: Option<&'r [u8]>,
    /// `OK-ACCESS-SIGN`.
    pub sign: Option<&'r [u8]>,
    /// `OK-ACCESS-TIMESTAMP`.
    pub timestamp: Option<&'r [u8]>,
    /// `OK-ACCESS-PASSPHRASE`.
    pub passphrase: Option<&'r [u8]>,
    /// `x-simulated-trading`.
    pub simulated: Option<&'r [u8]>,
}

impl RawCredentials<'_> {
    /// Whether any of the four credential headers is there.
    #[must_use]
    pub const fn any(&self) -> bool {
        self.key.is_some() || self.sign.is_some() || self.timestamp.is_some() || self.passphrase.is_some()
    }
}

/// The headers, read. The timestamp stays unread until the key is known, as the order of checks demands.
#[derive(Clone, Copy)]
pub struct Credentials<'r> {
    /// Which key is claimed.
    pub key: KeyId,
    /// The signature, when it has the length of one.
    pub sign: Option<Signature>,
    /// The timestamp's bytes.
    pub timestamp: &'r [u8],
    /// How the timestamp is written.
    pub form: TimestampForm,
    /// The passphrase's bytes.
    pub passphrase: &'r [u8],
    /// Which ledger is asked for; `None` where a socket's login does not say, which then means the key's own.
    pub environment: Option<Environment>,
}

/// How a request writes its timestamp (contract 1.5 and 3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimestampForm {
    /// ISO 8601 in UTC, as requests do.
    Iso,
    /// Seconds since the Unix epoch, as logins on sockets do.
    UnixSeconds,
}

impl<'r> Credentials<'r> {
    /// Reads the headers: all four there and not empty, the key id in its one spelling.
    ///
    /// # Errors
    /// 50103, 50104, 50106, 50107 for a missing header, in that order; 50111 for a malformed key id; 50101
    /// for a demo flag that is neither `0` nor `1`, because guessing could trade real money.
    pub fn read(raw: RawCredentials<'r>) -> Result<Self, Denial> {
        let filled =
            |header: Option<&'r [u8]>, missing| header.filter(|text| !text.is_empty()).ok_or(missing);
        let key = filled(raw.key, Denial::KeyMissing)?;
        let passphrase = filled(raw.passphrase, Denial::PassphraseMissing)?;
        let sign = filled(raw.sign, Denial::SignMissing)?;
        let timestamp = filled(raw.timestamp, Denial::TimestampMissing)?;
        let key = KeyId::parse(key).map_err(|_| Denial::KeyMalformed)?;
        let environment = match raw.simulated {
            None | Some(b"0") => Environment::Live,
            Some(b"1") => Environment::Demo,
            Some(_) => return Err(Denial::WrongEnvironment),
        };
        Ok(Self {
            key,
            sign: Signature::parse(sign),
            timestamp,
            form: TimestampForm::Iso,
            passphrase,
            environment: Some(environment),
        })
    }

    /// Reads the members of a socket's login (contract 3.1), none of which is empty: key, passphrase, timestamp, signature.
    ///
    /// # Errors
    /// 50111 for a malformed key id.
    pub fn of_login(
        [key, passphrase, timestamp, sign]: [&'r str; 4],
        environment: Option<Environment>,
    ) -> Result<Self, Denial> {
        Ok(Self {
            key: KeyId::parse(key.as_bytes()).map_err(|_| Denial::KeyMalformed)?,
            sign: Signature::parse(sign.as_bytes()),
            timestamp: timestamp.as_bytes(),
            form: TimestampForm::UnixSeconds,
            passphrase: passphrase.as_bytes(),
            environment,
        })
    }

    /// Reads the timestamp.
    ///
    /// # Errors
    /// 50112 for another form; 50102 for digits alone, as from OKX, where they are a time that is over.
    pub fn stamp(&self) -> Result<Timestamp, Denial> {
        let read = match self.form {
            TimestampForm::Iso => Timestamp::parse(self.timestamp),
            TimestampForm::UnixSeconds => {
                return Timestamp::parse_unix_seconds(self.timestamp).map_err(|_| Denial::TimestampMalformed);
            }
        };
        read.map_err(|_| {
            let digits = self.timestamp.iter().all(u8::is_ascii_digit);
            if digits { Denial::TimestampExpired } else { Denial::TimestampMalformed }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Credentials, RawCredentials};
    use crate::id::KeyId;

    /// The code that a timestamp is refused with, before any clock is looked at.
    fn refused_with(timestamp: &str) -> Option<&'static str> {
        let key = KeyId::from_entropy([3; 16]).to_string();
        let raw = RawCredentials {
            key: Some(key.as_bytes()),
            sign: Some(b"signature"),
            timestamp: Some(timestamp.as_bytes()),
            passphrase: Some(b"passphrase"),
            simulated: None,
        };
        let read = Credentials::read(raw).and_then(|credentials| credentials.stamp());
        read.err().map(|denial| denial.entry().code)
    }

    #[test]
    fn digits_alone_are_a_time_that_is_over() {
        for digits in [
            "1607418537",
            "1607418537715",
            "1607418537715000",
            "1607418537715000000",
            "4102444800000",
            "0",
            "7",
            "00",
            "0001607418537715",
            "20201208",
            "20201208090857",
            "20201208090857715",
            "18446744073709551615",
            "18446744073709551616",
            "1607418537715000000000000",
            &"9".repeat(400),
        ] {
            assert_eq!(refused_with(digits), Some("50102"), "{digits}");
        }
    }

    #[test]
    fn what_only_looks_like_digits_is_no_timestamp() {
        for odd in [
            "+1607418537715",
            "-1607418537715",
            "-1",
            "1607418537.715",
            "1607418537,715",
            ".1607418537",
            "1.607418537715e12",
            "1607418537e3",
            "0x176420e9c33",
            "176420e9c33",
            "1_607_418_537_715",
            "1 607 418 537 715",
            " 1607418537715",
            "1607418537715 ",
            "1607418537715\t",
            "1607418537715Z",
            "1607418537715ms",
            "1607418537715n",
            "\u{661}\u{666}\u{660}\u{667}",
            "\u{ff11}\u{ff16}\u{ff10}\u{ff17}",
            "160741853771\u{b2}",
            " ",
            "NaN",
            "2020-12-08",
            "2020-12-08T09:08:57.7150Z",
        ] {
            assert_eq!(refused_with(odd), Some("50112"), "{odd:?}");
        }
        assert_eq!(refused_with(""), Some("50107"), "none at all");
        for good in ["2020-12-08T09:08:57.715Z", "2020-12-08T09:08:57Z"] {
            assert_eq!(refused_with(good), None, "how old it is, is judged later");
        }
    }
}
