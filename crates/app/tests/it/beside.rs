//! The store of a running sandbox, opened beside it: changes of apps and keys as any process of the deployment makes
//! them, for the running gateway to follow.

use std::path::Path;
use std::sync::Arc;

use keyward_authority::{Authority, Settings};
use keyward_rules::account::Email;
use keyward_rules::address::{AddressSet, Binding, HostBits, Network};
use keyward_rules::alert::Alert;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Actor, Grant, Proof, Scope};
use keyward_rules::id::{AccountId, AppId, KeyId};
use keyward_rules::key::{Environment, HmacState, KeyName, SecretKey};
use keyward_rules::limits::DAY_MS;
use keyward_rules::policy::Setting;
use keyward_rules::secret::Secret;
use keyward_rules::signal::{SignalChoices, SignalSet, Usual};
use keyward_rules::staff::Role;
use keyward_rules::time::Moment;
use keyward_store::{
    AccountKind, AccountRecord, AppRecord, AppState, Entropy, KeyDraft, KeyMetadata, KeyRecord, LastUse,
    Location, MasterKey, Store,
};
use keyward_testkit::process::KeyEntry;
use tokio::runtime::Runtime;

use crate::world::now_ms;

const PHRASE: &str = "Kw1-Probe-Pass!";

/// Keys of one account; 50 is the most that it may have.
pub const EACH: usize = 50;

/// Accounts in one transaction.
const AT_ONCE: usize = 400;

/// The opened store.
pub struct Beside {
    runtime: Runtime,
    store: Store,
    authority: Authority,
}

/// A set of ranges, separated by commas.
pub fn ranges(text: &str) -> AddressSet {
    let networks = text.split(',').map(|entry| Network::parse(entry, HostBits::Refuse).unwrap());
    AddressSet::of_app(networks.collect()).unwrap()
}

impl Beside {
    pub fn open(data: &Path) -> Self {
        Self::open_with(data, &data.join("master.key"))
    }

    /// The store of a server, whose master key lies elsewhere.
    pub fn open_with(data: &Path, master: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let master = std::fs::read_to_string(master).unwrap();
        let master = MasterKey::parse(&master).unwrap();
        let entropy: Entropy = Arc::new(|bytes: &mut [u8]| getrandom::fill(bytes).unwrap());
        let location = Location::Folder(data.to_path_buf());
        let opening = Store::open(&location, &master, Arc::clone(&entropy), now());
        let store = runtime.block_on(opening).unwrap();
        let authority = Authority::new(&store, entropy, Settings::default());
        Self { runtime, store, authority }
    }

    /// Registers an app with these ranges in force.
    pub fn app(&self, name: &str, within: &str) -> AppRecord {
        let id = AppId::from_entropy(self.random());
        let (name, ranges) = (name.to_owned(), ranges(within));
        let app = AppRecord { id, name, state: AppState::Active, ranges, version: 1 };
        self.put(&app);
        app
    }

    /// Puts other ranges in force, or another state; gives when that was committed.
    pub fn change(&self, app: &mut AppRecord, change: impl FnOnce(&mut AppRecord)) -> u64 {
        change(app);
        app.version += 1;
        self.put(app)
    }

    /// Changes a key's record; gives when that was committed.
    pub fn change_key(&self, key: &KeyEntry, change: impl FnOnce(&mut KeyRecord)) -> u64 {
        let id = KeyId::parse(key.api_key.as_bytes()).unwrap();
        self.runtime.block_on(async {
            let mut tx = self.store.writer().begin(grant(), now()).await.unwrap();
            let mut record = tx.key(id).await.unwrap().unwrap();
            change(&mut record);
            tx.update_key(record).await.unwrap();
            let event = Event::of(tx.grant(), now(), &format!("key:{id}"), &[]);
            tx.commit(event).await.unwrap();
            now_ms()
        })
    }

    /// Notes that a key was last used so many days ago.
    pub fn used_days_ago(&self, api_key: &str, days: u64) {
        let at = Moment::from_unix_ms(now_ms() - days * DAY_MS);
        let last = LastUse { key: api_key.parse().unwrap(), at, from: [127, 0, 0, 1].into() };
        self.runtime.block_on(self.store.usage().record(&[last])).unwrap();
    }

    fn put(&self, app: &AppRecord) -> u64 {
        self.runtime.block_on(async {
            let mut tx = self.store.writer().begin(grant(), now()).await.unwrap();
            tx.put_app(app).await.unwrap();
            let event = Event::of(tx.grant(), now(), &format!("app:{}", app.id), &[]);
            tx.commit(event).await.unwrap();
            now_ms()
        })
    }

    /// Makes `accounts` accounts, each with [`EACH`] keys that are bound so.
    pub fn keys(&self, binding: &Binding, accounts: usize) -> Vec<KeyEntry> {
        let mut all = Vec::with_capacity(accounts * EACH);
        for first in (0..accounts).step_by(AT_ONCE) {
            let (mut owners, mut drafts) = (Vec::new(), Vec::new());
            for _ in first..accounts.min(first + AT_ONCE) {
                let (owner, more, entries) = self.drafts(binding, EACH);
                owners.push(owner);
                drafts.extend(more);
                all.extend(entries);
            }
            self.insert(owners, drafts);
        }
        all
    }

