//! What is over at the door, and is dropped.

use keyward_rules::limits::{DAY_MS, SESSION_IDLE_MS, SESSION_LIFE_MS};
use keyward_rules::time::Moment;

use crate::door::{DROP_CHALLENGES, DROP_TRIES, Door};
use crate::error::StoreError;
use crate::sql::Value;
use crate::{alerts, feed, notes, passkeys, sessions};

/// Milliseconds of quiet after which counters and challenges are dropped.
const FORGET_MS: u64 = 24 * 60 * 60 * 1_000;
/// How long a browser that was not used stays known.
const DEVICE_MS: u64 = 400 * DAY_MS;
/// How long alerts stand in the console.
const ALERT_MS: u64 = 400 * DAY_MS;
/// How long the feed keeps a change that every gateway has long seen.
const CHANGE_MS: u64 = 30 * DAY_MS;

impl Door {
    /// Drops what is over: sessions, challenges, tries.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn tidy(&self, now: Moment) -> Result<(), StoreError> {
        let ago = |ms: u64| Value::from(now.unix_ms().saturating_sub(ms));
        self.alone(sessions::DROP_SESSIONS, vec![ago(SESSION_IDLE_MS), ago(SESSION_LIFE_MS)]).await?;
        self.alone(DROP_CHALLENGES, vec![ago(FORGET_MS)]).await?;
        self.alone(notes::DROP_REPEATS, vec![ago(FORGET_MS)]).await?;
        self.alone(sessions::DROP_OLD_DEVICES, vec![ago(DEVICE_MS)]).await?;
        self.alone(alerts::DROP_ALERTS, vec![ago(ALERT_MS)]).await?;
        self.alone(feed::DROP_CHANGES, vec![ago(CHANGE_MS)]).await?;
        self.alone(passkeys::DROP_CEREMONIES, vec![now.unix_ms().into()]).await?;
        self.alone(DROP_TRIES, vec![ago(FORGET_MS)]).await.map(drop)
    }
}
