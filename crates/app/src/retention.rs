//! How long the journal is kept, and how much of the disk it may take.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keyward_gateway::day_sums::day_of;
use keyward_rules::limits::DAY_MS;
use keyward_rules::time::Moment;
use keyward_store::{Forgotten, Journal, Store, StoreError};
use serde::{Deserialize, Serialize};
use tracing::warn;

const MIB: u64 = 1 << 20;
/// Records dropped in one transaction, and pages of them in one sweep.
const PAGE: u32 = 5_000;
const PAGES: u32 = 200;

/// The journal's settings.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalSettings {
    /// How many days records of requests are kept; intents, the records around money, stay.
    pub keep_days: u64,
    /// How many MiB records of requests may take.
    pub max_mib: u64,
    /// How many MiB of the disk are left to the keys; with less free, requests are counted and not recorded.
    pub reserve_mib: u64,
    /// A folder of this machine's disk, of one gateway alone, in which records wait for PostgreSQL. Without it requests wait
    /// for the database themselves.
    pub spool: Option<PathBuf>,
    /// How many MiB may wait there; with more, requests are counted and not recorded.
    pub spool_mib: u64,
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self { keep_days: 90, max_mib: 10_240, reserve_mib: 512, spool: None, spool_mib: 4_096 }
    }
}

impl JournalSettings {
    /// What cannot be used.
    pub fn mistakes(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.keep_days == 0 {
            found.push("journal.keep_days must be at least 1".to_owned());
        }
        if self.max_mib == 0 {
            found.push("journal.max_mib must be at least 1".to_owned());
        }
        if self.spool_mib == 0 {
            found.push("journal.spool_mib must be at least 1".to_owned());
        }
        found
    }

    /// Whether there is room for records of requests: the disk of `folder` has more free than is left to the keys, and the
    /// spool, which takes `used` bytes, is not larger than it may be. Where the disk cannot be looked at, it counts as free.
    pub fn room(
        &self,
        folder: Option<PathBuf>,
        used: Option<Arc<AtomicU64>>,
    ) -> Arc<dyn Fn() -> bool + Send + Sync> {
        let reserve = self.reserve_mib.saturating_mul(MIB);
        let most = self.spool_mib.saturating_mul(MIB);
        let folder = self.spool.clone().or(folder);
        Arc::new(move || {
            let has_room = folder.as_deref().and_then(free_bytes).is_none_or(|free| free > reserve);
            has_room && used.as_ref().is_none_or(|used| used.load(Ordering::Relaxed) < most)
        })
    }

    /// Drops what is too old, then the oldest of what is too much, page by page or day by day; what is left over goes with the
    /// next sweep.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget(&self, journal: &Journal, now: Moment) -> Result<(), StoreError> {
        let kept = self.keep_days.saturating_mul(DAY_MS);
        let kept_since = Moment::from_unix_ms(now.unix_ms().saturating_sub(kept));
        for _ in 0..PAGES {
            if journal.forget(kept_since, PAGE).await? < u64::from(PAGE) {
                break;
            }
        }
        let most = self.max_mib.saturating_mul(MIB);
        let mut dropped = Forgotten::default();
        for _ in 0..PAGES {
            if journal.used_bytes().await? <= most {
                break;
            }
            let more = journal.forget_oldest(now, PAGE).await?;
            if more.is_nothing() {
                warn!(
                    max_mib = self.max_mib,
                    "the journal is larger than it may be, and what is left is today's or in use: nothing can be dropped now"
                );
                break;
            }
            dropped = dropped.and(more);
        }
        if !dropped.is_nothing() {
            warn!(
                records = dropped.records,
                days = dropped.days,
                max_mib = self.max_mib,
                "the journal was larger than it may be: its oldest records were dropped"
            );
        }
        journal.forget_marks(now).await?;
        journal.forget_reserved(day_of(now).saturating_sub(1)).await?;
        journal.forget_charts(now).await
    }
}

/// The store with the last of its disk reserved for changes that take rights away.
pub fn reserved(store: Store) -> Store {
    match store.folder().map(Path::to_path_buf) {
        Some(folder) => store.reserved(Arc::new(move || free_bytes(&folder))),
        None => store,
    }
}

fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::JournalSettings;

    #[test]
    fn a_disk_has_room_or_not() {
        let here = std::env::temp_dir();
        let with = |reserve_mib| JournalSettings { reserve_mib, ..JournalSettings::default() };
        assert!(with(0).room(Some(here.clone()), None)());
        assert!(!with(u64::MAX >> 20).room(Some(here), None)());
        assert!(with(u64::MAX >> 20).room(None, None)());
        let used = Arc::new(AtomicU64::new(0));
        let room = JournalSettings { spool_mib: 1, ..with(0) }.room(None, Some(Arc::clone(&used)));
        for (bytes, expected) in [(0, true), ((1 << 20) - 1, true), (1 << 20, false), (5, true)] {
            used.store(bytes, Ordering::Relaxed);
            assert_eq!(room(), expected, "{bytes}");
        }
    }

    #[test]
    fn nothing_at_all_is_a_mistake() {
        assert!(JournalSettings::default().mistakes().is_empty());
        let none = JournalSettings { keep_days: 0, max_mib: 0, reserve_mib: 0, spool: None, spool_mib: 0 };
        assert_eq!(none.mistakes().len(), 3);
    }
}
