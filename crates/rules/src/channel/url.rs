//! The URL of a receiver, read so strictly that no other parser can read it differently.
//!
//! `scheme://host[:port][/path][?query]` in visible ASCII. A host is a name in lower case or an address in its one
//! canonical spelling: numbers, octal and hexadecimal spellings, trailing dots, user information, fragments and
//! backslashes are refused, not repaired.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::limits::TARGET_TEXT_BYTES;
use crate::secret::Secret;

/// How the connection is protected.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Scheme {
    /// TLS.
    Https,
    /// Not at all.
    Http,
}

/// A host.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Host {
    /// A name, to be resolved.
    Name(String),
    /// An address.
    Address(IpAddr),
}

/// Why a text is no URL of a receiver; never repeats the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAUrl {
    /// Empty or too long.
    #[error("a URL has 1 to {TARGET_TEXT_BYTES} characters")]
    Length,
    /// Neither `https://` nor `http://`.
    #[error("a URL begins with https://, in lower case")]
    Scheme,
    /// Something that URLs do not hold, or that parsers disagree on.
    #[error("a URL holds visible ASCII characters only, no backslash, quotation mark, bracket or brace")]
    Character,
    /// A `%` without two hexadecimal digits.
    #[error("a percent sign in a URL is followed by two hexadecimal digits")]
    Escape,
    /// `user@`.
    #[error("a URL must not hold a user name or password")]
    UserInfo,
    /// `#…`.
    #[error("a URL must not hold a fragment")]
    Fragment,
    /// Neither a name nor an address in its usual spelling.
    #[error(
        "the host is a name in lower case (punycode for other scripts), or an address in its usual spelling"
    )]
    Host,
    /// Not a port.
    #[error("a port is a number from 1 to 65535 without leading zeros")]
    Port,
}

/// Scheme, host and port; not secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Origin {
    pub(super) scheme: Scheme,
    pub(super) host: Host,
    pub(super) port: u16,
}

/// Where a request goes: the origin, and the path and query, which are secret because many receivers keep their token
/// there.
pub struct Receiver {
    pub(super) origin: Origin,
    target: Secret<String>,
}

impl Host {
    /// Reads a host; an IPv6 address stands in brackets.
    ///
    /// # Errors
    /// [`NotAUrl::Host`].
    pub fn parse(text: &str) -> Result<Self, NotAUrl> {
        if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let address: Ipv6Addr = inner.parse().map_err(|_| NotAUrl::Host)?;
            let canonical = address.to_string() == inner;
            return if canonical { Ok(Self::Address(address.into())) } else { Err(NotAUrl::Host) };
        }
        let last = text.rsplit('.').next().unwrap_or_default();
        // What browsers would read as a number is an address in its canonical spelling or nothing (WHATWG URL, 3.5).
        if last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") {
            let address: Ipv4Addr = text.parse().map_err(|_| NotAUrl::Host)?;
            return Ok(Self::Address(address.into()));
        }
        let good = text.len() <= 253 && text.split('.').all(is_label);
        if good { Ok(Self::Name(text.to_owned())) } else { Err(NotAUrl::Host) }
    }
}

/// Letters, digits and inner hyphens; two hyphens in the third and fourth place mean punycode (RFC 5890, 2.3.1).
fn is_label(label: &str) -> bool {
    let plain = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let reserved = label.get(2..4) == Some("--") && !label.starts_with("xn--");
    (1..=63).contains(&label.len())
        && label.bytes().all(plain)
        && !label.starts_with('-')
        && !label.ends_with('-')
        && !reserved
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => out.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(out, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(out, "[{address}]"),
        }
    }
}

/// Reads a port in its one spelling.
pub(super) fn port_of(text: &str) -> Result<u16, NotAUrl> {
    let plain = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain).ok_or(NotAUrl::Port)
}

impl Origin {
    pub(super) const fn usual_port(scheme: Scheme) -> u16 {
        match scheme {
            Scheme::Https => 443,
            Scheme::Http => 80,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Https => "https",
            Scheme::Http => "http",
        };
        write!(out, "{scheme}://{}", self.host)?;
        if self.port == Self::usual_port(self.scheme) { Ok(()) } else { write!(out, ":{}", self.port) }
    }
}

