//! The rules of frames in RFC 6455, towards clients. Each case sends bytes over a socket of its own, and says what must be
//! heard, and whether the socket goes on.

use keyward_testkit::process::Running;

use super::exchange::Exchange;
use super::keys::quick;
use super::wire::{
    BINARY, CLOSE, CONTINUATION, End, Frame, Heard, Length, PING, PONG, RSV1, RSV2, RSV3, Socket, TEXT,
    together,
};
use crate::world::Folder;

/// Bytes of a message at most; the same figure is in `SocketLimits`.
const LONGEST: usize = 64 << 10;
/// Bytes of a request that its refusal repeats at most.
const REPEATED: usize = 4_096;

/// What RFC 6455, 7.4.1, calls the mistakes.
const PROTOCOL: &[Option<u16>] = &[Some(1_002)];
const NOT_UTF8: &[Option<u16>] = &[Some(1_007)];
const TOO_LONG: &[Option<u16>] = &[Some(1_009)];
/// 1003 is made for data of a kind that is not accepted; 1007 says that a message is not what its kind promises.
const NOT_TEXT: &[Option<u16>] = &[Some(1_003), Some(1_007)];

/// What is heard while a socket goes on.
#[derive(Clone)]
enum Said {
    /// The text `pong`, to the text `ping`.
    Pong,
    /// A pong frame with this payload.
    Echo(Vec<u8>),
    /// That this text is no request.
    NoRequest(String),
}

struct Case {
    name: String,
    bytes: Vec<u8>,
    hears: Vec<Said>,
    /// The codes of the close frame that must follow; none if the socket goes on.
    ends: Option<&'static [Option<u16>]>,
}

fn ends(name: impl Into<String>, bytes: Vec<u8>, codes: &'static [Option<u16>]) -> Case {
    Case { name: name.into(), bytes, hears: Vec::new(), ends: Some(codes) }
}

fn hears(name: impl Into<String>, bytes: Vec<u8>, hears: Vec<Said>) -> Case {
    Case { name: name.into(), bytes, hears, ends: None }
}

#[test]
fn frames_are_read_by_the_rules() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let running = quick(&folder, &exchange);
    let groups = [opcodes(), reserved(), masks(), control(), lengths(), fragments(), closes(), utf8()];
    let cases: Vec<Case> = groups.into_iter().flatten().collect();
    assert!(cases.len() >= 200, "{}", cases.len());
    for case in &cases {
        check(&running, case);
    }
    assert!(exchange.told().is_empty() && exchange.upgrades().is_empty(), "nothing of this was a request");
}

fn check(running: &Running, Case { name, bytes, hears, ends }: &Case) {
    let mut socket = Socket::open(running, "/ws/v5/public");
    socket.write(bytes);
    for said in hears {
        let heard = socket.hear();
        match said {
            Said::Pong => assert_eq!(heard, Heard::Text("pong".to_owned()), "{name}"),
            Said::Echo(payload) => assert_eq!(heard, Heard::Pong(payload.clone()), "{name}"),
            Said::NoRequest(text) => {
                let Heard::Text(reply) = &heard else { panic!("{name}: {heard:?}") };
                let reply: serde_json::Value = serde_json::from_str(reply).unwrap();
                assert_eq!((&reply["event"], &reply["code"]), (&"error".into(), &"60012".into()), "{name}");
                assert_eq!(reply["msg"], format!("Illegal request: {text}"), "{name}");
            }
        }
    }
    match ends {
        None => assert!(socket.goes_on(), "{name}"),
        Some(codes) => {
            // Nothing else comes before the close frame.
            let Heard::Close(code, _) = socket.hear() else { panic!("{name}: no close frame") };
            assert!(codes.contains(&code), "{name}: {code:?} instead of {codes:?}");
            socket.send(&Frame::close(1_000, ""));
            assert_eq!(socket.end(), End::Cut, "{name}");
        }
    }
}

/// Five opcodes of each kind are reserved (5.2).
fn opcodes() -> Vec<Case> {
    let reserved = (0x3..=0x7).chain(0xb..=0xf);
    let cases = reserved.flat_map(|opcode| {
        [
            ends(format!("opcode {opcode}"), Frame::new(opcode, "x").bytes(), PROTOCOL),
            ends(
                format!("opcode {opcode}, more follows"),
                Frame::new(opcode, "").unfinished().bytes(),
                PROTOCOL,
            ),
        ]
    });
    cases.collect()
}

