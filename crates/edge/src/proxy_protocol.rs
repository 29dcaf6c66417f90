//! The PROXY protocol, version 1 and 2: what a trusted proxy says at the beginning of a connection, before TLS.
//!
//! The end of the header is found here, within a bound; the `ppp` crate reads what is in it.

use std::net::IpAddr;

use keyward_rules::address::canonical;
use ppp::{HeaderResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What version 2 begins with.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Bytes of version 2 up to and including the length of the rest.
const FIXED: usize = 16;
/// Bytes of the longest line of version 1.
const LINE: usize = 107;
/// Bytes of the longest header of version 2: room for the addresses and for what a proxy adds about TLS.
const LONGEST: usize = 4_096;

/// Whom a proxy announced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Announced {
    /// A client.
    Client(IpAddr),
    /// Nobody: the proxy speaks for itself (`LOCAL`, `UNKNOWN`).
    Nobody,
}

/// Why a connection from a trusted proxy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProxyHeaderError {
    /// It ended.
    #[error("the connection ended before its PROXY header did")]
    Ended(#[source] std::io::Error),
    /// It does not begin with a PROXY header.
    #[error("the connection does not begin with a PROXY header; is the proxy set to send one?")]
    Missing,
    /// The header is malformed, too long, or of a transport that is not TCP.
    #[error("the PROXY header cannot be read")]
    Malformed,
}

/// Reads exactly the header from the beginning of `stream`; what follows it stays there.
///
/// # Errors
/// [`ProxyHeaderError`]; then the connection must be closed.
pub async fn announced(stream: &mut (impl AsyncRead + Unpin)) -> Result<Announced, ProxyHeaderError> {
    let mut header = vec![0; FIXED];
    // No header of version 1 is shorter than 15 bytes ("PROXY UNKNOWN\r\n"), so read these first and the 16th apart.
    let (start, last) = header.split_at_mut(FIXED - 1);
    stream.read_exact(start).await.map_err(ProxyHeaderError::Ended)?;
    if start.starts_with(SIGNATURE) {
        stream.read_exact(last).await.map_err(ProxyHeaderError::Ended)?;
        let length = header.last_chunk().map_or(0, |bytes| usize::from(u16::from_be_bytes(*bytes)));
        if length > LONGEST - FIXED {
            return Err(ProxyHeaderError::Malformed);
        }
        header.resize(FIXED + length, 0);
        let rest = header.get_mut(FIXED..).unwrap_or_default();
        stream.read_exact(rest).await.map_err(ProxyHeaderError::Ended)?;
    } else if start.starts_with(b"PROXY ") {
        header.truncate(FIXED - 1);
        // Byte by byte, because what follows the line is not ours; it is one line per connection.
        while !header.ends_with(b"\r\n") {
            if header.len() == LINE {
                return Err(ProxyHeaderError::Malformed);
            }
            header.push(stream.read_u8().await.map_err(ProxyHeaderError::Ended)?);
        }
    } else {
        return Err(ProxyHeaderError::Missing);
    }
    named(&header).ok_or(ProxyHeaderError::Malformed)
}

