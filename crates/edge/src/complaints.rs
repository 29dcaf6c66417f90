//! A log line for what strangers can cause as often as they like: written at most once in ten seconds.

use std::error::Error;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use keyward_rules::time::Moment;
use tracing::warn;

const QUIET_MS: u64 = 10_000;

/// When the last line was written.
#[derive(Default)]
pub struct Complaints {
    last_ms: AtomicU64,
}

impl Complaints {
    /// Says that a trusted proxy does not name its client, unless that was said just before.
    pub fn unclear(&self, proxy: IpAddr, problem: &(dyn Error + 'static), now: Moment) {
        if self.is_due(now.unix_ms()) {
            warn!(%proxy, problem, "a trusted proxy does not say who its client is: the request was refused");
        }
    }

    /// Whether a line may be written at `now_ms`; one caller gets it.
    fn is_due(&self, now_ms: u64) -> bool {
        let last_ms = self.last_ms.load(Ordering::Relaxed);
        // A clock that stepped back must not silence the log.
        let quiet = (last_ms..last_ms.saturating_add(QUIET_MS)).contains(&now_ms);
        !quiet && self.last_ms.compare_exchange(last_ms, now_ms, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Complaints;

    #[test]
    fn one_line_in_ten_seconds() {
        let complaints = Complaints::default();
        let due: Vec<bool> =
            [50_000, 50_001, 59_999, 60_000, 60_001, 1_000].map(|at| complaints.is_due(at)).to_vec();
        assert_eq!(due, [true, false, false, true, false, true]);
    }
}
