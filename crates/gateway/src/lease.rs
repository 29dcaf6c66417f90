//! How long the node may vouch for its facts without word from the store (product.md 6.4).

use std::sync::atomic::{AtomicU64, Ordering};

use keyward_rules::route::Class;
use parking_lot::Mutex;

/// Lease ages past which a class is refused (product.md 6.4).
const LEASE_MONEY_MS: u64 = 5_000;
const LEASE_TRADE_MS: u64 = 15_000;
const LEASE_ALL_MS: u64 = 30_000;

/// Until when the node may vouch for its facts, on a clock that the caller chooses.
#[derive(Default)]
pub struct Lease {
    confirmed_ms: AtomicU64,
    /// Why the store was not read the last time, in words for everybody.
    failure: Mutex<Option<&'static str>>,
}

impl Lease {
    /// The store was read at `now_ms`.
    pub fn renew(&self, now_ms: u64) {
        self.confirmed_ms.fetch_max(now_ms, Ordering::AcqRel);
        *self.failure.lock() = None;
    }

    /// The store could not be read, for this reason.
    pub fn failed(&self, why: &'static str) {
        *self.failure.lock() = Some(why);
    }

    /// Why the store was not read the last time; `None` when it was.
    #[must_use]
    pub fn failure(&self) -> Option<&'static str> {
        *self.failure.lock()
    }

    /// Milliseconds since the store was last read.
    #[must_use]
    pub fn age_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.confirmed_ms.load(Ordering::Acquire))
    }
}

/// How old the lease may be for a class, in milliseconds.
pub const fn lease_limit_ms(class: Class) -> u64 {
    match class {
        Class::Withdraw | Class::Funding | Class::Manage => LEASE_MONEY_MS,
        Class::Trade => LEASE_TRADE_MS,
        Class::Read | Class::Cancel | Class::Public => LEASE_ALL_MS,
    }
}
