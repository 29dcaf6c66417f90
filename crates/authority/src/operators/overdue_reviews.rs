//! Question: which accounts have not reviewed their keys in time?

use keyward_rules::id::AccountId;
use keyward_rules::limits::{DAY_MS, REVIEW_EVERY_DAYS};
use keyward_rules::review::due_at;
use keyward_rules::time::Moment;

use super::lookup::only_staff;
use crate::{ActionContext, ActionError};

/// An account whose review is overdue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OverdueReview {
    /// Which.
    pub account: AccountId,
    /// Its address; of a sub-account, its name and its master's address.
    pub name: String,
    /// How many living keys it has.
    pub keys: usize,
    /// Since when the review is due.
    pub due: Moment,
    /// When its keys were last reviewed.
    pub last: Option<Moment>,
}

/// Accounts whose review is due, after `after` in the order of their ids, at most `limit`.
///
/// # Errors
/// [`ActionError::NoAccount`] for a holder or visitor.
#[crate::boxed]
pub async fn overdue_reviews(
    context: &ActionContext<'_>,
    after: Option<AccountId>,
    limit: usize,
) -> Result<Vec<OverdueReview>, ActionError> {
    only_staff(context)?;
    let before = Moment::from_unix_ms(context.now.unix_ms().saturating_sub(REVIEW_EVERY_DAYS * DAY_MS));
    let reader = &context.authority.access.reader;
    let found = reader.reviews_due(context.actor.scope(), before, after, limit).await?;
    let overdue = found.into_iter().filter_map(|one| {
        let due = due_at(Some(one.oldest_key), one.last)?;
        Some(OverdueReview {
            account: one.account,
            name: match one.sub_account {
                None => one.email.to_string(),
                Some(name) => format!("{} of {}", name.as_str(), one.email),
            },
            keys: one.keys,
            due,
            last: one.last,
        })
    });
    Ok(overdue.collect())
}
