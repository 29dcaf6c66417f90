//! What the memory holds after changes in any order, and while they happen.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use keyward_gateway::Lease;
use keyward_gateway::alarms::ObservationSender;
use keyward_gateway::follow::{Facts, Follower};
use keyward_gateway::memory::{Applied, Lookup, Memory};
use keyward_rules::account::Email;
use keyward_rules::address::{AddressSet, Binding, HostBits};
use keyward_rules::alert::KeyObservation;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Actor, Proof, Scope};
use keyward_rules::id::{AccountId, AppId, KeyId};
use keyward_rules::key::{Environment, HmacState, Hold, HolderState, KeyName, PassphraseTag};
use keyward_rules::time::Moment;
use keyward_store::{
    AccountKind, AccountRecord, AppRecord, AppState, Entropy, KeyDraft, KeyRecord, LoadedKey, Location,
    MasterKey, Store, Tx,
};

pub const NOW: Moment = Moment::from_unix_ms(1_800_000_000_000);

pub struct World {
    pub store: Store,
    folder: PathBuf,
    pub account: AccountId,
}

impl World {
    pub async fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("keyward-memory-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let counter = AtomicU64::new(1);
        let entropy: Entropy = Arc::new(move |bytes: &mut [u8]| {
            for byte in bytes {
                *byte = counter.fetch_add(1, Ordering::Relaxed).wrapping_mul(37).to_le_bytes()[0];
            }
        });
        let store = Store::open(&Location::Folder(folder.clone()), &MasterKey::new([3; 32]), entropy, NOW)
            .await
            .unwrap();
        let account = AccountId::from_u64(7).unwrap();
        let world = Self { store, folder, account };
        let mut tx = world.begin().await;
        let kind = AccountKind::Master(Email::parse("a@keyward.example").unwrap());
        tx.insert_account(&AccountRecord { id: account, kind, created_at: NOW }).await.unwrap();
        commit(tx).await;
        world
    }

    async fn begin(&self) -> Tx {
        let grant = Actor::System("sandbox").may(ActionKind::SeedSandbox, Proof::None).unwrap();
        self.store.writer().begin(grant, NOW).await.unwrap()
    }

    pub async fn key(&self, number: u8, addresses: &str) -> KeyId {
        let binding = Binding::Addresses(AddressSet::parse(addresses, HostBits::Refuse).unwrap());
        self.bound(number, binding).await
    }

    pub async fn app(&self, state: AppState, ranges: &str, version: u64) -> AppId {
        let id = AppId::from_u64(7).unwrap();
        let ranges = AddressSet::parse(ranges, HostBits::Refuse).unwrap();
        let mut tx = self.begin().await;
        tx.put_app(&AppRecord { id, name: "Broker".to_owned(), state, ranges, version }).await.unwrap();
        commit(tx).await;
        id
    }

    pub async fn bound(&self, number: u8, binding: Binding) -> KeyId {
        let id = KeyId::from_entropy([number; 16]);
        let mut tx = self.begin().await;
        tx.insert_key(KeyDraft {
            id,
            account: self.account,
            master: None,
            name: KeyName::parse(&format!("bot {number}")).unwrap(),
            permissions: "read,trade".parse().unwrap(),
            binding,
            environment: Environment::Live,
            expires_at: None,
            new_device_until: None,
            rate_cap: None,
            fences: None,
            passphrase: PassphraseTag::from_bytes([1; 16]),
            hmac: HmacState::from_key(&[number]),
        })
        .await
        .unwrap();
        commit(tx).await;
        id
    }

    pub async fn record(&self, id: KeyId) -> KeyRecord {
        self.store.reader().key(Scope::All, id).await.unwrap().unwrap()
    }

