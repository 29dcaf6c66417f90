//! Actions: approve or refuse what keys ask for. The master account decides, and nobody else.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::approval::RequestApproval;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof, TwoFactor};
use keyward_rules::id::{AccountId, ApprovalId};
use keyward_store::Tx;

use super::ApprovalSet;
use crate::accounts::is_cooling;
use crate::keys::refuse_new_device;
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Decided requests that an alert lists; it counts the rest.
const LISTED: usize = 10;

/// Approve the selected requests in one transaction. Each passes once, when its client repeats it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApproveRequests(pub ApprovalSet);

/// Refuse the selected requests in one transaction, or take approvals back that are not used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefuseRequests(pub ApprovalSet);

fn approved(approval: RequestApproval, context: &ActionContext<'_>) -> Result<RequestApproval, ActionError> {
    Ok(approval.approve(decider(context), context.now)?)
}

fn refused(approval: RequestApproval, context: &ActionContext<'_>) -> Result<RequestApproval, ActionError> {
    Ok(approval.refuse(decider(context), context.now)?)
}

/// Who decides: a person by their account, nobody in particular at the host.
fn decider(context: &ActionContext<'_>) -> Option<AccountId> {
    context.actor.person().map(|holder| holder.account)
}

#[async_trait]
impl Action for ApproveRequests {
    type Reply = Vec<ApprovalId>;

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let mut pending = self.0.plan(context, ActionKind::ApproveRequests, ("Approve", approved)).await?;
        pending.words.push("Each passes once, if its program sends it again within 24 hours.".to_owned());
        Ok(pending)
    }

    /// # Errors
    /// [`ActionError::NoApproval`] when one is another's, [`ActionError::Approval`] when one was decided or is over,
    /// [`ActionError::TwoFactorOff`], [`ActionError::Cooling`], [`ActionError::NewDevice`] for changes; then none is approved.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let grant = context.actor.may(ActionKind::ApproveRequests, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let decided = self.0.decide(context, &mut tx, approved).await?;
        if decided.iter().any(|approval| approval.wanted.transfer().is_none()) {
            // What a key would get by it, it would not get on this device either.
            refuse_new_device(context, &mut tx).await?;
        }
        for approval in &decided {
            if let Some(person) = tx.person(approval.master).await? {
                if person.two_factor() == TwoFactor::Off {
                    return Err(ActionError::TwoFactorOff);
                }
                if is_cooling(&person, context.now) {
                    return Err(ActionError::Cooling);
                }
            }
        }
        settle(context, tx, "Approved", decided).await
    }
}

#[async_trait]
impl Action for RefuseRequests {
    type Reply = Vec<ApprovalId>;

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        self.0.plan(context, ActionKind::RefuseRequests, ("Refuse", refused)).await
    }

    /// # Errors
    /// [`ActionError::NoApproval`] when one is another's, [`ActionError::Approval`] when one was refused, is used or over; then
    /// none is refused.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let grant = context.actor.may(ActionKind::RefuseRequests, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let decided = self.0.decide(context, &mut tx, refused).await?;
        settle(context, tx, "Refused", decided).await
    }
}

/// Tells each master, and commits.
async fn settle(
    context: &ActionContext<'_>,
    mut tx: Tx,
    what: &str,
    decided: Vec<RequestApproval>,
) -> Result<Vec<ApprovalId>, ActionError> {
    // At the host they may be of several masters.
    let mut masters: Vec<AccountId> = decided.iter().map(|approval| approval.master).collect();
    masters.sort_unstable();
    masters.dedup();
    for master in masters {
        let own = decided.iter().filter(|approval| approval.master == master);
        let mut lines: Vec<String> =
            own.clone().take(LISTED).map(|one| format!("{} (approval {})", one.in_words(), one.id)).collect();
        let more = own.count().saturating_sub(LISTED);
        if more > 0 {
            lines.push(format!("{more} more"));
        }
        let detail = format!("{what}: {}.", lines.join("; "));
        let alert = tell::by_actor(context, AlertKind::TransfersDecided, master, detail);
        tell::notify_holder(context, &mut tx, alert).await?;
    }
    let subject = decided.first().map(|one| format!("account:{}", one.master)).unwrap_or_default();
    let words: Vec<String> = decided.iter().map(RequestApproval::in_words).collect();
    let ids: Vec<ApprovalId> = decided.iter().map(|approval| approval.id).collect();
    let numbers: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let facts = [("approvals", numbers.join(",")), ("requests", words.join(" | "))];
    let event = Event::of(tx.grant(), context.now, &subject, &facts);
    tx.commit(event).await?;
    Ok(ids)
}
