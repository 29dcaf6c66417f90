//! Just enough of Rust's tokens to find names: comments are left out, literals and lifetimes are one token each.

/// What a token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A name or a keyword.
    Name,
    /// `::`, or one character of punctuation.
    Mark,
    /// A literal or a lifetime: nothing in it is a name.
    Other,
}

/// One token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token<'t> {
    /// What it is.
    pub kind: Kind,
    /// Its text; a raw name stands without its `r#`.
    pub text: &'t str,
    /// Its line, from 1.
    pub line: usize,
}

/// The tokens of a file, without what is only compiled for tests.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let (mut all, mut rest, mut line) = (Vec::new(), text, 1);
    while !rest.is_empty() {
        let (kind, length) = first(rest);
        let Some((own, behind)) = rest.split_at_checked(length.max(1)) else { break };
        if let Some(kind) = kind {
            let text = if kind == Kind::Name { own.strip_prefix("r#").unwrap_or(own) } else { own };
            all.push(Token { kind, text, line });
        }
        line += own.matches('\n').count();
        rest = behind;
    }
    without_tests(&all)
}

/// The kind of the first token and its length in bytes; white space and comments are of no kind.
fn first(rest: &str) -> (Option<Kind>, usize) {
    let Some(start) = rest.chars().next() else { return (None, 0) };
    if start.is_whitespace() {
        return (None, run(rest, char::is_whitespace));
    }
    if rest.starts_with("//") {
        return (None, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (None, comment(rest));
    }
    if let Some(length) = literal(rest) {
        return (Some(Kind::Other), length);
    }
    let name = |text: &str| run(text, |symbol| symbol.is_alphanumeric() || symbol == '_');
    let begins_name = |symbol: char| symbol.is_alphabetic() || symbol == '_';
    if let Some(raw) = rest.strip_prefix("r#").filter(|raw| raw.starts_with(begins_name)) {
        return (Some(Kind::Name), 2 + name(raw));
    }
    if begins_name(start) {
        return (Some(Kind::Name), name(rest));
    }
    if start.is_ascii_digit() {
        let whole = name(rest);
        let fraction = rest.get(whole..).and_then(|behind| behind.strip_prefix('.'));
        let fraction = fraction.filter(|behind| behind.starts_with(|symbol: char| symbol.is_ascii_digit()));
        return (Some(Kind::Other), whole + fraction.map_or(0, |digits| 1 + name(digits)));
    }
    if let Some(quoted) = rest.strip_prefix('\'') {
        return (Some(Kind::Other), 1 + name(quoted));
    }
    (Some(Kind::Mark), if rest.starts_with("::") { 2 } else { start.len_utf8() })
}

/// How many bytes at the beginning are such characters.
fn run(text: &str, such: impl Fn(char) -> bool) -> usize {
    text.find(|symbol| !such(symbol)).unwrap_or(text.len())
}

/// The length of a comment in `/*` and `*/`, in which others may stand.
fn comment(rest: &str) -> usize {
    let (mut depth, mut length) = (0_usize, 0);
    while let Some(here) = rest.get(length..).filter(|here| !here.is_empty()) {
        if here.starts_with("/*") {
            (depth, length) = (depth + 1, length + 2);
        } else if here.starts_with("*/") {
            (depth, length) = (depth - 1, length + 2);
            if depth == 0 {
                return length;
            }
        } else {
            length += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The length of the string, raw string or character that `rest` begins with. A quote that begins a lifetime begins none.
fn literal(rest: &str) -> Option<usize> {
    for prefix in ["r", "br", "cr"] {
        let Some(raw) = rest.strip_prefix(prefix) else { continue };
        let hashes = run(raw, |symbol| symbol == '#');
        if let Some(text) = raw.get(hashes..).and_then(|raw| raw.strip_prefix('"')) {
            let end = format!("\"{}", "#".repeat(hashes));
            let length = text.find(&end).map_or(text.len(), |at| at + end.len());
            return Some(prefix.len() + hashes + 1 + length);
        }
    }
    for prefix in ["", "b", "c"] {
        let Some(quoted) = rest.strip_prefix(prefix) else { continue };
        if let Some(text) = quoted.strip_prefix('"') {
            return Some(prefix.len() + 1 + until(text, '"'));
        }
        if let Some(text) = quoted.strip_prefix('\'')
            && (text.starts_with('\\') || text.chars().nth(1) == Some('\''))
        {
            return Some(prefix.len() + 1 + until(text, '\''));
        }
    }
    None
}

/// The length up to the closing quote and with it; one behind a backslash closes nothing.
fn until(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, symbol) in text.char_indices() {
        if !escaped && symbol == quote {
            return at + quote.len_utf8();
        }
        escaped = !escaped && symbol == '\\';
    }
    text.len()
}

/// The place of the bracket that closes the one at `open`, or the last place.
pub fn closing(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "(" | "[" | "{" if token.kind == Kind::Mark => depth += 1,
            ")" | "]" | "}" if token.kind == Kind::Mark => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len().saturating_sub(1)
}

/// Leaves out what stands under `#[cfg(test)]`, `#[cfg(all(test, …))]`, `#[test]` or `#[….::test]`, with its attributes.
fn without_tests<'t>(tokens: &[Token<'t>]) -> Vec<Token<'t>> {
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match attribute(tokens, at) {
            Some(end) if is_of_tests(tokens.get(at + 2..end).unwrap_or_default()) => {
                at = end_of_item(tokens, end + 1);
            }
            Some(_) | None => {
                kept.push(*token);
                at += 1;
            }
        }
    }
    kept
}

