//! Who may read and change what: the master key, the data folder, passwords, the certificate's key, the configuration; and
//! whether the master key can be read.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use keyward_store::Location;
use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::process::geteuid;

use super::own_group::OwnGroups;
use super::{Finding, Level};
use crate::config::Config;
use crate::files::refuse_key_inside;
use crate::master_key_source::MasterKeySource;

/// That there is a master key.
const READ: &str = "doctor.master_key";
/// Where the master key lies.
const INSIDE: &str = "doctor.master_key.inside_data";
/// Who may read it.
const KEY: &str = "doctor.master_key.readable_by_others";
/// That it is not there, where it comes from no file.
const MISSING: &str = "doctor.master_key.missing";
/// Who may enter the data folder.
const DATA: &str = "doctor.data.open_to_others";
/// Who may read its files.
const FILE: &str = "doctor.data.file_open_to_others";
/// Whose they are.
const OWNER: &str = "doctor.data.owner";
/// Who may read other secrets.
const SECRET: &str = "doctor.secret.readable_by_others";
/// Who may change the configuration.
const SETTINGS: &str = "doctor.config.writable_by_others";

/// The findings about files; those that are refused stop `serve`. `file` is the configuration itself.
pub fn examine(config: &Config, file: &Path) -> Vec<Finding> {
    let ours = OwnGroups::look();
    let mut found = settings(file, ours.user);
    let source = config.store.master_key().ok();
    found.extend(source.iter().flat_map(|source| master_key(source, &ours)));
    if let Ok(Location::Folder(folder)) = Location::parse(&config.store.url) {
        found.extend(source.map(|source| outside(&folder, &source)));
        if folder.exists() {
            found.push(private(DATA, "the data folder", &folder));
            found.extend(inside(&folder));
        }
    }
    if let Some(spool) = config.journal.spool.as_ref().filter(|spool| spool.exists()) {
        found.push(private(DATA, "the journal's spool", spool));
    }
    let mail = config.mail.as_ref().and_then(|mail| mail.password_file.as_ref());
    for file in [mail, config.gateway.tls_key_file.as_ref()].into_iter().flatten() {
        found.push(secret(SECRET, "a secret", file, &ours));
    }
    found
}

/// Whether the master key can be read, and who else may where it is kept.
fn master_key(source: &MasterKeySource, ours: &OwnGroups) -> Vec<Finding> {
    let (name, advice) = match source {
        MasterKeySource::File(_) => (
            READ,
            "Put the master key there that the store was made with; `keyward init` makes one for a new store.",
        ),
        MasterKeySource::Variable(_) | MasterKeySource::Credential(_) => {
            (MISSING, "Set it where the service is started, or name a file in store.master_key_file.")
        }
    };
    let read = match source.read() {
        Ok(_) => Finding::good(READ, "The master key can be read."),
        Err(problem) => Finding::refused(name, format!("There is no master key: {problem:#}."), advice),
    };
    let readers = match source {
        MasterKeySource::File(file) => Some(secret(KEY, "the master key", file, ours)),
        MasterKeySource::Variable(_) | MasterKeySource::Credential(_) if read.level == Level::Refused => None,
        MasterKeySource::Variable(name) => Some(Finding::note(
            KEY,
            format!(
                "The master key is in the variable {name}: root and every program of this user can read it."
            ),
            "A credential of systemd or a file of mode 0600 is not handed on to other programs; docs/operating/keys.md.",
        )),
        MasterKeySource::Credential(name) => {
            let means = format!("systemd hands over the credential {name}, to this service alone.");
            Some(Finding::good(KEY, means))
        }
    };
    std::iter::once(read).chain(readers).collect()
}

fn outside(folder: &Path, source: &MasterKeySource) -> Finding {
    match refuse_key_inside(folder, source) {
        Ok(()) => Finding::good(INSIDE, "The master key lies outside the data folder."),
        Err(_) => Finding::refused(
            INSIDE,
            "store.master_key_file is inside the data folder: anyone who copies the folder also has the key.",
            "Move the master key to another folder and name it in store.master_key_file.",
        ),
    }
}

/// A user who can change the configuration can name another master key, another exchange, another mail server.
fn settings(file: &Path, ours: u32) -> Vec<Finding> {
    let written = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    // Behind a link lies another folder.
    let really = written.canonicalize().unwrap_or_else(|_| written.clone());
    let folders = [&written, &really].map(|path| path.parent().map(Path::to_path_buf));
    let mut paths: Vec<PathBuf> = folders.into_iter().flatten().chain([really]).collect();
    paths.dedup();
    let judged = paths.iter().map(|path| unaltered(path, look(path), ours));
    let refused: Vec<Finding> = judged.filter(|one| one.level == Level::Refused).collect();
    if refused.is_empty() {
        let means = format!("Nobody else changes {} or replaces it.", file.display());
        return vec![Finding::good(SETTINGS, means)];
    }
    refused
}

