//! Accounts and sub-accounts.

use keyward_rules::account::{Email, SubAccountName};
use keyward_rules::id::AccountId;
use keyward_rules::time::Moment;

use crate::error::StoreError;
use crate::sql::{Row, Value, statements};

statements! {
    ACCOUNT_BY_EMAIL = "SELECT id, email, master, sub_name, created_at FROM accounts WHERE email = $1";
    ACCOUNT_BY_ID = "SELECT id, email, master, sub_name, created_at FROM accounts WHERE id = $1";
    SUB_ACCOUNT_BY_NAME = "SELECT id, email, master, sub_name, created_at FROM accounts WHERE master = $1 AND sub_name = $2";
    INSERT_ACCOUNT = "INSERT INTO accounts (id, email, master, sub_name, created_at) VALUES ($1, $2, $3, $4, $5)";
}

/// An account as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountRecord {
    /// Its id; OKX's `uid`.
    pub id: AccountId,
    /// How it is named.
    pub kind: AccountKind,
    /// When it was made.
    pub created_at: Moment,
}

/// A master account has an e-mail address, a sub-account a master and a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AccountKind {
    /// With a person behind it.
    Master(Email),
    /// Of a master.
    Sub(AccountId, SubAccountName),
}

impl AccountRecord {
    /// The master account, for a sub-account.
    #[must_use]
    pub const fn master(&self) -> Option<AccountId> {
        match self.kind {
            AccountKind::Master(_) => None,
            AccountKind::Sub(master, _) => Some(master),
        }
    }

    /// The values of `INSERT_ACCOUNT`.
    pub(crate) fn insert_values(&self) -> Vec<Value> {
        let (email, master, name) = match &self.kind {
            AccountKind::Master(email) => (Some(email.as_str().to_owned()), None, None),
            AccountKind::Sub(master, name) => (None, Some(master.as_u64()), Some(name.as_str().to_owned())),
        };
        let created_at = self.created_at.unix_ms();
        vec![self.id.as_u64().into(), email.into(), master.into(), name.into(), created_at.into()]
    }

    pub(crate) fn from_row(row: &Row) -> Result<Self, StoreError> {
        let tampered = || StoreError::tampered("account", "row");
        let kind = match (row.text_or_null(1)?, row.int_or_null(2)?, row.text_or_null(3)?) {
            (Some(email), None, None) => AccountKind::Master(Email::parse(&email).map_err(|_| tampered())?),
            (None, Some(master), Some(name)) => {
                AccountKind::Sub(id_of(master)?, SubAccountName::parse(&name).map_err(|_| tampered())?)
            }
            (_, _, _) => return Err(tampered()),
        };
        let created_at = u64::try_from(row.int(4)?).map(Moment::from_unix_ms).map_err(|_| tampered())?;
        Ok(Self { id: id_of(row.int(0)?)?, kind, created_at })
    }
}

/// The account that a column names.
pub(crate) fn id_of(value: i64) -> Result<AccountId, StoreError> {
    let id = u64::try_from(value).ok().and_then(AccountId::from_u64);
    id.ok_or_else(|| StoreError::tampered("account", value))
}