impl Receiver {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`NotAUrl`], by rule.
    pub fn parse(text: &str) -> Result<Self, NotAUrl> {
        if text.is_empty() || text.len() > TARGET_TEXT_BYTES {
            return Err(NotAUrl::Length);
        }
        let odd = |byte: u8| !byte.is_ascii_graphic() || b"\\\"'<>^`{|}".contains(&byte);
        if text.bytes().any(odd) {
            return Err(NotAUrl::Character);
        }
        if text.contains('#') {
            return Err(NotAUrl::Fragment);
        }
        let (scheme, rest) = match text.split_once("://") {
            Some(("https", rest)) => (Scheme::Https, rest),
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(_) | None => return Err(NotAUrl::Scheme),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        if authority.contains('@') {
            return Err(NotAUrl::UserInfo);
        }
        check_target(target)?;
        let (host, port) = match authority.rsplit_once(':') {
            // The colons of an address in brackets are not the port's.
            Some((host, port)) if !port.ends_with(']') => (host, port_of(port)?),
            Some(_) | None => (authority, Origin::usual_port(scheme)),
        };
        let origin = Origin { scheme, host: Host::parse(host)?, port };
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Self { origin, target: Secret::new(target) })
    }

    /// A receiver at `origin`; `target` is a path that a rule put together.
    pub(super) const fn at(origin: Origin, target: String) -> Self {
        Self { origin, target: Secret::new(target) }
    }

    /// How the connection is protected.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.origin.scheme
    }

    /// The host.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.origin.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.origin.port
    }

    /// Path and query, for the request line.
    #[must_use]
    pub const fn target(&self) -> &Secret<String> {
        &self.target
    }

    /// Host and port as the `Host` header has them.
    #[must_use]
    pub fn authority(&self) -> String {
        let whole = self.origin.to_string();
        whole.split_once("://").map(|(_, authority)| authority.to_owned()).unwrap_or_default()
    }

    /// What may be shown: scheme, host and port.
    #[must_use]
    pub fn shown(&self) -> String {
        self.origin.to_string()
    }

    /// The whole URL, for the seal.
    #[must_use]
    pub fn text(&self) -> Secret<String> {
        Secret::new(format!("{}{}", self.origin, self.target.expose()))
    }
}

/// Brackets belong to addresses, and escapes are whole.
fn check_target(target: &str) -> Result<(), NotAUrl> {
    if target.contains(['[', ']']) {
        return Err(NotAUrl::Character);
    }
    let whole = |rest: &str| {
        let mut digits = rest.bytes().take(2);
        digits.by_ref().filter(u8::is_ascii_hexdigit).count() == 2
    };
    if target.split('%').skip(1).all(whole) { Ok(()) } else { Err(NotAUrl::Escape) }
}

/// Shows the origin alone.
impl fmt::Debug for Receiver {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Receiver({}/…)", self.origin)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Host, NotAUrl, Receiver};

    #[test]
    fn reads_what_receivers_have() {
        for (text, authority, target) in [
            ("https://hooks.example.com/in?token=a%2Fb&c=d", "hooks.example.com", "/in?token=a%2Fb&c=d"),
            ("https://hooks.example.com", "hooks.example.com", "/"),
            ("https://hooks.example.com?a", "hooks.example.com", "/?a"),
            ("https://hooks.example.com:8443/", "hooks.example.com:8443", "/"),
            ("http://10.0.0.5:8080/x", "10.0.0.5:8080", "/x"),
            ("https://[2001:db8::1]/x", "[2001:db8::1]", "/x"),
            ("https://[2001:db8::1]:444/x", "[2001:db8::1]:444", "/x"),
            ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", "/"),
        ] {
            let receiver = Receiver::parse(text).unwrap();
            assert_eq!(
                (receiver.authority().as_str(), receiver.target().expose().as_str()),
                (authority, target)
            );
        }
    }