    /// Makes a person's account with `count` keys that are bound so.
    pub fn account(&self, binding: &Binding, count: usize) -> (AccountId, Vec<KeyEntry>) {
        let (owner, drafts, entries) = self.drafts(binding, count);
        let id = owner.id;
        self.insert(vec![owner], drafts);
        self.runtime.block_on(async {
            let mut tx = self.store.writer().begin(grant(), now()).await.unwrap();
            tx.insert_person(id, &Secret::new("no password".to_owned()), "amber kite 427").await.unwrap();
            let event = Event::of(tx.grant(), now(), &format!("account:{id}"), &[]);
            tx.commit(event).await.unwrap();
        });
        (id, entries)
    }

    /// The alerts of an account.
    pub fn alerts(&self, account: AccountId) -> Vec<Alert> {
        let reader = self.store.reader();
        let told = self.runtime.block_on(reader.alerts_of(Scope::All, account, None, 100)).unwrap();
        told.into_iter().map(|record| record.alert).collect()
    }

    /// Has the gateway know what is usual for a key, as if it had learned it.
    pub fn teach(&self, key: &KeyEntry, learned: &str) {
        let id = KeyId::parse(key.api_key.as_bytes()).unwrap();
        self.runtime.block_on(self.store.baselines().keep(&[(id, learned.to_owned())], now())).unwrap();
    }

    /// What is usual for a key, as it was last kept.
    pub fn usual(&self, key: &KeyEntry) -> Usual {
        let id = KeyId::parse(key.api_key.as_bytes()).unwrap();
        self.runtime.block_on(self.store.baselines().of(id)).unwrap().unwrap().usual()
    }

    /// The same as the text that was kept.
    pub fn learned(&self, key: &KeyEntry) -> String {
        let id = KeyId::parse(key.api_key.as_bytes()).unwrap();
        self.runtime.block_on(self.store.baselines().of(id)).unwrap().unwrap().to_string()
    }

    /// The operators' accounts.
    pub fn operators(&self) -> Vec<AccountId> {
        self.runtime.block_on(async {
            let mut tx = self.store.writer().begin(grant(), now()).await.unwrap();
            let staff = tx.staff().await.unwrap();
            staff.iter().filter(|one| one.role == Role::Operator).map(|one| one.account).collect()
        })
    }

    /// Mutes signals of a key.
    pub fn mute(&self, key: &KeyEntry, muted: SignalSet) {
        let id = KeyId::parse(key.api_key.as_bytes()).unwrap();
        self.runtime.block_on(async {
            let mut tx = self.store.writer().begin(grant(), now()).await.unwrap();
            let notes = tx.notes(id).await.unwrap();
            let signals = SignalChoices { muted, ..notes.signals };
            tx.set_notes(&KeyMetadata { signals, ..notes }).await.unwrap();
            let event = Event::of(tx.grant(), now(), &format!("key:{id}"), &[]);
            tx.commit(event).await.unwrap();
        });
    }

    /// Puts a policy in force.
    pub fn policy(&self, setting: Setting, by: AccountId) {
        self.runtime.block_on(async {
            let mut tx = self.store.writer().begin(grant(), now()).await.unwrap();
            tx.set_policy(setting, by).await.unwrap();
            let event = Event::of(tx.grant(), now(), "policy", &[]);
            tx.commit(event).await.unwrap();
        });
    }

    fn drafts(&self, binding: &Binding, count: usize) -> (AccountRecord, Vec<KeyDraft>, Vec<KeyEntry>) {
        let id = AccountId::from_entropy(self.random());
        let email = Email::parse(&format!("holder-{id}@keyward.example")).unwrap();
        let owner = AccountRecord { id, kind: AccountKind::Master(email), created_at: now() };
        let made = (0..count).map(|number| self.draft(id, number, binding));
        let (drafts, entries) = made.unzip();
        (owner, drafts, entries)
    }

    fn draft(&self, account: AccountId, number: usize, binding: &Binding) -> (KeyDraft, KeyEntry) {
        let secret = SecretKey::from_entropy(self.random());
        let id = KeyId::from_entropy(self.random());
        let draft = KeyDraft {
            id,
            account,
            master: None,
            name: KeyName::parse(&format!("bot {number}")).unwrap(),
            permissions: "read,trade".parse().unwrap(),
            binding: binding.clone(),
            environment: Environment::Live,
            expires_at: None,
            new_device_until: None,
            rate_cap: None,
            fences: None,
            passphrase: self.authority.secrets.passphrases.tag(account, PHRASE.as_bytes()),
            hmac: HmacState::from_key(secret.expose().as_bytes()),
        };
        let entry = KeyEntry {
            api_key: id.to_string(),
            secret: secret.expose().to_owned(),
            passphrase: PHRASE.to_owned(),
            expect: String::new(),
        };
        (draft, entry)
    }

    fn insert(&self, owners: Vec<AccountRecord>, drafts: Vec<KeyDraft>) {
        let grant = grant();
        let event = Event::of(&grant, now(), "keys", &[]);
        let writer = self.store.writer();
        self.runtime.block_on(writer.insert_many((grant, now()), owners, drafts, event)).unwrap();
    }

    fn random<const BYTES: usize>(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        (self.authority.entropy)(&mut bytes);
        bytes
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.runtime.block_on(self.store.clone().close());
    }
}

fn grant() -> Grant {
    Actor::System("sandbox").may(ActionKind::SeedSandbox, Proof::None).unwrap()
}

fn now() -> Moment {
    Moment::from_unix_ms(now_ms())
}
