//! Opening a store: folder or URL, migrations, master key; and handing out its capabilities.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyward_rules::time::Moment;
use tokio::sync::Mutex;

use crate::Entropy;
use crate::activity::Activity;
use crate::alerts::Inbox;
use crate::baselines::Baselines;
use crate::bulk::watch::Glance;
use crate::charts::pending::Charts;
use crate::deliveries::Deliveries;
use crate::door::Door;
use crate::error::StoreError;
use crate::exchange_notices::ExchangeNotices;
use crate::feed::Feed;
use crate::journal::Journal;
use crate::log::rows::note_all;
use crate::log::{Log, States, bring_up};
use crate::master::MasterKey;
use crate::node::NodeClaim;
use crate::outbox::Outbox;
use crate::policies;
use crate::reader::Reader;
use crate::reserve::{FreeBytes, Reserve};
use crate::seal::{Made, RootKey, Vault};
use crate::secret_prints::SecretPrints;
use crate::sql::{Database, moment};
use crate::thresholds::TransferSums;
use crate::usage::Usage;
use crate::writer::{CommitObserver, Seen, Writer};

/// Schema of the main tables, one text per step and database.
const MAIN: &[Migration] = &[
    Migration {
        sqlite: include_str!("../migrations/sqlite/0001_start.sql"),
        postgres: include_str!("../migrations/postgres/0001_start.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0002_people.sql"),
        postgres: include_str!("../migrations/postgres/0002_people.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0003_rate_cap.sql"),
        postgres: include_str!("../migrations/postgres/0003_rate_cap.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0004_operators.sql"),
        postgres: include_str!("../migrations/postgres/0004_operators.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0005_audit_log.sql"),
        postgres: include_str!("../migrations/postgres/0005_audit_log.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0006_channels.sql"),
        postgres: include_str!("../migrations/postgres/0006_channels.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0007_passkeys.sql"),
        postgres: include_str!("../migrations/postgres/0007_passkeys.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0008_root_key.sql"),
        postgres: include_str!("../migrations/postgres/0008_root_key.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0009_brokers.sql"),
        postgres: include_str!("../migrations/postgres/0009_brokers.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0010_names.sql"),
        postgres: include_str!("../migrations/postgres/0010_names.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0011_node.sql"),
        postgres: include_str!("../migrations/postgres/0011_node.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0012_uses.sql"),
        postgres: include_str!("../migrations/postgres/0012_uses.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0013_row_marks.sql"),
        postgres: include_str!("../migrations/postgres/0013_row_marks.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0014_own_end.sql"),
        postgres: include_str!("../migrations/postgres/0014_own_end.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0015_session_note.sql"),
        postgres: include_str!("../migrations/postgres/0015_session_note.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0016_announcements.sql"),
        postgres: include_str!("../migrations/postgres/0016_announcements.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0017_fences.sql"),
        postgres: include_str!("../migrations/postgres/0017_fences.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0018_signals.sql"),
        postgres: include_str!("../migrations/postgres/0018_signals.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0019_account_limits.sql"),
        postgres: include_str!("../migrations/postgres/0019_account_limits.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0020_sub_accounts.sql"),
        postgres: include_str!("../migrations/postgres/0020_sub_accounts.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0021_secret_prints.sql"),
        postgres: include_str!("../migrations/postgres/0021_secret_prints.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0022_transfer_approvals.sql"),
        postgres: include_str!("../migrations/postgres/0022_transfer_approvals.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0023_reviews.sql"),
        postgres: include_str!("../migrations/postgres/0023_reviews.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0024_transfer_out.sql"),
        postgres: include_str!("../migrations/postgres/0024_transfer_out.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0025_exchange_notices.sql"),
        postgres: include_str!("../migrations/postgres/0025_exchange_notices.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0026_new_devices.sql"),
        postgres: include_str!("../migrations/postgres/0026_new_devices.sql"),
    },
];
/// Schema of the journal's tables: a file of their own on SQLite.
const ACTIVITY: &[Migration] = &[
    Migration {
        sqlite: include_str!("../migrations/sqlite/0001_activity.sql"),
        postgres: include_str!("../migrations/postgres/0001_activity.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0002_quarters.sql"),
        postgres: include_str!("../migrations/postgres/0002_quarters.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0003_sources.sql"),
        postgres: include_str!("../migrations/postgres/0003_sources.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0004_rollups.sql"),
        postgres: include_str!("../migrations/postgres/0004_rollups.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0005_charts.sql"),
        postgres: include_str!("../migrations/postgres/0005_charts.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0006_spools.sql"),
        postgres: include_str!("../migrations/postgres/0006_spools.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0007_days.sql"),
        postgres: include_str!("../migrations/postgres/0007_days.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0008_orders.sql"),
        postgres: include_str!("../migrations/postgres/0008_orders.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0009_reserved.sql"),
        postgres: include_str!("../migrations/postgres/0009_reserved.sql"),
    },
];
/// What a spool has beside the journal's tables; spools are always SQLite's.
const SPOOL: &[Migration] =
    &[Migration { sqlite: include_str!("../migrations/sqlite/0001_spool.sql"), postgres: "" }];