    #[test]
    fn refuses_every_odd_spelling() {
        for text in [
            "",
            " https://a.example/",
            "https://a.example/ ",
            "https://a.example/\u{0}",
            "https://a.example/\r\nX: y",
            "https://a.example/\t",
            "HTTPS://a.example/",
            "Https://a.example/",
            "ftp://a.example/",
            "file:///etc/passwd",
            "gopher://a.example/",
            "javascript://a.example/",
            "https:/a.example/",
            "https:a.example",
            "//a.example/",
            "a.example",
            "https://",
            "https:///x",
            "https://?x",
            "https://:443/",
            "https://a.example:/",
            "https://a.example:0/",
            "https://a.example:0443/",
            "https://a.example:65536/",
            "https://a.example:+443/",
            "https://a.example:4 43/",
            "https://a.example:443:443/",
            "https://user@a.example/",
            "https://user:word@a.example/",
            "https://a.example@169.254.169.254/",
            "https://a.example:443@10.0.0.1/",
            "https://@a.example/",
            "https://a.example#@10.0.0.1/",
            "https://a.example/#x",
            "https://a.example\\@10.0.0.1/",
            "https://a.example\\.evil.example/",
            "https://A.example/",
            "https://a.example./",
            "https://a..example/",
            "https://.a.example/",
            "https://-a.example/",
            "https://a-.example/",
            "https://a_b.example/",
            "https://ab--cd.example/",
            "https://a%2eexample/",
            "https://%31%30.0.0.1/",
            "https://a.example%00.evil.example/",
            "https://b\u{fc}cher.example/",
            "https://\u{ff11}\u{ff10}.0.0.1/",
            "https://\u{2460}.example/",
            "https://a\u{3002}example/",
            "https://a.example/\u{202e}",
            // Addresses in other spellings.
            "http://2130706433/",
            "http://017700000001/",
            "http://0x7f000001/",
            "http://0x7f.1/",
            "http://0x7f.0.0.0x1/",
            "http://127.1/",
            "http://127.0.1/",
            "http://0177.0.0.1/",
            "http://127.0.0.01/",
            "http://127.0.0.1./",
            "http://127.0.0.256/",
            "http://1.2.3.4.5/",
            "http://a.1/",
            "http://a.0x/",
            "http://0/",
            "http://::1/",
            "http://[::1/",
            "http://::1]/",
            "http://[[::1]]/",
            "http://[]/",
            "http://[127.0.0.1]/",
            "http://[::1%25eth0]/",
            "http://[fe80::1%eth0]/",
            "http://[0:0:0:0:0:0:0:1]/",
            "http://[::FFFF:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://[::0001]/",
            "http://[v1.a]/",
            "http://[::1]a/",
            "http://a[::1]/",
            // Targets.
            "https://a.example/%",
            "https://a.example/%1",
            "https://a.example/%zz",
            "https://a.example/[x]",
            "https://a.example/{x}",
            "https://a.example/\"x",
            &format!("https://a.example/{}", "x".repeat(1024)),
            &format!("https://{}.example/", "x".repeat(64)),
            &format!("https://{}example/", "x.".repeat(130)),
        ] {
            assert!(Receiver::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_and_never_repeats_it() {
        for (text, wrong) in [
            ("https://user@a.example/canary", NotAUrl::UserInfo),
            ("https://a.example/canary#x", NotAUrl::Fragment),
            ("https://127.1/canary", NotAUrl::Host),
        ] {
            let refused = Receiver::parse(text).unwrap_err();
            assert_eq!(refused, wrong);
            assert!(!refused.to_string().contains("canary"));
        }
        let receiver = Receiver::parse("https://a.example/canary").unwrap();
        assert!(!format!("{receiver:?} {}", receiver.shown()).contains("canary"));
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_comes_back_as_it_went_in(text in r"(https?://)?[a-z0-9.:\[\]x%@#\\/?-]{0,30}") {
            if let Ok(receiver) = Receiver::parse(&text) {
                let whole = receiver.text();
                let again = Receiver::parse(whole.expose()).unwrap();
                prop_assert!(again.text().matches(whole.expose().as_bytes()));
                prop_assert!(!receiver.authority().contains(['@', '%', '\\', '#', '/', '?']));
                if let Host::Address(address) = receiver.host() {
                    prop_assert!(text.contains(&address.to_string()));
                }
            }
        }
    }
}
