//! Every bound of the data plane, units in the names.

use keyward_edge::ConnectionLimits;

/// The limits of the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of one body.
    pub body_bytes: usize,
    /// Bytes of all buffered bodies together.
    pub bodies_bytes: usize,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Headers of a request.
    pub headers: usize,
    /// Time between two requests of a connection.
    pub idle_ms: u64,
    /// Time for a request, body and exchange included, up to the beginning of its reply.
    pub request_ms: u64,
    /// Time for a client to take something of its replies.
    pub reply_ms: u64,
    /// Time for a connection's first bytes, a TLS handshake and each head.
    pub head_ms: u64,
    /// Time for a whole body.
    pub body_ms: u64,
    /// Bytes of a refused body that are still read, so that the answer is not lost to a reset.
    pub drain_bytes: usize,
    /// Connections at once.
    pub connections: usize,
    /// Connections of one source at once (IPv6 by /64).
    pub connections_per_source: usize,
    /// Streams of one HTTP/2 connection at once.
    pub streams: u32,
    /// Time to connect to the exchange.
    pub connect_ms: u64,
    /// Time for the exchange's answer to begin, and for each further part of it.
    pub upstream_ms: u64,
    /// Bytes of an answer that are gathered before the first is passed on.
    pub gather_bytes: usize,
    /// Connections to the exchange, per thread.
    pub upstream_connections: usize,
    /// Idle connections kept to the exchange, per thread.
    pub idle_upstream: usize,
    /// Life of a permit.
    pub permit_ms: u64,
    /// Time for a durable record.
    pub record_ms: u64,
    /// Time in which open requests may end at a shutdown.
    pub drain_ms: u64,
}

impl Limits {
    /// The part that the connection limiter takes.
    #[must_use]
    pub const fn connections(&self) -> ConnectionLimits {
        ConnectionLimits {
            total: self.connections,
            per_source: self.connections_per_source,
            head_ms: self.head_ms,
            idle_ms: self.idle_ms,
            request_ms: self.request_ms,
            reply_ms: self.reply_ms,
        }
    }
}

/// Milliseconds without a request.
const IDLE_MS: u64 = 80_000;
const _: () = assert!(keyward_edge::keeps_what_is_announced(IDLE_MS));

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: keyward_rules::limits::BODY_BYTES,
            bodies_bytes: 256 << 20,
            head_bytes: 32 << 10,
            headers: 64,
            idle_ms: IDLE_MS,
            request_ms: 40_000,
            reply_ms: 15_000,
            head_ms: 10_000,
            body_ms: 15_000,
            drain_bytes: 16 << 20,
            connections: 16_384,
            connections_per_source: 1_024,
            streams: 100,
            connect_ms: 2_000,
            upstream_ms: 10_000,
            gather_bytes: 64 << 10,
            upstream_connections: 1_024,
            idle_upstream: 64,
            permit_ms: 5_000,
            record_ms: 250,
            drain_ms: 8_000,
        }
    }
}
