//! GCRA, the generic cell rate algorithm (ITU-T I.371): one number of state, no clock of its own.
//!
//! Burst equals the limit and refill is limit per window (product.md 6.2). The state is the theoretical
//! arrival time in microseconds; a state that lies in the past equals an empty one.

/// How many requests in which time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    limit: u32,
    window_us: u64,
}

/// The rate is used up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exhausted {
    /// Microseconds until a request of the same weight would pass.
    pub retry_after_us: u64,
}

/// Whose rate it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// The key's own cap.
    Key,
    /// The account's, for new and amended orders.
    Orders,
    /// The account's, for the route.
    Route,
}

/// What is left of a rate, for the `RateLimit` headers (draft-ietf-httpapi-ratelimit-headers).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quota {
    /// Whose.
    pub policy: Policy,
    /// The rate.
    pub rate: Rate,
    /// Requests that would pass now.
    pub left: u32,
    /// Seconds until all of it is there again, or, where nothing is left, until a request passes. Rounded up.
    pub reset_s: u64,
}

impl Policy {
    /// The name in headers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Orders => "orders",
            Self::Route => "route",
        }
    }
}

impl Quota {
    /// After a request that was paid.
    #[must_use]
    pub const fn of(policy: Policy, rate: Rate, state: u64, now_us: u64) -> Self {
        let taken_us = state.saturating_sub(now_us);
        let left = rate.window_us.saturating_sub(taken_us) / rate.interval_us();
        // An interval is rounded down, so a window may hold more of them than the limit.
        let left = if left > rate.limit as u64 { rate.limit as u64 } else { left };
        #[expect(clippy::cast_possible_truncation, reason = "at most the limit")]
        let left = left as u32;
        Self { policy, rate, left, reset_s: taken_us.div_ceil(1_000_000) }
    }

    /// After a request that found it used up.
    #[must_use]
    pub const fn exhausted(policy: Policy, rate: Rate, exhausted: Exhausted) -> Self {
        Self { policy, rate, left: 0, reset_s: exhausted.retry_after_us.div_ceil(1_000_000) }
    }

    /// The value of `RateLimit-Policy`, and that of `RateLimit`.
    #[must_use]
    pub fn headers(&self) -> [String; 2] {
        let (name, window_s) = (self.policy.name(), self.rate.window_us.div_ceil(1_000_000));
        [
            format!("\"{name}\";q={};w={window_s}", self.rate.limit),
            format!("\"{name}\";r={};t={}", self.left, self.reset_s),
        ]
    }
}

impl Rate {
    /// For examples.
    pub(crate) const ONE_A_SECOND: Self = Self { limit: 1, window_us: 1_000_000 };

    /// `limit` requests in `window_ms` milliseconds; `None` when either is zero.
    #[must_use]
    pub const fn new(limit: u32, window_ms: u64) -> Option<Self> {
        let window_us = window_ms.saturating_mul(1_000);
        if limit == 0 || window_us < limit as u64 { None } else { Some(Self { limit, window_us }) }
    }

    /// The limit.
    #[must_use]
    pub const fn limit(self) -> u32 {
        self.limit
    }

    /// The window in milliseconds.
    #[must_use]
    pub const fn window_ms(self) -> u64 {
        self.window_us / 1_000
    }

    /// The same with `factor` times the limit, for tests and benchmarks that must not be limited.
    #[must_use]
    pub const fn raised(self, factor: u32) -> Self {
        let limit = self.limit.saturating_mul(factor);
        let window_us = if self.window_us < limit as u64 { limit as u64 } else { self.window_us };
        Self { limit, window_us }
    }

    const fn interval_us(self) -> u64 {
        self.window_us / self.limit as u64
    }

