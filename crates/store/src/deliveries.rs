//! Messages that wait for a channel: written in the transaction that causes them, sent at least once, in order.
//!
//! A channel is claimed as a whole, so that one worker at a time sends to it and its messages keep their order: the
//! first that does not get through stops those behind it. A message has one id, however often it is tried.

use std::sync::Arc;

use keyward_rules::alert::Alert;
use keyward_rules::channel::{ChannelId, Due, Message, MessageId};
use keyward_rules::grant::Scope;
use keyward_rules::limits::{DAY_MS, DELIVERY_LOG_DAYS, DELIVERY_LOG_ROWS, WAITING_PER_CHANNEL};
use keyward_rules::time::Moment;
use tracing::error;

use crate::bulk::watch::Glance;
use crate::channels::{self, ChannelRecord};
use crate::error::StoreError;
use crate::reader::Reader;
use crate::seal::{Aad, Vault};
use crate::sql::{Database, Row, Transact, Value, statements};

statements! {
    INSERT_DELIVERY = "INSERT INTO deliveries (id, channel, at, title, body, data_key, gathers, asked_at, due_at, next_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)";
    COUNT_WAITING = "SELECT COUNT(*) FROM deliveries WHERE channel = $1 AND state = 'waiting'";
    COUNT_MISSED = "UPDATE channels SET missed = missed + 1 WHERE id = $1";
    GATHERING = "SELECT n, id, body, data_key, gathers FROM deliveries WHERE channel = $1 AND state = 'waiting' \
        AND gathers > 0 AND due_at = $2 ORDER BY n DESC LIMIT 1";
    /// Not when another alert was added, or the message was tried, since it was read.
    EXTEND_DELIVERY = "UPDATE deliveries SET body = $2, data_key = $3, title = $4, gathers = gathers + 1 \
        WHERE n = $1 AND gathers = $5 AND state = 'waiting'";
    TRIM_LOG = "DELETE FROM deliveries WHERE channel = $1 AND state <> 'waiting' AND n <= \
        (SELECT n FROM deliveries WHERE channel = $1 ORDER BY n DESC LIMIT 1 OFFSET $2)";
    DROP_DELIVERIES = "DELETE FROM deliveries WHERE state <> 'waiting' AND at < $1";
    DUE_DELIVERY = "SELECT d.n FROM deliveries d JOIN channels c ON c.id = d.channel WHERE d.state = 'waiting' \
        AND d.next_at <= $1 AND c.next_at <= $1 AND c.lease_until <= $1 LIMIT 1";
    /// The condition stands twice, so that of two claims at once on PostgreSQL the second finds nothing.
    CLAIM_CHANNELS = concat!("UPDATE channels SET lease_until = $2, next_at = $1 WHERE lease_until <= $1 AND next_at <= $1 AND id IN \
        (SELECT c.id FROM channels c WHERE c.lease_until <= $1 AND c.next_at <= $1 AND EXISTS (SELECT 1 FROM deliveries d \
        WHERE d.channel = c.id AND d.state = 'waiting' AND d.next_at <= $1) ORDER BY c.next_at, c.id LIMIT $3) RETURNING ",
        channels::columns!());
    /// From here on nothing is added to the message.
    TRY_DELIVERY = "UPDATE deliveries SET tries = tries + 1, gathers = 0, tried_at = $2 WHERE state = 'waiting' AND n = \
        (SELECT n FROM deliveries WHERE channel = $1 AND state = 'waiting' AND next_at <= $2 ORDER BY due_at, n LIMIT 1) \
        RETURNING n, id, body, data_key, due_at, tries";
    DELIVERY_TAKEN = "UPDATE deliveries SET state = 'delivered', body = NULL, status = $2, word = $3 WHERE n = $1";
    DELIVERY_DELAYED = "UPDATE deliveries SET next_at = $4, status = $2, word = $3 WHERE n = $1";
    DELIVERY_FAILED = "UPDATE deliveries SET state = 'failed', status = $2, word = $3 WHERE n = $1";
    CHANNEL_WORKS = "UPDATE channels SET failing_since = NULL, failures = 0, paused_at = NULL WHERE id = $1";
    CHANNEL_FAILS = "UPDATE channels SET failing_since = COALESCE(failing_since, $2), failures = failures + 1 WHERE id = $1";
    /// Zero since the claim: somebody waits for a message of it.
    RELEASE_CHANNEL = "UPDATE channels SET lease_until = 0, next_at = CASE WHEN next_at = 0 THEN 0 ELSE $2 END WHERE id = $1";
    DELIVERIES_OF_CHANNEL = "SELECT n, id, at, title, due_at, tries, state, status, word, tried_at FROM deliveries \
        WHERE channel = $1 AND n < $2 ORDER BY n DESC LIMIT $3";
}

