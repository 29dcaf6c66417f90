//! Where a start must be able to write: the data folder, the spool, the file of the newest change seen, and that of the
//! set-up link.

use std::path::{Path, PathBuf};

use keyward_store::Location;
use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::Finding;
use crate::config::Config;
use crate::{checkpoint, set_up_link};

const DATA: &str = "doctor.data.unwritable";
const CHECKPOINT: &str = "doctor.checkpoint_file.unusable";
const LINK: &str = "doctor.set_up_link_file.unusable";

/// The findings about places; those that are refused stop `serve`. Nothing is written.
pub fn examine(config: &Config) -> Vec<Finding> {
    let Ok(location) = Location::parse(&config.store.url) else { return Vec::new() };
    let data = match &location {
        Location::Folder(folder) => Some(folder.as_path()),
        Location::Postgres(_) => None,
    };
    let folders = [data, config.journal.spool.as_deref()];
    let mut found: Vec<Finding> = folders.into_iter().flatten().map(folder).collect();
    // A start makes the data folder, and with it the place of a file inside.
    let placed = |file: &PathBuf| file.parent() != data || data.is_some_and(Path::is_dir);
    found.extend(config.checkpoint_file(&location).filter(placed).map(|file| checkpoint_file(&file)));
    let link = config.console.as_ref().and_then(|_| config.set_up_link_file(&location));
    found.extend(link.filter(placed).map(|file| link_file(&file)));
    found
}

/// It can be written, or made.
fn folder(path: &Path) -> Finding {
    let there = path.ancestors().find(|one| one.exists()).unwrap_or(Path::new("/"));
    match writable(there) {
        Ok(()) => Finding::good(DATA, format!("{} can be written.", path.display())),
        Err(why) => Finding::refused(
            DATA,
            format!("{} cannot be written: {} {why}.", path.display(), there.display()),
            "Give the folder to the user that keyward runs as, and mount its disk for writing.",
        ),
    }
}

fn checkpoint_file(file: &Path) -> Finding {
    let beside = ["lock", "next"].map(|ending| file.with_extension(ending));
    let tried = match checkpoint::read(file) {
        Ok(_) => beside_it(file),
        Err(problem) => Err(format!("{problem:#}")),
    };
    let shut = beside
        .iter()
        .find(|one| one.exists() && accessat(CWD, *one, Access::WRITE_OK, AtFlags::EACCESS).is_err());
    match (tried, shut) {
        (Ok(()), None) => Finding::good(CHECKPOINT, format!("{} can be read and written.", file.display())),
        (Ok(()), Some(one)) => unusable(file, &format!("{} cannot be written", one.display())),
        (Err(why), _) => unusable(file, &why),
    }
}

fn unusable(file: &Path, why: &str) -> Finding {
    Finding::refused(
        CHECKPOINT,
        format!("The newest change seen cannot be kept in {}: {why}.", file.display()),
        "Name a file in gateway.checkpoint_file whose folder is there and belongs to the user that keyward runs as.",
    )
}

/// The link is written beside its file, and takes the place of whatever lies there but a folder.
fn link_file(file: &Path) -> Finding {
    let is_folder = |one: &PathBuf| one.symlink_metadata().is_ok_and(|about| about.is_dir());
    let taken = [file.to_owned(), set_up_link::beside(file)].into_iter().find(is_folder);
    let tried = match taken {
        Some(one) => Err(format!("{} is a folder", one.display())),
        None => beside_it(file),
    };
    match tried {
        Ok(()) => Finding::good(LINK, format!("{} can be written.", file.display())),
        Err(why) => Finding::refused(
            LINK,
            format!("The set-up link cannot be written to {}: {why}.", file.display()),
            "Name a file in console.set_up_link_file whose folder is there and belongs to the user that keyward runs as.",
        ),
    }
}

/// Why nothing can be put beside a file.
fn beside_it(file: &Path) -> Result<(), String> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    writable(folder).map_err(|why| format!("{} {why}", folder.display()))
}

