//! The limits of sockets.

use keyward_rules::rate::Rate;

/// The limits of sockets, units in the names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SocketLimits {
    /// Sockets at once.
    pub total: usize,
    /// Sockets of one source at once (IPv6 by /64) whose login did not hold.
    pub per_source: usize,
    /// Sockets of one source at once whose logins held.
    pub per_source_known: usize,
    /// Sockets of one key at once.
    pub per_key: usize,
    /// Sockets of one account at once, with all of its keys.
    pub per_account: usize,
    /// Sockets of one account that have subscribed to one of OKX's counted channels.
    pub per_channel: usize,
    /// Channels of one socket.
    pub channels: usize,
    /// Bytes of their names and parameters.
    pub channels_bytes: usize,
    /// Bytes of a message from a client.
    pub message_bytes: usize,
    /// Bytes of a message from the exchange.
    pub answer_bytes: usize,
    /// Bytes that wait to be taken by a client, or by the exchange.
    pub waiting_bytes: usize,
    /// Time without a frame from the client.
    pub idle_ms: u64,
    /// Time in which a client that has stopped reading must go on.
    pub blocked_ms: u64,
    /// The same for the exchange. It is shorter than the life of a permit: an operation that the exchange has not taken in
    /// that time must not be sent after its deadline.
    pub upstream_blocked_ms: u64,
    /// Time without a frame from the exchange before it is asked for a sign of life, and as long again to give it.
    pub quiet_ms: u64,
    /// Time for the answer to an operation.
    pub answer_ms: u64,
    /// Operations of one socket that wait for their answers.
    pub operations: usize,
    /// Bytes of their frames that are kept for the journal; those beyond are recorded without their orders.
    pub kept_bytes: usize,
    /// Logins and changes of subscriptions of one socket.
    pub requests: Rate,
    /// Frames of one socket, whatever they are.
    pub frames: Rate,
    /// Refusals of one socket that are answered and recorded.
    pub refusals: Rate,
    /// Time between the notice of a shutdown and the end of the sockets.
    pub notice_ms: u64,
}

impl Default for SocketLimits {
    fn default() -> Self {
        Self {
            total: 16_384,
            per_source: 128,
            per_source_known: 1_024,
            per_key: 100,
            per_account: 4_096,
            per_channel: 30,
            channels: 1_000,
            channels_bytes: 64 << 10,
            message_bytes: 64 << 10,
            answer_bytes: 1 << 20,
            waiting_bytes: 2 << 20,
            idle_ms: 30_000,
            blocked_ms: 10_000,
            upstream_blocked_ms: 4_000,
            quiet_ms: 15_000,
            answer_ms: 10_000,
            operations: 256,
            kept_bytes: 512 << 10,
            requests: PER_HOUR,
            frames: FRAMES,
            refusals: REFUSALS,
            notice_ms: 25_000,
        }
    }
}

/// OKX's figure (contract 3.5).
const PER_HOUR: Rate = match Rate::new(480, 3_600_000) {
    Some(rate) => rate,
    None => unreachable!(),
};
/// Many times what a client sends: a socket that exceeds it is a flood.
const FRAMES: Rate = match Rate::new(1_000, 2_000) {
    Some(rate) => rate,
    None => unreachable!(),
};

/// A program that is refused so often does not listen.
const REFUSALS: Rate = match Rate::new(600, 60_000) {
    Some(rate) => rate,
    None => unreachable!(),
};
