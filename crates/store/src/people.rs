//! The person behind an account, as stored: password hash, authenticator, recovery codes, rest after a reset.

use keyward_rules::grant::TwoFactor;
use keyward_rules::id::AccountId;
use keyward_rules::person::CodeTag;
use keyward_rules::secret::Secret;
use keyward_rules::time::Moment;

use crate::accounts;
use crate::error::StoreError;
use crate::log::rows;
use crate::seal::{Aad, Vault};
use crate::sql::{Row, Value, statements};
use crate::writer::Tx;

statements! {
    PERSON = "SELECT account, password, phrase, totp, totp_data_key, totp_step, cooling_until, registered_at, \
        (SELECT COUNT(*) FROM passkeys WHERE passkeys.account = people.account) FROM people WHERE account = $1";
    INSERT_PERSON = "INSERT INTO people (account, password, phrase, registered_at) VALUES ($1, $2, $3, $4)";
    SET_PASSWORD = "UPDATE people SET password = $2 WHERE account = $1";
    SET_PHRASE = "UPDATE people SET phrase = $2 WHERE account = $1";
    SET_TOTP = "UPDATE people SET totp = $2, totp_data_key = $3, totp_step = $4 WHERE account = $1";
    SET_COOLING = "UPDATE people SET cooling_until = $2 WHERE account = $1";
    COOLED = "SELECT account FROM people WHERE cooling_until <= $1 ORDER BY account LIMIT $2";
    SET_EMAIL = "UPDATE accounts SET email = $2 WHERE id = $1";
    END_CHALLENGES = "UPDATE challenges SET done_at = $2 WHERE account = $1 AND done_at IS NULL";
    DROP_RECOVERY_CODES = "DELETE FROM recovery_codes WHERE account = $1";
    INSERT_RECOVERY_CODE = "INSERT INTO recovery_codes (account, tag) VALUES ($1, $2)";
    RECOVERY_CODES_LEFT = "SELECT COUNT(*) FROM recovery_codes WHERE account = $1 AND used_at IS NULL";
}

/// A person, opened.
pub struct UserRecord {
    /// Whose account.
    pub account: AccountId,
    /// The password's Argon2id hash in PHC form.
    pub password: Secret<String>,
    /// The phrase that marks our mails.
    pub phrase: String,
    /// The authenticator's secret, if there is one.
    pub totp: Option<Secret<Vec<u8>>>,
    /// The last time step whose code was used.
    pub totp_step: u64,
    /// Until when keys that move funds rest.
    pub cooling_until: Option<Moment>,
    /// When the person registered.
    pub registered_at: Moment,
    /// How many passkeys there are.
    pub passkeys: usize,
}

impl UserRecord {
    /// Whether there is a second factor: an authenticator or a passkey.
    #[must_use]
    pub const fn two_factor(&self) -> TwoFactor {
        if self.totp.is_some() || self.passkeys > 0 { TwoFactor::On } else { TwoFactor::Off }
    }

    pub(crate) fn from_row(row: &Row, vault: &Vault) -> Result<Self, StoreError> {
        let tampered = || StoreError::tampered("person", "row");
        let number = |value: i64| u64::try_from(value).map_err(|_| tampered());
        let account = AccountId::from_u64(number(row.int(0)?)?).ok_or_else(tampered)?;
        let totp = match (row.bytes_or_null(3)?, row.int_or_null(4)?) {
            (None, None) => None,
            (Some(sealed), Some(data_key)) => {
                Some(vault.open_seal(number(data_key)?, &totp_aad(account), &sealed).ok_or_else(tampered)?)
            }
            (_, _) => return Err(tampered()),
        };
        Ok(Self {
            account,
            password: Secret::new(row.text(1)?),
            phrase: row.text(2)?,
            totp,
            totp_step: number(row.int(5)?)?,
            cooling_until: row.int_or_null(6)?.map(number).transpose()?.map(Moment::from_unix_ms),
            registered_at: Moment::from_unix_ms(number(row.int(7)?)?),
            passkeys: usize::try_from(row.int(8)?).map_err(|_| tampered())?,
        })
    }
}

fn totp_aad(account: AccountId) -> Aad {
    Aad::new("keyward authenticator 1").number("account", account.as_u64())
}

impl Tx {
    /// The person behind an account in the grant's scope.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when the authenticator's seal does not open.
    pub async fn person(&mut self, account: AccountId) -> Result<Option<UserRecord>, StoreError> {
        let row = self.transact.fetch_optional(PERSON, vec![account.as_u64().into()]).await?;
        row.map(|row| UserRecord::from_row(&row, &self.vault)).transpose()
    }

