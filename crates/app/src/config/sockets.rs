//! The settings of sockets.

use keyward_gateway::SocketLimits;
use serde::{Deserialize, Serialize};

/// The limits that a deployment may choose.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SocketSettings {
    /// Open sockets of one key at once.
    pub per_key: usize,
    /// Open sockets of one account at once, with all of its keys.
    pub per_account: usize,
    /// Open sockets of one source at once whose login did not hold.
    pub per_source: usize,
    /// Open sockets of this node at once, as far as its descriptors go.
    pub per_node: usize,
    /// Seconds between the notice of a shutdown and the end of the sockets.
    pub notice_seconds: u64,
}

impl Default for SocketSettings {
    fn default() -> Self {
        let limits = SocketLimits::default();
        Self {
            per_key: limits.per_key,
            per_account: limits.per_account,
            per_source: limits.per_source,
            per_node: limits.total,
            notice_seconds: limits.notice_ms / 1_000,
        }
    }
}

/// A longer notice would outlast what service managers wait for.
const LONGEST_NOTICE_SECONDS: u64 = 600;

impl SocketSettings {
    /// What cannot be used.
    pub fn mistakes(&self) -> Vec<String> {
        let counts = [
            ("sockets.per_key", self.per_key),
            ("sockets.per_account", self.per_account),
            ("sockets.per_source", self.per_source),
            ("sockets.per_node", self.per_node),
        ];
        let zero = counts.into_iter().filter(|(_, count)| *count == 0);
        let mut found: Vec<String> = zero.map(|(name, _)| format!("{name} must be at least 1")).collect();
        if self.notice_seconds > LONGEST_NOTICE_SECONDS {
            found.push(format!("sockets.notice_seconds must be {LONGEST_NOTICE_SECONDS} at most"));
        }
        found
    }

    /// The limits, on a node with descriptors for `ends` ends at the exchange.
    pub fn limits(&self, ends: usize) -> SocketLimits {
        SocketLimits {
            total: self.per_node.min(ends),
            per_source: self.per_source,
            per_key: self.per_key,
            per_account: self.per_account,
            notice_ms: self.notice_seconds.saturating_mul(1_000),
            ..SocketLimits::default()
        }
    }
}
