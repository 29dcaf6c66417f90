//! Reading for people. Gateways read through [`crate::Feed`].

use std::sync::Arc;

use keyward_rules::account::{Email, SubAccountName};
use keyward_rules::grant::Scope;
use keyward_rules::id::{AccountId, AppId, KeyId};

use crate::accounts::{self, AccountRecord};
use crate::apps::{self, AppRecord};
use crate::error::StoreError;
use crate::keys::{self, KeyRecord, RawKey};
use crate::seal::Vault;
use crate::sql::Database;

/// The capability to read what people may see; who may see what is decided before.
#[derive(Clone)]
pub struct Reader {
    pub(crate) database: Database,
    pub(crate) vault: Arc<Vault>,
}

impl Reader {
    /// The master account with this e-mail address.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn account_by_email(&self, email: &Email) -> Result<Option<AccountRecord>, StoreError> {
        let row =
            self.database.fetch_optional(accounts::ACCOUNT_BY_EMAIL, vec![email.as_str().into()]).await?;
        row.as_ref().map(AccountRecord::from_row).transpose()
    }

    /// The sub-account of `master` with this name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sub_account(
        &self,
        master: AccountId,
        name: &SubAccountName,
    ) -> Result<Option<AccountRecord>, StoreError> {
        let values = vec![master.as_u64().into(), name.as_str().into()];
        let row = self.database.fetch_optional(accounts::SUB_ACCOUNT_BY_NAME, values).await?;
        row.as_ref().map(AccountRecord::from_row).transpose()
    }

    /// The account with this id, in `scope`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn account(&self, scope: Scope, id: AccountId) -> Result<Option<AccountRecord>, StoreError> {
        if !scope.reaches(id) {
            return Ok(None);
        }
        let row = self.database.fetch_optional(accounts::ACCOUNT_BY_ID, vec![id.as_u64().into()]).await?;
        row.as_ref().map(AccountRecord::from_row).transpose()
    }

    /// One key in `scope`, opened and found intact.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when its row was altered.
    pub async fn key(&self, scope: Scope, id: KeyId) -> Result<Option<KeyRecord>, StoreError> {
        let row = self.database.fetch_optional(keys::KEY_BY_ID, vec![id.to_string().into()]).await?;
        let Some(raw) = row.map(|row| RawKey::from_row(&row)).transpose()? else { return Ok(None) };
        if !scope.reaches(accounts::id_of(raw.account)?) {
            return Ok(None);
        }
        raw.open(&self.vault).map(Some)
    }

    /// All keys of an account in `scope`, oldest first; a row that was altered stands in the list as its error.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keys_of(
        &self,
        scope: Scope,
        account: AccountId,
    ) -> Result<Vec<Result<KeyRecord, StoreError>>, StoreError> {
        if !scope.reaches(account) {
            return Ok(Vec::new());
        }
        let rows = self.database.fetch_all(keys::KEYS_OF_ACCOUNT, vec![account.as_u64().into()]).await?;
        Ok(rows.iter().map(|row| RawKey::from_row(row)?.open(&self.vault)).collect())
    }

    /// The keys of an account in `scope` and of its sub-accounts; altered rows are left out, they are unusable already.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keys_of_family(
        &self,
        scope: Scope,
        account: AccountId,
    ) -> Result<Vec<KeyRecord>, StoreError> {
        if !scope.reaches(account) {
            return Ok(Vec::new());
        }
        let rows = self.database.fetch_all(keys::KEYS_OF_FAMILY, vec![account.as_u64().into()]).await?;
        Ok(rows.iter().filter_map(|row| RawKey::from_row(row).ok()?.open(&self.vault).ok()).collect())
    }

    /// The app with this id, as gateways know it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn app(&self, id: AppId) -> Result<Option<AppRecord>, StoreError> {
        let row = self.database.fetch_optional(apps::APP_BY_ID, vec![id.as_u64().into()]).await?;
        row.map(|row| AppRecord::from_row(&row, &self.vault)).transpose()
    }

    /// The apps that keys of an account in `scope` are bound to, as gateways know them; altered rows are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn apps_of(&self, scope: Scope, account: AccountId) -> Result<Vec<AppRecord>, StoreError> {
        if !scope.reaches(account) {
            return Ok(Vec::new());
        }
        let rows = self.database.fetch_all(apps::APPS_OF_ACCOUNT, vec![account.as_u64().into()]).await?;
        Ok(rows.iter().filter_map(|row| AppRecord::from_row(row, &self.vault).ok()).collect())
    }
}
