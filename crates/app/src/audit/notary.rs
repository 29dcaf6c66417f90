//! Signs the log as it stands, if it is a continuation of what was signed before, and sees that the note gets out.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use keyward_notify::Post;
use keyward_rules::log::{Checkpoint, SigningKey};
use keyward_rules::time::Moment;
use keyward_store::Log;
use tokio::time::MissedTickBehavior;
use tracing::{error, info, warn};

use super::Folder;
use crate::ambient;

/// How often the log is looked at.
const EVERY: Duration = Duration::from_secs(60);

/// Who signs.
pub struct Notary {
    log: Log,
    key: SigningKey,
    folder: Option<Folder>,
    post: Option<Post>,
    /// The last checkpoint that is known to be signed, here or by what lies in the folder.
    last: Option<Checkpoint>,
    /// Not yet in the folder.
    unkept: Option<(u64, String)>,
    /// Not yet sent.
    unsent: Option<String>,
    /// What was said already, so that an outage is one line and not one a minute.
    said: Said,
}

#[derive(Default)]
struct Said {
    unsigned: bool,
    unkept: bool,
    unsent: bool,
}

impl Notary {
    /// Takes up where the folder's newest checkpoint ends.
    pub fn new(log: Log, key: SigningKey, folder: Option<Folder>, post: Option<Post>) -> Result<Self> {
        let note = folder.as_ref().map(Folder::latest).transpose()?.flatten();
        let last = note.map(|note| Checkpoint::open_any_name(&note, key.verifier())).transpose();
        let last = last.context(
            "the newest file in audit.checkpoint_dir is no checkpoint of this log; look into it, or choose another folder",
        )?;
        Ok(Self { log, key, folder, post, last, unkept: None, unsent: None, said: Said::default() })
    }

    /// Signs what came since the last time, and lets out what is not out yet.
    pub async fn look(&mut self, now: Moment) {
        match self.sign(now).await {
            Ok(None) => {}
            Ok(Some((size, note))) => {
                self.unkept = Some((size, note.clone()));
                self.unsent = Some(note);
                self.said.unsigned = false;
            }
            Err(problem) if !self.said.unsigned => {
                self.said.unsigned = true;
                error!("no checkpoint of the audit log is signed: {problem:#}");
            }
            Err(_) => {}
        }
        self.keep();
        self.send().await;
    }

    /// A new checkpoint, if the log grew. Whoever signs a log that is no continuation makes a rewrite official.
    async fn sign(&mut self, now: Moment) -> Result<Option<(u64, String)>> {
        let stored = self.log.newest_checkpoint().await?.map(|(_, note)| note);
        let stored = stored.map(|note| Checkpoint::open_any_name(&note, self.key.verifier())).transpose();
        let stored =
            stored.context("the newest stored checkpoint does not count; run `keyward audit verify`")?;
        let size = self.log.size().await?;
        for before in [stored.as_ref(), self.last.as_ref()].into_iter().flatten() {
            if before.size > size {
                bail!(
                    "it has {size} records, but {} were signed already: it was cut off, or a backup was restored; run \
                     `keyward audit verify`",
                    before.size
                );
            }
            if self.log.root(before.size).await? != before.root {
                bail!(
                    "its first {} records are not those that were signed: run `keyward audit verify`",
                    before.size
                );
            }
        }
        let known = stored.as_ref().map_or(0, |before| before.size);
        if size == known {
            // Another node may have signed it; the places of this one get it all the same.
            let fresh = self.last.as_ref().is_none_or(|last| last.size < size);
            self.last = self.last.take().filter(|_| !fresh).or(stored);
            let note = if fresh { self.log.newest_checkpoint().await? } else { None };
            return Ok(note);
        }
        let root = self.log.root(size).await?;
        let checkpoint = Checkpoint { origin: self.key.verifier().origin().clone(), size, root };
        let note = checkpoint.sign(&self.key);
        self.log.keep_checkpoint(size, &note, now).await?;
        self.last = Some(checkpoint);
        Ok(Some((size, note)))
    }

    fn keep(&mut self) {
        let (Some(folder), Some((size, note))) = (&self.folder, &self.unkept) else { return };
        match folder.keep(*size, note) {
            Ok(()) => {
                if std::mem::take(&mut self.said.unkept) {
                    info!("checkpoints of the audit log are written again");
                }
                self.unkept = None;
            }
            Err(problem) if !self.said.unkept => {
                self.said.unkept = true;
                error!(
                    "checkpoints of the audit log cannot be written, and are tried every minute: {problem:#}"
                );
            }
            Err(_) => {}
        }
    }

    async fn send(&mut self) {
        let (Some(post), Some(note)) = (&self.post, &self.unsent) else { return };
        match post.send(note).await {
            Ok(()) => {
                if std::mem::take(&mut self.said.unsent) {
                    info!("checkpoints of the audit log are taken again");
                }
                self.unsent = None;
            }
            Err(problem) if !self.said.unsent => {
                self.said.unsent = true;
                let problem = anyhow::Error::from(problem);
                warn!("checkpoints of the audit log are not taken, and are tried every minute: {problem:#}");
            }
            Err(_) => {}
        }
    }
}

/// Looks once a minute until aborted.
pub async fn run(mut notary: Notary) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        notary.look(ambient::now()).await;
    }
}