/// The main tables' name among the steps.
pub(crate) const MAIN_PART: &str = "main";
/// The journal's tables' name among the steps.
pub(crate) const ACTIVITY_PART: &str = "activity";
/// The name among the steps of what a spool has beside them.
const SPOOL_PART: &str = "spool";
/// The step that brought the audit log's tree: stores from before it are brought up, and later ones never again.
pub(crate) const AUDIT_STEP: i64 = 5;
/// The main tables' file.
pub(crate) const MAIN_FILE: &str = "keyward.db";
/// The journal's file.
pub(crate) const ACTIVITY_FILE: &str = "activity.db";

/// Connections to PostgreSQL at most: of the control plane, of those who follow the changes, of the journal. Each has its own,
/// so that a crowd at the console holds up neither a revocation nor a withdrawal.
const CONNECTIONS: [usize; 3] = [8, 2, 4];

struct Migration {
    sqlite: &'static str,
    postgres: &'static str,
}

/// The schema steps that this program knows, of the main tables and of the journal's.
pub(crate) const KNOWN_STEPS: [usize; 2] = [MAIN.len(), ACTIVITY.len()];

/// Where the store is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Location {
    /// A folder for SQLite's files.
    Folder(PathBuf),
    /// A PostgreSQL database.
    Postgres(String),
}

impl Location {
    /// `postgres://…`, or else a folder.
    ///
    /// # Errors
    /// [`StoreError::Location`] for other URLs and the empty text.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        if text.is_empty() || text.contains("://") {
            return Err(StoreError::Location);
        }
        Ok(Self::Folder(PathBuf::from(text)))
    }
}

/// An open store. It does nothing itself: it hands out capabilities.
#[derive(Clone)]
pub struct Store {
    pub(crate) main: Database,
    /// For those who follow the changes.
    followed: Database,
    pub(crate) activity: Database,
    vault: Arc<Vault>,
    /// Where SQLite keeps its files.
    folder: Option<PathBuf>,
    witness: Option<CommitObserver>,
    /// The last of the disk.
    reserve: Option<Arc<Reserve>>,
    /// The changes of this process, one at a time, and how far it has seen the store come.
    turn: Arc<Mutex<Seen>>,
    /// What is on its way into the charts.
    charts: Arc<Charts>,
}

impl Store {
    /// Opens the store, bringing its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::UnknownSchema`] when a newer program wrote it, [`StoreError::WrongMasterKey`] when it was
    /// made with another master key, [`StoreError::Url`] when the URL makes no sense, and what the database or file
    /// system says.
    pub async fn open(
        location: &Location,
        master: &MasterKey,
        entropy: Entropy,
        now: Moment,
    ) -> Result<Self, StoreError> {
        let (main, followed, activity, folder) = match location {
            Location::Folder(folder) => {
                let main = Database::sqlite(&folder.join(MAIN_FILE)).await?;
                let activity = Database::sqlite(&folder.join(ACTIVITY_FILE)).await?;
                (main.clone(), main, activity, Some(folder.clone()))
            }
            Location::Postgres(url) => {
                let [main, followed, activity] = CONNECTIONS.map(|most| Database::postgres(url, most));
                (main?, followed?, activity?, None)
            }
        };
        migrate(&main, MAIN_PART, MAIN).await?;
        migrate(&activity, ACTIVITY_PART, ACTIVITY).await?;
        for database in [&main, &activity] {
            if let Some(name) = database.foreign().await? {
                return Err(StoreError::Foreign { name });
            }
        }
        let mut tx = main.begin().await?;
        let (vault, made) = Vault::open(&mut tx, master, entropy, now.unix_ms()).await?;
        if made == Made::Now {
            policies::seal_all(&mut tx, &vault).await?;
        }
        note_all(&mut tx, &vault, now).await?;
        tx.commit().await?;
        Ok(Self::of([main, followed, activity], vault, folder))
    }

