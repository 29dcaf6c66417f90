//! The newest change that this node has seen, in a file of its own: a store that is older at the next start was
//! rolled back, and keys that had ended could live again. Beside it how many checkpoints of the audit log were signed, so that
//! `keyward audit verify` misses those that somebody deletes.
//!
//! Every change is kept here before anybody is told that it is done, by the server and by commands alike. So a backup
//! that goes as far as this file lacks nothing that was acknowledged, as long as the file outlives the store.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use keyward_rules::id::Revision;
use keyward_store::{CommitObserver, Seen};
use tracing::error;

/// What the file holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NodeState {
    /// The newest change that the node has seen.
    pub seen: Seen,
    /// The signed checkpoints of the audit log.
    pub signed: Signed,
}

/// The signed checkpoints that a node knows of; in a cluster others may have signed more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Signed {
    /// How many.
    pub count: u64,
    /// How many records the newest of them covers; 0 without one.
    pub newest: u64,
}

/// The file and what it holds.
pub struct Checkpoint {
    file: PathBuf,
    /// What is known to stand there; other processes may have gone further.
    kept: Mutex<NodeState>,
}

impl Checkpoint {
    /// Reads the file, or starts one; refuses a store whose newest change is older than what the file holds.
    pub fn open(file: &Path, head: Seen) -> Result<Self> {
        let kept = read(file)?.unwrap_or_default().seen;
        if head.revision < kept.revision || head.audit < kept.audit {
            bail!(
                "the store's newest change is number {} and its newest audit record number {}, but this node has seen \
                 {} and {}: the store was rolled back or replaced, and keys that had ended may live again. Put a backup \
                 back with `keyward restore`, which knows what to do about it (docs/operating/backup.md). Kept in {}",
                head.revision.0,
                head.audit,
                kept.revision.0,
                kept.audit,
                file.display()
            );
        }
        let (checkpoint, _) = Self::follow(file)?;
        checkpoint.keep(head)?;
        Ok(checkpoint)
    }

    /// Goes on from whatever the file holds, for commands; gives that too.
    pub fn follow(file: &Path) -> Result<(Self, Seen)> {
        let kept = read(file)?.unwrap_or_default();
        Ok((Self { file: file.to_owned(), kept: Mutex::default() }, kept.seen))
    }

    /// Keeps what is newer; on disk when this returns.
    pub fn keep(&self, seen: Seen) -> Result<()> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let before = kept.seen;
        if seen.revision <= before.revision && seen.audit <= before.audit && self.file.exists() {
            return Ok(());
        }
        let _turn = turn(&self.file)?;
        let stands = read(&self.file)?.unwrap_or_default();
        let next = Seen {
            revision: seen.revision.max(before.revision).max(stands.seen.revision),
            audit: seen.audit.max(before.audit).max(stands.seen.audit),
        };
        *kept = write(&self.file, NodeState { seen: next, ..stands })?;
        Ok(())
    }

    /// Keeps that there are `found` signed checkpoints, `made` of which this node has just signed. Those that somebody deleted
    /// before stay counted. A failure is for the log, because the checkpoints are signed already.
    pub fn count_signed(&self, found: Signed, made: u64) {
        if let Err(problem) = self.try_count_signed(found, made) {
            error!(
                file = %self.file.display(),
                "the number of signed checkpoints cannot be written, and deleted ones might go unnoticed: {problem:#}"
            );
        }
    }

    fn try_count_signed(&self, found: Signed, made: u64) -> Result<()> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let _turn = turn(&self.file)?;
        let stands = read(&self.file)?.unwrap_or_default();
        let next = Signed {
            count: found.count.max(stands.signed.count + made),
            newest: found.newest.max(stands.signed.newest),
        };
        if next != stands.signed {
            *kept = write(&self.file, NodeState { signed: next, ..stands })?;
        }
        Ok(())
    }

    /// The same; a failure is for the log, because the change is done already.
    pub fn keep_or_tell(&self, seen: Seen) {
        if let Err(problem) = self.keep(seen) {
            error!(
                file = %self.file.display(),
                "the checkpoint cannot be written, and a rollback of the store might go unnoticed: {problem:#}"
            );
        }
    }

    /// What a store calls with each change.
    pub fn witness(self: &Arc<Self>) -> CommitObserver {
        let checkpoint = Arc::clone(self);
        Arc::new(move |seen| checkpoint.keep_or_tell(seen))
    }
}

