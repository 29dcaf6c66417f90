//! A client of WebSocket that can send anything: frames are written byte by byte, with any bits, masks and lengths.
//!
//! Owns: frames as bytes, the upgrade, what a login signs. Leaves to the tests: what must come of it.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::Duration;

use keyward_rules::key::HmacState;
use keyward_rules::okx::sign;
use keyward_testkit::process::{KeyEntry, Running};
use serde_json::Value;

use crate::secure::Stream;
use crate::world::{Reply, Wire, now_ms};

/// Opcodes (RFC 6455, 5.2).
pub const CONTINUATION: u8 = 0x0;
pub const TEXT: u8 = 0x1;
pub const BINARY: u8 = 0x2;
pub const CLOSE: u8 = 0x8;
pub const PING: u8 = 0x9;
pub const PONG: u8 = 0xa;

/// Bits beside them.
pub const FIN: u8 = 0x80;
pub const RSV1: u8 = 0x40;
pub const RSV2: u8 = 0x20;
pub const RSV3: u8 = 0x10;

/// The key of RFC 6455's example, and what a server must answer to it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// How long a client waits for a frame.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a frame states the length of its payload.
#[derive(Clone, Copy, Debug)]
pub enum Length {
    /// In as few bits as possible, which RFC 6455 demands of senders.
    Shortest,
    In16Bits,
    In64Bits,
    /// This one in 64 bits, whatever follows.
    Claimed(u64),
}

/// A frame before it is sent.
#[derive(Clone, Debug)]
pub struct Frame {
    /// FIN, the reserved bits, the opcode.
    first: u8,
    mask: Option<[u8; 4]>,
    length: Length,
    payload: Vec<u8>,
}

impl Frame {
    /// The last frame of a message, masked as a client's.
    pub fn new(opcode: u8, payload: impl Into<Vec<u8>>) -> Self {
        let mask = Some([0x37, 0xfa, 0x21, 0x3d]);
        Self { first: FIN | opcode, mask, length: Length::Shortest, payload: payload.into() }
    }

    pub fn text(text: &str) -> Self {
        Self::new(TEXT, text)
    }

    /// A close frame with a code and a reason.
    pub fn close(code: u16, reason: impl AsRef<[u8]>) -> Self {
        Self::new(CLOSE, [code.to_be_bytes().as_slice(), reason.as_ref()].concat())
    }

    /// More frames of the message follow.
    pub fn unfinished(mut self) -> Self {
        self.first &= !FIN;
        self
    }

    /// With these bits set as well.
    pub fn with_bits(mut self, bits: u8) -> Self {
        self.first |= bits;
        self
    }

    /// As servers send it.
    pub fn unmasked(mut self) -> Self {
        self.mask = None;
        self
    }

    pub fn masked_with(mut self, mask: [u8; 4]) -> Self {
        self.mask = Some(mask);
        self
    }

    pub fn stating(mut self, length: Length) -> Self {
        self.length = length;
        self
    }

    /// The frame on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let actual = self.payload.len() as u64;
        let shortest = match actual {
            0..126 => 0,
            126..0x1_0000 => 2,
            _ => 8,
        };
        let (width, stated) = match self.length {
            Length::Shortest => (shortest, actual),
            Length::In16Bits => (2, actual),
            Length::In64Bits => (8, actual),
            Length::Claimed(stated) => (8, stated),
        };
        let stated = stated.to_be_bytes();
        let short = match width {
            0 => stated[7],
            2 => 126,
            _ => 127,
        };
        let mut bytes = vec![self.first, short | if self.mask.is_some() { 0x80 } else { 0 }];
        bytes.extend(&stated[8 - width..]);
        match self.mask {
            None => bytes.extend(&self.payload),
            Some(mask) => {
                bytes.extend(mask);
                bytes.extend(self.payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
            }
        }
        bytes
    }
}

/// The bytes of frames that are sent together.
pub fn together<const COUNT: usize>(frames: [Frame; COUNT]) -> Vec<u8> {
    frames.iter().flat_map(Frame::bytes).collect()
}

/// A frame as it came.
pub struct Came {
    first: u8,
    masked: bool,
    payload: Vec<u8>,
}

/// Takes the first frame off what has come, once all of it is there.
pub fn take_frame(came: &mut Vec<u8>) -> Option<Came> {
    let (first, second) = (*came.first()?, *came.get(1)?);
    let width = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let stated = came.get(2..2 + width)?;
    let length = match width {
        0 => usize::from(second & 0x7f),
        _ => stated.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte)),
    };
    let masked = second & 0x80 != 0;
    let begin = 2 + width + if masked { 4 } else { 0 };
    if came.len() < begin + length {
        return None;
    }
    let frame: Vec<u8> = came.drain(..begin + length).collect();
    let (head, payload) = frame.split_at(begin);
    let payload = match &head[2 + width..] {
        [] => payload.to_vec(),
        mask => payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect(),
    };
    Some(Came { first, masked, payload })
}

