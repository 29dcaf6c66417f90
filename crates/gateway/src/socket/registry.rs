//! The open sockets of this process: how many there may be, whose they are, and what ends them.
//!
//! A task relays each socket. What concerns all of them (a key that changed, a peer that is silent or does not read, a lease
//! that ran out) is looked at here, at each tick, so that an idle socket costs neither a timer nor a wake-up.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use atomic_waker::AtomicWaker;
use keyward_api::open_sockets::{OpenSocket, OpenSockets};
use keyward_api::socket::Close;
use keyward_rules::address::Source;
use keyward_rules::counts::Counts;
use keyward_rules::decision::LoggedIn;
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::key::KeyFacts;
use keyward_rules::rate::Rate;
use keyward_rules::route::Class;
use keyward_rules::socket::Endpoint;
use keyward_rules::time::Moment;
use parking_lot::Mutex;
use tokio::time::{sleep, timeout};

use crate::clock::Clock;
use crate::lease::{Lease, lease_limit_ms};
use crate::memory::{Lookup, Memory};

/// Channels of one socket that a holder is shown, and bytes of each.
const SHOWN_CHANNELS: usize = 100;
const SHOWN_BYTES: usize = 64;

/// How often it is looked whether all sockets have ended, at a shutdown.
const LOOK: Duration = Duration::from_millis(20);
/// How long clients may take to hear that their sockets end.
const FAREWELL: Duration = Duration::from_secs(3);

/// The limits of sockets, units in the names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SocketLimits {
    /// Sockets at once.
    pub total: usize,
    /// Sockets of one source at once (IPv6 by /64) whose login did not hold.
    pub per_source: usize,
    /// Sockets of one source at once whose logins held.
    pub per_source_known: usize,
    /// Sockets of one key at once.
    pub per_key: usize,
    /// Sockets of one account at once, with all of its keys.
    pub per_account: usize,
    /// Sockets of one account that have subscribed to one of OKX's counted channels.
    pub per_channel: usize,
    /// Channels of one socket.
    pub channels: usize,
    /// Bytes of their names and parameters.
    pub channels_bytes: usize,
    /// Bytes of a message from a client.
    pub message_bytes: usize,
    /// Bytes of a message from the exchange.
    pub answer_bytes: usize,
    /// Bytes that wait to be taken by a client, or by the exchange.
    pub waiting_bytes: usize,
    /// Time without a frame from the client.
    pub idle_ms: u64,
    /// Time in which a client that has stopped reading must go on.
    pub blocked_ms: u64,
    /// The same for the exchange; less than the life of a permit, so that none is sent after its deadline.
    pub upstream_blocked_ms: u64,
    /// Time without a frame from the exchange before it is asked for a sign of life, and as long again to give it.
    pub quiet_ms: u64,
    /// Time for the answer to an operation.
    pub answer_ms: u64,
    /// Operations of one socket that wait for their answers.
    pub operations: usize,
    /// Bytes of their frames that are kept for the journal; those beyond are recorded without their orders.
    pub kept_bytes: usize,
    /// Logins and changes of subscriptions of one socket.
    pub requests: Rate,
    /// Frames of one socket, whatever they are.
    pub frames: Rate,
    /// Refusals of one socket that are answered and recorded.
    pub refusals: Rate,
    /// Time between the notice of a shutdown and the end of the sockets.
    pub notice_ms: u64,
}

impl Default for SocketLimits {
    fn default() -> Self {
        Self {
            total: 16_384,
            per_source: 128,
            per_source_known: 1_024,
            per_key: 100,
            per_account: 4_096,
            per_channel: 30,
            channels: 1_000,
            channels_bytes: 64 << 10,
            message_bytes: 64 << 10,
            answer_bytes: 1 << 20,
            waiting_bytes: 2 << 20,
            idle_ms: 30_000,
            blocked_ms: 10_000,
            upstream_blocked_ms: 4_000,
            quiet_ms: 15_000,
            answer_ms: 10_000,
            operations: 256,
            kept_bytes: 512 << 10,
            requests: PER_HOUR,
            frames: FRAMES,
            refusals: REFUSALS,
            notice_ms: 25_000,
        }
    }
}

/// OKX's figure (contract 3.5).
const PER_HOUR: Rate = match Rate::new(480, 3_600_000) {
    Some(rate) => rate,
    None => unreachable!(),
};
/// Many times what a client sends: a socket that exceeds it is a flood.
const FRAMES: Rate = match Rate::new(1_000, 2_000) {
    Some(rate) => rate,
    None => unreachable!(),
};

