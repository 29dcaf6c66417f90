//! The journal's inbox: requests hand their records in, one writer commits whatever waits.
//!
//! What a request waits for (an intent, the replay horizon, a mark) is committed at once; records that nobody
//! waits for gather for a moment, so that a request does not wake the writer. The inbox is bounded: a record
//! that finds no room is dropped and counted; an intent that finds none refuses its request.
//!
//! What a request asked of orders and of funds is read here, by the writer. Its path hands in the bytes alone, so no request
//! waits for that, and neither does an intent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use keyward_rules::limits::ORDER_MESSAGE_BYTES;
use keyward_rules::orders;
use keyward_rules::time::Moment;
use keyward_store::{
    Intent, Journal, JournalBatch, JournalWriter, Outcome, Record, Released, Reserved, SavedReplayEntry,
};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;
use tracing::{error, info, warn};

use crate::replay_cache::ReplayCache;
use crate::watch::WatchSender;

/// Records that may wait.
const ROOM: usize = 65_536;
/// Waiting requests that may wait for one commit; more are refused.
const ROOM_OWED: usize = 4_096;
/// How long a record waits for others, unless so many have come.
const GATHER: Duration = Duration::from_millis(20);
const ENOUGH: usize = 4_096;
/// Bytes of unread orders that may wait together: in a full inbox 1 KiB for each record.
const ROOM_UNREAD_BYTES: usize = 64 << 20;
/// An intent waits until so many records' orders are read. With more of them it is committed by itself before.
const READ_BEFORE_INTENT: usize = 1_000;

const _: () = assert!(2 * ORDER_MESSAGE_BYTES <= ROOM_UNREAD_BYTES);

/// The way in, one for all runtimes.
#[derive(Clone)]
pub struct Recorder(Arc<Inbox>);

struct Inbox {
    waiting: Mutex<Waiting>,
    /// The inbox is no longer empty.
    arrived: Notify,
    /// Somebody waits, or enough have come.
    hurry: Notify,
    dropped: AtomicU64,
    /// Records that were kept without their orders because there was no room.
    without_orders: AtomicU64,
    state: State,
}

/// What a record's orders are read from: copies of [`Bytes`], which copy no byte.
pub struct Unread {
    path: &'static str,
    body: Bytes,
    reply: Bytes,
    /// Bytes of memory that both keep alive.
    bytes: usize,
}

impl Unread {
    /// Of a request with this body to the route with this path, or of an operation on a socket, whose path is its twin's; `None`
    /// where such a request has no orders. A text that was read into a buffer of `buffer` bytes keeps that alive; one that has
    /// memory of its own says 0.
    #[must_use]
    pub fn of(path: &'static str, body: &Bytes, buffer: usize) -> Option<Self> {
        // Without a body it is a question, such as the one for an order with the same path.
        let has_orders = !body.is_empty() && orders::has_lines(path);
        let bytes = body.len().max(buffer);
        has_orders.then(|| Self { path, body: body.clone(), reply: Bytes::new(), bytes })
    }

    /// The same with what the exchange answered.
    #[must_use]
    pub fn answered(self, reply: Bytes, buffer: usize) -> Self {
        let bytes = self.bytes.saturating_add(reply.len().max(buffer));
        Self { reply, bytes, ..self }
    }

    /// Bytes of memory that it keeps alive.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The path of the route, or of the twin.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// What the client sent.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    fn may_be_read(&self) -> bool {
        self.body.len().max(self.reply.len()) <= ORDER_MESSAGE_BYTES
    }

    /// The record's text of them, if the body can be read for sure.
    fn read(&self) -> Option<Arc<str>> {
        let orders = orders::read(self.path, &self.body, &self.reply)?;
        Some(orders.to_text().into())
    }
}

/// How the writer fares, in milliseconds of a steady clock; 0 stands for never and for not now.
struct State {
    steady_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Since when a commit has been under way.
    busy_since: AtomicU64,
    /// When the last commit failed, if none succeeded after it.
    failed_at: AtomicU64,
    /// When a failure was last told in the log.
    told_at: AtomicU64,
    /// Records are dropped because the disk is nearly full.
    full: AtomicBool,
}

impl State {
    fn begin(&self) {
        self.busy_since.store((self.steady_ms)().max(1), Ordering::Relaxed);
    }

    fn end(&self, kept: bool) {
        self.busy_since.store(0, Ordering::Relaxed);
        self.failed_at.store(if kept { 0 } else { (self.steady_ms)().max(1) }, Ordering::Relaxed);
    }

