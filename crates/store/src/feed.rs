//! What gateways follow: changes by number, and the sealed facts behind them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use keyward_rules::id::{AppId, KeyId, Revision};

use crate::apps::{self, AppRecord};
use crate::bulk;
use crate::error::StoreError;
use crate::head::CHANNEL;
use crate::keys::{self, RawKey};
use crate::loaded_key::{LoadedKey, loaded};
use crate::seal::Vault;
use crate::sql::{Database, Listener, Row, statements};

statements! {
    HEAD = "SELECT n FROM head WHERE id = 1";
    /// Gateways that start load everything, and those that run are never so far behind. The newest stays: its number counts.
    DROP_CHANGES = "DELETE FROM changes WHERE at < $1 AND n < (SELECT n FROM head WHERE id = 1)";
    /// The one that was seen last is among them, to be recognised.
    CHANGES_SINCE = "SELECT n, kind, subject, at FROM changes WHERE n >= $1 ORDER BY n LIMIT $2";
}

/// What a change was about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subject {
    /// A key.
    Key(KeyId),
    /// An app.
    App(AppId),
    /// Something that this program cannot read: it goes on without it.
    Unreadable,
}

/// One change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// Its number.
    pub revision: Revision,
    /// What changed; the facts are read separately and may be newer.
    pub subject: Subject,
    /// When, in milliseconds.
    at: i64,
}

/// How far somebody has followed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Position {
    /// The number of the last change that was seen.
    pub revision: Revision,
    /// The change itself, once one was read: another under its number means that the store was put back.
    change: Option<Change>,
}

impl Position {
    /// At a number, without knowing what stands there.
    #[must_use]
    pub const fn at(revision: Revision) -> Self {
        Self { revision, change: None }
    }

    /// At a change.
    #[must_use]
    pub const fn of(change: Change) -> Self {
        Self { revision: change.revision, change: Some(change) }
    }
}

/// What a gateway starts from, beside the keys.
pub struct Loaded {
    /// The number up to which the facts are complete.
    pub revision: Revision,
    /// All apps that verify.
    pub apps: Vec<AppRecord>,
}

/// Keys of one page, where they are read by pages.
const PAGE: u64 = 10_000;
/// How long to wait for a change before looking all the same.
const WAIT: Duration = Duration::from_millis(100);
/// The capability to follow the facts.
#[derive(Clone)]
pub struct Feed {
    pub(crate) database: Database,
    pub(crate) vault: Arc<Vault>,
    /// The file, on SQLite, for the bulk reader.
    pub(crate) file: Option<PathBuf>,
}

impl Feed {
    /// Hands every key that has not ended to `take`, one at a time, and gives the rest; ended keys look unknown
    /// anyway. On SQLite through a reader of its own, because a million rows take many seconds through the
    /// general adapter.
    ///
    /// # Errors
    /// [`StoreError`]; altered rows are handed over as such and no error.
    pub async fn load(&self, mut take: impl FnMut(LoadedKey) + Send + 'static) -> Result<Loaded, StoreError> {
        // The number is read first: a change that lands meanwhile is then applied once more, not missed.
        let revision = self.head().await?;
        match self.file.clone() {
            Some(file) => {
                let vault = Arc::clone(&self.vault);
                let load = tokio::task::spawn_blocking(move || bulk::keys::load(&file, &vault, take)).await;
                load.map_err(|error| StoreError::File(std::io::Error::other(error)))??;
            }
            None => {
                let mut after = String::new();
                loop {
                    let values = vec![after.as_str().into(), PAGE.into()];
                    let rows = self.database.fetch_all(keys::KEYS_AFTER, values).await?;
                    let Some(last) = rows.last() else { break };
                    after = last.text(0)?;
                    for raw in rows.iter().filter_map(|row| RawKey::from_row(row).ok()) {
                        loaded(&raw, &self.vault).into_iter().for_each(&mut take);
                    }
                }
            }
        }
        Ok(Loaded { revision, apps: self.apps().await? })
    }

    /// A look-out for changes, which is told on the runtime where this is called.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be set up.
    pub async fn watch(&self) -> Result<Watch, StoreError> {
        Ok(Watch {
            way: match (self.database.listen(CHANNEL).await?, &self.file) {
                (Some(listener), _) => Lookout::Postgres(listener),
                (None, Some(file)) => Lookout::Sqlite(Box::new(bulk::watch::open(file)?)),
                (None, None) => Lookout::None,
            },
        })
    }

