//! The origin of a web server, in the one spelling that browsers send (RFC 6454, 6.2).
//!
//! Cookies, forms and links compare it byte by byte, so another spelling of the same place is refused, not repaired.

use std::fmt;

use crate::channel::{Host, NotAUrl, Receiver, Scheme};

/// `scheme://host[:port]`: no user, path, query or fragment; in lower case; without the port that the scheme implies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebOrigin {
    text: String,
    scheme: Scheme,
    host: Host,
}

/// Why a text is no origin; never repeats the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAnOrigin {
    /// No URL at all.
    #[error(transparent)]
    Url(#[from] NotAUrl),
    /// More than the origin, or the port that the scheme implies.
    #[error(
        "it is only https://host or https://host:port, without a path or a slash at the end, and without :443"
    )]
    Spelling,
}

impl WebOrigin {
    /// Reads an origin.
    ///
    /// # Errors
    /// [`NotAnOrigin`], by rule.
    pub fn parse(text: &str) -> Result<Self, NotAnOrigin> {
        let url = Receiver::parse(text)?;
        if url.shown() != text {
            return Err(NotAnOrigin::Spelling);
        }
        Ok(Self { text: text.to_owned(), scheme: url.scheme(), host: url.host().clone() })
    }

    /// Whether what is sent there is protected, or stays on this machine.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.scheme == Scheme::Https || is_loopback(&self.host)
    }
}

/// Whether a host is this machine: a loopback address, or the name that browsers resolve to one (RFC 6761, 6.3).
#[must_use]
pub fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Name(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Address(address) => address.to_canonical().is_loopback(),
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::{NotAnOrigin, WebOrigin, is_loopback};
    use crate::channel::Host;

    #[test]
    fn an_origin_is_what_browsers_send() {
        for good in [
            "https://keys.example.com",
            "https://keys.example.com:8443",
            "https://keys.example.com:80",
            "http://localhost:8480",
            "http://localhost",
            "http://127.0.0.1:8480",
            "http://[::1]:8480",
            "https://[2001:db8::1]",
            "https://10.0.0.5:8443",
            "https://xn--bcher-kva.example",
            "https://keys",
            "https://a-b.c-d.example:1",
        ] {
            assert_eq!(WebOrigin::parse(good).unwrap().to_string(), good);
        }
    }

    #[test]
    fn every_other_spelling_is_refused() {
        for odd in [
            "",
            "keys.example.com",
            "//keys.example.com",
            "https://",
            "https://keys.example.com/",
            "https://keys.example.com/console",
            "https://keys.example.com/?a=b",
            "https://keys.example.com?a=b",
            "https://keys.example.com#a",
            "https://keys.example.com:443",
            "http://localhost:80",
            "https://keys.example.com:0443",
            "https://keys.example.com:",
            "https://keys.example.com:65536",
            "https://Keys.example.com",
            "HTTPS://keys.example.com",
            "https://keys.example.com.",
            "https://user@keys.example.com",
            "https://user:word@keys.example.com",
            "https://keys.example.com ",
            " https://keys.example.com",
            "https://keys.example.com\n",
            "https://b\u{fc}cher.example",
            "https://[0:0:0:0:0:0:0:1]",
            "https://127.1",
            "wss://keys.example.com",
            "ftp://keys.example.com",
            "https://*.example.com",
            "https://a.example,https://b.example",
        ] {
            assert!(WebOrigin::parse(odd).is_err(), "{odd:?}");
        }
        let told = WebOrigin::parse("https://keys.example.com/canary").unwrap_err();
        assert_eq!(told, NotAnOrigin::Spelling);
        assert!(!told.to_string().contains("canary"));
    }

    #[test]
    fn what_is_not_protected_stays_on_this_machine() {
        for (text, private) in [
            ("https://keys.example.com", true),
            ("http://keys.example.com", false),
            ("http://10.0.0.5", false),
            ("http://localhost.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://localhost:8480", true),
            ("http://keyward.localhost", true),
            ("http://127.9.9.9", true),
            ("http://[::1]", true),
            ("http://0.0.0.0", false),
        ] {
            assert_eq!(WebOrigin::parse(text).unwrap().is_private(), private, "{text}");
        }
        assert!(is_loopback(&Host::parse("[::ffff:127.0.0.1]").unwrap()));
    }
}
