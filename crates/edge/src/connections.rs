//! The connection limiter: how many there are, of whom, and which ones have to go.
//!
//! A connection costs memory and a descriptor for as long as its peer likes, so every state in which it waits for the peer
//! has a limit: an unfinished head, silence between requests, a reply that is not read. Silence is cheap while there is
//! room; when there is none, connections that never showed a good credential make room for new ones.
//!
//! Time is coarse: [`Connections::tick`] sets it, so that no request reads a clock for this.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use keyward_rules::address::Source;
use keyward_rules::counts::Counts;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// How many connections are looked at for one that can make room.
const LOOKED_AT: usize = 512;

/// The limits of a listener's connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectionLimits {
    /// Connections at once.
    pub total: usize,
    /// Connections of one source at once.
    pub per_source: usize,
    /// Milliseconds for a head, from its first byte.
    pub head_ms: u64,
    /// Milliseconds without a request.
    pub idle_ms: u64,
    /// Milliseconds for a request, up to the beginning of its reply.
    pub request_ms: u64,
    /// Milliseconds in which a peer has to take something of its replies.
    pub reply_ms: u64,
}

/// The open connections of a listener.
pub struct Connections {
    limits: ConnectionLimits,
    now_ms: Arc<AtomicU64>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    open: BTreeMap<u64, Entry>,
    by_source: Counts<Source>,
    next: u64,
    /// Where the search for one that can make room goes on.
    cursor: u64,
}

struct Entry {
    activity: Activity,
    source: Option<Source>,
}

/// One counted connection; it is forgotten when this is dropped.
pub struct Connection {
    connections: Arc<Connections>,
    id: u64,
    activity: Activity,
}

/// What a connection is doing; clones are of the same connection.
#[derive(Clone)]
pub struct Activity(Arc<State>);

struct State {
    now_ms: Arc<AtomicU64>,
    /// Whether a request's credentials held.
    known: AtomicBool,
    /// Requests from their head to the end of their reply.
    requests: AtomicU32,
    /// Replies that the peer has not taken yet.
    replies: AtomicU32,
    /// When the last request or reply moved.
    moved_ms: AtomicU64,
    /// When the first byte of an unfinished head came; 0 for none.
    head_ms: AtomicU64,
    /// Whether it is a WebSocket by now, which has limits of its own.
    upgraded: AtomicBool,
    /// Whether it has to make room for another.
    makes_room: AtomicBool,
    close: Notify,
}

/// Why a connection has to be closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MustClose {
    /// Its peer is late.
    IsLate,
    /// Another one needs its place, which it has lost already.
    MakesRoom,
}

impl Connections {
    /// No connection is open.
    #[must_use]
    pub fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self { limits, now_ms: Arc::new(AtomicU64::new(1)), table: Mutex::default() })
    }

    /// How many are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.table.lock().open.len()
    }

    /// Counts a connection, against its source once that is known: a trusted proxy is none. When there is no room, one that
    /// is idle and never showed a good credential makes some.
    #[must_use]
    pub fn enter(self: &Arc<Self>, source: Option<Source>) -> Option<Connection> {
        let mut table = self.table.lock();
        if table.open.len() >= self.limits.total && !table.make_room(|_| true) {
            return None;
        }
        if let Some(source) = source
            && !table.has_room(source, self.limits.per_source)
        {
            return None;
        }
        let activity = Activity(Arc::new(State {
            now_ms: Arc::clone(&self.now_ms),
            known: AtomicBool::new(false),
            requests: AtomicU32::new(0),
            replies: AtomicU32::new(0),
            moved_ms: AtomicU64::new(self.now_ms.load(Ordering::Relaxed)),
            head_ms: AtomicU64::new(0),
            upgraded: AtomicBool::new(false),
            makes_room: AtomicBool::new(false),
            close: Notify::new(),
        }));
        table.next += 1;
        let id = table.next;
        if let Some(source) = source
            && !table.by_source.add(source, 1, self.limits.per_source)
        {
            return None;
        }
        table.open.insert(id, Entry { activity: activity.clone(), source });
        Some(Connection { connections: Arc::clone(self), id, activity })
    }

    /// Sets the time, in milliseconds of a steady clock, and closes connections whose peers are late.
    pub fn tick(&self, now_ms: u64) {
        self.now_ms.store(now_ms.max(1), Ordering::Relaxed);
        let table = self.table.lock();
        for entry in table.open.values().filter(|entry| entry.activity.is_late(&self.limits, now_ms)) {
            entry.activity.0.close.notify_one();
        }
    }
}

