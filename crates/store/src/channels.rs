//! Alert channels as stored: the sealed target, and what goes there.

use keyward_rules::channel::{ChannelId, ChannelKind, Choices, Digest, Quiet, Target, Which};
use keyward_rules::grant::Scope;
use keyward_rules::id::AccountId;
use keyward_rules::key::KeyName;
use keyward_rules::time::Moment;

use crate::accounts;
use crate::error::StoreError;
use crate::log::rows;
use crate::reader::Reader;
use crate::seal::{Aad, Vault};
use crate::sql::{Row, Value, statements};
use crate::writer::{Tx, taken};

/// The columns of a channel, in the order of [`ChannelRecord::from_row`].
macro_rules! columns {
    () => {
        "id, account, name, kind, target, data_key, which, quiet_from, quiet_to, digest, made_at, paused_at, failing_since, \
         failures, missed"
    };
}
pub(crate) use columns;

statements! {
    CHANNELS_OF_ACCOUNT = concat!("SELECT ", columns!(), " FROM channels WHERE account = $1 ORDER BY made_at, id");
    CHANNEL_BY_ID = concat!("SELECT ", columns!(), " FROM channels WHERE id = $1");
    FAILING_CHANNELS = concat!("SELECT ", columns!(), " FROM channels WHERE paused_at IS NULL AND failing_since <= $1 \
        ORDER BY failing_since LIMIT $2");
    INSERT_CHANNEL = "INSERT INTO channels (id, account, name, kind, target, data_key, which, quiet_from, quiet_to, digest, \
        made_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    UPDATE_CHANNEL = "UPDATE channels SET name = $3, kind = $4, target = $5, data_key = $6, which = $7, quiet_from = $8, \
        quiet_to = $9, digest = $10 WHERE id = $1 AND account = $2 AND made_at = $11";
    /// The condition stands again, so that a channel that got through in the meantime stays.
    PAUSE_CHANNEL = "UPDATE channels SET paused_at = $2 WHERE id = $1 AND paused_at IS NULL AND failing_since <= $3";
    FAIL_WAITING = "UPDATE deliveries SET state = 'failed', gathers = 0, word = COALESCE(word, 'paused') \
        WHERE channel = $1 AND state = 'waiting'";
    DELETE_DELIVERIES = "DELETE FROM deliveries WHERE channel = $1";
    DELETE_CHANNEL = "DELETE FROM channels WHERE id = $1";
}

/// A channel.
#[derive(Debug)]
pub struct ChannelRecord {
    /// Its id.
    pub id: ChannelId,
    /// Whose.
    pub account: AccountId,
    /// Its name, unique in the account.
    pub name: KeyName,
    /// What it sends to.
    pub kind: ChannelKind,
    /// Where to; `None` when the row was altered outside the program: then nothing is sent.
    pub target: Option<Target>,
    /// What goes there and when.
    pub choices: Choices,
    /// When it was made.
    pub made_at: Moment,
    /// Since when nothing is put into it.
    pub paused_at: Option<Moment>,
    /// Since when nothing got through.
    pub failing_since: Option<Moment>,
    /// Tries in a row that failed.
    pub failures: u32,
    /// Alerts that were not put into it, for want of room or in a pause.
    pub missed: u64,
}

fn aad(id: ChannelId, account: AccountId, name: &KeyName, kind: ChannelKind, choices: &Choices) -> Aad {
    let quiet = choices.quiet.map(Quiet::minutes);
    Aad::new("keyward channel 1")
        .text("id", &id.to_string())
        .number("account", account.as_u64())
        .text("name", name.as_str())
        .text("kind", kind.word())
        .text("which", choices.which.word())
        .maybe("quiet_from", quiet.map(|(from, _)| from.into()))
        .maybe("quiet_to", quiet.map(|(_, to)| to.into()))
        .text("digest", choices.digest.word())
}

impl ChannelRecord {
    pub(crate) fn from_row(row: &Row, vault: &Vault) -> Result<Self, StoreError> {
        let tampered = || StoreError::tampered("channel", "row");
        let number = |value: i64| u64::try_from(value).map_err(|_| tampered());
        let moment =
            |value: Option<i64>| value.map(number).transpose().map(|at| at.map(Moment::from_unix_ms));
        let minutes = |value: i64| u16::try_from(value).map_err(|_| tampered());
        let quiet = match (row.int_or_null(7)?, row.int_or_null(8)?) {
            (None, None) => None,
            (Some(from), Some(to)) => Some(Quiet::new(minutes(from)?, minutes(to)?).map_err(|_| tampered())?),
            (_, _) => return Err(tampered()),
        };
        let id: ChannelId = row.text(0)?.parse().map_err(|_| tampered())?;
        let account = accounts::id_of(row.int(1)?)?;
        let name = KeyName::stored(&row.text(2)?).ok_or_else(tampered)?;
        let kind = ChannelKind::from_word(&row.text(3)?).ok_or_else(tampered)?;
        let which = Which::from_word(&row.text(6)?).ok_or_else(tampered)?;
        let digest = Digest::from_word(&row.text(9)?).ok_or_else(tampered)?;
        let choices = Choices { which, quiet, digest };
        let plain =
            vault.open_seal(number(row.int(5)?)?, &aad(id, account, &name, kind, &choices), &row.bytes(4)?);
        let target =
            plain.and_then(|plain| Target::from_json(kind, std::str::from_utf8(plain.expose()).ok()?));
        Ok(Self {
            id,
            account,
            name,
            kind,
            target,
            choices,
            made_at: Moment::from_unix_ms(number(row.int(10)?)?),
            paused_at: moment(row.int_or_null(11)?)?,
            failing_since: moment(row.int_or_null(12)?)?,
            failures: u32::try_from(row.int(13)?).unwrap_or(u32::MAX),
            missed: number(row.int(14)?)?,
        })
    }