/// Why nothing can be put into a folder.
fn writable(folder: &Path) -> Result<(), String> {
    if !folder.exists() {
        return Err("is not there".to_owned());
    }
    if !folder.is_dir() {
        return Err("is no folder".to_owned());
    }
    let asked = Access::WRITE_OK | Access::EXEC_OK;
    accessat(CWD, folder, asked, AtFlags::EACCESS).map_err(|problem| format!("refuses it: {problem}"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{checkpoint_file, folder, link_file};
    use crate::doctor::Level;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("keyward-places-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn a_folder_can_be_written_or_made() {
        let here = scratch("folder");
        std::fs::write(here.join("file"), "x").unwrap();
        for (path, expected) in [
            (here.clone(), Level::Ok),
            (here.join("new"), Level::Ok),
            (here.join("new/deep/er"), Level::Ok),
            (here.join("file"), Level::Refused),
            (here.join("file/below"), Level::Refused),
            (here.join("file/below/deep"), Level::Refused),
        ] {
            let found = folder(&path);
            assert_eq!(found.level, expected, "{}", found.means);
        }
        assert!(!here.join("new").exists(), "looking makes nothing");
        std::fs::remove_dir_all(here).unwrap();
    }

    #[test]
    fn the_newest_change_seen_can_be_kept() {
        let here = scratch("checkpoint");
        let file = |name: &str, text: &str| {
            std::fs::write(here.join(name), text).unwrap();
            here.join(name)
        };
        for (path, expected) in [
            (here.join("none yet"), Level::Ok),
            (file("one", "keyward checkpoint 1\n42\n"), Level::Ok),
            (file("two", "keyward checkpoint 2\n42\n7\n"), Level::Ok),
            (file("odd", "keyward checkpoint 3\n42\n7\n"), Level::Refused),
            (file("empty", ""), Level::Refused),
            (here.clone(), Level::Refused),
            (here.join("one/below"), Level::Refused),
            (here.join("nowhere/checkpoint"), Level::Refused),
            (here.join("odd/checkpoint"), Level::Refused),
        ] {
            let found = checkpoint_file(&path);
            assert_eq!(found.level, expected, "{}", found.means);
            assert!(found.means.contains(&path.display().to_string()), "{}", found.means);
        }
        assert!(!here.join("none yet").exists() && !here.join("one.lock").exists(), "looking makes nothing");
        std::fs::remove_dir_all(here).unwrap();
    }

    /// As `set_up_link::put` finds it when it writes.
    #[test]
    fn the_set_up_link_can_be_written() {
        let here = scratch("link");
        std::fs::write(here.join("old"), "x").unwrap();
        std::fs::create_dir_all(here.join("folder/inside")).unwrap();
        std::fs::create_dir(here.join("taken.next")).unwrap();
        for (name, to) in [("dangling", "nowhere"), ("to a file", "old"), ("to a folder", "folder")] {
            std::os::unix::fs::symlink(here.join(to), here.join(name)).unwrap();
        }
        for (name, expected) in [
            ("new", Level::Ok),
            ("old", Level::Ok),
            ("folder/new", Level::Ok),
            ("folder/inside/new", Level::Ok),
            ("to a folder/new", Level::Ok),
            ("dangling", Level::Ok),
            ("to a file", Level::Ok),
            ("to a folder", Level::Ok),
            ("folder", Level::Refused),
            ("folder/inside", Level::Refused),
            ("taken", Level::Refused),
            ("old/new", Level::Refused),
            ("none/new", Level::Refused),
            ("folder/none/new", Level::Refused),
            ("dangling/new", Level::Refused),
            ("to a file/new", Level::Refused),
        ] {
            let path = here.join(name);
            let found = link_file(&path);
            assert_eq!(found.level, expected, "{}", found.means);
            assert!(found.means.contains(&path.display().to_string()), "{}", found.means);
            let put = crate::set_up_link::put(&path, "link");
            assert_eq!(put.is_ok(), expected == Level::Ok, "{name}: {put:?}");
        }
        std::fs::remove_dir_all(here).unwrap();
    }
}
