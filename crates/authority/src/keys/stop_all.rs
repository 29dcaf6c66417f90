//! Action: stop all keys of an account from trading, at once (a kill switch). They still read and cancel.

use async_trait::async_trait;
use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::key::Hold;
use keyward_store::KeyRecord;

use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Put every key of the account and of its sub-accounts in quarantine, in one transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StopAllTrading(pub AccountId);

#[async_trait]
impl Action for StopAllTrading {
    /// How many were stopped.
    type Reply = usize;

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        Ok(PendingAction {
            action: ActionKind::StopAllTrading,
            facts: vec![("account", self.0.to_string())],
            words: vec!["Stop every API key of your account and of its sub-accounts from trading".to_owned()],
        })
    }

    /// # Errors
    /// [`ActionError::Store`]; then none is stopped.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self(account) = self;
        let grant = context.actor.may(ActionKind::StopAllTrading, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let mut stopped = Vec::new();
        let trades = |key: &KeyRecord| {
            let quarantined = key.life.holds.has(Hold::CancelOnly) || key.life.holds.has(Hold::ReadOnly);
            key.lives(context.now) && !quarantined
        };
        for mut key in tx.keys_of_family(account).await?.into_iter().filter(trades) {
            key.life = key.life.hold(Hold::CancelOnly)?;
            stopped.push(key.id.to_string());
            tx.update_key(key).await?;
        }
        if stopped.is_empty() {
            return Ok(0);
        }
        let detail = match stopped.len() {
            1 => "1 key was stopped. It only reads and cancels.".to_owned(),
            count => format!("{count} keys were stopped. They only read and cancel."),
        };
        let alert: Alert = tell::by_actor(context, AlertKind::AllKeysStopped, account, detail);
        tell::notify_holder(context, &mut tx, alert).await?;
        let facts =
            [("holds", "+ quarantine: reads and cancels only".to_owned()), ("stopped", stopped.join(","))];
        let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &facts);
        tx.commit(event).await?;
        Ok(stopped.len())
    }
}
