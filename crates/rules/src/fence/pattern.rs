//! Which instruments are meant: an exact id, or a pattern of whole parts.

use std::fmt;

use crate::limits::INSTRUMENT_BYTES;

/// What stands for any one part.
const ANY: &str = "*";

/// An instrument's id (`BTC-USDT`), or the same with `*` for whole parts (`*-USDT-SWAP`, `BTC-*`). It has as many parts as the
/// ids that it stands for, so `BTC-*` is no swap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Pattern(Box<str>);

impl Pattern {
    /// Reads upper-case letters, digits and underscores in 2 to 6 parts with `-` between them, any of which may be `*`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts = text.split('-').count();
        let good = |part: &str| {
            part == ANY
                || !part.is_empty()
                    && part
                        .bytes()
                        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        };
        let good = text.len() <= INSTRUMENT_BYTES && (2..=6).contains(&parts) && text.split('-').all(good);
        good.then(|| Self(text.into()))
    }

    /// Whether it stands for the instrument, or for all instruments of the pattern, `other`.
    #[must_use]
    pub fn covers(&self, other: &str) -> bool {
        let (mut ours, mut theirs) = (self.0.split('-'), other.split('-'));
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) => return true,
                (Some(our), Some(their)) if our == ANY || our == their => {}
                (_, _) => return false,
            }
        }
    }

    /// The text.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn parts_are_whole() {
        let of = |text| Pattern::parse(text).unwrap();
        for (pattern, covered, not) in [
            ("BTC-USDT", "BTC-USDT", "BTC-USDT-SWAP"),
            ("BTC-*", "BTC-USDC", "BTC-USDT-SWAP"),
            ("*-USDT-SWAP", "ETH-USDT-SWAP", "ETH-USDT"),
            ("*-*", "ETH-BTC", "ETH-USDT-SWAP"),
            ("BTC-*", "BTC-*", "*-USDT"),
            ("BTC-*", "BTC-USDT", "BTC"),
        ] {
            assert!(of(pattern).covers(covered) && !of(pattern).covers(not), "{pattern}");
        }
        assert!(!of("BTC-USDT").covers("btc-usdt") && !of("BTC-USDT").covers("BTC-USDT "));
        assert!(!of("BTC-USDT").covers("BTC-*"), "a pattern is more than one of its instruments");
    }

    #[test]
    fn others_are_no_patterns() {
        for text in [
            "",
            "*",
            "BTC",
            "btc-usdt",
            "BTC-",
            "-USDT",
            "BTC-US*",
            "BTC/USDT",
            "BTC-USDT,ETH-USDT",
            "A-B-C-D-E-F-G",
        ] {
            assert_eq!(Pattern::parse(text), None, "{text}");
        }
        assert_eq!(Pattern::parse(&format!("A-{}", "B".repeat(100))), None);
    }
}
