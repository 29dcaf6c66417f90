//! One frame of the gateway: a line of identity, a line feed, and the request as the client sent it.

use crate::claims::Line;

/// A frame, of which nothing is believed yet.
pub(super) struct Frame<'a> {
    pub(super) line: Line,
    pub(super) request: &'a str,
}

impl<'a> Frame<'a> {
    /// Takes a frame apart; none when its first line is no identity.
    pub(super) fn split(text: &'a str) -> Option<Self> {
        let (line, request) = text.split_once('\n')?;
        Some(Self { line: Line::read(line)?, request })
    }
}

#[cfg(test)]
mod tests {
    use super::Frame;

    #[test]
    fn the_request_begins_after_the_first_line_feed() {
        let frame = Frame::split("{\"keyward-key\":\"k\"}\n{\"op\":\n\"x\"}").unwrap();
        assert_eq!(frame.request, "{\"op\":\n\"x\"}");
        assert_eq!(Frame::split("{}\n").unwrap().request, "");
        for text in ["", "ping", "{}", "\n{}", "{\"op\":\"login\"\n}", "{}{}\n{}"] {
            assert!(Frame::split(text).is_none(), "{text}");
        }
    }
}
