//! Who may read what: the master key, the data folder, passwords and the certificate's key.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use keyward_store::Location;

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
    let mail = config.mail.as_ref().and_then(|mail| mail.password_file.as_ref());
    for file in [mail, config.gateway.tls_key_file.as_ref()].into_iter().flatten() {
        found.push(private(SECRET, "a secret", file));
    }
    found
}

fn inside(folder: &Path) -> Vec<Finding> {
    let owner = |path: &Path| std::fs::metadata(path).map(|about| about.uid()).ok();
    let ours = owner(Path::new("/proc/self"));
    let mut found = Vec::new();
    for name in ["keyward.db", "activity.db"] {
        let file = folder.join(name);
        if file.exists() {
            let judged = private(FILE, "a file of the store", &file);
            // The folder guards it, and opening the store takes these rights away.
            let level = if judged.level == Level::Ok { Level::Ok } else { Level::Warning };
            found.push(Finding { level, ..judged });
        }
        if file.exists() && owner(&file) != ours {
            found.push(Finding::warning(
                OWNER,
                format!("{} belongs to another user than the one who asks.", file.display()),
                "Run this as the user that keyward runs as; if that is who you are, give the file to that user.",
            ));
        }
    }
    found
}

/// Neither group nor others may do anything with it.
fn private(name: &'static str, what: &str, path: &Path) -> Finding {
    match std::fs::metadata(path).map(|about| about.permissions().mode() & 0o777) {
        Ok(mode) if mode & 0o077 == 0 => {
            Finding::good(name, format!("{} is its owner's alone.", path.display()))
        }
        Ok(mode) => Finding::refused(
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