/// A program that is refused so often does not listen.
const REFUSALS: Rate = match Rate::new(600, 60_000) {
    Some(rate) => rate,
    None => unreachable!(),
};

/// All open sockets.
pub struct Registry {
    limits: SocketLimits,
    table: Mutex<Table>,
    /// Whether the process ends, so that no socket is given any more.
    closing: AtomicBool,
    /// The memory's number of changes at the last look.
    seen: AtomicU64,
    /// Frames from clients, and to them, of sockets that have ended.
    frames: [AtomicU64; 2],
}

#[derive(Default)]
struct Table {
    open: BTreeMap<u64, Arc<State>>,
    /// Sockets whose login did not hold, and how many these are.
    strangers: Counts<Source>,
    unknown: usize,
    /// Sockets whose login held.
    by_source: Counts<Source>,
    by_account: Counts<AccountId>,
    by_key: Counts<KeyId>,
    by_channel: Counts<(AccountId, u16)>,
    next: u64,
}

/// One open socket, as everybody but its own task sees it.
pub struct State {
    id: u64,
    endpoint: Endpoint,
    source: IpAddr,
    /// When a frame of the client last came, of a steady clock; so for all of these, in which 0 means never.
    heard_ms: AtomicU64,
    /// Since when the client does not take what waits for it.
    blocked_ms: AtomicU64,
    /// The same of the exchange.
    upstream_blocked_ms: AtomicU64,
    /// When a frame of the exchange last came.
    upstream_heard_ms: AtomicU64,
    /// Since when the oldest operation waits for its answer.
    waiting_ms: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    /// The number of a [`Close`], once the socket has to end.
    ending: AtomicU8,
    ping_due: AtomicBool,
    /// Whether the exchange was asked for a sign of life since its last frame.
    pinged: AtomicBool,
    answer_late: AtomicBool,
    notice_due: AtomicBool,
    waker: AtomicWaker,
    holder: Mutex<Option<Holder>>,
}

/// Whose socket it is.
struct Holder {
    login: Arc<LoggedIn>,
    facts: KeyFacts,
    since: Moment,
    channels: BTreeSet<String>,
    counted: BTreeMap<u16, usize>,
}

/// What a socket's task has to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due {
    /// End it.
    End(Close),
    /// Ask the exchange for a sign of life.
    Ping,
    /// Look at the operations that wait for their answers.
    LateAnswer,
    /// Tell the client that the end is near.
    Notice,
}

/// Who has as many sockets as they may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Full {
    /// The key.
    Key,
    /// Its account.
    Account,
    /// The source.
    Source,
}

impl Full {
    /// Who it is, as the beginning of a sentence.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Key => "The key has",
            Self::Account => "The account has",
            Self::Source => "The address has",
        }
    }
}

