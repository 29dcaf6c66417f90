//! An exchange's answer: never a panic, the same outcome however the bytes come, and nothing that only we may say goes on.
//!
//! The two files are taken from the gateway as they are, without the store and servers that it is built with.
#![no_main]

#[path = "../../../crates/gateway/src/upstream"]
mod upstream {
    pub mod framing;
    pub mod head;
}

use bytes::BytesMut;
use keyward_rules::identity::is_identity_header;
use libfuzzer_sys::fuzz_target;
use upstream::framing::{Broken, Piece};
use upstream::head::{is_hop, take};

/// What an answer comes to: its status, whether the connection stays, its body, and how much is left behind it.
type Outcome = (u16, bool, Vec<u8>, usize);

/// The answer that comes in pieces of this size.
fn read(bytes: &[u8], at_once: usize) -> Result<Option<Outcome>, Broken> {
    let (mut came, mut parts, mut interim) = (BytesMut::new(), bytes.chunks(at_once), 0);
    let mut head = loop {
        match take(&mut came, &mut interim)? {
            Some(head) => break head,
            None => match parts.next() {
                Some(part) => came.extend_from_slice(part),
                None => return Ok(None),
            },
        }
    };
    for name in head.headers.keys() {
        assert!(!is_identity_header(name.as_str()) && !is_hop(name.as_str()) && name != "content-length");
    }
    let (mut body, mut closed) = (Vec::new(), false);
    loop {
        match head.framing.take(&mut came, closed)? {
            Piece::Data(data) => {
                assert!(!data.is_empty());
                body.extend_from_slice(&data);
            }
            Piece::End => {
                let left = came.len() + parts.map(<[u8]>::len).sum::<usize>();
                return Ok(Some((head.status.as_u16(), head.keeps, body, left)));
            }
            Piece::Wanting => match parts.next() {
                Some(part) => came.extend_from_slice(part),
                None => closed = true,
            },
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let whole = read(bytes, bytes.len().max(1));
    for at_once in [1, 7] {
        assert_eq!(read(bytes, at_once), whole);
    }
});