/// What the file holds; `None` when it is not there.
pub fn read(file: &Path) -> Result<Option<NodeState>> {
    match std::fs::read_to_string(file) {
        Ok(text) => {
            let state = parse(&text);
            state.map(Some).with_context(|| format!("{} is no checkpoint; look into it", file.display()))
        }
        Err(problem) if problem.kind() == ErrorKind::NotFound => Ok(None),
        Err(problem) => {
            Err(problem).with_context(|| format!("the checkpoint {} cannot be read", file.display()))
        }
    }
}

/// Puts `state` there, even if it is older: only after a backup was put back on purpose.
pub fn replace(file: &Path, state: NodeState) -> Result<()> {
    let _turn = turn(file)?;
    write(file, state).map(drop)
}

/// How often, and how many times, it is tried to have one's turn: writing takes milliseconds, so who has it for ten seconds stands
/// still.
const TRY: Duration = Duration::from_millis(10);
const TRIES: usize = 1_000;

/// Waits until no other process writes it. A process that was stopped in the middle must not keep others for ever.
#[expect(clippy::disallowed_methods, reason = "a lock of another process tells nobody")]
fn turn(file: &Path) -> Result<File> {
    let name = file.with_extension("lock");
    let lock = File::create(&name).with_context(|| format!("{} cannot be written", file.display()))?;
    for _ in 0..TRIES {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) => std::thread::sleep(TRY),
            Err(TryLockError::Error(problem)) => return Err(problem.into()),
        }
    }
    bail!("another process has held {} for ten seconds; is it stopped?", name.display())
}

/// Gives what stands there now.
fn write(file: &Path, state: NodeState) -> Result<NodeState> {
    let next = file.with_extension("next");
    let mut out = File::create(&next)?;
    let NodeState { seen, signed } = state;
    let text = format!(
        "keyward checkpoint 3\n{}\n{}\n{}\n{}\n",
        seen.revision.0, seen.audit, signed.count, signed.newest
    );
    std::io::Write::write_all(&mut out, text.as_bytes())?;
    out.sync_all()?;
    std::fs::rename(&next, file)?;
    Ok(state)
}

/// The first form had no number of the audit log, and the second none of checkpoints.
fn parse(text: &str) -> Option<NodeState> {
    let number = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok())?;
    let (form, rest) = text.strip_prefix("keyward checkpoint ")?.strip_suffix('\n')?.split_once('\n')?;
    let numbers: Option<Vec<u64>> = rest.split('\n').map(number).collect();
    let (revision, audit, count, newest) = match (form, numbers?.as_slice()) {
        ("1", [revision]) => (*revision, 0, 0, 0),
        ("2", [revision, audit]) => (*revision, *audit, 0, 0),
        ("3", [revision, audit, count, newest]) => (*revision, *audit, *count, *newest),
        (_, _) => return None,
    };
    let seen = Seen { revision: Revision(revision), audit };
    Some(NodeState { seen, signed: Signed { count, newest } })
}

#[cfg(test)]
mod tests {
    use super::{Checkpoint, NodeState, Revision, Seen, Signed, parse, read, replace};

    fn seen(revision: u64, audit: u64) -> Seen {
        Seen { revision: Revision(revision), audit }
    }

    fn state(seen: Seen, count: u64, newest: u64) -> NodeState {
        NodeState { seen, signed: Signed { count, newest } }
    }

