//! What is done with keys of the deployment at the host: record that the identity key leaves, and wrap the store's root
//! key under another master key. Operators approve the new master key by its name. The host then carries it out with both
//! keys. Its proof is that proposal, so it is a function and no [`Action`].

use async_trait::async_trait;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::MasterKeyId;
use keyward_rules::proposal::{Change, Passed, ProposalId};
use keyward_store::MasterKey;

use super::proposals::begin_passed;
use super::roles::{operators_of, staff};
use crate::{Action, ActionContext, ActionError, PendingAction};

/// Who stood behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Approvers {
    /// The operators, by this proposal.
    Operators(ProposalId),
    /// Nobody but the host: the deployment has no operators.
    HostAlone,
}

/// The name of the master key in use.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn master_key_id(context: &ActionContext<'_>) -> Result<MasterKeyId, ActionError> {
    Ok(context.authority.access.reader.master_key_id().await?)
}

/// Record that the identity key is about to leave for a file. When this fails, nothing may be written out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecordIdentityKeyExport;

#[async_trait]
impl Action for RecordIdentityKeyExport {
    type Reply = ();

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        Ok(PendingAction {
            action: ActionKind::ExportIdentityKey,
            facts: vec![("number", "1".to_owned())],
            words: vec!["Write identity key number 1 to a file".to_owned()],
        })
    }

    /// # Errors
    /// [`ActionError::Store`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let grant = context.actor.may(ActionKind::ExportIdentityKey, proof)?;
        let tx = context.authority.access.writer.begin(grant, context.now).await?;
        let event = Event::of(tx.grant(), context.now, "identity_key", &[("number", "1".to_owned())]);
        tx.commit(event).await?;
        Ok(())
    }
}

/// Wraps the root key under `new`. Nodes that run go on as they are; the next start needs the new master key.
///
/// # Errors
/// [`ActionError::Unchanged`] when it is the same key; [`ActionError::NotProposed`]; [`ActionError::Proposal`] when
/// too few operators stand behind it; [`ActionError::Store`] when another rotation came first.
#[crate::boxed]
pub async fn rotate_master_key(
    context: &ActionContext<'_>,
    old: &MasterKey,
    new: &MasterKey,
) -> Result<Approvers, ActionError> {
    let (was, is) = (old.id(), new.id());
    if was == is {
        return Err(ActionError::Unchanged);
    }
    let change = Change::RotateMasterKey(is);
    let mut facts = vec![("master_key", format!("{was} -> {is}"))];
    let (mut tx, approvers) = match Passed::without_operators(change, &operators_of(&staff(context).await?)) {
        Some(passed) => {
            let grant = context.actor.may(change.action(), Proof::Passed(passed))?;
            let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
            if !operators_of(&tx.staff().await?).is_empty() {
                return Err(ActionError::NotProposed(is));
            }
            facts.push(("operators", "none".to_owned()));
            (tx, Approvers::HostAlone)
        }
        None => {
            let found = context.authority.access.reader.open_proposal_for(change, context.now).await?;
            let id = found.ok_or(ActionError::NotProposed(is))?.proposal.id;
            let (mut tx, judged) = begin_passed(context, id).await?;
            judged.settle(context, &mut tx, None).await?;
            facts.extend(judged.facts());
            (tx, Approvers::Operators(id))
        }
    };
    tx.wrap_root_key(old, new).await?;
    let event = Event::of(tx.grant(), context.now, "store", &facts);
    tx.commit(event).await?;
    Ok(approvers)
}
