//! JSON as it is read from strangers, stricter than the format: no name twice in an object, bounded depth and size, and only
//! numbers that every reader understands alike.
//!
//! Owns: structure and limits. Leaves to `serde_json`: escapes in strings, and the grammar of numbers. Leaves to `socket` and
//! `orders`: what the values mean.
//!
//! A reader of its own, because two things are needed that `serde_json` does not give together: a number as it was written
//! (it is signed), and a refusal where a name is repeated.

use std::borrow::Cow;

use crate::limits::{JSON_DEPTH, JSON_NUMBER_BYTES, JSON_OBJECT_MEMBERS, JSON_VALUES};

/// From here on a number fits into no 64-bit integer with a sign, and readers disagree about it.
const TOO_LARGE: f64 = 1e19;

/// A value. Texts without escapes are the message's own bytes.
#[derive(Clone)]
#[cfg_attr(test, derive(PartialEq, Debug))]
pub(crate) enum Value<'t> {
    /// A string, unescaped.
    Text(Cow<'t, str>),
    /// A number as it was written.
    Number(&'t str),
    /// `true` or `false`.
    Flag(bool),
    /// `null`.
    Null,
    /// An array.
    Array(Vec<Self>),
    /// An object.
    Object(Object<'t>),
}

impl<'t> Value<'t> {
    /// Reads a text that is one value, and nothing else but white space around it.
    pub(crate) fn read(text: &'t str) -> Option<Self> {
        let mut scanner = Scanner { rest: text, values_left: JSON_VALUES };
        let value = scanner.value(JSON_DEPTH)?;
        scanner.skip_blanks();
        scanner.rest.is_empty().then_some(value)
    }

    /// The string, if it is one.
    pub(crate) fn text(self) -> Option<Cow<'t, str>> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The string, or the number as it was written.
    pub(crate) fn text_or_number(self) -> Option<Cow<'t, str>> {
        if let Self::Number(written) = self { Some(Cow::Borrowed(written)) } else { self.text() }
    }

    /// The elements, if it is an array.
    pub(crate) fn array(self) -> Option<Vec<Self>> {
        if let Self::Array(elements) = self { Some(elements) } else { None }
    }

    /// Whether a member's name, at any depth, is written with escapes. Such names are read alike by all who read JSON, but not
    /// by who only looks for their letters.
    pub(crate) fn has_escaped_names(&self) -> bool {
        match self {
            Self::Object(Object(members)) => {
                members.iter().any(|(name, value)| matches!(name, Cow::Owned(_)) || value.has_escaped_names())
            }
            Self::Array(elements) => elements.iter().any(Self::has_escaped_names),
            Self::Text(_) | Self::Number(_) | Self::Flag(_) | Self::Null => false,
        }
    }

    /// The object, if it is one.
    pub(crate) fn object(self) -> Option<Object<'t>> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }
}

/// A member of an object: its name, unescaped, and its value.
pub(crate) type Member<'t> = (Cow<'t, str>, Value<'t>);

/// An object, no two members of which have the same name.
#[derive(Clone)]
#[cfg_attr(test, derive(PartialEq, Debug))]
pub(crate) struct Object<'t>(Vec<Member<'t>>);

impl<'t> Object<'t> {
    /// Reads a text that is one object, and nothing else but white space around it.
    pub(crate) fn read(text: &'t str) -> Option<Self> {
        Value::read(text)?.object()
    }

    /// Takes a member out.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value<'t>> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Whether it has this member.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// Whether no member is left.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The members, in no particular order.
    pub(crate) fn into_members(self) -> Vec<Member<'t>> {
        self.0
    }
}

/// What of a text is not read yet. Each function ends behind what it read. It gives `None`, for the whole text, if there is
/// something else.
struct Scanner<'t> {
    rest: &'t str,
    values_left: usize,
}

