//! Sub-accounts as their masters set them up, and the people whom a master lets administer one.
//!
//! The rows decide what somebody may do, so each carries a seal, and audit records carry their marks. A row of settings that is
//! missing allows the least; a membership or invitation that was altered is none.

use keyward_rules::account::Email;
use keyward_rules::grant::{ActingAs, Scope};
use keyward_rules::id::AccountId;
use keyward_rules::key::{KeyName, RateCap, SubAccountCap, TransfersOut};
use keyward_rules::permission::Permissions;
use keyward_rules::sub_account::{SubAccountLife, SubAccountSettings};
use keyward_rules::time::Moment;

use crate::accounts::{self, AccountRecord, id_of};
use crate::acting::{LIFE_OF_SUB_ACCOUNT, MEMBERSHIP, Membership, life_of, member_aad, membership, right};
use crate::error::StoreError;
use crate::log::rows;
use crate::reader::Reader;
use crate::seal::{Aad, Vault};
use crate::sql::{Row, Value, statements};
use crate::writer::Tx;

statements! {
    SUB_ACCOUNT_SETTINGS = "SELECT account, label, permissions, rate_cap, transfer_out, frozen_at, data_key, seal, closing_at, closed_at \
        FROM sub_accounts WHERE account = $1";
    SET_SUB_ACCOUNT = "INSERT INTO sub_accounts \
        (account, label, permissions, rate_cap, transfer_out, frozen_at, data_key, seal, closing_at, closed_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (account) DO UPDATE SET label = excluded.label, \
        permissions = excluded.permissions, rate_cap = excluded.rate_cap, transfer_out = excluded.transfer_out, \
        frozen_at = excluded.frozen_at, data_key = excluded.data_key, seal = excluded.seal, closing_at = excluded.closing_at, \
        closed_at = excluded.closed_at";
    SUB_ACCOUNTS_OF = "SELECT a.id, a.email, a.master, a.sub_name, a.created_at, (SELECT COUNT(*) FROM keys k WHERE k.account = a.id \
        AND k.state IN ('active', 'disabled')), s.account, s.label, s.permissions, s.rate_cap, s.transfer_out, s.frozen_at, s.data_key, \
        s.seal, s.closing_at, s.closed_at \
        FROM accounts a LEFT JOIN sub_accounts s ON s.account = a.id WHERE a.master = $1 ORDER BY a.created_at, a.id";
    /// All of them, and those that are closed.
    COUNT_SUB_ACCOUNTS = "SELECT COUNT(*), COALESCE(SUM(CASE WHEN s.closed_at IS NULL THEN 0 ELSE 1 END), 0) FROM accounts a \
        LEFT JOIN sub_accounts s ON s.account = a.id WHERE a.master = $1";
    CLOSED_WITH_LABEL = "SELECT COUNT(*) FROM accounts a JOIN sub_accounts s ON s.account = a.id \
        WHERE a.master = $1 AND s.label = $2 AND s.closed_at IS NOT NULL";
    MEMBERS_OF = "SELECT sub_account, account, since, data_key, seal FROM members WHERE sub_account = $1 ORDER BY since, account";
    MEMBERSHIPS_OF = "SELECT sub_account, account, since, data_key, seal FROM members WHERE account = $1 ORDER BY since, sub_account";
    ADD_MEMBER = "INSERT INTO members (sub_account, account, since, data_key, seal) VALUES ($1, $2, $3, $4, $5)";
    DROP_MEMBER = "DELETE FROM members WHERE sub_account = $1 AND account = $2";
    INVITATIONS_OF = "SELECT sub_account, email, until, data_key, seal FROM invitations WHERE sub_account = $1 AND until > $2 ORDER BY email";
    INVITATIONS_TO = "SELECT sub_account, email, until, data_key, seal FROM invitations WHERE email = $1 AND until > $2 \
        ORDER BY until, sub_account LIMIT $3";
    SET_INVITATION = "INSERT INTO invitations (sub_account, email, until, data_key, seal) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (sub_account, email) DO UPDATE SET until = excluded.until, data_key = excluded.data_key, seal = excluded.seal";
    DROP_INVITATION = "DELETE FROM invitations WHERE sub_account = $1 AND email = $2";
    DROP_OLD_INVITATIONS = "DELETE FROM invitations WHERE sub_account = $1 AND until <= $2";
}