/// What came over a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Heard {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// A close frame: its code, if it has one, and its reason.
    Close(Option<u16>, String),
    /// The end of the connection.
    Gone,
    /// Nothing, for as long as the connection waits.
    Silence,
}

impl Heard {
    /// What a frame says. The program's own frames are whole messages without extensions.
    pub fn of(came: Came) -> Self {
        assert_eq!(came.first & !0x0f, FIN, "bits of a frame of the program");
        let payload = came.payload;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        match came.first & 0x0f {
            TEXT => Self::Text(text(payload)),
            BINARY => Self::Binary(payload),
            PING => Self::Ping(payload),
            PONG => Self::Pong(payload),
            CLOSE => {
                assert_ne!(payload.len(), 1, "a close frame has a whole code, or none");
                let code = payload.get(..2).map(|code| u16::from_be_bytes([code[0], code[1]]));
                Self::Close(code, text(payload.get(2..).unwrap_or_default().to_vec()))
            }
            other => panic!("a frame of the program with opcode {other}"),
        }
    }
}

/// Reads the next frame; those of clients are masked, and those of servers are not.
pub fn hear<S: Stream + ?Sized>(stream: &mut S, came: &mut Vec<u8>, masked: bool) -> Heard {
    loop {
        if let Some(frame) = take_frame(came) {
            assert_eq!(frame.masked, masked, "clients mask, and servers do not");
            return Heard::of(frame);
        }
        match more(stream, came) {
            Ok(0) => return Heard::Gone,
            Ok(_) => {}
            Err(problem) if matches!(problem.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Heard::Silence;
            }
            Err(_) => return Heard::Gone,
        }
    }
}

/// Reads what is there; how many bytes that were.
fn more<S: Stream + ?Sized>(stream: &mut S, came: &mut Vec<u8>) -> std::io::Result<usize> {
    let mut buffer = [0; 16_384];
    loop {
        match stream.read(&mut buffer) {
            Err(problem) if problem.kind() == ErrorKind::Interrupted => {}
            read => {
                let count = read?;
                came.extend_from_slice(&buffer[..count]);
                return Ok(count);
            }
        }
    }
}

/// Takes the head of a request or an answer off the front; `None` when the connection ends before.
pub fn take_head<S: Stream + ?Sized>(stream: &mut S, came: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(at) = came.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = came.drain(..at + 4).collect();
            return String::from_utf8(head).ok();
        }
        more(stream, came).ok().filter(|count| *count > 0)?;
    }
}

/// The value of a head's field, whose name is in lower case here.
pub fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// The head that asks for a socket, with more fields.
pub fn upgrade(path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: keyward\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{more}\r\n"
    )
}

/// How a socket ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// With a close frame.
    Closed(Option<u16>, String),
    /// Without one.
    Cut,
}

/// A client's end of a socket.
pub struct Socket<S = TcpStream> {
    pub stream: S,
    /// The head of the answer that opened it.
    pub head: String,
    came: Vec<u8>,
}

impl Socket {
    /// A socket from 127.0.0.1 to a sandbox.
    pub fn open(running: &Running, path: &str) -> Self {
        let address = running.address("gateway_url").unwrap();
        Self::from(address, [127, 0, 0, 1], path).unwrap_or_else(|reply| panic!("{path}: {reply:?}"))
    }

    /// A socket from another loopback address, or the answer that refuses it.
    pub fn from(address: &str, source: [u8; 4], path: &str) -> Result<Self, Reply> {
        Self::over(Wire::from(address, source).0, upgrade(path, "").as_bytes())
    }
}

impl<S: Stream> Socket<S> {
    /// Sends what asks for a socket; gives that, or the answer that refuses it. An answer with status 0 did not come.
    pub fn over(mut stream: S, asks: &[u8]) -> Result<Self, Reply> {
        stream.socket().set_read_timeout(Some(PATIENCE)).unwrap();
        // The gateway may have refused and closed already; the answer tells.
        let _ = stream.write_all(asks);
        let mut came = Vec::new();
        let head = take_head(&mut stream, &mut came).unwrap_or_default();
        let status = head.split(' ').nth(1).map_or(0, |status| status.parse().unwrap());
        if status == 101 {
            assert_eq!(field(&head, "sec-websocket-accept"), Some(ACCEPT));
            assert!(field(&head, "upgrade").unwrap().eq_ignore_ascii_case("websocket"), "{head}");
            assert!(field(&head, "connection").unwrap().eq_ignore_ascii_case("upgrade"), "{head}");
            return Ok(Self { stream, head, came });
        }
        let length = field(&head, "content-length").map_or(0, |length| length.parse().unwrap());
        let has_body = !asks.starts_with(b"HEAD");
        while has_body && came.len() < length && more(&mut stream, &mut came).is_ok_and(|count| count > 0) {}
        let body = String::from_utf8_lossy(&came).into_owned();
        Err(Reply { status, head: head.to_ascii_lowercase(), body })
    }

    pub fn write(&mut self, bytes: &[u8]) {
        // The gateway may have closed; what is heard next tells.
        let _ = self.stream.write_all(bytes);
    }