fn inside(folder: &Path) -> Vec<Finding> {
    let ours = geteuid().as_raw();
    let mut found = Vec::new();
    for name in ["keyward.db", "activity.db"] {
        let file = folder.join(name);
        if file.exists() {
            let judged = private(FILE, "a file of the store", &file);
            // The folder guards it, and opening the store takes these rights away.
            let level = if judged.level == Level::Ok { Level::Ok } else { Level::Warning };
            found.push(Finding { level, ..judged });
            found.extend(look(&file).ok().map(|about| owned(&file, about.owner, ours)));
        }
    }
    found
}

/// What the file system says of a file or folder.
#[derive(Clone, Copy)]
struct About {
    /// Rights, and the bit that lets only owners replace files in a folder.
    mode: u32,
    owner: u32,
    group: u32,
    change: Change,
}

/// Whether it can be changed at all.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Possible,
    /// It lies on a file system that is mounted read-only.
    Impossible,
}

/// Only owners of files replace them in such a folder.
const STICKY: u32 = 0o1000;

fn look(path: &Path) -> std::io::Result<About> {
    let about = std::fs::metadata(path)?;
    let fixed = statvfs(path).is_ok_and(|mount| mount.f_flag.contains(StatVfsMountFlags::RDONLY));
    let change = if fixed { Change::Impossible } else { Change::Possible };
    let kept = if about.is_dir() { 0o777 | STICKY } else { 0o777 };
    Ok(About { mode: about.mode() & kept, owner: about.uid(), group: about.gid(), change })
}

/// Only its owner may change it, who is root or the user who asks; or it cannot be changed at all.
fn unaltered(path: &Path, about: std::io::Result<About>, ours: u32) -> Finding {
    const ADVICE: &str = "Give it to root or to the user that keyward runs as, and take the others' right to write: chmod go-w. \
         Run this as that user.";
    match about {
        Ok(About { change: Change::Impossible, .. }) => {
            Finding::good(SETTINGS, format!("{} is mounted read-only.", path.display()))
        }
        Ok(About { owner, .. }) if owner != 0 && owner != ours => Finding::refused(
            SETTINGS,
            format!("{} belongs to user {owner}, and user {ours} asks.", path.display()),
            ADVICE,
        ),
        Ok(About { mode, .. }) if mode & 0o022 == 0 || mode & STICKY != 0 => {
            Finding::good(SETTINGS, format!("{} is changed by its owner alone.", path.display()))
        }
        Ok(About { mode, .. }) => Finding::refused(
            SETTINGS,
            format!("{} has mode {mode:04o}: others on this machine may change it.", path.display()),
            ADVICE,
        ),
        Err(problem) => Finding::refused(
            SETTINGS,
            format!("{} cannot be looked at: {problem}.", path.display()),
            "Run this as the user that keyward runs as.",
        ),
    }
}

/// A file that only its owner may read, or a group that is this process's alone as well.
fn secret(name: &'static str, what: &str, path: &Path, ours: &OwnGroups) -> Finding {
    shared(name, what, path, look(path), ours)
}

fn shared(
    name: &'static str,
    what: &str,
    path: &Path,
    about: std::io::Result<About>,
    ours: &OwnGroups,
) -> Finding {
    match about {
        Ok(About { mode, owner, group, .. })
            if mode & 0o077 == 0o040 && (owner == 0 || owner == ours.user) && ours.are_alone_in(group) =>
        {
            let means = format!("{} is read by group {group}, which has no other member.", path.display());
            Finding::good(name, means)
        }
        other => closed(name, what, path, other),
    }
}

fn private(name: &'static str, what: &str, path: &Path) -> Finding {
    closed(name, what, path, look(path))
}

/// Neither group nor others may do anything with it.
fn closed(name: &'static str, what: &str, path: &Path, about: std::io::Result<About>) -> Finding {
    match about {
        Ok(About { mode, .. }) if mode & 0o077 == 0 => {
            Finding::good(name, format!("Only the owner can access {}.", path.display()))
        }
        Ok(About { mode, .. }) => Finding::refused(
            name,
            format!("{what} {} has mode {mode:04o}: others on this machine can access it.", path.display()),
            "Take the rights of group and others away: chmod go-rwx.",
        ),
        Err(problem) => Finding::refused(
            name,
            format!("{what} {} cannot be looked at: {problem}.", path.display()),
            "Name a file that is there, and run this as the user that keyward runs as.",
        ),
    }
}