/// A sub-account in the list of its master.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubAccount {
    /// The account.
    pub account: AccountRecord,
    /// As its master set it up.
    pub settings: SubAccountSettings,
    /// Living keys.
    pub keys: i64,
}

/// An open invitation to administer a sub-account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invitation {
    /// The sub-account.
    pub sub_account: AccountId,
    /// Whoever has this address may accept it.
    pub email: Email,
    /// Until when.
    pub until: Moment,
}

/// The parts of a row of settings that the seal covers, as stored.
struct SettingsRow {
    account: AccountId,
    label: String,
    permissions: u64,
    rate_cap: Option<u64>,
    transfer_out: u64,
    frozen_at: Option<u64>,
    closing_at: Option<u64>,
    closed_at: Option<u64>,
}

impl SettingsRow {
    fn of(account: AccountId, settings: &SubAccountSettings) -> Self {
        Self {
            account,
            label: settings.label.as_ref().map(|label| label.as_str().to_owned()).unwrap_or_default(),
            permissions: settings.cap.permissions().bits().into(),
            rate_cap: settings.cap.rate().map(|rate| rate.per_second().into()),
            transfer_out: match settings.cap.transfers() {
                TransfersOut::ToMaster => 0,
                TransfersOut::ToSubAccounts => 1,
            },
            frozen_at: settings.frozen_at.map(Moment::unix_ms),
            closing_at: settings.life.closing_since().map(Moment::unix_ms),
            closed_at: settings.life.closed_at().map(Moment::unix_ms),
        }
    }

    fn aad(&self) -> Aad {
        // Zero is no cap and no moment of a freeze.
        let aad = Aad::new("keyward sub-account 1")
            .number("account", self.account.as_u64())
            .text("label", &self.label)
            .number("permissions", self.permissions)
            .number("rate_cap", self.rate_cap.unwrap_or(0))
            .number("frozen_at", self.frozen_at.unwrap_or(0));
        // Rows from before the columns existed are sealed without them, so that they still open.
        let aad = if self.transfer_out == 0 { aad } else { aad.number("transfer_out", self.transfer_out) };
        match (self.closing_at, self.closed_at) {
            (None, None) => aad,
            (closing_at, closed_at) => aad.maybe("closing_at", closing_at).maybe("closed_at", closed_at),
        }
    }

    fn life(&self) -> Option<SubAccountLife> {
        match (self.closing_at, self.closed_at) {
            (None, None) => Some(SubAccountLife::Open),
            (Some(since), None) => Some(SubAccountLife::Closing { since: Moment::from_unix_ms(since) }),
            (None, Some(at)) => Some(SubAccountLife::Closed { at: Moment::from_unix_ms(at) }),
            (Some(_), Some(_)) => None,
        }
    }

    fn settings(&self) -> Option<SubAccountSettings> {
        let permissions = u8::try_from(self.permissions).ok().and_then(Permissions::from_bits)?;
        let rate = match self.rate_cap {
            Some(rate) => Some(RateCap::new(rate).ok()?),
            None => None,
        };
        let label = match self.label.as_str() {
            "" => None,
            text => Some(KeyName::stored(text)?),
        };
        let transfers = match self.transfer_out {
            0 => TransfersOut::ToMaster,
            1 => TransfersOut::ToSubAccounts,
            _ => return None,
        };
        let cap = SubAccountCap::new(permissions, rate).ok()?.transfers_to(transfers);
        let (frozen_at, life) = (self.frozen_at.map(Moment::from_unix_ms), self.life()?);
        Some(SubAccountSettings { label, cap, frozen_at, life })
    }
}