    pub async fn change(&self, id: KeyId, change: impl FnOnce(&mut KeyRecord)) {
        let mut tx = self.begin().await;
        let mut key = tx.key(id).await.unwrap().unwrap();
        change(&mut key);
        tx.update_key(key).await.unwrap();
        commit(tx).await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

async fn commit(tx: Tx) {
    let event = Event::of(tx.grant(), NOW, "test", &[]);
    tx.commit(event).await.unwrap();
}

fn is_unknown(memory: &Memory, id: KeyId) -> bool {
    matches!(memory.facts(id), Lookup::Unknown)
}

/// F52: a fill that was read before a revocation and lands after it revives nothing.
#[tokio::test]
async fn a_late_fill_never_revives_a_key() {
    let world = World::new().await;
    let id = world.key(1, "192.0.2.0/24").await;
    let early = world.record(id).await;
    world.change(id, |key| key.life = key.life.delete(NOW).unwrap()).await;
    let memory = Memory::default();
    assert_eq!(memory.apply(&early), Applied::Stored);
    assert_eq!(memory.apply(&world.record(id).await), Applied::Stored);
    assert!(is_unknown(&memory, id));
    assert_eq!(memory.apply(&early), Applied::Older);
    assert!(is_unknown(&memory, id));
    memory.break_seal(id);
    assert!(is_unknown(&memory, id), "nothing is laid on a tombstone");
}

/// A row that somebody put back is held by a node that saw the newer one.
#[tokio::test]
async fn a_row_put_back_is_held() {
    let world = World::new().await;
    let id = world.key(1, "192.0.2.0/24").await;
    let early = world.record(id).await;
    world.change(id, |key| key.life = key.life.disable().unwrap()).await;
    let memory = Memory::default();
    memory.apply(&world.record(id).await);
    assert_eq!(memory.apply(&early), Applied::RolledBack);
    let Lookup::Facts(facts) = memory.facts(id) else { panic!("the key is still there") };
    assert!(facts.life.holds.has(Hold::BrokenSeal));
    assert_eq!(facts.life.state, HolderState::Disabled, "nothing of the older row is believed");
}

/// F54: a key that was asked for before it existed works at once when it does; the follower sees changes.
#[tokio::test]
async fn the_follower_brings_new_keys_changes_and_ends() {
    let world = World::new().await;
    let (memory, lease) = (Arc::new(Memory::default()), Arc::new(Lease::default()));
    let mut follower = Follower::start(world.store.feed(), facts(&memory), lease, 0).await.unwrap();
    let expected = KeyId::from_entropy([1; 16]);
    for _ in 0..1_000 {
        assert!(is_unknown(&memory, expected));
    }
    assert_eq!(memory.slots(), 0, "asking for unknown keys takes no memory");
    let id = world.key(1, "192.0.2.0/24,2001:db8::/32").await;
    assert_eq!(id, expected);
    follower.catch_up(1).await.unwrap();
    let Lookup::Facts(facts) = memory.facts(id) else { panic!("the key is known") };
    assert!(facts.reach.admits("2001:db8::1".parse().unwrap()));
    assert_eq!(memory.label(id).as_deref(), Some("bot 1"));
    assert!(memory.is_current(&facts));
    world.change(id, |key| key.life = key.life.disable().unwrap()).await;
    follower.catch_up(2).await.unwrap();
    assert!(!memory.is_current(&facts), "a permit of before is noticed");
    world.change(id, |key| key.life = key.life.delete(NOW).unwrap()).await;
    follower.catch_up(3).await.unwrap();
    assert!(is_unknown(&memory, id));
}

/// One change of an app reaches all its keys without touching any, and is noticed by requests under way.
#[tokio::test]
async fn an_apps_keys_share_its_ranges() {
    let world = World::new().await;
    let app = world.app(AppState::Active, "203.0.113.0/24,2001:db8::/32", 1).await;
    let (one, two) = (world.bound(1, Binding::App(app)).await, world.bound(2, Binding::App(app)).await);
    let other = world.key(3, "192.0.2.0/24").await;
    let memory = Arc::new(Memory::default());
    let mut follower = Follower::start(world.store.feed(), facts(&memory), Arc::default(), 0).await.unwrap();
    let of = |id| match memory.facts(id) {
        Lookup::Facts(facts) => facts,
        Lookup::Unknown | Lookup::Torn => panic!("the key is known"),
    };
    let admits = |id, address: &str| of(id).reach.admits(address.parse().unwrap());
    let (before, beside) = (of(one), of(other));
    for id in [one, two] {
        assert!(admits(id, "203.0.113.7") && admits(id, "2001:db8::7"));
        assert!(!admits(id, "203.0.114.1") && !admits(id, "127.0.0.1"));
    }
    follower.scrubber().scrub().await.unwrap();
    assert!(memory.is_current(&before), "nothing changed");
    let versions: Vec<u64> = vec![world.record(one).await.version, world.record(two).await.version];
    world.app(AppState::Active, "198.51.100.0/24", 2).await;
    follower.catch_up(1).await.unwrap();
    assert!(!memory.is_current(&before), "a permit by the older ranges is noticed");
    for id in [one, two] {
        assert!(admits(id, "198.51.100.9") && !admits(id, "203.0.113.7"));
    }
    world.app(AppState::Frozen, "198.51.100.0/24", 3).await;
    follower.catch_up(2).await.unwrap();
    assert!(of(one).reach.is_frozen() && of(two).reach.is_frozen());
    world.app(AppState::Active, "198.51.100.0/24", 4).await;
    follower.catch_up(3).await.unwrap();
    assert!(admits(one, "198.51.100.9"));
    assert!(memory.is_current(&beside), "other keys never noticed");
    // The row of before the freeze, put back by somebody who writes to the database: it admits nothing.
    let early = AppRecord {
        id: app,
        name: "Broker".to_owned(),
        state: AppState::Active,
        ranges: AddressSet::parse("203.0.113.0/24", HostBits::Refuse).unwrap(),
        version: 1,
    };
    assert!(
        memory.apply_app(app, Some(&early)) && !admits(one, "203.0.113.7") && !admits(one, "198.51.100.9")
    );
    assert_eq!(memory.apply_apps(&[early]), [app]);
    assert!(!admits(one, "203.0.113.7"));
    assert_eq!(memory.apply_apps(&[]), []);
    assert!(!admits(one, "198.51.100.9"));
    assert_eq!(versions, [world.record(one).await.version, world.record(two).await.version]);
}

/// A row that somebody put back opens, so every look at it would bring its key to life: it stays held until the log says
/// otherwise.
#[tokio::test]
async fn what_does_not_fit_the_log_stays_held() {
    let world = World::new().await;
    let (id, other) = (world.key(1, "192.0.2.0/24").await, world.key(2, "192.0.2.0/24").await);
    let edit = |sql: &str| {
        let script =
            "import sqlite3,sys\nc=sqlite3.connect(sys.argv[1]);c.executescript(sys.argv[2]);c.commit()";
        let file = world.folder.join("keyward.db");
        let status = std::process::Command::new("python3").args(["-c", script]).arg(file).arg(sql).status();
        assert!(status.unwrap().success());
    };
    edit("CREATE TABLE early AS SELECT * FROM keys");
    world.change(id, |key| key.life = key.life.disable().unwrap()).await;
    edit(&format!(
        "DELETE FROM keys WHERE id = '{id}'; INSERT INTO keys SELECT * FROM early WHERE id = '{id}'"
    ));
    let memory = Arc::new(Memory::default());
    let follower = Follower::start(world.store.feed(), facts(&memory), Arc::default(), 0).await.unwrap();
    let (scrubber, states) = (follower.scrubber(), world.store.states());
    let held = |id| match memory.facts(id) {
        Lookup::Facts(facts) => facts.life.holds.has(Hold::BrokenSeal),
        Lookup::Unknown | Lookup::Torn => panic!("the key is known"),
    };
    assert!(!held(id), "its seal opens");
    scrubber.check(&states).await.unwrap();
    assert!(held(id) && !held(other));
    scrubber.scrub().await.unwrap();
    assert!(held(id) && !held(other), "however often the row is read");
    world.change(id, |key| key.life = key.life.disable().unwrap()).await;
    scrubber.check(&states).await.unwrap();
    assert!(!held(id), "a change came after it, with a record");
}

/// An altered row is found by the scrub even though no change announces it.
#[tokio::test]
async fn the_scrub_finds_what_was_altered_behind_the_feed() {
    let world = World::new().await;
    let id = world.key(1, "192.0.2.0/24").await;
    let (memory, lease) = (Arc::new(Memory::default()), Arc::new(Lease::default()));
    let (alarms, mut sightings) = ObservationSender::new();
    let to = Facts::new(Arc::clone(&memory), Arc::new(alarms));
    let follower = Follower::start(world.store.feed(), to, lease, 0).await.unwrap();
    let output = std::process::Command::new("python3")
        .args(["-c", "import sqlite3,sys\nc=sqlite3.connect(sys.argv[1]);c.execute('UPDATE keys SET permissions=31');c.commit()"])
        .arg(world.folder.join("keyward.db"))
        .status()
        .unwrap();
    assert!(output.success());
    assert!(matches!(world.store.feed().key(id).await.unwrap(), Some(LoadedKey::Broken(_))));
    assert!(sightings.try_recv().is_err(), "nothing to tell yet");
    follower.scrubber().scrub().await.unwrap();
    follower.scrubber().scrub().await.unwrap();
    assert_eq!(sightings.try_recv(), Ok(KeyObservation::Altered(id)), "its holder is told");
    assert!(sightings.try_recv().is_err(), "once");
    let Lookup::Facts(facts) = memory.facts(id) else { panic!("the key is still there") };
    assert!(facts.life.holds.has(Hold::BrokenSeal) && facts.life.holds.stops());
    assert_eq!(facts.permissions.to_string(), "read,trade", "the altered value is not believed");
}

/// Readers see the one record or the other, never a mixture.
#[tokio::test]
async fn reads_are_never_torn() {
    const CHANGES: u8 = 60;
    let world = World::new().await;
    let id = world.key(1, "192.0.2.0/24").await;
    // Each version swaps state and addresses together, so that a mixture would show.
    let mut versions = vec![world.record(id).await];
    for number in 0..CHANGES {
        let disable = number % 2 == 0;
        let list = if disable { "2001:db8::/32,203.0.113.0/24" } else { "192.0.2.0/24" };
        world
            .change(id, |key| {
                key.binding = Binding::Addresses(AddressSet::parse(list, HostBits::Refuse).unwrap());
                key.life = if disable { key.life.disable().unwrap() } else { key.life.enable().unwrap() };
            })
            .await;
        versions.push(world.record(id).await);
    }
    let (first, second) = ("192.0.2.1".parse().unwrap(), "203.0.113.1".parse().unwrap());
    for _ in 0..50 {
        let (memory, stop) = (Memory::default(), AtomicBool::new(false));
        memory.apply(&versions[0]);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut reads = 0_u64;
                while !stop.load(Ordering::Relaxed) || reads < 100 {
                    if let Lookup::Facts(facts) = memory.facts(id) {
                        let old = facts.reach.admits(first);
                        assert_ne!(old, facts.reach.admits(second));
                        assert_eq!(old, facts.life.state == HolderState::Active);
                        reads += 1;
                    }
                }
            });
            for version in &versions {
                assert_eq!(memory.apply(version), Applied::Stored);
            }
            stop.store(true, Ordering::Relaxed);
            reader.join().unwrap();
        });
    }
}

/// A memory with a way to the holder that nobody listens to.
fn facts(memory: &Arc<Memory>) -> Facts {
    Facts::new(Arc::clone(memory), Arc::new(ObservationSender::new().0))
}
