//! What operators and auditors look up: accounts, keys, and how the deployment stands. No secret, and no app's
//! addresses.

use keyward_rules::account::Email;
use keyward_rules::grant::Scope;
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::staff::Role;
use keyward_store::{Counts, Overseen};

use super::name::name_of;
use super::roles::{role_of, set_up_is_open};
use crate::keys::place_of;
use crate::questions::{KeyView, list_keys, show_key};
use crate::{ActionContext, ActionError};

/// An account with its name and role.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OverseenAccount {
    /// What the store says.
    pub record: Overseen,
    /// How it is called.
    pub name: String,
    /// The role of the person behind it.
    pub role: Option<Role>,
}

/// How the deployment stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Overview {
    /// How much there is.
    pub counts: Counts,
    /// Whether there are fewer operators than a loosening takes.
    pub set_up_open: bool,
    /// Apps and submissions of ranges that wait for an operator.
    pub reviews: u64,
}

/// Only whose scope is everybody's.
pub(super) fn only_staff(context: &ActionContext<'_>) -> Result<(), ActionError> {
    if context.actor.scope() == Scope::All { Ok(()) } else { Err(ActionError::NoAccount) }
}

/// Accounts whose address, name or id fits `text`, after `after`.
///
/// # Errors
/// [`ActionError::NoAccount`] for a holder or visitor.
#[crate::boxed]
pub async fn search_accounts(
    context: &ActionContext<'_>,
    text: &str,
    after: Option<AccountId>,
    limit: usize,
) -> Result<Vec<OverseenAccount>, ActionError> {
    only_staff(context)?;
    let mut found = Vec::new();
    for record in context
        .authority
        .access
        .reader
        .search_accounts(context.actor.scope(), text.trim(), after, limit)
        .await?
    {
        found.push(dress(context, record).await?);
    }
    Ok(found)
}

async fn dress(context: &ActionContext<'_>, record: Overseen) -> Result<OverseenAccount, ActionError> {
    let id = record.account.id;
    Ok(OverseenAccount { name: name_of(context, id).await?, role: role_of(context, id).await?, record })
}

/// The account that a text names: by its number, or by its e-mail address.
///
/// # Errors
/// [`ActionError::NoAccount`] for a holder or visitor, and when there is no such account.
#[crate::boxed]
pub async fn account_named(context: &ActionContext<'_>, text: &str) -> Result<AccountId, ActionError> {
    only_staff(context)?;
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let email = Email::parse(text).map_err(|_| ActionError::NoAccount)?;
    let found = context.authority.access.reader.account_by_email(&email).await?;
    Ok(found.ok_or(ActionError::NoAccount)?.id)
}

/// One account with its keys, living ones first.
///
/// # Errors
/// [`ActionError::NoAccount`].
#[crate::boxed]
pub async fn overseen_account(
    context: &ActionContext<'_>,
    id: AccountId,
) -> Result<(OverseenAccount, Vec<KeyView>), ActionError> {
    only_staff(context)?;
    let record = context.authority.access.reader.oversee(context.actor.scope(), id).await?;
    let account = dress(context, record.ok_or(ActionError::NoAccount)?).await?;
    let (mut keys, _) = list_keys(context, id).await?;
    keys.sort_by_key(|key| (!key.is_living(), std::cmp::Reverse(key.created_at)));
    Ok((account, keys))
}

/// Keys whose name or id contains `text`, after `after`, with the names of their accounts.
///
/// # Errors
/// [`ActionError::NoAccount`] for a holder or visitor.
#[crate::boxed]
pub async fn search_keys(
    context: &ActionContext<'_>,
    text: &str,
    after: Option<KeyId>,
    limit: usize,
) -> Result<Vec<(KeyView, String)>, ActionError> {
    only_staff(context)?;
    let reader = &context.authority.access.reader;
    let mut found = Vec::new();
    for key in reader.search_keys(context.actor.scope(), text.trim(), after, limit).await? {
        // An altered row tells nothing that could be believed; its holder was told, and the log has it.
        let Ok(key) = key else { continue };
        let notes = reader.notes(key.id).await?;
        let view = KeyView::of(&key, Some(&notes), place_of(context, &notes).await?, context.now);
        found.push((view, name_of(context, key.account).await?));
    }
    Ok(found)
}

/// One key, with its account's name.
///
/// # Errors
/// [`ActionError::NoKey`].
#[crate::boxed]
pub async fn overseen_key(context: &ActionContext<'_>, id: KeyId) -> Result<(KeyView, String), ActionError> {
    only_staff(context)?;
    let key = show_key(context, id).await?;
    let name = name_of(context, key.account).await?;
    Ok((key, name))
}

/// How the deployment stands.
///
/// # Errors
/// [`ActionError::NoAccount`] for a holder or visitor.
#[crate::boxed]
pub async fn overview(context: &ActionContext<'_>) -> Result<Overview, ActionError> {
    only_staff(context)?;
    let access = &context.authority.access;
    let reviews = access.reader.apps_waiting().await? + access.reader.ranges_waiting().await?;
    Ok(Overview {
        reviews,
        counts: access.reader.counts(context.actor.scope(), context.now).await?,
        set_up_open: set_up_is_open(context).await?,
    })
}
