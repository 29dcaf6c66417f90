//! Gives back what a transfer used up that was certainly not sent.

use keyward_rules::approval::{AskedTransfer, Consent, ConsentBy};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};

use super::ask::subject;
use crate::{ActionContext, ActionError};

/// Gives an approval back, if this very request used it, or what was taken from a threshold's sum.
///
/// # Errors
/// [`ActionError::Approval`] when another request used it; [`ActionError::Store`]. Then it stays used.
#[crate::boxed]
pub async fn give_back_transfer(
    context: &ActionContext<'_>,
    asked: &AskedTransfer,
    consent: Consent,
) -> Result<(), ActionError> {
    let access = &context.authority.access;
    let id = match consent.by {
        ConsentBy::Threshold { day } => {
            let whose = (asked.master, asked.environment);
            return Ok(access.transfer_sums.give_back(whose, (&asked.transfer, day)).await?);
        }
        ConsentBy::Approval(id) => id,
    };
    let grant = context.actor.may(ActionKind::ReturnApproval, Proof::None)?;
    let mut tx = access.writer.begin(grant, context.now).await?;
    let approval = tx.request_approval(id).await?.ok_or(ActionError::NoApproval)?;
    let before = approval.standing;
    let approval = approval.give_back(consent.request)?;
    tx.set_request_approval(before, &approval).await?;
    let facts = [("transfer", approval.in_words()), ("request", consent.request.to_string())];
    let event = Event::of(tx.grant(), context.now, &subject(id), &facts);
    tx.commit(event).await?;
    Ok(())
}