    /// Opens the store for looking at it: opening writes nothing, not even the schema. For reading only.
    ///
    /// # Errors
    /// As [`Store::open`], and [`StoreError::OlderSchema`] when the next start would bring it up to date.
    pub async fn look_at(
        location: &Location,
        master: &MasterKey,
        entropy: Entropy,
        now: Moment,
    ) -> Result<Self, StoreError> {
        let (main, activity, folder) = match location {
            Location::Folder(folder) => {
                let main = Database::sqlite_to_read(&folder.join(MAIN_FILE)).await?;
                let activity = Database::sqlite_to_read(&folder.join(ACTIVITY_FILE)).await?;
                (main, activity, Some(folder.clone()))
            }
            Location::Postgres(url) => {
                let all = Database::postgres(url, 1)?;
                (all.clone(), all, None)
            }
        };
        for (database, part, steps) in [(&main, MAIN_PART, MAIN), (&activity, ACTIVITY_PART, ACTIVITY)] {
            let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
            let row = match database.is_empty().await? {
                true => None,
                false => database.fetch_optional(STEPS, vec![part.into()]).await?,
            };
            match row.map_or(Ok(0), |row| row.int(0))? {
                found if found > known => return Err(StoreError::UnknownSchema { found, known }),
                found if found < known => return Err(StoreError::OlderSchema { found, known }),
                _ => {}
            }
            if let Some(name) = database.foreign().await? {
                return Err(StoreError::Foreign { name });
            }
        }
        let mut tx = main.begin_reading().await?;
        let (vault, _) = Vault::open(&mut tx, master, entropy, now.unix_ms()).await?;
        drop(tx);
        Ok(Self::of([main.clone(), main, activity], vault, folder))
    }

    fn of([main, followed, activity]: [Database; 3], vault: Vault, folder: Option<PathBuf>) -> Self {
        Self {
            main,
            followed,
            activity,
            vault: Arc::new(vault),
            folder,
            witness: None,
            reserve: None,
            turn: Arc::default(),
            charts: Arc::default(),
        }
    }

    /// Where SQLite keeps its files; `None` on PostgreSQL.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The same store, whose changes count as done only once `witness` was told. One that has not come as far as `seen` was
    /// put back, and takes no change.
    #[must_use]
    pub fn witnessed(self, witness: CommitObserver, seen: Seen) -> Self {
        Self { witness: Some(witness), turn: Arc::new(Mutex::new(seen)), ..self }
    }

    /// The same store with the last of its disk reserved for changes that take rights away. On PostgreSQL, whose disk is not
    /// seen from here, nothing changes.
    #[must_use]
    pub fn reserved(self, free: FreeBytes) -> Self {
        let reserve = self.folder.clone().map(|folder| Arc::new(Reserve { folder, free }));
        Self { reserve, ..self }
    }

    /// Puts the reserve there, if it is not and there is room. Blocks its thread.
    ///
    /// # Errors
    /// What the file system says; then there is none.
    pub fn refill_reserve(&self) -> std::io::Result<()> {
        self.reserve.as_ref().map_or(Ok(()), |reserve| reserve.refill())
    }

