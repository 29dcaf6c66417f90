//! Question: what limits has a key or an account, and what has it used of them today?

use std::sync::Arc;

use keyward_api::day_sums::DaySums;
use keyward_rules::fence::{Decimal, Fences, SumOf, SumOwner, Whose};
use keyward_rules::id::{AccountId, KeyId};

use crate::{ActionContext, ActionError};

/// Limits, with what is used of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LimitsView {
    /// The limits; empty where there are none. A key's have those of its account beside them.
    pub fences: Arc<Fences>,
    /// The sums of the UTC day, one for each limit of a day.
    pub used: Vec<UsedSum>,
}

/// A sum of the day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsedSum {
    /// Whose requests count.
    pub whose: Whose,
    /// Which.
    pub of: SumOf,
    /// What it has come to, at the gateway in this process.
    pub used: Decimal,
    /// What it may come to.
    pub limit: Decimal,
    /// Whether more is refused; otherwise it is only told.
    pub enforced: bool,
}

/// The limits of a key within the actor's scope.
///
/// # Errors
/// [`ActionError::NoKey`].
#[crate::boxed]
pub async fn key_limits(
    context: &ActionContext<'_>,
    sums: &dyn DaySums,
    id: KeyId,
) -> Result<LimitsView, ActionError> {
    let reader = &context.authority.access.reader;
    let key = reader.key(context.actor.scope(), id).await?.ok_or(ActionError::NoKey)?;
    Ok(view(context, sums, key.fences.unwrap_or_default(), |whose| SumOwner::of(whose, id, key.account)))
}

/// The limits of an account within the actor's scope.
///
/// # Errors
/// [`ActionError::NoAccount`].
#[crate::boxed]
pub async fn account_limits(
    context: &ActionContext<'_>,
    sums: &dyn DaySums,
    account: AccountId,
) -> Result<LimitsView, ActionError> {
    let (reader, scope) = (&context.authority.access.reader, context.actor.scope());
    reader.account(scope, account).await?.ok_or(ActionError::NoAccount)?;
    let fences = reader.account_limits(scope, account).await?.unwrap_or_default();
    Ok(view(context, sums, fences, |_| SumOwner::Account(account)))
}

fn view(
    context: &ActionContext<'_>,
    sums: &dyn DaySums,
    fences: Arc<Fences>,
    owner: impl Fn(Whose) -> SumOwner,
) -> LimitsView {
    let used = fences.daily().into_iter().map(|day| {
        let today = sums.of(owner(day.whose), context.now);
        let used = today.iter().find(|sum| sum.of == day.of).map(|sum| sum.amount).unwrap_or_default();
        UsedSum { whose: day.whose, of: day.of, used, limit: day.limit, enforced: day.enforced }
    });
    LimitsView { used: used.collect(), fences }
}
