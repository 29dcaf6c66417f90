//! Question: what limits has a key, and what has it used of them today?

use std::sync::Arc;

use keyward_api::day_sums::DaySums;
use keyward_rules::fence::{Decimal, Fences, SumOf};
use keyward_rules::id::KeyId;

use crate::{ActionContext, ActionError};

/// A key's limits, with what is used of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LimitsView {
    /// The limits; empty where it has none.
    pub fences: Arc<Fences>,
    /// The sums of the UTC day, one for each limit of a day.
    pub used: Vec<UsedSum>,
}

/// A sum of the day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsedSum {
    /// Which.
    pub of: SumOf,
    /// What it has come to, at the gateway in this process.
    pub used: Decimal,
    /// What it may come to.
    pub limit: Decimal,
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
    let fences = key.fences.unwrap_or_default();
    let today = sums.of_key(id, context.now);
    let used = fences.daily().into_iter().map(|(of, limit)| {
        let used = today.iter().find(|sum| sum.of == of).map(|sum| sum.amount).unwrap_or_default();
        UsedSum { of, used, limit }
    });
    Ok(LimitsView { used: used.collect(), fences })
}