impl<'t> Scanner<'t> {
    /// Reads a value that may hold this many levels of arrays and objects.
    fn value(&mut self, levels: usize) -> Option<Value<'t>> {
        self.values_left = self.values_left.checked_sub(1)?;
        self.skip_blanks();
        match self.rest.bytes().next()? {
            b'"' => self.text().map(Value::Text),
            b'{' => self.object(levels.checked_sub(1)?).map(Value::Object),
            b'[' => self.array(levels.checked_sub(1)?).map(Value::Array),
            b't' | b'f' | b'n' => self.word(),
            _ => self.number(),
        }
    }

    fn object(&mut self, levels: usize) -> Option<Object<'t>> {
        let mut members: Vec<Member<'t>> = Vec::new();
        self.eat('{')?;
        self.skip_blanks();
        if self.eat('}').is_some() {
            return Some(Object(members));
        }
        loop {
            self.skip_blanks();
            let name = self.text()?;
            self.skip_blanks();
            self.eat(':')?;
            let value = self.value(levels)?;
            if members.len() == JSON_OBJECT_MEMBERS || members.iter().any(|(known, _)| *known == name) {
                return None;
            }
            members.push((name, value));
            self.skip_blanks();
            if self.eat('}').is_some() {
                return Some(Object(members));
            }
            self.eat(',')?;
        }
    }

    fn array(&mut self, levels: usize) -> Option<Vec<Value<'t>>> {
        let mut elements = Vec::new();
        self.eat('[')?;
        self.skip_blanks();
        if self.eat(']').is_some() {
            return Some(elements);
        }
        loop {
            elements.push(self.value(levels)?);
            self.skip_blanks();
            if self.eat(']').is_some() {
                return Some(elements);
            }
            self.eat(',')?;
        }
    }

    fn text(&mut self) -> Option<Cow<'t, str>> {
        let inner = self.rest.strip_prefix('"')?;
        let end = inner.bytes().position(|byte| matches!(byte, b'"' | b'\\' | ..=0x1f))?;
        let (plain, behind) = inner.split_at_checked(end)?;
        if let Some(behind) = behind.strip_prefix('"') {
            self.rest = behind;
            return Some(Cow::Borrowed(plain));
        }
        let (literal, behind) = self.rest.split_at_checked(literal_bytes(self.rest)?)?;
        self.rest = behind;
        serde_json::from_str(literal).ok().map(Cow::Owned)
    }

    fn number(&mut self) -> Option<Value<'t>> {
        let of_number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
        let end = self.rest.bytes().position(|byte| !of_number(byte)).unwrap_or(self.rest.len());
        let (written, behind) = self.rest.split_at_checked(end)?;
        if written.len() > JSON_NUMBER_BYTES {
            return None;
        }
        let value: f64 = serde_json::from_str(written).ok()?;
        self.rest = behind;
        (value.abs() < TOO_LARGE).then_some(Value::Number(written))
    }

    fn word(&mut self) -> Option<Value<'t>> {
        let words = [("true", Value::Flag(true)), ("false", Value::Flag(false)), ("null", Value::Null)];
        let rest = self.rest;
        let (behind, value) =
            words.into_iter().find_map(|(word, value)| Some((rest.strip_prefix(word)?, value)))?;
        self.rest = behind;
        Some(value)
    }

    fn eat(&mut self, symbol: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(symbol)?;
        Some(())
    }

    fn skip_blanks(&mut self) {
        // Compact texts have none, and this is called around every value.
        if self.rest.bytes().next().is_some_and(|byte| byte <= b' ') {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        }
    }
}

