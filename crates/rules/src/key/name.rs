//! A key's name (product.md 3.1; OKX calls it label).

use std::fmt;

use icu_properties::props::{
    BinaryProperty as _, DefaultIgnorableCodePoint, EnumeratedProperty as _, ExtendedPictographic,
    Ideographic, JoiningType,
};
use unicode_normalization::char::canonical_combining_class;
use unicode_security::confusable_detection::skeleton;

use crate::limits::KEY_NAME_CHARS;
use crate::paste::composed;

/// Case-sensitive, NFC, 1 to 50 characters, nothing invisible that could disguise it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyName(String);

/// Why a text is no name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAName {
    /// Nothing that can be seen.
    #[error("a name is needed")]
    Empty,
    /// Over the limit.
    #[error("a name has at most {KEY_NAME_CHARS} characters")]
    TooLong,
    /// Control characters, bidirectional marks, zero-width characters out of place, or white space at an end.
    #[error("a name has no control, invisible or direction-changing characters, and no space at its ends")]
    Invisible,
}

impl KeyName {
    /// Reads a name; letters that were typed in pieces are composed.
    ///
    /// # Errors
    /// [`NotAName`], by rule.
    pub fn parse(text: &str) -> Result<Self, NotAName> {
        let name = composed(text);
        if !name.chars().any(is_visible) {
            return Err(NotAName::Empty);
        }
        if name.chars().count() > KEY_NAME_CHARS {
            return Err(NotAName::TooLong);
        }
        if name.trim() != name || hides_something(&name) {
            return Err(NotAName::Invisible);
        }
        Ok(Self(name))
    }

    /// A name that was judged when it was given, perhaps by older rules; `None` for what never was one.
    #[must_use]
    pub fn stored(text: &str) -> Option<Self> {
        let good =
            !text.is_empty() && text.chars().count() <= KEY_NAME_CHARS && !text.chars().any(char::is_control);
        good.then(|| Self(text.to_owned()))
    }

