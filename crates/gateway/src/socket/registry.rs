//! The open sockets of this process: how many there may be, whose they are, and what ends them.
//!
//! A task relays each socket. What concerns all of them (a key that changed, a peer that is silent or does not read, a lease
//! that ran out) is looked at here, at each tick, so that an idle socket costs neither a timer nor a wake-up.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use keyward_api::open_sockets::{OpenSocket, OpenSockets};
use keyward_api::socket::Close;
use keyward_rules::address::Source;
use keyward_rules::counts::Counts;
use keyward_rules::decision::LoggedIn;
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::key::KeyFacts;
use keyward_rules::route::Class;
use keyward_rules::socket::Endpoint;
use keyward_rules::time::Moment;
use parking_lot::Mutex;
use tokio::time::{sleep, timeout};

use super::limits::SocketLimits;
use super::state::{Holder, State};
use crate::clock::Clock;
use crate::lease::{Lease, lease_limit_ms};
use crate::memory::Memory;

/// Channels of one socket that a holder is shown, and bytes of each.
const SHOWN_CHANNELS: usize = 100;
const SHOWN_BYTES: usize = 64;

/// How often it is looked whether all sockets have ended, at a shutdown.
const LOOK: Duration = Duration::from_millis(20);
/// How long clients may take to hear that their sockets end.
const FAREWELL: Duration = Duration::from_secs(3);

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
        let ended = (received.load(Ordering::Relaxed), sent.load(Ordering::Relaxed));
        let open = table.open.values().map(|state| state.frames());
        open.fold(ended, |(received, sent), [more, gone]| (received + more, sent + gone))
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
            state.give_notice();
        }
        !table.open.is_empty()
    }
}

impl OpenSockets for Registry {
    fn of_key(&self, account: AccountId, key: KeyId) -> Vec<OpenSocket> {
        // The lock is released before the copies are made: they may take long, and other sockets must not wait.
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
        for (all, own) in self.registry.frames.iter().zip(self.state.frames()) {
            all.fetch_add(own, Ordering::Relaxed);
        }
    }
}

/// As much of a channel's name as is shown.
fn shortened(name: &str) -> String {
    name.get(..name.floor_char_boundary(SHOWN_BYTES)).unwrap_or_default().to_owned()
}
