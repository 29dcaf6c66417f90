//! What the exchange is told of sub-accounts: written in the transaction that causes it, delivered at least once, in order for
//! each master account.
//!
//! A notice is signed when it is sent, so its row carries a seal: one that was written or altered outside the program is never
//! sent. The newest notice of each sub-account stays in the table. It says what the exchange was told last, and it keeps the
//! numbers of a master account without a gap.

use std::sync::Arc;

use keyward_rules::account::SubAccountName;
use keyward_rules::exchange_notice::{ExchangeNotice, NoticeKind};
use keyward_rules::id::AccountId;
use keyward_rules::limits::NOTICES_WAITING_PER_ACCOUNT;
use keyward_rules::sub_account::SubAccountSettings;
use keyward_rules::time::Moment;

use crate::accounts::{AccountRecord, id_of};
use crate::bulk::watch::Glance;
use crate::error::StoreError;
use crate::seal::{Aad, Vault};
use crate::sql::{Database, Row, Transact, Value, statements};
use crate::writer::Tx;

statements! {
    EXCHANGE_TOLD = "SELECT since FROM exchange_told WHERE id = 1";
    TELL_EXCHANGE = "INSERT INTO exchange_told (id, since) VALUES (1, $1) ON CONFLICT (id) DO NOTHING";
    LEAVE_EXCHANGE = "DELETE FROM exchange_told WHERE id = 1";
    NEXT_NOTICE = "SELECT COALESCE(MAX(number), 0) + 1 FROM exchange_notices WHERE master = $1";
    INSERT_NOTICE = "INSERT INTO exchange_notices (master, number, sub_account, name, kind, frozen, at, state, tries, due_at, data_key, seal) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', 0, $7, $8, $9)";
    /// The first that waits of each master account, if it is due. A number that nobody gives, written by somebody else, stops none.
    DUE_NOTICES = "SELECT master, number, sub_account, name, kind, frozen, at, data_key, seal, tries FROM exchange_notices n \
        WHERE state = 'waiting' AND number > 0 AND due_at <= $1 AND NOT EXISTS (SELECT 1 FROM exchange_notices e \
        WHERE e.master = n.master AND e.state = 'waiting' AND e.number > 0 AND e.number < n.number) ORDER BY due_at, master LIMIT $2";
    /// What is settled is settled once: of two answers to one notice the second changes nothing.
    SETTLE_NOTICE = "UPDATE exchange_notices SET state = $3 WHERE master = $1 AND number = $2 AND state = 'waiting'";
    DELAY_NOTICE = "UPDATE exchange_notices SET tries = tries + 1, due_at = $3 WHERE master = $1 AND number = $2 AND state = 'waiting'";
    DROP_NOTICES = "DELETE FROM exchange_notices WHERE sub_account = $1 AND number < $2 AND state <> 'waiting'";
    DROP_TOLD_NOTICES = "DELETE FROM exchange_notices WHERE state <> 'waiting'";
    WAITING_OF_MASTER = "SELECT COUNT(*) FROM exchange_notices WHERE master = $1 AND state = 'waiting'";
    WAITING_NOTICES = "SELECT COUNT(*), MIN(at) FROM exchange_notices WHERE state = 'waiting'";
    LAST_NOTICE = "SELECT frozen FROM exchange_notices WHERE sub_account = $1 ORDER BY number DESC LIMIT 1";
    CLOSING_WAITS = "SELECT 1 FROM exchange_notices WHERE sub_account = $1 AND state = 'waiting' AND kind = 'closing'";
    /// Sub-accounts of which the exchange may know something else than what is so; the settings say what it is to know.
    UNTOLD_SUB_ACCOUNTS = "SELECT a.id, a.email, a.master, a.sub_name, a.created_at FROM accounts a \
        LEFT JOIN sub_accounts s ON s.account = a.id \
        LEFT JOIN exchange_notices n ON n.sub_account = a.id \
        AND n.number = (SELECT MAX(e.number) FROM exchange_notices e WHERE e.sub_account = a.id) \
        WHERE a.master IS NOT NULL AND a.id > $1 AND s.closed_at IS NULL AND (n.number IS NULL OR s.closing_at IS NOT NULL \
        OR n.frozen <> (CASE WHEN s.frozen_at IS NULL THEN 0 ELSE 1 END)) ORDER BY a.id LIMIT $2";
}

/// How a notice ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoticeEnd {
    /// The exchange took it.
    Taken,
    /// The exchange refused to close the sub-account.
    Refused,
    /// Its seal does not open: it is never sent.
    Altered,
}

impl NoticeEnd {
    const fn word(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Refused => "refused",
            Self::Altered => "altered",
        }
    }
}

/// Which notice: its master account and its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoticeKey {
    /// The master account.
    pub master: AccountId,
    /// Its number among those of the master account.
    pub number: u64,
    /// The sub-account that it is about.
    pub sub_account: AccountId,
}