    /// How far it has come.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn seen(&self) -> Result<Seen, StoreError> {
        Ok(Seen { revision: self.feed().head().await?, audit: self.log().size().await? })
    }

    /// The key from which those of the deployment derive.
    #[must_use]
    pub fn root(&self) -> &RootKey {
        self.vault.root()
    }

    /// The newest moment that it holds, of an audit record or of a request; `None` when it is empty.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest(&self) -> Result<Option<Moment>, StoreError> {
        Ok(self.log().newest().await?.max(self.activity().newest().await?))
    }

    /// What the database's own clock shows; `None` on SQLite, which has none but this machine's.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn clock(&self) -> Result<Option<Moment>, StoreError> {
        let shown = self.main.clock_ms().await?;
        shown.map(|ms| moment(ms).ok_or_else(|| StoreError::tampered("clock of", "the database"))).transpose()
    }

    /// A way to wait for changes.
    #[must_use]
    pub fn glance(&self) -> Glance {
        self.main.glance()
    }

    /// The capability to change things.
    #[must_use]
    pub fn writer(&self) -> Writer {
        let file = self.folder.as_ref().map(|folder| folder.join(MAIN_FILE));
        let (vault, witness) = (Arc::clone(&self.vault), self.witness.clone());
        let (turn, reserve) = (Arc::clone(&self.turn), self.reserve.clone());
        Writer { database: self.main.clone(), vault, file, witness, reserve, turn }
    }

    /// The capability to read for people.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader { database: self.main.clone(), vault: Arc::clone(&self.vault) }
    }

    /// The capability to follow the facts.
    #[must_use]
    pub fn feed(&self) -> Feed {
        let file = self.folder.as_ref().map(|folder| folder.join(MAIN_FILE));
        Feed { database: self.followed.clone(), vault: Arc::clone(&self.vault), file }
    }

    /// A gateway's claim to be the one that serves.
    #[must_use]
    pub fn node_claim(&self) -> NodeClaim {
        let holder = format!("{:032x}", u128::from_be_bytes(self.random()));
        NodeClaim { database: self.main.clone(), holder }
    }

    /// Random bytes.
    pub(crate) fn random<const N: usize>(&self) -> [u8; N] {
        self.vault.random()
    }

    /// The capability to record last uses.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage { database: self.main.clone() }
    }

    /// The capability to find keys by their secrets.
    #[must_use]
    pub fn secret_prints(&self) -> SecretPrints {
        let (vault, turn) = (Arc::clone(&self.vault), Arc::clone(&self.turn));
        SecretPrints { database: self.main.clone(), vault, turn }
    }

    /// The capability to count transfers below thresholds.
    #[must_use]
    pub fn transfer_sums(&self) -> TransferSums {
        TransferSums { database: self.main.clone() }
    }

    /// The capability to keep what is usual for keys.
    #[must_use]
    pub fn baselines(&self) -> Baselines {
        Baselines { database: self.main.clone() }
    }

    /// The capability to append to the journal.
    #[must_use]
    pub fn journal(&self) -> Journal {
        let file = self.folder.as_ref().map(|folder| folder.join(ACTIVITY_FILE)).unwrap_or_default();
        Journal { database: self.activity.clone(), file, charts: Arc::clone(&self.charts) }
    }

    /// The capability to let people in.
    #[must_use]
    pub fn door(&self) -> Door {
        Door { database: self.main.clone(), vault: Arc::clone(&self.vault) }
    }

    /// The capability to deliver the mails that wait.
    #[must_use]
    pub fn outbox(&self) -> Outbox {
        Outbox { database: self.main.clone(), vault: Arc::clone(&self.vault) }
    }

    /// The capability to tell the exchange of sub-accounts.
    #[must_use]
    pub fn exchange_notices(&self) -> ExchangeNotices {
        ExchangeNotices { database: self.main.clone(), vault: Arc::clone(&self.vault) }
    }

    /// The capability to deliver to alert channels.
    #[must_use]
    pub fn deliveries(&self) -> Deliveries {
        Deliveries { database: self.main.clone(), vault: Arc::clone(&self.vault) }
    }

    /// The capability to note which alerts were looked at.
    #[must_use]
    pub fn inbox(&self) -> Inbox {
        Inbox { database: self.main.clone() }
    }

    /// The capability to read the audit log, and to keep checkpoints of it.
    #[must_use]
    pub fn log(&self) -> Log {
        Log { database: self.main.clone() }
    }

    /// The capability to hold rows against the audit log.
    #[must_use]
    pub fn states(&self) -> States {
        States { database: self.main.clone(), key: self.vault.root().row_marks_key() }
    }

    /// The capability to read what the journal says of a key.
    #[must_use]
    pub fn activity(&self) -> Activity {
        Activity { database: self.activity.clone() }
    }

    /// Closes all connections, so that the files can be moved or removed.
    pub async fn close(&self) {
        self.main.close().await;
        self.followed.close().await;
        self.activity.close().await;
    }
}

/// Opens a spool's file, or makes it.
///
/// # Errors
/// As [`Store::open`].
pub(crate) async fn spool_database(file: &Path) -> Result<Database, StoreError> {
    let database = Database::sqlite(file).await?;
    migrate(&database, ACTIVITY_PART, ACTIVITY).await?;
    migrate(&database, SPOOL_PART, SPOOL).await?;
    match database.foreign().await? {
        Some(name) => Err(StoreError::Foreign { name }),
        None => Ok(database),
    }
}

/// How many steps a part has come. Not of the registry, because it is asked before there is a schema.
const STEPS: &str = "SELECT steps FROM schema_steps WHERE part = $1";

/// Applies the steps that the database lacks; refuses one that knows more than we do.
async fn migrate(database: &Database, part: &str, steps: &'static [Migration]) -> Result<(), StoreError> {
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    let mut tx = database.begin().await?;
    tx.execute(
        "CREATE TABLE IF NOT EXISTS schema_steps (part TEXT PRIMARY KEY, steps BIGINT NOT NULL)",
        vec![],
    )
    .await?;
    let row = tx.fetch_optional(STEPS, vec![part.into()]).await?;
    let found = row.map_or(Ok(0), |row| row.int(0))?;
    if found > known {
        return Err(StoreError::UnknownSchema { found, known });
    }
    for step in steps.iter().skip(usize::try_from(found).unwrap_or(0)) {
        tx.script(step.sqlite, step.postgres).await?;
    }
    if part == MAIN_PART && found < AUDIT_STEP {
        bring_up(&mut tx).await?;
    }
    let upsert = "INSERT INTO schema_steps (part, steps) VALUES ($1, $2) \
        ON CONFLICT (part) DO UPDATE SET steps = excluded.steps";
    tx.execute(upsert, vec![part.into(), known.into()]).await?;
    tx.commit().await
}
