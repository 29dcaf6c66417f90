//! Actions on sub-accounts: what a master account says of them, and who administers them.

mod cap;
mod close;
mod create;
mod freeze;
mod label;
mod members;

pub use cap::{CapChange, ChangeSubAccountCap};
pub use close::{CloseSubAccount, SubAccountNamed};
pub(crate) use close::{finish_closing, refuse_closing};
pub use create::CreateSubAccount;
pub use freeze::{FreezeSubAccount, ThawSubAccount};
pub use label::LabelSubAccount;
pub use members::{AcceptInvitation, InviteMember, RemoveMember};

use keyward_rules::account::SubAccountName;
use keyward_rules::grant::{Actor, Scope};
use keyward_rules::id::AccountId;
use keyward_rules::key::{Hold, Life, Owner};
use keyward_rules::sub_account::SubAccountSettings;
use keyward_store::{AccountKind, AccountRecord, KeyRecord, StoreError, Tx};

use crate::{ActionContext, ActionError};

/// A sub-account with its master and name.
pub(crate) struct SubAccountOf {
    /// The sub-account.
    pub(crate) id: AccountId,
    /// Its master.
    pub(crate) master: AccountId,
    /// Its name.
    pub(crate) name: SubAccountName,
}

impl SubAccountOf {
    fn of(record: AccountRecord) -> Option<Self> {
        match record.kind {
            AccountKind::Sub(master, name) => Some(Self { id: record.id, master, name }),
            AccountKind::Master(_) => None,
        }
    }

    /// Master, sub-account and name, as the exchange is told of them.
    const fn parts(&self) -> (AccountId, AccountId, &SubAccountName) {
        (self.master, self.id, &self.name)
    }
}

/// A sub-account whose master the actor reaches.
pub(crate) async fn sub_account_of(
    context: &ActionContext<'_>,
    id: AccountId,
) -> Result<SubAccountOf, ActionError> {
    // The master decides, whatever sub-account somebody acts for: the scope of the person themselves.
    let record = context.authority.access.door.account(id).await?;
    let found = record.and_then(SubAccountOf::of).ok_or(ActionError::NoSubAccount)?;
    if context.actor.scope().reaches(found.master) { Ok(found) } else { Err(ActionError::NoSubAccount) }
}

/// The same inside a transaction, by its grant.
async fn sub_account_in(tx: &mut Tx, id: AccountId) -> Result<SubAccountOf, ActionError> {
    let found = tx.account(id).await?.and_then(SubAccountOf::of).ok_or(ActionError::NoSubAccount)?;
    if tx.grant().scope().reaches(found.master) { Ok(found) } else { Err(ActionError::NoSubAccount) }
}

/// Whose keys an account's are, for the rules of new keys.
///
/// # Errors
/// [`ActionError::SubAccountFrozen`], [`ActionError::SubAccountLife`].
pub(crate) async fn owner_of(
    context: &ActionContext<'_>,
    account: AccountId,
    master: Option<AccountId>,
) -> Result<Owner, ActionError> {
    match master {
        None => Ok(Owner::Master),
        Some(_) => owner(context.authority.access.reader.sub_account_settings(account).await?),
    }
}

/// The same inside a transaction.
///
/// # Errors
/// [`ActionError::SubAccountFrozen`], [`ActionError::SubAccountLife`].
pub(crate) async fn owner_in(
    tx: &mut Tx,
    account: AccountId,
    master: Option<AccountId>,
) -> Result<Owner, ActionError> {
    match master {
        None => Ok(Owner::Master),
        Some(_) => owner(tx.sub_account_settings(account).await?),
    }
}

fn owner(settings: SubAccountSettings) -> Result<Owner, ActionError> {
    settings.life.check_open()?;
    if settings.frozen_at.is_some() {
        return Err(ActionError::SubAccountFrozen);
    }
    Ok(Owner::Sub(settings.cap))
}

/// Whose second factor counts for a key of an account: that of the user who acts, or of the person behind the account.
pub(crate) fn person_behind(
    context: &ActionContext<'_>,
    account: AccountId,
    master: Option<AccountId>,
) -> AccountId {
    match &context.actor {
        Actor::Holder(holder) => holder.account,
        Actor::Host(_) | Actor::System(_) | Actor::Staff(_) | Actor::Key(_) | Actor::Visitor(_) => {
            master.unwrap_or(account)
        }
    }
}

/// The settings as they are. Altered ones allow the least, so that a sub-account can be frozen whatever stands in its row.
async fn settings_in(tx: &mut Tx, account: AccountId) -> Result<SubAccountSettings, ActionError> {
    settings_or_least(tx.sub_account_settings(account).await)
}

pub(crate) fn settings_or_least(
    read: Result<SubAccountSettings, StoreError>,
) -> Result<SubAccountSettings, ActionError> {
    match read {
        Err(StoreError::Tampered { .. }) => Ok(SubAccountSettings::unknown()),
        other => Ok(other?),
    }
}

/// Lays or lifts the hold on each living key, as the settings say. Each key that changed is in the transaction; altered rows are
/// left out, they are unusable already.
async fn hold_keys(
    tx: &mut Tx,
    account: AccountId,
    settings: &SubAccountSettings,
) -> Result<(), ActionError> {
    for mut key in tx.keys_of_family(account).await? {
        let Some(life) = life_under(&key, settings) else { continue };
        if life != key.life {
            key.life = life;
            tx.update_key(key).await?;
        }
    }
    Ok(())
}

fn life_under(key: &KeyRecord, settings: &SubAccountSettings) -> Option<Life> {
    if settings.holds(key.permissions, key.rate_cap) {
        key.life.hold(Hold::SubAccount).ok()
    } else {
        (!key.life.is_over()).then(|| key.life.release(Hold::SubAccount))
    }
}

/// A sentence on the keys that new settings would hold; `None` when there is none.
async fn held_by(
    context: &ActionContext<'_>,
    account: AccountId,
    settings: &SubAccountSettings,
) -> Result<Option<String>, ActionError> {
    let keys = context.authority.access.reader.keys_of_family(Scope::All, account).await?;
    let names: Vec<String> = keys
        .iter()
        .filter(|key| !key.life.is_over() && settings.holds(key.permissions, key.rate_cap))
        .map(|key| format!("“{}”", key.name))
        .collect();
    Ok((!names.is_empty()).then(|| match names.as_slice() {
        [one] => format!("The key {one} may do more. It is refused while this lasts."),
        more => format!("These keys may do more, and are refused while this lasts: {}.", more.join(", ")),
    }))
}
