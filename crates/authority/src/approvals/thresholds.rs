//! Action: change the sums up to which sub-accounts transfer without asking. Lower ones take effect on one factor, higher ones
//! need a step-up.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::approval::Thresholds;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, NotAllowed, Proof, TwoFactor};
use keyward_rules::id::AccountId;

use crate::accounts::is_cooling;
use crate::keys::approved;
use crate::keys::refuse_new_device;
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Change the thresholds of a master account. The next transfer is judged by them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangeThresholds {
    /// The master account.
    pub account: AccountId,
    /// Its thresholds from now on.
    pub to: Thresholds,
}

#[async_trait]
impl Action for ChangeThresholds {
    type Reply = ();

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let (reader, scope) = (&context.authority.access.reader, context.actor.scope());
        let account = reader.account(scope, self.account).await?.ok_or(ActionError::NoAccount)?;
        // A sub-account has none of its own: its master's hold for all of them.
        if account.master().is_some() {
            return Err(ActionError::NoAccount);
        }
        let old = reader.thresholds(scope, self.account).await?;
        if old == self.to {
            return Err(ActionError::Unchanged);
        }
        let words = vec![
            "Change how much your sub-accounts together may transfer in a UTC day without asking you"
                .to_owned(),
            format!("Until now: {}", old.in_words()),
            format!("From now on: {}", self.to.in_words()),
        ];
        Ok(PendingAction {
            action: kind(&old, &self.to),
            facts: vec![("account", account.id.to_string()), ("thresholds", self.to.to_text())],
            words,
        })
    }

    /// # Errors
    /// [`ActionError::NoAccount`], [`ActionError::Unchanged`], [`ActionError::TwoFactorOff`], [`ActionError::Cooling`], and
    /// [`ActionError::NotAllowed`] when the proof is not the one that the change asks for.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        // The proof says which of the two was approved; the thresholds as they are now say which of them it is.
        let action = match approved(&proof, ActionKind::TightenThresholds) {
            Some(action) => action,
            None => self.plan(context).await?.action,
        };
        let Self { account, to } = self;
        let grant = context.actor.may(action, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let record = tx.account(account).await?.filter(|record| record.master().is_none());
        record.filter(|_| tx.grant().scope().reaches(account)).ok_or(ActionError::NoAccount)?;
        let old = tx.thresholds(account).await?;
        if old == to {
            return Err(ActionError::Unchanged);
        }
        if kind(&old, &to) != action && action != ActionKind::LoosenThresholds {
            return Err(NotAllowed::of(&context.actor, ActionKind::LoosenThresholds).into());
        }
        if !to.is_within(&old)
            && let Some(person) = tx.person(account).await?
        {
            if person.two_factor() == TwoFactor::Off {
                return Err(ActionError::TwoFactorOff);
            }
            if is_cooling(&person, context.now) {
                return Err(ActionError::Cooling);
            }
            refuse_new_device(context, &mut tx).await?;
        }
        tx.set_thresholds(account, &to).await?;
        let detail = format!("They were: {}. They are now: {}.", old.in_words(), to.in_words());
        let alert = tell::by_actor(context, AlertKind::TransferThresholds, account, detail);
        tell::notify_holder(context, &mut tx, alert).await?;
        let moved = format!("{} -> {}", old.in_words(), to.in_words());
        let event =
            Event::of(tx.grant(), context.now, &format!("account:{account}"), &[("thresholds", moved)]);
        tx.commit(event).await?;
        Ok(())
    }
}

/// Which of the two the change is.
fn kind(old: &Thresholds, to: &Thresholds) -> ActionKind {
    if to.is_within(old) { ActionKind::TightenThresholds } else { ActionKind::LoosenThresholds }
}
