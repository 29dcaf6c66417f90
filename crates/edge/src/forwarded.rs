//! `X-Forwarded-For` and `Forwarded` (RFC 7239) from a trusted proxy, counted from the right.
//!
//! Each proxy adds the address that it was reached from at the end. So the last entry is true, because the trusted peer
//! wrote it; the one before it is true if the last one is a trusted proxy too, and so on. The first entry from the
//! right that is no trusted proxy is the client. What stands left of it was written by the client and is not read.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr as _;

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};
use keyward_rules::address::canonical;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Proxies in a row that are looked through.
const HOPS: usize = 16;
/// Bytes of all lines of one header.
const BYTES: usize = 8_192;

/// Why it is not clear who the client is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClientAddressError {
    /// There is neither header.
    #[error("the proxy sent neither X-Forwarded-For nor Forwarded")]
    Missing,
    /// The entry that counts is no address.
    #[error("the entry of the forwarded header that counts is no address")]
    NotAnAddress,
    /// Both headers are there and name different clients.
    #[error("X-Forwarded-For and Forwarded name different clients")]
    Contradiction,
    /// Too long, or too many proxies in a row.
    #[error("the forwarded header is too long")]
    TooLong,
}

/// The client that the headers name.
///
/// # Errors
/// [`ClientAddressError`].
pub fn client(headers: &HeaderMap, trusted: impl Fn(IpAddr) -> bool) -> Result<IpAddr, ClientAddressError> {
    let plain = read(headers, &X_FORWARDED_FOR, &trusted, address)?;
    let tagged = read(headers, &FORWARDED, &trusted, tagged_for)?;
    match (plain, tagged) {
        (Some(one), Some(other)) if one != other => Err(ClientAddressError::Contradiction),
        (Some(client), _) | (None, Some(client)) => Ok(client),
        (None, None) => Err(ClientAddressError::Missing),
    }
}

