//! Action: choose what a sub-account is called. Its name, by which the exchange knows it, stays.

use async_trait::async_trait;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::key::KeyName;

use super::create::{check_label, label_text};
use super::{hold_keys, settings_in, sub_account_in, sub_account_of};
use crate::{Action, ActionContext, ActionError, PendingAction};

/// Choose what a sub-account is called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LabelSubAccount {
    /// The sub-account.
    pub account: AccountId,
    /// Its label from now on; `None` for none.
    pub label: Option<KeyName>,
}

#[async_trait]
impl Action for LabelSubAccount {
    type Reply = ();

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let sub = sub_account_of(context, self.account).await?;
        let label = label_text(self.label.as_ref());
        Ok(PendingAction {
            action: ActionKind::LabelSubAccount,
            words: vec![format!("Label the sub-account “{}” “{label}”", sub.name.as_str())],
            facts: vec![("account", sub.id.to_string()), ("label", label)],
        })
    }

    /// # Errors
    /// [`ActionError::NoSubAccount`], [`ActionError::SubAccountLife`], [`ActionError::Unchanged`],
    /// [`ActionError::LabelOfClosed`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { account, label } = self;
        let grant = context.actor.may(ActionKind::LabelSubAccount, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let sub = sub_account_in(&mut tx, account).await?;
        let mut settings = settings_in(&mut tx, sub.id).await?;
        settings.life.check_open()?;
        if settings.label == label {
            return Err(ActionError::Unchanged);
        }
        check_label(&mut tx, sub.master, label.as_ref()).await?;
        let facts =
            [("label", format!("{} -> {}", label_text(settings.label.as_ref()), label_text(label.as_ref())))];
        settings.label = label;
        tx.set_sub_account(sub.id, &settings).await?;
        // A sub-account from before has no settings yet: what they say from now on, its keys are held to.
        hold_keys(&mut tx, sub.id, &settings).await?;
        let event = Event::of(tx.grant(), context.now, &format!("account:{}", sub.id), &facts);
        tx.commit(event).await?;
        Ok(())
    }
}
