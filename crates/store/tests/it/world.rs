//! A store of one's own on either database, with counted randomness and a fixed clock.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use keyward_rules::account::Email;
use keyward_rules::address::{AddressSet, Binding, HostBits};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Actor, Grant, Proof};
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::key::{Environment, HmacState, KeyName, PassphraseTag, RateCap};
use keyward_rules::time::Moment;
use keyward_store::{
    AccountKind, AccountRecord, Entropy, KeyDraft, Loaded, LoadedKey, Location, MasterKey, Store, StoreError,
    Tx,
};
use keyward_testkit::postgres::Postgres;

pub const NOW: Moment = Moment::from_unix_ms(1_800_000_000_000);

pub fn master() -> MasterKey {
    MasterKey::new([9; 32])
}

/// Bytes that never repeat.
pub fn entropy() -> Entropy {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    Arc::new(|bytes: &mut [u8]| {
        for chunk in bytes.chunks_mut(8) {
            let number =
                COUNT.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
    })
}

/// A store, and what must live as long as it.
pub struct World {
    pub store: Store,
    pub location: Location,
    folder: Option<PathBuf>,
}

impl World {
    pub async fn sqlite() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("keyward-store-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self::open(Location::Folder(folder.clone()), Some(folder)).await
    }

    pub async fn postgres() -> Self {
        let url = Postgres::shared().unwrap().fresh_database().unwrap();
        Self::at(Location::parse(&url).unwrap()).await
    }

    pub async fn at(location: Location) -> Self {
        Self::open(location, None).await
    }

    async fn open(location: Location, folder: Option<PathBuf>) -> Self {
        let store = Store::open(&location, &master(), entropy(), NOW).await.unwrap();
        Self { store, location, folder }
    }

    pub async fn begin(&self) -> Tx {
        self.store.writer().begin(grant(), NOW).await.unwrap()
    }

    /// An account with one key.
    pub async fn with_key(&self, name: &str) -> (AccountId, KeyId) {
        let account = self.with_account().await;
        (account, self.add_key(account, name).await.unwrap())
    }

    pub async fn with_account(&self) -> AccountId {
        let mut tx = self.begin().await;
        let id = AccountId::from_entropy(random());
        let kind = AccountKind::Master(Email::parse(&format!("a{id}@keyward.example")).unwrap());
        tx.insert_account(&AccountRecord { id, kind, created_at: NOW }).await.unwrap();
        commit(tx).await;
        id
    }

    pub async fn add_key(&self, account: AccountId, name: &str) -> Result<KeyId, StoreError> {
        let mut tx = self.begin().await;
        let id = KeyId::from_entropy(random());
        tx.insert_key(draft(id, account, name)).await?;
        commit(tx).await;
        Ok(id)
    }

    /// What a gateway starts from.
    pub async fn load(&self) -> (Loaded, Vec<LoadedKey>) {
        let keys = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&keys);
        let loaded = self.store.feed().load(move |key| into.lock().unwrap().push(key)).await.unwrap();
        let keys = std::mem::take(&mut *keys.lock().unwrap());
        (loaded, keys)
    }

    /// The SQLite file of the keys.
    pub fn file(&self) -> PathBuf {
        self.folder.as_ref().unwrap().join("keyward.db")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    entropy()(&mut bytes);
    bytes
}

pub fn draft(id: KeyId, account: AccountId, name: &str) -> KeyDraft {
    KeyDraft {
        id,
        account,
        master: None,
        name: KeyName::parse(name).unwrap(),
        permissions: "read,trade".parse().unwrap(),
        binding: Binding::Addresses(AddressSet::parse("192.0.2.0/24,2001:db8::1", HostBits::Refuse).unwrap()),
        environment: Environment::Live,
        expires_at: Some(NOW.plus_ms(1_000_000)),
        rate_cap: RateCap::new(7).ok(),
        fences: keyward_rules::fence::read(r#"{"max_order_value":"500"}"#).ok().map(Into::into),
        passphrase: PassphraseTag::from_bytes([4; 16]),
        new_device_until: None,
        hmac: HmacState::from_key(b"secret"),
    }
}

pub fn grant() -> Grant {
    Actor::System("sandbox").may(ActionKind::SeedSandbox, Proof::None).unwrap()
}

pub async fn commit(tx: Tx) {
    let event = Event::of(tx.grant(), NOW, "test", &[]);
    tx.commit(event).await.unwrap();
}

/// Writes to the database past the program: on SQLite to this file of it.
pub async fn edit(world: &World, file: &str, sql: &str) {
    match &world.location {
        Location::Folder(folder) => {
            rusqlite::Connection::open(folder.join(file)).unwrap().execute_batch(sql).unwrap();
        }
        Location::Postgres(url) => {
            // The kit names a host that only the socket's folder replaces.
            let url = url.replace("@localhost/", "@/");
            let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
            let connection = tokio::spawn(connection);
            client.batch_execute(sql).await.unwrap();
            drop(client);
            connection.await.unwrap().unwrap();
        }
    }
}
