//! The journal's `bytes_out` is what the client was sent of the answer's body: over HTTP/1.1 and HTTP/2, whole, in parts, broken
//! off at either end, refused.

use std::io::Read as _;

use crate::framing2::{H2, Header, SETTINGS};
use crate::watched::Watched;
use crate::world::{Manner, ORDER, Signed, Wire, until};

/// Bytes of an answer that the gateway gathers before it passes the first of them on.
const GATHERED: usize = 64 << 10;
const WINDOW_UPDATE: u8 = 8;

impl Watched {
    /// Verdict and bytes of the one request that was recorded since.
    fn recorded(&mut self) -> (String, usize) {
        let (code, bytes) = self.newest::<i64>("bytes_out");
        (code, usize::try_from(bytes).unwrap())
    }

    fn balance(&self) -> Signed {
        Signed::new(&self.key, "GET", "/api/v5/account/balance", "")
    }

    fn wire(&self) -> Wire {
        Wire::open(self.running.address("gateway_url").unwrap())
    }

    /// The bytes of the body that a client of HTTP/1.1 gets.
    fn over_http1(&self, request: &Signed) -> usize {
        let mut wire = self.wire();
        wire.write(&request.bytes());
        let reply = wire.read().unwrap();
        assert!(reply.head.contains("\r\ncontent-length: "), "{}", reply.head);
        reply.body.len()
    }

    /// The same for an answer without a length, which ends with its last piece.
    fn over_http1_in_pieces(&self, request: &Signed) -> usize {
        let mut wire = self.wire();
        wire.write(&request.bytes());
        let mut all = Vec::new();
        let mut buffer = [0; 65_536];
        while !all.ends_with(b"\r\n0\r\n\r\n") {
            let count = wire.0.read(&mut buffer).unwrap();
            assert!(count > 0, "the answer broke off");
            all.extend_from_slice(&buffer[..count]);
        }
        let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        all[end..].iter().filter(|byte| **byte == b'x').count()
    }

    /// The same of a client of HTTP/2 with windows that hold everything; `None` when the stream is reset.
    fn over_http2(&self, request: &Signed) -> Option<usize> {
        let mut h2 = H2::open(&self.running);
        h2.frame(SETTINGS, 0, 0, &[[0, 4].as_slice(), &(1_u32 << 30).to_be_bytes()].concat());
        h2.frame(WINDOW_UPDATE, 0, 0, &(1_u32 << 30).to_be_bytes());
        h2.ask(&headers(request), &request.body).body().map(String::len)
    }
}

fn headers(request: &Signed) -> Vec<Header<'_>> {
    vec![
        (":method", request.method.as_str()),
        (":scheme", "http"),
        (":authority", "keyward"),
        (":path", request.target.as_str()),
        ("content-type", "application/json"),
        ("ok-access-key", request.key.as_str()),
        ("ok-access-sign", request.sign.as_str()),
        ("ok-access-timestamp", request.timestamp.as_str()),
        ("ok-access-passphrase", request.passphrase.as_str()),
    ]
}

/// The exchange's answer with a body of `sent` bytes of the `stated` ones.
fn answer(stated: usize, sent: usize) -> &'static [u8] {
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {stated}\r\n\r\n");
    [head.into_bytes(), vec![b'x'; sent]].concat().leak()
}

/// The same without a length, in pieces of `piece` bytes.
fn in_pieces(bytes: usize, piece: usize) -> &'static [u8] {
    let mut answer =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..bytes / piece {
        answer.extend_from_slice(format!("{piece:x}\r\n").as_bytes());
        answer.extend(std::iter::repeat_n(b'x', piece));
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(b"0\r\n\r\n");
    answer.leak()
}

#[test]
fn a_whole_answer_counts_with_its_length() {
    let mut watched = Watched::start();
    let sizes = [0, 1, 33, 4_095, 4_096, 4_097, GATHERED - 1, GATHERED, GATHERED + 1, 200_000, 3 << 20];
    for bytes in sizes {
        watched.upstream.behave(Manner::Raw(answer(bytes, bytes)));
        // What is gathered goes on with a length; what is longer goes on in pieces.
        let came = match bytes {
            0..=GATHERED => watched.over_http1(&watched.balance()),
            _ => watched.over_http1_in_pieces(&watched.balance()),
        };
        assert_eq!(came, bytes);
        assert_eq!(watched.recorded(), ("0".to_owned(), bytes), "HTTP/1.1");
        let order = Signed::new(&watched.key, "POST", "/api/v5/trade/order", ORDER);
        assert_eq!(watched.over_http2(&order), Some(bytes));
        assert_eq!(watched.recorded(), ("0".to_owned(), bytes), "HTTP/2");
    }
    for (bytes, piece) in [(1, 1), (3_000, 10), (GATHERED, 1_024), (GATHERED * 4, 16_384)] {
        watched.upstream.behave(Manner::Raw(in_pieces(bytes, piece)));
        assert_eq!(watched.over_http2(&watched.balance()), Some(bytes));
        assert_eq!(watched.recorded(), ("0".to_owned(), bytes), "HTTP/2, in pieces");
    }
    watched.upstream.behave(Manner::Raw(in_pieces(3_000, 10)));
    assert_eq!(watched.over_http1(&watched.balance()), 3_000);
    assert_eq!(watched.recorded(), ("0".to_owned(), 3_000));
    watched.upstream.behave(Manner::Raw(in_pieces(GATHERED * 4, 16_384)));
    assert_eq!(watched.over_http1_in_pieces(&watched.balance()), GATHERED * 4);
    assert_eq!(watched.recorded(), ("0".to_owned(), GATHERED * 4));
}