    /// The name of something in the database that could change or hide what is written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn foreign(&self) -> Result<Option<String>, StoreError> {
        self.database.foreign().await
    }

    /// The number of the newest change.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn head(&self) -> Result<Revision, StoreError> {
        let row = self.database.fetch_optional(HEAD, vec![]).await?;
        let n = row.ok_or_else(|| StoreError::tampered("head", "row"))?.int(0)?;
        u64::try_from(n).map(Revision).map_err(|_| StoreError::tampered("head", "row"))
    }

    /// The next changes after `position`, at most `limit`, in order. Numbers have no gaps.
    ///
    /// # Errors
    /// [`StoreError::WentBack`] when what was seen is not there any more, or is something else.
    pub async fn since(&self, position: &Position, limit: u64) -> Result<Vec<Change>, StoreError> {
        let values = vec![position.revision.0.into(), limit.saturating_add(1).into()];
        let rows = self.database.fetch_all(CHANGES_SINCE, values).await?;
        let mut changes = rows.iter().map(change).collect::<Result<Vec<_>, _>>()?;
        let went_back = |at: u64| StoreError::WentBack { seen: at };
        if position.revision.0 > 0 {
            let stands = changes.first().filter(|first| first.revision == position.revision);
            let known = position.change.as_ref();
            if stands.is_none_or(|stands| known.is_some_and(|known| known != stands)) {
                return Err(went_back(position.revision.0));
            }
            changes.remove(0);
        }
        changes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        for (expected, change) in (position.revision.0 + 1..).zip(&changes) {
            if change.revision.0 != expected {
                return Err(went_back(expected));
            }
        }
        Ok(changes)
    }

    /// One key as it stands now; `None` when there is no such row.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn key(&self, id: KeyId) -> Result<Option<LoadedKey>, StoreError> {
        let row = self.database.fetch_optional(keys::KEY_BY_ID, vec![id.to_string().into()]).await?;
        let Some(row) = row else { return Ok(None) };
        let opened = RawKey::from_row(&row)?.open(&self.vault);
        Ok(Some(opened.map_or(LoadedKey::Broken(id), |record| LoadedKey::Intact(Box::new(record)))))
    }

    /// All apps that verify; one that does not is left out, so its keys work from nowhere.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn apps(&self) -> Result<Vec<AppRecord>, StoreError> {
        let rows = self.database.fetch_all(apps::ALL_APPS, vec![]).await?;
        Ok(rows.iter().filter_map(|row| AppRecord::from_row(row, &self.vault).ok()).collect())
    }

    /// One app as it stands now; `None` when there is none or it does not verify.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn app(&self, id: AppId) -> Result<Option<AppRecord>, StoreError> {
        let row = self.database.fetch_optional(apps::APP_BY_ID, vec![id.as_u64().into()]).await?;
        Ok(row.and_then(|row| AppRecord::from_row(&row, &self.vault).ok()))
    }
}

fn change(row: &Row) -> Result<Change, StoreError> {
    let subject = row.text(2)?;
    let subject = match row.text(1)?.as_str() {
        "key" => subject.parse().map_or(Subject::Unreadable, Subject::Key),
        "app" => subject.parse().map_or(Subject::Unreadable, Subject::App),
        _ => Subject::Unreadable,
    };
    let revision = u64::try_from(row.int(0)?).map_err(|_| StoreError::tampered("change", "number"))?;
    Ok(Change { revision: Revision(revision), subject, at: row.int(3)? })
}

/// Tells of changes soon after they were committed, by this process or another.
pub struct Watch {
    way: Lookout,
}

enum Lookout {
    Sqlite(Box<bulk::watch::Lookout>),
    Postgres(Listener),
    None,
}

impl Watch {
    /// Returns when something may have changed: at once on a change, and after a tenth of a second anyway. Whether something
    /// may have; false only where it is known that nothing has. A look-out that fails costs speed and nothing else.
    pub async fn changed(&mut self) -> bool {
        match &mut self.way {
            Lookout::Sqlite(lookout) => tokio::time::timeout(WAIT, lookout.moved()).await.is_ok(),
            Lookout::Postgres(listener) => {
                // A pooler may keep notices from us, so silence says nothing.
                let _ = tokio::time::timeout(WAIT, listener.woken()).await;
                true
            }
            Lookout::None => {
                tokio::time::sleep(WAIT).await;
                true
            }
        }
    }
}