/// Reads settings whose ten columns begin at `at`.
fn settings_from(row: &Row, at: usize, vault: &Vault) -> Result<SubAccountSettings, StoreError> {
    let account = id_of(row.int(at)?)?;
    let tampered = || StoreError::tampered("sub-account", account);
    let number = |value: i64| u64::try_from(value).map_err(|_| tampered());
    let row_of = SettingsRow {
        account,
        label: row.text(at + 1)?,
        permissions: number(row.int(at + 2)?)?,
        rate_cap: row.int_or_null(at + 3)?.map(number).transpose()?,
        transfer_out: number(row.int(at + 4)?)?,
        frozen_at: row.int_or_null(at + 5)?.map(number).transpose()?,
        closing_at: row.int_or_null(at + 8)?.map(number).transpose()?,
        closed_at: row.int_or_null(at + 9)?.map(number).transpose()?,
    };
    let seal = row.bytes(at + 7)?;
    vault.open_seal(number(row.int(at + 6)?)?, &row_of.aad(), &seal).ok_or_else(tampered)?;
    row_of.settings().ok_or_else(tampered)
}

/// The settings of a sub-account, or those of one of which nothing is stored.
fn settings_or_least(row: Option<Row>, vault: &Vault) -> Result<SubAccountSettings, StoreError> {
    row.map_or_else(|| Ok(SubAccountSettings::unknown()), |row| settings_from(&row, 0, vault))
}

fn invitation_aad(of: &Invitation) -> Aad {
    Aad::new("keyward invitation 1")
        .number("sub_account", of.sub_account.as_u64())
        .text("email", of.email.as_str())
        .number("until", of.until.unix_ms())
}

/// An invitation whose seal opens.
fn invitation(row: &Row, vault: &Vault) -> Option<Invitation> {
    let number = |at| row.int(at).ok().and_then(|value| u64::try_from(value).ok());
    let found = Invitation {
        sub_account: number(0).and_then(AccountId::from_u64)?,
        email: Email::parse(&row.text(1).ok()?).ok()?,
        until: number(2).map(Moment::from_unix_ms)?,
    };
    vault.open_seal(number(3)?, &invitation_aad(&found), &row.bytes(4).ok()?).map(|_| found)
}