    /// Whether a failure may be told in the log: once a minute, however many commits fail.
    fn may_tell(&self) -> bool {
        let now_ms = (self.steady_ms)().max(1);
        let told_ms = self.told_at.load(Ordering::Relaxed);
        let due = told_ms == 0 || now_ms.saturating_sub(told_ms) >= TELL_MS;
        if due {
            self.told_at.store(now_ms, Ordering::Relaxed);
        }
        due
    }

    fn is_stuck(&self) -> bool {
        let now_ms = (self.steady_ms)();
        let within = |at: u64, ms: u64| at != 0 && now_ms.saturating_sub(at) <= ms;
        let busy_since = self.busy_since.load(Ordering::Relaxed);
        let hangs = busy_since != 0 && !within(busy_since, HANGS_MS);
        hangs || within(self.failed_at.load(Ordering::Relaxed), RETRY_MS)
    }
}

/// A commit that takes longer hangs.
const HANGS_MS: u64 = 2_000;
/// For so long a failed commit counts: the next is tried only when there is something to write.
const RETRY_MS: u64 = 5_000;

/// How often the log tells of failures.
const TELL_MS: u64 = 60_000;

/// What one commit takes.
#[derive(Default)]
struct Waiting {
    records: Vec<Record>,
    /// What orders are read from, by the places of their records.
    unread: Vec<(usize, Unread)>,
    unread_bytes: usize,
    intents: Vec<Intent>,
    outcomes: Vec<Outcome>,
    reserved: Vec<Reserved>,
    released: Vec<Released>,
    intended: Vec<oneshot::Sender<bool>>,
    horizon: Vec<oneshot::Sender<bool>>,
    /// The horizon will be needed soon, though nobody waits for it yet.
    extend: bool,
    replay_entries: Vec<SavedReplayEntry>,
    marked: Vec<oneshot::Sender<bool>>,
    closed: bool,
}

/// The writer's end; run it on a thread of its own.
pub struct Writer {
    inbox: Arc<Inbox>,
    journal: Journal,
    appender: JournalWriter,
    replay_cache: Arc<ReplayCache>,
    node: String,
    /// Outcomes whose commit failed; they are tried again with the next.
    unsettled: Vec<Outcome>,
    /// What was given back by a commit that failed, in the same way.
    unreleased: Vec<Released>,
    /// Whether the disk has room for records.
    has_room: Arc<dyn Fn() -> bool + Send + Sync>,
    /// Who looks for what is unusual.
    watch: WatchSender,
}

/// What the journal asks of the machine.
pub struct Machine {
    /// Milliseconds of a clock that never steps back.
    pub steady_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Whether the disk has room for records of requests. Without it these are dropped and counted; intents and outcomes,
    /// the records around money, are written all the same.
    pub has_room: Arc<dyn Fn() -> bool + Send + Sync>,
}

/// Makes both ends.
///
/// # Errors
/// When the journal cannot be opened for appending.
pub fn recorder(
    journal: Journal,
    replay_cache: Arc<ReplayCache>,
    node: String,
    (machine, watch): (Machine, WatchSender),
) -> Result<(Recorder, Writer), keyward_store::StoreError> {
    let inbox = Arc::new(Inbox {
        waiting: Mutex::default(),
        arrived: Notify::new(),
        hurry: Notify::new(),
        dropped: AtomicU64::new(0),
        without_orders: AtomicU64::new(0),
        state: State {
            steady_ms: machine.steady_ms,
            busy_since: AtomicU64::new(0),
            failed_at: AtomicU64::new(0),
            told_at: AtomicU64::new(0),
            full: AtomicBool::new(false),
        },
    });
    let appender = journal.writer()?;
    let recorder = Recorder(Arc::clone(&inbox));
    Ok((
        recorder,
        Writer {
            inbox,
            journal,
            appender,
            replay_cache,
            node,
            unsettled: Vec::new(),
            unreleased: Vec::new(),
            has_room: machine.has_room,
            watch,
        },
    ))
}

impl Inbox {
    /// Puts something in and wakes the writer if it has to be woken.
    fn put<T>(&self, add: impl FnOnce(&mut Waiting) -> (T, bool)) -> T {
        let mut waiting = self.waiting.lock();
        let before = waiting.is_empty();
        let (given, hurry) = add(&mut waiting);
        let now = waiting.is_empty();
        drop(waiting);
        if hurry {
            self.hurry.notify_one();
        }
        if before && !now {
            self.arrived.notify_one();
        }
        given
    }

    /// Swaps what waits for an emptied batch, so that room is allocated once.
    fn take(&self, batch: &mut Waiting) {
        let mut waiting = self.waiting.lock();
        std::mem::swap(batch, &mut *waiting);
        waiting.closed = batch.closed;
    }

    fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.outcomes.is_empty() && self.released.is_empty() && !self.is_awaited()
    }

    /// Whether somebody waits for the commit.
    fn is_awaited(&self) -> bool {
        !self.intended.is_empty()
            || !self.horizon.is_empty()
            || self.extend
            || !self.marked.is_empty()
            || self.closed
    }

    /// Keeps what the orders of the next record are read from; whether there is room for it.
    fn keep(&mut self, unread: Unread) -> bool {
        let bytes = self.unread_bytes.saturating_add(unread.bytes());
        let room = unread.may_be_read() && bytes <= ROOM_UNREAD_BYTES;
        if room {
            self.unread_bytes = bytes;
            self.unread.push((self.records.len(), unread));
        }
        room
    }

    /// Reads the orders of the records.
    fn read_orders(&mut self) {
        for (at, unread) in self.unread.drain(..) {
            if let Some(record) = self.records.get_mut(at) {
                record.orders = unread.read();
            }
        }
        self.unread_bytes = 0;
    }

    fn drop_records(&mut self) {
        self.records.clear();
        self.unread.clear();
        self.unread_bytes = 0;
    }
}

impl Recorder {
    /// Hands a finished request in, with what its orders are read from if it has any; never waits. A record whose orders find no
    /// room is kept without them.
    pub fn record(&self, record: Record, unread: Option<Unread>) {
        let (kept, whole) = self.0.put(|waiting| {
            let room = waiting.records.len() < ROOM && !waiting.closed;
            let mut whole = true;
            if room {
                whole = unread.is_none_or(|unread| waiting.keep(unread));
                waiting.records.push(record);
            }
            ((room, whole), waiting.records.len() == ENOUGH)
        });
        if !kept {
            self.0.drop_one();
        }
        if !whole {
            self.count_without_orders();
        }
    }

    /// Counts a record that is kept without its orders, because there was no room for them on their way here.
    pub fn count_without_orders(&self) {
        self.0.without_orders.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the intent of a request that moves funds, and what a request takes from the sums of the day, are on disk; false when
    /// they are not, or cannot be.
    pub async fn intend(&self, intent: Option<Intent>, reserved: Vec<Reserved>) -> bool {
        let add = |waiting: &mut Waiting| {
            waiting.intents.extend(intent);
            waiting.reserved.extend(reserved);
        };
        self.ask(|waiting| &mut waiting.intended, add).await
    }

    /// Gives back what elements of a request took from the sums of the day. Nobody waits for it: what is lost in a crash, or finds
    /// no room while the journal cannot be written, is counted as taken after the next start.
    pub fn release(&self, released: impl Iterator<Item = Released>) {
        self.0.put(|waiting| {
            let room = ROOM.saturating_sub(waiting.released.len());
            waiting.released.extend(released.take(room));
            ((), false)
        });
    }

    /// Completes an intent. Always finds room: there is one outcome for an intent that was kept.
    pub fn settle(&self, outcome: Outcome) {
        self.0.put(|waiting| (waiting.outcomes.push(outcome), true));
    }

    /// Whether the horizon was moved to where the marks want it.
    pub async fn move_horizon(&self) -> bool {
        self.ask(|waiting| &mut waiting.horizon, |_| {}).await
    }

    /// Has the horizon moved before somebody has to wait for it.
    pub fn extend_horizon(&self) {
        self.0.put(|waiting| {
            waiting.extend = true;
            ((), true)
        });
    }

    /// Whether a mark that lies past the horizon is on disk.
    pub async fn keep_mark(&self, mark: SavedReplayEntry) -> bool {
        self.ask(|waiting| &mut waiting.marked, |waiting| waiting.replay_entries.push(mark)).await
    }

    /// Has the writer end once it has written what waits.
    pub fn close(&self) {
        self.0.put(|waiting| {
            waiting.closed = true;
            ((), true)
        });
    }

    /// Records dropped since the start for want of room.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Records kept without their orders since the start, because these were too long, or too many waited.
    #[must_use]
    pub fn without_orders(&self) -> u64 {
        self.0.without_orders.load(Ordering::Relaxed)
    }

    /// Whether the journal cannot be written: a commit hangs, or the last one failed just now.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.0.state.is_stuck()
    }

    /// Whether requests are counted and not recorded, because the disk is nearly full.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.state.full.load(Ordering::Relaxed)
    }

    /// Adds something and waits for its commit; false when there is no room for another waiter, and after the end.
    async fn ask(
        &self,
        queue: impl FnOnce(&mut Waiting) -> &mut Vec<oneshot::Sender<bool>>,
        add: impl FnOnce(&mut Waiting),
    ) -> bool {
        let (done, answer) = oneshot::channel();
        self.0.put(|waiting| {
            let closed = waiting.closed;
            let queue = queue(waiting);
            if queue.len() < ROOM_OWED && !closed {
                queue.push(done);
                add(waiting);
            }
            ((), true)
        });
        answer.await.unwrap_or(false)
    }
}

