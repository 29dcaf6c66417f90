//! The file with the first operator's set-up link: its owner's alone, and there whole or not at all.
//!
//! A log goes to places that many people read, so the link is never written there.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Puts `link` into `file`; on disk when this returns.
///
/// # Errors
/// What the file system says; then the link must not count.
pub fn put(file: &Path, link: &str) -> Result<()> {
    let next = beside(file);
    let written = write(&next, link).and_then(|()| fs::rename(&next, file)).and_then(|()| sync_folder(file));
    if written.is_err() {
        // The reason for the failure is worth more than one for not tidying up.
        let _ = fs::remove_file(&next);
    }
    written.with_context(|| {
        format!(
            "the set-up link cannot be written to {}, so there is none: make the folder writable for keyward, or name \
             another file in console.set_up_link_file",
            file.display()
        )
    })
}

/// Removes `file`, if it is there.
///
/// # Errors
/// What the file system says.
pub fn remove(file: &Path) -> Result<()> {
    let context = || format!("the set-up link in {} cannot be removed: remove it by hand", file.display());
    remove_if_there(file).with_context(context)
}

/// Where the text is written before it takes its name.
pub fn beside(file: &Path) -> PathBuf {
    let mut name = file.file_name().map(OsString::from).unwrap_or_default();
    name.push(".next");
    file.with_file_name(name)
}

/// A new file of its owner alone: never one that somebody else made, nor what a link leads to.
fn write(next: &Path, link: &str) -> io::Result<()> {
    remove_if_there(next)?;
    let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(next)?;
    writeln!(out, "{link}")?;
    out.sync_all()
}

fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn remove_if_there(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(problem) if problem.kind() != ErrorKind::NotFound => Err(problem),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::{Path, PathBuf};

    use super::{put, remove};

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("keyward-set-up-{name}-{}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap().flatten();
            let mut names: Vec<String> =
                entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn mode(file: &Path) -> u32 {
        fs::metadata(file).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_link_is_its_owners_alone_whatever_lay_there_before() {
        let folder = Folder::new("put");
        let (file, next) = (folder.0.join("set-up-link"), folder.0.join("set-up-link.next"));
        put(&file, "https://keys.example/set-up#kwo_1").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "https://keys.example/set-up#kwo_1\n");
        assert_eq!((mode(&file), folder.names()), (0o600, vec!["set-up-link".to_owned()]));
        // Files that others can read, left by hand or by a crash.
        for left in [&file, &next] {
            fs::write(left, "old").unwrap();
            fs::set_permissions(left, fs::Permissions::from_mode(0o666)).unwrap();
        }
        put(&file, "second").unwrap();
        assert_eq!((fs::read_to_string(&file).unwrap().as_str(), mode(&file)), ("second\n", 0o600));
        // Links to another file: it is not written to.
        let other = folder.0.join("other");
        for left in [&file, &next] {
            let _ = fs::remove_file(left);
            symlink(&other, left).unwrap();
        }
        put(&file, "third").unwrap();
        assert!(!other.exists() && file.symlink_metadata().unwrap().is_file());
        remove(&file).unwrap();
        remove(&file).unwrap();
        assert!(folder.names().is_empty(), "{:?}", folder.names());
    }

    #[test]
    fn a_place_that_cannot_be_written_is_told_with_advice_and_nothing_is_left() {
        let folder = Folder::new("refused");
        fs::write(folder.0.join("file"), "text").unwrap();
        fs::create_dir(folder.0.join("folder")).unwrap();
        fs::write(folder.0.join("folder/inside"), "text").unwrap();
        fs::create_dir_all(folder.0.join("taken.next/inside")).unwrap();
        for place in ["file/set-up-link", "none/set-up-link", "folder", "taken"] {
            let told = format!("{:#}", put(&folder.0.join(place), "kwo_secret").unwrap_err());
            assert!(told.contains("console.set_up_link_file") && !told.contains("kwo_secret"), "{told}");
        }
        assert_eq!(folder.names(), ["file", "folder", "taken.next"]);
    }
}
