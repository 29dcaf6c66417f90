//! HTTP/2 by hand: frames that a well-behaved client library would not send. What counts is what the exchange gets.

use std::io::{ErrorKind, Read as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use keyward_testkit::process::Running;

use crate::secure::Stream;
use crate::world::{Folder, ORDER, Signed, Upstream};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a stream ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this body.
    Body(String),
    /// By a reset, a goodbye or a closed connection.
    Cut,
}

impl Ended {
    /// The body of a stream that ended with one.
    pub fn body(&self) -> Option<&String> {
        match self {
            Self::Body(body) => Some(body),
            Self::Cut => None,
        }
    }

    fn code(&self) -> String {
        match self {
            Self::Body(body) => serde_json::from_str::<serde_json::Value>(body).unwrap_or_default()["code"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            Self::Cut => "cut".to_owned(),
        }
    }
}

/// A connection that has said its preface, and what came of frames that are not read yet.
pub struct H2<S = TcpStream>(S, Vec<u8>);

pub type Header<'a> = (&'a str, &'a str);

/// The kind of a frame, its flags, and what it carries.
type Frame = (u8, u8, Vec<u8>);

impl H2 {
    pub fn open(running: &Running) -> Self {
        let address = running.address("gateway_url").unwrap().trim_start_matches("http://");
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream)
    }
}

impl<S: Stream> H2<S> {
    pub fn over(stream: S) -> Self {
        stream.socket().set_read_timeout(Some(PATIENCE)).unwrap();
        let mut h2 = Self(stream, Vec::new());
        h2.0.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        h2.frame(SETTINGS, 0, 0, &[]);
        h2
    }

    pub fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut bytes = vec![length[1], length[2], length[3], kind, flags];
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(payload);
        // The gateway may have said goodbye already.
        let _ = self.0.write_all(&bytes);
    }

    /// Sends a request on stream 1 and reads how that ends.
    pub fn ask(&mut self, headers: &[Header<'_>], body: &[u8]) -> Ended {
        self.send(headers, body);
        self.answer()
    }

    /// The same on a later stream, without a body.
    pub fn ask_on(&mut self, stream: u32, headers: &[Header<'_>]) -> Ended {
        self.frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(headers));
        self.answer()
    }

    /// Answers pings until then; whether the connection is still open.
    pub fn stays_open(&mut self, until: Instant) -> bool {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.0.socket().set_read_timeout(Some(PATIENCE)).unwrap();
                return true;
            }
            self.0.socket().set_read_timeout(Some(left)).unwrap();
            match self.next() {
                Ok((PING, flags, payload)) if flags & ACK == 0 => self.frame(PING, ACK, 0, &payload),
                Ok((GOAWAY, ..)) => return false,
                Ok(_) => {}
                Err(problem) if matches!(problem.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => return false,
            }
        }
    }

    /// Reads so many bytes, whatever they are.
    pub fn read_some(&mut self, bytes: usize) {
        self.0.read_exact(&mut vec![0; bytes]).unwrap();
    }

    /// Sends a request on stream 1.
    pub fn send(&mut self, headers: &[Header<'_>], body: &[u8]) {
        let block = block(headers);
        let last = if body.is_empty() { END_STREAM } else { 0 };
        self.frame(HEADERS, END_HEADERS | last, 1, &block);
        if !body.is_empty() {
            self.frame(DATA, END_STREAM, 1, body);
        }
    }

    fn answer(&mut self) -> Ended {
        let mut body = Vec::new();
        loop {
            let Ok((kind, flags, payload)) = self.next() else { return Ended::Cut };
            match (kind, flags) {
                (SETTINGS, flags) if flags & ACK == 0 => self.frame(SETTINGS, ACK, 0, &[]),
                (PING, flags) if flags & ACK == 0 => self.frame(PING, ACK, 0, &payload),
                (RST_STREAM | GOAWAY, _) => return Ended::Cut,
                (HEADERS, flags) if flags & END_STREAM != 0 => return Ended::Body(String::new()),
                (DATA, flags) => {
                    body.extend_from_slice(&payload);
                    if flags & END_STREAM != 0 {
                        return Ended::Body(String::from_utf8(body).unwrap());
                    }
                }
                _ => {}
            }
        }
    }

    /// The next frame, whichever stream it belongs to.
    fn next(&mut self) -> std::io::Result<Frame> {
        loop {
            if let Some(head) = self.1.first_chunk::<9>().copied() {
                let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
                if self.1.len() >= 9 + length {
                    let payload = self.1.drain(..9 + length).skip(9).collect();
                    return Ok((head[3], head[4], payload));
                }
            }
            let mut buffer = [0; 16_384];
            match self.0.read(&mut buffer)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => self.1.extend_from_slice(&buffer[..count]),
            }
        }
    }
}

