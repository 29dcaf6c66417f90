//! Questions of programs: which keys of a sub-account do they administer, and what is their own key called?

use keyward_rules::address::Binding;
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::key::{Environment, KeyName};
use keyward_rules::permission::Permissions;
use keyward_rules::time::Moment;
use keyward_store::KeyRecord;

use crate::{ActionContext, ActionError};

/// A living key, as the exchange's API shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ManagedKey {
    /// The public API key.
    pub id: KeyId,
    /// Its name; OKX's `label`.
    pub name: KeyName,
    /// What it may do.
    pub permissions: Permissions,
    /// Where it works from.
    pub binding: Binding,
    /// When it was made.
    pub created_at: Moment,
}

/// The living keys of an account within the actor's scope, of one environment, oldest first. Canaries are left out: a program that
/// was stolen must not tell them from others.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn managed_keys(
    context: &ActionContext<'_>,
    account: AccountId,
    environment: Environment,
) -> Result<Vec<ManagedKey>, ActionError> {
    let rows = context.authority.access.reader.keys_of(context.actor.scope(), account).await?;
    let lives = |key: &KeyRecord| {
        !key.life.is_over()
            && key.expires_at.is_none_or(|end| end > context.now)
            && key.environment == environment
            && key.binding != Binding::Canary
    };
    let view = |key: KeyRecord| ManagedKey {
        id: key.id,
        name: key.name,
        permissions: key.permissions,
        binding: key.binding,
        created_at: key.created_at,
    };
    Ok(rows.into_iter().flatten().filter(lives).map(view).collect())
}

/// What a key within the actor's scope is called.
///
/// # Errors
/// [`ActionError::NoKey`].
#[crate::boxed]
pub async fn name_of_key(context: &ActionContext<'_>, key: KeyId) -> Result<KeyName, ActionError> {
    let found = context.authority.access.reader.key(context.actor.scope(), key).await?;
    Ok(found.ok_or(ActionError::NoKey)?.name)
}