impl Reader {
    /// By which right `person` may act for `sub_account` now; `None` without one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn acts_for(
        &self,
        person: AccountId,
        sub_account: AccountId,
    ) -> Result<Option<(AccountRecord, ActingAs)>, StoreError> {
        let values = vec![sub_account.as_u64().into()];
        let Some(row) = self.database.fetch_optional(accounts::ACCOUNT_BY_ID, values).await? else {
            return Ok(None);
        };
        let account = AccountRecord::from_row(&row)?;
        let values = vec![sub_account.as_u64().into(), person.as_u64().into()];
        let member = self.database.fetch_optional(MEMBERSHIP, values).await?;
        let member = member.and_then(|row| membership(&row, &self.vault));
        let life = self.life_of(sub_account).await?;
        Ok(right(person, Some(&account), member, life).map(|by| (account, by)))
    }

    async fn life_of(&self, sub_account: AccountId) -> Result<SubAccountLife, StoreError> {
        let values = vec![sub_account.as_u64().into()];
        life_of(self.database.fetch_optional(LIFE_OF_SUB_ACCOUNT, values).await?)
    }

    /// The sub-accounts of a master in `scope`, oldest first. Settings that were altered allow the least.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sub_accounts(&self, scope: Scope, master: AccountId) -> Result<Vec<SubAccount>, StoreError> {
        if !scope.reaches(master) {
            return Ok(Vec::new());
        }
        let rows = self.database.fetch_all(SUB_ACCOUNTS_OF, vec![master.as_u64().into()]).await?;
        let read = |row: &Row| {
            let settings = match row.int_or_null(6)? {
                Some(_) => settings_from(row, 6, &self.vault),
                None => Ok(SubAccountSettings::unknown()),
            };
            let settings = match settings {
                Err(StoreError::Tampered { .. }) => SubAccountSettings::unknown(),
                other => other?,
            };
            Ok(SubAccount { account: AccountRecord::from_row(row)?, keys: row.int(5)?, settings })
        };
        rows.iter().map(read).collect()
    }

    /// A sub-account's settings; who may see them is decided before.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when the row was altered.
    pub async fn sub_account_settings(&self, account: AccountId) -> Result<SubAccountSettings, StoreError> {
        let row = self.database.fetch_optional(SUB_ACCOUNT_SETTINGS, vec![account.as_u64().into()]).await?;
        settings_or_least(row, &self.vault)
    }

    /// The members of a sub-account, oldest first; who may see them is decided before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn members_of(&self, sub_account: AccountId) -> Result<Vec<Membership>, StoreError> {
        let rows = self.database.fetch_all(MEMBERS_OF, vec![sub_account.as_u64().into()]).await?;
        Ok(rows.iter().filter_map(|row| membership(row, &self.vault)).collect())
    }

    /// The open sub-accounts that a person is a member of, with their accounts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn memberships_of(&self, person: AccountId) -> Result<Vec<AccountRecord>, StoreError> {
        let rows = self.database.fetch_all(MEMBERSHIPS_OF, vec![person.as_u64().into()]).await?;
        let mut all = Vec::new();
        for found in rows.iter().filter_map(|row| membership(row, &self.vault)) {
            if self.life_of(found.sub_account).await? == SubAccountLife::Open {
                all.extend(self.account(Scope::All, found.sub_account).await?);
            }
        }
        Ok(all)
    }

    /// The open invitations of a sub-account; who may see them is decided before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn invitations_of(
        &self,
        sub_account: AccountId,
        now: Moment,
    ) -> Result<Vec<Invitation>, StoreError> {
        let values = vec![sub_account.as_u64().into(), now.unix_ms().into()];
        let rows = self.database.fetch_all(INVITATIONS_OF, values).await?;
        Ok(rows.iter().filter_map(|row| invitation(row, &self.vault)).collect())
    }

    /// Up to `limit` open invitations to an address.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn invitations_to(
        &self,
        email: &Email,
        now: Moment,
        limit: u64,
    ) -> Result<Vec<Invitation>, StoreError> {
        let values = vec![email.as_str().into(), now.unix_ms().into(), limit.into()];
        let rows = self.database.fetch_all(INVITATIONS_TO, values).await?;
        Ok(rows.iter().filter_map(|row| invitation(row, &self.vault)).collect())
    }
}