/// The reserved bits are those of extensions, and none is in use (5.2).
fn reserved() -> Vec<Case> {
    let mut cases = Vec::new();
    for bits in [RSV1, RSV2, RSV3, RSV1 | RSV2 | RSV3] {
        for (kind, frame) in [
            ("text", Frame::text("ping")),
            ("binary", Frame::new(BINARY, "x")),
            ("ping", Frame::new(PING, "x")),
            ("pong", Frame::new(PONG, "")),
            ("close", Frame::close(1_000, "")),
            ("a first fragment", Frame::text("pi").unfinished()),
        ] {
            cases.push(ends(format!("bits {bits:#x} on {kind}"), frame.with_bits(bits).bytes(), PROTOCOL));
        }
        let fragments =
            together([Frame::text("pi").unfinished(), Frame::new(CONTINUATION, "ng").with_bits(bits)]);
        cases.push(ends(format!("bits {bits:#x} on a later fragment"), fragments, PROTOCOL));
    }
    cases
}

/// Clients mask every frame (5.1).
fn masks() -> Vec<Case> {
    let mut cases = Vec::new();
    for payload in ["", "ping"] {
        let kinds = [("text", TEXT), ("binary", BINARY), ("ping", PING), ("pong", PONG)];
        for (kind, opcode) in kinds {
            let bytes = Frame::new(opcode, payload).unmasked().bytes();
            cases.push(ends(format!("{kind} {payload:?} without a mask"), bytes, PROTOCOL));
        }
        let first = Frame::text(payload).unfinished();
        let later = Frame::new(CONTINUATION, payload);
        let bytes = together([first.clone().unmasked(), later.clone()]);
        cases.push(ends(format!("a first fragment {payload:?} without a mask"), bytes, PROTOCOL));
        let bytes = together([first, later.unmasked()]);
        cases.push(ends(format!("a later fragment {payload:?} without a mask"), bytes, PROTOCOL));
    }
    cases.push(ends("an empty close without a mask", Frame::new(CLOSE, "").unmasked().bytes(), PROTOCOL));
    cases.push(ends("a close without a mask", Frame::close(1_000, "").unmasked().bytes(), PROTOCOL));
    for mask in [[0; 4], [0xff; 4], [1, 2, 3, 4], [0, 0, 0, 0x80], *b"ping"] {
        let bytes = Frame::text("ping").masked_with(mask).bytes();
        cases.push(hears(format!("the mask {mask:x?}"), bytes, vec![Said::Pong]));
    }
    cases
}

/// Control frames are short and whole, and come between fragments (5.5).
fn control() -> Vec<Case> {
    let mut cases = Vec::new();
    for (kind, opcode) in [("ping", PING), ("pong", PONG), ("close", CLOSE)] {
        // As a close frame it begins with the code 1000.
        let payload = |bytes: usize| [[0x03, 0xe8].as_slice(), &vec![b'x'; bytes - 2]].concat();
        let frame = |bytes| Frame::new(opcode, payload(bytes));
        cases.push(ends(format!("a {kind} in fragments"), frame(5).unfinished().bytes(), PROTOCOL));
        let empty = Frame::new(opcode, "").unfinished().bytes();
        cases.push(ends(format!("an empty {kind} in fragments"), empty, PROTOCOL));
        for bytes in [126, 127, 1_000, LONGEST - 1, LONGEST] {
            cases.push(ends(format!("a {kind} of {bytes} bytes"), frame(bytes).bytes(), PROTOCOL));
        }
        let wide = frame(126).stating(Length::In64Bits).bytes();
        cases.push(ends(format!("a {kind} of 126 bytes in 64 bits"), wide, PROTOCOL));
        cases.push(match opcode {
            PING => hears("the longest ping", frame(125).bytes(), vec![Said::Echo(payload(125))]),
            PONG => hears("the longest pong", frame(125).bytes(), Vec::new()),
            _ => ends("the longest close", frame(125).bytes(), &[Some(1_000)]),
        });
    }
    for payload in ["", "x", "\u{1f600}"] {
        let said = vec![Said::Echo(payload.into())];
        cases.push(hears(format!("the ping {payload:?}"), Frame::new(PING, payload).bytes(), said));
    }
    let odd = vec![0xff_u8, 0x00, 0xc0, 0x80];
    cases.push(hears("a ping that is no text", Frame::new(PING, odd.clone()).bytes(), vec![Said::Echo(odd)]));
    let several = together(["a", "b", "c"].map(|text| Frame::new(PING, text)));
    let said = ["a", "b", "c"].map(|text| Said::Echo(text.into()));
    cases.push(hears("three pings", several, said.to_vec()));
    cases.push(hears(
        "pongs that nobody asked for",
        together(["", "x"].map(|text| Frame::new(PONG, text))),
        vec![],
    ));
    cases
}