impl Table {
    fn has_room(&mut self, source: Source, most: usize) -> bool {
        self.by_source.of(&source) < most || self.make_room(|entry| entry.source == Some(source))
    }

    /// Closes one of the connections that may make room; whether there was one.
    fn make_room(&mut self, among: impl Fn(&Entry) -> bool) -> bool {
        let after = self.open.range(self.cursor..).chain(self.open.range(..self.cursor)).take(LOOKED_AT);
        let found = after
            .filter(|(_, entry)| entry.activity.can_go() && among(entry))
            .min_by_key(|(_, entry)| entry.activity.0.moved_ms.load(Ordering::Relaxed));
        let Some(id) = found.map(|(id, _)| *id) else {
            self.cursor = self.open.range(self.cursor..).nth(LOOKED_AT).map_or(0, |(id, _)| *id);
            return false;
        };
        self.cursor = id;
        if let Some(entry) = self.remove(id) {
            entry.activity.0.makes_room.store(true, Ordering::Release);
            entry.activity.0.close.notify_one();
        }
        true
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.open.remove(&id)?;
        if let Some(source) = entry.source {
            self.by_source.take(&source, 1);
        }
        Some(entry)
    }
}

impl Connection {
    /// Counts the connection against `source`, which was not known when it came; `false` when that has too many.
    #[must_use]
    pub fn belongs_to(&self, source: Source) -> bool {
        let mut table = self.connections.table.lock();
        if !table.has_room(source, self.connections.limits.per_source) {
            return false;
        }
        let Some(entry) = table.open.get_mut(&self.id) else { return false };
        entry.source = Some(source);
        table.by_source.add(source, 1, self.connections.limits.per_source)
    }

    /// What it is doing.
    #[must_use]
    pub fn activity(&self) -> Activity {
        self.activity.clone()
    }

    /// Returns when the connection has to be closed. What came in the meantime counts: a connection is not closed for its silence
    /// while a request waits to be read.
    pub async fn must_close(&self) -> MustClose {
        loop {
            self.activity.0.close.notified().await;
            if self.activity.0.makes_room.load(Ordering::Acquire) {
                return MustClose::MakesRoom;
            }
            // Whoever serves the connection reads what there is.
            tokio::task::yield_now().await;
            if self.activity.is_late(&self.connections.limits, self.activity.now_ms()) {
                return MustClose::IsLate;
            }
        }
    }

    /// Does some work, unless the connection has to be closed before.
    pub async fn unless_closed<W: Future>(&self, work: W) -> Option<W::Output> {
        tokio::select! {
            biased;
            done = work => Some(done),
            _ = self.must_close() => None,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.connections.table.lock().remove(self.id);
    }
}

impl Activity {
    fn now_ms(&self) -> u64 {
        self.0.now_ms.load(Ordering::Relaxed)
    }

    /// Bytes came, which are the beginning of a head unless a request is under way.
    pub fn bytes_came(&self) {
        if self.0.requests.load(Ordering::Relaxed) == 0 && self.0.head_ms.load(Ordering::Relaxed) == 0 {
            self.0.head_ms.store(self.now_ms(), Ordering::Relaxed);
        }
    }

    /// A head is complete. The request ends when what this gives is dropped.
    #[must_use]
    pub fn request(&self) -> Request {
        self.0.requests.fetch_add(1, Ordering::AcqRel);
        self.0.head_ms.store(0, Ordering::Relaxed);
        self.moved();
        Request { activity: self.clone(), replying: false }
    }

    /// Notes that the peer is no stranger: a request's credentials held, or it is a trusted proxy. Such a connection does not
    /// make room for others.
    pub fn mark_known(&self) {
        if !self.0.known.load(Ordering::Relaxed) {
            self.0.known.store(true, Ordering::Relaxed);
        }
    }

    /// Notes that the connection is a WebSocket by now: the relay checks its peer's times. The connection belongs to one
    /// client, also behind a proxy, and makes room for others until that client is known.
    pub fn mark_upgraded(&self) {
        self.0.known.store(false, Ordering::Relaxed);
        self.0.upgraded.store(true, Ordering::Relaxed);
    }

    /// Whether no request is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.0.requests.load(Ordering::Acquire) == 0
    }

