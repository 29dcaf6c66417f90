//! The last of the disk: kept in a file, and given up for changes that only take away. A full disk must not keep anybody
//! from disabling a key.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use keyward_rules::grant::{ActionKind, Ceremony};
use tracing::{error, info, warn};

use crate::sql::DatabaseError;

/// The file's name in the store's folder.
const FILE: &str = "reserve";
/// How large it is.
const BYTES: usize = 16 << 20;
/// With less free than that nothing but what takes away is changed.
const SHORT: u64 = 8 << 20;

/// How many bytes of the disk are free; `None` when it cannot be told.
pub type FreeBytes = Arc<dyn Fn() -> Option<u64> + Send + Sync>;

/// The file and the disk that it lies on.
pub(crate) struct Reserve {
    pub(crate) folder: PathBuf,
    pub(crate) free: FreeBytes,
}

impl Reserve {
    fn file(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    fn is_short(&self) -> bool {
        (self.free)().is_some_and(|free| free < SHORT)
    }

    /// Lets an action begin. On a disk that is nearly full one that takes away gets the reserve, and others are refused
    /// before they take what is left.
    ///
    /// # Errors
    /// [`DatabaseError::DiskFull`].
    pub(crate) fn admit(&self, action: ActionKind) -> Result<(), DatabaseError> {
        if !self.is_short() {
            return Ok(());
        }
        match kind(action) {
            Kind::TakesAway => match std::fs::remove_file(self.file()) {
                Ok(()) => warn!("the disk is full: its reserve was given up for a change that takes away"),
                Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => {}
                Err(problem) => error!(%problem, "the disk is full, and its reserve cannot be given up"),
            },
            Kind::OfItself => {}
            Kind::Other => {
                let reason =
                    "what is left of it is kept for changes that take rights away; make room".to_owned();
                return Err(DatabaseError::DiskFull { reason });
            }
        }
        Ok(())
    }

    /// Puts the reserve there once there is room for it. Blocks its thread.
    ///
    /// # Errors
    /// What the file system says; then there is none.
    pub(crate) fn refill(&self) -> std::io::Result<()> {
        let room = (self.free)().is_none_or(|free| free > BYTES as u64 + 4 * SHORT);
        if self.file().exists() || !room {
            return Ok(());
        }
        // Written, because a file with a hole in it takes no room.
        let written = File::create(self.file()).and_then(|mut file| {
            file.write_all(&vec![0; BYTES])?;
            file.sync_all()
        });
        if written.is_err() {
            let _ = std::fs::remove_file(self.file());
        } else {
            info!("a disk reserve was created for changes that take rights away");
        }
        written
    }
}

enum Kind {
    TakesAway,
    /// What the system does by itself: it ends keys and tells people.
    OfItself,
    Other,
}

fn kind(action: ActionKind) -> Kind {
    if matches!(action, ActionKind::StopLeaked | ActionKind::QuarantineKey) {
        return Kind::TakesAway;
    }
    match (action.ceremony(), action.operator_ceremony()) {
        (Ceremony::OneFactor | Ceremony::Link, _) | (_, Ceremony::OneFactor) => Kind::TakesAway,
        (Ceremony::Never, Ceremony::Never) => Kind::OfItself,
        (_, _) => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use keyward_rules::grant::ActionKind;

    use super::{BYTES, Reserve, SHORT};

    #[test]
    fn the_last_of_the_disk_is_for_what_takes_away() {
        let folder = std::env::temp_dir().join(format!("keyward-reserve-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let free = Arc::new(AtomicU64::new(1 << 40));
        let shown = Arc::clone(&free);
        let reserve =
            Reserve { folder: folder.clone(), free: Arc::new(move || Some(shown.load(Ordering::Relaxed))) };
        let is_there = || reserve.file().metadata().is_ok_and(|file| file.len() == BYTES as u64);
        reserve.refill().unwrap();
        assert!(is_there());
        reserve.admit(ActionKind::DisableKey).unwrap();
        assert!(is_there(), "there is room");
        free.store(SHORT - 1, Ordering::Relaxed);
        assert!(reserve.admit(ActionKind::IssueKey).is_err() && is_there());
        reserve.admit(ActionKind::RaiseAlert).unwrap();
        assert!(is_there());
        for _ in 0..2 {
            reserve.admit(ActionKind::DisableKey).unwrap();
            assert!(!reserve.file().exists(), "given up, and not needed twice");
        }
        reserve.refill().unwrap();
        assert!(!reserve.file().exists(), "there is no room for it yet");
        free.store(1 << 40, Ordering::Relaxed);
        reserve.refill().unwrap();
        assert!(is_there());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
