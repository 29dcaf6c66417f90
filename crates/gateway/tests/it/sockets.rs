//! What ends a socket, by clocks that the test turns, and what is counted of sockets.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};

use bytes::Bytes;
use keyward_api::open_sockets::OpenSockets as _;
use keyward_gateway::memory::{Lookup, Memory};
use keyward_gateway::{Clock, Lease, Registry, SocketLimits};
use keyward_rules::decision::{Door, LoggedIn, Received, Whole};
use keyward_rules::id::{KeyId, RequestId};
use keyward_rules::key::{HmacState, HolderState, KeyFacts, PassphraseKey};
use keyward_rules::okx::{Credentials, sign};
use keyward_rules::route::{Found, Method};
use keyward_rules::socket::Endpoint;
use keyward_store::AppState;

use crate::memory::{NOW, World};

const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

/// A node without threads: its memory, its lease, and both clocks.
struct Node {
    memory: Memory,
    lease: Lease,
    clock: Clock,
    /// Milliseconds that have passed.
    passed_ms: Arc<AtomicU64>,
    registry: Arc<Registry>,
}

/// The steady clock at the beginning.
const BEGAN_MS: u64 = 1_000_000;

impl Node {
    fn new(limits: SocketLimits) -> Self {
        let passed_ms = Arc::new(AtomicU64::new(0));
        let (wall, steady) = (Arc::clone(&passed_ms), Arc::clone(&passed_ms));
        let clock = Clock {
            wall_us: Arc::new(move || (NOW.unix_ms() + wall.load(Ordering::Relaxed)) * 1_000),
            steady_ms: Arc::new(move || BEGAN_MS + steady.load(Ordering::Relaxed)),
        };
        let lease = Lease::default();
        lease.renew(BEGAN_MS);
        Self { memory: Memory::default(), lease, clock, passed_ms, registry: Registry::new(limits) }
    }

    fn facts(&self, id: KeyId) -> KeyFacts {
        match self.memory.facts(id) {
            Lookup::Facts(facts) => facts,
            Lookup::Unknown | Lookup::Torn => panic!("{id} is not there"),
        }
    }

    /// Lets time pass and looks at every socket.
    fn pass(&self, ms: u64) {
        self.passed_ms.fetch_add(ms, Ordering::Relaxed);
        self.look(true);
    }

    fn look(&self, all: bool) {
        self.registry.tick(&self.memory, &self.lease, &self.clock, all);
    }

    /// What a login with the key's secret gives.
    fn log_in(&self, id: KeyId, secret: u8) -> (Arc<LoggedIn>, KeyFacts) {
        let phrases = PassphraseKey::new([5; 32]);
        let facts = self.facts(id);
        let known = KeyFacts { passphrase: phrases.tag(facts.account, b"phrase"), ..self.facts(id) };
        let (now, body) = (self.clock.now(), Bytes::new());
        let stamp = (now.unix_ms() / 1_000).to_string();
        let made =
            sign(&HmacState::from_key(&[secret]), stamp.as_bytes(), b"GET", b"/users/self/verify", &body);
        let key = id.to_string();
        let mut credentials = Credentials::of_login([&key, "phrase", &stamp, "-"], None).unwrap();
        credentials.sign = Some(made);
        let whole = Whole {
            id: RequestId(1),
            method: Method::Get,
            target: b"/users/self/verify",
            body: &body,
            plain: true,
            credentials,
            routed: Found::Unknown,
            source: SOURCE,
            door: Door::Everybody,
            now,
        };
        let login = Received::new(whole).verify(Some(known), &phrases).and_then(|verified| verified.open());
        (Arc::new(login.unwrap_or_else(|denial| panic!("{denial}")).0), facts)
    }
}

/// An open socket of the key, and what is due with it.
macro_rules! socket {
    ($node:expr, $id:expr, $secret:expr) => {{
        let entry = $node.registry.enter(Endpoint::Private, SOURCE, &$node.clock).unwrap();
        let (login, facts) = $node.log_in($id, $secret);
        entry.join(login, facts, NOW).unwrap();
        entry
    }};
}
macro_rules! due {
    ($entry:expr) => {
        format!("{:?}", $entry.state().poll_due(&Context::from_waker(Waker::noop())))
    };
}

async fn node_with(world: &World, ids: &[KeyId]) -> Node {
    let node = Node::new(SocketLimits::default());
    for id in ids {
        node.memory.apply(&world.record(*id).await);
    }
    node
}

#[tokio::test]
async fn only_a_change_that_shuts_it_out_ends_a_socket() {
    let world = World::new().await;
    let (one, two) = (world.key(1, "192.0.2.1").await, world.key(2, "192.0.2.1").await);
    let node = node_with(&world, &[one, two]).await;
    let (first, second) = (socket!(node, one, 1), socket!(node, two, 2));
    node.look(false);
    assert_eq!((due!(first), due!(second)), ("Pending".into(), "Pending".into()));
    // A change that admits it still.
    world.change(one, |key| key.name = keyward_rules::key::KeyName::parse("another").unwrap()).await;
    node.memory.apply(&world.record(one).await);
    node.look(false);
    assert_eq!(due!(first), "Pending");
    world.change(one, |key| key.life.state = HolderState::Disabled).await;
    node.memory.apply(&world.record(one).await);
    node.look(false);
    assert_eq!((due!(first), due!(second)), ("Ready(End(KeyChanged))".into(), "Pending".into()));
    assert!(node.registry.of_key(world.account, one).is_empty(), "what ends is not shown");
    assert_eq!(node.registry.of_key(world.account, two).len(), 1);
    node.memory.forget(two);
    node.look(false);
    assert_eq!(due!(second), "Ready(End(KeyChanged))");
}

