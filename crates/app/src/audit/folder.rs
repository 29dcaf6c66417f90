//! A folder of checkpoints: a file for each, and `latest`. Names are digits that we choose, files are never
//! executable, and nothing outside the folder is written.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, Result, bail};
use keyward_rules::limits::NOTE_BYTES;
use keyward_rules::time::Moment;

use crate::files::private_folder;

/// Checkpoints that are kept; the oldest go first.
const KEPT: usize = 10_000;
/// How their names end.
const ENDING: &str = ".checkpoint";
/// The newest one, under a name that stays.
const LATEST: &str = "latest";
/// What is being written.
const NEXT: &str = ".next";

/// The folder.
pub struct Folder {
    path: PathBuf,
    kept: usize,
}

impl Folder {
    /// The folder at `path`, which need not be there or in reach yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), kept: KEPT }
    }

    /// The newest note, if there is one.
    pub fn latest(&self) -> Result<Option<String>> {
        let file = self.path.join(LATEST);
        match fs::read_to_string(&file) {
            Ok(note) => Ok(Some(note)),
            Err(problem) if problem.kind() == ErrorKind::NotFound => Ok(None),
            Err(problem) => Err(problem).with_context(|| format!("{} cannot be read", file.display())),
        }
    }

    /// All notes in the folder, the newest one twice, with their files; `None` when there is no folder.
    pub fn notes(&self) -> Result<Option<Vec<(PathBuf, String)>>> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(problem) if problem.kind() == ErrorKind::NotFound => return Ok(None),
            Err(problem) => {
                return Err(problem).with_context(|| format!("{} cannot be read", self.path.display()));
            }
        };
        let mut notes = Vec::new();
        for entry in entries {
            let name = entry?.file_name().into_string().unwrap_or_default();
            if is_ours(&name) || name == LATEST {
                let file = self.path.join(name);
                match read_note(&file) {
                    Ok(note) => notes.push((file, note)),
                    // A server that signs meanwhile drops the oldest.
                    Err(_) if !file.exists() => {}
                    Err(problem) => return Err(problem),
                }
            }
        }
        notes.sort();
        Ok(Some(notes))
    }

    /// When the newest note was written; `None` when there is none.
    pub fn latest_at(&self) -> Option<Moment> {
        let written = fs::metadata(self.path.join(LATEST)).and_then(|about| about.modified()).ok()?;
        let since = written.duration_since(UNIX_EPOCH).ok()?;
        Some(Moment::from_unix_ms(u64::try_from(since.as_millis()).ok()?))
    }

    /// Writes the checkpoint over `size` records, whole or not at all; makes the folder with mode 0700.
    pub fn keep(&self, size: u64, note: &str) -> Result<()> {
        private_folder(&self.path)?;
        self.write(&format!("{size:020}{ENDING}"), note)?;
        self.write(LATEST, note)?;
        self.drop_oldest()
    }

    /// Renaming replaces whatever had the name, so a link that somebody put there is not followed.
    fn write(&self, name: &str, note: &str) -> Result<()> {
        let (next, file) = (self.path.join(NEXT), self.path.join(name));
        let write = || {
            match fs::remove_file(&next) {
                Err(problem) if problem.kind() != ErrorKind::NotFound => return Err(problem),
                Ok(()) | Err(_) => {}
            }
            let mut open = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&next)?;
            open.write_all(note.as_bytes())?;
            open.sync_all()?;
            fs::rename(&next, &file)?;
            fs::File::open(&self.path)?.sync_all()
        };
        write().with_context(|| format!("{} cannot be written", file.display()))
    }

    fn drop_oldest(&self) -> Result<()> {
        let mut ours = Vec::new();
        for entry in fs::read_dir(&self.path).context("the folder of checkpoints cannot be read")? {
            let name = entry?.file_name().into_string().unwrap_or_default();
            if is_ours(&name) {
                ours.push(name);
            }
        }
        ours.sort();
        for name in ours.iter().take(ours.len().saturating_sub(self.kept)) {
            fs::remove_file(self.path.join(name)).with_context(|| format!("{name} cannot be removed"))?;
        }
        Ok(())
    }
}

/// Whether it is a name that we give.
fn is_ours(name: &str) -> bool {
    let number = name.strip_suffix(ENDING).unwrap_or_default();
    number.len() == 20 && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The text of a checkpoint's file. Another program may have written it, so its size is bounded.
pub fn read_note(file: &Path) -> Result<String> {
    let length = fs::metadata(file).map(|about| about.len());
    if length.is_ok_and(|length| length > NOTE_BYTES as u64) {
        bail!("{} is too large for a checkpoint", file.display());
    }
    fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::PathBuf;

    use super::Folder;

    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("keyward-folder-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(self.0.join("out")).unwrap();
            let mut names: Vec<String> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_for_each_and_the_latest_and_none_can_be_run() {
        let place = Place::new("each");
        let folder = Folder { kept: 2, ..Folder::new(&place.0.join("out")) };
        assert_eq!(folder.latest().unwrap(), None);
        for size in [7, 9, 100] {
            folder.keep(size, &format!("note {size}\n")).unwrap();
            fs::write(place.0.join("out/notes.txt"), "an operator's own").unwrap();
        }
        assert_eq!(
            place.names(),
            ["00000000000000000009.checkpoint", "00000000000000000100.checkpoint", "latest", "notes.txt"]
        );
        assert_eq!(folder.latest().unwrap().unwrap(), "note 100\n");
        let notes = folder.notes().unwrap().unwrap();
        let read: Vec<&str> = notes.iter().map(|(_, note)| note.as_str()).collect();
        assert_eq!(read, ["note 9\n", "note 100\n", "note 100\n"], "an operator's own file is none");
        assert!(Folder::new(&place.0.join("nowhere")).notes().unwrap().is_none());
        for name in ["latest", "00000000000000000009.checkpoint"] {
            let mode = fs::metadata(place.0.join("out").join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(fs::metadata(place.0.join("out")).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn links_lead_nowhere() {
        let place = Place::new("links");
        let (folder, victim) = (Folder::new(&place.0.join("out")), place.0.join("victim"));
        fs::write(&victim, "untouched").unwrap();
        fs::create_dir(place.0.join("out")).unwrap();
        for name in ["latest", ".next", "00000000000000000007.checkpoint"] {
            symlink(&victim, place.0.join("out").join(name)).unwrap();
        }
        folder.keep(7, "note\n").unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
        assert_eq!(fs::read_to_string(place.0.join("out/latest")).unwrap(), "note\n");
        assert!(!fs::symlink_metadata(place.0.join("out/latest")).unwrap().is_symlink());
    }
}
