//! Keeps the memory in step with the store: everything at the start, then changes by number.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keyward_rules::alert::KeyObservation;
use keyward_rules::id::{KeyId, Revision};
use keyward_rules::time::Moment;
use keyward_store::{AppRecord, Feed, LoadedKey, Position, States, StoreError, Subject, Watch};
use parking_lot::Mutex;
use tracing::{error, info};

use crate::alarms::ObservationSender;
use crate::lease::Lease;
use crate::memory::{Applied, Memory};

/// Findings that the log tells one by one.
const FINDINGS: usize = 20;
/// Changes read at once.
const BATCH: u64 = 1_000;

/// Follows the feed into a memory.
pub struct Follower {
    feed: Feed,
    facts: Facts,
    position: Position,
    lease: Arc<Lease>,
    watch: Watch,
}

/// Where facts go, and where it is told that one does not verify.
#[derive(Clone)]
pub struct Facts {
    /// The memory.
    pub memory: Arc<Memory>,
    /// The way to the holder.
    pub alarms: Arc<ObservationSender>,
    /// Keys whose rows open, but are not what the audit log says: they stay held, however often their rows are read.
    put_back: Arc<Mutex<BTreeSet<KeyId>>>,
}

impl Follower {
    /// Loads everything.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read; altered rows are held keys and no error.
    pub async fn start(feed: Feed, facts: Facts, lease: Arc<Lease>, now_ms: u64) -> Result<Self, StoreError> {
        let watch = feed.watch().await?;
        let count = Arc::new(AtomicU64::new(0));
        let (filled, counted) = (facts.clone(), Arc::clone(&count));
        let take_one = move |key: LoadedKey| {
            counted.fetch_add(1, Ordering::Relaxed);
            filled.take(&key);
        };
        let loaded = feed.load(take_one).await?;
        facts.take_apps(&loaded.apps);
        lease.renew(now_ms);
        info!(keys = count.load(Ordering::Relaxed), revision = loaded.revision.0, "facts loaded");
        Ok(Self { feed, facts, position: Position::at(loaded.revision), lease, watch })
    }

    /// Waits until something may have changed: a tenth of a second at most. False when it is known that nothing has.
    pub async fn changed(&mut self) -> bool {
        self.watch.changed().await
    }

    /// Reads what changed since the last call; gives the number now reached.
    ///
    /// # Errors
    /// [`StoreError`]; what was applied before stays, and the lease runs on.
    pub async fn catch_up(&mut self, now_ms: u64) -> Result<Revision, StoreError> {
        loop {
            let changes = self.feed.since(&self.position, BATCH).await?;
            let count = changes.len() as u64;
            for change in changes {
                match &change.subject {
                    Subject::Key(id) => match self.feed.key(*id).await? {
                        Some(key) => self.facts.take(&key),
                        None => self.facts.memory.forget(*id),
                    },
                    Subject::App(id) => {
                        let app = self.feed.app(*id).await?;
                        if app.is_none() {
                            error!(app = %id, "the app's stored record was altered or is missing: its keys do not work");
                        }
                        if self.facts.memory.apply_app(*id, app.as_ref()) {
                            put_back(*id);
                        }
                    }
                    Subject::Unreadable => {
                        error!(
                            change = change.revision.0,
                            "a change in the feed cannot be read, and is passed over"
                        );
                    }
                }
                self.position = Position::of(change);
            }
            if count < BATCH {
                self.lease.renew(now_ms);
                return Ok(self.position.revision);
            }
        }
    }

    /// How far it is vouched for.
    #[must_use]
    pub fn lease(&self) -> Arc<Lease> {
        Arc::clone(&self.lease)
    }

    /// What looks for rows that were altered behind the feed's back, beside the following.
    #[must_use]
    pub fn scrubber(&self) -> Scrubber {
        Scrubber { feed: self.feed.clone(), facts: self.facts.clone() }
    }
}

/// Looks for rows that were altered behind the feed's back.
pub struct Scrubber {
    feed: Feed,
    facts: Facts,
}

impl Scrubber {
    /// Holds every row against the audit log. Keys whose rows do not fit are held: a row that was put back has a seal that opens.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn check(&self, states: &States) -> Result<(), StoreError> {
        let verdict = states.check(|_| {}).await?;
        for finding in verdict.findings.iter().take(FINDINGS) {
            error!(%finding, "the store was altered; run `keyward audit verify --state` for details");
        }
        let found: BTreeSet<KeyId> = verdict.keys.into_iter().collect();
        let before = std::mem::replace(&mut *self.facts.put_back.lock(), found.clone());
        for key in &found {
            self.facts.memory.break_seal(*key);
            self.facts.alarm(*key);
        }
        // What fits again, because a change came after it, is read as any other row.
        for key in before.difference(&found) {
            if let Some(key) = self.feed.key(*key).await? {
                self.facts.take(&key);
            }
        }
        Ok(())
    }

    /// Reads every row again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn scrub(&self) -> Result<(), StoreError> {
        if let Some(name) = self.feed.foreign().await? {
            error!(name, "the database has a trigger, rule, policy or view that this program did not make");
        }
        let facts = self.facts.clone();
        let loaded = self.feed.load(move |key| facts.take(&key)).await?;
        self.facts.take_apps(&loaded.apps);
        Ok(())
    }
}

/// Somebody with access to the database put an older row in the place of a newer one.
fn put_back(app: keyward_rules::id::AppId) {
    error!(%app, "the app's stored record is older than one seen before: its keys do not work");
}

impl Facts {
    /// Facts that go into `memory`.
    #[must_use]
    pub fn new(memory: Arc<Memory>, alarms: Arc<ObservationSender>) -> Self {
        Self { memory, alarms, put_back: Arc::default() }
    }

    fn take_apps(&self, apps: &[AppRecord]) {
        self.memory.apply_apps(apps).into_iter().for_each(put_back);
    }

    /// Puts one key into the memory. One whose row does not verify is held, and its holder is told: the log says it each
    /// time that it is read, the alarm once.
    fn take(&self, key: &LoadedKey) {
        let (id, applied) = match key {
            LoadedKey::Intact(record)
                if !record.life.is_over() && self.put_back.lock().contains(&record.id) =>
            {
                (record.id, self.memory.break_seal(record.id))
            }
            LoadedKey::Intact(record) => (record.id, self.memory.apply(record)),
            LoadedKey::Broken(id) => {
                error!(key = %id, "the key's stored record was altered outside the program: the key is held");
                self.alarm(*id);
                (*id, self.memory.break_seal(*id))
            }
        };
        match applied {
            Applied::Stored | Applied::Older => {}
            Applied::RolledBack => {
                error!(key = %id, "the key's stored record is older than one seen before: the key is held");
                self.alarm(id);
            }
            Applied::Full => error!(key = %id, "no room for more keys: the key is unknown here"),
        }
    }

    fn alarm(&self, id: KeyId) {
        // Not by the hour: what was altered stays altered, and one word is enough.
        self.alarms.raise(KeyObservation::Altered(id), Moment::from_unix_ms(0));
    }
}