fn no_request(text: &str) -> Vec<Said> {
    let repeated = (0..=text.len().min(REPEATED)).rev().find(|at| text.is_char_boundary(*at)).unwrap();
    vec![Said::NoRequest(text[..repeated].to_owned())]
}

/// Lengths at every edge (5.2). Senders must use the shortest form; what another form says is clear, and it is read.
fn lengths() -> Vec<Case> {
    let mut cases = Vec::new();
    let text = |bytes: usize| "x".repeat(bytes);
    for bytes in
        [0, 1, 124, 125, 126, 127, 128, 255, 256, REPEATED, REPEATED + 1, LONGEST - 2, LONGEST - 1, LONGEST]
    {
        let frame = Frame::text(&text(bytes));
        cases.push(hears(format!("a text of {bytes} bytes"), frame.bytes(), no_request(&text(bytes))));
    }
    for bytes in [0, 4, 125, 126, LONGEST - 1] {
        for length in [Length::In16Bits, Length::In64Bits] {
            let frame = Frame::text(&text(bytes)).stating(length);
            cases.push(hears(
                format!("{bytes} bytes, stated {length:?}"),
                frame.bytes(),
                no_request(&text(bytes)),
            ));
        }
    }
    let ping = Frame::new(PING, "x").stating(Length::In64Bits).bytes();
    cases.push(hears("a ping, stated in 64 bits", ping, vec![Said::Echo(b"x".to_vec())]));
    for bytes in [LONGEST + 1, LONGEST * 2] {
        cases.push(ends(format!("a text of {bytes} bytes"), Frame::text(&text(bytes)).bytes(), TOO_LONG));
        let binary = Frame::new(BINARY, text(bytes)).bytes();
        cases.push(ends(format!("a binary message of {bytes} bytes"), binary, TOO_LONG));
    }
    // The highest bit must be 0.
    for claimed in [LONGEST as u64 + 1, 1 << 31, 1 << 32, 1 << 62, 1 << 63, (1 << 63) + 4, u64::MAX] {
        for opcode in [TEXT, PING] {
            let frame = Frame::new(opcode, "ping").stating(Length::Claimed(claimed));
            cases.push(ends(format!("{claimed} bytes claimed, opcode {opcode}"), frame.bytes(), TOO_LONG));
        }
    }
    cases
}

/// `text` in fragments that end at these places.
fn in_fragments(text: &[u8], ends: &[usize]) -> Vec<Frame> {
    let mut begin = 0;
    let last = ends.len();
    let places = ends.iter().copied().chain([text.len()]).enumerate();
    let fragments = places.map(|(at, end)| {
        let opcode = if at == 0 { TEXT } else { CONTINUATION };
        let frame = Frame::new(opcode, &text[begin..end]);
        begin = end;
        if at == last { frame } else { frame.unfinished() }
    });
    fragments.collect()
}

fn joined(frames: &[Frame], between: &[Frame]) -> Vec<u8> {
    let between: Vec<u8> = between.iter().flat_map(Frame::bytes).collect();
    frames.iter().map(Frame::bytes).collect::<Vec<_>>().join(between.as_slice())
}

