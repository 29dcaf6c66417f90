//! From a request that asks for a socket to the answer that opens one (RFC 6455, 4.2).

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION,
    TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::{HeaderValue, Response, StatusCode, Version, request};
use hyper::upgrade::OnUpgrade;
use keyward_rules::decision::Door;
use keyward_rules::denial::Denial;
use keyward_rules::key::Environment;
use keyward_rules::route::Method;
use keyward_rules::socket::Endpoint;
use parking_lot::Mutex;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::registry::Entry;
use crate::admit::settle_rate;
use crate::context::RequestContext;
use crate::framing::connection_names;
use crate::reply::ReplyBody;

/// Where the handler of a connection's requests leaves the socket that it opened.
pub type Upgrades = Arc<Mutex<Option<Opened>>>;

/// A socket whose answer is on its way.
pub struct Opened {
    /// The connection, once it is no longer HTTP.
    pub on_upgrade: OnUpgrade,
    /// What was asked for.
    pub asked: Asked,
    /// Its place among the open sockets.
    pub entry: Entry,
}

/// What a client asked for.
pub struct Asked {
    /// Which of the paths.
    pub endpoint: Endpoint,
    /// Path and query as sent: the exchange gets the same.
    pub target: Box<str>,
    /// Which ledger, where the client says so.
    pub environment: Option<Environment>,
    /// Where it comes from.
    pub source: IpAddr,
    /// By which listener.
    pub door: Door,
    /// The client's program.
    pub agent: Option<HeaderValue>,
}

/// Opens a socket: source rate → path → handshake → rate of new sockets → room. Gives the answer for the client, and leaves
/// the socket in `upgrades`.
///
/// # Errors
/// 50011 for too many new sockets of the source, 90426 for another path, 50115, 90426 and 90400 for a handshake that is none,
/// 50013 when there is no room.
pub fn open(
    context: &RequestContext,
    parts: &mut request::Parts,
    (source, door): (IpAddr, Door),
    upgrades: &Upgrades,
) -> Result<Response<ReplyBody>, Denial> {
    let now_us = context.clock().now_us();
    settle_rate(context.counters.sources.arrive(source, now_us))?;
    let target = parts.uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
    let endpoint = Endpoint::of_path(parts.uri.path().as_bytes()).ok_or(Denial::UpgradeRefused)?;
    let asked = Asked {
        endpoint,
        target: target.into(),
        environment: environment(parts, target)?,
        source,
        door,
        agent: parts.headers.get(USER_AGENT).cloned(),
    };
    let accept = handshake(parts)?;
    let on_upgrade = parts.extensions.remove::<OnUpgrade>().ok_or(Denial::UpgradeRefused)?;
    settle_rate(context.counters.sources.take_socket(source, now_us))?;
    let entry = context.sockets.enter(endpoint, source, context.clock()).ok_or(Denial::Busy)?;
    *upgrades.lock() = Some(Opened { on_upgrade, asked, entry });
    let mut reply = Response::new(ReplyBody::whole(Bytes::new()));
    *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = reply.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    Ok(reply)
}

/// Checks the handshake; gives what proves to the client that it was understood. No extension is taken.
fn handshake(parts: &request::Parts) -> Result<HeaderValue, Denial> {
    if parts.version != Version::HTTP_11 {
        return Err(Denial::UpgradeRefused);
    }
    if parts.method.as_str() != Method::Get.as_str() {
        return Err(Denial::MethodWrong);
    }
    let headers = &parts.headers;
    let has_body = headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0")
        || headers.contains_key(TRANSFER_ENCODING);
    if has_body || !connection_names(headers).any(|name| name == "upgrade") {
        return Err(Denial::Malformed);
    }
    let one = |name| {
        let mut all = headers.get_all(name).iter();
        all.next().filter(|_| all.next().is_none())
    };
    if one(SEC_WEBSOCKET_VERSION).is_none_or(|version| version.as_bytes() != b"13") {
        return Err(Denial::UpgradeRefused);
    }
    let key = one(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).ok_or(Denial::Malformed)?;
    let is_key = STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16);
    if !is_key {
        return Err(Denial::Malformed);
    }
    HeaderValue::from_str(&derive_accept_key(key)).map_err(|_| Denial::Malformed)
}

/// Which ledger the client asks for: by the header that its requests have, or by the query that OKX's demo hosts know.
fn environment(parts: &request::Parts, target: &str) -> Result<Option<Environment>, Denial> {
    let by_header = match parts.headers.get(keyward_rules::okx::HEADER_SIMULATED).map(HeaderValue::as_bytes) {
        None => None,
        Some(b"0") => Some(Environment::Live),
        Some(b"1") => Some(Environment::Demo),
        Some(_) => return Err(Denial::WrongEnvironment),
    };
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let by_query = query.split('&').any(|pair| pair == DEMO_QUERY).then_some(Environment::Demo);
    match (by_header, by_query) {
        (Some(Environment::Live), Some(_)) => Err(Denial::WrongEnvironment),
        (header, query) => Ok(header.or(query)),
    }
}

/// What ccxt and okx-api put behind the path of a demo socket (clients.md).
const DEMO_QUERY: &str = "brokerId=9999";