/// Whom a whole header names.
fn named(header: &[u8]) -> Option<Announced> {
    let client = |address: IpAddr| Some(Announced::Client(canonical(address)));
    match HeaderResult::parse(header) {
        HeaderResult::V1(Ok(line)) => match line.addresses {
            v1::Addresses::Tcp4(tcp) => client(tcp.source_address.into()),
            v1::Addresses::Tcp6(tcp) => client(tcp.source_address.into()),
            v1::Addresses::Unknown => Some(Announced::Nobody),
        },
        HeaderResult::V2(Ok(v2::Header { command: v2::Command::Local, .. })) => Some(Announced::Nobody),
        HeaderResult::V2(Ok(v2::Header { protocol: v2::Protocol::Stream, addresses, .. })) => match addresses
        {
            v2::Addresses::IPv4(tcp) => client(tcp.source_address.into()),
            v2::Addresses::IPv6(tcp) => client(tcp.source_address.into()),
            v2::Addresses::Unspecified | v2::Addresses::Unix(_) => None,
        },
        HeaderResult::V1(Err(_)) | HeaderResult::V2(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::{Announced, ProxyHeaderError, announced};

    /// What was announced, and what is left of the stream.
    async fn read(bytes: &[u8]) -> (Result<Announced, ProxyHeaderError>, Vec<u8>) {
        let mut stream = bytes;
        let answer = announced(&mut stream).await;
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        (answer, rest)
    }

    fn version_2(command: u8, family: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        [b"\r\n\r\n\0\r\nQUIT\n", &[0x20 | command, family][..], &length, payload].concat()
    }

    const IPV4: [u8; 12] = [203, 0, 113, 9, 10, 0, 0, 1, 0x12, 0x67, 0, 80];

    #[tokio::test]
    async fn both_versions_name_the_client_and_leave_the_rest() {
        let client = |text: &str| Announced::Client(text.parse().unwrap());
        let ipv6 = [&[0x20, 1, 0x0d, 0xb8][..], &[0; 11], &[1], &[0; 20]].concat();
        let with_tlv = [&IPV4[..], &[4, 0, 1, 42]].concat();
        for (header, expected) in [
            (b"PROXY TCP4 203.0.113.9 10.0.0.1 4711 80\r\n".to_vec(), client("203.0.113.9")),
            (b"PROXY TCP6 2001:db8::1 2001:db8::2 4711 80\r\n".to_vec(), client("2001:db8::1")),
            (b"PROXY TCP6 ::ffff:203.0.113.9 ::1 4711 80\r\n".to_vec(), client("203.0.113.9")),
            (b"PROXY UNKNOWN\r\n".to_vec(), Announced::Nobody),
            (version_2(1, 0x11, &IPV4), client("203.0.113.9")),
            (version_2(1, 0x11, &with_tlv), client("203.0.113.9")),
            (version_2(1, 0x21, &ipv6), client("2001:db8::1")),
            (version_2(0, 0, &[]), Announced::Nobody),
        ] {
            let (announced, rest) = read(&[&header[..], b"GET / HTTP/1.1\r\n"].concat()).await;
            assert_eq!(announced.unwrap(), expected, "{header:?}");
            assert_eq!(rest, b"GET / HTTP/1.1\r\n", "{header:?}");
        }
    }

    #[tokio::test]
    async fn what_is_no_header_closes_the_connection() {
        let long = [b"PROXY UNKNOWN ".as_slice(), &[b'x'; 200], b"\r\n"].concat();
        for bytes in [
            b"PROXY TCP4 203.0.113.9 10.0.0.1 4711\r\n".to_vec(),
            b"PROXY TCP4 2001:db8::1 10.0.0.1 4711 80\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.9 10.0.0.1 04711 80\r\n".to_vec(),
            b"PROXY SCTP 203.0.113.9 10.0.0.1 4711 80\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.9 10.0.0.1 4711 80 90\r\n".to_vec(),
            long,
            version_2(2, 0x11, &IPV4),
            version_2(1, 0x12, &IPV4),
            version_2(1, 0x31, &[0; 216]),
            version_2(1, 0x11, &IPV4[..8]),
            version_2(1, 0x11, &[0; 5_000]),
        ] {
            let (announced, _) = read(&bytes).await;
            assert!(matches!(announced, Err(ProxyHeaderError::Malformed)), "{announced:?} {bytes:?}");
        }
        let (announced, _) = read(b"GET /api/v5/public/time HTTP/1.1\r\n\r\n").await;
        assert!(matches!(announced, Err(ProxyHeaderError::Missing)));
        let whole = version_2(1, 0x11, &IPV4);
        for cut in 0..whole.len() {
            let (announced, _) = read(&whole[..cut]).await;
            assert!(matches!(announced, Err(ProxyHeaderError::Ended(_))), "{cut}");
        }
    }
}