    /// Whether a text that somebody typed is this name.
    #[must_use]
    pub fn is_called(&self, typed: &str) -> bool {
        self.0 == typed || self.0 == composed(typed)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether people take both for one another: their letters look the same (UTS #39, 4), whatever is between them that cannot
    /// be seen.
    #[must_use]
    pub fn looks_like(&self, other: &Self) -> bool {
        self.looks() == other.looks()
    }

    fn looks(&self) -> String {
        let seen: String =
            self.0.chars().filter(|symbol| !DefaultIgnorableCodePoint::for_char(*symbol)).collect();
        let words: Vec<&str> = seen.split_whitespace().collect();
        skeleton(&words.join(" ")).collect()
    }
}

fn is_visible(symbol: char) -> bool {
    // The last is a pattern of Braille without a dot.
    !is_invisible(symbol) && !symbol.is_whitespace() && symbol != '\u{2800}'
}

/// Control characters, line separators, annotation marks, and everything that Unicode shows nothing for.
pub(crate) fn is_invisible(symbol: char) -> bool {
    symbol.is_control()
        || matches!(symbol, '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}')
        || DefaultIgnorableCodePoint::for_char(symbol)
}

fn hides_something(name: &str) -> bool {
    let symbols: Vec<char> = name.chars().collect();
    let mut places = symbols.iter().enumerate();
    places.any(|(at, symbol)| {
        let (before, rest) = symbols.split_at(at);
        is_invisible(*symbol) && !belongs(before, *symbol, rest.get(1..).unwrap_or_default())
    })
}

/// Whether an invisible character is part of how its neighbours are written.
fn belongs(before: &[char], symbol: char, after: &[char]) -> bool {
    let (Some(last), next) = (before.last().copied(), after.first().copied()) else { return false };
    match symbol {
        '\u{200c}' => next.is_some() && (is_virama(last) || parts_a_join(before, after)),
        '\u{200d}' => {
            let emoji = is_emoji_end(before) && next.is_some_and(ExtendedPictographic::for_char);
            emoji || next.is_some() && is_virama(last)
        }
        // As a picture or as text.
        '\u{fe0e}' | '\u{fe0f}' => {
            let keycap = matches!(last, '0'..='9' | '#' | '*') && next == Some('\u{20e3}');
            keycap || ExtendedPictographic::for_char(last)
        }
        // A form of a Chinese character.
        '\u{e0100}'..='\u{e01ef}' => Ideographic::for_char(last),
        // The letters of a region after a black flag.
        '\u{e0020}'..='\u{e007f}' => {
            let flag = before.iter().rev().find(|symbol| !matches!(symbol, '\u{e0020}'..='\u{e007f}'));
            flag == Some(&'\u{1f3f4}')
        }
        _ => false,
    }
}

/// A sign that takes the vowel away, after which joiners choose how letters go together (RFC 5892, A.1 and A.2).
fn is_virama(symbol: char) -> bool {
    canonical_combining_class(symbol) == 9
}

/// Whether letters that would be joined stand on both sides, as in Persian (RFC 5892, A.1).
fn parts_a_join(before: &[char], after: &[char]) -> bool {
    let seen = |symbol: &&char| JoiningType::for_char(**symbol) != JoiningType::Transparent;
    let joins = |symbol: Option<&char>, side: JoiningType| {
        let kind = symbol.map(|symbol| JoiningType::for_char(*symbol));
        kind.is_some_and(|kind| kind == JoiningType::DualJoining || kind == side)
    };
    joins(before.iter().rev().find(seen), JoiningType::LeftJoining)
        && joins(after.iter().find(seen), JoiningType::RightJoining)
}

/// Whether an emoji ends here, perhaps with its form or the colour of its skin.
fn is_emoji_end(before: &[char]) -> bool {
    let marks = |symbol: &&char| !matches!(symbol, '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}');
    before.iter().rev().find(marks).is_some_and(|symbol| ExtendedPictographic::for_char(*symbol))
}

impl fmt::Display for KeyName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use unicode_normalization::UnicodeNormalization as _;

    use super::{KeyName, NotAName};

    #[test]
    fn accepts_what_people_write() {
        for text in [
            "TradingBot",
            "bot 1.2",
            "Größe",
            "取引",
            "a",
            "🤖 bot",
            "👨\u{200d}👩\u{200d}👧 fund",
            "🏳\u{fe0f}\u{200d}🌈 desk",
            "👩🏽\u{200d}💻",
            "❤\u{fe0f}",
            "1\u{fe0f}\u{20e3}",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
            "می\u{200c}خواهم",
            "क\u{94d}\u{200d}ष",
            "क\u{94d}\u{200c}ष",
            "葛\u{e0100}城",
            "בוט מסחר",
            "روبوت التداول",
            "บอทเทรด",
            "กำไร",
            &"x".repeat(50),
            &"🤖".repeat(50),
        ] {
            let name = KeyName::parse(text).unwrap_or_else(|problem| panic!("{text:?}: {problem}"));
            assert_eq!(name.as_str(), text.nfc().collect::<String>());
        }
    }

    #[test]
    fn letters_in_pieces_are_composed() {
        for text in [
            "Zürich",
            "한국 봇",
            "ガギグ",
            "Giao dịch tự động",
            "Ångström",
            "Żółw",
            "ñandú",
            "Ёлка",
            "Çelik",
            "ǖ",
        ] {
            let decomposed: String = text.nfd().collect();
            assert_ne!(decomposed, text);
            assert_eq!(KeyName::parse(&decomposed), KeyName::parse(text), "{text}");
        }
        let fifty = "e\u{301}".repeat(50);
        assert_eq!(KeyName::parse(&fifty).unwrap().as_str(), "é".repeat(50));
        assert_eq!(KeyName::parse(&format!("{fifty}e\u{301}")), Err(NotAName::TooLong));
    }

    #[test]
    fn refuses_what_disguises() {
        for text in [
            " a",
            "a ",
            "a\n",
            "a\tb",
            "a\0b",
            "a\u{7f}",
            "a\u{202e}b",
            "a\u{2066}b",
            "a\u{200b}b",
            "\u{feff}a",
            "a\u{2028}b",
            "a\u{ad}b",
            "tra\u{200d}der",
            "tra\u{200c}der",
            "bot\u{200d}",
            "🤖\u{200d}",
            "\u{200d}🤖",
            "🤖\u{200d}\u{200d}🤖",
            "🤖\u{200d}a",
            "a\u{200d}🤖",
            // Alef joins nothing to its left.
            "ا\u{200c}ب",
            "می\u{200c}",
            "क\u{94d}\u{200d}",
            "a\u{fe0f}",
            "1\u{fe0f}",
            "a\u{e0100}",
            "🤖\u{e0067}\u{e007f}",
            "a\u{34f}b",
            "a\u{3164}b",
            &"x".repeat(51),
        ] {
            assert!(KeyName::parse(text).is_err(), "{text:?}");
        }
        for text in [
            "",
            " ",
            "\u{a0}",
            "\u{3164}",
            "\u{2800}",
            "\u{115f}\u{1160}",
            "\u{ffa0}",
            "\u{fe0f}",
            "\u{34f}",
            "\u{200b}",
            "\u{17b4}",
            "\u{e0020}",
        ] {
            assert_eq!(KeyName::parse(text), Err(NotAName::Empty), "{text:?}");
        }
    }

    #[test]
    fn names_that_look_the_same_are_found() {
        let alike = |one: &str, other: &str| {
            let [one, other] = [one, other].map(|text| KeyName::parse(text).unwrap());
            one.looks_like(&other) && other.looks_like(&one)
        };
        for (one, other) in [
            ("bot", "bot"),
            ("bot", "b\u{43e}t"),
            ("paypal", "p\u{430}yp\u{430}l"),
            ("bot 1", "bot l"),
            ("bot I", "bot l"),
            ("bot 0", "bot O"),
            ("my bot", "my\u{a0}bot"),
            ("my bot", "my  bot"),
            ("می\u{200c}خواهم", "میخواهم"),
            ("❤\u{fe0f}", "❤"),
            ("Ａbot", "Abot"),
            ("\u{3a1}ro", "Pro"),
        ] {
            assert!(alike(one, other), "{one:?} {other:?}");
        }
        for (one, other) in [
            ("bot", "Bot"),
            ("bot 1", "bot 2"),
            ("bot", "bots"),
            ("my bot", "mybot"),
            ("Zürich", "Zurich"),
            ("bot-1", "bot.1"),
            ("取引", "取弓"),
            ("🤖 a", "🦊 a"),
            ("grid", "gird"),
            ("a b", "b a"),
        ] {
            assert!(!alike(one, other), "{one:?} {other:?}");
        }
    }

    #[test]
    fn older_names_are_still_read() {
        for text in ["e\u{301}", "\u{3164}", "a\u{fe0f}", "bot"] {
            assert_eq!(KeyName::stored(text).unwrap().as_str(), text);
        }
        for text in ["", "a\n", "\u{0}", &"x".repeat(51)] {
            assert!(KeyName::stored(text).is_none(), "{text:?}");
        }
    }
}
