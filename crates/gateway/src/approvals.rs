//! What the master account approves: asking for transfers, giving back, and the state that clients ask for.

use std::time::Duration;

use bytes::Bytes;
use keyward_api::okx;
use keyward_api::transfer_approvals::KnownApproval;
use keyward_rules::approval::{ApprovalAnswer, AskedTransfer, Consent};
use keyward_rules::decision::{Approval, Cleared};
use keyward_rules::denial::Denial;
use keyward_rules::id::{AccountId, ApprovalId};

use crate::context::RequestContext;

/// How long a transfer waits for the store. What is used up later than this is given back by whoever answers.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks whether a transfer may go out. A request that is none pays nothing.
pub async fn ask(context: &RequestContext, approval: &Approval<'_>) -> ApprovalAnswer {
    let Some(asked) = approval.owed() else { return ApprovalAnswer::NotOwed };
    let answer = tokio::time::timeout(PATIENCE, context.approvals.ask(asked.clone())).await;
    answer.unwrap_or(ApprovalAnswer::Failed)
}

/// What a transfer has used up, until it is known what became of it. What is never known stays used.
pub struct UsedConsent(Option<(AskedTransfer, Consent)>);

impl UsedConsent {
    /// What a request has used up; nothing, for most.
    pub fn of(request: &Cleared<'_>) -> Self {
        Self(request.consented().map(|consented| (consented.asked().clone(), consented.consent())))
    }

    /// Gives it back: nothing was sent. Who waits for that can tell the client to repeat the transfer.
    pub async fn give_back(self, context: &RequestContext) {
        if let Some((asked, consent)) = self.0 {
            // Given back later than this, it is given back all the same.
            let _ = tokio::time::timeout(PATIENCE, context.approvals.give_back(asked, consent)).await;
        }
    }
}

/// The same while a request has no permit yet: given back unless it gets one, even when nobody waits for it any more.
pub struct HeldConsent<'d> {
    context: &'d RequestContext,
    used: UsedConsent,
}

impl<'d> HeldConsent<'d> {
    /// Holds what a request has used up.
    pub fn of(context: &'d RequestContext, request: &Cleared<'_>) -> Self {
        Self { context, used: UsedConsent::of(request) }
    }

    /// The request has its permit: whoever forwards it gives back from now on.
    pub fn hand_over(mut self) {
        self.used = UsedConsent(None);
    }

    /// The request is refused after all.
    pub async fn give_back(mut self) {
        let used = std::mem::replace(&mut self.used, UsedConsent(None));
        used.give_back(self.context).await;
    }
}

impl Drop for HeldConsent<'_> {
    fn drop(&mut self) {
        if let Some((asked, consent)) = self.used.0.take() {
            // Nobody is left to wait for it.
            drop(self.context.approvals.give_back(asked, consent));
        }
    }
}

/// Answers a client that asks for the state of an approval of its own account.
///
/// # Errors
/// 90454 when the account has none with that number, 50001 when nobody can tell.
pub async fn state(context: &RequestContext, account: AccountId, target: &[u8]) -> Result<Bytes, Denial> {
    let id = id_of(target).ok_or(Denial::ApprovalUnknown)?;
    let known = tokio::time::timeout(PATIENCE, context.approvals.look_up(account, id)).await;
    match known.unwrap_or(KnownApproval::Failed) {
        // Whoever answers looks at the account as well; what is shown is looked at here too.
        KnownApproval::Found(approval) if approval.asking_account() == account => {
            Ok(okx::approval(&approval, context.clock().now()))
        }
        KnownApproval::Found(_) | KnownApproval::Missing => Err(Denial::ApprovalUnknown),
        KnownApproval::Failed => Err(Denial::Unavailable),
    }
}

/// The one parameter that the target may have.
fn id_of(target: &[u8]) -> Option<ApprovalId> {
    let (_, query) = std::str::from_utf8(target).ok()?.split_once('?')?;
    query.strip_prefix("id=")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::id_of;

    #[test]
    fn a_target_names_one_approval_or_none() {
        assert!(id_of(b"/api/v5/users/approvals?id=123456789012345678").is_some());
        for target in [
            "/api/v5/users/approvals",
            "/api/v5/users/approvals?",
            "/api/v5/users/approvals?id=",
            "/api/v5/users/approvals?id=0",
            "/api/v5/users/approvals?id=1&id=2",
            "/api/v5/users/approvals?x=1",
            "/api/v5/users/approvals?id=%31",
        ] {
            assert!(id_of(target.as_bytes()).is_none(), "{target}");
        }
    }
}
