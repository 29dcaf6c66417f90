//! Where the body of an exchange's answer ends (RFC 9112, 6.3), and its bytes. What could be read in two ways is refused.

use bytes::{Buf as _, Bytes, BytesMut};

/// The answer is not one that can be passed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the exchange's answer is malformed or broke off")]
pub struct Broken;

/// How the end of a body is told, and how far it has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// So many bytes are left.
    Length(u64),
    /// In chunks.
    Chunked(Chunk),
    /// Until the connection closes.
    UntilClose,
}

/// The place in a chunked body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Chunk {
    /// Before the line with a chunk's size.
    Size,
    /// In a chunk, of which so many bytes are left.
    Data(u64),
    /// Before the end of the line that follows a chunk's bytes.
    End,
    /// In the lines after the last chunk, of which so many bytes came.
    Trailers(usize),
    /// At the end.
    Done,
}

/// What the bytes that have come give.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    /// A part of the body, never empty.
    Data(Bytes),
    /// Nothing without more bytes.
    Wanting,
    /// The body has ended.
    End,
}

/// A line with a chunk's size, extensions included, is no longer than this; likewise all trailers together.
const LINE_BYTES: usize = 1_024;
const TRAILER_BYTES: usize = 8_192;
/// Pieces up to this are copied.
const SMALL_BYTES: usize = 4 << 10;

impl Framing {
    /// Takes the next piece out of what has come. `closed` says that nothing more will.
    ///
    /// # Errors
    /// [`Broken`] for a body that is malformed, or ends before its end.
    pub fn take(&mut self, came: &mut BytesMut, closed: bool) -> Result<Piece, Broken> {
        match self {
            Self::Length(0) | Self::Chunked(Chunk::Done) => Ok(Piece::End),
            Self::Length(left) => match part(came, left) {
                Some(data) => Ok(Piece::Data(data)),
                None => wanting(closed),
            },
            Self::UntilClose if came.is_empty() => Ok(if closed { Piece::End } else { Piece::Wanting }),
            Self::UntilClose => {
                let length = came.len();
                Ok(Piece::Data(taken(came, length)))
            }
            Self::Chunked(chunk) => chunk.take(came, closed),
        }
    }
}

impl Chunk {
    fn take(&mut self, came: &mut BytesMut, closed: bool) -> Result<Piece, Broken> {
        loop {
            match self {
                Self::Data(left) => {
                    let Some(data) = part(came, left) else { return wanting(closed) };
                    if *left == 0 {
                        *self = Self::End;
                    }
                    return Ok(Piece::Data(data));
                }
                Self::End => match came.get(..2) {
                    Some(b"\r\n") => {
                        came.advance(2);
                        *self = Self::Size;
                    }
                    Some(_) => return Err(Broken),
                    None => return wanting(closed),
                },
                Self::Size => {
                    let Some(line) = line(came, LINE_BYTES)? else { return wanting(closed) };
                    *self = match size(&line)? {
                        0 => Self::Trailers(0),
                        size => Self::Data(size),
                    };
                }
                Self::Trailers(so_far) => {
                    let Some(line) = line(came, TRAILER_BYTES)? else { return wanting(closed) };
                    *so_far += line.len() + 2;
                    if *so_far > TRAILER_BYTES {
                        return Err(Broken);
                    }
                    if line.is_empty() {
                        *self = Self::Done;
                    }
                }
                Self::Done => return Ok(Piece::End),
            }
        }
    }
}

const fn wanting(closed: bool) -> Result<Piece, Broken> {
    if closed { Err(Broken) } else { Ok(Piece::Wanting) }
}

/// Up to `left` of the bytes that have come; `None` where there are none.
fn part(came: &mut BytesMut, left: &mut u64) -> Option<Bytes> {
    let length = came.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
    *left -= length as u64;
    (length > 0).then(|| taken(came, length))
}

/// The first bytes. A few of them are copied: they would keep the whole room alive that they were read into, for as long as
/// the client does not take them.
fn taken(came: &mut BytesMut, length: usize) -> Bytes {
    if length > SMALL_BYTES {
        return came.split_to(length).freeze();
    }
    let copy = Bytes::copy_from_slice(came.get(..length).unwrap_or_default());
    came.advance(length);
    copy
}

