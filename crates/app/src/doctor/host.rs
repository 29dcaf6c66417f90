//! The machine: user, clock, core dumps, swap.

use std::os::unix::fs::MetadataExt as _;

use super::Finding;
use crate::ambient;

/// The first of January 2026 and 2100, in milliseconds: no clock is outside.
const SANE_MS: std::ops::Range<u64> = 1_767_225_600_000..4_102_444_800_000;

/// The findings about the machine.
pub fn examine() -> Vec<Finding> {
    vec![user(), clock(), core_dumps(), swap()]
}

fn user() -> Finding {
    const NAME: &str = "doctor.host.root";
    match std::fs::metadata("/proc/self").map(|about| about.uid()) {
        Ok(0) => Finding::warning(
            NAME,
            "This runs as root: a mistake in the program would be one with every right.",
            "Run keyward as a user of its own, as docs/operating/keyward.service does.",
        ),
        Ok(_) | Err(_) => Finding::good(NAME, "This does not run as root."),
    }
}

fn clock() -> Finding {
    const NAME: &str = "doctor.clock";
    if SANE_MS.contains(&ambient::now().unix_ms()) {
        return Finding::good(NAME, "The clock shows a year that can be.");
    }
    Finding::refused(
        NAME,
        format!("The clock shows {}: timestamps of requests would all be refused.", ambient::now()),
        "Set the clock and keep it right with NTP.",
    )
}

fn core_dumps() -> Finding {
    const NAME: &str = "doctor.host.core_dumps";
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max core file size"));
    let hard = line.and_then(|line| line.split_whitespace().nth(1));
    if hard == Some("0") {
        return Finding::good(NAME, "No core dump can be written.");
    }
    Finding::warning(
        NAME,
        "A crash may write a core dump, which holds the master key and the states of all secrets.",
        "Set LimitCORE=0 in the unit, as docs/operating/keyward.service does.",
    )
}

fn swap() -> Finding {
    const NAME: &str = "doctor.host.swap";
    let swaps = std::fs::read_to_string("/proc/swaps").unwrap_or_default();
    let plain = |line: &&str| !line.starts_with("/dev/dm-") && !line.starts_with("/dev/zram");
    if swaps.lines().skip(1).find(plain).is_none() {
        return Finding::good(NAME, "No plain swap is on.");
    }
    Finding::warning(
        NAME,
        "Swap is on and does not look encrypted: secrets in memory may come to lie on the disk.",
        "Turn swap off, encrypt it, or set MemorySwapMax=0 in the unit.",
    )
}
