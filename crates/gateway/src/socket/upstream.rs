//! The exchange's end of a socket: opened for the first request that may pass.

use std::time::Duration;

use http::header::{
    CONNECTION, HOST, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE, USER_AGENT,
};
use http::{HeaderValue, Request};
use keyward_rules::denial::Denial;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;

use super::identity_line;
use super::limits::SocketLimits;
use super::metered::metered;
use super::side::{READ_OF_EXCHANGE, Side, config};
use crate::context::RequestContext;
use crate::forward::Outgoing;
use crate::upstream::Backend;

/// Connects to the exchange and asks for a socket, as `outgoing` says.
///
/// # Errors
/// [`Denial::UpstreamDown`] when there is no exchange, or it gives none.
pub async fn connect(
    context: &RequestContext,
    backend: &Backend,
    outgoing: &Outgoing<'_>,
    agent: Option<&HeaderValue>,
    limits: &SocketLimits,
) -> Result<Side<TcpStream>, Denial> {
    let request = request(context, backend, outgoing, agent).ok_or(Denial::UpstreamDown)?;
    let opened = async {
        let stream = TcpStream::connect(&backend.address).await.ok()?;
        let _ = stream.set_nodelay(true);
        let config = config(limits, limits.answer_bytes, READ_OF_EXCHANGE);
        client_async_with_config(request, metered(stream), Some(config)).await.ok()
    };
    let patience = Duration::from_millis(context.limits().connect_ms);
    let opened = timeout(patience, opened).await.ok().flatten();
    // An extension that nobody asked for would change what frames mean (RFC 6455, 4.1).
    let plain = opened.filter(|(_, answer)| {
        let headers = answer.headers();
        !headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) && !headers.contains_key(SEC_WEBSOCKET_PROTOCOL)
    });
    plain.map(|(stream, _)| Side::new(stream)).ok_or(Denial::UpstreamDown)
}

/// The upgrade. Nothing of the client's handshake survives but its user agent.
fn request(
    context: &RequestContext,
    backend: &Backend,
    outgoing: &Outgoing<'_>,
    agent: Option<&HeaderValue>,
) -> Option<Request<()>> {
    let host = backend.host.to_str().ok()?;
    let target = std::str::from_utf8(outgoing.target).ok()?;
    let mut request = Request::builder().uri(format!("ws://{host}{target}")).body(()).ok()?;
    let headers = request.headers_mut();
    headers.insert(HOST, backend.host.clone());
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_str(&generate_key()).ok()?);
    if let Some(agent) = agent {
        headers.insert(USER_AGENT, agent.clone());
    }
    identity_line::head(context, outgoing, &mut request);
    Some(request)
}
