//! How far this machine's clock is off the store's, and from when on that is too far.

use std::sync::atomic::{AtomicI64, Ordering};

/// So far may this machine's clock be off the store's (product.md 11).
const CLOCK_OFF_MS: i64 = 1_000;

/// How far this machine's clock is ahead of the store's, as last measured; behind is negative.
#[derive(Default)]
pub struct ClockError(AtomicI64);

impl ClockError {
    /// Notes what was measured, in milliseconds.
    pub fn set(&self, ahead_ms: i64) {
        self.0.store(ahead_ms, Ordering::Relaxed);
    }

    /// What to say of it, when it is too far off.
    pub(crate) fn words(&self) -> Option<String> {
        let ahead_ms = self.0.load(Ordering::Relaxed);
        let side = if ahead_ms > 0 { "ahead of" } else { "behind" };
        let off_ms = ahead_ms.unsigned_abs();
        (ahead_ms.abs() > CLOCK_OFF_MS)
            .then(|| format!("the clock is {}.{} s {side} the store's", off_ms / 1_000, off_ms % 1_000 / 100))
    }
}

#[cfg(test)]
mod tests {
    use super::ClockError;

    #[test]
    fn a_clock_that_is_off_is_said_to_a_tenth() {
        let clock = ClockError::default();
        for (ahead_ms, words) in [
            (0, None),
            (1_000, None),
            (-1_000, None),
            (1_001, Some("the clock is 1.0 s ahead of the store's")),
            (-2_340, Some("the clock is 2.3 s behind the store's")),
            (i64::MIN + 1, Some("the clock is 9223372036854775.8 s behind the store's")),
        ] {
            clock.set(ahead_ms);
            assert_eq!(clock.words().as_deref(), words);
        }
    }
}