impl Tx {
    /// How many sub-accounts a master has, and how many of them are closed.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn count_sub_accounts(&mut self, master: AccountId) -> Result<(i64, i64), StoreError> {
        let row = self.transact.fetch_optional(COUNT_SUB_ACCOUNTS, vec![master.as_u64().into()]).await?;
        row.map_or(Ok((0, 0)), |row| Ok((row.int(0)?, row.int(1)?)))
    }

    /// Whether a closed sub-account of a master has this label.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn label_is_of_closed(
        &mut self,
        master: AccountId,
        label: &KeyName,
    ) -> Result<bool, StoreError> {
        let values = vec![master.as_u64().into(), label.as_str().into()];
        let row = self.transact.fetch_optional(CLOSED_WITH_LABEL, values).await?;
        Ok(row.map_or(Ok(0), |row| row.int(0))? > 0)
    }

    /// A sub-account's settings.
    ///
    /// # Errors
    /// As [`Reader::sub_account_settings`].
    pub async fn sub_account_settings(
        &mut self,
        account: AccountId,
    ) -> Result<SubAccountSettings, StoreError> {
        let values = vec![account.as_u64().into()];
        let row = self.transact.fetch_optional(SUB_ACCOUNT_SETTINGS, values).await?;
        settings_or_least(row, &self.vault)
    }

    /// Sets a sub-account up. Its keys have their holds in their own rows, which the caller changes as well.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn set_sub_account(
        &mut self,
        account: AccountId,
        settings: &SubAccountSettings,
    ) -> Result<(), StoreError> {
        self.concerns(account);
        self.touch(&rows::SUB_ACCOUNTS, account);
        let row = SettingsRow::of(account, settings);
        let seal = self.vault.seal(&row.aad(), b"")?;
        let values = vec![
            account.as_u64().into(),
            row.label.into(),
            row.permissions.into(),
            row.rate_cap.into(),
            row.transfer_out.into(),
            row.frozen_at.into(),
            self.vault.newest().into(),
            seal.as_slice().into(),
            row.closing_at.into(),
            row.closed_at.into(),
        ];
        self.transact.execute(SET_SUB_ACCOUNT, values).await.map(drop)
    }

    /// The members of a sub-account; altered rows are left out.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn members_of(&mut self, sub_account: AccountId) -> Result<Vec<Membership>, StoreError> {
        let rows = self.transact.fetch_all(MEMBERS_OF, vec![sub_account.as_u64().into()]).await?;
        Ok(rows.iter().filter_map(|row| membership(row, &self.vault)).collect())
    }

    /// Makes somebody a member.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when they are one.
    pub async fn add_member(&mut self, sub_account: AccountId, account: AccountId) -> Result<(), StoreError> {
        let member = Membership { sub_account, account, since: self.now() };
        self.concerns(sub_account);
        self.concerns(account);
        self.touch(&rows::MEMBERS, sub_account);
        let seal = self.vault.seal(&member_aad(&member), b"")?;
        let values: Vec<Value> = vec![
            sub_account.as_u64().into(),
            account.as_u64().into(),
            member.since.unix_ms().into(),
            self.vault.newest().into(),
            seal.as_slice().into(),
        ];
        let added = self.transact.execute(ADD_MEMBER, values).await;
        added.map(drop).map_err(crate::writer::taken("the member"))
    }

    /// Takes a membership away; whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn drop_member(
        &mut self,
        sub_account: AccountId,
        account: AccountId,
    ) -> Result<bool, StoreError> {
        self.concerns(sub_account);
        self.concerns(account);
        self.touch(&rows::MEMBERS, sub_account);
        let values = vec![sub_account.as_u64().into(), account.as_u64().into()];
        Ok(self.transact.execute(DROP_MEMBER, values).await? > 0)
    }

    /// The open invitations of a sub-account; altered rows are left out.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn invitations_of(&mut self, sub_account: AccountId) -> Result<Vec<Invitation>, StoreError> {
        let values = vec![sub_account.as_u64().into(), self.now().unix_ms().into()];
        let rows = self.transact.fetch_all(INVITATIONS_OF, values).await?;
        Ok(rows.iter().filter_map(|row| invitation(row, &self.vault)).collect())
    }

    /// Invites an address until a moment; those whose time is over go.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn set_invitation(&mut self, invitation: &Invitation) -> Result<(), StoreError> {
        let sub_account = invitation.sub_account;
        self.concerns(sub_account);
        self.touch(&rows::INVITATIONS, sub_account);
        let old = vec![sub_account.as_u64().into(), self.now().unix_ms().into()];
        self.transact.execute(DROP_OLD_INVITATIONS, old).await?;
        let seal = self.vault.seal(&invitation_aad(invitation), b"")?;
        let values: Vec<Value> = vec![
            sub_account.as_u64().into(),
            invitation.email.as_str().into(),
            invitation.until.unix_ms().into(),
            self.vault.newest().into(),
            seal.as_slice().into(),
        ];
        self.transact.execute(SET_INVITATION, values).await.map(drop)
    }

    /// Takes an invitation away; whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn drop_invitation(
        &mut self,
        sub_account: AccountId,
        email: &Email,
    ) -> Result<bool, StoreError> {
        self.concerns(sub_account);
        self.touch(&rows::INVITATIONS, sub_account);
        let values = vec![sub_account.as_u64().into(), email.as_str().into()];
        Ok(self.transact.execute(DROP_INVITATION, values).await? > 0)
    }
}
