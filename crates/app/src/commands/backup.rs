//! `keyward backup`: the store in a new folder, whole or not at all.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use keyward_store::{BACKUP_PARTS, copy};
use serde_json::json;

use super::place;
use crate::arguments::backup::Backup;
use crate::backup::{MANIFEST_FILE, Manifest, Staging};
use crate::files::write_private;
use crate::{ambient, output};

/// How often a terminal is told how far the copy is.
const TELL: Duration = Duration::from_millis(200);

/// Takes the backup.
pub async fn run(options: Backup) -> Result<()> {
    let place = place(&options.store)?;
    let (folder, master) = (place.folder()?.to_owned(), place.master()?);
    if options.to.exists() {
        bail!("{} is there already; name a new folder", options.to.display());
    }
    let mut partial = options.to.clone().into_os_string();
    partial.push(".partial");
    let staging = Staging::new(PathBuf::from(partial))?;
    let now = ambient::now();
    let into = staging.path().to_owned();
    let from = folder.clone();
    let copying = tokio::task::spawn_blocking(move || copy(&from, &into));
    let copied = tell_until(copying, &folder, staging.path()).await.context("the copy was interrupted")?;
    let copied = copied.with_context(|| format!("{} cannot be backed up", folder.display()))?;
    let manifest = Manifest::of(&copied, &master, now)?;
    let text = format!("{:#}\n", serde_json::to_value(&manifest)?);
    write_private(&staging.path().join(MANIFEST_FILE), &text)?;
    staging.become_folder(&options.to)?;
    let shown = if options.output.json {
        output::data(json!({"backup": options.to, "taken_at_ms": manifest.taken_at_ms,
            "revision": manifest.revision, "audit_size": manifest.audit_size, "audit_root": manifest.audit_root}))
    } else {
        let shown = output::data(options.to.display());
        output::note(format_args!(
            "It contains everything up to change {} and audit record {}, but not the master key: keep a copy of that elsewhere.",
            manifest.revision, manifest.audit_size
        ));
        shown
    };
    shown.with_context(|| format!("the backup {} was made, but not shown", options.to.display()))
}

/// Waits for the copy; a terminal sees how much of it is there.
async fn tell_until<T>(
    mut copying: tokio::task::JoinHandle<T>,
    from: &Path,
    to: &Path,
) -> Result<T, tokio::task::JoinError> {
    let shown = std::io::stderr().is_terminal();
    loop {
        tokio::select! {
            copied = &mut copying => {
                if shown {
                    output::progress(format_args!("\r{:44}\r", ""));
                }
                return copied;
            }
            () = tokio::time::sleep(TELL) => {}
        }
        if shown {
            let (done, all) = (bytes(to), bytes(from).max(1));
            let parts = usize::try_from((done * 30 / all).min(30)).unwrap_or(30);
            let percent = (done * 100 / all).min(99);
            output::progress(format_args!("\r[{:<30}] {percent:>3} %", "#".repeat(parts)));
        }
    }
}

fn bytes(folder: &Path) -> u64 {
    BACKUP_PARTS
        .iter()
        .filter_map(|name| std::fs::metadata(folder.join(name)).ok())
        .map(|about| about.len())
        .sum()
}
