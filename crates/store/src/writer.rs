//! Write transactions: begun with a grant, committed only with an audit event.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use keyward_rules::account::Email;
use keyward_rules::event::Event;
use keyward_rules::fence::Fences;
use keyward_rules::grant::{Actor, Grant, Scope, Staff};
use keyward_rules::id::{AccountId, KeyId, Revision};
use keyward_rules::time::Moment;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;

use crate::accounts::{self, AccountRecord};
use crate::acting::{acts_for, still_manages};
use crate::bulk;
use crate::error::StoreError;
use crate::head::{CHANNEL, INSERT_CHANGE, NEXT_CHANGE, TAKE_TURN};
use crate::keys::{self, KeyDraft, KeyRecord, RawKey};
use crate::log::append::append;
use crate::log::rows::{self, Touched, Tracked, marks};
use crate::reserve::Reserve;
use crate::seal::Vault;
use crate::sql::{Database, DatabaseError, Transact};

/// The capability to change things, with a grant.
#[derive(Clone)]
pub struct Writer {
    pub(crate) database: Database,
    pub(crate) vault: Arc<Vault>,
    /// The file, on SQLite.
    pub(crate) file: Option<PathBuf>,
    /// Told of every change before it counts as done.
    pub(crate) witness: Option<CommitObserver>,
    /// The last of the disk, on SQLite.
    pub(crate) reserve: Option<Arc<Reserve>>,
    /// The changes of this process, one at a time, and how far it has seen the store come.
    pub(crate) turn: Arc<Mutex<Seen>>,
}

/// How long a change waits for those before it.
const PATIENCE: Duration = Duration::from_secs(10);

/// How far the store has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// The newest change of the feed.
    pub revision: Revision,
    /// The newest audit record.
    pub audit: u64,
}

/// Is told of each committed change before whoever made it is; it may block, and keeps to itself what fails.
pub type CommitObserver = Arc<dyn Fn(Seen) + Send + Sync>;

/// One change under way; dropped without commit it leaves no trace.
pub struct Tx {
    pub(crate) transact: Transact,
    pub(crate) vault: Arc<Vault>,
    grant: Grant,
    pub(crate) now: Moment,
    revision: Option<Revision>,
    /// Accounts that the record concerns.
    concerned: BTreeSet<u64>,
    /// Rows whose marks the record carries.
    touched: Touched,
    witness: Option<CommitObserver>,
    /// Given back last.
    turn: OwnedMutexGuard<Seen>,
}

/// Waits for the changes of this process that came before.
pub(crate) async fn next_turn(turn: &Arc<Mutex<Seen>>) -> Result<OwnedMutexGuard<Seen>, StoreError> {
    let turn = timeout(PATIENCE, Arc::clone(turn).lock_owned()).await;
    Ok(turn.map_err(|_| DatabaseError::OthersWrite { seconds: PATIENCE.as_secs() })?)
}

impl Writer {
    /// Begins a change that `grant` allows, at `now`. Changes come one after the other, on both databases: between what a
    /// change reads and what it writes nothing else changes, and nothing is decided on what is about to be otherwise. An approval
    /// that the grant rests on is used up by the change.
    ///
    /// # Errors
    /// [`StoreError::Database`]; [`StoreError::Conflict`] for an approval that is used or taken back; [`StoreError::NoLongerActs`] for a person who acted for a sub-account, or a key
    /// that administers one, and may no longer.
    pub async fn begin(&self, grant: Grant, now: Moment) -> Result<Tx, StoreError> {
        if let Some(reserve) = &self.reserve {
            reserve.admit(grant.action())?;
        }
        // Changes that wait for one another must not hold connections that the first of them reads through.
        let mut turn = next_turn(&self.turn).await?;
        let mut transact = self.database.begin().await?;
        let head = transact.fetch_optional(TAKE_TURN, vec![]).await?;
        let head = head.ok_or_else(|| StoreError::tampered("head", "row"))?;
        let number = |at| u64::try_from(head.int(at)?).map_err(|_| StoreError::tampered("head", "row"));
        let head = Seen { revision: Revision(number(0)?), audit: number(1)? };
        if head.revision < turn.revision || head.audit < turn.audit {
            return Err(StoreError::WentBack { seen: turn.revision.0 });
        }
        *turn = head;
        if let Some((person, acting)) = grant.acting() {
            let right = acts_for(&mut transact, &self.vault, person, acting.sub_account).await?;
            if right != Some(acting.by) {
                return Err(StoreError::NoLongerActs);
            }
        }
        if let Some(key) = grant.managing_key()
            && !still_manages(&mut transact, &self.vault, key, now).await?
        {
            return Err(StoreError::NoLongerActs);
        }
        let concerned = party(&grant);
        let (vault, witness) = (Arc::clone(&self.vault), self.witness.clone());
        let touched = Touched::new();
        let mut tx = Tx { transact, vault, grant, now, revision: None, concerned, touched, witness, turn };
        tx.use_consent().await?;
        Ok(tx)
    }

