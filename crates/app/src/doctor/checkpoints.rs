//! Whether the audit log is signed, and whether its checkpoints get out: into the folder, to the address.

use std::io::ErrorKind;
use std::path::Path;

use keyward_notify::Post;
use keyward_rules::log::{Checkpoint, SigningKey};
use keyward_rules::time::Moment;
use keyward_store::{Log, Store};
use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::Finding;
use crate::ambient;
use crate::audit::Folder;
use crate::config::Config;

const LOG: &str = "doctor.audit.checkpoint";
const DIR: &str = "doctor.audit.checkpoint_dir";
const URL: &str = "doctor.audit.checkpoint_url";

/// Milliseconds after which a record must be under a checkpoint: a server signs once a minute.
const SIGNED_WITHIN_MS: u64 = 3 * 60 * 1_000;

/// The findings about checkpoints.
pub async fn examine(config: &Config, store: &Store) -> Vec<Finding> {
    let (log, key) = (store.log(), config.audit.key(store.root()).ok());
    let mut found = vec![signed(config, &log, key.as_ref()).await];
    if let (Some(path), Some(key)) = (&config.audit.checkpoint_dir, &key) {
        found.push(folder(path, &log, key).await);
    }
    if let Some(Ok(post)) = config.audit.checkpoint_url.as_deref().map(Post::new) {
        let reached = post.try_out().await.map_err(|problem| format!("{:#}", anyhow::Error::from(problem)));
        found.push(address(reached));
    }
    found
}

/// What is not covered by a checkpoint can be rewritten without a trace.
async fn signed(config: &Config, log: &Log, key: Option<&SigningKey>) -> Finding {
    let newest = log.newest_checkpoint().await.ok().flatten().map(|(_, note)| note);
    let signed =
        newest.zip(key).and_then(|(note, key)| Checkpoint::open_any_name(&note, key.verifier()).ok());
    let covered = signed.map_or(0, |signed| signed.size);
    match log.size().await {
        Ok(size)
            if size == covered
                && config.audit.checkpoint_dir.is_none()
                && config.audit.checkpoint_url.is_none() =>
        {
            Finding::warning(
                LOG,
                "Checkpoints of the audit log stay in the store: anyone who rewrites it can rewrite them.",
                "Set audit.checkpoint_dir or audit.checkpoint_url to a place on another machine.",
            )
        }
        Ok(size) if size == covered => Finding::good(LOG, format!("All {size} audit records are signed.")),
        Ok(size) => Finding::warning(
            LOG,
            format!("{} of {size} audit records have no checkpoint.", size.saturating_sub(covered)),
            "A running server signs once a minute; if it runs, look for `no checkpoint` in its log.",
        ),
        Err(_) => Finding::refused(LOG, "The audit log cannot be read.", "Run `keyward audit verify`."),
    }
}

async fn folder(path: &Path, log: &Log, key: &SigningKey) -> Finding {
    let (Ok(size), Ok(newest)) = (log.size().await, log.newest().await) else {
        let means = "The audit log cannot be read, and is not compared with audit.checkpoint_dir.";
        return Finding::refused(DIR, means, "Run `keyward audit verify`.");
    };
    judge(path, &look(path, log, size, key).await, Written { size, newest }, ambient::now())
}

/// How far the store's log goes.
#[derive(Clone, Copy)]
struct Written {
    size: u64,
    newest: Option<Moment>,
}

/// What lies in the folder of checkpoints.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Lies {
    /// It is not there.
    NoFolder,
    /// It cannot be read or written.
    OutOfReach(String),
    /// No checkpoint yet.
    Nothing,
    /// The newest one was signed by another key, or is none.
    Foreign,
    /// It covers so many records, which are not those of the store.
    Rewritten(u64),
    /// It covers more records than there are.
    Ahead(u64),
    /// It covers the first so many records of the store, and was written then.
    Ours { size: u64, at: Moment },
}

async fn look(folder: &Path, log: &Log, size: u64, key: &SigningKey) -> Lies {
    match std::fs::metadata(folder) {
        Err(problem) if problem.kind() == ErrorKind::NotFound => return Lies::NoFolder,
        Err(problem) => return Lies::OutOfReach(problem.to_string()),
        Ok(about) if !about.is_dir() => return Lies::OutOfReach("it is no folder".to_owned()),
        Ok(_) => {}
    }
    let asked = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    if let Err(problem) = accessat(CWD, folder, asked, AtFlags::EACCESS) {
        return Lies::OutOfReach(problem.to_string());
    }
    let kept = Folder::new(folder);
    let note = match kept.latest() {
        Ok(Some(note)) => note,
        Ok(None) => return Lies::Nothing,
        Err(problem) => return Lies::OutOfReach(format!("{problem:#}")),
    };
    let Ok(checkpoint) = Checkpoint::open_any_name(&note, key.verifier()) else { return Lies::Foreign };
    if checkpoint.size > size {
        return Lies::Ahead(checkpoint.size);
    }
    if !log.root(checkpoint.size).await.is_ok_and(|root| root == checkpoint.root) {
        return Lies::Rewritten(checkpoint.size);
    }
    Lies::Ours { size: checkpoint.size, at: kept.latest_at().unwrap_or(Moment::from_unix_ms(0)) }
}

