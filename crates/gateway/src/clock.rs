//! The clocks of the data plane.

use std::sync::Arc;

use keyward_rules::time::Moment;

/// The clocks, handed in: the wall for what is signed, a steady one for the lease.
#[derive(Clone)]
pub struct Clock {
    /// Microseconds since the Unix epoch.
    pub wall_us: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Milliseconds of a clock that never steps back and counts suspension.
    pub steady_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl Clock {
    /// The wall clock, once per stage of a request.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        (self.wall_us)()
    }

    /// The wall clock as a moment.
    #[must_use]
    pub fn now(&self) -> Moment {
        Moment::from_unix_ms(self.now_us() / 1_000)
    }
}