/// Messages in fragments (5.4).
fn fragments() -> Vec<Case> {
    let mut cases = Vec::new();
    for ends in [&[0_usize; 0][..], &[2], &[1, 3], &[1, 2, 3], &[0], &[4], &[0, 0, 2, 2, 4, 4]] {
        let frames = in_fragments(b"ping", ends);
        cases.push(hears(format!("ping, cut at {ends:?}"), joined(&frames, &[]), vec![Said::Pong]));
        let mut said = vec![Said::Echo(b"x".to_vec()); ends.len()];
        said.push(Said::Pong);
        let bytes = joined(&frames, &[Frame::new(PING, "x")]);
        cases.push(hears(format!("ping, cut at {ends:?}, pings between"), bytes, said));
        let bytes = joined(&frames, &[Frame::new(PONG, "x")]);
        cases.push(hears(format!("ping, cut at {ends:?}, pongs between"), bytes, vec![Said::Pong]));
    }
    let long = "y".repeat(600);
    let everywhere: Vec<usize> = (1..600).collect();
    let frames = in_fragments(long.as_bytes(), &everywhere);
    cases.push(hears("600 fragments of a byte", joined(&frames, &[]), no_request(&long)));
    let frames = in_fragments(b"", &[0, 0, 0]);
    cases.push(hears("nothing in four fragments", joined(&frames, &[]), no_request("")));
    let half = "z".repeat(LONGEST / 2);
    let frames = in_fragments(half.repeat(2).as_bytes(), &[LONGEST / 2]);
    cases.push(hears(
        "two fragments as long as a message may be",
        joined(&frames, &[]),
        no_request(&half.repeat(2)),
    ));
    let frames = in_fragments(half.repeat(3).as_bytes(), &[LONGEST / 2, LONGEST]);
    cases.push(ends("three fragments that are too long together", joined(&frames, &[]), TOO_LONG));

    let (start, rest) = (Frame::text("pi").unfinished(), Frame::new(CONTINUATION, "ng"));
    for (name, frame) in [
        ("a last fragment of nothing", rest.clone()),
        ("a fragment of nothing", rest.clone().unfinished()),
        ("an empty fragment of nothing", Frame::new(CONTINUATION, "")),
    ] {
        cases.push(ends(name, frame.bytes(), PROTOCOL));
    }
    let after = together([Frame::text("ping"), rest.clone()]);
    cases.push(Case { hears: vec![Said::Pong], ..ends("a fragment after a whole message", after, PROTOCOL) });
    let after = together([start.clone(), rest.clone(), rest.clone()]);
    cases.push(Case { hears: vec![Said::Pong], ..ends("a fragment after the last one", after, PROTOCOL) });
    for (name, other) in [
        ("a text", Frame::text("ping")),
        ("a first fragment", start.clone()),
        ("an empty text", Frame::text("")),
        ("a binary message", Frame::new(BINARY, "x")),
        ("a fragment of a binary message", Frame::new(BINARY, "x").unfinished()),
    ] {
        cases.push(ends(
            format!("{name} inside a message"),
            together([start.clone(), other.clone()]),
            PROTOCOL,
        ));
        let late = together([start.clone(), rest.clone().unfinished(), other]);
        cases.push(ends(format!("{name} inside a message, later"), late, PROTOCOL));
    }
    let close = together([start.clone(), Frame::close(1_000, "")]);
    cases.push(ends("a close inside a message", close, &[Some(1_000)]));
    let ping = together([start, Frame::new(PING, vec![b'x'; 126])]);
    cases.push(ends("a long ping inside a message", ping, PROTOCOL));
    cases
}

/// Close frames (5.5.1, 7.4).
fn closes() -> Vec<Case> {
    let mut cases = vec![ends("an empty close", Frame::new(CLOSE, "").bytes(), &[None])];
    let same: [&'static [Option<u16>]; 15] = [
        &[Some(1_000)],
        &[Some(1_001)],
        &[Some(1_002)],
        &[Some(1_003)],
        &[Some(1_007)],
        &[Some(1_008)],
        &[Some(1_009)],
        &[Some(1_010)],
        &[Some(1_011)],
        &[Some(1_012)],
        &[Some(1_013)],
        &[Some(3_000)],
        &[Some(3_999)],
        &[Some(4_000)],
        &[Some(4_999)],
    ];
    for codes in same {
        let code = codes[0].unwrap();
        cases.push(ends(format!("close {code}"), Frame::close(code, "").bytes(), codes));
        let longest = Frame::close(code, "\u{e9}".repeat(61)).bytes();
        cases.push(ends(format!("close {code} with a reason"), longest, codes));
    }
    for code in [0, 1, 999, 1_004, 1_005, 1_006, 1_015, 1_016, 1_100, 2_000, 2_999, 5_000, u16::MAX] {
        cases.push(ends(format!("close {code}"), Frame::close(code, "").bytes(), PROTOCOL));
    }
    cases.push(ends("a close with half a code", Frame::new(CLOSE, vec![0x03_u8]).bytes(), PROTOCOL));
    for reason in [&[0xff_u8][..], &[0xc3], &[0x61, 0x80], &[0xed, 0xa0, 0x80], &[0xf0, 0x9f, 0x98]] {
        let bytes = Frame::close(1_000, reason).bytes();
        cases.push(ends(format!("a close because of {reason:x?}"), bytes, NOT_UTF8));
    }
    // What follows a close frame is not read.
    for (name, after) in [
        ("a text", Frame::text("ping")),
        ("a ping", Frame::new(PING, "x")),
        ("a close", Frame::close(1_001, "")),
        ("a mistake", Frame::text("ping").unmasked().with_bits(RSV1)),
    ] {
        let bytes = together([Frame::close(1_000, ""), after]);
        cases.push(ends(format!("{name} after a close"), bytes, &[Some(1_000)]));
    }
    cases
}