/// Literal fields without indexing, without Huffman coding (RFC 7541, 6.2.2).
fn block(headers: &[Header<'_>]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        block.push(0);
        for text in [name, value] {
            assert!(text.len() < 127, "one byte of length is enough here");
            block.push(u8::try_from(text.len()).unwrap());
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

fn start() -> (Folder, Upstream, Running) {
    let (folder, upstream) = (Folder::new(), Upstream::start());
    let flags = ["--upstream", &upstream.url, "--raise-rates", "1000"];
    let running = Running::start_with(&folder.data(), flags).unwrap();
    (folder, upstream, running)
}

const GOOD: [Header<'static>; 4] =
    [(":method", "GET"), (":scheme", "http"), (":authority", "keyward"), (":path", "/api/v5/public/time")];

/// The good request with one header put in the place of another, or added.
fn with<'a>(changed: Header<'a>) -> Vec<Header<'a>> {
    let mut headers: Vec<Header<'a>> = GOOD.to_vec();
    match headers.iter_mut().find(|(name, _)| *name == changed.0) {
        Some(header) => *header = changed,
        None => headers.push(changed),
    }
    headers
}

#[test]
fn odd_requests_over_http2_are_refused_and_never_forwarded() {
    let (_folder, upstream, running) = start();
    assert_eq!(H2::open(&running).ask(&GOOD, b"").code(), "0");
    assert_eq!(upstream.requests().len(), 1);
    let without = |name: &str| GOOD.into_iter().filter(|header| header.0 != name).collect::<Vec<_>>();
    let repeated = |name: &'static str| [with((name, "a")), vec![(name, "b")]].concat();
    let cases: Vec<(&str, Vec<Header<'_>>)> = vec![
        ("no authority", without(":authority")),
        ("no path", without(":path")),
        ("no method", without(":method")),
        ("another host", with(("host", "other"))),
        ("two paths", [GOOD.to_vec(), vec![(":path", "/api/v5/public/time")]].concat()),
        ("a pseudo-field after the others", vec![GOOD[0], GOOD[1], GOOD[2], ("x", "1"), GOOD[3]]),
        ("an unknown pseudo-field", with((":protocol2", "x"))),
        ("extended CONNECT", [with((":method", "CONNECT")), vec![(":protocol", "websocket")]].concat()),
        ("CONNECT", with((":method", "CONNECT"))),
        ("lower-case method", with((":method", "get"))),
        ("asterisk", with((":path", "*"))),
        ("absolute form", with((":path", "http://other/api/v5/public/time"))),
        ("empty path", with((":path", ""))),
        ("quote", with((":path", "/api/v5/public/time?a=\"b\""))),
        ("space", with((":path", "/api/v5/public/time ?a"))),
        ("upper-case name", with(("X-Upper", "1"))),
        ("underscore alias", with(("ok_access_key", "1"))),
        ("dotted alias", with(("ok.access.key", "1"))),
        ("repeated key", repeated("ok-access-key")),
        ("repeated sign", repeated("ok-access-sign")),
        ("repeated timestamp", repeated("ok-access-timestamp")),
        ("repeated passphrase", repeated("ok-access-passphrase")),
        ("line feed in a value", with(("x", "a\nkeyward-account: 1"))),
        ("transfer-encoding", with(("transfer-encoding", "chunked"))),
        ("connection", with(("connection", "close, ok-access-key"))),
        ("te other than trailers", with(("te", "gzip"))),
        ("upgrade", with(("upgrade", "websocket"))),
        ("a length without a body", with(("content-length", "5"))),
        ("two lengths", repeated("content-length")),
    ];
    for (name, headers) in cases {
        let ended = H2::open(&running).ask(&headers, b"");
        let code = ended.code();
        assert!(["cut", "90400", "50115", "90431"].contains(&code.as_str()), "{name}: {ended:?}");
        assert_eq!(upstream.requests().len(), 1, "{name} got through");
    }
}

#[test]
fn the_length_and_the_body_of_a_stream_agree() {
    let (_folder, upstream, running) = start();
    let key = running.key("trade").unwrap();
    for (stated, passes) in [(ORDER.len(), true), (ORDER.len() - 1, false), (ORDER.len() + 1, false)] {
        let signed = Signed::new(&key, "POST", "/api/v5/trade/order", ORDER);
        let stated = stated.to_string();
        let headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":authority", "keyward"),
            (":path", "/api/v5/trade/order"),
            ("content-type", "application/json"),
            ("content-length", &stated),
            ("ok-access-key", &signed.key),
            ("ok-access-sign", &signed.sign),
            ("ok-access-timestamp", &signed.timestamp),
            ("ok-access-passphrase", &signed.passphrase),
        ];
        let before = upstream.requests().len();
        let ended = H2::open(&running).ask(&headers, ORDER.as_bytes());
        assert_eq!(ended.code() == "0", passes, "{stated}: {ended:?}");
        assert_eq!(upstream.requests().len() - before, usize::from(passes), "{stated}");
    }
}