#[test]
fn a_refusal_counts_with_its_text() {
    let mut watched = Watched::start();
    let good = watched.balance();
    let changed = |change: fn(&mut Signed)| {
        let mut request = good.clone();
        change(&mut request);
        request
    };
    let forbidden = Signed::new(&watched.key, "POST", "/api/v5/asset/transfer", "{}");
    let unknown = Signed::new(&watched.key, "GET", "/api/v5/no-such-route", "");
    let refused = [
        ("50113", changed(|request| request.sign = "A".repeat(43) + "=")),
        ("50105", changed(|request| request.passphrase = "other".to_owned())),
        ("50119", changed(|request| request.key = "0b7c2f1e-8a43-4d0f-9b2a-3c5d6e7f8091".to_owned())),
        ("50102", changed(|request| request.timestamp = "2020-12-08T09:08:57.715Z".to_owned())),
        ("50112", changed(|request| request.timestamp = "yesterday".to_owned())),
        ("50120", forbidden),
        ("50005", unknown),
    ];
    for (code, request) in refused {
        let before = watched.upstream.requests().len();
        let bytes = watched.over_http1(&request);
        assert_eq!(watched.recorded(), (code.to_owned(), bytes), "HTTP/1.1");
        assert!(bytes > 20, "{code} has a text");
        assert_eq!(watched.over_http2(&request), Some(bytes), "{code}");
        assert_eq!(watched.recorded(), (code.to_owned(), bytes), "HTTP/2");
        assert_eq!(watched.upstream.requests().len(), before);
    }
    // Refused after the exchange was asked: it closed, or broke off before its answer was passed on.
    for manner in [Manner::Close, Manner::BreakOff, Manner::RawAndClose(answer(100_000, 50_000))] {
        watched.upstream.behave(manner);
        let bytes = watched.over_http1(&watched.balance());
        let (code, recorded) = watched.recorded();
        assert_eq!((code == "0", recorded), (false, bytes), "{code}");
        assert_eq!(watched.over_http2(&watched.balance()), Some(recorded));
        assert_eq!(watched.recorded(), (code, recorded));
    }
}

#[test]
fn an_answer_that_breaks_off_counts_with_what_was_sent() {
    let mut watched = Watched::start();
    // By the exchange, after a part of it was passed on.
    for sent in [GATHERED + 1, 100_000, 1 << 20] {
        watched.upstream.behave(Manner::RawAndClose(answer(2 << 20, sent)));
        let mut wire = watched.wire();
        wire.write(&watched.balance().bytes());
        let mut came = Vec::new();
        // The connection is cut, so that a part cannot pass for the whole.
        let _ = wire.0.read_to_end(&mut came);
        let head = came.windows(4).position(|four| four == b"\r\n\r\n").map_or(came.len(), |end| end + 4);
        // Without the lengths that stand before each piece.
        let came = (came.len() - head) * 99 / 100 - 32;
        let (code, recorded) = watched.recorded();
        assert_eq!(code, "0", "the exchange had accepted it");
        assert!(recorded > GATHERED && (came..=sent).contains(&recorded), "{came}, {recorded}, {sent}");
        assert_eq!(watched.over_http2(&watched.balance()), None);
        let (code, recorded) = watched.recorded();
        assert!(code == "0" && (GATHERED..=sent).contains(&recorded), "{recorded} of {sent}");
    }
    // By the client, which takes a little of much.
    let much = 48 << 20;
    watched.upstream.behave(Manner::Raw(answer(much, much)));
    let mut wire = watched.wire();
    wire.write(&watched.balance().bytes());
    let mut first = [0; 10_000];
    wire.0.read_exact(&mut first).unwrap();
    drop(wire);
    let (code, recorded) = watched.recorded();
    assert!(code == "0" && (9_000..much).contains(&recorded), "{recorded}");
    // With the windows that HTTP/2 begins with, no more than they hold is taken.
    let mut h2 = H2::open(&watched.running);
    h2.send(&headers(&watched.balance()), b"");
    h2.read_some(20_000);
    drop(h2);
    let (code, recorded) = watched.recorded();
    assert!(code == "0" && (20_000..1 << 20).contains(&recorded), "{recorded}");
}

#[test]
fn who_leaves_before_the_answer_was_sent_nothing_and_public_routes_are_not_recorded() {
    let mut watched = Watched::start();
    watched.upstream.behave(Manner::Hang);
    for asked in 1..=3 {
        let mut wire = watched.wire();
        wire.write(&watched.balance().bytes());
        until("the exchange has it", 10_000, || watched.upstream.requests().len() == asked);
        drop(wire);
        assert_eq!(watched.recorded(), ("gone".to_owned(), 0));
    }
    // Short enough to be passed on with its length.
    let bytes = 50_000;
    watched.upstream.behave(Manner::Raw(answer(bytes, bytes)));
    let mut wire = watched.wire();
    wire.write(b"GET /api/v5/public/time HTTP/1.1\r\nHost: keyward\r\n\r\n");
    assert_eq!(wire.read().unwrap().body.len(), bytes);
    assert_eq!(watched.over_http1(&watched.balance()), bytes);
    assert_eq!(watched.recorded(), ("0".to_owned(), bytes), "the one of a private route");
}
