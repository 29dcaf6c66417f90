//! The journal's queue: requests hand their records in, a writer commits whatever waits, without a timer.
//!
//! Also moves the replay horizon and flushes last uses, because both are due before what depends on them is
//! answered. The queue is bounded: a record of a read that finds no room is dropped and counted; one that is
//! owed refuses its request.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keyward_rules::id::KeyId;
use keyward_rules::time::Moment;
use keyward_store::{Intent, Journal, LastUse, Outcome, Record, Usage};
use tokio::sync::{mpsc, oneshot};
use tracing::error;

use crate::marks::Marks;

/// Records that may wait.
const QUEUE: usize = 65_536;
/// Records in one commit at most.
const BATCH: usize = 4_096;
/// Keys whose last use may wait to be flushed.
const USES: usize = 1_000_000;

enum Entry {
    Record(Box<Record>),
    Use(LastUse),
    Intent(Box<Intent>, oneshot::Sender<bool>),
    Outcome(Outcome),
    Horizon(oneshot::Sender<bool>),
    Flush(oneshot::Sender<bool>),
}

/// The way in, one for all runtimes.
#[derive(Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Entry>,
    dropped: Arc<AtomicU64>,
}

/// The writer's end; run it on its own runtime.
pub struct Writer {
    queue: mpsc::Receiver<Entry>,
    journal: Journal,
    usage: Usage,
    marks: Arc<Marks>,
    node: String,
}

/// Makes both ends.
#[must_use]
pub fn recorder(journal: Journal, usage: Usage, marks: Arc<Marks>, node: String) -> (Recorder, Writer) {
    let (send, queue) = mpsc::channel(QUEUE);
    let recorder = Recorder { queue: send, dropped: Arc::default() };
    (recorder, Writer { queue, journal, usage, marks, node })
}

impl Recorder {
    /// Hands a finished request in; never waits.
    pub fn record(&self, record: Record) {
        if self.queue.try_send(Entry::Record(Box::new(record))).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes a use that passed every check; never waits. A lost note is refreshed by the next use.
    pub fn used(&self, key: KeyId, at: Moment, from: String) {
        if self.queue.try_send(Entry::Use(LastUse { key, at, from })).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether the intent is on disk; false when it is not, or cannot be.
    pub async fn intend(&self, intent: Intent) -> bool {
        let (done, answer) = oneshot::channel();
        self.queue.try_send(Entry::Intent(Box::new(intent), done)).is_ok() && answer.await.unwrap_or(false)
    }

    /// Completes an intent. Waits for room: an outcome is not dropped.
    pub async fn settle(&self, outcome: Outcome) {
        if self.queue.send(Entry::Outcome(outcome)).await.is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether the horizon was moved to where the marks want it.
    pub async fn move_horizon(&self) -> bool {
        let (done, answer) = oneshot::channel();
        self.queue.try_send(Entry::Horizon(done)).is_ok() && answer.await.unwrap_or(false)
    }

    /// Writes everything that waits, last uses included.
    pub async fn flush(&self) -> bool {
        let (done, answer) = oneshot::channel();
        self.queue.send(Entry::Flush(done)).await.is_ok() && answer.await.unwrap_or(false)
    }

    /// Records dropped since the start for want of room.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// What one commit takes.
#[derive(Default)]
struct Batch {
    records: Vec<Record>,
    intents: Vec<Intent>,
    outcomes: Vec<Outcome>,
    intended: Vec<oneshot::Sender<bool>>,
    horizon: Vec<oneshot::Sender<bool>>,
    flush: Vec<oneshot::Sender<bool>>,
}

impl Writer {
    /// Writes until every [`Recorder`] is gone, then what is left.
    pub async fn run(mut self) {
        let mut uses: HashMap<KeyId, LastUse> = HashMap::new();
        let mut entries = Vec::with_capacity(BATCH);
        while self.queue.recv_many(&mut entries, BATCH).await > 0 {
            let mut batch = Batch::default();
            for entry in entries.drain(..) {
                match entry {
                    Entry::Record(record) => batch.records.push(*record),
                    Entry::Use(used) if uses.len() < USES || uses.contains_key(&used.key) => {
                        uses.insert(used.key, used);
                    }
                    Entry::Use(_) => {}
                    Entry::Intent(intent, done) => {
                        batch.intents.push(*intent);
                        batch.intended.push(done);
                    }
                    Entry::Outcome(outcome) => batch.outcomes.push(outcome),
                    Entry::Horizon(done) => batch.horizon.push(done),
                    Entry::Flush(done) => batch.flush.push(done),
                }
            }
            self.commit(batch, &mut uses).await;
        }
        self.flush_uses(&mut uses).await;
    }

    async fn commit(&self, batch: Batch, uses: &mut HashMap<KeyId, LastUse>) {
        if !batch.horizon.is_empty() {
            let moved = self.move_horizon().await;
            answer(batch.horizon, moved);
        }
        if !(batch.intents.is_empty() && batch.outcomes.is_empty() && batch.records.is_empty()) {
            let kept = self.journal.append(&batch.intents, &batch.outcomes, &batch.records).await;
            if let Err(problem) = &kept {
                error!(%problem, records = batch.records.len(), outcomes = batch.outcomes.len(), "the journal cannot be written");
            }
            answer(batch.intended, kept.is_ok());
        }
        // Uses are written when asked for, and when enough wait to be worth a commit.
        if !batch.flush.is_empty() || uses.len() >= BATCH {
            let flushed = self.flush_uses(uses).await;
            answer(batch.flush, flushed);
        }
    }

    async fn move_horizon(&self) -> bool {
        let Some(until) = self.marks.next_horizon() else { return true };
        match self.journal.advance_horizon(&self.node, until).await {
            Ok(()) => {
                self.marks.horizon_written(until);
                true
            }
            Err(problem) => {
                error!(%problem, "the replay horizon cannot be written");
                false
            }
        }
    }

    async fn flush_uses(&self, uses: &mut HashMap<KeyId, LastUse>) -> bool {
        let batch: Vec<LastUse> = uses.values().cloned().collect();
        match self.usage.record(&batch).await {
            Ok(()) => {
                uses.clear();
                true
            }
            Err(problem) => {
                error!(%problem, "last uses cannot be written; they are kept and tried again");
                false
            }
        }
    }
}

/// A waiter that has gone away needs no answer.
fn answer(waiters: Vec<oneshot::Sender<bool>>, kept: bool) {
    for waiter in waiters {
        let _ = waiter.send(kept);
    }
}
