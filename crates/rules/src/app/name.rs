//! An app's name, and the form in which no two may be alike.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use unicode_security::MixedScript as _;
use unicode_security::confusable_detection::skeleton;

use crate::key::{KeyName, NotAName};
use crate::limits::APP_NAME_CHARS;

/// 2 to 40 characters, by the rules of key names.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AppName(String);

/// Why a text is no app's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAnAppName {
    /// By the rules of names.
    #[error(transparent)]
    Name(#[from] NotAName),
    /// Too short or too long.
    #[error("an app's name has 2 to {APP_NAME_CHARS} characters, among them two letters or digits")]
    Length,
    /// Letters of several scripts, which look alike.
    #[error("an app's name is written in one script")]
    MixedScripts,
}

impl AppName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`NotAnAppName`].
    pub fn parse(text: &str) -> Result<Self, NotAnAppName> {
        let name = Self(KeyName::parse(text)?.as_str().to_owned());
        if !name.0.is_single_script() {
            return Err(NotAnAppName::MixedScripts);
        }
        if name.0.chars().count() > APP_NAME_CHARS || name.folded().chars().count() < 2 {
            return Err(NotAnAppName::Length);
        }
        Ok(name)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What names that look alike have in common: compatibility forms, case, confusable letters (UTS #39) and
    /// everything that is no letter or digit are folded away.
    #[must_use]
    pub fn folded(&self) -> String {
        let looks: String = skeleton(&self.0.nfkc().collect::<String>()).collect::<String>().to_lowercase();
        let looks = skeleton(&looks).flat_map(char::to_lowercase).filter(|symbol| symbol.is_alphanumeric());
        // A capital I looks like an l, and a small i is the same letter.
        looks.map(|symbol| if symbol == 'i' { 'l' } else { symbol }).collect()
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::AppName;

    fn folded(text: &str) -> String {
        AppName::parse(text).unwrap().folded()
    }

    #[test]
    fn names_that_look_alike_fold_to_one() {
        let own = folded("Trade Pal");
        for alike in
            ["trade pal", "TRADE PAL", "TradePal", "Trade-Pal", "Trade_Pal", "Trade Pa1", "Trade PaI"]
        {
            assert_eq!(folded(alike), own, "{alike}");
        }
        assert_eq!(folded("Modern"), folded("Modem"));
        assert_eq!(folded("ＴｒａｄｅＰａｌ"), own);
        assert_eq!(folded("B0t"), folded("Bot"));
        for other in ["Trade Pall", "Trade Pals", "Trader Pal"] {
            assert_ne!(folded(other), own, "{other}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "Trаde Pаl",
            "Kraкen",
            "Βinance",
            "Tradе",
            "",
            " ",
            "x",
            "--",
            " ab",
            "a\u{202e}b",
            "ab\u{200b}",
            &"a".repeat(41),
        ] {
            assert!(AppName::parse(text).is_err(), "{text:?}");
        }
    }
}