    /// Whether a request has begun to arrive whose head is not complete.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.is_idle() && self.0.head_ms.load(Ordering::Relaxed) != 0
    }

    fn moved(&self) {
        self.0.moved_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    fn can_go(&self) -> bool {
        self.is_idle() && !self.0.known.load(Ordering::Relaxed)
    }

    fn is_late(&self, limits: &ConnectionLimits, now_ms: u64) -> bool {
        let longer = |since: &AtomicU64, ms: u64| now_ms.saturating_sub(since.load(Ordering::Relaxed)) > ms;
        if self.0.upgraded.load(Ordering::Relaxed) {
            return false;
        }
        if self.0.replies.load(Ordering::Relaxed) > 0 {
            return longer(&self.0.moved_ms, limits.reply_ms);
        }
        if !self.is_idle() {
            return longer(&self.0.moved_ms, limits.request_ms);
        }
        // A head that has begun has its own time, however long it was silent before.
        match self.0.head_ms.load(Ordering::Relaxed) {
            0 => longer(&self.0.moved_ms, limits.idle_ms),
            _ => longer(&self.0.head_ms, limits.head_ms),
        }
    }
}

/// A request under way, up to the end of its reply.
pub struct Request {
    activity: Activity,
    replying: bool,
}

impl Request {
    /// The reply begins: from now on it is the peer who is waited for.
    pub fn replies(&mut self) {
        if !self.replying {
            self.replying = true;
            self.activity.0.replies.fetch_add(1, Ordering::AcqRel);
            self.moved();
        }
    }

    /// The peer took a part of the reply.
    pub fn moved(&self) {
        self.activity.moved();
    }

