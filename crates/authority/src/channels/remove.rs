//! Action: remove a channel with its log.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::channel::ChannelId;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};

use crate::questions::show_channel;
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Remove a channel with its log. What waits for it is not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RemoveChannel(pub ChannelId);

#[async_trait]
impl Action for RemoveChannel {
    type Reply = ();

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let channel = show_channel(context, self.0).await?;
        Ok(PendingAction {
            action: ActionKind::RemoveChannel,
            facts: vec![("channel", channel.id.to_string())],
            words: vec![format!("Remove the alert channel “{}” ({})", channel.name, channel.kind.name())],
        })
    }

    /// # Errors
    /// [`ActionError::NoChannel`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self(id) = self;
        let grant = context.actor.may(ActionKind::RemoveChannel, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let channel = tx.channel(id).await?.ok_or(ActionError::NoChannel)?;
        tx.delete_channel(id).await?;
        let detail = format!("“{}” ({}).", channel.name, channel.kind.name());
        let alert = tell::by_actor(context, AlertKind::ChannelRemoved, channel.account, detail);
        tell::notify_holder(context, &mut tx, alert).await?;
        let fact = ("name", channel.name.to_string());
        let event = Event::of(tx.grant(), context.now, &format!("channel:{id}"), &[fact]);
        tx.commit(event).await?;
        Ok(())
    }
}
