//! The head of an exchange's answer: parsed strictly, with the headers that go back to the client.

use std::mem::MaybeUninit;

use bytes::{Buf as _, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use httparse::Status;
use keyward_rules::identity::is_identity_header;

use super::framing::{Broken, Chunk, Framing};

/// Headers of an answer at most, and bytes of its head.
const HEADERS: usize = 100;
pub const HEAD_BYTES: usize = 64 << 10;
/// Answers in between (`100 Continue`, `103 Early Hints`) at most.
const INTERIM: usize = 8;

/// A head that can be passed on.
#[derive(Debug)]
pub struct Head {
    /// The status.
    pub status: StatusCode,
    /// The headers that go back to the client: none of the connection, none that only we may say, and no length, because the
    /// reply is framed anew.
    pub headers: HeaderMap,
    /// Where the body ends.
    pub framing: Framing,
    /// Whether the connection may be used again.
    pub keeps: bool,
}

/// Headers that concern one connection only (RFC 9110, 7.6.1).
const HOPS: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// Whether a header concerns one connection only.
pub fn is_hop(name: &str) -> bool {
    HOPS.contains(&name)
}

/// Takes the head out of what has come, once it is whole, and drops answers in between.
///
/// # Errors
/// [`Broken`] for what is no answer, is too large, switches protocols, or says two lengths.
pub fn take(came: &mut BytesMut, interim: &mut usize) -> Result<Option<Head>, Broken> {
    loop {
        let mut room = [const { MaybeUninit::uninit() }; HEADERS];
        let mut answer = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        let parsed = config.parse_response_with_uninit_headers(&mut answer, came, &mut room);
        let length = match parsed.map_err(|_| Broken)? {
            Status::Complete(length) if length <= HEAD_BYTES => length,
            Status::Partial if came.len() < HEAD_BYTES => return Ok(None),
            Status::Complete(_) | Status::Partial => return Err(Broken),
        };
        let status = answer.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(Broken)?;
        if status.is_informational() {
            *interim += 1;
            if status == StatusCode::SWITCHING_PROTOCOLS || *interim > INTERIM {
                return Err(Broken);
            }
            came.advance(length);
            continue;
        }
        let head = read(status, answer.version, answer.headers)?;
        came.advance(length);
        return Ok(Some(head));
    }
}

fn read(status: StatusCode, version: Option<u8>, headers: &[httparse::Header<'_>]) -> Result<Head, Broken> {
    let (mut length, mut chunked, mut closes) = (None, false, version != Some(1));
    let mut named: Vec<&[u8]> = Vec::new();
    for header in headers {
        if header.name.eq_ignore_ascii_case("content-length") {
            let clear =
                length.is_none() && !header.value.is_empty() && header.value.iter().all(u8::is_ascii_digit);
            let text = std::str::from_utf8(header.value).ok().filter(|_| clear).ok_or(Broken)?;
            length = Some(text.parse::<u64>().map_err(|_| Broken)?);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            if chunked || !header.value.eq_ignore_ascii_case(b"chunked") {
                return Err(Broken);
            }
            chunked = true;
        } else if header.name.eq_ignore_ascii_case("connection") {
            let tokens = header.value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            named.extend(tokens.filter(|token| !token.is_empty()));
        }
    }
    closes |= named.iter().any(|token| token.eq_ignore_ascii_case(b"close"));
    // Chunks outweigh a length beside them; but who says both may mean either, so the connection ends there.
    closes |= chunked && length.is_some();
    let bodiless = status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    let framing = match (length, chunked) {
        (_, true) if version != Some(1) => return Err(Broken),
        _ if bodiless => Framing::Length(0),
        (_, true) => Framing::Chunked(Chunk::Size),
        (Some(length), false) => Framing::Length(length),
        (None, false) => Framing::UntilClose,
    };
    let mut returned = HeaderMap::with_capacity(headers.len() + 2);
    for header in headers {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| Broken)?;
        let text = name.as_str();
        let stays = text == "content-length"
            || is_hop(text)
            || is_identity_header(text)
            || named.iter().any(|token| token.eq_ignore_ascii_case(text.as_bytes()));
        if !stays {
            let value = HeaderValue::from_bytes(header.value).map_err(|_| Broken)?;
            returned.append(name, value);
        }
    }
    Ok(Head { status, headers: returned, framing, keeps: !closes && framing != Framing::UntilClose })
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::super::framing::{Broken, Chunk, Framing};
    use super::{Head, take};

    fn head(text: &str) -> Result<Option<Head>, Broken> {
        take(&mut BytesMut::from(text), &mut 0)
    }

    fn whole(text: &str) -> Head {
        head(text).unwrap().unwrap()
    }

    #[test]
    fn a_plain_answer() {
        let text = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: keep-alive, X-Odd\r\n\
            Keep-Alive: timeout=5\r\nX-Odd: 1\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nKeyward_Account: 7\r\n\r\n";
        let mut came = BytesMut::from(text);
        came.extend_from_slice(b"{}");
        let head = take(&mut came, &mut 0).unwrap().unwrap();
        assert_eq!((head.status.as_u16(), head.framing, head.keeps), (200, Framing::Length(2), true));
        let headers: Vec<String> =
            head.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        assert_eq!(headers, ["content-type: application/json", "set-cookie: a", "set-cookie: b"]);
        assert_eq!(came, b"{}".as_slice());
        for end in 0..text.len() {
            assert!(self::head(&text[..end]).unwrap().is_none(), "{end}");
        }
    }

    #[test]
    fn where_the_body_ends_and_whether_the_connection_stays() {
        for (text, framing, keeps) in [
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n", Framing::Chunked(Chunk::Size), true),
            ("HTTP/1.1 200 OK\r\n\r\n", Framing::UntilClose, false),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n",
                Framing::Chunked(Chunk::Size),
                false,
            ),
            ("HTTP/1.1 204 No Content\r\n\r\n", Framing::Length(0), true),
            ("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", Framing::Length(0), true),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: Close\r\n\r\n", Framing::Length(0), false),
            ("HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\n", Framing::Length(3), false),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 201 Made\r\ncontent-length: 1\r\n\r\n",
                Framing::Length(1),
                true,
            ),
        ] {
            let head = whole(text);
            assert_eq!((head.framing, head.keeps), (framing, keeps), "{text}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(101));
        let large = format!("HTTP/1.1 200 OK\r\na: {}\r\n", "b".repeat(70_000));
        let hints = format!("{}HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 103 Early\r\n\r\n".repeat(9));
        for text in [
            "HTTP/1.1 101 Switching\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding : chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n",
            "HTTP/2 200 OK\r\n\r\n",
            "HTTP/1.1 2000 OK\r\n\r\n",
            "hello\r\n\r\n",
            many.as_str(),
            large.as_str(),
            hints.as_str(),
        ] {
            assert!(head(text).is_err(), "{}", &text[..text.len().min(90)]);
        }
    }
}
