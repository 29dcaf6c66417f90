//! What hyper's parser lets through and a signed API must not: checked on the parsed head.
//!
//! The rules are architecture.md's list. What hyper resolves without a trace (bare line feeds, equal repeated
//! lengths, a length beside `chunked`) does no harm, because the exchange gets a request rebuilt from the
//! verified parts and never the client's framing.

use http::header::{CONNECTION, HeaderName, HeaderValue};
use http::{HeaderMap, Method as HttpMethod, Version, request};
use keyward_rules::denial::Denial;
use keyward_rules::identity::is_identity_header;
use keyward_rules::limits::TARGET_BYTES;
use keyward_rules::okx::{
    HEADER_KEY, HEADER_PASSPHRASE, HEADER_SIGN, HEADER_SIMULATED, HEADER_TIMESTAMP, RawCredentials,
};
use keyward_rules::route::Method;

use crate::settings::Limits;
use crate::upstream::head::is_hop;

/// Headers that `Connection` must not name: they would be removed on the way.
const PROTECTED: [&str; 7] = [
    HEADER_SIMULATED,
    "exptime",
    "content-type",
    "content-length",
    "transfer-encoding",
    "host",
    "authorization",
];

/// A head that may go on: what later steps need of it.
pub struct Head<'r> {
    /// The method.
    pub method: Method,
    /// The target, path and query as sent.
    pub target: &'r [u8],
    /// The path.
    pub path: &'r [u8],
    /// The credential headers.
    pub credentials: RawCredentials<'r>,
    /// Whether the client asks for a WebSocket, and so waits for one.
    pub websocket: bool,
    /// Whether the body is JSON as it came, by its headers, and the target has no query.
    pub plain: bool,
}

/// Checks a parsed head.
///
/// # Errors
/// The refusal: malformed, too large, wrong method.
pub fn check<'r>(parts: &'r request::Parts, limits: &Limits) -> Result<Head<'r>, Denial> {
    let seen = survey(&parts.headers)?;
    if seen.bytes > limits.head_bytes || parts.headers.len() > limits.headers {
        return Err(Denial::HeadTooLarge);
    }
    let method = check_method(&parts.method)?;
    let target = check_target(parts, seen.host)?;
    check_transfer(&seen, parts)?;
    let path = target.split(|byte| *byte == b'?').next().unwrap_or(target);
    let plain = seen.kind.is_some_and(is_json) && !seen.coded && path.len() == target.len();
    Ok(Head { method, target, path, credentials: seen.credentials, websocket: seen.websocket, plain })
}

/// What one look over the headers finds. Each of these may come once: a second one makes the request ambiguous.
#[derive(Default)]
struct Seen<'r> {
    credentials: RawCredentials<'r>,
    host: Option<&'r [u8]>,
    length: Option<&'r [u8]>,
    encoding: Option<&'r [u8]>,
    kind: Option<&'r [u8]>,
    authorization: Option<&'r [u8]>,
    expiry: Option<&'r [u8]>,
    /// Whether the body says that it is compressed, or encoded otherwise.
    coded: bool,
    /// These may repeat; of what is expected the first is kept.
    websocket: bool,
    expect: Option<&'r [u8]>,
    connection: bool,
    /// Bytes of names and values. Over HTTP/1.1 hyper has its own limit; over HTTP/2 this one answers in words.
    bytes: usize,
}

/// Looks over the headers once. No name may be read in two ways: underscores, and aliases of the names that we
/// act upon, are refused, as is a second one of those.
fn survey(headers: &HeaderMap) -> Result<Seen<'_>, Denial> {
    let mut seen = Seen::default();
    let credentials = &mut seen.credentials;
    for (name, value) in headers {
        let (name, value) = (name.as_str(), value.as_bytes());
        seen.bytes += name.len() + value.len();
        match name {
            HEADER_KEY => once(&mut credentials.key, clean(value)?)?,
            HEADER_SIGN => once(&mut credentials.sign, clean(value)?)?,
            HEADER_TIMESTAMP => once(&mut credentials.timestamp, clean(value)?)?,
            HEADER_PASSPHRASE => once(&mut credentials.passphrase, clean(value)?)?,
            HEADER_SIMULATED => once(&mut credentials.simulated, clean(value)?)?,
            "host" => once(&mut seen.host, value)?,
            "content-length" => once(&mut seen.length, value)?,
            "transfer-encoding" => once(&mut seen.encoding, value)?,
            "content-type" => once(&mut seen.kind, value)?,
            "content-encoding" => seen.coded = true,
            "authorization" => once(&mut seen.authorization, value)?,
            "exptime" => once(&mut seen.expiry, value)?,
            // Other offers may be ignored (RFC 9110, 7.8): the request is served as it is.
            "upgrade" => seen.websocket |= offers_websocket(value),
            "expect" => seen.expect = seen.expect.or(Some(value)),
            "connection" => seen.connection = true,
            other if other.contains('_') || is_alias(other) => return Err(Denial::Malformed),
            _ => {}
        }
    }
    Ok(seen)
}

/// Whether a content type is JSON in UTF-8, as clients write it.
fn is_json(kind: &[u8]) -> bool {
    let kind = std::str::from_utf8(kind).unwrap_or_default();
    let (kind, parameters) =
        kind.split_once(';').map_or((kind, ""), |(kind, parameters)| (kind, parameters.trim()));
    let utf8 =
        ["", "charset=utf-8", "charset=\"utf-8\""].iter().any(|known| parameters.eq_ignore_ascii_case(known));
    utf8 && kind.trim().eq_ignore_ascii_case("application/json")
}