/// The place of the bracket that ends the attribute that begins here, if one does.
fn attribute(tokens: &[Token<'_>], at: usize) -> Option<usize> {
    let is = |at: usize, text: &str| tokens.get(at).is_some_and(|token| token.text == text);
    (is(at, "#") && is(at + 1, "[")).then(|| closing(tokens, at + 1))
}

fn is_of_tests(attribute: &[Token<'_>]) -> bool {
    let texts: Vec<&str> = attribute.iter().map(|token| token.text).collect();
    let path = texts.split(|text| *text == "(").next().unwrap_or_default();
    match texts.as_slice() {
        ["cfg", "(", "test", ")"] | ["cfg", "(", "all", "(", "test", ..] => true,
        _ => path.last() == Some(&"test"),
    }
}

/// What an item begins with; a field, an arm or a parameter begins with another word and ends with a comma.
const ITEMS: &[&str] = &[
    "async",
    "const",
    "enum",
    "extern",
    "fn",
    "impl",
    "let",
    "macro_rules",
    "mod",
    "static",
    "struct",
    "trait",
    "type",
    "unsafe",
    "use",
];

/// The place behind the item, statement, field or arm that begins here, attributes first.
fn end_of_item(tokens: &[Token<'_>], mut at: usize) -> usize {
    while let Some(end) = attribute(tokens, at) {
        at = end + 1;
    }
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let mut word = at;
    if text(word) == "pub" {
        word = if text(word + 1) == "(" { closing(tokens, word + 1) + 1 } else { word + 1 };
    }
    let is_item = ITEMS.contains(&text(word)) || text(word + 1) == "!";
    while let Some(token) = tokens.get(at) {
        match token.text {
            "{" => return closing(tokens, at) + 1,
            "(" | "[" => at = closing(tokens, at),
            ")" | "]" | "}" => return at,
            ";" => return at + 1,
            "," if !is_item => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::{Kind, tokens};

    fn names(text: &str) -> Vec<&str> {
        let all = tokens(text).into_iter();
        all.filter(|token| token.kind == Kind::Name).map(|token| token.text).collect()
    }

    #[test]
    fn comments_hold_no_names() {
        assert_eq!(names("a // b\n/* c /* d */ e */ f /// g\n//! h"), ["a", "f"]);
        assert_eq!(names("a /* b"), ["a"]);
    }

    #[test]
    fn literals_hold_no_names() {
        assert_eq!(names(r##"a "b \" c" d r"e\" f r#"g " h"# i b"j" br#"k"# l"##), ["a", "d", "f", "i", "l"]);
        assert_eq!(names(r"a 'b' c '\'' d b'e' f '\u{66}' g '\\' h"), ["a", "c", "d", "f", "g", "h"]);
        assert_eq!(names("1_000u64 0x1f 1.5e3 a..2 b.0.c"), ["a", "b", "c"]);
    }

    #[test]
    fn lifetimes_are_no_characters() {
        assert_eq!(names("a<'b, 'c: 'd> e 'f: loop {} 'g'"), ["a", "e", "loop"]);
        assert_eq!(names("fn x(y: &'z str, w: &'_ v) {}"), ["fn", "x", "y", "str", "w", "v"]);
    }

    #[test]
    fn raw_names_are_names() {
        assert_eq!(names("r#type r #[r] br"), ["type", "r", "r", "br"]);
    }

    #[test]
    fn lines_count_through_strings_and_comments() {
        let text = "a\n\"\n\n\" /* \n */ b\n::c";
        let lines: Vec<_> = tokens(text).into_iter().map(|token| (token.text, token.line)).collect();
        assert_eq!(lines, [("a", 1), ("\"\n\n\"", 2), ("b", 5), ("::", 6), ("c", 6)]);
    }

    #[test]
    fn what_is_for_tests_is_left_out() {
        assert_eq!(names("a; #[cfg(test)] mod b { c } d"), ["a", "d"]);
        assert_eq!(names("#[cfg(test)]\n#[allow(x)]\npub(crate) mod b;\nd"), ["d"]);
        assert_eq!(names("#[test] fn a() -> [u8; 2] { b } c"), ["c"]);
        assert_eq!(names("#[tokio::test(flavor = \"x\")] async fn a<B, C>() { d } e"), ["e"]);
        assert_eq!(names("#[cfg(all(test, unix))] use a::{b, c}; d"), ["d"]);
        assert_eq!(names("S { #[cfg(test)] a: b(c, d), e: f }"), ["S", "e", "f"]);
        assert_eq!(names("S { e: f, #[cfg(test)] a }"), ["S", "e", "f"]);
        assert_eq!(names("#[cfg(unix)] fn a() {}"), ["cfg", "unix", "fn", "a"]);
        assert_eq!(names("#[cfg(not(test))] fn a() {}"), ["cfg", "not", "test", "fn", "a"]);
    }
}
