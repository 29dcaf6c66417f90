//! What gateways need not know of a key: tags, its place in a rotation, the end that its holder gave it, what its holder was
//! told.

use std::collections::HashMap;

use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::person::CodeTag;
use keyward_rules::signal::SignalChoices;
use keyward_rules::time::Moment;

use crate::error::StoreError;
use crate::keys::{self, KeyRecord, RawKey};
use crate::reader::Reader;
use crate::sql::{Row, Value, statements};
use crate::writer::Tx;

statements! {
    NOTES_OF_KEY = "SELECT key_id, tags, predecessor, successor, overlap_until, told, networks, own_end, unbound_at, muted \
        FROM key_notes WHERE key_id = $1";
    NOTES_OF_ACCOUNT = "SELECT key_id, tags, predecessor, successor, overlap_until, told, networks, own_end, unbound_at, muted \
        FROM key_notes WHERE key_id IN (SELECT id FROM keys WHERE account = $1)";
    NOTES_BETWEEN = "SELECT key_id, tags, predecessor, successor, overlap_until, told, networks, own_end, unbound_at, muted \
        FROM key_notes WHERE key_id >= $1 AND key_id <= $2";
    OVERLAPS = "SELECT key_id, tags, predecessor, successor, overlap_until, told, networks, own_end, unbound_at, muted \
        FROM key_notes WHERE overlap_until > $1 AND key_id > $2 ORDER BY key_id LIMIT $3";
    SET_NOTES = "INSERT INTO key_notes (key_id, tags, predecessor, successor, overlap_until, told, networks, own_end, \
        unbound_at, muted) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (key_id) DO UPDATE SET tags = excluded.tags, \
        predecessor = excluded.predecessor, successor = excluded.successor, overlap_until = excluded.overlap_until, \
        told = excluded.told, networks = excluded.networks, own_end = excluded.own_end, unbound_at = excluded.unbound_at, \
        muted = excluded.muted";
    REPEAT_OF = "SELECT intent, key_id FROM repeats WHERE account = $1 AND idempotency = $2";
    INSERT_REPEAT = "INSERT INTO repeats (account, idempotency, intent, key_id, at) VALUES ($1, $2, $3, $4, $5)";
    DROP_REPEATS = "DELETE FROM repeats WHERE at < $1";
}

/// The word by which notes say that the holder reported the key as leaked.
const LEAKED: &str = "leaked";

/// The notes of one key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyMetadata {
    /// Which key.
    pub key: KeyId,
    /// The holder's tags, sorted, none twice.
    pub tags: Vec<String>,
    /// The key that this one follows.
    pub predecessor: Option<KeyId>,
    /// The key that follows this one.
    pub successor: Option<KeyId>,
    /// Until when both work.
    pub overlap_until: Option<Moment>,
    /// Words for what the holder was told about the key already, so that it is told once.
    pub told: Vec<String>,
    /// The networks that an unbound key was used from.
    pub networks: Vec<String>,
    /// The end that its holder gave it, which rotations keep. The key's row has the end in force, which a policy or an
    /// overlap may have made earlier.
    pub own_end: Option<Moment>,
    /// When it was last bound no more, from when its days without use count.
    pub unbound_at: Option<Moment>,
    /// What its holder wants to hear of.
    pub signals: SignalChoices,
}

impl KeyMetadata {
    /// Whether the holder reported the key as leaked.
    #[must_use]
    pub fn is_leaked(&self) -> bool {
        self.told.iter().any(|word| word == LEAKED)
    }

    /// Writes that down; says whether it is news.
    pub fn report_leak(&mut self) -> bool {
        let news = !self.is_leaked();
        if news {
            self.told.push(LEAKED.to_owned());
        }
        news
    }

    /// No notes yet.
    #[must_use]
    pub const fn none(key: KeyId) -> Self {
        Self {
            key,
            tags: Vec::new(),
            predecessor: None,
            successor: None,
            overlap_until: None,
            told: Vec::new(),
            networks: Vec::new(),
            own_end: None,
            unbound_at: None,
            signals: SignalChoices::ALL_TOLD,
        }
    }

    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let tampered = || StoreError::tampered("key notes", "row");
        let id = |text: Option<String>| text.map(|text| text.parse().map_err(|_| tampered())).transpose();
        let moment = |value: i64| u64::try_from(value).map(Moment::from_unix_ms).map_err(|_| tampered());
        let words =
            |text: String| text.split('\n').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        Ok(Self {
            key: row.text(0)?.parse().map_err(|_| tampered())?,
            tags: words(row.text(1)?),
            predecessor: id(row.text_or_null(2)?)?,
            successor: id(row.text_or_null(3)?)?,
            overlap_until: row.int_or_null(4)?.map(moment).transpose()?,
            told: words(row.text(5)?),
            networks: words(row.text(6)?),
            own_end: row.int_or_null(7)?.map(moment).transpose()?,
            unbound_at: row.int_or_null(8)?.map(moment).transpose()?,
            signals: row.text(9)?.parse().map_err(|_| tampered())?,
        })
    }

    fn values(&self) -> Vec<Value> {
        vec![
            self.key.to_string().into(),
            self.tags.join("\n").into(),
            self.predecessor.map(|id| id.to_string()).into(),
            self.successor.map(|id| id.to_string()).into(),
            self.overlap_until.map(Moment::unix_ms).into(),
            self.told.join("\n").into(),
            self.networks.join("\n").into(),
            self.own_end.map(Moment::unix_ms).into(),
            self.unbound_at.map(Moment::unix_ms).into(),
            self.signals.to_string().into(),
        ]
    }
}

