//! Actions: disable all keys of an account, from the console or by the link of an alert.

use async_trait::async_trait;
use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, BrakeLink, Proof};
use keyward_rules::id::AccountId;
use keyward_store::KeyRecord;

use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Disable every active key of the account and of its sub-accounts, in one transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DisableAllKeys(pub AccountId);

#[async_trait]
impl Action for DisableAllKeys {
    /// How many were disabled.
    type Reply = usize;

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        Ok(PendingAction {
            action: ActionKind::DisableAllKeys,
            facts: vec![("account", self.0.to_string())],
            words: vec!["Disable every API key of your account and of its sub-accounts".to_owned()],
        })
    }

    /// # Errors
    /// [`ActionError::Store`]; then none is disabled.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        disable_family(context, ActionKind::DisableAllKeys, proof, self.0).await
    }
}

/// The same, on the strength of a link: it can do nothing else, and doing it twice changes nothing.
///
/// # Errors
/// [`ActionError::Store`]; then none is disabled.
#[crate::boxed]
pub async fn brake(context: &ActionContext<'_>, link: BrakeLink) -> Result<usize, ActionError> {
    let account = link.account();
    disable_family(context, ActionKind::Brake, Proof::Link(link), account).await
}

async fn disable_family(
    context: &ActionContext<'_>,
    action: ActionKind,
    proof: Proof,
    account: AccountId,
) -> Result<usize, ActionError> {
    let grant = context.actor.may(action, proof)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let mut disabled = Vec::new();
    let is_over = |key: &KeyRecord| key.expires_at.is_some_and(|end| end <= context.now);
    // A key whose date has passed works no more, although the sweep has not ended it yet.
    for mut key in tx.keys_of_family(account).await?.into_iter().filter(|key| !is_over(key)) {
        if let Ok(life) = key.life.disable() {
            key.life = life;
            disabled.push(key.id.to_string());
            tx.update_key(key).await?;
        }
    }
    if disabled.is_empty() {
        return Ok(0);
    }
    let detail = match disabled.len() {
        1 => "1 key was disabled.".to_owned(),
        count => format!("{count} keys were disabled."),
    };
    let alert: Alert = tell::by_actor(context, AlertKind::AllKeysDisabled, account, detail);
    tell::notify_holder(context, &mut tx, alert).await?;
    let facts = [("disabled", disabled.join(","))];
    let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &facts);
    tx.commit(event).await?;
    Ok(disabled.len())
}