/// Goes through a header's entries from the right up to the first that is not `trusted`. If all of them are, the
/// leftmost is the client: a program on a proxy's own machine.
fn read(
    headers: &HeaderMap,
    name: &HeaderName,
    trusted: impl Fn(IpAddr) -> bool,
    entry: impl Fn(&str) -> Option<IpAddr>,
) -> Result<Option<IpAddr>, ClientAddressError> {
    let mut lines = Vec::new();
    let mut bytes = 0;
    for value in headers.get_all(name) {
        bytes += value.len();
        if bytes > BYTES {
            return Err(ClientAddressError::TooLong);
        }
        lines.push(value.to_str().map_err(|_| ClientAddressError::NotAnAddress)?);
    }
    let mut last = None;
    for (hop, text) in lines.iter().rev().flat_map(|line| line.rsplit(',')).enumerate() {
        if hop == HOPS {
            return Err(ClientAddressError::TooLong);
        }
        let address = entry(text.trim_matches([' ', '\t'])).ok_or(ClientAddressError::NotAnAddress)?;
        last = Some(address);
        if !trusted(address) {
            break;
        }
    }
    Ok(last)
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`: the forms that proxies write.
fn address(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']').map(Ipv6Addr::from_str)?.ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    let found = text.parse::<IpAddr>().ok().or_else(|| bracketed().map(IpAddr::V6)).or_else(with_port)?;
    // A zone is of the proxy's machine and says nothing here.
    if text.contains('%') { None } else { Some(canonical(found)) }
}

/// The `for` of one `Forwarded` element: `for=192.0.2.1;proto=https`, `for="[2001:db8::1]:4711"`.
fn tagged_for(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in element.split(';') {
        let (name, value) = pair.trim_matches([' ', '\t']).split_once('=')?;
        if name.eq_ignore_ascii_case("for") {
            let unquoted = value.strip_prefix('"').map_or(Some(value), |rest| rest.strip_suffix('"'))?;
            if found.replace(unquoted).is_some() {
                return None;
            }
        }
    }
    address(found?)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{ClientAddressError, client};

    fn ask(lines: &[(&str, &str)]) -> Result<String, ClientAddressError> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let trusted = |address: IpAddr| address.to_string().starts_with("10.");
        client(&headers, trusted).map(|address| address.to_string())
    }

    fn xff(value: &str) -> Result<String, ClientAddressError> {
        ask(&[("x-forwarded-for", value)])
    }

    #[test]
    fn the_first_from_the_right_that_is_no_proxy() {
        for (value, expected) in [
            ("203.0.113.9", "203.0.113.9"),
            ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
            ("198.51.100.1,203.0.113.9,10.0.0.2", "203.0.113.9"),
            ("203.0.113.9, 10.0.0.1 ,\t10.0.0.2", "203.0.113.9"),
            ("203.0.113.9:4711", "203.0.113.9"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("unknown, garbage, 203.0.113.9", "203.0.113.9"),
            ("10.0.0.5", "10.0.0.5"),
        ] {
            assert_eq!(xff(value).as_deref(), Ok(expected), "{value}");
        }
        let lines = [("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "203.0.113.9, 10.0.0.1")];
        assert_eq!(ask(&lines).as_deref(), Ok("203.0.113.9"));
    }

    #[test]
    fn what_is_not_clear_is_refused() {
        for value in
            ["", " ", ",", "203.0.113.9,", "unknown", "203.0.113.9, unknown", "203.0.113.09", "1.2.3"]
        {
            assert_eq!(xff(value), Err(ClientAddressError::NotAnAddress), "{value}");
        }
        for value in [
            "203.0.113.9, _hidden, 10.0.0.1",
            "fe80::1%eth0",
            "203.0.113.9 198.51.100.1",
            "203.0.113.9\u{e9}",
        ] {
            assert_eq!(xff(value), Err(ClientAddressError::NotAnAddress), "{value}");
        }
        assert_eq!(ask(&[]), Err(ClientAddressError::Missing));
        assert_eq!(xff(&"10.0.0.1,".repeat(40)), Err(ClientAddressError::NotAnAddress));
        assert_eq!(xff(&["10.0.0.1"; 40].join(",")), Err(ClientAddressError::TooLong));
        assert_eq!(xff(&["203.0.113.9"; 2_000].join(",")), Err(ClientAddressError::TooLong));
    }

    #[test]
    fn the_standard_header_means_the_same() {
        for (value, expected) in [
            ("for=203.0.113.9", Ok("203.0.113.9")),
            ("For=\"203.0.113.9:80\";proto=https;by=10.0.0.1", Ok("203.0.113.9")),
            ("for=198.51.100.1, for=\"[2001:db8::1]:4711\";proto=http, for=10.0.0.2", Ok("2001:db8::1")),
            ("for=unknown", Err(ClientAddressError::NotAnAddress)),
            ("for=_hidden", Err(ClientAddressError::NotAnAddress)),
            ("proto=https", Err(ClientAddressError::NotAnAddress)),
            ("for=203.0.113.9;for=198.51.100.1", Err(ClientAddressError::NotAnAddress)),
            ("for=\"203.0.113.9", Err(ClientAddressError::NotAnAddress)),
            ("for", Err(ClientAddressError::NotAnAddress)),
        ] {
            assert_eq!(ask(&[("forwarded", value)]).as_deref(), expected.as_ref().copied(), "{value}");
        }
    }

    #[test]
    fn two_headers_must_agree() {
        let both = |one: &str, other: &str| ask(&[("x-forwarded-for", one), ("forwarded", other)]);
        assert_eq!(both("203.0.113.9", "for=203.0.113.9").as_deref(), Ok("203.0.113.9"));
        // A proxy that appends to one passes on what a client wrote into the other.
        assert_eq!(both("203.0.113.9", "for=127.0.0.1"), Err(ClientAddressError::Contradiction));
        assert_eq!(both("127.0.0.1", "for=203.0.113.9"), Err(ClientAddressError::Contradiction));
    }
}