    /// Adds many accounts and keys in one transaction, for tests of scale: on SQLite past the general adapter,
    /// which would take a quarter of an hour for a million.
    ///
    /// # Errors
    /// [`StoreError`]; then none of them is there.
    pub async fn insert_many(
        &self,
        (grant, now): (Grant, Moment),
        accounts: Vec<AccountRecord>,
        drafts: Vec<KeyDraft>,
        event: Event,
    ) -> Result<(), StoreError> {
        let Some(file) = self.file.clone() else {
            let mut tx = self.begin(grant, now).await?;
            for account in &accounts {
                tx.insert_account(account).await?;
            }
            for draft in drafts {
                tx.insert_key(draft).await?;
            }
            return tx.commit(event).await.map(drop);
        };
        let (vault, key) = (Arc::clone(&self.vault), self.vault.root().row_marks_key());
        let insert = move || {
            let (mut accounts, mut drafts) = (accounts.into_iter(), drafts.into_iter());
            let batches = std::iter::from_fn(|| {
                let accounts: Vec<_> = accounts.by_ref().take(BULK).collect();
                let drafts: Vec<_> = drafts.by_ref().take(BULK - accounts.len()).collect();
                (!accounts.is_empty() || !drafts.is_empty())
                    .then(|| bulk_batch(&accounts, drafts, &vault, now, &event))
            });
            bulk::keys::insert(&file, (&key, now), batches)
        };
        let inserted = tokio::task::spawn_blocking(insert).await;
        inserted.map_err(|error| StoreError::File(std::io::Error::other(error)))?
    }
}

/// Rows of a bulk change that share an audit record.
const BULK: usize = 2_000;

fn bulk_batch(
    accounts: &[AccountRecord],
    drafts: Vec<KeyDraft>,
    vault: &Vault,
    now: Moment,
    event: &Event,
) -> Result<bulk::keys::Batch, StoreError> {
    let owners = drafts.iter().map(|draft| draft.account).chain(accounts.iter().map(|account| account.id));
    let concerned = owners.map(AccountId::as_u64).collect();
    let mut touched = Touched::new();
    let mut touch = |tracked: &'static Tracked, id: String| {
        touched.insert(tracked.subject(&id), (tracked, id));
    };
    accounts.iter().for_each(|account| touch(&rows::ACCOUNTS, account.id.to_string()));
    drafts.iter().for_each(|draft| touch(&rows::KEYS, draft.id.to_string()));
    let subjects = drafts.iter().map(|draft| ("key", draft.id.to_string())).collect();
    let mut statements: Vec<_> =
        accounts.iter().map(|account| (accounts::INSERT_ACCOUNT, account.insert_values())).collect();
    for draft in drafts {
        statements.push((keys::INSERT_KEY, keys::insert_values(draft, vault, now)?));
    }
    Ok(bulk::keys::Batch { statements, subjects, touched, event: event.clone(), concerned })
}

impl Tx {
    /// The grant, for the event.
    #[must_use]
    pub const fn grant(&self) -> &Grant {
        &self.grant
    }

    /// The moment of the change.
    #[must_use]
    pub const fn now(&self) -> Moment {
        self.now
    }

