//! What comes along when people type and paste: blanks of every script, line ends, marks that nobody sees, letters in pieces.

use unicode_normalization::UnicodeNormalization as _;

/// Whether a symbol is a blank, a line end, or an invisible mark: zero-width, of direction, a soft hyphen.
#[must_use]
pub fn is_blank(symbol: char) -> bool {
    symbol.is_whitespace()
        || matches!(symbol,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The text without any of them.
#[must_use]
pub fn without_blanks(text: &str) -> String {
    text.chars().filter(|symbol| !is_blank(*symbol)).collect()
}

/// The text without those around it.
#[must_use]
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(is_blank)
}

/// The text in Unicode normalisation form C: with letters composed that some keyboards and file systems take apart.
#[must_use]
pub fn composed(text: &str) -> String {
    text.nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::{trimmed, without_blanks};

    /// As mails, tables, chats, shells and keyboards put them around.
    const BLANKS: [char; 22] = [
        ' ', '\t', '\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{a0}', '\u{1680}', '\u{2002}', '\u{2003}',
        '\u{2007}', '\u{2009}', '\u{200a}', '\u{202f}', '\u{3000}', '\u{200b}', '\u{200e}', '\u{200f}',
        '\u{2060}', '\u{2068}', '\u{feff}',
    ];

    #[test]
    fn blanks_of_every_kind_go_and_nothing_else() {
        for blank in BLANKS {
            assert_eq!(without_blanks(&format!("{blank}1{blank}{blank}2{blank}")), "12", "{blank:?}");
            assert_eq!(trimmed(&format!("{blank}1{blank}2{blank}")), format!("1{blank}2"), "{blank:?}");
        }
        for kept in ["-", "_", ".", "a", "٣", "３", "\u{301}", "\u{0}", "\u{1b}", "\u{fe0f}", "\u{2800}", "é"]
        {
            assert_eq!((without_blanks(kept).as_str(), trimmed(kept)), (kept, kept), "{kept:?}");
        }
    }
}