fn judge(folder: &Path, lies: &Lies, written: Written, now: Moment) -> Finding {
    const VERIFY: &str = "Keep the folder as it is and run `keyward audit verify --checkpoint` on its `latest`: docs/operating/audit.md.";
    let (place, total) = (folder.display(), written.size);
    match lies {
        Lies::NoFolder => Finding::warning(
            DIR,
            format!("{place} is not there."),
            "Mount it if it is another machine's; a server that signs makes it otherwise.",
        ),
        Lies::OutOfReach(why) => Finding::refused(
            DIR,
            format!("{place} cannot be read and written: {why}."),
            "Mount it, and give it to the user that keyward runs as.",
        ),
        Lies::Nothing => Finding::warning(
            DIR,
            format!("{place} holds no checkpoint yet."),
            "A running server writes one within a minute; if it runs, look for `checkpoints` in its log.",
        ),
        Lies::Foreign => Finding::refused(
            DIR,
            format!("The newest file in {place} is no checkpoint of this log: nothing is signed any more."),
            "Choose another folder for this log, or find out who wrote there.",
        ),
        Lies::Ahead(size) => Finding::refused(
            DIR,
            format!(
                "{place} holds a checkpoint over {size} records, but the log has {total}: it was cut off."
            ),
            VERIFY,
        ),
        Lies::Rewritten(size) => Finding::refused(
            DIR,
            format!("The first {size} records are not those of the newest checkpoint in {place}."),
            VERIFY,
        ),
        Lies::Ours { size, at } => {
            let told = format!(
                "The newest checkpoint in {place} is {} old and covers {size} of {total} audit records",
                in_words(now.ms_since(*at))
            );
            let waits_ms = written.newest.map_or(0, |newest| now.ms_since(newest));
            if *size < total && waits_ms > SIGNED_WITHIN_MS {
                let means = format!("{told}, and the newest record is {} old.", in_words(waits_ms));
                let advice = "A running server writes one every minute; if it runs, look for `checkpoints` in its log.";
                Finding::warning(DIR, means, advice)
            } else {
                Finding::good(DIR, format!("{told}."))
            }
        }
    }
}

/// The address itself is not told: it may hold a secret.
fn address(reached: Result<(), String>) -> Finding {
    match reached {
        Ok(()) => Finding::good(URL, "audit.checkpoint_url is reached; nothing was sent."),
        Err(why) => Finding::refused(
            URL,
            format!("audit.checkpoint_url is not reached: {why}."),
            "Look at the address, its certificate and the firewall; checkpoints are tried every minute until then.",
        ),
    }
}

/// `40 s`, `5 min`, `3 h`, `2 days`.
fn in_words(ms: u64) -> String {
    let minutes = ms / 60_000;
    match minutes {
        0 => format!("{} s", ms / 1_000),
        1..120 => format!("{minutes} min"),
        120..2_880 => format!("{} h", minutes / 60),
        2_880.. => format!("{} days", minutes / 1_440),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Lies, Moment, Written, address, in_words, judge};
    use crate::doctor::Level;

    const NOW: Moment = Moment::from_unix_ms(1_800_000_000_000);

    fn ago(ms: u64) -> Moment {
        Moment::from_unix_ms(NOW.unix_ms() - ms)
    }

    #[test]
    fn what_lies_in_the_folder_is_judged() {
        let written = Written { size: 10, newest: Some(ago(3_600_000)) };
        let ours = |size| Lies::Ours { size, at: ago(7_200_000) };
        for (lies, expected, part) in [
            (Lies::NoFolder, Level::Warning, "is not there"),
            (Lies::OutOfReach("no".to_owned()), Level::Refused, "no."),
            (Lies::Nothing, Level::Warning, "no checkpoint yet"),
            (Lies::Foreign, Level::Refused, "no checkpoint of this log"),
            (Lies::Ahead(12), Level::Refused, "over 12 records, but the log has 10"),
            (Lies::Rewritten(9), Level::Refused, "first 9 records"),
            (
                ours(9),
                Level::Warning,
                "is 2 h old and covers 9 of 10 audit records, and the newest record is 60 min",
            ),
            (ours(10), Level::Ok, "covers 10 of 10"),
        ] {
            let found = judge(Path::new("/mnt/a"), &lies, written, NOW);
            assert_eq!(found.level, expected, "{}", found.means);
            assert!(found.means.contains(part) && found.means.contains("/mnt/a"), "{}", found.means);
        }
        let fresh = Written { size: 10, newest: Some(ago(90_000)) };
        assert_eq!(
            judge(Path::new("/mnt/a"), &ours(9), fresh, NOW).level,
            Level::Ok,
            "its minute is not over"
        );
    }

    #[test]
    fn an_address_is_reached_or_not() {
        assert_eq!(address(Ok(())).level, Level::Ok);
        assert_eq!(address(Err("no connection".to_owned())).level, Level::Refused);
    }

    #[test]
    fn ages_are_in_words() {
        for (ms, expected) in [
            (999, "0 s"),
            (61_000, "1 min"),
            (7_140_000, "119 min"),
            (7_200_000, "2 h"),
            (172_800_000, "2 days"),
        ] {
            assert_eq!(in_words(ms), expected);
        }
    }
}