    /// The master account with this e-mail address.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn account_by_email(&mut self, email: &Email) -> Result<Option<AccountRecord>, StoreError> {
        let row =
            self.transact.fetch_optional(accounts::ACCOUNT_BY_EMAIL, vec![email.as_str().into()]).await?;
        row.as_ref().map(AccountRecord::from_row).transpose()
    }

    /// The account with this id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn account(&mut self, id: AccountId) -> Result<Option<AccountRecord>, StoreError> {
        let row = self.transact.fetch_optional(accounts::ACCOUNT_BY_ID, vec![id.as_u64().into()]).await?;
        row.as_ref().map(AccountRecord::from_row).transpose()
    }

    /// Adds an account.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the address or name is taken.
    pub async fn insert_account(&mut self, account: &AccountRecord) -> Result<(), StoreError> {
        let values = account.insert_values();
        self.transact.execute(accounts::INSERT_ACCOUNT, values).await.map_err(taken("the account"))?;
        self.touch(&rows::ACCOUNTS, account.id.as_u64());
        self.concerns(account.id);
        Ok(())
    }

    /// The key, opened and found intact; `None` also when it lies beyond the grant's scope, so that no action can
    /// touch, or tell apart, what is somebody else's.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when its row was altered outside the program.
    pub async fn key(&mut self, id: KeyId) -> Result<Option<KeyRecord>, StoreError> {
        let row = self.transact.fetch_optional(keys::KEY_BY_ID, vec![id.to_string().into()]).await?;
        let Some(raw) = row.map(|row| RawKey::from_row(&row)).transpose()? else { return Ok(None) };
        // The owner is believed only behind the seal, but another owner's row is not even opened.
        if !self.grant.scope().reaches(accounts::id_of(raw.account)?) {
            return Ok(None);
        }
        raw.open(&self.vault).map(Some)
    }

    /// The key that acts by itself, if the grant is one's: the only key beyond the scope that a change may read.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when its row was altered outside the program.
    pub async fn acting_key(&mut self) -> Result<Option<KeyRecord>, StoreError> {
        let Some(key) = self.grant.managing_key().map(|key| key.key) else { return Ok(None) };
        let row = self.transact.fetch_optional(keys::KEY_BY_ID, vec![key.to_string().into()]).await?;
        row.map(|row| RawKey::from_row(&row)?.open(&self.vault)).transpose()
    }

    /// The account that a key's row names, whether its seal opens or not: good only for telling somebody.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn owner_of(&mut self, id: KeyId) -> Result<Option<AccountId>, StoreError> {
        let row = self.transact.fetch_optional(keys::KEY_BY_ID, vec![id.to_string().into()]).await?;
        row.map(|row| accounts::id_of(row.int(1)?)).transpose()
    }

    /// All keys of an account and of its sub-accounts, ended ones included; altered rows are left out, they are
    /// unusable already.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn keys_of_family(&mut self, account: AccountId) -> Result<Vec<KeyRecord>, StoreError> {
        let rows = self.transact.fetch_all(keys::KEYS_OF_FAMILY, vec![account.as_u64().into()]).await?;
        Ok(rows.iter().filter_map(|row| RawKey::from_row(row).ok()?.open(&self.vault).ok()).collect())
    }

    /// Active and disabled keys after `after`, at most `limit`, with the id to go on from while there may be more;
    /// altered rows are left out, they are unusable already.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn living_keys(
        &mut self,
        after: Option<KeyId>,
        limit: u64,
    ) -> Result<(Vec<KeyRecord>, Option<KeyId>), StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let rows = self.transact.fetch_all(keys::KEYS_AFTER, vec![after.into(), limit.into()]).await?;
        let last = rows.last().map(|row| row.text(0)).transpose()?;
        let last = last.map(|id| id.parse().map_err(|_| StoreError::tampered("key", id))).transpose()?;
        let opened = rows.iter().filter_map(|row| RawKey::from_row(row).ok()?.open(&self.vault).ok());
        Ok((opened.filter(|key| !key.life.is_over()).collect(), last))
    }

    /// All keys of an account, ended ones included.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when one of them was altered: nothing is decided on altered siblings.
    pub async fn keys_of(&mut self, account: AccountId) -> Result<Vec<KeyRecord>, StoreError> {
        let rows = self.transact.fetch_all(keys::KEYS_OF_ACCOUNT, vec![account.as_u64().into()]).await?;
        rows.iter().map(|row| RawKey::from_row(row)?.open(&self.vault)).collect()
    }

    /// Keys after `after` whose clock may have run out: unused since `idle_since`, or dated; at most `limit`.
    /// Altered rows stand in the answer as their error.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn keys_to_sweep(
        &mut self,
        idle_since: Moment,
        after: Option<KeyId>,
        limit: u64,
    ) -> Result<Vec<Result<KeyRecord, StoreError>>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let values = vec![idle_since.unix_ms().into(), self.now.unix_ms().into(), after.into(), limit.into()];
        let rows = self.transact.fetch_all(keys::KEYS_TO_SWEEP, values).await?;
        Ok(rows.iter().map(|row| RawKey::from_row(row)?.open(&self.vault)).collect())
    }

    /// Living keys whose cooling period of a new device is over, at most `limit`; an altered row is an error in its place.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn keys_to_release(
        &mut self,
        limit: u64,
    ) -> Result<Vec<Result<KeyRecord, StoreError>>, StoreError> {
        let values = vec![self.now.unix_ms().into(), limit.into()];
        let rows = self.transact.fetch_all(keys::KEYS_TO_RELEASE, values).await?;
        Ok(rows.iter().map(|row| RawKey::from_row(row)?.open(&self.vault)).collect())
    }

    /// Adds a key.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the id or the name is taken.
    pub async fn insert_key(&mut self, mut draft: KeyDraft) -> Result<(), StoreError> {
        let id = draft.id;
        // Here, so that no way of making a key can leave its account's limits out.
        let own = draft.fences.as_deref().map(Fences::own).unwrap_or_default();
        draft.fences = own.beside(self.account_limits(draft.account).await?);
        self.concerns(draft.account);
        let values = keys::insert_values(draft, &self.vault, self.now)?;
        self.transact.execute(keys::INSERT_KEY, values).await.map_err(taken("a key with this name"))?;
        self.touch(&rows::KEYS, id);
        self.announce("key", id.to_string()).await
    }

    /// Stores a changed key, sealed anew under the next version.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the row is no longer the one that was read.
    pub async fn update_key(&mut self, record: KeyRecord) -> Result<(), StoreError> {
        let id = record.id;
        self.concerns(record.account);
        let values = keys::update_values(record, &self.vault, self.now)?;
        if self.transact.execute(keys::UPDATE_KEY, values).await? != 1 {
            return Err(StoreError::Conflict { what: format!("key {id}") });
        }
        self.touch(&rows::KEYS, id);
        self.announce("key", id.to_string()).await
    }

    /// Whether the key's last use, as it stands now, is none or at most `moment`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unused_since(&mut self, id: KeyId, moment: Moment) -> Result<bool, StoreError> {
        let values = vec![id.to_string().into(), moment.unix_ms().into()];
        Ok(self.transact.fetch_optional(keys::UNUSED_SINCE, values).await?.is_some())
    }

    /// Notes that the record concerns an account: it stands in the trail of its holder, and of its master's.
    pub(crate) fn concerns(&mut self, account: AccountId) {
        self.concerned.insert(account.as_u64());
    }

    /// Notes that rows were changed: their marks stand in the record.
    pub(crate) fn touch(&mut self, tracked: &'static Tracked, id: impl ToString) {
        let id = id.to_string();
        self.touched.insert(tracked.subject(&id), (tracked, id));
    }

    /// Puts a change into the feed.
    pub(crate) async fn announce(&mut self, kind: &str, subject: String) -> Result<(), StoreError> {
        let row = self.transact.fetch_optional(NEXT_CHANGE, vec![]).await?;
        let n = row.ok_or_else(|| StoreError::tampered("head", "row"))?.int(0)?;
        let n = u64::try_from(n).map_err(|_| StoreError::tampered("head", "row"))?;
        let values = vec![n.into(), kind.into(), subject.into(), self.now.unix_ms().into()];
        self.transact.execute(INSERT_CHANGE, values).await?;
        self.revision = Some(Revision(n));
        Ok(())
    }

    /// Appends an audit record of what was changed since the last one, for a change that has several parts. The change is not
    /// done before [`Tx::commit`], which takes the last record.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record(&mut self, event: Event) -> Result<(), StoreError> {
        let touched = std::mem::take(&mut self.touched);
        let event = event.with_rows(marks(&mut self.transact, &self.vault, &touched).await?);
        append(&mut self.transact, (event.canonical(), self.now), &self.concerned).await.map(drop)
    }

    /// Commits the change together with its audit record and what that adds to the Merkle tree; gives the feed's
    /// number, if gateways are told.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing happened.
    pub async fn commit(mut self, event: Event) -> Result<Option<Revision>, StoreError> {
        let event = event.with_rows(marks(&mut self.transact, &self.vault, &self.touched).await?);
        let record = (event.canonical(), self.now);
        let n = append(&mut self.transact, record, &self.concerned).await?;
        if self.revision.is_some() {
            self.transact.notify(CHANNEL).await?;
        }
        self.transact.commit().await?;
        let seen = Seen { revision: self.revision.unwrap_or_default(), audit: n };
        *self.turn = Seen { revision: self.turn.revision.max(seen.revision), audit: n };
        if let Some(witness) = self.witness {
            // A witness that panics is no reason to call a committed change undone.
            let _ = tokio::task::spawn_blocking(move || witness(seen)).await;
        }
        Ok(self.revision)
    }
}

/// Whom a record concerns already by who acts, and on whose behalf.
fn party(grant: &Grant) -> BTreeSet<u64> {
    let actor = match grant.actor() {
        // What a member does for a sub-account is its master's to read, and not a stranger's.
        Actor::Holder(_) if grant.acting().is_some() => None,
        Actor::Holder(holder) | Actor::Staff(Staff { holder, .. }) => Some(holder.account),
        Actor::Key(key) => Some(key.master),
        Actor::Host(_) | Actor::System(_) | Actor::Visitor(_) => None,
    };
    let scope = match grant.scope() {
        Scope::Account(account) => Some(account),
        Scope::All | Scope::Nothing => None,
    };
    actor.into_iter().chain(scope).map(AccountId::as_u64).collect()
}

pub(crate) fn taken(what: &'static str) -> impl Fn(StoreError) -> StoreError {
    move |error| if error.is_unique_violation() { StoreError::Exists { what } } else { error }
}