/// The bytes of the string literal that begins the text, with both quotes.
fn literal_bytes(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::{Object, Value};

    /// The same value as `serde_json` reads it, numbers as texts.
    fn plain(value: Value<'_>) -> serde_json::Value {
        match value {
            Value::Text(text) => text.into_owned().into(),
            Value::Number(written) => serde_json::from_str(written).unwrap(),
            Value::Flag(flag) => flag.into(),
            Value::Null => serde_json::Value::Null,
            Value::Array(elements) => elements.into_iter().map(plain).collect(),
            Value::Object(object) => {
                let members = object.into_members().into_iter();
                members.map(|(name, value)| (name.into_owned(), plain(value))).collect()
            }
        }
    }

    /// Any JSON that keeps to the limits.
    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            any::<u32>().prop_map(|number| serde_json::Value::from(f64::from(number) / 8.0)),
            any::<String>().prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(serde_json::Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..8)
                    .prop_map(|members| members.into_iter().collect::<serde_json::Value>()),
            ]
        })
    }

    fn read(text: &str) -> Option<Object<'_>> {
        Object::read(text)
    }

    #[test]
    fn a_text_without_escapes_is_not_copied() {
        let mut object = read(r#"{"a":"é\u0062","b":"é","c":1.50}"#).unwrap();
        assert_eq!(object.take("a"), Some(Value::Text(Cow::Borrowed("éb"))));
        assert!(matches!(object.take("b"), Some(Value::Text(Cow::Borrowed("é")))));
        assert_eq!(object.take("c"), Some(Value::Number("1.50")), "as it was written");
        assert!(object.is_empty() && object.take("a").is_none());
    }

    #[test]
    fn a_name_stands_once_in_an_object() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"b":2,"\u0061":1}"#,
            r#"{"\u0061":1,"\u0061":1}"#,
            r#"{"":1,"":1}"#,
            r#"{"x":{"a":1,"a":1}}"#,
            r#"{"x":[[{"a":{"b":1,"\u0062":1}}]]}"#,
        ] {
            assert!(read(text).is_none(), "{text}");
        }
        assert!(read(r#"{"a":{"a":1},"A":1,"á":1,"a ":1}"#).is_some());
    }

    #[test]
    fn one_object_and_nothing_else() {
        for text in [
            "",
            " ",
            "1",
            "null",
            "[]",
            "\"{}\"",
            "{",
            "}",
            "{}{}",
            "{},",
            "{} x",
            "{}\0",
            "\u{feff}{}",
            "{}\u{feff}",
            "\u{a0}{}",
            "{}\u{b}",
            "// x\n{}",
            "{\"a\":1,}",
            "{,}",
            "{\"a\"}",
            "{\"a\" 1}",
            "{\"a\":}",
            "{\"a\":1 \"b\":2}",
            "{a:1}",
            "{'a':1}",
            "{1:1}",
            "{\"a\":[1,]}",
            "{\"a\":[,1]}",
            "{\"a\":[1 2]}",
            "{\"a\":[1}",
            "{\"a\":1]",
            "{\"a\":nul}",
            "{\"a\":nullx}",
            "{\"a\":True}",
            "{\"a\":NaN}",
            "{\"a\":-Infinity}",
            "{\"a\":undefined}",
        ] {
            assert!(read(text).is_none(), "{text:?}");
        }
        for text in ["{}", " \t\r\n{ } \n", "{\"a\" : [ ] , \"b\" : null}"] {
            assert!(read(text).is_some(), "{text:?}");
        }
    }

    #[test]
    fn one_value_of_any_kind() {
        for text in ["[]", " [ {} , {} ] ", "\"\"", "-1.5", "true", "false", "null"] {
            let written: serde_json::Value = serde_json::from_str(text).unwrap();
            assert_eq!(Value::read(text).map(plain), Some(written), "{text}");
        }
        for text in ["", " ", "[] []", "[],", "[}", "nul", "truefalse", "1 2", "\"", "[{\"a\":1,\"a\":1}]"] {
            assert!(Value::read(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn odd_strings_are_refused() {
        for literal in [
            r#""\ud800""#,
            r#""\udc00""#,
            r#""\udc00\ud800""#,
            r#""\ud800x""#,
            r#""\u00""#,
            r#""\u00g0""#,
            r#""\U0061""#,
            r#""\x61""#,
            r#""\'""#,
            r#""\""#,
            r#"""#,
            "\"\n\"",
            "\"a\tb\"",
            "\"\\u0061\u{1}\"",
        ] {
            assert!(read(&format!("{{\"a\":{literal}}}")).is_none(), "{literal}");
            assert!(read(&format!("{{{literal}:1}}")).is_none(), "{literal}");
        }
        let mut object = read(r#"{"a":"\ud83d\ude00\"\\\/\b\f\n\r\t\u0000"}"#).unwrap();
        let text = "\u{1f600}\"\\/\u{8}\u{c}\n\r\t\0";
        assert_eq!(object.take("a"), Some(Value::Text(Cow::Borrowed(text))));
    }

    #[test]
    fn odd_numbers_are_refused() {
        for number in [
            "01",
            "-01",
            "+1",
            "1.",
            ".5",
            "-",
            "1e",
            "1e+",
            "0x10",
            "1_000",
            "--1",
            "1-1",
            "1e999",
            "-1e999",
            "1e19",
            "99999999999999999999",
            "1.000000000000000000000000000000000000000",
        ] {
            assert!(read(&format!("{{\"a\":[{number}]}}")).is_none(), "{number}");
        }
        for number in ["0", "-0", "1", "-1.5", "1e3", "1E-7", "0.000001", "-9223372036854775808"] {
            let text = format!("{{\"a\":{number}}}");
            assert_eq!(read(&text).and_then(|mut object| object.take("a")), Some(Value::Number(number)));
        }
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(read(&nested(7)).is_some());
        for levels in [8, 9, 1_000, 30_000] {
            assert!(read(&nested(levels)).is_none(), "{levels}");
        }
        let objects = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        assert!(read(&objects(8)).is_some() && read(&objects(9)).is_none());

        let members = |count: usize| {
            let members: Vec<String> = (0..count).map(|at| format!("\"{at}\":0")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(read(&members(64)).is_some() && read(&members(65)).is_none());
        // The object and the array are values as well.
        let elements = |count: usize| format!("{{\"a\":[{}0]}}", "0,".repeat(count - 1));
        assert!(read(&elements(8_190)).is_some() && read(&elements(8_191)).is_none());
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_read_as_the_same(value in json()) {
            let text = serde_json::json!({ "a": value }).to_string();
            let mut object = read(&text).unwrap();
            prop_assert_eq!(object.take("a").map(plain), Some(value));
        }

        #[test]
        fn what_is_read_is_json(text in "[\\[\\]{}\",:\\\\ u0a1e.-]{0,24}") {
            let whole = format!("{{\"a\":{text}}}");
            if let Some(object) = read(&whole) {
                let other: serde_json::Value = serde_json::from_str(&whole).unwrap();
                prop_assert_eq!(plain(Value::Object(object)), other);
            }
        }
    }
}