impl Writer {
    /// Writes until [`Recorder::close`], then what is left, and the marks as they are at `now`: nothing may be
    /// accepted any more by then.
    pub async fn run(mut self, now: impl Fn() -> Moment) {
        let mut batch = Waiting::default();
        while !batch.closed {
            self.inbox.arrived.notified().await;
            if !self.inbox.waiting.lock().is_awaited() {
                // Whoever starts to wait, or the record that makes it enough, ends the gathering.
                let _ = timeout(GATHER, self.inbox.hurry.notified()).await;
            }
            self.inbox.take(&mut batch);
            self.commit(&mut batch).await;
        }
        let now = now();
        if let Some(entries) = self.replay_cache.saved(now)
            && let Err(problem) = self.appender.save_marks(&self.node, now, &entries).await
        {
            warn!(%problem, "the replay marks cannot be saved: after the next start some timestamps are refused");
        }
    }

    async fn commit(&mut self, batch: &mut Waiting) {
        if !batch.horizon.is_empty() || batch.extend {
            batch.extend = false;
            let moved = self.move_horizon().await;
            answer(&mut batch.horizon, moved);
        }
        if !batch.marked.is_empty() {
            let kept = self.appender.keep_marks(&self.node, &batch.replay_entries).await;
            if let Err(problem) = &kept
                && self.inbox.state.may_tell()
            {
                error!(%problem, entries = batch.replay_entries.len(), "replay marks of clocks that run ahead cannot be written");
            }
            batch.replay_entries.clear();
            answer(&mut batch.marked, kept.is_ok());
        }
        if !batch.records.is_empty() {
            let full = !(self.has_room)();
            if full != self.inbox.state.full.swap(full, Ordering::Relaxed) {
                match full {
                    true => error!(
                        "the disk or the spool is nearly full: requests are counted and no longer recorded"
                    ),
                    false => info!("there is room again: requests are recorded"),
                }
            }
            if full {
                self.inbox.dropped.fetch_add(batch.records.len() as u64, Ordering::Relaxed);
                self.watch.send(&batch.records);
                batch.drop_records();
            }
        }
        batch.outcomes.append(&mut self.unsettled);
        batch.released.append(&mut self.unreleased);
        if !batch.intended.is_empty() && batch.unread.len() > READ_BEFORE_INTENT {
            let records = std::mem::take(&mut batch.records);
            self.append(batch).await;
            batch.records = records;
        }
        batch.read_orders();
        // With their orders, of which the watch learns the instruments.
        self.watch.send(&batch.records);
        self.append(batch).await;
    }

    /// Commits intents, outcomes and records, and empties the batch of them.
    async fn append(&mut self, batch: &mut Waiting) {
        let now = JournalBatch {
            intents: &batch.intents,
            outcomes: &batch.outcomes,
            records: &batch.records,
            reserved: &batch.reserved,
            released: &batch.released,
        };
        if !now.is_empty() {
            self.inbox.state.begin();
            let kept = self.appender.commit(now).await;
            self.inbox.state.end(kept.is_ok());
            if let Err(problem) = &kept {
                if self.inbox.state.may_tell() {
                    error!(%problem, "the journal cannot be written; this is logged once a minute");
                }
                self.unsettled.append(&mut batch.outcomes);
                self.unreleased.append(&mut batch.released);
                self.unreleased.truncate(ROOM);
            }
            answer(&mut batch.intended, kept.is_ok());
        }
        batch.intents.clear();
        batch.outcomes.clear();
        batch.records.clear();
        batch.reserved.clear();
        batch.released.clear();
    }

    async fn move_horizon(&self) -> bool {
        let Some(until) = self.replay_cache.next_horizon() else { return true };
        match self.journal.advance_horizon(&self.node, until).await {
            Ok(()) => {
                self.replay_cache.horizon_written(until);
                true
            }
            Err(problem) => {
                if self.inbox.state.may_tell() {
                    error!(%problem, "the replay horizon cannot be written; this is logged once a minute");
                }
                self.replay_cache.horizon_failed();
                false
            }
        }
    }
}

/// A waiter that has gone away needs no answer.
fn answer(waiters: &mut Vec<oneshot::Sender<bool>>, kept: bool) {
    for waiter in waiters.drain(..) {
        let _ = waiter.send(kept);
    }
}
