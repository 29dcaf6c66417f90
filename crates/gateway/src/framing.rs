//! What hyper's parser lets through and a signed API must not: checked on the parsed head.
//!
//! The rules are architecture.md's list. What hyper resolves without a trace (bare line feeds, equal repeated
//! lengths, a length beside `chunked`) does no harm, because the exchange gets a request rebuilt from the
//! verified parts and never the client's framing.

use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, Method as HttpMethod, Version, request};
use keyward_rules::denial::Denial;
use keyward_rules::identity::is_identity_header;
use keyward_rules::limits::TARGET_BYTES;
use keyward_rules::okx::{
    HEADER_KEY, HEADER_PASSPHRASE, HEADER_SIGN, HEADER_SIMULATED, HEADER_TIMESTAMP, RawCredentials,
};
use keyward_rules::route::Method;

/// Headers of which a second one makes a request ambiguous.
const SINGLE: [&str; 11] = [
    HEADER_KEY,
    HEADER_SIGN,
    HEADER_TIMESTAMP,
    HEADER_PASSPHRASE,
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
}

/// Checks a parsed head.
///
/// # Errors
/// The refusal: malformed, too large, wrong method, upgrade.
pub fn check(parts: &request::Parts) -> Result<Head<'_>, Denial> {
    check_names(&parts.headers)?;
    let method = check_method(&parts.method)?;
    let target = check_target(parts)?;
    check_transfer(parts)?;
    let value = |name: &str| parts.headers.get(name).map(http::HeaderValue::as_bytes);
    let credentials = RawCredentials {
        key: value(HEADER_KEY),
        sign: value(HEADER_SIGN),
        timestamp: value(HEADER_TIMESTAMP),
        passphrase: value(HEADER_PASSPHRASE),
        simulated: value(HEADER_SIMULATED),
    };
    let path = target.split(|byte| *byte == b'?').next().unwrap_or(target);
    Ok(Head { method, target, path, credentials })
}

/// No name may be read in two ways: underscores, and aliases of the names that we act upon.
fn check_names(headers: &HeaderMap) -> Result<(), Denial> {
    for name in headers.keys() {
        let name = name.as_str();
        if name.contains('_') || is_alias(name) {
            return Err(Denial::Malformed);
        }
    }
    for name in SINGLE {
        if headers.get_all(name).iter().nth(1).is_some() {
            return Err(Denial::Malformed);
        }
    }
    for value in [HEADER_KEY, HEADER_SIGN, HEADER_TIMESTAMP, HEADER_PASSPHRASE, HEADER_SIMULATED]
        .iter()
        .filter_map(|name| headers.get(*name))
    {
        if !value.as_bytes().iter().all(u8::is_ascii_graphic) && !value.is_empty() {
            return Err(Denial::Malformed);
        }
    }
    Ok(())
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
fn check_target(parts: &request::Parts) -> Result<&[u8], Denial> {
    let host = parts.headers.get(HOST);
    match parts.version {
        Version::HTTP_2 => {
            let authority = parts.uri.authority().ok_or(Denial::Malformed)?;
            if host.is_some_and(|host| host.as_bytes() != authority.as_str().as_bytes()) {
                return Err(Denial::Malformed);
            }
        }
        _ if parts.uri.scheme().is_some() || parts.uri.authority().is_some() => {
            return Err(Denial::Malformed);
        }
        _ if host.is_none_or(|host| host.is_empty()) => return Err(Denial::Malformed),
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

/// One way to tell the body's length, no protocol switch, nothing of ours named as hop-by-hop.
fn check_transfer(parts: &request::Parts) -> Result<(), Denial> {
    let headers = &parts.headers;
    if let Some(encoding) = headers.get(TRANSFER_ENCODING) {
        let chunked = encoding.as_bytes().eq_ignore_ascii_case(b"chunked");
        if !chunked || headers.contains_key(CONTENT_LENGTH) || parts.version != Version::HTTP_11 {
            return Err(Denial::Malformed);
        }
    }
    if headers.contains_key(UPGRADE) {
        let websocket =
            headers.get(UPGRADE).is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"));
        return Err(if websocket { Denial::UpgradeRefused } else { Denial::Malformed });
    }
    if headers.get(EXPECT).is_some_and(|expected| !expected.as_bytes().eq_ignore_ascii_case(b"100-continue"))
    {
        return Err(Denial::Malformed);
    }
    if connection_names(headers).any(|name| is_protected(&name)) {
        return Err(Denial::Malformed);
    }
    Ok(())
}

/// The names in `Connection`, lower case.
fn connection_names(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
}

/// Naming one of these in `Connection` would have it removed on the way.
fn is_protected(name: &str) -> bool {
    name.starts_with("ok-access-") || is_identity_header(name) || SINGLE.contains(&name)
}

/// Whether a client's header goes on to the exchange.
///
/// Left behind: hop-by-hop headers and those that `Connection` names (RFC 9110, 7.6.1), the credentials that
/// the exchange must not get, every spelling of our own headers, and what is rebuilt.
pub fn passes(name: &HeaderName, headers: &HeaderMap, public: Credentials) -> bool {
    let name = name.as_str();
    let hop = matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "expect"
            | "host"
            | "content-length"
            | "http2-settings"
    );
    let secret = name == HEADER_PASSPHRASE || name == HEADER_SIGN;
    let credential =
        public == Credentials::Strip && (name.starts_with("ok-access-") || name == "authorization");
    if hop || secret || credential || is_identity_header(name) {
        return false;
    }
    !headers.contains_key(CONNECTION) || !connection_names(headers).any(|named| named == name)
}

/// What to do with a client's credential headers on the way to the exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Credentials {
    /// A private route: key id and timestamp stay.
    Keep,
    /// A public route: all go.
    Strip,
}