    /// Puts a person behind an account.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when there is one.
    pub async fn insert_person(
        &mut self,
        account: AccountId,
        password: &Secret<String>,
        phrase: &str,
    ) -> Result<(), StoreError> {
        self.concerns(account);
        self.touch(&rows::PEOPLE, account.as_u64());
        let values = vec![
            account.as_u64().into(),
            password.expose().as_str().into(),
            phrase.into(),
            self.now().unix_ms().into(),
        ];
        self.transact.execute(INSERT_PERSON, values).await.map_err(crate::writer::taken("the account"))?;
        Ok(())
    }

    /// Sets the password's hash.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn set_password(
        &mut self,
        account: AccountId,
        hash: &Secret<String>,
    ) -> Result<(), StoreError> {
        self.concerns(account);
        self.touch(&rows::PEOPLE, account.as_u64());
        let values = vec![account.as_u64().into(), hash.expose().as_str().into()];
        self.transact.execute(SET_PASSWORD, values).await.map(drop)
    }

    /// Sets the phrase.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn set_phrase(&mut self, account: AccountId, phrase: &str) -> Result<(), StoreError> {
        self.concerns(account);
        self.touch(&rows::PEOPLE, account.as_u64());
        self.transact.execute(SET_PHRASE, vec![account.as_u64().into(), phrase.into()]).await.map(drop)
    }

    /// Sets or removes the authenticator; `step` is the step whose code proved it.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn set_totp(
        &mut self,
        account: AccountId,
        secret: Option<&Secret<Vec<u8>>>,
        step: u64,
    ) -> Result<(), StoreError> {
        self.concerns(account);
        self.touch(&rows::PEOPLE, account.as_u64());
        let (sealed, data_key) = match secret {
            None => (None, None),
            Some(secret) => {
                let sealed = self.vault.seal(&totp_aad(account), secret.expose())?;
                (Some(sealed), Some(self.vault.newest()))
            }
        };
        let values = vec![account.as_u64().into(), sealed.into(), data_key.into(), step.into()];
        self.transact.execute(SET_TOTP, values).await.map(drop)
    }

    /// Sets until when keys that move funds rest.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn set_cooling(&mut self, account: AccountId, until: Option<Moment>) -> Result<(), StoreError> {
        self.concerns(account);
        self.touch(&rows::PEOPLE, account.as_u64());
        let values = vec![account.as_u64().into(), until.map(Moment::unix_ms).into()];
        self.transact.execute(SET_COOLING, values).await.map(drop)
    }

    /// Accounts whose rest is over, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cooled(&mut self, limit: u64) -> Result<Vec<AccountId>, StoreError> {
        let values = vec![self.now().unix_ms().into(), limit.into()];
        let rows = self.transact.fetch_all(COOLED, values).await?;
        rows.iter().map(|row| accounts::id_of(row.int(0)?)).collect()
    }

    /// Sets the e-mail address.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when another account has it.
    pub async fn set_email(
        &mut self,
        account: AccountId,
        email: &keyward_rules::account::Email,
    ) -> Result<(), StoreError> {
        self.concerns(account);
        self.touch(&rows::ACCOUNTS, account.as_u64());
        let values = vec![account.as_u64().into(), email.as_str().into()];
        self.transact.execute(SET_EMAIL, values).await.map_err(crate::writer::taken("the account"))?;
        Ok(())
    }

    /// Ends every challenge of an account that is still open: what its codes were sent for, they approve no more.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn end_challenges(&mut self, account: AccountId) -> Result<u64, StoreError> {
        let values = vec![account.as_u64().into(), self.now().unix_ms().into()];
        self.transact.execute(END_CHALLENGES, values).await
    }

    /// Replaces all recovery codes.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn set_recovery_codes(
        &mut self,
        account: AccountId,
        tags: &[CodeTag],
    ) -> Result<(), StoreError> {
        self.concerns(account);
        self.touch(&rows::RECOVERY_CODES, account.as_u64());
        self.transact.execute(DROP_RECOVERY_CODES, vec![account.as_u64().into()]).await?;
        for tag in tags {
            let values: Vec<Value> = vec![account.as_u64().into(), tag.as_bytes().as_slice().into()];
            self.transact.execute(INSERT_RECOVERY_CODE, values).await?;
        }
        Ok(())
    }
}
