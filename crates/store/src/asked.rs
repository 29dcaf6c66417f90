//! Messages that somebody asked for: a test, and a failed one again.

use keyward_rules::channel::{ChannelId, MessageId};
use keyward_rules::id::AccountId;
use keyward_rules::time::Moment;

use crate::deliveries::{self, NewDelivery};
use crate::error::StoreError;
use crate::sql::statements;
use crate::writer::Tx;

statements! {
    /// Somebody waits for it: no pause between tries holds it up.
    RUSH_CHANNEL = "UPDATE channels SET next_at = 0 WHERE id = $1";
    ASKED_SINCE = "SELECT COUNT(*) FROM deliveries WHERE asked_at > $2 AND title = 'Test' \
        AND channel IN (SELECT id FROM channels WHERE account = $1)";
    SEND_AGAIN = "UPDATE deliveries SET state = 'waiting', tries = 0, due_at = $3, next_at = $3, asked_at = $3, status = NULL, \
        word = NULL WHERE id = $1 AND channel = $2 AND state = 'failed' AND body IS NOT NULL \
        AND (asked_at IS NULL OR asked_at <= $4)";
}

impl Tx {
    /// How many test messages the account asked for since `since`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tests_since(&mut self, account: AccountId, since: Moment) -> Result<i64, StoreError> {
        let values = vec![account.as_u64().into(), since.unix_ms().into()];
        self.transact.fetch_optional(ASKED_SINCE, values).await?.map_or(Ok(0), |row| row.int(0))
    }

    /// Puts a test message into a channel, due now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_test(&mut self, channel: ChannelId) -> Result<MessageId, StoreError> {
        let new = NewDelivery::test(channel, self.now);
        let id = deliveries::insert(&mut self.transact, &self.vault, &new, self.now).await?;
        self.transact.execute(RUSH_CHANNEL, vec![channel.to_string().into()]).await?;
        Ok(id)
    }

    /// Has a failed message tried again, now and under its id. Whether there was one that nobody asked for after `since`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn send_again(
        &mut self,
        channel: ChannelId,
        message: MessageId,
        since: Moment,
    ) -> Result<bool, StoreError> {
        let values = vec![
            message.to_string().into(),
            channel.to_string().into(),
            self.now.unix_ms().into(),
            since.unix_ms().into(),
        ];
        if self.transact.execute(SEND_AGAIN, values).await? == 0 {
            return Ok(false);
        }
        self.transact.execute(RUSH_CHANNEL, vec![channel.to_string().into()]).await?;
        Ok(true)
    }
}
