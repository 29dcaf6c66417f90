//! Which texts of strangers a record keeps: short ones that can be printed.

use crate::json::{Object, Value};
use crate::key::is_invisible;
use crate::limits::ORDER_TEXT_CHARS;

/// Whether a text has 1 to 128 characters, all of which can be seen or are spaces.
pub(super) fn is_kept(text: &str) -> bool {
    !text.is_empty() && fits(text) && is_printable(text)
}

/// A member as it was written. What is empty or `null` counts as absent (OKX contract 1.4), like what is not kept.
pub(super) fn take(object: &mut Object<'_>, name: &str) -> Option<String> {
    let text = object.take(name)?.text_or_number()?;
    is_kept(&text).then(|| text.into_owned())
}

/// A sentence of the exchange: what can be printed, cut where it is too long, or nothing.
pub(super) fn sentence(value: Option<Value<'_>>) -> String {
    let text = value.and_then(Value::text).unwrap_or_default();
    let text = text.trim();
    if !is_printable(text) {
        return String::new();
    }
    if fits(text) {
        return text.to_owned();
    }
    let start: String = text.chars().take(ORDER_TEXT_CHARS - 1).collect();
    format!("{}…", start.trim_end())
}

fn fits(text: &str) -> bool {
    text.len() <= ORDER_TEXT_CHARS || text.chars().count() <= ORDER_TEXT_CHARS
}

/// Whether a text has no control characters, and none that hide or turn others.
fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) || !text.chars().any(is_invisible)
}

#[cfg(test)]
mod tests {
    use super::{is_kept, sentence, take};
    use crate::json::{Object, Value};

    #[test]
    fn short_printable_texts_are_kept() {
        let long = "é".repeat(128);
        for text in ["a", " ", "BTC-USDT", "\"\\", "订单", "0.1", &long, &"x".repeat(128)] {
            assert!(is_kept(text), "{text:?}");
        }
        let too_long = "é".repeat(129);
        for text in [
            "",
            "a\n",
            "\0",
            "\u{7f}",
            "\u{85}",
            "\u{200b}",
            "a\u{202e}b",
            "\u{2066}",
            "\u{feff}",
            &too_long,
            &"x".repeat(129),
        ] {
            assert!(!is_kept(text), "{text:?}");
        }
    }

    #[test]
    fn a_member_is_taken_as_it_was_written() {
        let text =
            r#"{"a":"1.50","b":1.50,"c":"","d":null,"e":true,"f":["1"],"g":"\u0000","h":"\u0031","i":{}}"#;
        let mut object = Object::read(text).unwrap();
        let mut taken = |name: &str| take(&mut object, name);
        assert_eq!(
            (taken("a").as_deref(), taken("b").as_deref(), taken("h").as_deref()),
            (Some("1.50"), Some("1.50"), Some("1"))
        );
        for name in ["a", "c", "d", "e", "f", "g", "i", "z"] {
            assert_eq!(taken(name), None, "{name}");
        }
    }

    #[test]
    fn a_sentence_is_cut_and_never_odd() {
        let said = |text: &str| sentence(Some(Value::Text(text.into())));
        assert_eq!(said(" Insufficient balance.\n"), "Insufficient balance.");
        assert_eq!(said(&"é".repeat(128)), "é".repeat(128));
        let cut = said(&"é".repeat(129));
        assert_eq!((cut.chars().count(), cut.ends_with("é…")), (128, true));
        assert_eq!(said(&format!("{} {}", "x".repeat(126), "y".repeat(50))), format!("{}…", "x".repeat(126)));
        for odd in ["two\nlines", "a\u{202e}b", "\0", "  ", ""] {
            assert_eq!(said(odd), "", "{odd:?}");
        }
        for none in [None, Some(Value::Null), Some(Value::Number("1")), Some(Value::Array(Vec::new()))] {
            assert_eq!(sentence(none), "");
        }
    }
}