fn repeat(row: &Row) -> Result<(CodeTag, KeyId), StoreError> {
    let tampered = || StoreError::tampered("repeat", "row");
    let intent = row.bytes(0)?.try_into().map(CodeTag::from_bytes).map_err(|_| tampered())?;
    Ok((intent, row.text(1)?.parse().map_err(|_| tampered())?))
}

impl Tx {
    /// The notes of a key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn notes(&mut self, key: KeyId) -> Result<KeyMetadata, StoreError> {
        let row = self.transact.fetch_optional(NOTES_OF_KEY, vec![key.to_string().into()]).await?;
        row.as_ref().map_or_else(|| Ok(KeyMetadata::none(key)), KeyMetadata::from_row)
    }

    /// The notes of all keys of an account that have some.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn notes_of(&mut self, account: AccountId) -> Result<Vec<KeyMetadata>, StoreError> {
        let rows = self.transact.fetch_all(NOTES_OF_ACCOUNT, vec![account.as_u64().into()]).await?;
        rows.iter().map(KeyMetadata::from_row).collect()
    }

    /// Keys whose rotation still overlaps, after `after`, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn overlaps(
        &mut self,
        after: Option<KeyId>,
        limit: u64,
    ) -> Result<Vec<KeyMetadata>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let values = vec![self.now().unix_ms().into(), after.into(), limit.into()];
        let rows = self.transact.fetch_all(OVERLAPS, values).await?;
        rows.iter().map(KeyMetadata::from_row).collect()
    }

    /// Sets the notes of a key.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn set_notes(&mut self, notes: &KeyMetadata) -> Result<(), StoreError> {
        self.transact.execute(SET_NOTES, notes.values()).await.map(drop)
    }

    /// The key that an earlier request with the caller's own id made, and the keyed hash of what it asked for.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn repeat_of(
        &mut self,
        account: AccountId,
        idempotency: &str,
    ) -> Result<Option<(CodeTag, KeyId)>, StoreError> {
        let values = vec![account.as_u64().into(), idempotency.into()];
        let row = self.transact.fetch_optional(REPEAT_OF, values).await?;
        row.as_ref().map(repeat).transpose()
    }

    /// Remembers what a request with the caller's own id made.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when there was one.
    pub async fn insert_repeat(
        &mut self,
        account: AccountId,
        idempotency: &str,
        intent: &CodeTag,
        key: KeyId,
    ) -> Result<(), StoreError> {
        let values = vec![
            account.as_u64().into(),
            idempotency.into(),
            intent.as_bytes().as_slice().into(),
            key.to_string().into(),
            self.now().unix_ms().into(),
        ];
        self.transact.execute(INSERT_REPEAT, values).await.map_err(crate::writer::taken("the request"))?;
        Ok(())
    }
}

impl Reader {
    /// Living unbound or old keys to tell their holders about, with their notes, in the order of their ids: after `after`, at
    /// most `limit`; altered rows are left out.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn keys_to_remind(
        &self,
        quiet_since: Moment,
        after: Option<KeyId>,
        limit: u64,
    ) -> Result<Vec<(KeyRecord, KeyMetadata)>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let values = vec![quiet_since.unix_ms().into(), after.into(), limit.into()];
        let rows = self.database.fetch_all(keys::KEYS_TO_REMIND, values).await?;
        let opened = rows.iter().filter_map(|row| RawKey::from_row(row).ok()?.open(&self.vault).ok());
        let keys: Vec<KeyRecord> = opened.collect();
        let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return Ok(Vec::new()) };
        let values = vec![first.id.to_string().into(), last.id.to_string().into()];
        let rows = self.database.fetch_all(NOTES_BETWEEN, values).await?;
        let notes: Result<Vec<KeyMetadata>, StoreError> = rows.iter().map(KeyMetadata::from_row).collect();
        let mut notes: HashMap<KeyId, KeyMetadata> = notes?.into_iter().map(|one| (one.key, one)).collect();
        let with_notes = |key: KeyRecord| {
            let notes = notes.remove(&key.id).unwrap_or_else(|| KeyMetadata::none(key.id));
            (key, notes)
        };
        Ok(keys.into_iter().map(with_notes).collect())
    }

    /// The notes of a key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn notes(&self, key: KeyId) -> Result<KeyMetadata, StoreError> {
        let row = self.database.fetch_optional(NOTES_OF_KEY, vec![key.to_string().into()]).await?;
        row.as_ref().map_or_else(|| Ok(KeyMetadata::none(key)), KeyMetadata::from_row)
    }

    /// As [`Tx::repeat_of`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn repeat_of(
        &self,
        account: AccountId,
        idempotency: &str,
    ) -> Result<Option<(CodeTag, KeyId)>, StoreError> {
        let values = vec![account.as_u64().into(), idempotency.into()];
        let row = self.database.fetch_optional(REPEAT_OF, values).await?;
        row.as_ref().map(repeat).transpose()
    }

    /// The notes of all keys of an account that have some.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn notes_of(&self, account: AccountId) -> Result<Vec<KeyMetadata>, StoreError> {
        let rows = self.database.fetch_all(NOTES_OF_ACCOUNT, vec![account.as_u64().into()]).await?;
        rows.iter().map(KeyMetadata::from_row).collect()
    }
}
