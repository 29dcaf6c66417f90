//! Sessions: the token that opens one, and how long it lives.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::id::NotAnId;
use crate::limits::{SESSION_IDLE_MS, SESSION_LIFE_MS};
use crate::secret::Secret;
use crate::time::Moment;

/// The public name of a session or challenge, by which its owner can end it; opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(u128);

impl SessionId {
    /// Makes an id of random bytes.
    #[must_use]
    pub const fn from_entropy(entropy: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(entropy))
    }
}

impl FromStr for SessionId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let good = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        u128::from_str_radix(text, 16).ok().filter(|_| good).map(Self).ok_or(NotAnId)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:032x}", self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SessionId({self})")
    }
}

/// What a browser or program holds: 256 random bits behind a prefix that says what they are for, so that no kind
/// can be taken for another. Stored only as its hash.
#[derive(Debug)]
pub struct Token(Secret<String>);

impl Token {
    /// Makes a token of the kind that `prefix` names.
    #[must_use]
    pub fn from_entropy(prefix: &str, entropy: [u8; 32]) -> Self {
        Self(Secret::new(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(entropy))))
    }

    /// Reads a token of that kind; `None` for any other text.
    #[must_use]
    pub fn parse(prefix: &str, text: &str) -> Option<Self> {
        let rest = text.strip_prefix(prefix)?;
        let bytes = URL_SAFE_NO_PAD.decode(rest).ok()?;
        (bytes.len() == 32).then(|| Self(Secret::new(text.to_owned())))
    }

    /// The text, for the one answer that hands it out.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What is stored: 256 random bits need no slow hash.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        *blake3::hash(self.0.expose().as_bytes()).as_bytes()
    }
}

/// When a session began and was last used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionLife {
    /// When it began.
    pub began_at: Moment,
    /// When it was last used.
    pub seen_at: Moment,
}

impl SessionLife {
    /// When it ends if nobody uses it.
    #[must_use]
    pub fn ends_at(self) -> Moment {
        self.seen_at.plus_ms(SESSION_IDLE_MS).min(self.began_at.plus_ms(SESSION_LIFE_MS))
    }

    /// Whether it is over: 30 minutes unused, or 12 hours old.
    #[must_use]
    pub fn is_over(self, now: Moment) -> bool {
        now >= self.ends_at()
    }
}

/// Marks of browsers, systems and programs in a `User-Agent`, the more special ones first.
const BROWSERS: [(&str, &str); 4] =
    [("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")];
const SYSTEMS: [(&str, &str); 6] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
];
const PROGRAMS: [(&str, &str); 12] = [
    ("curl/", "curl"),
    ("Wget/", "Wget"),
    ("PostmanRuntime/", "Postman"),
    ("python-", "Python"),
    ("Python", "Python"),
    ("aiohttp/", "Python"),
    ("axios/", "Node.js"),
    ("undici", "Node.js"),
    ("node", "Node.js"),
    ("Go-http-client/", "Go"),
    ("okhttp/", "Java"),
    ("reqwest/", "Rust"),
];

/// What a browser or program said about itself: shown to its owner, believed by nobody.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Device(String);

impl Device {
    /// Names the browser and system, or the program, of a `User-Agent`. Only our own words come out, because they stand in
    /// genuine mails, and a stranger must not be able to write into these.
    #[must_use]
    pub fn of(agent: &str) -> Self {
        let named = |list: &[(&str, &'static str)]| {
            list.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
        };
        Self(match (named(&BROWSERS), named(&SYSTEMS), named(&PROGRAMS)) {
            (Some(browser), Some(system), _) => format!("{browser} on {system}"),
            (_, _, Some(program)) => format!("a program ({program})"),
            (_, _, None) => "an unnamed program".to_owned(),
        })
    }

    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it says that it is a phone or tablet.
    #[must_use]
    pub fn is_handheld(&self) -> bool {
        ["iPhone", "iPad", "Android"].iter().any(|word| self.0.contains(word))
    }
}

impl fmt::Display for Device {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Device, SessionLife, Token};
    use crate::limits::{SESSION_IDLE_MS, SESSION_LIFE_MS};
    use crate::time::Moment;

    #[test]
    fn kinds_of_tokens_are_never_taken_for_one_another() {
        let token = Token::from_entropy("kwp_", [7; 32]);
        assert!(Token::parse("kwp_", token.expose()).is_some());
        assert!(Token::parse("kws_", token.expose()).is_none());
        assert!(Token::parse("kwp_", &token.expose().replacen("kwp_", "kws_", 1)).is_none());
        assert!(Token::parse("kwp_", "kwp_short").is_none());
    }

    #[test]
    fn sessions_end_idle_or_old() {
        let at = Moment::from_unix_ms;
        let life = SessionLife { began_at: at(0), seen_at: at(0) };
        assert!(!life.is_over(at(SESSION_IDLE_MS - 1)));
        assert!(life.is_over(at(SESSION_IDLE_MS)));
        let busy = SessionLife { began_at: at(0), seen_at: at(SESSION_LIFE_MS - 1) };
        assert!(busy.is_over(at(SESSION_LIFE_MS)));
    }

    #[test]
    fn devices_are_named_in_words() {
        let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36";
        assert_eq!(Device::of(agent).as_str(), "Chrome on Linux");
        assert_eq!(Device::of("curl/8.5.0").as_str(), "a program (curl)");
        assert_eq!(Device::of("python-requests/2.34.2").as_str(), "a program (Python)");
        assert_eq!(Device::of("Your account is closed, call +1 555 0100").as_str(), "an unnamed program");
        assert_eq!(Device::of("\u{202e}\n").as_str(), "an unnamed program");
    }
}
