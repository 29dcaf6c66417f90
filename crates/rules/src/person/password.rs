//! A password: any characters, never cut.

use crate::limits::{PASSWORD_MAX_BYTES, PASSWORD_MIN_CHARS};
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
    #[error("a password has at most {PASSWORD_MAX_BYTES} bytes, and this one would have to be cut")]
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
        if text.chars().count() < PASSWORD_MIN_CHARS {
            return Err(NotAPassword::Short);
        }
        Self::present(text)
    }

    /// Takes a password that somebody presents to be let in.
    ///
    /// # Errors
    /// [`NotAPassword::Long`].
    pub fn present(text: &str) -> Result<Self, NotAPassword> {
        if text.len() > PASSWORD_MAX_BYTES {
            return Err(NotAPassword::Long);
        }
        Ok(Self(Secret::new(text.to_owned())))
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
}