    /// The values of `INSERT_CHANNEL` and `UPDATE_CHANNEL`.
    fn values(&self, vault: &Vault) -> Result<Vec<Value>, StoreError> {
        let target = self.target.as_ref().ok_or_else(|| StoreError::tampered("channel", self.id))?;
        let aad = aad(self.id, self.account, &self.name, self.kind, &self.choices);
        let sealed = vault.seal(&aad, target.to_json().expose().as_bytes())?;
        let quiet = self.choices.quiet.map(Quiet::minutes);
        Ok(vec![
            self.id.to_string().into(),
            self.account.as_u64().into(),
            self.name.as_str().into(),
            self.kind.word().into(),
            sealed.as_slice().into(),
            vault.newest().into(),
            self.choices.which.word().into(),
            quiet.map(|(from, _)| u64::from(from)).into(),
            quiet.map(|(_, to)| u64::from(to)).into(),
            self.choices.digest.word().into(),
            self.made_at.unix_ms().into(),
        ])
    }
}

impl Tx {
    /// The channel, when it lies in the grant's scope.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn channel(&mut self, id: ChannelId) -> Result<Option<ChannelRecord>, StoreError> {
        let row = self.transact.fetch_optional(CHANNEL_BY_ID, vec![id.to_string().into()]).await?;
        let found = row.map(|row| ChannelRecord::from_row(&row, &self.vault)).transpose()?;
        Ok(found.filter(|channel| self.grant().scope().reaches(channel.account)))
    }

    /// All channels of an account, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn channels_of(&mut self, account: AccountId) -> Result<Vec<ChannelRecord>, StoreError> {
        let rows = self.transact.fetch_all(CHANNELS_OF_ACCOUNT, vec![account.as_u64().into()]).await?;
        rows.iter().map(|row| ChannelRecord::from_row(row, &self.vault)).collect()
    }

    /// Adds a channel.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the name is taken.
    pub async fn insert_channel(&mut self, channel: &ChannelRecord) -> Result<(), StoreError> {
        self.touch(&rows::CHANNELS, channel.id);
        let values = channel.values(&self.vault)?;
        self.transact.execute(INSERT_CHANNEL, values).await.map_err(taken("a channel with this name"))?;
        Ok(())
    }

    /// Stores a channel's new name and choices, sealed anew.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the name is taken, [`StoreError::Tampered`] when its seal did not open.
    pub async fn update_channel(&mut self, channel: &ChannelRecord) -> Result<(), StoreError> {
        self.touch(&rows::CHANNELS, channel.id);
        let values = channel.values(&self.vault)?;
        let changed =
            self.transact.execute(UPDATE_CHANNEL, values).await.map_err(taken("a channel with this name"))?;
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::Conflict { what: format!("channel {}", channel.id) })
        }
    }

    /// Removes a channel with its log.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn delete_channel(&mut self, id: ChannelId) -> Result<(), StoreError> {
        self.touch(&rows::CHANNELS, id);
        self.transact.execute(DELETE_DELIVERIES, vec![id.to_string().into()]).await?;
        self.transact.execute(DELETE_CHANNEL, vec![id.to_string().into()]).await.map(drop)
    }

    /// Channels that fail since `since` or longer and are not paused, at most `limit`; rows that cannot be
    /// read are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn failing_channels(
        &mut self,
        since: Moment,
        limit: u64,
    ) -> Result<Vec<ChannelRecord>, StoreError> {
        let rows =
            self.transact.fetch_all(FAILING_CHANNELS, vec![since.unix_ms().into(), limit.into()]).await?;
        Ok(rows.iter().filter_map(|row| ChannelRecord::from_row(row, &self.vault).ok()).collect())
    }

    /// Pauses a channel that still fails since `since`; what waits for it has failed. Whether it was paused now.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn pause_channel(&mut self, id: ChannelId, since: Moment) -> Result<bool, StoreError> {
        let values = vec![id.to_string().into(), self.now.unix_ms().into(), since.unix_ms().into()];
        if self.transact.execute(PAUSE_CHANNEL, values).await? == 0 {
            return Ok(false);
        }
        self.transact.execute(FAIL_WAITING, vec![id.to_string().into()]).await?;
        Ok(true)
    }
}

impl Reader {
    /// The channels of an account in `scope`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn channels_of(
        &self,
        scope: Scope,
        account: AccountId,
    ) -> Result<Vec<ChannelRecord>, StoreError> {
        if !scope.reaches(account) {
            return Ok(Vec::new());
        }
        let rows = self.database.fetch_all(CHANNELS_OF_ACCOUNT, vec![account.as_u64().into()]).await?;
        rows.iter().map(|row| ChannelRecord::from_row(row, &self.vault)).collect()
    }

    /// One channel in `scope`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn channel(&self, scope: Scope, id: ChannelId) -> Result<Option<ChannelRecord>, StoreError> {
        let row = self.database.fetch_optional(CHANNEL_BY_ID, vec![id.to_string().into()]).await?;
        let found = row.map(|row| ChannelRecord::from_row(&row, &self.vault)).transpose()?;
        Ok(found.filter(|channel| scope.reaches(channel.account)))
    }
}
