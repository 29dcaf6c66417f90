//! Requests that their master selected, to approve or refuse at once: all of them are decided, or none.

use std::collections::BTreeSet;

use keyward_rules::approval::RequestApproval;
use keyward_rules::grant::ActionKind;
use keyward_rules::id::ApprovalId;
use keyward_rules::limits::APPROVALS_PER_ACTION;
use keyward_store::Tx;

use crate::{ActionContext, ActionError, PendingAction};

/// 1 to [`APPROVALS_PER_ACTION`] approvals, each once, in the order of their numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApprovalSet(BTreeSet<ApprovalId>);

impl ApprovalSet {
    /// The set of `ids`; `None` without any, and for too many of them.
    #[must_use]
    pub fn new(ids: impl IntoIterator<Item = ApprovalId>) -> Option<Self> {
        let ids: BTreeSet<ApprovalId> = ids.into_iter().collect();
        (1..=APPROVALS_PER_ACTION).contains(&ids.len()).then_some(Self(ids))
    }

    /// The numbers, in their order.
    pub fn ids(&self) -> impl Iterator<Item = ApprovalId> {
        self.0.iter().copied()
    }

    /// What a decision on them is confirmed as: `what` with their number, and each in words. The hash binds the proof to what
    /// each of them asks for.
    pub(super) async fn plan(
        &self,
        context: &ActionContext<'_>,
        action: ActionKind,
        (what, judge): (&str, Judge),
    ) -> Result<PendingAction, ActionError> {
        let plural = if self.0.len() == 1 { "" } else { "s" };
        let mut words = vec![format!("{what} {} request{plural}", self.0.len())];
        let mut facts = Vec::new();
        for id in &self.0 {
            let found = context.authority.access.reader.request_approval(*id).await?;
            let found = found.filter(|approval| context.actor.scope().reaches(approval.master));
            let approval = found.ok_or(ActionError::NoApproval)?;
            judge(approval.clone(), context)?;
            words.push(line(&approval));
            facts.push(format!("{id} {} {} {}", approval.account, approval.environment, approval.wanted));
        }
        Ok(PendingAction { action, facts: vec![("requests", facts.join("; "))], words })
    }

    /// Decides about each inside a transaction; gives them as they are then.
    pub(super) async fn decide(
        &self,
        context: &ActionContext<'_>,
        tx: &mut Tx,
        judge: Judge,
    ) -> Result<Vec<RequestApproval>, ActionError> {
        let mut decided = Vec::with_capacity(self.0.len());
        for id in &self.0 {
            let approval = tx.request_approval(*id).await?.ok_or(ActionError::NoApproval)?;
            let before = approval.standing;
            let approval = judge(approval, context)?;
            tx.set_request_approval(before, &approval).await?;
            decided.push(approval);
        }
        Ok(decided)
    }
}

/// What a decision makes of an approval.
pub(super) type Judge = fn(RequestApproval, &ActionContext<'_>) -> Result<RequestApproval, ActionError>;

/// A request in the list of what is confirmed.
pub(super) fn line(approval: &RequestApproval) -> String {
    let from = approval.asker.source.map(|source| format!(" from {source}")).unwrap_or_default();
    format!(
        "{}; asked for by the key “{}” ({}){from} at {}",
        approval.in_words(),
        approval.asker.key_name,
        approval.key,
        approval.made_at
    )
}

#[cfg(test)]
mod tests {
    use super::ApprovalSet;
    use keyward_rules::id::ApprovalId;
    use keyward_rules::limits::APPROVALS_PER_ACTION;

    #[test]
    fn a_set_is_neither_empty_nor_endless() {
        let ids = |count: usize| (1..=count as u64).filter_map(ApprovalId::from_u64);
        assert_eq!(ApprovalSet::new([]), None, "F63: no approval is an approval of nothing");
        assert_eq!(ApprovalSet::new(ids(APPROVALS_PER_ACTION + 1)), None);
        assert_eq!(ApprovalSet::new(ids(2).chain(ids(2))), ApprovalSet::new(ids(2)), "duplicates count once");
        assert!(ApprovalSet::new(ids(APPROVALS_PER_ACTION)).is_some());
    }
}