impl NoticeKey {
    /// That of a notice.
    #[must_use]
    pub const fn of(notice: &ExchangeNotice) -> Self {
        Self { master: notice.account, number: notice.number, sub_account: notice.sub_account }
    }

    fn values(self) -> Vec<Value> {
        vec![self.master.as_u64().into(), self.number.into()]
    }
}

/// A notice that is due.
pub struct DueNotice {
    /// Which one.
    pub key: NoticeKey,
    /// The notice; `None` when its seal does not open.
    pub notice: Option<ExchangeNotice>,
    /// Tries so far.
    pub tries: u32,
}

/// How many notices wait, and since when the oldest of them does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NoticesWaiting {
    /// How many.
    pub count: u64,
    /// When the oldest was written.
    pub oldest: Option<Moment>,
}

/// The capability to deliver notices, and to say whether there is an exchange to tell.
#[derive(Clone)]
pub struct ExchangeNotices {
    pub(crate) database: Database,
    pub(crate) vault: Arc<Vault>,
}

fn aad(notice: &ExchangeNotice, frozen: u64) -> Aad {
    Aad::new("keyward exchange notice 1")
        .number("master", notice.account.as_u64())
        .number("number", notice.number)
        .number("sub_account", notice.sub_account.as_u64())
        .text("name", notice.name.as_str())
        .text("kind", notice.kind.word())
        .number("frozen", frozen)
        .number("at", notice.at.unix_ms())
}

fn due_notice(row: &Row, vault: &Vault) -> Result<DueNotice, StoreError> {
    let number = |at| u64::try_from(row.int(at)?).map_err(|_| StoreError::tampered("exchange notice", "row"));
    let key = NoticeKey { master: id_of(row.int(0)?)?, number: number(1)?, sub_account: id_of(row.int(2)?)? };
    let (name, kind, seal) = (row.text(3)?, row.text(4)?, row.bytes(8)?);
    let open = || {
        let (frozen, at, data_key) = (number(5).ok()?, number(6).ok()?, number(7).ok()?);
        let notice = ExchangeNotice {
            number: key.number,
            account: key.master,
            sub_account: key.sub_account,
            name: SubAccountName::parse(&name).ok()?,
            kind: NoticeKind::from_word(&kind)?,
            at: Moment::from_unix_ms(at),
        };
        vault.open_seal(data_key, &aad(&notice, frozen), &seal).map(|_| notice)
    };
    Ok(DueNotice { key, notice: open(), tries: u32::try_from(row.int(9)?).unwrap_or(u32::MAX) })
}

/// Notes how a notice ended, and drops what was told of the sub-account before; whether it waited until now.
async fn settle(transact: &mut Transact, key: NoticeKey, end: NoticeEnd) -> Result<bool, StoreError> {
    let mut values = key.values();
    values.push(end.word().into());
    if transact.execute(SETTLE_NOTICE, values).await? == 0 {
        return Ok(false);
    }
    let old = vec![key.sub_account.as_u64().into(), key.number.into()];
    transact.execute(DROP_NOTICES, old).await?;
    Ok(true)
}

impl ExchangeNotices {
    /// A way to wait until something may have come in.
    #[must_use]
    pub fn glance(&self) -> Glance {
        self.database.glance()
    }

    /// There is an exchange to tell: from now on every change writes its notice, whichever process makes it.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn begin(&self, now: Moment) -> Result<(), StoreError> {
        self.alone(TELL_EXCHANGE, vec![now.unix_ms().into()]).await
    }

    /// There is none: no change writes a notice. What waits, waits until there is one again.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn end(&self) -> Result<(), StoreError> {
        self.alone(LEAVE_EXCHANGE, vec![]).await
    }

    /// Whether there is an exchange to tell.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_told(&self) -> Result<bool, StoreError> {
        Ok(self.database.fetch_optional(EXCHANGE_TOLD, vec![]).await?.is_some())
    }

    /// Forgets what was told, for an exchange that has forgotten it as well. What waits goes on to wait.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn forget_told(&self) -> Result<(), StoreError> {
        self.alone(DROP_TOLD_NOTICES, vec![]).await
    }

    /// Up to `limit` notices that are due, at most one of each master account: no notice is given before those with lower
    /// numbers are settled.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due(&self, now: Moment, limit: u64) -> Result<Vec<DueNotice>, StoreError> {
        let values = vec![now.unix_ms().into(), limit.into()];
        let rows = self.database.fetch_all(DUE_NOTICES, values).await?;
        rows.iter().map(|row| due_notice(row, &self.vault)).collect()
    }

    /// Notes how a notice ended that changes nothing here.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then it is told once more.
    pub async fn settled(&self, key: NoticeKey, end: NoticeEnd) -> Result<(), StoreError> {
        let mut tx = self.database.begin().await?;
        settle(&mut tx, key, end).await?;
        tx.commit().await
    }

    /// Notes that a notice is told again at `due`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn delayed(&self, key: NoticeKey, due: Moment) -> Result<(), StoreError> {
        let mut values = key.values();
        values.push(due.unix_ms().into());
        self.alone(DELAY_NOTICE, values).await
    }

    /// How many notices wait.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting(&self) -> Result<NoticesWaiting, StoreError> {
        let Some(row) = self.database.fetch_optional(WAITING_NOTICES, vec![]).await? else {
            return Ok(NoticesWaiting::default());
        };
        let oldest = row.int_or_null(1)?.and_then(|at| u64::try_from(at).ok()).map(Moment::from_unix_ms);
        Ok(NoticesWaiting { count: u64::try_from(row.int(0)?).unwrap_or(0), oldest })
    }

    /// Up to `limit` sub-accounts after `after` of which the exchange may know something else than what is so.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn untold(
        &self,
        after: Option<AccountId>,
        limit: u64,
    ) -> Result<Vec<AccountRecord>, StoreError> {
        let values = vec![after.map_or(0, AccountId::as_u64).into(), limit.into()];
        let rows = self.database.fetch_all(UNTOLD_SUB_ACCOUNTS, values).await?;
        rows.iter().map(AccountRecord::from_row).collect()
    }

    async fn alone(&self, sql: &'static str, values: Vec<Value>) -> Result<(), StoreError> {
        let mut tx = self.database.begin().await?;
        tx.execute(sql, values).await?;
        tx.commit().await
    }
}

