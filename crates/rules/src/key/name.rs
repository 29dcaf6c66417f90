//! A key's name (product.md 3.1; OKX calls it label).

use std::fmt;

use unicode_normalization::is_nfc;

use crate::limits::KEY_NAME_CHARS;

/// Case-sensitive, NFC, 1 to 50 characters, nothing invisible that could disguise it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyName(String);

/// Why a text is no name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAName {
    /// Nothing but white space.
    #[error("a name is needed")]
    Empty,
    /// Over the limit.
    #[error("a name has at most {KEY_NAME_CHARS} characters")]
    TooLong,
    /// Control characters, bidirectional marks, zero-width characters, or white space at an end.
    #[error("a name has no control, invisible or direction-changing characters, and no space at its ends")]
    Invisible,
    /// Composed differently from how it would be compared.
    #[error("a name must be in Unicode normalisation form C")]
    NotNormalised,
}

impl KeyName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`NotAName`], by rule.
    pub fn parse(text: &str) -> Result<Self, NotAName> {
        if text.trim().is_empty() {
            return Err(NotAName::Empty);
        }
        if text.chars().count() > KEY_NAME_CHARS {
            return Err(NotAName::TooLong);
        }
        if text.chars().any(is_invisible) || text.trim() != text {
            return Err(NotAName::Invisible);
        }
        if !is_nfc(text) {
            return Err(NotAName::NotNormalised);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Control characters, bidirectional controls (Unicode UAX #9), zero-width and line separators.
fn is_invisible(symbol: char) -> bool {
    symbol.is_control()
        || matches!(symbol,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

impl fmt::Display for KeyName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::KeyName;

    #[test]
    fn accepts_what_people_write() {
        for text in ["TradingBot", "bot 1.2", "Größe", "取引", "a", &"x".repeat(50)] {
            assert_eq!(KeyName::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn refuses_what_disguises() {
        for text in [
            "",
            " ",
            " a",
            "a ",
            "a\n",
            "a\u{202e}b",
            "a\u{200b}b",
            "\u{feff}a",
            "a\u{7f}",
            "e\u{301}",
            &"x".repeat(51),
        ] {
            assert!(KeyName::parse(text).is_err(), "{text:?}");
        }
    }
}