/// A message to be put into a channel.
pub(crate) struct NewDelivery {
    channel: ChannelId,
    message: Message,
    due_at: Moment,
    gathers: u64,
    asked_at: Option<Moment>,
}

impl NewDelivery {
    /// A test, which somebody asked for.
    pub(crate) const fn test(channel: ChannelId, now: Moment) -> Self {
        Self { channel, message: Message::test(now), due_at: now, gathers: 0, asked_at: Some(now) }
    }
}

fn aad(id: MessageId, channel: ChannelId) -> Aad {
    Aad::new("keyward message 1").text("id", &id.to_string()).text("channel", &channel.to_string())
}

/// Puts a message into a channel, in the caller's transaction; gives its id.
pub(crate) async fn insert(
    tx: &mut Transact,
    vault: &Vault,
    new: &NewDelivery,
    now: Moment,
) -> Result<MessageId, StoreError> {
    let id = MessageId::from_entropy(vault.random());
    let sealed = vault.seal(&aad(id, new.channel), new.message.to_json().as_bytes())?;
    let values = vec![
        id.to_string().into(),
        new.channel.to_string().into(),
        now.unix_ms().into(),
        new.message.title().into(),
        sealed.as_slice().into(),
        vault.newest().into(),
        new.gathers.into(),
        new.asked_at.map(Moment::unix_ms).into(),
        new.due_at.unix_ms().into(),
    ];
    tx.execute(INSERT_DELIVERY, values).await?;
    tx.execute(TRIM_LOG, vec![new.channel.to_string().into(), DELIVERY_LOG_ROWS.into()]).await?;
    Ok(id)
}

/// Puts an alert into every channel of its account that is to get it, in the caller's transaction.
pub(crate) async fn queue(
    tx: &mut Transact,
    vault: &Vault,
    alert: &Alert,
    now: Moment,
) -> Result<(), StoreError> {
    let rows = tx.fetch_all(channels::CHANNELS_OF_ACCOUNT, vec![alert.account.as_u64().into()]).await?;
    for row in rows {
        let Ok(channel @ ChannelRecord { target: Some(_), .. }) = ChannelRecord::from_row(&row, vault) else {
            // The alert itself must not be held up: it stands in the console, and goes by mail.
            error!("an alert channel was altered outside the program, and no message is sent to it");
            continue;
        };
        let due = channel.choices.due(alert.kind.urgency(), now);
        if due == Due::Never {
            continue;
        }
        let id: Value = channel.id.to_string().into();
        let waiting =
            tx.fetch_optional(COUNT_WAITING, vec![id.clone()]).await?.map_or(Ok(0), |row| row.int(0))?;
        if channel.paused_at.is_some()
            || u64::try_from(waiting).is_ok_and(|count| count >= WAITING_PER_CHANNEL)
        {
            tx.execute(COUNT_MISSED, vec![id]).await?;
            continue;
        }
        let (due_at, gathers) = match due {
            Due::Gathered(at) => (at, 1),
            Due::Now | Due::Never => (now, 0),
        };
        if gathers == 1 && extend(tx, vault, channel.id, alert, due_at).await? {
            continue;
        }
        let message = Message::of(alert);
        let new = NewDelivery { channel: channel.id, message, due_at, gathers, asked_at: None };
        insert(tx, vault, &new, now).await?;
    }
    Ok(())
}