/// The next line without its end; `None` while that has not come.
fn line(came: &mut BytesMut, most: usize) -> Result<Option<Bytes>, Broken> {
    let Some(end) = came.iter().position(|byte| *byte == b'\n') else {
        return if came.len() > most { Err(Broken) } else { Ok(None) };
    };
    let line = came.split_to(end + 1).freeze();
    // A line feed alone ends no line here: others might see the end elsewhere.
    let text = line.strip_suffix(b"\r\n").filter(|text| text.len() <= most && !text.contains(&b'\r'));
    text.map(|text| Some(line.slice_ref(text))).ok_or(Broken)
}

/// Hexadecimal digits, then perhaps an extension, which means nothing here.
fn size(line: &[u8]) -> Result<u64, Broken> {
    let digits = line.split(|byte| b"; \t".contains(byte)).next().unwrap_or_default();
    if digits.is_empty() || digits.len() > 15 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(Broken);
    }
    let text = std::str::from_utf8(digits).map_err(|_| Broken)?;
    u64::from_str_radix(text, 16).map_err(|_| Broken)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::{Broken, Chunk, Framing, Piece};

    const CHUNKED: Framing = Framing::Chunked(Chunk::Size);

    /// The body that comes out when so many bytes come at a time, and what is left behind it.
    fn read(mut framing: Framing, text: &[u8], at_once: usize) -> Result<(Vec<u8>, Vec<u8>), Broken> {
        let (mut came, mut body) = (BytesMut::new(), Vec::new());
        let mut parts = text.chunks(at_once);
        let mut closed = false;
        loop {
            match framing.take(&mut came, closed)? {
                Piece::Data(data) => body.extend_from_slice(&data),
                Piece::End => {
                    let rest = parts.flatten().copied();
                    return Ok((body, came.iter().copied().chain(rest).collect()));
                }
                Piece::Wanting => match parts.next() {
                    Some(part) => came.extend_from_slice(part),
                    None => closed = true,
                },
            }
        }
    }

    #[test]
    fn a_body_ends_where_it_says_however_it_comes() {
        for at_once in 1..64 {
            let of = |framing, text: &str| {
                read(framing, text.as_bytes(), at_once)
                    .map(|(body, rest)| (String::from_utf8(body).unwrap(), String::from_utf8(rest).unwrap()))
            };
            let good = |body: &str, rest: &str| Ok((body.to_owned(), rest.to_owned()));
            assert_eq!(of(Framing::Length(0), "more"), good("", "more"));
            assert_eq!(of(Framing::Length(5), "hello, more"), good("hello", ", more"));
            assert_eq!(of(Framing::UntilClose, "hello"), good("hello", ""));
            assert_eq!(of(Framing::UntilClose, ""), good("", ""));
            assert_eq!(of(CHUNKED, "0\r\n\r\nmore"), good("", "more"));
            assert_eq!(of(CHUNKED, "5\r\nhello\r\n0\r\n\r\n"), good("hello", ""));
            assert_eq!(
                of(CHUNKED, "5;a=\"b\"\r\nhello\r\n00F\r\n, how are you ?\r\n0\r\nx: y\r\n\r\nz"),
                good("hello, how are you ?", "z")
            );
        }
    }

    #[test]
    fn what_is_cut_off_or_unclear_is_refused() {
        let long_line = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(2_000));
        let long_trailers = format!("0\r\n{}\r\n", "x: y\r\n".repeat(2_000));
        for at_once in [1, 3, 10_000] {
            assert_eq!(read(Framing::Length(6), b"hello", at_once), Err(Broken));
            for text in [
                "",
                "5",
                "5\r\n",
                "5\r\nhell",
                "5\r\nhello",
                "5\r\nhello\r\n",
                "5\r\nhello\r\n0\r\n",
                "\r\n",
                "x\r\n",
                "-1\r\n",
                "+5\r\nhello\r\n0\r\n\r\n",
                "0x5\r\nhello\r\n0\r\n\r\n",
                " 5\r\nhello\r\n0\r\n\r\n",
                "5\nhello\n0\n\n",
                "5\r\r\nhello\r\n0\r\n\r\n",
                "5\r\nhelloXX0\r\n\r\n",
                "5\r\nhello0\r\n\r\n",
                "1000000000000000\r\nx",
                long_line.as_str(),
                long_trailers.as_str(),
            ] {
                assert_eq!(read(CHUNKED, text.as_bytes(), at_once), Err(Broken), "{text:?}");
            }
        }
    }
}
