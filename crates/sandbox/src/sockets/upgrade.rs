//! The upgrade to a socket (RFC 6455, section 4.2), with the gateway's identity as on any request.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use keyward_rules::socket::Endpoint;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::conversation::{Conversation, Place};
use super::pulse::Pulse;
use super::session;
use crate::Exchange;
use crate::caller::Parts;
use crate::claims::Claims;
use crate::refusal::Refusal;

/// Answers an upgrade, and holds the conversation in a task of its own.
pub(crate) fn upgrade(
    exchange: &Arc<Exchange>,
    endpoint: Endpoint,
    mut request: Request<Incoming>,
    pulse: Pulse,
) -> Result<Response<Full<Bytes>>, Refusal> {
    let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned();
    let claims = Claims::Headers(request.headers());
    let parts = Parts { method: request.method().as_str(), target: &target, claims, body: b"" };
    let verified = exchange.verify(parts, exchange.now_ms())?;
    let accepted = accepted(&request).ok_or(Refusal::NoUpgrade)?;
    let room = exchange.room().take().ok_or(Refusal::Full)?;

    let owner = verified.caller().map(|caller| caller.owner.clone());
    let place = Place { endpoint, target, conn_id: conn_id(verified.request_id()) };
    let conversation = Conversation::new(Arc::clone(exchange), place, owner);
    let upgrading = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        // An upgrade that breaks off is the gateway's to notice.
        if let Ok(stream) = upgrading.await {
            session::run(stream, conversation, pulse).await;
        }
        drop(room);
    });
    Ok(switching(accepted))
}

/// The answer to the handshake's key, if the request is a handshake.
fn accepted(request: &Request<Incoming>) -> Option<HeaderValue> {
    let headers = request.headers();
    let says = |name: HeaderName, word: &str| {
        let text = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        text.split(',').any(|one| one.trim().eq_ignore_ascii_case(word))
    };
    let is_handshake = request.method() == Method::GET
        && request.body().is_end_stream()
        && says(CONNECTION, "upgrade")
        && says(UPGRADE, "websocket")
        && says(SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| is_handshake)?;
    HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok()
}

/// The identity names every request differently, so no two sockets are called the same.
fn conn_id(request_id: &str) -> String {
    blake3::hash(request_id.as_bytes()).to_hex().chars().take(8).collect()
}

fn switching(accepted: HeaderValue) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::new(Bytes::new()));
    *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = reply.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accepted);
    reply
}
