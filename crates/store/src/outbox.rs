//! Mails that wait: written in the transaction that causes them, delivered at least once.

use std::sync::Arc;

use keyward_rules::letter::MailMessage;
use keyward_rules::time::Moment;

use crate::bulk::watch::Glance;
use crate::error::StoreError;
use crate::seal::{Aad, Vault};
use crate::sql::{Database, Transact, statements};

statements! {
    INSERT_LETTER = "INSERT INTO outbox (at, letter, data_key, due_at) VALUES ($1, $2, $3, $1)";
    DUE_LETTER = "SELECT id FROM outbox WHERE state = 'waiting' AND due_at <= $1 AND lease_until <= $1 LIMIT 1";
    /// The condition stands twice, so that of two claims at once on PostgreSQL the second finds nothing.
    CLAIM_LETTERS = "UPDATE outbox SET lease_until = $2, tries = tries + 1 WHERE state = 'waiting' AND lease_until <= $1 \
        AND id IN (SELECT id FROM outbox WHERE state = 'waiting' AND due_at <= $1 AND lease_until <= $1 \
        ORDER BY due_at, id LIMIT $3) RETURNING id, letter, data_key, tries";
    /// A delivered mail keeps no text.
    LETTER_DELIVERED = "UPDATE outbox SET state = 'delivered', letter = NULL WHERE id = $1";
    LETTER_DELAYED = "UPDATE outbox SET due_at = $2, lease_until = 0 WHERE id = $1";
    LETTER_FAILED = "UPDATE outbox SET state = 'failed', letter = NULL WHERE id = $1";
    COUNT_LETTERS = "SELECT state, COUNT(*) FROM outbox GROUP BY state ORDER BY state";
    DROP_LETTERS = "DELETE FROM outbox WHERE state <> 'waiting' AND at < $1";
}

/// A mail that was claimed for delivery.
pub struct Claimed {
    /// Its number, for the answer.
    pub id: i64,
    /// Its name in `Message-ID`: the same for each try, and nothing that could be counted.
    pub name: String,
    /// The mail; `None` when its seal does not open.
    pub letter: Option<MailMessage>,
    /// Tries so far, this one included.
    pub tries: u32,
}

/// The capability to deliver what waits.
#[derive(Clone)]
pub struct Outbox {
    pub(crate) database: Database,
    pub(crate) vault: Arc<Vault>,
}

fn aad() -> Aad {
    Aad::new("keyward letter 1")
}

/// Puts a mail into the outbox, in the caller's transaction.
pub(crate) async fn put(
    tx: &mut Transact,
    vault: &Vault,
    letter: &MailMessage,
    now: Moment,
) -> Result<(), StoreError> {
    let sealed = vault.seal(&aad(), letter.to_json().as_bytes())?;
    tx.execute(INSERT_LETTER, vec![now.unix_ms().into(), sealed.as_slice().into(), vault.newest().into()])
        .await
        .map(drop)
}

impl Outbox {
    /// A way to wait until something may have come in.
    #[must_use]
    pub fn glance(&self) -> Glance {
        self.database.glance()
    }

    /// Whether something is due: a look that takes no lock, unlike the claim.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_due(&self, now: Moment) -> Result<bool, StoreError> {
        Ok(self.database.fetch_optional(DUE_LETTER, vec![now.unix_ms().into()]).await?.is_some())
    }

    /// Claims up to `limit` mails that are due, for `lease_ms`: nobody else gets them in that time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim(&self, now: Moment, lease_ms: u64, limit: u64) -> Result<Vec<Claimed>, StoreError> {
        let mut tx = self.database.begin().await?;
        let values = vec![now.unix_ms().into(), now.plus_ms(lease_ms).unix_ms().into(), limit.into()];
        let rows = tx.fetch_all(CLAIM_LETTERS, values).await?;
        tx.commit().await?;
        let open = |data_key: i64, sealed: Option<Vec<u8>>| {
            let data_key = u64::try_from(data_key).ok()?;
            let plain = self.vault.open_seal(data_key, &aad(), &sealed?)?;
            MailMessage::from_json(std::str::from_utf8(plain.expose()).ok()?)
        };
        let names = self.vault.root().message_id_key();
        let name =
            |id: i64| blake3::keyed_hash(&names, &id.to_be_bytes()).to_hex().chars().take(32).collect();
        rows.iter()
            .map(|row| {
                Ok(Claimed {
                    id: row.int(0)?,
                    name: name(row.int(0)?),
                    letter: open(row.int(2)?, row.bytes_or_null(1)?),
                    tries: u32::try_from(row.int(3)?).unwrap_or(u32::MAX),
                })
            })
            .collect()
    }

    /// Notes that a mail was delivered.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then it will be delivered once more.
    pub async fn delivered(&self, id: i64) -> Result<(), StoreError> {
        self.alone(LETTER_DELIVERED, vec![id.into()]).await
    }

    /// Notes that a mail is to be tried again at `due`.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then it is tried again when its lease ends.
    pub async fn delayed(&self, id: i64, due: Moment) -> Result<(), StoreError> {
        self.alone(LETTER_DELAYED, vec![id.into(), due.unix_ms().into()]).await
    }

    /// Gives a mail up.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn failed(&self, id: i64) -> Result<(), StoreError> {
        self.alone(LETTER_FAILED, vec![id.into()]).await
    }

    /// How many mails are in which state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn counts(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let rows = self.database.fetch_all(COUNT_LETTERS, vec![]).await?;
        rows.iter().map(|row| Ok((row.text(0)?, row.int(1)?))).collect()
    }

    /// Drops what was delivered or given up before `before`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn tidy(&self, before: Moment) -> Result<(), StoreError> {
        self.alone(DROP_LETTERS, vec![before.unix_ms().into()]).await
    }

    async fn alone(&self, sql: &'static str, values: Vec<crate::sql::Value>) -> Result<(), StoreError> {
        let mut tx = self.database.begin().await?;
        tx.execute(sql, values).await?;
        tx.commit().await
    }
}
