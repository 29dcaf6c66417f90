//! What the exchange is told of each frame: a line of identity before the request (docs/IDENTITY.md).

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};

use crate::context::RequestContext;
use crate::forward::{Outgoing, tell};

/// Stands for the method of a frame in the MAC: no request by HTTP has it.
const METHOD: &str = "WS";
/// Bytes that most lines find room in.
const LINE_ROOM: usize = 768;

/// The frame for the exchange: one line of identity, and the request as the client sent it.
pub fn framed(context: &RequestContext, outgoing: &Outgoing<'_>) -> String {
    let mut line = String::with_capacity(LINE_ROOM + outgoing.body.len());
    tell(context, outgoing, METHOD, |name, value| {
        line.push(if line.is_empty() { '{' } else { ',' });
        // Names are our own; values are digits, words and percent-encoded text, so nothing needs escaping.
        for part in ["\"", name, "\":\"", value, "\""] {
            line.push_str(part);
        }
    });
    line.push_str("}\n");
    // The request came as a text frame, so it is UTF-8.
    line.push_str(std::str::from_utf8(outgoing.body).unwrap_or_default());
    line
}

/// Puts the identity on the upgrade, as on any request.
pub fn head(context: &RequestContext, outgoing: &Outgoing<'_>, request: &mut Request<()>) {
    let headers = request.headers_mut();
    tell(context, outgoing, outgoing.method.as_str(), |name, value| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    });
}

/// The body of the frame that tells the exchange of a login.
pub const LOGIN: Bytes = Bytes::from_static(br#"{"op":"login"}"#);