    /// A process that was stopped while it wrote must not keep a command from ending.
    #[test]
    fn who_waits_for_a_process_that_stands_still_gives_up() {
        let folder = std::env::temp_dir().join(format!("keyward-turn-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("checkpoint");
        let held = std::fs::File::create(file.with_extension("lock")).unwrap();
        held.lock().unwrap();
        let refused = replace(&file, state(seen(1, 1), 0, 0)).unwrap_err().to_string();
        assert!(refused.contains("is it stopped?"), "{refused}");
        held.unlock().unwrap();
        replace(&file, state(seen(1, 1), 0, 0)).unwrap();
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn only_its_own_forms_are_read() {
        assert_eq!(parse("keyward checkpoint 1\n42\n"), Some(state(seen(42, 0), 0, 0)));
        assert_eq!(parse("keyward checkpoint 2\n42\n7\n"), Some(state(seen(42, 7), 0, 0)));
        assert_eq!(parse("keyward checkpoint 3\n42\n7\n3\n6\n"), Some(state(seen(42, 7), 3, 6)));
        for odd in [
            "",
            "42",
            "keyward checkpoint 1\n42",
            "keyward checkpoint 2\n42\n",
            "keyward checkpoint 2\n42\n7\n8\n",
            "keyward checkpoint 2\n+42\n7\n",
            "keyward checkpoint 3\n42\n7\n",
            "keyward checkpoint 3\n42\n7\n3\n",
            "keyward checkpoint 3\n42\n7\n3\n6",
            "keyward checkpoint 3\n42\n7\n3\n6\n9\n",
            "keyward checkpoint 3\n42\n7\n3\n-6\n",
            "keyward checkpoint 3\n42\n7\n\n6\n",
            "keyward checkpoint 4\n42\n7\n3\n6\n",
            "keyward checkpoint 1\n42\n7\n3\n6\n",
            "keyward checkpoint 1\n-1\n",
        ] {
            assert_eq!(parse(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn it_never_goes_back_whoever_writes_and_an_older_store_is_refused() {
        let file = std::env::temp_dir().join(format!("keyward-checkpoint-{}", std::process::id()));
        let server = Checkpoint::open(&file, seen(5, 9)).unwrap();
        let (command, kept) = Checkpoint::follow(&file).unwrap();
        assert_eq!(kept, seen(5, 9));
        command.keep(seen(7, 12)).unwrap();
        server.keep(seen(6, 0)).unwrap();
        assert_eq!(read(&file).unwrap(), Some(state(seen(7, 12), 0, 0)));
        assert!(Checkpoint::open(&file, seen(6, 12)).is_err());
        assert!(
            Checkpoint::open(&file, seen(7, 11)).is_err(),
            "a change that gateways are not told of is one too"
        );
        assert!(Checkpoint::open(&file, seen(7, 12)).is_ok());
        std::fs::remove_file(&file).unwrap();
        std::fs::remove_file(file.with_extension("lock")).unwrap();
    }

    #[test]
    fn signed_checkpoints_are_counted_up_whatever_is_found_later() {
        let file = std::env::temp_dir().join(format!("keyward-signed-{}", std::process::id()));
        let (node, _) = Checkpoint::follow(&file).unwrap();
        node.keep(seen(1, 9)).unwrap();
        let counted = |found: (u64, u64), made| {
            node.count_signed(Signed { count: found.0, newest: found.1 }, made);
            let kept = read(&file).unwrap().unwrap();
            assert_eq!(kept.seen, seen(1, 9), "the rest stays");
            (kept.signed.count, kept.signed.newest)
        };
        for (found, made, expected) in [
            // What is found first counts as it is.
            ((3, 6), 1, (3, 6)),
            ((4, 9), 1, (4, 9)),
            // Another node signed two.
            ((6, 12), 0, (6, 12)),
            // Nothing new.
            ((6, 12), 0, (6, 12)),
            // One is deleted, and the next one signed: seven were.
            ((6, 14), 1, (7, 14)),
            // All are deleted.
            ((0, 0), 0, (7, 14)),
            ((1, 15), 1, (8, 15)),
            // The newest is deleted.
            ((2, 3), 0, (8, 15)),
            // Others signed more than were deleted.
            ((20, 40), 0, (20, 40)),
            ((20, 40), 1, (21, 40)),
        ] {
            assert_eq!(counted(found, made), expected, "{found:?} {made}");
        }
        node.keep(seen(1, 8)).unwrap();
        assert_eq!(read(&file).unwrap().unwrap().signed, Signed { count: 21, newest: 40 });
        replace(&file, state(seen(1, 9), 2, 3)).unwrap();
        assert_eq!(read(&file).unwrap(), Some(state(seen(1, 9), 2, 3)), "a restore puts it back");
        std::fs::remove_file(&file).unwrap();
        std::fs::remove_file(file.with_extension("lock")).unwrap();
    }
}