    /// The state after a request of `weight` at `now_us`.
    ///
    /// # Errors
    /// [`Exhausted`] when it does not fit; the state then stays as it was.
    pub const fn take(self, state: u64, now_us: u64, weight: u32) -> Result<u64, Exhausted> {
        let from = if state > now_us { state } else { now_us };
        let after = from.saturating_add(self.interval_us().saturating_mul(weight as u64));
        let latest = now_us.saturating_add(self.window_us);
        if after > latest { Err(Exhausted { retry_after_us: after - latest }) } else { Ok(after) }
    }

    /// The state after giving a request of `weight` back.
    #[must_use]
    pub const fn refund(self, state: u64, weight: u32) -> u64 {
        state.saturating_sub(self.interval_us().saturating_mul(weight as u64))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Policy, Quota, Rate};

    #[test]
    fn a_quota_says_what_would_still_pass() {
        let (rate, now) = (Rate::new(60, 2_000).unwrap(), 5_000_000);
        let mut state = 0;
        for left in (0..60).rev() {
            state = rate.take(state, now, 1).unwrap();
            assert_eq!(Quota::of(Policy::Route, rate, state, now).left, left);
        }
        let [policy, rest] = Quota::of(Policy::Route, rate, state, now).headers();
        assert_eq!((policy.as_str(), rest.as_str()), ("\"route\";q=60;w=2", "\"route\";r=0;t=2"));
        let exhausted = rate.take(state, now, 1).unwrap_err();
        let [_, rest] = Quota::exhausted(Policy::Key, rate, exhausted).headers();
        assert_eq!(rest, "\"key\";r=0;t=1");
        assert_eq!(Quota::of(Policy::Route, rate, state, now + 2_000_000).left, 60);
        let uneven = Rate::new(3, 1_000).unwrap();
        assert_eq!(Quota::of(Policy::Route, uneven, 0, now).left, 3);
    }

    #[test]
    fn burst_then_refill() {
        let rate = Rate::new(20, 2_000).unwrap();
        let mut state = 0;
        for _ in 0..20 {
            state = rate.take(state, 5_000_000, 1).unwrap();
        }
        assert_eq!(rate.take(state, 5_000_000, 1).unwrap_err().retry_after_us, 100_000);
        assert!(rate.take(state, 5_099_999, 1).is_err());
        assert!(rate.take(state, 5_100_000, 1).is_ok());
    }

    #[test]
    fn refund_gives_one_back() {
        let rate = Rate::new(1, 1_000).unwrap();
        let state = rate.take(0, 1_000_000, 1).unwrap();
        assert!(rate.take(state, 1_000_000, 1).is_err());
        assert!(rate.take(rate.refund(state, 1), 1_000_000, 1).is_ok());
    }

    /// A slow reference: the tokens of a bucket that holds `limit` and refills by one an interval.
    #[derive(Clone)]
    struct Bucket {
        limit: u64,
        interval: u64,
        missing_us: u64,
        at: u64,
    }

    impl Bucket {
        fn take(&mut self, now: u64) -> bool {
            self.missing_us = self.missing_us.saturating_sub(now - self.at);
            self.at = now;
            if self.missing_us + self.interval <= self.limit * self.interval {
                self.missing_us += self.interval;
                return true;
            }
            false
        }
    }

    proptest! {
        #[test]
        fn equals_a_token_bucket(limit in 1_u32..30, window_ms in 30_u64..3_000, gaps in prop::collection::vec(0_u64..300_000, 1..200)) {
            // A window that the limit divides, so that the reference's arithmetic is exact.
            let window_ms = (window_ms / u64::from(limit)).max(1) * u64::from(limit);
            let rate = Rate::new(limit, window_ms).unwrap();
            let mut bucket = Bucket { limit: limit.into(), interval: rate.interval_us(), missing_us: 0, at: 1_000_000 };
            let (mut state, mut now) = (0, 1_000_000);
            for gap in gaps {
                now += gap;
                let taken = rate.take(state, now, 1);
                state = taken.unwrap_or(state);
                prop_assert_eq!(taken.is_ok(), bucket.take(now));
            }
        }
    }
}
