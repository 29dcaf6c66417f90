//! Duty: tell users that the review of their keys is due, and 7 and 14 days after that it is overdue.

use keyward_rules::account::SubAccountName;
use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::limits::{DAY_MS, REVIEW_EVERY_DAYS};
use keyward_rules::policy::ReviewPolicy;
use keyward_rules::review::{due_at, reminder_days};
use keyward_rules::time::Moment;
use keyward_store::{ReviewDue, StoreError};

use crate::operators::policy_in_force;
use crate::tell::notify_holder;
use crate::{ActionContext, ActionError};

/// Accounts looked at at a time, and told in one change: others wait for it.
const BATCH: usize = 50;
/// Users who are told in one run, an hour before the next: their mails must not stand before alerts that are urgent.
const MOST_TOLD: usize = 1_000;

/// Tells each user once for each step; gives how many were told. Nobody is told where the policy `review` is `off`.
///
/// # Errors
/// [`ActionError::Store`]; what was told before stays told.
#[crate::boxed]
pub async fn remind_reviews(context: &ActionContext<'_>) -> Result<usize, ActionError> {
    match policy_in_force(context).await?.policy.review {
        ReviewPolicy::Off => return Ok(0),
        ReviewPolicy::Remind => {}
    }
    let before = Moment::from_unix_ms(context.now.unix_ms().saturating_sub(REVIEW_EVERY_DAYS * DAY_MS));
    let (mut told, mut after) = (0, None);
    loop {
        let reader = &context.authority.access.reader;
        let due = reader.reviews_due(context.actor.scope(), before, after, BATCH).await?;
        let Some(last) = due.last().map(|one| one.account) else { return Ok(told) };
        after = Some(last);
        told += batch(context, &due).await?;
        if told >= MOST_TOLD {
            return Ok(told);
        }
    }
}

/// A reminder that was not told yet.
struct Reminder {
    account: AccountId,
    sub_account: Option<SubAccountName>,
    keys: usize,
    days: u64,
    once: String,
}

impl Reminder {
    /// The one that stands for an account now.
    fn of(due: &ReviewDue, now: Moment) -> Option<Self> {
        let at = due_at(Some(due.oldest_key), due.last)?;
        let days = reminder_days(at, now)?;
        let once = format!("review_due:{}:{}:{days}", due.account, at.unix_ms());
        let sub_account = due.sub_account.clone();
        Some(Self { account: due.account, sub_account, keys: due.keys, days, once })
    }

    fn alert(&self, now: Moment) -> Alert {
        let keys = match self.keys {
            1 => "1 API key".to_owned(),
            count => format!("{count} API keys"),
        };
        let whose = match &self.sub_account {
            None => format!("your {keys}"),
            Some(name) => format!("the {keys} of your sub-account {}", name.as_str()),
        };
        let detail = match self.days {
            0 => format!("It is time to review {whose}."),
            days => format!("The review of {whose} is overdue by {days} days or more."),
        };
        let detail = match &self.sub_account {
            None => detail,
            Some(name) => {
                format!("{detail} Switch to {} in the console before you open Review.", name.as_str())
            }
        };
        let once = self.once.clone();
        Alert { detail, once, ..Alert::of(AlertKind::ReviewDue, self.account, now) }
    }
}

/// Reads outside of any change: most reminders were told before. What is due is told in one change.
async fn batch(context: &ActionContext<'_>, due: &[ReviewDue]) -> Result<usize, ActionError> {
    let mut reminders = Vec::new();
    for reminder in due.iter().filter_map(|one| Reminder::of(one, context.now)) {
        if !context.authority.access.reader.was_told(&reminder.once).await? {
            reminders.push(reminder);
        }
    }
    if reminders.is_empty() {
        return Ok(0);
    }
    let grant = context.actor.may(ActionKind::RemindReview, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let mut told = Vec::new();
    for reminder in reminders {
        match notify_holder(context, &mut tx, reminder.alert(context.now)).await {
            Ok(true) => told.push(format!("{} {}", reminder.account, reminder.days)),
            // An account whose row was altered keeps nobody else from being told.
            Ok(false) | Err(ActionError::Store(StoreError::Tampered { .. })) => {}
            Err(problem) => return Err(problem),
        }
    }
    let count = told.len();
    if count > 0 {
        let event = Event::of(tx.grant(), context.now, "accounts", &[("told", told.join(","))]);
        tx.commit(event).await?;
    }
    Ok(count)
}
