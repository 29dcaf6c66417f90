//! What the exchange acted upon, for tests that ask whether exactly the right requests came through.

use std::collections::VecDeque;

/// Requests that are remembered; the count goes on.
const KEPT: usize = 100_000;

/// One request that the exchange acted upon.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// The gateway's id of it.
    pub request_id: String,
    /// Its method; `WS` for a frame on a socket.
    pub method: String,
    /// Its target, as it came; of a frame, that of the upgrade.
    pub target: String,
    /// The BLAKE3 hash of its body; of a frame, of the request in it.
    pub body_hash: [u8; 32],
}

/// The newest requests, and how many there were.
#[derive(Default, Debug)]
pub(crate) struct SeenLog {
    count: u64,
    newest: VecDeque<Seen>,
}

impl SeenLog {
    pub(crate) fn push(&mut self, seen: Seen) {
        self.count += 1;
        if self.newest.len() >= KEPT {
            self.newest.pop_front();
        }
        self.newest.push_back(seen);
    }

    /// How many there were, and the newest of them, oldest first.
    pub(crate) fn copy(&self) -> (u64, Vec<Seen>) {
        (self.count, self.newest.iter().cloned().collect())
    }

    /// How many there were.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }
}
