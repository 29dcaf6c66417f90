//! The newest change that this node has seen, in a file of its own: a store that is older at the next start was
//! rolled back, and keys that had ended could live again.
//!
//! Every change is kept here before anybody is told that it is done, by the server and by commands alike. So a backup
//! that goes as far as this file lacks nothing that was acknowledged, as long as the file outlives the store.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use keyward_rules::id::Revision;
use keyward_store::{Seen, Witness};
use tracing::error;

/// The file and what it holds.
pub struct Checkpoint {
    file: PathBuf,
    /// What is known to stand there; other processes may have gone further.
    kept: Mutex<Seen>,
}

impl Checkpoint {
    /// Reads the file, or starts one; refuses a store whose newest change is older than what the file holds.
    pub fn open(file: &Path, head: Seen) -> Result<Self> {
        let kept = read(file)?.unwrap_or_default();
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
        Ok((Self { file: file.to_owned(), kept: Mutex::default() }, kept))
    }

    /// Keeps what is newer; on disk when this returns.
    pub fn keep(&self, seen: Seen) -> Result<()> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.revision <= kept.revision && seen.audit <= kept.audit && self.file.exists() {
            return Ok(());
        }
        let _turn = turn(&self.file)?;
        let stands = read(&self.file)?.unwrap_or_default();
        let next = Seen {
            revision: seen.revision.max(kept.revision).max(stands.revision),
            audit: seen.audit.max(kept.audit).max(stands.audit),
        };
        write(&self.file, next)?;
        *kept = next;
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
    pub fn witness(self: &Arc<Self>) -> Witness {
        let checkpoint = Arc::clone(self);
        Arc::new(move |seen| checkpoint.keep_or_tell(seen))
    }
}

/// What the file holds; `None` when it is not there.
pub fn read(file: &Path) -> Result<Option<Seen>> {
    match std::fs::read_to_string(file) {
        Ok(text) => {
            let seen = parse(&text);
            seen.map(Some).with_context(|| format!("{} is no checkpoint; look into it", file.display()))
        }
        Err(problem) if problem.kind() == ErrorKind::NotFound => Ok(None),
        Err(problem) => {
            Err(problem).with_context(|| format!("the checkpoint {} cannot be read", file.display()))
        }
    }
}

/// Puts `seen` there, even if it is older: only after a backup was put back on purpose.
pub fn replace(file: &Path, seen: Seen) -> Result<()> {
    let _turn = turn(file)?;
    write(file, seen)
}

/// Waits until no other process writes it.
fn turn(file: &Path) -> Result<File> {
    let lock = File::create(file.with_extension("lock"))
        .with_context(|| format!("{} cannot be written", file.display()))?;
    lock.lock()?;
    Ok(lock)
}

fn write(file: &Path, seen: Seen) -> Result<()> {
    let next = file.with_extension("next");
    let mut out = File::create(&next)?;
    let text = format!("keyward checkpoint 2\n{}\n{}\n", seen.revision.0, seen.audit);
    std::io::Write::write_all(&mut out, text.as_bytes())?;
    out.sync_all()?;
    Ok(std::fs::rename(&next, file)?)
}

/// The first form had no number of the audit log.
fn parse(text: &str) -> Option<Seen> {
    let number = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok())?;
    if let Some(rest) = text.strip_prefix("keyward checkpoint 1\n") {
        return Some(Seen { revision: Revision(number(rest.strip_suffix('\n')?)?), audit: 0 });
    }
    let rest = text.strip_prefix("keyward checkpoint 2\n")?.strip_suffix('\n')?;
    let (revision, audit) = rest.split_once('\n')?;
    Some(Seen { revision: Revision(number(revision)?), audit: number(audit)? })
}

#[cfg(test)]
mod tests {
    use super::{Checkpoint, Revision, Seen, parse, read};

    fn seen(revision: u64, audit: u64) -> Seen {
        Seen { revision: Revision(revision), audit }
    }

    #[test]
    fn only_its_own_forms_are_read() {
        assert_eq!(parse("keyward checkpoint 1\n42\n"), Some(seen(42, 0)));
        assert_eq!(parse("keyward checkpoint 2\n42\n7\n"), Some(seen(42, 7)));
        for odd in [
            "",
            "42",
            "keyward checkpoint 1\n42",
            "keyward checkpoint 2\n42\n",
            "keyward checkpoint 2\n42\n7\n8\n",
            "keyward checkpoint 2\n+42\n7\n",
            "keyward checkpoint 3\n42\n7\n",
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
        assert_eq!(read(&file).unwrap(), Some(seen(7, 12)));
        assert!(Checkpoint::open(&file, seen(6, 12)).is_err());
        assert!(
            Checkpoint::open(&file, seen(7, 11)).is_err(),
            "a change that gateways are not told of is one too"
        );
        assert!(Checkpoint::open(&file, seen(7, 12)).is_ok());
        std::fs::remove_file(&file).unwrap();
        std::fs::remove_file(file.with_extension("lock")).unwrap();
    }
}
