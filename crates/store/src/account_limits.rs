//! Limits of accounts, which hold over all keys of an account.
//!
//! The row is what new keys are made with. What a gateway enforces is in each key's own row, sealed with its secret.

use std::sync::Arc;

use keyward_rules::fence::{self, Fences};
use keyward_rules::grant::Scope;
use keyward_rules::id::AccountId;

use crate::error::StoreError;
use crate::log::rows;
use crate::reader::Reader;
use crate::seal::{Aad, Vault};
use crate::sql::{Row, statements};
use crate::writer::Tx;

statements! {
    ACCOUNT_LIMITS = "SELECT fences, data_key, seal FROM account_limits WHERE account = $1";
    SET_ACCOUNT_LIMITS = "INSERT INTO account_limits (account, fences, data_key, seal) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (account) DO UPDATE SET fences = excluded.fences, data_key = excluded.data_key, seal = excluded.seal";
}

fn aad(account: AccountId, text: &str) -> Aad {
    Aad::new("keyward account limits 1").number("account", account.as_u64()).text("fences", text)
}

fn from_row(account: AccountId, row: &Row, vault: &Vault) -> Result<Option<Arc<Fences>>, StoreError> {
    let tampered = || StoreError::tampered("account limits", account);
    let text = row.text(0)?;
    let data_key = u64::try_from(row.int(1)?).map_err(|_| tampered())?;
    vault.open_seal(data_key, &aad(account, &text), &row.bytes(2)?).ok_or_else(tampered)?;
    let fences = fence::read_stored(&text).map_err(|_| tampered())?;
    Ok((!fences.is_empty()).then(|| Arc::new(fences)))
}

impl Reader {
    /// The limits of an account within the scope; `None` where it has none.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when the row was altered.
    pub async fn account_limits(
        &self,
        scope: Scope,
        account: AccountId,
    ) -> Result<Option<Arc<Fences>>, StoreError> {
        if self.account(scope, account).await?.is_none() {
            return Ok(None);
        }
        let row = self.database.fetch_optional(ACCOUNT_LIMITS, vec![account.as_u64().into()]).await?;
        row.map_or(Ok(None), |row| from_row(account, &row, &self.vault))
    }
}

impl Tx {
    /// The limits of an account; `None` where it has none.
    ///
    /// # Errors
    /// As [`Reader::account_limits`].
    pub async fn account_limits(&mut self, account: AccountId) -> Result<Option<Arc<Fences>>, StoreError> {
        let row = self.transact.fetch_optional(ACCOUNT_LIMITS, vec![account.as_u64().into()]).await?;
        row.map_or(Ok(None), |row| from_row(account, &row, &self.vault))
    }

    /// Sets the limits of an account. Its keys have them in their own rows, which the caller changes as well.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn set_account_limits(
        &mut self,
        account: AccountId,
        limits: &Fences,
    ) -> Result<(), StoreError> {
        self.concerns(account);
        let text = limits.to_text();
        let seal = self.vault.seal(&aad(account, &text), b"")?;
        let values = vec![
            account.as_u64().into(),
            text.as_str().into(),
            self.vault.newest().into(),
            seal.as_slice().into(),
        ];
        self.transact.execute(SET_ACCOUNT_LIMITS, values).await?;
        self.touch(&rows::ACCOUNT_LIMITS, account);
        Ok(())
    }
}