/// Adds an alert to the message that gathers for the same moment. Whether there was one with room.
async fn extend(
    tx: &mut Transact,
    vault: &Vault,
    channel: ChannelId,
    alert: &Alert,
    due_at: Moment,
) -> Result<bool, StoreError> {
    let values = vec![channel.to_string().into(), due_at.unix_ms().into()];
    let Some(row) = tx.fetch_optional(GATHERING, values).await? else { return Ok(false) };
    let Some((id, message)) = open(&row, 1, channel, vault)? else { return Ok(false) };
    let Some(message) = message.with(alert) else { return Ok(false) };
    let sealed = vault.seal(&aad(id, channel), message.to_json().as_bytes())?;
    let values = vec![
        row.int(0)?.into(),
        sealed.as_slice().into(),
        vault.newest().into(),
        message.title().into(),
        row.int(4)?.into(),
    ];
    Ok(tx.execute(EXTEND_DELIVERY, values).await? == 1)
}

/// Id and message of the columns id, body, data_key from `at` on; `None` when the seal does not open.
fn open(
    row: &Row,
    at: usize,
    channel: ChannelId,
    vault: &Vault,
) -> Result<Option<(MessageId, Message)>, StoreError> {
    let id: MessageId = row.text(at)?.parse().map_err(|_| StoreError::tampered("message", "row"))?;
    let (sealed, data_key) =
        (row.bytes_or_null(at + 1)?, u64::try_from(row.int(at + 2)?).unwrap_or_default());
    let read = || {
        let plain = vault.open_seal(data_key, &aad(id, channel), &sealed?)?;
        Message::from_json(std::str::from_utf8(plain.expose()).ok()?)
    };
    Ok(read().map(|message| (id, message)))
}

/// A message that is being tried.
pub struct Attempt {
    /// Its number, for the answer.
    pub n: i64,
    /// Its id, the same over all tries.
    pub id: MessageId,
    /// The message; `None` when its seal does not open.
    pub message: Option<Message>,
    /// Since when it waits.
    pub due_at: Moment,
    /// Tries so far, this one included.
    pub tries: u32,
}

/// What came of an attempt: HTTP status, and a word for the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeliveryResult {
    /// Taken: never sent again.
    Taken,
    /// Not taken: tried again from that moment on.
    Delayed(Moment),
    /// Given up.
    Failed,
}

/// The capability to deliver to channels.
#[derive(Clone)]
pub struct Deliveries {
    pub(crate) database: Database,
    pub(crate) vault: Arc<Vault>,
}

impl Deliveries {
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
        Ok(self.database.fetch_optional(DUE_DELIVERY, vec![now.unix_ms().into()]).await?.is_some())
    }

    /// Claims up to `limit` channels for which something is due, for `lease_ms`, the longest unserved first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim(
        &self,
        now: Moment,
        lease_ms: u64,
        limit: u64,
    ) -> Result<Vec<ChannelRecord>, StoreError> {
        let mut tx = self.database.begin().await?;
        let values = vec![now.unix_ms().into(), now.plus_ms(lease_ms).unix_ms().into(), limit.into()];
        let rows = tx.fetch_all(CLAIM_CHANNELS, values).await?;
        tx.commit().await?;
        // A row that cannot even be read gets nothing; it must not keep the others waiting.
        Ok(rows.iter().filter_map(|row| ChannelRecord::from_row(row, &self.vault).ok()).collect())
    }

    /// The next message of a claimed channel, counted as tried.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attempt(&self, channel: ChannelId, now: Moment) -> Result<Option<Attempt>, StoreError> {
        let mut tx = self.database.begin().await?;
        let values = vec![channel.to_string().into(), now.unix_ms().into()];
        let row = tx.fetch_optional(TRY_DELIVERY, values).await?;
        tx.commit().await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Attempt {
            n: row.int(0)?,
            id: row.text(1)?.parse().map_err(|_| StoreError::tampered("message", "row"))?,
            message: open(&row, 1, channel, &self.vault)?.map(|(_, message)| message),
            due_at: Moment::from_unix_ms(u64::try_from(row.int(4)?).unwrap_or_default()),
            tries: u32::try_from(row.int(5)?).unwrap_or(u32::MAX),
        }))
    }

    /// Notes what came of an attempt, for the message and for its channel.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then it is tried once more, under the same id.
    pub async fn settle(
        &self,
        (channel, n): (ChannelId, i64),
        fate: DeliveryResult,
        (status, word): (Option<u16>, &str),
        now: Moment,
    ) -> Result<(), StoreError> {
        let mut tx = self.database.begin().await?;
        let mut values: Vec<Value> = vec![n.into(), status.map(u64::from).into(), word.into()];
        let statement = match fate {
            DeliveryResult::Taken => DELIVERY_TAKEN,
            DeliveryResult::Failed => DELIVERY_FAILED,
            DeliveryResult::Delayed(until) => {
                values.push(until.unix_ms().into());
                DELIVERY_DELAYED
            }
        };
        tx.execute(statement, values).await?;
        let channel: Value = channel.to_string().into();
        match fate {
            DeliveryResult::Taken => tx.execute(CHANNEL_WORKS, vec![channel]).await?,
            DeliveryResult::Delayed(_) | DeliveryResult::Failed => {
                tx.execute(CHANNEL_FAILS, vec![channel, now.unix_ms().into()]).await?
            }
        };
        tx.commit().await
    }

    /// Gives a channel back; it is looked at again from `next` on.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then its lease runs out.
    pub async fn release(&self, channel: ChannelId, next: Moment) -> Result<(), StoreError> {
        let mut tx = self.database.begin().await?;
        tx.execute(RELEASE_CHANNEL, vec![channel.to_string().into(), next.unix_ms().into()]).await?;
        tx.commit().await
    }

    /// Drops what was delivered or given up longer ago than the log is kept.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn tidy(&self, now: Moment) -> Result<(), StoreError> {
        let before = now.unix_ms().saturating_sub(DELIVERY_LOG_DAYS * DAY_MS);
        let mut tx = self.database.begin().await?;
        tx.execute(DROP_DELIVERIES, vec![before.into()]).await?;
        tx.commit().await
    }
}