fn owned(file: &Path, owner: u32, ours: u32) -> Finding {
    if owner == ours {
        return Finding::good(OWNER, format!("{} belongs to the user who asks.", file.display()));
    }
    Finding::warning(
        OWNER,
        format!("{} belongs to user {owner}, and user {ours} asks.", file.display()),
        "Run this as the user that keyward runs as; if that is who you are, give the file to that user.",
    )
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::path::Path;

    use super::{About, Change, OwnGroups, closed, owned, shared, unaltered};
    use crate::doctor::Level;

    fn about(mode: u32, owner: u32, group: u32) -> About {
        About { mode, owner, group, change: Change::Possible }
    }

    #[test]
    fn only_the_owner_may_do_anything() {
        let of = |about| closed("doctor.test", "the master key", Path::new("/k"), about);
        for mode in [0o600, 0o400, 0o700] {
            assert_eq!(of(Ok(about(mode, 7, 7))).level, Level::Ok, "{mode:o}");
        }
        for mode in [0o640, 0o601, 0o620, 0o755] {
            let found = of(Ok(about(mode, 7, 7)));
            assert!(
                found.level == Level::Refused && found.means.contains(&format!("{mode:04o}")),
                "{mode:o}"
            );
        }
        assert_eq!(of(Err(ErrorKind::NotFound.into())).level, Level::Refused);
    }

    #[test]
    fn a_group_of_ones_own_may_read_a_secret() {
        let ours = OwnGroups::of("", "keyward:x:990:\nothers:x:2001:ann\nshared:x:2000:ann\n");
        let level = |about| shared("doctor.test", "a secret", Path::new("/k"), Ok(about), &ours).level;
        for good in [
            about(0o440, 0, 990),
            about(0o640, 0, 990),
            about(0o440, 990, 990),
            about(0o640, 990, 990),
            about(0o600, 0, 0),
            about(0o400, 990, 2000),
        ] {
            assert_eq!(level(good), Level::Ok, "{:o} {} {}", good.mode, good.owner, good.group);
        }
        for bad in [
            about(0o640, 990, 0),
            about(0o440, 0, 0),
            about(0o640, 990, 2000),
            about(0o640, 990, 2001),
            about(0o640, 990, 3000),
            about(0o640, 1000, 990),
            about(0o604, 990, 990),
            about(0o644, 990, 990),
            about(0o660, 990, 990),
            about(0o620, 990, 990),
            about(0o650, 990, 990),
        ] {
            assert_eq!(level(bad), Level::Refused, "{:o} {} {}", bad.mode, bad.owner, bad.group);
        }
    }

    #[test]
    fn nobody_else_changes_the_configuration() {
        let level = |about| unaltered(Path::new("/c"), Ok(about), 990).level;
        let fixed = |one: About| About { change: Change::Impossible, ..one };
        for good in [
            about(0o600, 990, 990),
            about(0o644, 990, 990),
            about(0o644, 0, 0),
            about(0o755, 0, 0),
            about(0o700, 990, 990),
            about(0o1777, 0, 0),
            fixed(about(0o777, 0, 0)),
            fixed(about(0o1777, 0, 990)),
            fixed(about(0o664, 0, 990)),
            fixed(about(0o644, 1000, 1000)),
        ] {
            assert_eq!(level(good), Level::Ok, "{:o} {}", good.mode, good.owner);
        }
        for bad in [
            about(0o664, 990, 990),
            about(0o620, 0, 990),
            about(0o602, 990, 990),
            about(0o666, 0, 0),
            about(0o775, 0, 0),
            about(0o757, 990, 990),
            about(0o777, 990, 990),
            about(0o644, 1000, 990),
            about(0o600, 1000, 1000),
            about(0o1777, 1000, 1000),
        ] {
            assert_eq!(level(bad), Level::Refused, "{:o} {}", bad.mode, bad.owner);
        }
        assert_eq!(unaltered(Path::new("/c"), Err(ErrorKind::NotFound.into()), 990).level, Level::Refused);
    }

    #[test]
    fn a_file_of_another_user_is_told() {
        assert_eq!(owned(Path::new("/d"), 7, 7).level, Level::Ok);
        let found = owned(Path::new("/d"), 0, 7);
        assert!(
            found.level == Level::Warning && found.means.contains("user 0, and user 7"),
            "{}",
            found.means
        );
    }
}
