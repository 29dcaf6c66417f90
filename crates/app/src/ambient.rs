//! The ambient clock and entropy, read here and nowhere else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keyward_gateway::Clock;
use keyward_rules::time::Moment;
use keyward_store::Entropy;

/// Microseconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "the edge where time comes in")]
fn wall_us() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Now.
pub fn now() -> Moment {
    Moment::from_unix_ms(wall_us() / 1_000)
}

/// The system's clocks. The steady one takes the greater of monotonic and wall time elapsed, so that it
/// counts suspension, and never runs backwards.
#[expect(clippy::disallowed_methods, reason = "the edge where time comes in")]
pub fn clock() -> Clock {
    let (began, wall_began, latest) = (std::time::Instant::now(), wall_us(), AtomicU64::new(0));
    let steady_ms = move || {
        let monotonic = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let wall = wall_us().saturating_sub(wall_began) / 1_000;
        let now = monotonic.max(wall);
        latest.fetch_max(now, Ordering::AcqRel).max(now)
    };
    Clock { wall_us: Arc::new(wall_us), steady_ms: Arc::new(steady_ms) }
}

/// The wall clock between two looks at the clock that counts from the machine's start, suspension included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reading {
    /// Microseconds since the machine's start, before.
    pub before_us: u64,
    /// Microseconds since the Unix epoch.
    pub wall_us: u64,
    /// Microseconds since the machine's start, after.
    pub after_us: u64,
}

/// Reads both clocks.
pub fn reading() -> Reading {
    Reading { before_us: boot_us(), wall_us: wall_us(), after_us: boot_us() }
}

fn boot_us() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let (seconds, rest) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    seconds.unwrap_or(0).saturating_mul(1_000_000).saturating_add(rest.unwrap_or(0) / 1_000)
}

/// 256 random bits.
pub fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    (entropy())(&mut seed);
    seed
}

/// The system's entropy. Without it nothing secret can be made, so a failure ends the process.
pub fn entropy() -> Entropy {
    Arc::new(|bytes: &mut [u8]| {
        if getrandom::fill(bytes).is_err() {
            eprintln!("keyward: the system gives no random bytes");
            std::process::abort();
        }
    })
}

/// Whether whoever asks wants colours (no-color.org).
#[expect(clippy::disallowed_methods, reason = "the edge where the terminal's wish comes in")]
pub fn colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A random number, for salts and seeds.
pub fn random_u64() -> u64 {
    let mut bytes = [0; 8];
    entropy()(&mut bytes);
    u64::from_be_bytes(bytes)
}