fn once<'r>(place: &mut Option<&'r [u8]>, value: &'r [u8]) -> Result<(), Denial> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Denial::Malformed),
    }
}

/// A credential is visible ASCII.
fn clean(value: &[u8]) -> Result<&[u8], Denial> {
    if value.iter().all(u8::is_ascii_graphic) { Ok(value) } else { Err(Denial::Malformed) }
}

/// A name that another server might fold into a credential header: `.` for `-`.
fn is_alias(name: &str) -> bool {
    name.contains('.') && {
        let folded = name.replace('.', "-");
        folded.starts_with("ok-access-") || folded == HEADER_SIMULATED
    }
}

fn check_method(method: &HttpMethod) -> Result<Method, Denial> {
    match method.as_str() {
        "GET" => Ok(Method::Get),
        "POST" => Ok(Method::Post),
        "PUT" | "DELETE" | "PATCH" | "HEAD" | "OPTIONS" | "TRACE" => Err(Denial::MethodWrong),
        _ => Err(Denial::Malformed),
    }
}

/// Origin form only, visible ASCII, no fragment; one Host that agrees with any authority.
fn check_target<'r>(parts: &'r request::Parts, host: Option<&[u8]>) -> Result<&'r [u8], Denial> {
    match parts.version {
        Version::HTTP_2 => {
            let authority = parts.uri.authority().ok_or(Denial::Malformed)?;
            if host.is_some_and(|host| host != authority.as_str().as_bytes()) {
                return Err(Denial::Malformed);
            }
        }
        _ if parts.uri.scheme().is_some() || parts.uri.authority().is_some() => {
            return Err(Denial::Malformed);
        }
        _ if host.is_none_or(<[u8]>::is_empty) => return Err(Denial::Malformed),
        _ => {}
    }
    let target = parts.uri.path_and_query().ok_or(Denial::Malformed)?.as_str().as_bytes();
    if target.len() > TARGET_BYTES {
        return Err(Denial::HeadTooLarge);
    }
    let clean =
        target.first() == Some(&b'/') && target.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#');
    if clean { Ok(target) } else { Err(Denial::Malformed) }
}

/// One way to tell the body's length, nothing of ours named as hop-by-hop.
fn check_transfer(seen: &Seen<'_>, parts: &request::Parts) -> Result<(), Denial> {
    if let Some(encoding) = seen.encoding {
        let chunked = encoding.eq_ignore_ascii_case(b"chunked");
        if !chunked || seen.length.is_some() || parts.version != Version::HTTP_11 {
            return Err(Denial::Malformed);
        }
    }
    if seen.expect.is_some_and(|expected| !expected.eq_ignore_ascii_case(b"100-continue")) {
        return Err(Denial::Malformed);
    }
    if seen.connection && connection_names(&parts.headers).any(|name| is_protected(&name)) {
        return Err(Denial::Malformed);
    }
    Ok(())
}

/// Whether a list of protocols has WebSocket in it.
fn offers_websocket(list: &[u8]) -> bool {
    list.split(|byte| *byte == b',').any(|offer| offer.trim_ascii().eq_ignore_ascii_case(b"websocket"))
}

/// The names in `Connection`, lower case.
pub fn connection_names(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
}

/// Naming one of these in `Connection` would have it removed on the way.
fn is_protected(name: &str) -> bool {
    name.starts_with("ok-access-") || is_identity_header(name) || PROTECTED.contains(&name)
}

/// The client's headers that go on to the exchange: those that OKX's clients need, and those that the deployment names.
/// Whatever else a client sends could control the exchange or what stands before it.
pub fn passing<'h>(
    headers: &'h HeaderMap,
    (credentials, encodings): (Credentials, Encodings),
    named: &'h [HeaderName],
) -> impl Iterator<Item = (&'h HeaderName, &'h HeaderValue)> {
    let hops: Vec<String> =
        if headers.contains_key(CONNECTION) { connection_names(headers).collect() } else { Vec::new() };
    headers.iter().filter(move |(name, _)| {
        let passes = match name.as_str() {
            HEADER_KEY | HEADER_TIMESTAMP => credentials == Credentials::Keep,
            "accept-encoding" => encodings == Encodings::Keep,
            other => PASSING.contains(&other) || named.contains(name),
        };
        passes && !hops.iter().any(|hop| hop == name.as_str())
    })
}

/// What clients of OKX send beside their credentials and what HTTP itself needs.
const PASSING: [&str; 7] = [
    "accept",
    "accept-language",
    "content-encoding",
    "content-type",
    "exptime",
    "user-agent",
    HEADER_SIMULATED,
];

/// Whether a deployment may name a header to be passed on: none that means something to us or to HTTP's framing.
#[must_use]
pub fn may_pass(name: &str) -> bool {
    let ours = name.starts_with("ok-access-") || is_identity_header(name) || name.contains(['_', '.']);
    !ours && !is_hop(name) && !["host", "content-length", "expect"].contains(&name)
}

/// What to do with a client's credential headers on the way to the exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Credentials {
    /// A private route: key id and timestamp stay.
    Keep,
    /// A public route: all go.
    Strip,
}

/// What to do with a client's `Accept-Encoding` on the way to the exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encodings {
    /// The exchange may compress its answer.
    Keep,
    /// The answer is read for the journal, so it comes as it is.
    Strip,
}
