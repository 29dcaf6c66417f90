//! How easily a chosen password is guessed, in words that help.

use keyward_rules::person::{NotAPassword, Password};

use crate::ActionError;

/// What is said of a password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Strength {
    /// 0 (guessed at once) to 4 (very hard).
    pub score: u8,
    /// What to do about it; empty when it is good.
    pub hints: Vec<String>,
}

/// Judges a text that may become a password; `known` are words that an attacker knows, such as the address.
#[must_use]
pub fn strength(text: &str, known: &[&str]) -> Strength {
    // The estimate needs time that grows with the length, and a hundred characters say enough.
    let start: String = text.chars().take(100).collect();
    let estimate = zxcvbn::zxcvbn(&start, known);
    let score = u8::from(estimate.score());
    let hints = estimate.feedback().map_or_else(Vec::new, |feedback| {
        let warning = feedback.warning().map(|warning| warning.to_string());
        warning.into_iter().chain(feedback.suggestions().iter().map(ToString::to_string)).collect()
    });
    Strength { score, hints }
}

/// Takes a chosen password that is long and hard to guess.
pub(crate) fn choose(text: &str, known: &[&str]) -> Result<Password, ActionError> {
    let password = Password::choose(text)?;
    let found = strength(password.expose(), known);
    if found.score >= 3 {
        return Ok(password);
    }
    let mut words = NotAPassword::Weak.to_string();
    for hint in found.hints {
        words.push_str(". ");
        words.push_str(hint.trim_end_matches('.'));
    }
    Err(ActionError::WeakPassword(words))
}

#[cfg(test)]
mod tests {
    use super::choose;

    #[test]
    fn weak_ones_are_told_why() {
        for weak in ["password1234", "aaaaaaaaaaaaaaa", "qwertyuiop12", "trader@keyward.example"] {
            let error = choose(weak, &["trader@keyward.example", "keyward"]).unwrap_err().to_string();
            assert!(error.starts_with("this password is easy to guess"), "{weak}: {error}");
        }
        assert!(choose("amber-kite-47-fjord", &[]).is_ok());
    }
}