    /// The connection's activity.
    #[must_use]
    pub const fn activity(&self) -> &Activity {
        &self.activity
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.activity.moved();
        if self.replying {
            self.activity.0.replies.fetch_sub(1, Ordering::AcqRel);
        }
        self.activity.0.requests.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use keyward_rules::address::Source;
    use tokio::time::{Duration, timeout};

    use super::{Connection, ConnectionLimits, Connections, MustClose};

    const LIMITS: ConnectionLimits =
        ConnectionLimits { total: 4, per_source: 2, head_ms: 10, idle_ms: 100, request_ms: 60, reply_ms: 30 };

    fn source(last: u8) -> Option<Source> {
        Some(Source::of([192, 0, 2, last].into()))
    }

    async fn must_close(connection: &Connection) -> bool {
        // Twice around: it looks once more before it says so.
        timeout(Duration::from_millis(1), connection.must_close()).await.is_ok()
    }

    /// Connections that showed a good credential.
    fn known(connections: &Arc<Connections>, last: u8) -> Option<Connection> {
        let connection = connections.enter(source(last))?;
        connection.activity().mark_known();
        Some(connection)
    }

    #[tokio::test]
    async fn strangers_make_room_and_the_known_stay() {
        let connections = Connections::new(LIMITS);
        let first = known(&connections, 1).unwrap();
        let strangers: Vec<_> = (2..5).map(|last| connections.enter(source(last)).unwrap()).collect();
        let busy = strangers[0].activity().request();
        let fifth = known(&connections, 5).unwrap();
        assert_eq!(connections.count(), 4);
        assert!(!must_close(&first).await && !must_close(&strangers[0]).await && !must_close(&fifth).await);
        let closed = [must_close(&strangers[1]).await, must_close(&strangers[2]).await];
        assert_eq!(closed.iter().filter(|closed| **closed).count(), 1);
        drop((strangers, busy));
        let more: Vec<_> = (6..8).map(|last| known(&connections, last).unwrap()).collect();
        assert!(connections.enter(source(9)).is_none(), "everybody is known");
        drop((first, fifth, more));
        assert_eq!(connections.count(), 0);
        assert!(connections.table.lock().by_source.parties() == 0);
    }

    #[tokio::test]
    async fn a_source_makes_room_among_its_own() {
        let connections = Connections::new(LIMITS);
        let other = connections.enter(source(2)).unwrap();
        let (one, two) = (known(&connections, 1).unwrap(), connections.enter(source(1)).unwrap());
        let three = connections.enter(source(1)).unwrap();
        assert!(must_close(&two).await && !must_close(&one).await && !must_close(&other).await);
        let busy = three.activity().request();
        assert!(connections.enter(source(1)).is_none());
        drop(busy);
        let proxied = connections.enter(None).unwrap();
        assert!(proxied.belongs_to(source(3).unwrap()));
        assert!(connections.enter(None).is_some_and(|one| one.belongs_to(source(1).unwrap())));
    }

    #[tokio::test]
    async fn a_socket_is_never_late_here_and_makes_room_while_it_is_a_strangers() {
        let connections = Connections::new(LIMITS);
        connections.tick(1_000);
        let socket = known(&connections, 1).unwrap();
        socket.activity().mark_upgraded();
        connections.tick(1_000_000);
        assert!(!must_close(&socket).await);
        let others: Vec<_> = (2..6).map(|last| known(&connections, last).unwrap()).collect();
        assert!(must_close(&socket).await, "a stranger's socket made room for the fourth");
        drop(others);
    }

    #[tokio::test]
    async fn every_wait_for_the_peer_has_a_limit() {
        let connections = Connections::new(LIMITS);
        connections.tick(1_000);
        let [idle, head, reply, moving] = [1, 2, 3, 4].map(|last| connections.enter(source(last)).unwrap());
        head.activity().bytes_came();
        let (mut unread, mut read) = (reply.activity().request(), moving.activity().request());
        unread.replies();
        read.replies();
        connections.tick(1_010);
        assert!(!must_close(&head).await);
        connections.tick(1_011);
        assert!(must_close(&head).await && !must_close(&idle).await);
        read.moved();
        connections.tick(1_031);
        assert!(must_close(&reply).await && !must_close(&moving).await);
        drop((unread, read));
        connections.tick(1_101);
        assert!(must_close(&idle).await && !must_close(&moving).await);
        connections.tick(1_132);
        assert!(must_close(&moving).await);
        let slow = connections.enter(source(5)).unwrap();
        let _asking = slow.activity().request();
        connections.tick(1_192);
        assert!(!must_close(&slow).await);
        connections.tick(1_193);
        assert!(must_close(&slow).await, "a request that is neither whole nor answered");
    }

    /// Idle for 80 ms, heads for 10.
    async fn closed_at(began: u64, heard: &[u64], until: u64) -> Option<u64> {
        let limits = ConnectionLimits { idle_ms: 80, head_ms: 10, ..LIMITS };
        let connections = Connections::new(limits);
        connections.tick(began);
        let one = known(&connections, 1).unwrap();
        for now in began..=until {
            connections.tick(now);
            if heard.contains(&now) {
                one.activity().bytes_came();
            }
            if must_close(&one).await {
                return Some(now);
            }
        }
        None
    }

    #[tokio::test]
    async fn silence_and_heads_have_deadlines_of_their_own() {
        for (heard, closed) in [
            (&[][..], Some(1_081)),
            (&[1_000], Some(1_011)),
            (&[1_040], Some(1_051)),
            (&[1_070], Some(1_081)),
            // A head that begins in the last moment of silence has all of its time.
            (&[1_074], Some(1_085)),
            (&[1_079], Some(1_090)),
            (&[1_080], Some(1_091)),
            (&[1_081], Some(1_092)),
            // More of the same head gives it no more time.
            (&[1_079, 1_085], Some(1_090)),
            (&[1_000, 1_009], Some(1_011)),
        ] {
            assert_eq!(closed_at(1_000, heard, 1_200).await, closed, "{heard:?}");
        }
    }

    #[tokio::test]
    async fn what_waits_to_be_read_is_read_before_a_connection_is_closed_for_its_silence() {
        let connections = Connections::new(LIMITS);
        connections.tick(1_000);
        let one = known(&connections, 1).unwrap();
        connections.tick(1_101);
        // It is late, and a request arrives before it was closed.
        let reads = async { one.activity().bytes_came() };
        let (closed, ()) = tokio::join!(timeout(Duration::from_millis(20), one.must_close()), reads);
        assert!(closed.is_err());
        drop(one.activity().request());
        connections.tick(1_150);
        assert!(!must_close(&one).await, "silence counts anew");
        connections.tick(1_202);
        assert_eq!(one.must_close().await, MustClose::IsLate);
        // One that makes room does so whatever comes.
        let strangers: Vec<_> = (2..5).map(|last| connections.enter(source(last)).unwrap()).collect();
        for stranger in &strangers {
            stranger.activity().bytes_came();
        }
        let _fifth = connections.enter(source(9)).unwrap();
        let mut closed = Vec::new();
        for stranger in &strangers {
            closed.extend(timeout(Duration::from_millis(20), stranger.must_close()).await.ok());
        }
        assert_eq!(closed, [MustClose::MakesRoom]);
    }
}
