//! The ambient clock and entropy, read here and nowhere else.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keyward_gateway::Clock;
use keyward_rules::secret::Secret;
use keyward_rules::time::Moment;
use keyward_store::Entropy;

use crate::output;

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
            output::note("keyward: the system gives no random bytes");
            std::process::abort();
        }
    })
}

/// Whether whoever asks wants colours (no-color.org).
#[expect(clippy::disallowed_methods, reason = "the edge where the terminal's wish comes in")]
pub fn colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether the environment has a value for this variable.
#[expect(clippy::disallowed_methods, reason = "the edge where the operator's wish comes in")]
pub fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some()
}

/// The file of the running program, for commands that people paste; its usual name where the system does not tell.
pub fn program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("keyward"))
}

/// A secret that the environment holds; `None` where the variable is not set, or is no text.
#[expect(clippy::disallowed_methods, reason = "the edge where the master key may come in")]
pub fn secret_variable(name: &str) -> Option<Secret<String>> {
    std::env::var(name).ok().map(Secret::new)
}

/// A path that the environment holds.
#[expect(clippy::disallowed_methods, reason = "the edge where the folder of credentials comes in")]
pub fn path_variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// A random number, for salts and seeds.
pub fn random_u64() -> u64 {
    let mut bytes = [0; 8];
    entropy()(&mut bytes);
    u64::from_be_bytes(bytes)
}

/// Where this process runs, in words that another process on the same machine can check with [`is_over`].
pub fn place() -> String {
    format!("process {} on {}, boot {}", std::process::id(), line("/etc/hostname"), boot())
}

/// Whether the process at a place is known to have ended: it ran on this machine since its start, and is not there.
pub fn is_over(place: &str) -> bool {
    let number = place.strip_prefix("process ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let digits = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    is_here(place) && digits && !std::path::Path::new("/proc").join(number).exists()
}

/// Whether a place is on this machine, since its start.
pub fn is_here(place: &str) -> bool {
    place.ends_with(&format!("boot {}", boot())) && !boot().is_empty()
}

/// Different after each start of the machine, and in each container's own processes' eyes.
fn boot() -> String {
    let processes = std::fs::read_link("/proc/self/ns/pid").ok();
    let processes = processes.map(|link| link.display().to_string()).unwrap_or_default();
    format!("{} {processes}", line("/proc/sys/kernel/random/boot_id"))
}

fn line(file: &str) -> String {
    std::fs::read_to_string(file).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{is_here, is_over, place};

    #[test]
    fn only_a_process_of_this_machine_is_known_to_have_ended() {
        let here = place();
        assert!(!is_over(&here) && is_here(&here), "this one runs");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let ended = here.replace(&std::process::id().to_string(), &child.id().to_string());
        child.wait().unwrap();
        assert!(is_over(&ended), "{ended}");
        for elsewhere in
            ["", "process 1", "process x on h, boot 1", &ended.replace("boot ", "boot x"), "another"]
        {
            assert!(!is_over(elsewhere), "{elsewhere}");
            assert!(!is_here(elsewhere), "{elsewhere}");
        }
    }
}