/// What goes on is rebuilt: the exchange gets HTTP/1.1 with one Host, our identity and none that the client sent.
#[test]
fn the_exchange_gets_one_meaning_over_http2() {
    let (_folder, upstream, running) = start();
    let headers =
        [GOOD.to_vec(), vec![("keyward-account", "1"), ("ok-access-sign", "x"), ("te", "trailers")]].concat();
    assert_eq!(H2::open(&running).ask(&headers, b"").code(), "0");
    let request = String::from_utf8(upstream.requests().remove(0)).unwrap().to_ascii_lowercase();
    assert!(request.starts_with("get /api/v5/public/time http/1.1\r\n"), "{request}");
    assert_eq!(request.matches("\r\nhost: ").count(), 1);
    for stripped in ["keyward-account", "ok-access-sign", "\r\nte:"] {
        assert!(!request.contains(stripped), "{stripped}: {request}");
    }
}

/// Streams that are opened and reset at once (CVE-2023-44487) end their connection, and others are served meanwhile.
#[test]
fn a_flood_of_resets_ends_its_connection() {
    let (_folder, _upstream, running) = start();
    let mut flood = H2::open(&running);
    let block = block(&GOOD);
    for stream in (1..20_001).step_by(2) {
        flood.frame(HEADERS, END_HEADERS | END_STREAM, stream, &block);
        flood.frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
    }
    assert_eq!(H2::open(&running).ask(&GOOD, b"").code(), "0");
    let mut rest = Vec::new();
    // A goodbye and the end, or a reset.
    let _ = flood.0.read_to_end(&mut rest);
    let mut at = 0;
    let mut answers = 0;
    while let Some(head) = rest.get(at..at + 9) {
        at += 9 + (usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]));
        answers += usize::from(head[3] == DATA);
    }
    assert!(answers < 5_000, "the flood was served: {answers}");
}

#[test]
fn a_head_that_is_too_large_is_refused_in_words() {
    let (_folder, upstream, running) = start();
    let names: Vec<String> = (0..70).map(|number| format!("x-{number}")).collect();
    let many: Vec<Header<'_>> =
        GOOD.into_iter().chain(names.iter().map(|name| (name.as_str(), "1"))).collect();
    assert_eq!(H2::open(&running).ask(&many, b"").code(), "90431");
    let long = "v".repeat(120);
    let large: Vec<Header<'_>> =
        GOOD.into_iter().chain(names[..40].iter().map(|name| (name.as_str(), long.as_str()))).collect();
    assert_eq!(H2::open(&running).ask(&large, b"").code(), "0", "what is within the limits passes");
    assert_eq!(upstream.requests().len(), 1);
}
