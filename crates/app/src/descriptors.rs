//! File descriptors: raised to what the machine allows, and shared out so that no listener can use up the others'.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// Kept for the database, the journal, mails, alert channels and files.
const RESERVE: u64 = 256;
/// Below this many a node still serves, but says so.
pub const ENOUGH: u64 = 16_384;

/// What the shares take at least: with fewer, the database or the journal may find none left.
pub const LEAST: u64 = RESERVE + 64;

/// How many connections each part may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shares {
    /// Of clients to the gateway.
    pub gateway: usize,
    /// Of the gateway to the exchange, for requests.
    pub upstream: usize,
    /// Of the gateway to the exchange, for sockets: one each.
    pub sockets: usize,
    /// Of browsers and programs to the console.
    pub console: usize,
}

/// Raises the soft limit to the hard one; gives the limit in force.
pub fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if limit.current != limit.maximum
        && let Err(problem) = setrlimit(Resource::Nofile, raised)
    {
        warn!(%problem, "the limit of open files cannot be raised");
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// The shares of a limit: what is left after the reserve goes to the gateway and the exchange by halves, an eighth before
/// that to the console. Sockets have half of what goes to the exchange, and what requests leave of theirs.
pub fn shares(limit: u64) -> Shares {
    let all = usize::try_from(limit.saturating_sub(RESERVE)).unwrap_or(usize::MAX).max(64);
    let console = (all / 8).min(1_024);
    let half = (all - console) / 2;
    let upstream = (half / 2).min(4_096);
    Shares { gateway: half.min(16_384), upstream, sockets: (half - upstream).min(16_384), console }
}

#[cfg(test)]
mod tests {
    use super::{LEAST, RESERVE, Shares, shares};

    #[test]
    fn no_limit_is_shared_out_beyond_itself() {
        for limit in [0, 256, 512, 1_024, 4_096, 65_536, u64::MAX] {
            let Shares { gateway, upstream, sockets, console } = shares(limit);
            assert!(gateway > 0 && upstream > 0 && sockets > 0 && console > 0);
            if limit >= LEAST {
                assert!((gateway + upstream + sockets + console) as u64 + RESERVE <= limit, "{limit}");
            }
        }
        assert_eq!(shares(1_024), Shares { gateway: 336, upstream: 168, sockets: 168, console: 96 });
        assert_eq!(
            shares(1 << 20),
            Shares { gateway: 16_384, upstream: 4_096, sockets: 16_384, console: 1_024 }
        );
    }
}
