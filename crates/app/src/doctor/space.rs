//! Room on the disk of the data folder: without it nothing is changed, and no money moves.

use std::path::Path;

use keyward_store::Location;

use super::Finding;
use crate::config::Config;

const SPACE: &str = "doctor.data.space";

const MIB: u64 = 1 << 20;
/// Below that, the next burst of requests may fill it.
const NEARLY_FULL: u64 = 256 * MIB;
/// Below that, somebody should look, however small the disk.
const SCARCE: u64 = 2 * 1_024 * MIB;
/// Up to that, a tenth of the disk should be free.
const TENTH_UP_TO: u64 = 20 * 1_024 * MIB;

/// What a disk has.
#[derive(Clone, Copy)]
struct Room {
    free_bytes: u64,
    total_bytes: u64,
}

/// The finding about the disk of the data folder, or of where it will be.
pub fn examine(config: &Config) -> Option<Finding> {
    let folder = match Location::parse(&config.store.url).ok()? {
        Location::Folder(folder) => folder,
        Location::Postgres(_) => match &config.journal.spool {
            Some(spool) => spool.clone(),
            None => {
                let means = "The database's disk is not seen from here, and there is no journal.spool: orders and \
                    withdrawals wait for the database, and stop with it.";
                let advice = "Watch that disk where the database runs; name a folder of this machine in journal.spool.";
                return Some(Finding::note(SPACE, means, advice));
            }
        },
    };
    let there = folder.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/"));
    Some(match rustix::fs::statvfs(there) {
        Ok(disk) => {
            let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
            judge(there, Room { free_bytes: bytes(disk.f_bavail), total_bytes: bytes(disk.f_blocks) })
        }
        Err(problem) => Finding::warning(
            SPACE,
            format!("The disk of {} cannot be looked at: {problem}.", there.display()),
            "Run this as the user that keyward runs as.",
        ),
    })
}

fn judge(folder: &Path, room: Room) -> Finding {
    let Room { free_bytes, total_bytes } = room;
    let told = format!(
        "{} of {} are free on the disk of {}",
        in_words(free_bytes),
        in_words(total_bytes),
        folder.display()
    );
    let little = free_bytes < SCARCE || (free_bytes < TENTH_UP_TO && free_bytes < total_bytes / 10);
    if free_bytes < NEARLY_FULL {
        let means =
            format!("{told}: once it is full, no change is made, and withdrawals and orders are refused.");
        let advice = "Make room now: move backups and old files away, or give the folder a larger disk.";
        Finding::refused(SPACE, means, advice)
    } else if little {
        let advice = "Make room before it is full; the journal grows with every request.";
        Finding::warning(SPACE, format!("{told}."), advice)
    } else {
        Finding::good(SPACE, format!("{told}."))
    }
}

/// `512 MiB`, `1.5 GiB`.
fn in_words(bytes: u64) -> String {
    let mib = bytes / MIB;
    if mib < 1_024 {
        format!("{mib} MiB")
    } else {
        format!("{}.{} GiB", mib / 1_024, mib % 1_024 * 10 / 1_024)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{MIB, Room, in_words, judge};
    use crate::doctor::Level;

    #[test]
    fn a_disk_is_judged_by_what_is_left() {
        const GIB: u64 = 1_024 * MIB;
        for (free_bytes, total_bytes, expected) in [
            (50 * GIB, 100 * GIB, Level::Ok),
            (25 * GIB, 4_000 * GIB, Level::Ok),
            (3 * GIB, 8 * GIB, Level::Ok),
            (9 * GIB, 100 * GIB, Level::Warning),
            (GIB, 4 * GIB, Level::Warning),
            (256 * MIB, GIB, Level::Warning),
            (255 * MIB, GIB, Level::Refused),
            (0, 0, Level::Refused),
        ] {
            let found = judge(Path::new("/var/lib/keyward"), Room { free_bytes, total_bytes });
            assert_eq!(found.level, expected, "{}", found.means);
            assert!(found.means.contains(&in_words(free_bytes)), "{}", found.means);
            assert!(found.means.contains(&in_words(total_bytes)), "{}", found.means);
        }
    }

    #[test]
    fn sizes_are_in_words() {
        for (bytes, expected) in
            [(0, "0 MiB"), (512 * MIB, "512 MiB"), (1_536 * MIB, "1.5 GiB"), (102_399 * MIB, "99.9 GiB")]
        {
            assert_eq!(in_words(bytes), expected);
        }
    }
}
