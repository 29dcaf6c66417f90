//! Whether a SQLite file was changed by another connection, for microseconds instead of a question; and when it is worth
//! looking, told by the kernel.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep, timeout};

use crate::error::StoreError;
use crate::sql::sqlite::{self, Access};

/// How often it is looked where the kernel does not tell.
const LOOK: Duration = Duration::from_millis(5);
/// A change is told when it is written, and seen once it is durable. How often is looked meanwhile: at first, later, and for
/// how long.
const SOON: Duration = Duration::from_millis(1);
const LATER: Duration = Duration::from_millis(5);
const AT_FIRST: Duration = Duration::from_millis(50);
/// A change that is not seen by then was on a disk that is slow beyond reason, or none.
const UNSEEN: Duration = Duration::from_secs(10);
/// Once one was seen, another may be under way that was told before it: two writes close together are told as one.
const SEEN: Duration = Duration::from_millis(500);
/// How often it is looked where the kernel has told of nothing.
const UNTOLD: Duration = Duration::from_secs(1);

/// Looks for changes of a file.
pub(crate) struct Lookout {
    version: Version,
    /// What the kernel tells of the files beside each other: the database, its log.
    told: Option<AsyncFd<OwnedFd>>,
    name: Vec<u8>,
    /// When the kernel last told of a write, and whether a change was seen since. It is kept between two calls, because the
    /// kernel tells once.
    writing: Option<(Instant, bool)>,
    /// When it was last looked.
    looked: Option<Instant>,
}

/// The file's version as last seen.
struct Version {
    connection: Connection,
    seen: Option<i64>,
}

/// Starts to look.
pub(crate) fn open(file: &Path) -> Result<Lookout, StoreError> {
    let version = Version { connection: sqlite::open(file, Access::Read)?, seen: None };
    let name = file.file_name().map(|name| name.as_encoded_bytes().to_vec()).unwrap_or_default();
    Ok(Lookout { version, told: file.parent().and_then(tell), name, writing: None, looked: None })
}

/// Has the kernel tell of writes in a folder; `None` where it does not.
fn tell(folder: &Path) -> Option<AsyncFd<OwnedFd>> {
    let told = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
    inotify::add_watch(&told, folder, WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_TO).ok()?;
    #[expect(deprecated, reason = "sound for a descriptor that is owned; what replaces it is unsafe to call")]
    AsyncFd::new(told).ok()
}

impl Lookout {
    /// Returns when another connection has changed the file. May be given up at any time: nothing is missed by the next call.
    pub(crate) async fn moved(&mut self) {
        loop {
            let wait = self.until_next_look();
            if wait.is_zero() {
                self.looked = Some(Instant::now());
                if self.version.has_moved() {
                    self.writing = self.writing.map(|(at, _)| (at, true));
                    return;
                }
                continue;
            }
            let Some(told) = &self.told else {
                sleep(wait).await;
                continue;
            };
            tokio::select! {
                heard = written(told, &self.name) => match heard {
                    true => self.writing = Some((Instant::now(), false)),
                    false => self.told = None,
                },
                () = sleep(wait) => {}
            }
        }
    }

    /// How long until it is worth looking again.
    fn until_next_look(&self) -> Duration {
        let every = match (&self.told, self.writing) {
            (None, _) => LOOK,
            (Some(_), Some((at, seen))) => between_looks(at.elapsed(), seen),
            (Some(_), None) => UNTOLD,
        };
        self.looked.map_or(Duration::ZERO, |at| every.saturating_sub(at.elapsed()))
    }
}

/// How often it is looked when the kernel told of a write so long ago.
fn between_looks(told: Duration, seen: bool) -> Duration {
    match told {
        told if told < AT_FIRST => SOON,
        told if told < if seen { SEEN } else { UNSEEN } => LATER,
        _ => UNTOLD,
    }
}

/// Waits until a file whose name begins so was written; false when the kernel tells no more.
async fn written(told: &AsyncFd<OwnedFd>, name: &[u8]) -> bool {
    loop {
        let Ok(mut ready) = told.readable().await else { return false };
        let mut room = [MaybeUninit::uninit(); 4_096];
        let mut events = inotify::Reader::new(told.get_ref(), &mut room);
        let mut touched = false;
        loop {
            match events.next() {
                // Without a name it is the folder, or more was told than there was room for.
                Ok(event) => {
                    touched |= event.file_name().is_none_or(|file| file.to_bytes().starts_with(name));
                }
                Err(rustix::io::Errno::AGAIN) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return false,
            }
        }
        ready.clear_ready();
        if touched {
            return true;
        }
    }
}

/// Waits for changes of a database, for those who look often at what seldom changes.
pub struct Glance(Option<Lookout>);

impl Glance {
    /// At this file; without one nothing is told.
    pub(crate) fn at(file: Option<&Path>) -> Self {
        Self(file.and_then(|file| open(file).ok()))
    }

    /// Returns once anything may have been written since the last call, by anybody, or after `patience`. On PostgreSQL, which
    /// does not tell, it returns after `blind`.
    pub async fn moved(&mut self, patience: Duration, blind: Duration) {
        match &mut self.0 {
            Some(lookout) => drop(timeout(patience, lookout.moved()).await),
            None => sleep(blind.min(patience)).await,
        }
    }
}

impl Version {
    /// Whether anything was committed since the last call; the first call says yes, and so does a failure.
    fn has_moved(&mut self) -> bool {
        let look = self.connection.prepare_cached("PRAGMA data_version");
        let now = look.and_then(|mut look| look.query_row([], |row| row.get::<_, i64>(0))).ok();
        let moved = now.is_none() || now != self.seen;
        self.seen = now;
        moved
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{AT_FIRST, LATER, SEEN, SOON, UNSEEN, UNTOLD, between_looks};

    /// A change that was seen says nothing about the next one, whose write was told before it was seen.
    #[test]
    fn soon_after_a_write_it_is_looked_often_whatever_was_seen() {
        for seen in [false, true] {
            assert_eq!(between_looks(Duration::ZERO, seen), SOON);
            assert_eq!(between_looks(AT_FIRST - SOON, seen), SOON);
            assert_eq!(between_looks(AT_FIRST, seen), LATER);
        }
        assert_eq!((between_looks(SEEN, true), between_looks(SEEN, false)), (UNTOLD, LATER));
        assert_eq!(between_looks(UNSEEN, false), UNTOLD);
    }
}
