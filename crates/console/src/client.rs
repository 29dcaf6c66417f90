//! The client of a request, as the listener notes it: its address, its part of what may be under way, how much it may send.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::http::request::Parts;
use keyward_edge::Held;

/// Bytes of a form or a JSON body.
pub(crate) const BODY_BYTES: usize = 64 * 1024;

/// The client's address.
#[derive(Clone, Copy)]
pub(crate) struct Client(pub IpAddr);

/// The address that a request comes from; the unspecified one when the listener did not say.
pub(crate) fn address(parts: &Parts) -> IpAddr {
    let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    parts.extensions.get::<Client>().map_or(nowhere, |client| client.0)
}

/// A request's part of what its source may have under way. What goes on after the client left keeps it.
#[derive(Clone)]
pub(crate) struct Share {
    _held: Arc<Held>,
}

impl Share {
    /// The part that is held by `held`.
    pub fn of(held: Held) -> Self {
        Self { _held: Arc::new(held) }
    }
}