impl Tx {
    /// Whether there is an exchange to tell of sub-accounts.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn exchange_is_told(&mut self) -> Result<bool, StoreError> {
        Ok(self.transact.fetch_optional(EXCHANGE_TOLD, vec![]).await?.is_some())
    }

    /// Tells the exchange, if there is one to tell, that something happened to a sub-account which is set up like this after it.
    /// False when so much of the master account waits already that this is not written: it is found as untold later.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tell_exchange(
        &mut self,
        kind: NoticeKind,
        (master, sub_account, name): (AccountId, AccountId, &SubAccountName),
        settings: &SubAccountSettings,
    ) -> Result<bool, StoreError> {
        if !self.exchange_is_told().await? {
            return Ok(true);
        }
        let waiting = self.transact.fetch_optional(WAITING_OF_MASTER, vec![master.as_u64().into()]).await?;
        if waiting.map_or(Ok(0), |row| row.int(0))? >= NOTICES_WAITING_PER_ACCOUNT {
            return Ok(false);
        }
        let row = self.transact.fetch_optional(NEXT_NOTICE, vec![master.as_u64().into()]).await?;
        let number = row.map_or(Ok(1), |row| row.int(0))?;
        let number = u64::try_from(number).map_err(|_| StoreError::tampered("exchange notice", "row"))?;
        let (name, at) = (name.clone(), self.now());
        let notice = ExchangeNotice { number, account: master, sub_account, name, kind, at };
        let frozen = u64::from(settings.frozen_at.is_some());
        let seal = self.vault.seal(&aad(&notice, frozen), b"")?;
        let values = vec![
            master.as_u64().into(),
            number.into(),
            sub_account.as_u64().into(),
            notice.name.as_str().into(),
            kind.word().into(),
            frozen.into(),
            at.unix_ms().into(),
            self.vault.newest().into(),
            seal.as_slice().into(),
        ];
        self.transact.execute(INSERT_NOTICE, values).await?;
        Ok(true)
    }

    /// What the exchange has to be told of a sub-account that is set up like this, in this order: nothing where it knows that
    /// already, or will once the notices that wait have arrived.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn untold_of(
        &mut self,
        sub_account: AccountId,
        settings: &SubAccountSettings,
    ) -> Result<Vec<NoticeKind>, StoreError> {
        let id = || vec![sub_account.as_u64().into()];
        let last = self.transact.fetch_optional(LAST_NOTICE, id()).await?;
        let told_frozen = last.map(|row| row.int(0)).transpose()?.map(|frozen| frozen != 0);
        let mut kinds = match (told_frozen, settings.frozen_at.is_some()) {
            (None, false) => vec![NoticeKind::Created],
            (None, true) => vec![NoticeKind::Created, NoticeKind::Frozen],
            (Some(false), true) => vec![NoticeKind::Frozen],
            (Some(true), false) => vec![NoticeKind::Unfrozen],
            (Some(true), true) | (Some(false), false) => Vec::new(),
        };
        let closing = settings.life.closing_since().is_some();
        if closing && self.transact.fetch_optional(CLOSING_WAITS, id()).await?.is_none() {
            kinds.push(NoticeKind::Closing);
        }
        Ok(kinds)
    }

    /// Notes how a notice ended; whether it waited until now.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn settle_notice(&mut self, key: NoticeKey, end: NoticeEnd) -> Result<bool, StoreError> {
        settle(&mut self.transact, key, end).await
    }
}