impl Registry {
    /// No socket is open.
    #[must_use]
    pub fn new(limits: SocketLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            table: Mutex::default(),
            closing: AtomicBool::new(false),
            seen: AtomicU64::new(0),
            frames: [AtomicU64::new(0), AtomicU64::new(0)],
        })
    }

    /// The limits.
    #[must_use]
    pub const fn limits(&self) -> &SocketLimits {
        &self.limits
    }

    /// How many are open, and how many of them are somebody's.
    #[must_use]
    pub fn count(&self) -> (usize, usize) {
        let table = self.table.lock();
        (table.open.len(), table.by_key.total())
    }

    /// Frames from clients, and to them, since the start.
    #[must_use]
    pub fn frames(&self) -> (u64, u64) {
        let table = self.table.lock();
        let [received, sent] = &self.frames;
        let open = |count: fn(&State) -> &AtomicU64| {
            table.open.values().map(|state| count(state).load(Ordering::Relaxed)).sum::<u64>()
        };
        (
            received.load(Ordering::Relaxed) + open(|state| &state.received),
            sent.load(Ordering::Relaxed) + open(|state| &state.sent),
        )
    }

    /// Takes a socket in, if there is room for one more stranger.
    #[must_use]
    pub fn enter(self: &Arc<Self>, endpoint: Endpoint, source: IpAddr, clock: &Clock) -> Option<Entry> {
        let mut table = self.table.lock();
        if self.closing.load(Ordering::Acquire)
            || table.open.len() >= self.limits.total
            // Half of the places are for those whose login holds.
            || table.unknown >= self.limits.total.div_ceil(2)
            || !table.strangers.add(Source::of(source), 1, self.limits.per_source)
        {
            return None;
        }
        table.unknown += 1;
        table.next += 1;
        let state = Arc::new(State::new(table.next, endpoint, source, (clock.steady_ms)()));
        table.open.insert(state.id, Arc::clone(&state));
        Some(Entry { registry: Arc::clone(self), state })
    }

    /// Looks at all sockets once: at those whose keys changed whenever something did, and at every peer if `all`.
    pub fn tick(&self, memory: &Memory, lease: &Lease, clock: &Clock, all: bool) {
        let changes = memory.changes();
        let changed = self.seen.swap(changes, Ordering::AcqRel) != changes;
        if !changed && !all {
            return;
        }
        let (now_ms, now) = ((clock.steady_ms)(), clock.now());
        let blind = lease.age_ms(now_ms) > lease_limit_ms(Class::Read);
        let open: Vec<Arc<State>> = self.table.lock().open.values().cloned().collect();
        for state in open {
            match state.check_holder(memory, now, blind) {
                Ok(()) if all => state.check_peers(&self.limits, now_ms),
                Ok(()) => {}
                // Its record is being written this moment: the next tick looks again.
                Err(None) => self.seen.store(changes.wrapping_sub(1), Ordering::Release),
                Err(Some(close)) => state.end(close),
            }
        }
    }

    /// Gives no more sockets, tells every client that the end is near, and ends what is open once the notice is over or
    /// `at_once` is. Returns when the clients have heard it.
    pub async fn farewell(&self, at_once: impl Future<Output = ()>) {
        if !self.give_notice() {
            return;
        }
        let notice = Duration::from_millis(self.limits.notice_ms);
        tokio::select! {
            biased;
            () = self.all_ended() => return,
            () = at_once => {}
            () = sleep(notice) => {}
        }
        for state in self.table.lock().open.values() {
            state.end(Close::GoingAway);
        }
        let _ = timeout(FAREWELL, self.all_ended()).await;
    }

    async fn all_ended(&self) {
        while !self.table.lock().open.is_empty() {
            sleep(LOOK).await;
        }
    }

    fn give_notice(&self) -> bool {
        self.closing.store(true, Ordering::Release);
        let table = self.table.lock();
        for state in table.open.values() {
            state.notice_due.store(true, Ordering::Release);
            state.waker.wake();
        }
        !table.open.is_empty()
    }
}

impl OpenSockets for Registry {
    fn of_key(&self, account: AccountId, key: KeyId) -> Vec<OpenSocket> {
        // Copied after the lock is released: whoever looks holds up nobody's socket.
        let open: Vec<Arc<State>> = self.table.lock().open.values().rev().cloned().collect();
        open.iter().filter_map(|state| state.shown(account, key)).collect()
    }

    fn close(&self, account: AccountId, id: u64) -> bool {
        let state = self.table.lock().open.get(&id).cloned();
        let own = state.filter(|state| state.is_of(account) && !state.has_ended());
        own.map(|state| state.end(Close::ByHolder)).is_some()
    }
}

/// A socket's place among the open ones; it is forgotten when this is dropped.
pub struct Entry {
    registry: Arc<Registry>,
    state: Arc<State>,
}

