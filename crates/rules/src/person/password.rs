//! A password: any characters, never cut. Composed letters and decomposed ones are the same (RFC 8265, 4.2): keyboards differ
//! in it, and nobody sees it.

use crate::limits::{PASSWORD_MAX_BYTES, PASSWORD_MIN_CHARS};
use crate::paste::composed;
use crate::secret::Secret;

/// A password of a length that may be tried. How strong it is, is judged where one is chosen.
#[derive(Debug)]
pub struct Password(Secret<String>);

/// Why a text is no password; never repeats the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAPassword {
    /// Too short.
    #[error("a password has at least {PASSWORD_MIN_CHARS} characters; four random words make a good one")]
    Short,
    /// Too long.
    #[error("a password has at most {PASSWORD_MAX_BYTES} bytes; this one is longer")]
    Long,
    /// Easy to guess.
    #[error("this password is easy to guess")]
    Weak,
}

impl Password {
    /// Takes a password that somebody chooses.
    ///
    /// # Errors
    /// [`NotAPassword`] by length; its strength is another question.
    pub fn choose(text: &str) -> Result<Self, NotAPassword> {
        let password = Self::present(text)?;
        if password.expose().chars().count() < PASSWORD_MIN_CHARS {
            return Err(NotAPassword::Short);
        }
        Ok(password)
    }

    /// Takes a password that somebody presents to be let in.
    ///
    /// # Errors
    /// [`NotAPassword::Long`].
    pub fn present(text: &str) -> Result<Self, NotAPassword> {
        if text.len() > PASSWORD_MAX_BYTES {
            return Err(NotAPassword::Long);
        }
        let password = Self(Secret::new(composed(text)));
        if password.expose().len() > PASSWORD_MAX_BYTES { Err(NotAPassword::Long) } else { Ok(password) }
    }

    /// The text, for hashing.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::{NotAPassword, Password};

    #[test]
    fn lengths_count_characters_and_nothing_is_cut() {
        assert_eq!(Password::choose("elevenchars").unwrap_err(), NotAPassword::Short);
        assert_eq!(Password::choose("ääääääääääää").unwrap().expose(), "ääääääääääää");
        assert_eq!(Password::choose(" leading and trailing ").unwrap().expose(), " leading and trailing ");
        assert_eq!(Password::choose(&"a".repeat(1025)).unwrap_err(), NotAPassword::Long);
    }

    #[test]
    fn the_same_letters_are_the_same_password_and_others_are_not() {
        let same = |one: &str, other: &str| {
            let [one, other] = [one, other].map(|text| Password::present(text).unwrap());
            one.expose() == other.expose()
        };
        for (composed, decomposed) in [
            ("Z\u{fc}rich", "Zu\u{308}rich"),
            ("\u{e9}t\u{e9}", "e\u{301}te\u{301}"),
            ("\u{ac00}\u{b098}", "\u{1100}\u{1161}\u{1102}\u{1161}"),
            ("\u{30ac}", "\u{30ab}\u{3099}"),
            ("\u{1ed1}", "o\u{302}\u{301}"),
            ("\u{1ed1}", "\u{f4}\u{301}"),
            ("\u{c5}", "A\u{30a}"),
            ("\u{c5}", "\u{212b}"),
            ("\u{3a9}", "\u{2126}"),
            ("q\u{323}\u{307}", "q\u{307}\u{323}"),
            ("\u{439}", "\u{438}\u{306}"),
        ] {
            assert!(same(composed, decomposed), "{composed}");
        }
        for (one, other) in [
            ("a", "A"),
            ("a", "\u{ff41}"),
            ("a", "\u{430}"),
            ("a b", "a\u{a0}b"),
            ("a b", "ab"),
            ("a", "a\u{200b}"),
            ("a", " a"),
            ("\u{fb01}", "fi"),
            ("\u{e9}", "e"),
            ("\u{b2}", "2"),
            ("\u{df}", "ss"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
        // Eleven characters that were typed as thirteen.
        assert_eq!(Password::choose("a\u{308}e\u{301}345678901").unwrap_err(), NotAPassword::Short);
        assert_eq!(Password::present(&"\u{1d160}".repeat(256)).unwrap_err(), NotAPassword::Long);
    }
}
