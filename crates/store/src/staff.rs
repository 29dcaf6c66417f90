//! Who works for the deployment, and the links that offer the first operators' places.

use keyward_rules::id::AccountId;
use keyward_rules::staff::Role;
use keyward_rules::time::Moment;

use crate::accounts;
use crate::error::StoreError;
use crate::log::rows;
use crate::reader::Reader;
use crate::seal::{Aad, Vault};
use crate::sql::{Row, statements};
use crate::writer::Tx;

statements! {
    /// A role without a second factor is none: the mailbox alone must not open it.
    ROLES_IN_FORCE = "SELECT r.account, r.role, r.granted_at, r.data_key, r.seal FROM roles r \
        JOIN people p ON p.account = r.account WHERE (p.totp IS NOT NULL OR \
        EXISTS (SELECT 1 FROM passkeys k WHERE k.account = r.account)) ORDER BY r.granted_at, r.account";
    ROLE_IN_FORCE = "SELECT r.account, r.role, r.granted_at, r.data_key, r.seal FROM roles r \
        JOIN people p ON p.account = r.account WHERE (p.totp IS NOT NULL OR \
        EXISTS (SELECT 1 FROM passkeys k WHERE k.account = r.account)) AND r.account = $1";
    HAS_ROLE = "SELECT role FROM roles WHERE account = $1";
    SET_ROLE = "INSERT INTO roles (account, role, granted_at, data_key, seal) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (account) DO UPDATE SET role = excluded.role, granted_at = excluded.granted_at, \
        data_key = excluded.data_key, seal = excluded.seal";
    DROP_ROLE = "DELETE FROM roles WHERE account = $1";
    /// Takes the one row that every commit takes, so that changes of the staff happen one after another.
    INSERT_LINK = "INSERT INTO set_up_links (token, made_at, expires_at) VALUES ($1, $2, $3)";
    /// Whoever comes second changes no row.
    USE_LINK = "UPDATE set_up_links SET used_at = $2 WHERE token = $1 AND used_at IS NULL AND expires_at > $2";
    GOOD_LINK = "SELECT 1 FROM set_up_links WHERE token = $1 AND used_at IS NULL AND expires_at > $2";
    LINKS_MADE = "SELECT COUNT(*) FROM set_up_links";
    DROP_LINKS = "DELETE FROM set_up_links WHERE used_at IS NULL";
}

/// Somebody with a role.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// Whose account.
    pub account: AccountId,
    /// Which role.
    pub role: Role,
    /// Since when.
    pub granted_at: Moment,
}

fn aad(account: AccountId, role: &str, granted_at: u64) -> Aad {
    Aad::new("keyward role 1")
        .number("account", account.as_u64())
        .text("role", role)
        .number("granted_at", granted_at)
}

impl Member {
    fn from_row(row: &Row, vault: &Vault) -> Result<Self, StoreError> {
        let account = accounts::id_of(row.int(0)?)?;
        let tampered = || StoreError::tampered("role", account);
        let number = |value: i64| u64::try_from(value).map_err(|_| tampered());
        let (word, granted_at) = (row.text(1)?, number(row.int(2)?)?);
        let seal = row.bytes(4)?;
        vault
            .open_seal(number(row.int(3)?)?, &aad(account, &word, granted_at), &seal)
            .ok_or_else(tampered)?;
        let role = word.parse().map_err(|_| tampered())?;
        Ok(Self { account, role, granted_at: Moment::from_unix_ms(granted_at) })
    }
}

/// Only rows that are as we wrote them: an altered one gives nobody a role, and takes nobody else's.
fn intact(rows: &[Row], vault: &Vault) -> Vec<Member> {
    rows.iter().filter_map(|row| Member::from_row(row, vault).ok()).collect()
}

impl Tx {
    /// Everybody whose role is in force, because they have a second factor; altered rows are left out.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn staff(&mut self) -> Result<Vec<Member>, StoreError> {
        let rows = self.transact.fetch_all(ROLES_IN_FORCE, vec![]).await?;
        Ok(intact(&rows, &self.vault))
    }

    /// Whether there is a role for an account, in force or not.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn has_role(&mut self, account: AccountId) -> Result<bool, StoreError> {
        Ok(self.transact.fetch_optional(HAS_ROLE, vec![account.as_u64().into()]).await?.is_some())
    }

    /// Gives somebody a role, or takes it away.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn set_role(&mut self, account: AccountId, role: Option<Role>) -> Result<(), StoreError> {
        let id = account.as_u64();
        self.touch(&rows::ROLES, id);
        let Some(role) = role else {
            return self.transact.execute(DROP_ROLE, vec![id.into()]).await.map(drop);
        };
        let now = self.now().unix_ms();
        let seal = self.vault.seal(&aad(account, role.word(), now), b"")?;
        let values = vec![
            id.into(),
            role.word().into(),
            now.into(),
            self.vault.newest().into(),
            seal.as_slice().into(),
        ];
        self.transact.execute(SET_ROLE, values).await.map(drop)
    }

    /// Keeps the hash of a set-up link's token; earlier links that nobody used are void from now on.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn insert_set_up_link(
        &mut self,
        token: &[u8; 32],
        expires_at: Moment,
    ) -> Result<(), StoreError> {
        self.transact.execute(DROP_LINKS, vec![]).await?;
        let values = vec![token.as_slice().into(), self.now().unix_ms().into(), expires_at.unix_ms().into()];
        self.transact.execute(INSERT_LINK, values).await.map(drop)
    }

    /// Uses a set-up link up; whether it was good.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn use_set_up_link(&mut self, token: &[u8; 32]) -> Result<bool, StoreError> {
        let values = vec![token.as_slice().into(), self.now().unix_ms().into()];
        Ok(self.transact.execute(USE_LINK, values).await? == 1)
    }

    /// Whether a set-up link was ever made.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_up_was_offered(&mut self) -> Result<bool, StoreError> {
        let row = self.transact.fetch_optional(LINKS_MADE, vec![]).await?;
        Ok(row.map_or(Ok(0), |row| row.int(0))? > 0)
    }
}

impl Reader {
    /// The role of the person behind an account that is in force now; none without a second factor.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when the row was altered.
    pub async fn role_of(&self, account: AccountId) -> Result<Option<Role>, StoreError> {
        let row = self.database.fetch_optional(ROLE_IN_FORCE, vec![account.as_u64().into()]).await?;
        Ok(row.map(|row| Member::from_row(&row, &self.vault)).transpose()?.map(|member| member.role))
    }

    /// Everybody whose role is in force, oldest first; altered rows are left out.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn staff(&self) -> Result<Vec<Member>, StoreError> {
        let rows = self.database.fetch_all(ROLES_IN_FORCE, vec![]).await?;
        Ok(intact(&rows, &self.vault))
    }

    /// Whether a set-up link with this token's hash is good.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn set_up_link_is_good(&self, token: &[u8; 32], now: Moment) -> Result<bool, StoreError> {
        let values = vec![token.as_slice().into(), now.unix_ms().into()];
        Ok(self.database.fetch_optional(GOOD_LINK, values).await?.is_some())
    }
}
