//! One open socket, as everybody but its own task sees it: what its peers did last, whose it is, and what is due.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};

use atomic_waker::AtomicWaker;
use keyward_api::open_sockets::OpenSocket;
use keyward_api::socket::Close;
use keyward_rules::decision::LoggedIn;
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::key::KeyFacts;
use keyward_rules::socket::Endpoint;
use keyward_rules::time::Moment;
use parking_lot::Mutex;

use super::limits::SocketLimits;
use crate::memory::{Lookup, Memory};

/// One open socket, as everybody but its own task sees it.
pub struct State {
    /// The process's number of the socket.
    pub(super) id: u64,
    endpoint: Endpoint,
    /// Where it comes from.
    pub(super) source: IpAddr,
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
    /// Whose it is, once a login held.
    pub(super) holder: Mutex<Option<Holder>>,
}

/// Whose socket it is.
pub struct Holder {
    /// The login.
    pub login: Arc<LoggedIn>,
    /// The key, as it was at the last look.
    pub facts: KeyFacts,
    /// When the login was.
    pub since: Moment,
    /// What the holder is shown of the subscriptions.
    pub channels: BTreeSet<String>,
    /// Subscriptions to channels whose sockets are counted, by the numbers of the channels.
    pub counted: BTreeMap<u16, usize>,
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

impl State {
    /// A socket that is nobody's yet; times are of a steady clock.
    pub(super) fn new(id: u64, endpoint: Endpoint, source: IpAddr, now_ms: u64) -> Self {
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

    /// A frame of the client came.
    pub fn heard(&self, now_ms: u64) {
        self.heard_ms.store(now_ms.max(1), Ordering::Relaxed);
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    /// A frame went to the client.
    pub fn sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
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
    pub(super) fn end(&self, close: Close) {
        let _ = self.ending.compare_exchange(0, close.number(), Ordering::AcqRel, Ordering::Relaxed);
        self.waker.wake();
    }

    /// Whether the key still admits the socket. An error without a reason means that nobody can tell this moment.
    pub(super) fn check_holder(
        &self,
        memory: &Memory,
        now: Moment,
        blind: bool,
    ) -> Result<(), Option<Close>> {
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
    pub(super) fn check_peers(&self, limits: &SocketLimits, now_ms: u64) {
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

    /// Has the client told that the end is near.
    pub(super) fn give_notice(&self) {
        self.ask_for(&self.notice_due);
    }

    /// Frames from the client, and to it.
    pub(super) fn frames(&self) -> [u64; 2] {
        [self.received.load(Ordering::Relaxed), self.sent.load(Ordering::Relaxed)]
    }

    fn ask_for(&self, flag: &AtomicBool) {
        flag.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Whether it has to end.
    pub(super) fn has_ended(&self) -> bool {
        self.ending.load(Ordering::Acquire) != 0
    }

    /// Whether it is this account's.
    pub(super) fn is_of(&self, account: AccountId) -> bool {
        self.holder.lock().as_ref().is_some_and(|holder| holder.login.account() == account)
    }

    /// What the account is shown of it, if it is this key's.
    pub(super) fn shown(&self, account: AccountId, key: KeyId) -> Option<OpenSocket> {
        let holder = self.holder.lock();
        let own = |holder: &&Holder| holder.login.account() == account && holder.login.key() == key;
        let holder = holder.as_ref().filter(own).filter(|_| !self.has_ended())?;
        let [received, sent] = self.frames();
        Some(OpenSocket {
            id: self.id,
            key: holder.login.key(),
            account,
            endpoint: self.endpoint.word(),
            since: holder.since,
            source: self.source,
            channels: holder.channels.iter().cloned().collect(),
            received,
            sent,
        })
    }
}

/// Notes in `since` when something began, or that it is over.
fn note_since(since: &AtomicU64, holds: bool, now_ms: impl FnOnce() -> u64) {
    match (since.load(Ordering::Relaxed), holds) {
        (0, true) => since.store(now_ms().max(1), Ordering::Relaxed),
        (0, false) | (1.., true) => {}
        (1.., false) => since.store(0, Ordering::Relaxed),
    }
}