/// Texts are UTF-8 (8.1).
fn utf8() -> Vec<Case> {
    let mut cases = Vec::new();
    for text in [
        "\u{7f}",
        "\u{80}",
        "\u{7ff}",
        "\u{800}",
        "\u{d7ff}",
        "\u{e000}",
        "\u{ffff}",
        "\u{10000}",
        "\u{10ffff}",
    ] {
        cases.push(hears(format!("{text:?}"), Frame::text(text).bytes(), no_request(text)));
        let everywhere: Vec<usize> = (1..text.len()).collect();
        let bytes = joined(&in_fragments(text.as_bytes(), &everywhere), &[Frame::new(PING, "x")]);
        let mut said = vec![Said::Echo(b"x".to_vec()); everywhere.len()];
        said.extend(no_request(text));
        cases.push(hears(format!("{text:?}, cut in every place"), bytes, said));
    }
    for text in ["\u{feff}x", "x\0y", "\u{3ba}\u{1f79}\u{3c3}\u{3bc}\u{3b5}", "a\u{1f600}b"] {
        cases.push(hears(format!("{text:?}"), Frame::text(text).bytes(), no_request(text)));
    }
    let long = "\u{1f600}".repeat(LONGEST / 4);
    cases.push(hears("as many long characters as fit", Frame::text(&long).bytes(), no_request(&long)));
    for (name, wrong) in [
        ("overlong in two bytes", &[0xc0_u8, 0x80][..]),
        ("overlong in two bytes, the last", &[0xc1, 0xbf]),
        ("overlong in three bytes", &[0xe0, 0x80, 0x80]),
        ("overlong in three bytes, the last", &[0xe0, 0x9f, 0xbf]),
        ("overlong in four bytes", &[0xf0, 0x80, 0x80, 0x80]),
        ("overlong in four bytes, the last", &[0xf0, 0x8f, 0xbf, 0xbf]),
        ("the first surrogate", &[0xed, 0xa0, 0x80]),
        ("the last surrogate", &[0xed, 0xbf, 0xbf]),
        ("a pair of surrogates", &[0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80]),
        ("behind the last character", &[0xf4, 0x90, 0x80, 0x80]),
        ("far behind it", &[0xf5, 0x80, 0x80, 0x80]),
        ("five bytes", &[0xf8, 0x88, 0x80, 0x80, 0x80]),
        ("six bytes", &[0xfc, 0x84, 0x80, 0x80, 0x80, 0x80]),
        ("fe", &[0xfe]),
        ("ff", &[0xff]),
        ("a later byte alone", &[0x80]),
        ("the last of those", &[0xbf]),
        ("one of two bytes", &[0xc3]),
        ("two of three bytes", &[0xe2, 0x82]),
        ("three of four bytes", &[0xf0, 0x9f, 0x98]),
        ("one of two bytes, and a letter", &[0xc3, b'(']),
        ("two of three bytes, and a letter", &[0xe2, 0x82, b'(']),
        ("a later byte between letters", &[b'a', 0x80, b'a']),
    ] {
        cases.push(ends(name, Frame::new(TEXT, wrong).bytes(), NOT_UTF8));
        let everywhere: Vec<usize> = (1..=wrong.len()).collect();
        let frames = in_fragments(&[b"a".as_slice(), wrong].concat(), &everywhere);
        cases.push(ends(format!("{name}, in fragments"), joined(&frames, &[]), NOT_UTF8));
    }
    for payload in ["", "ping", "x"] {
        let binary = Frame::new(BINARY, payload);
        cases.push(ends(format!("the binary message {payload:?}"), binary.bytes(), NOT_TEXT));
        let fragments = together([binary.unfinished(), Frame::new(CONTINUATION, payload)]);
        cases.push(ends(format!("the binary message {payload:?} in fragments"), fragments, NOT_TEXT));
    }
    cases
}

/// A frame has no border on the way: its bytes may come one by one, and several frames at once.
#[test]
fn frames_may_come_in_any_pieces() {
    let (folder, exchange) = (Folder::new(), Exchange::answering());
    let running = quick(&folder, &exchange);
    let mut socket = Socket::open(&running, "/ws/v5/business");
    let text = "x".repeat(200);
    for bytes in [Frame::text(&text).bytes(), Frame::text(&text).stating(Length::In64Bits).bytes()] {
        for byte in bytes {
            // Each byte is a segment of its own: the connection does not gather them.
            socket.write(&[byte]);
        }
        assert_eq!(socket.json()["code"], "60012");
    }
    socket.write(&Frame::text("ping").bytes().repeat(100));
    for _ in 0..100 {
        assert_eq!(socket.text(), "pong");
    }
    socket.send(&Frame::close(4_321, "done"));
    assert_eq!(socket.end(), End::Closed(Some(4_321), "done".to_owned()));
}
