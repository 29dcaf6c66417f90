//! Who may read what: the master key, the data folder, passwords and the certificate's key.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use keyward_store::Location;
use rustix::process::geteuid;

use super::{Finding, Level};
use crate::config::{Config, refuse_key_inside};

/// Where the master key lies.
const INSIDE: &str = "doctor.master_key.inside_data";
/// Who may read it.
const KEY: &str = "doctor.master_key.readable_by_others";
/// Who may enter the data folder.
const DATA: &str = "doctor.data.open_to_others";
/// Who may read its files.
const FILE: &str = "doctor.data.file_open_to_others";
/// Whose they are.
const OWNER: &str = "doctor.data.owner";
/// Who may read other secrets.
const SECRET: &str = "doctor.secret.readable_by_others";

/// The findings about files; those that are refused stop `serve`.
pub fn examine(config: &Config) -> Vec<Finding> {
    let key = &config.store.master_key_file;
    let mut found = vec![private(KEY, "the master key", key)];
    if let Ok(Location::Folder(folder)) = Location::parse(&config.store.url) {
        found.push(match refuse_key_inside(&folder, key) {
            Ok(()) => Finding::good(INSIDE, "The master key lies outside the data folder."),
            Err(_) => Finding::refused(
                INSIDE,
                "store.master_key_file lies inside the data folder: who copies the folder has the key to it.",
                "Move the master key to another folder and name it in store.master_key_file.",
            ),
        });
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
        found.push(private(SECRET, "a secret", file));
    }
    found
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

/// What the file system says of a file.
#[derive(Clone, Copy)]
struct About {
    mode: u32,
    owner: u32,
}

fn look(path: &Path) -> std::io::Result<About> {
    let about = std::fs::metadata(path)?;
    Ok(About { mode: about.permissions().mode() & 0o777, owner: about.uid() })
}

fn private(name: &'static str, what: &str, path: &Path) -> Finding {
    closed(name, what, path, look(path))
}

/// Neither group nor others may do anything with it.
fn closed(name: &'static str, what: &str, path: &Path, about: std::io::Result<About>) -> Finding {
    match about {
        Ok(About { mode, .. }) if mode & 0o077 == 0 => {
            Finding::good(name, format!("{} is its owner's alone.", path.display()))
        }
        Ok(About { mode, .. }) => Finding::refused(
            name,
            format!("{what} {} has mode {mode:04o}: others on this machine may get at it.", path.display()),
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

    use super::{About, closed, owned};
    use crate::doctor::Level;

    #[test]
    fn only_the_owner_may_do_anything() {
        let of = |about| closed("doctor.test", "the master key", Path::new("/k"), about);
        for mode in [0o600, 0o400, 0o700] {
            assert_eq!(of(Ok(About { mode, owner: 7 })).level, Level::Ok, "{mode:o}");
        }
        for mode in [0o640, 0o601, 0o620, 0o755] {
            let found = of(Ok(About { mode, owner: 7 }));
            assert!(
                found.level == Level::Refused && found.means.contains(&format!("{mode:04o}")),
                "{mode:o}"
            );
        }
        assert_eq!(of(Err(ErrorKind::NotFound.into())).level, Level::Refused);
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