#[tokio::test]
async fn an_apps_freeze_ends_its_sockets() {
    let world = World::new().await;
    let app = world.app(AppState::Active, "192.0.2.0/24", 1).await;
    let id = world.bound(1, keyward_rules::address::Binding::App(app)).await;
    let node = node_with(&world, &[id]).await;
    let load = |node: &Node, record| node.memory.apply_app(app, Some(&record));
    load(&node, world.store.feed().app(app).await.unwrap().unwrap());
    let socket = socket!(node, id, 1);
    world.app(AppState::Active, "192.0.2.0/25", 2).await;
    load(&node, world.store.feed().app(app).await.unwrap().unwrap());
    node.look(false);
    assert_eq!(due!(socket), "Pending", "the new ranges hold it too");
    world.app(AppState::Frozen, "192.0.2.0/25", 3).await;
    load(&node, world.store.feed().app(app).await.unwrap().unwrap());
    node.look(false);
    assert_eq!(due!(socket), "Ready(End(KeyChanged))");
}

#[tokio::test]
async fn a_socket_ends_when_nobody_vouches_for_its_key_or_its_peers_are_silent() {
    let world = World::new().await;
    let id = world.key(1, "192.0.2.1").await;
    // The lease: 30 s, and then another reason than that the key changed.
    let node = node_with(&world, &[id]).await;
    let socket = socket!(node, id, 1);
    let stranger = node.registry.enter(Endpoint::Public, SOURCE, &node.clock).unwrap();
    for _ in 0..3 {
        node.pass(10_000);
        socket.state().heard(BEGAN_MS + node.passed_ms.load(Ordering::Relaxed));
        stranger.state().heard(BEGAN_MS + node.passed_ms.load(Ordering::Relaxed));
    }
    assert_eq!(due!(socket), "Pending");
    node.pass(1);
    assert_eq!(due!(socket), "Ready(End(LeaseOut))");
    assert_eq!(due!(stranger), "Pending", "public data needs no facts");
    // Silence.
    let node = node_with(&world, &[id]).await;
    let socket = socket!(node, id, 1);
    node.pass(29_000);
    node.lease.renew(BEGAN_MS + 29_000);
    node.pass(1_000);
    assert_eq!(due!(socket), "Pending");
    node.pass(1);
    assert_eq!(due!(socket), "Ready(End(Idle))");
    // A client that does not take what it gets.
    let node = node_with(&world, &[id]).await;
    let socket = socket!(node, id, 1);
    socket.state().client_takes(false, || BEGAN_MS);
    node.pass(10_000);
    assert_eq!(due!(socket), "Pending");
    node.pass(1);
    assert_eq!(due!(socket), "Ready(End(SlowReader))");
    // An exchange that says nothing is asked once, and then given up.
    let node = node_with(&world, &[id]).await;
    let socket = socket!(node, id, 1);
    socket.state().heard_upstream(BEGAN_MS);
    node.pass(15_001);
    assert_eq!((due!(socket), due!(socket)), ("Ready(Ping)".into(), "Pending".into()));
    node.pass(1_000);
    assert_eq!(due!(socket), "Pending", "asked once");
    socket.state().heard(BEGAN_MS + 16_001);
    node.lease.renew(BEGAN_MS + 16_001);
    node.pass(14_000);
    assert_eq!(due!(socket), "Ready(End(UpstreamLost))");
}

#[tokio::test]
async fn sockets_are_counted_by_source_key_and_channel_and_forgotten() {
    let world = World::new().await;
    let id = world.key(1, "192.0.2.1").await;
    let limits =
        SocketLimits { total: 3, per_source: 1, per_key: 2, per_channel: 1, ..SocketLimits::default() };
    let node = Node::new(limits);
    node.memory.apply(&world.record(id).await);
    let first = socket!(node, id, 1);
    let stranger = node.registry.enter(Endpoint::Public, SOURCE, &node.clock).unwrap();
    assert!(node.registry.enter(Endpoint::Public, SOURCE, &node.clock).is_none(), "one stranger a source");
    drop(stranger);
    let second = socket!(node, id, 1);
    let third = node.registry.enter(Endpoint::Private, SOURCE, &node.clock).unwrap();
    let (login, facts) = node.log_in(id, 1);
    assert_eq!(format!("{:?}", third.join(login, facts, NOW)), "Err(Key)");
    drop(third);
    assert_eq!(node.registry.count(), (2, 2));
    assert_eq!(first.count_channel(world.account, 7), Some(1));
    assert_eq!(first.count_channel(world.account, 7), Some(1), "a socket counts once");
    assert_eq!(second.count_channel(world.account, 7), None);
    first.uncount_channel(world.account, 7);
    assert_eq!(second.count_channel(world.account, 7), None, "one of two subscriptions is left");
    drop(first);
    assert_eq!(second.count_channel(world.account, 7), Some(1));
    let elsewhere: IpAddr = "192.0.2.9".parse().unwrap();
    let others: Vec<_> =
        (0..3).filter_map(|_| node.registry.enter(Endpoint::Public, elsewhere, &node.clock)).collect();
    assert_eq!((others.len(), node.registry.count()), (1, (2, 1)));
    drop((second, others));
    assert_eq!(node.registry.count(), (0, 0));
}