/// What has become of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeliveryState {
    /// It waits, or is tried again.
    Waiting,
    /// The receiver accepted it.
    Delivered,
    /// It was given up.
    Failed,
}

/// A message in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeliveryRecord {
    /// Its number; later ones are greater.
    pub n: i64,
    /// Its id.
    pub id: MessageId,
    /// When it was begun.
    pub at: Moment,
    /// What it is about.
    pub title: String,
    /// When it is due.
    pub due_at: Moment,
    /// How often it was tried.
    pub tries: u32,
    /// What has become of it.
    pub state: DeliveryState,
    /// The HTTP status of the last try, if there was an answer.
    pub status: Option<u16>,
    /// What came of the last try, in a word.
    pub word: String,
    /// When it was last tried.
    pub tried_at: Option<Moment>,
}

impl DeliveryRecord {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let tampered = || StoreError::tampered("message", "row");
        let moment = |value: i64| u64::try_from(value).map(Moment::from_unix_ms).map_err(|_| tampered());
        let state = match row.text(6)?.as_str() {
            "waiting" => DeliveryState::Waiting,
            "delivered" => DeliveryState::Delivered,
            "failed" => DeliveryState::Failed,
            _ => return Err(tampered()),
        };
        Ok(Self {
            n: row.int(0)?,
            id: row.text(1)?.parse().map_err(|_| tampered())?,
            at: moment(row.int(2)?)?,
            title: row.text(3)?,
            due_at: moment(row.int(4)?)?,
            tries: u32::try_from(row.int(5)?).unwrap_or(u32::MAX),
            state,
            status: row.int_or_null(7)?.and_then(|status| u16::try_from(status).ok()),
            word: row.text_or_null(8)?.unwrap_or_default(),
            tried_at: row.int_or_null(9)?.map(moment).transpose()?,
        })
    }
}

impl Reader {
    /// Up to `limit` messages of a channel in `scope` before the one numbered `before`, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deliveries_of(
        &self,
        scope: Scope,
        channel: &ChannelRecord,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<DeliveryRecord>, StoreError> {
        if !scope.reaches(channel.account) {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(limit).unwrap_or(0);
        let values = vec![channel.id.to_string().into(), before.unwrap_or(i64::MAX).into(), limit.into()];
        let rows = self.database.fetch_all(DELIVERIES_OF_CHANNEL, values).await?;
        rows.iter().map(DeliveryRecord::from_row).collect()
    }
}