impl Entry {
    /// The socket, as others see it.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> &SocketLimits {
        &self.registry.limits
    }

    /// The login held: the socket is the key's from now on.
    ///
    /// # Errors
    /// [`Full`].
    pub fn join(&self, login: Arc<LoggedIn>, facts: KeyFacts, since: Moment) -> Result<(), Full> {
        let mut table = self.registry.table.lock();
        let (limits, source) = (&self.registry.limits, Source::of(self.state.source));
        if table.by_source.of(&source) >= limits.per_source_known {
            return Err(Full::Source);
        }
        if table.by_account.of(&login.account()) >= limits.per_account {
            return Err(Full::Account);
        }
        if !table.by_key.add(login.key(), 1, limits.per_key) {
            return Err(Full::Key);
        }
        let _ = table.by_source.add(source, 1, limits.per_source_known);
        let _ = table.by_account.add(login.account(), 1, limits.per_account);
        table.strangers.take(&source, 1);
        table.unknown = table.unknown.saturating_sub(1);
        let holder = Holder { login, facts, since, channels: BTreeSet::new(), counted: BTreeMap::new() };
        *self.state.holder.lock() = Some(holder);
        // The key may have changed since it was judged, before anybody could see that this socket is its own.
        self.registry.seen.store(u64::MAX, Ordering::Release);
        Ok(())
    }

    /// Counts the socket against its account for `channel`; how many the account then has, or `None` when it has too many.
    #[must_use]
    pub fn count_channel(&self, account: AccountId, channel: u16) -> Option<usize> {
        let mut table = self.registry.table.lock();
        let mut holder = self.state.holder.lock();
        let counted = &mut holder.as_mut()?.counted;
        let subscriptions = counted.entry(channel).or_default();
        if *subscriptions == 0
            && !table.by_channel.add((account, channel), 1, self.registry.limits.per_channel)
        {
            counted.remove(&channel);
            return None;
        }
        *subscriptions += 1;
        Some(table.by_channel.of(&(account, channel)))
    }

    /// Counts one subscription less.
    pub fn uncount_channel(&self, account: AccountId, channel: u16) {
        let mut table = self.registry.table.lock();
        let mut holder = self.state.holder.lock();
        let Some(holder) = holder.as_mut() else { return };
        let Some(subscriptions) = holder.counted.get_mut(&channel) else { return };
        *subscriptions = subscriptions.saturating_sub(1);
        if *subscriptions == 0 {
            holder.counted.remove(&channel);
            table.by_channel.take(&(account, channel), 1);
        }
    }

    /// What the holder is shown of the socket's subscriptions.
    pub fn show_channels(&self, names: impl Iterator<Item = String>) {
        if let Some(holder) = self.state.holder.lock().as_mut() {
            holder.channels = names.take(SHOWN_CHANNELS).map(|name| shortened(&name)).collect();
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut table = self.registry.table.lock();
        table.open.remove(&self.state.id);
        match self.state.holder.lock().take() {
            None => {
                table.strangers.take(&Source::of(self.state.source), 1);
                table.unknown = table.unknown.saturating_sub(1);
            }
            Some(holder) => {
                table.by_source.take(&Source::of(self.state.source), 1);
                table.by_account.take(&holder.login.account(), 1);
                table.by_key.take(&holder.login.key(), 1);
                for channel in holder.counted.keys() {
                    table.by_channel.take(&(holder.login.account(), *channel), 1);
                }
            }
        }
        let [received, sent] = &self.registry.frames;
        received.fetch_add(self.state.received.load(Ordering::Relaxed), Ordering::Relaxed);
        sent.fetch_add(self.state.sent.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl State {
    fn new(id: u64, endpoint: Endpoint, source: IpAddr, now_ms: u64) -> Self {
        Self {
            id,
            endpoint,
            source,
            heard_ms: AtomicU64::new(now_ms.max(1)),
            blocked_ms: AtomicU64::new(0),
            upstream_blocked_ms: AtomicU64::new(0),
            upstream_heard_ms: AtomicU64::new(0),
            waiting_ms: AtomicU64::new(0),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            ending: AtomicU8::new(0),
            ping_due: AtomicBool::new(false),
            pinged: AtomicBool::new(false),
            answer_late: AtomicBool::new(false),
            notice_due: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            holder: Mutex::new(None),
        }
    }

    /// The process's number of the socket.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// A frame of the client came.
    pub fn heard(&self, now_ms: u64) {
        self.heard_ms.store(now_ms.max(1), Ordering::Relaxed);
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    /// Frames went to the client.
    pub fn sent(&self, frames: u64) {
        self.sent.fetch_add(frames, Ordering::Relaxed);
    }

    /// A frame of the exchange came, or it was connected to.
    pub fn heard_upstream(&self, now_ms: u64) {
        self.upstream_heard_ms.store(now_ms.max(1), Ordering::Relaxed);
        if self.pinged.load(Ordering::Relaxed) {
            self.pinged.store(false, Ordering::Relaxed);
        }
    }

    /// Whether the client takes what waits for it.
    pub fn client_takes(&self, takes: bool, now_ms: impl FnOnce() -> u64) {
        note_since(&self.blocked_ms, !takes, now_ms);
    }

    /// Whether the exchange takes what waits for it.
    pub fn upstream_takes(&self, takes: bool, now_ms: impl FnOnce() -> u64) {
        note_since(&self.upstream_blocked_ms, !takes, now_ms);
    }

    /// Since when the oldest operation waits for its answer; 0 when none does.
    pub fn waits_since(&self, since_ms: u64) {
        self.waiting_ms.store(since_ms, Ordering::Relaxed);
    }

    /// What the socket's task has to do, if anything.
    pub fn poll_due(&self, context: &Context<'_>) -> Poll<Due> {
        self.waker.register(context.waker());
        if let Some(close) = Close::of_number(self.ending.load(Ordering::Acquire)) {
            return Poll::Ready(Due::End(close));
        }
        let due = [
            (&self.notice_due, Due::Notice),
            (&self.ping_due, Due::Ping),
            (&self.answer_late, Due::LateAnswer),
        ];
        let found = due
            .into_iter()
            .find(|(flag, _)| flag.load(Ordering::Relaxed) && flag.swap(false, Ordering::AcqRel));
        found.map_or(Poll::Pending, |(_, due)| Poll::Ready(due))
    }

    /// Returns once the socket has to end.
    pub async fn has_to_end(&self) {
        poll_fn(|context| {
            self.waker.register(context.waker());
            if self.has_ended() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Ends the socket; the first reason stays.
    fn end(&self, close: Close) {
        let _ = self.ending.compare_exchange(0, close.number(), Ordering::AcqRel, Ordering::Relaxed);
        self.waker.wake();
    }

    /// Whether the key still admits the socket. An error without a reason means that nobody can tell this moment.
    fn check_holder(&self, memory: &Memory, now: Moment, blind: bool) -> Result<(), Option<Close>> {
        let mut holder = self.holder.lock();
        let Some(holder) = holder.as_mut() else { return Ok(()) };
        if blind {
            return Err(Some(Close::LeaseOut));
        }
        if memory.is_current(&holder.facts) && holder.facts.is_known(now) {
            return Ok(());
        }
        match memory.facts(holder.login.key()) {
            Lookup::Facts(facts) if holder.login.still_holds(Some(&facts), now).is_ok() => {
                holder.facts = facts;
                Ok(())
            }
            Lookup::Facts(_) | Lookup::Unknown => Err(Some(Close::KeyChanged)),
            Lookup::Torn => Err(None),
        }
    }

    /// Whether both peers do what is expected of them.
    fn check_peers(&self, limits: &SocketLimits, now_ms: u64) {
        let since = |time: &AtomicU64| match time.load(Ordering::Relaxed) {
            0 => 0,
            then => now_ms.saturating_sub(then),
        };
        let quiet = since(&self.upstream_heard_ms);
        if since(&self.blocked_ms) > limits.blocked_ms {
            self.end(Close::SlowReader);
        } else if since(&self.heard_ms) > limits.idle_ms {
            self.end(Close::Idle);
        } else if quiet > limits.quiet_ms * 2 || since(&self.upstream_blocked_ms) > limits.upstream_blocked_ms
        {
            self.end(Close::UpstreamLost);
        } else if quiet > limits.quiet_ms && !self.pinged.swap(true, Ordering::Relaxed) {
            self.ask_for(&self.ping_due);
        }
        if since(&self.waiting_ms) > limits.answer_ms {
            self.ask_for(&self.answer_late);
        }
    }

    fn ask_for(&self, flag: &AtomicBool) {
        flag.store(true, Ordering::Release);
        self.waker.wake();
    }

    fn has_ended(&self) -> bool {
        self.ending.load(Ordering::Acquire) != 0
    }

    fn is_of(&self, account: AccountId) -> bool {
        self.holder.lock().as_ref().is_some_and(|holder| holder.login.account() == account)
    }

    fn shown(&self, account: AccountId, key: KeyId) -> Option<OpenSocket> {
        let holder = self.holder.lock();
        let own = |holder: &&Holder| holder.login.account() == account && holder.login.key() == key;
        let holder = holder.as_ref().filter(own).filter(|_| !self.has_ended())?;
        Some(OpenSocket {
            id: self.id,
            key: holder.login.key(),
            account,
            endpoint: self.endpoint.word(),
            since: holder.since,
            source: self.source,
            channels: holder.channels.iter().cloned().collect(),
            received: self.received.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
        })
    }
}

/// As much of a channel's name as is shown.
fn shortened(name: &str) -> String {
    name.get(..name.floor_char_boundary(SHOWN_BYTES)).unwrap_or_default().to_owned()
}

/// Notes in `since` when something began, or that it is over.
fn note_since(since: &AtomicU64, holds: bool, now_ms: impl FnOnce() -> u64) {
    match (since.load(Ordering::Relaxed), holds) {
        (0, true) => since.store(now_ms().max(1), Ordering::Relaxed),
        (0, false) | (1.., true) => {}
        (1.., false) => since.store(0, Ordering::Relaxed),
    }
}