    pub fn send(&mut self, frame: &Frame) {
        self.write(&frame.bytes());
    }

    /// Sends a text.
    pub fn say(&mut self, text: &str) {
        self.send(&Frame::text(text));
    }

    pub fn hear(&mut self) -> Heard {
        hear(&mut self.stream, &mut self.came, false)
    }

    /// Whether nothing comes for so long.
    pub fn is_silent_for(&mut self, time: Duration) -> bool {
        self.stream.socket().set_read_timeout(Some(time)).unwrap();
        let heard = self.hear();
        self.stream.socket().set_read_timeout(Some(PATIENCE)).unwrap();
        heard == Heard::Silence
    }

    /// The next text.
    pub fn text(&mut self) -> String {
        match self.hear() {
            Heard::Text(text) => text,
            other => panic!("{other:?} instead of a text"),
        }
    }

    /// Passes over what comes, up to a text that has `part` in it.
    pub fn text_with(&mut self, part: &str) -> String {
        loop {
            match self.hear() {
                Heard::Text(text) if text.contains(part) => return text,
                Heard::Text(_) | Heard::Binary(_) | Heard::Ping(_) | Heard::Pong(_) => {}
                ended => panic!("{ended:?} before a text with {part}"),
            }
        }
    }

    /// The next text, read as JSON.
    pub fn json(&mut self) -> Value {
        let text = self.text();
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"))
    }

    /// Sends a text; gives the next one that comes.
    pub fn ask(&mut self, text: &str) -> Value {
        self.say(text);
        self.json()
    }

    /// Logs in, which must hold.
    pub fn log_in(&mut self, key: &KeyEntry) {
        let reply = self.ask(&Login::of(key).text());
        assert_eq!((&reply["event"], &reply["code"]), (&"login".into(), &"0".into()), "{reply}");
    }

    /// Whether the socket goes on: a ping is answered.
    pub fn goes_on(&mut self) -> bool {
        self.say("ping");
        self.hear() == Heard::Text("pong".to_owned())
    }

    /// How the socket ends; what comes before is passed over. A close frame is answered, and then the connection must end.
    pub fn end(&mut self) -> End {
        let end = loop {
            match self.hear() {
                Heard::Close(code, reason) => break End::Closed(code, reason),
                Heard::Gone => return End::Cut,
                Heard::Silence => panic!("the socket does not end"),
                Heard::Text(_) | Heard::Binary(_) | Heard::Ping(_) | Heard::Pong(_) => {}
            }
        };
        let code = if let End::Closed(code, _) = &end { *code } else { None };
        self.send(&Frame::close(code.unwrap_or(1_000), ""));
        assert_eq!(self.hear(), Heard::Gone, "after {end:?}");
        end
    }

    /// The code that the socket ends with.
    pub fn code_at_end(&mut self) -> u16 {
        match self.end() {
            End::Closed(Some(code), _) => code,
            other => panic!("{other:?} instead of a code"),
        }
    }
}

/// What a login signs behind its timestamp (OKX contract 3.1).
const SIGNED: (&[u8], &[u8]) = (b"GET", b"/users/self/verify");

/// A login that can be taken apart before it is sent.
#[derive(Clone)]
pub struct Login {
    pub key: String,
    pub passphrase: String,
    /// As it is written, with its quotation marks if it has any.
    pub timestamp: String,
    pub sign: String,
    /// Members in front of the others, with a comma behind each.
    pub more: &'static str,
}

impl Login {
    pub fn of(key: &KeyEntry) -> Self {
        Self::at(key, &(now_ms() / 1_000).to_string())
    }

    /// With this timestamp, which is signed as it is.
    pub fn at(key: &KeyEntry, timestamp: &str) -> Self {
        let state = HmacState::from_key(key.secret.as_bytes());
        let made = sign(&state, timestamp.as_bytes(), SIGNED.0, SIGNED.1, b"");
        Self {
            key: key.api_key.clone(),
            passphrase: key.passphrase.clone(),
            timestamp: format!("\"{timestamp}\""),
            sign: String::from_utf8(made.as_bytes().to_vec()).unwrap(),
            more: "",
        }
    }

    /// With its timestamp as a number.
    pub fn with_number(mut self) -> Self {
        self.timestamp = self.timestamp.trim_matches('"').to_owned();
        self
    }

    pub fn text(&self) -> String {
        let Self { key, passphrase, timestamp, sign, more } = self;
        let account = format!(
            r#"{{"apiKey":"{key}","passphrase":"{passphrase}","timestamp":{timestamp},"sign":"{sign}"}}"#
        );
        format!(r#"{{{more}"op":"login","args":[{account}]}}"#)
    }
}

/// A request for one channel.
pub fn subscribe(channel: &str) -> String {
    format!(r#"{{"op":"subscribe","args":[{{"channel":"{channel}"}}]}}"#)
}

/// An order with this id.
pub fn order(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","op":"order","args":[{{"instId":"BTC-USDT","tdMode":"cash","side":"buy","ordType":"limit","px":"1000","sz":"0.0001"}}]}}"#
    )
}
