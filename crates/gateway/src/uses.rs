//! When keys were last used, on its way to the store: apart from the journal, because a backup or a sweep may hold up the
//! store's main tables, and withdrawals wait for the journal.

use std::collections::HashMap;
use std::sync::Arc;

use keyward_rules::id::KeyId;
use keyward_store::{LastUse, Usage};
use parking_lot::Mutex;
use tracing::error;

/// Keys whose last use may wait to be written.
const ROOM: usize = 1_000_000;
/// The use of a key is written once in so long: pages and the sweep count by days.
const AGAIN_MS: u64 = 60_000;
/// Uses written in one commit, for which other changes may have to wait.
const AT_ONCE: usize = 1_000;

/// The last uses that wait.
pub struct LastUses {
    usage: Usage,
    steady_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
    waiting: Mutex<HashMap<KeyId, LastUse>>,
    /// When the use of a key was last written, as far as that is less than [`AGAIN_MS`] ago.
    written: Mutex<HashMap<KeyId, u64>>,
}

/// What a flush has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Flushed {
    /// All that was due.
    All,
    /// As many as fit; others are due.
    Part,
    /// Nothing: they are kept and tried again.
    Failed,
}

impl LastUses {
    /// None yet.
    #[must_use]
    pub fn new(usage: Usage, steady_ms: Arc<dyn Fn() -> u64 + Send + Sync>) -> Self {
        Self { usage, steady_ms, waiting: Mutex::default(), written: Mutex::default() }
    }

    /// Notes a use that passed every check. Never waits for the store; a note that finds no room is made by the next use.
    pub fn note(&self, used: LastUse) {
        let mut waiting = self.waiting.lock();
        if waiting.len() < ROOM || waiting.contains_key(&used.key) {
            waiting.insert(used.key, used);
        }
    }

    /// Writes what is due: the first use of a key at once, the next ones once a minute. Whether that went well.
    pub async fn flush(&self) -> bool {
        self.write(AGAIN_MS).await
    }

    /// Writes everything that waits. Whether that went well.
    pub async fn flush_all(&self) -> bool {
        self.write(0).await
    }

    async fn write(&self, again_ms: u64) -> bool {
        loop {
            match self.write_part(again_ms).await {
                Flushed::All => return true,
                Flushed::Part => {}
                Flushed::Failed => return false,
            }
        }
    }

    async fn write_part(&self, again_ms: u64) -> Flushed {
        let now_ms = (self.steady_ms)();
        let batch = self.due(now_ms, again_ms);
        if let Err(problem) = self.usage.record(&batch).await {
            error!(%problem, "last uses cannot be written; they are kept and tried again");
            return Flushed::Failed;
        }
        let (mut waiting, mut written) = (self.waiting.lock(), self.written.lock());
        for used in &batch {
            // Unless it was used again meanwhile.
            if waiting.get(&used.key) == Some(used) {
                waiting.remove(&used.key);
            }
            written.insert(used.key, now_ms);
        }
        drop((waiting, written));
        if batch.len() == AT_ONCE { Flushed::Part } else { Flushed::All }
    }

    fn due(&self, now_ms: u64, again_ms: u64) -> Vec<LastUse> {
        let (waiting, mut written) = (self.waiting.lock(), self.written.lock());
        written.retain(|_, written_ms| now_ms.saturating_sub(*written_ms) < again_ms);
        let due = |used: &&LastUse| !written.contains_key(&used.key);
        waiting.values().filter(due).take(AT_ONCE).copied().collect()
    }
}
