//! Has the HTTP parser refuse request targets with a fragment, which it would cut off and pass over.
//!
//! A `#` in the target of a request line becomes a byte that no request line may have. A request line begins the stream, a line,
//! or what follows a JSON body; headers are told apart by their first word.

use memchr::{memchr, memchr2, memrchr};

/// Where in the stream the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Place {
    /// Where a request line may begin.
    #[default]
    LineStart,
    /// In a first word that may be a method, so many letters long.
    Method(u8),
    /// In a word after a method.
    Target,
    /// In a line of a body.
    Body,
    /// In the rest of another line.
    Elsewhere,
}

/// The longest method is `SEARCH` or `PROPFIND`; longer words are none.
const METHOD: u8 = 16;

/// A byte that every parser of request lines refuses.
const REFUSED: u8 = 0x7f;

/// Follows the lines of what a client sends by HTTP/1.
#[derive(Debug, Default)]
pub struct RequestLines {
    place: Place,
}

impl RequestLines {
    /// No request is under way any more: what comes next is no body.
    pub fn body_is_over(&mut self) {
        if self.place == Place::Body {
            self.place = Place::LineStart;
        }
    }

    /// Looks at the next bytes, and spoils a fragment among them.
    pub fn refuse_fragments(&mut self, bytes: &mut [u8]) {
        if memchr(b'#', bytes).is_none() {
            self.pass(bytes);
            return;
        }
        for byte in bytes {
            if *byte == b'#' && self.place == Place::Target {
                *byte = REFUSED;
            }
            self.place = self.place.after(*byte);
        }
    }

    /// The usual case: only where the last line has got to must be known.
    fn pass(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        if let Some(at) = memrchr(b'\n', bytes) {
            self.place = Place::LineStart;
            rest = bytes.get(at + 1..).unwrap_or_default();
        }
        while let Some((byte, after)) = rest.split_first() {
            match self.place {
                Place::Elsewhere => return,
                // Only the end of a line or of something in JSON changes that.
                Place::Body => {
                    let Some(at) = memchr2(b'}', b']', rest) else { return };
                    self.place = Place::LineStart;
                    rest = rest.get(at + 1..).unwrap_or_default();
                }
                Place::LineStart | Place::Method(_) | Place::Target => {
                    self.place = self.place.after(*byte);
                    rest = after;
                }
            }
        }
    }
}

impl Place {
    const fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (_, b'\n') => Self::LineStart,
            // An empty line before a request line is skipped by parsers.
            (Self::LineStart, b'\r') => Self::LineStart,
            (Self::LineStart, b'A'..=b'Z' | b'a'..=b'z') => Self::Method(1),
            (Self::Method(letters), b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_') if letters < METHOD => {
                Self::Method(letters + 1)
            }
            (Self::Method(_), b' ') => Self::Target,
            // More blanks than one are refused anyway; a target ends with the next.
            (Self::Target, b' ') | (Self::Method(_) | Self::Elsewhere, _) => Self::Elsewhere,
            (Self::Target, _) => Self::Target,
            // A JSON body may end here.
            (Self::LineStart | Self::Body, b'}' | b']') => Self::LineStart,
            (Self::LineStart | Self::Body, _) => Self::Body,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RequestLines;

    /// What comes out, however the bytes were cut.
    fn spoiled(text: &str) -> String {
        let mut whole = text.as_bytes().to_vec();
        RequestLines::default().refuse_fragments(&mut whole);
        for size in 1..text.len() {
            let mut cut = text.as_bytes().to_vec();
            let mut lines = RequestLines::default();
            cut.chunks_mut(size).for_each(|part| lines.refuse_fragments(part));
            assert_eq!(cut, whole, "cut at {size}");
        }
        String::from_utf8(whole).unwrap()
    }

    #[test]
    fn fragments_of_targets_are_spoiled() {
        for (sent, seen) in [
            ("GET /a#b HTTP/1.1\r\n\r\n", "GET /a\u{7f}b HTTP/1.1\r\n\r\n"),
            ("GET /a?b=c# HTTP/1.1\r\n\r\n", "GET /a?b=c\u{7f} HTTP/1.1\r\n\r\n"),
            ("\r\nGET /# HTTP/1.1\r\n\r\n", "\r\nGET /\u{7f} HTTP/1.1\r\n\r\n"),
            ("POST http://h/##x HTTP/1.1\n\n", "POST http://h/\u{7f}\u{7f}x HTTP/1.1\n\n"),
            (
                "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /a#b HTTP/1.1\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /a\u{7f}b HTTP/1.1\r\n\r\n",
            ),
            (
                "POST / HTTP/1.1\r\n\r\n{\"a\":[1]}GET /a#b HTTP/1.1\r\n\r\n",
                "POST / HTTP/1.1\r\n\r\n{\"a\":[1]}GET /a\u{7f}b HTTP/1.1\r\n\r\n",
            ),
        ] {
            assert_eq!(spoiled(sent), seen);
        }
    }

    #[test]
    fn whatever_else_has_a_hash_stays() {
        for text in [
            "GET / HTTP/1.1\r\nUser-Agent: a#b\r\nX-A: # b #\r\n\r\n",
            "POST / HTTP/1.1\r\n\r\n{\"a\":\"#1 x#\"}",
            "POST / HTTP/1.1\r\n\r\n[\"#\", \"# #\"]",
            "GET /%23 HTTP/1.1\r\n\r\n",
            "{\n \"a\": \"b #\"\n}",
            "POST / HTTP/1.1\r\n\r\n{\"a\":\"GET /a#b\"}",
        ] {
            assert_eq!(spoiled(text), text);
        }
    }

    /// What is passed over in strides ends where a byte after the other would.
    #[test]
    fn a_stride_ends_where_steps_would() {
        let pieces = [
            "{",
            "}",
            "]",
            "[",
            "\n",
            "\r",
            " ",
            "GET",
            "/a",
            "\"",
            ",",
            "7",
            "-",
            "averylongfirstwordindeed",
        ];
        let mut texts = vec![String::new()];
        for _ in 0..4 {
            texts = texts.iter().flat_map(|text| pieces.map(|piece| format!("{text}{piece}"))).collect();
        }
        for text in &texts {
            for head in ["", "POST / HTTP/1.1\r\n\r\n"] {
                let mut lines = RequestLines::default();
                lines.refuse_fragments(&mut format!("{head}{text}").into_bytes());
                let steps =
                    format!("{head}{text}").bytes().fold(super::Place::default(), super::Place::after);
                assert_eq!(lines.place, steps, "{text:?}");
            }
        }
    }

    #[test]
    fn a_body_that_is_over_may_be_anything() {
        let (mut lines, mut next) = (RequestLines::default(), b"GET /a#b HTTP/1.1\r\n".to_vec());
        lines.refuse_fragments(&mut b"POST / HTTP/1.1\r\n\r\n=".to_vec());
        lines.body_is_over();
        lines.refuse_fragments(&mut next);
        assert!(!next.contains(&b'#'));
    }
}
