//! Question: which requests of keys wait for their master, what became of others, and which transfers pass without asking?

use keyward_rules::approval::{RequestApproval, Thresholds};
use keyward_rules::fence::Decimal;
use keyward_rules::id::{AccountId, ApprovalId};
use keyward_rules::key::Environment;
use keyward_rules::limits::{DAY_MS, PAGE_MAX};
use keyward_rules::time::Moment;

use crate::{ActionContext, ActionError};

/// Requests that a master decides about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApprovalsView {
    /// Those that wait, oldest first, at most 100.
    pub waiting: Vec<RequestApproval>,
    /// How many wait.
    pub count: u64,
    /// Those that were decided or are over, newest first.
    pub settled: Vec<RequestApproval>,
    /// Where the next page of these begins; `None` on the last one.
    pub older: Option<(Moment, ApprovalId)>,
}

/// The requests to a master account within the actor's scope; of the settled ones at most `limit`, older than `before`. Altered
/// rows are left out: they can be neither approved nor used.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn list_approvals(
    context: &ActionContext<'_>,
    master: AccountId,
    before: Option<(Moment, ApprovalId)>,
    limit: usize,
) -> Result<ApprovalsView, ActionError> {
    let (reader, scope, now) = (&context.authority.access.reader, context.actor.scope(), context.now);
    let limit = limit.clamp(1, PAGE_MAX);
    let waiting = reader.waiting_approvals(scope, master, now, PAGE_MAX).await?;
    let count = reader.count_waiting_approvals(scope, master, now).await?;
    let mut settled = reader.settled_approvals(scope, master, (now, before), limit + 1).await?;
    let more = settled.len() > limit;
    settled.truncate(limit);
    let settled: Vec<RequestApproval> = settled.into_iter().flatten().collect();
    let older = settled.last().filter(|_| more).map(|last| (last.made_at, last.id));
    Ok(ApprovalsView { waiting: waiting.into_iter().flatten().collect(), count, settled, older })
}

/// How many requests wait for a master account within the actor's scope.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn waiting_approvals(context: &ActionContext<'_>, master: AccountId) -> Result<u64, ActionError> {
    let (reader, scope) = (&context.authority.access.reader, context.actor.scope());
    Ok(reader.count_waiting_approvals(scope, master, context.now).await?)
}

/// The approval with this number, if it is of a transfer by this sub-account or of a change that this master's key asked for.
///
/// # Errors
/// [`ActionError::NoApproval`].
#[crate::boxed]
pub async fn approval_of(
    context: &ActionContext<'_>,
    account: AccountId,
    id: ApprovalId,
) -> Result<RequestApproval, ActionError> {
    let found = context.authority.access.reader.request_approval(id).await?;
    found.filter(|approval| approval.asking_account() == account).ok_or(ActionError::NoApproval)
}

/// A threshold, with what is used of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsedThreshold {
    /// The currency.
    pub currency: String,
    /// What may pass in a UTC day without asking.
    pub limit: Decimal,
    /// What has passed today in live trading.
    pub used: Decimal,
    /// What has passed today in demo trading.
    pub used_demo: Decimal,
}

/// The thresholds of a master account within the actor's scope.
///
/// # Errors
/// [`ActionError::NoAccount`].
#[crate::boxed]
pub async fn transfer_thresholds(
    context: &ActionContext<'_>,
    master: AccountId,
) -> Result<(Thresholds, Vec<UsedThreshold>), ActionError> {
    let (reader, scope) = (&context.authority.access.reader, context.actor.scope());
    reader.account(scope, master).await?.ok_or(ActionError::NoAccount)?;
    let thresholds = reader.thresholds(scope, master).await?;
    let day = context.now.unix_ms() / DAY_MS;
    let mut all = Vec::new();
    for (currency, limit) in thresholds.iter() {
        all.push(UsedThreshold {
            currency: currency.to_owned(),
            limit,
            used: reader.transfer_sum(master, Environment::Live, (currency, day)).await?,
            used_demo: reader.transfer_sum(master, Environment::Demo, (currency, day)).await?,
        });
    }
    Ok((thresholds, all))
}
