//! The report of a scanner: a JSON array of findings.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};

use crate::json::Value;
use crate::limits::{LEAK_FINDINGS, LEAK_REPORT_BYTES, LEAK_URL_CHARS};
use crate::secret::Secret;

/// One finding.
pub struct Finding {
    /// The text that was found: a secret, or a secret with the API key beside it.
    pub token: Secret<String>,
    /// The reporter's own word for what it looks for; goes back with the answer.
    pub kind: String,
    /// Where it was found.
    pub place: Place,
}

/// Where something was found, safe to show: the text is a stranger's, who chose the name of the repository and the file.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Place(String);

/// A body that is no report; never repeats any of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAReport {
    /// Another form.
    #[error("the report must be a JSON array of objects with a text `token`, no member twice")]
    Form,
    /// Too many findings.
    #[error("a report has at most {LEAK_FINDINGS} findings and {} KiB; send the rest in another one", LEAK_REPORT_BYTES / 1024)]
    TooMany,
}

/// Reads a report whose signature holds. Members that it does not know are ignored: programmes add some.
///
/// # Errors
/// [`NotAReport`].
pub fn read_report(body: &[u8]) -> Result<Vec<Finding>, NotAReport> {
    if body.len() > LEAK_REPORT_BYTES {
        return Err(NotAReport::TooMany);
    }
    let text = std::str::from_utf8(body).map_err(|_| NotAReport::Form)?;
    let sent = Value::read(text).and_then(Value::array).ok_or(NotAReport::Form)?;
    if sent.len() > LEAK_FINDINGS {
        return Err(NotAReport::TooMany);
    }
    sent.into_iter().map(|value| finding(value).ok_or(NotAReport::Form)).collect()
}

/// One finding; `None` when it is of another form. All but the token may be absent or `null`.
fn finding(value: Value<'_>) -> Option<Finding> {
    let mut object = value.object()?;
    let mut text = |name: &str| match object.take(name) {
        None | Some(Value::Null) => Some(String::new()),
        Some(value) => Some(value.text()?.into_owned()),
    };
    let place = Place::of(&text("url")?, &text("source")?);
    let (kind, token) = (text("type")?, text("token")?);
    (!token.is_empty()).then(|| Finding { token: Secret::new(token), kind, place })
}

/// The SHA-256 of a token in hexadecimal digits: what an answer names it by, so that it does not repeat a secret.
#[must_use]
pub fn token_hash(token: &Secret<String>) -> String {
    in_digits(token.expose().as_bytes())
}

/// The SHA-256 of a signed report in hexadecimal digits: equal for one that is sent again.
#[must_use]
pub fn report_hash(signature: &str, body: &[u8]) -> String {
    // A signature in Base64 has no line end.
    in_digits(&[signature.as_bytes(), b"\n", body].concat())
}

fn in_digits(text: &[u8]) -> String {
    digest(&SHA256, text).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Place {
    /// The place that a URL and the reporter's word for the kind of place name. Only visible ASCII of a web address is kept, so
    /// that no sentence of a stranger stands in a mail of ours; what is no web address is left out.
    #[must_use]
    pub fn of(url: &str, source: &str) -> Self {
        let is_web = url.starts_with("https://") || url.starts_with("http://");
        let url = if is_web && url.bytes().all(|byte| byte.is_ascii_graphic()) { url } else { "" };
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        let source = source.to_ascii_lowercase();
        let source =
            if (1..=32).contains(&source.len()) && source.bytes().all(is_word) { &*source } else { "" };
        let short = url.get(..LEAK_URL_CHARS).unwrap_or(url);
        let more = if short.len() < url.len() { "…" } else { "" };
        Self(match (short, source) {
            ("", "") => String::new(),
            ("", source) => format!("a {}", source.replace('_', " ")),
            (_, "") => format!("{short}{more}"),
            (_, source) => format!("{short}{more} ({})", source.replace('_', " ")),
        })
    }

    /// Whether nothing is known of it.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{LEAK_FINDINGS, NotAReport, Place, read_report, token_hash};
    use crate::secret::Secret;

    #[test]
    fn a_report_is_read_and_members_may_be_missing_or_more() {
        let body = br#"[{"token":"a","type":"t","url":"https://x.example/y","source":"content","new":[1]},{"token":"b"}]"#;
        let found = read_report(body).unwrap();
        let shown = |at: usize| {
            (found[at].token.expose().as_str(), found[at].kind.as_str(), found[at].place.to_string())
        };
        assert_eq!(shown(0), ("a", "t", "https://x.example/y (content)".to_owned()));
        assert_eq!(shown(1), ("b", "", String::new()));
        assert!(read_report(b"[]").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_report_is_refused() {
        for body in [
            "",
            "{}",
            "[1]",
            "[{}]",
            r#"[{"token":1}]"#,
            r#"[{"token":"a"}] x"#,
            r#"[{"token":""}]"#,
            r#"[{"token":"a","url":1}]"#,
            r#"[{"token":"a","token":"b"}]"#,
        ] {
            assert_eq!(read_report(body.as_bytes()).err(), Some(NotAReport::Form), "{body}");
        }
        assert_eq!(read_report(&b"[".repeat(100_000)).err(), Some(NotAReport::Form), "nested without end");
        let many = |count: usize| format!("[{}]", vec![r#"{"token":"a"}"#; count].join(","));
        assert_eq!(read_report(many(LEAK_FINDINGS).as_bytes()).unwrap().len(), LEAK_FINDINGS);
        assert_eq!(read_report(many(LEAK_FINDINGS + 1).as_bytes()).err(), Some(NotAReport::TooMany));
    }

    #[test]
    fn a_place_has_no_words_of_strangers() {
        for (url, source, shown) in [
            ("https://x.example/a", "Pull_request_comment", "https://x.example/a (pull request comment)"),
            ("https://x.example/a", "", "https://x.example/a"),
            ("", "commit", "a commit"),
            ("javascript:alert(1)", "", ""),
            ("https://x.example/call this number", "", ""),
            ("https://x.example/\u{202e}", "", ""),
            ("https://x.example/a", "call me\nnow", "https://x.example/a"),
            ("x.example", "Content!", ""),
        ] {
            assert_eq!(Place::of(url, source).to_string(), shown, "{url} {source}");
        }
        let long = Place::of(&format!("https://x.example/{}", "a".repeat(5_000)), "").to_string();
        assert!(long.len() < 320 && long.ends_with('…'), "{long}");
    }

    /// FIPS 180-2, B.1.
    #[test]
    fn an_answer_names_a_token_by_its_hash() {
        let hash = token_hash(&Secret::new("abc".to_owned()));
        assert_eq!(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
