//! Action: remove a channel with its log.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::channel::ChannelId;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};

use crate::questions::show_channel;
use crate::{Action, ActionError, Desk, PendingAction, tell};

/// Remove a channel with its log. What waits for it is not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RemoveChannel(pub ChannelId);

#[async_trait]
impl Action for RemoveChannel {
    type Reply = ();

    async fn plan(&self, desk: &Desk<'_>) -> Result<PendingAction, ActionError> {
        let channel = show_channel(desk, self.0).await?;
        Ok(PendingAction {
            action: ActionKind::RemoveChannel,
            facts: vec![("channel", channel.id.to_string())],
            words: vec![format!("Remove the alert channel “{}” ({})", channel.name, channel.kind.name())],
        })
    }

    /// # Errors
    /// [`ActionError::NoChannel`].
    async fn perform(self, desk: &Desk<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self(id) = self;
        let grant = desk.actor.may(ActionKind::RemoveChannel, proof)?;
        let mut tx = desk.authority.access.writer.begin(grant, desk.now).await?;
        let channel = tx.channel(id).await?.ok_or(ActionError::NoChannel)?;
        tx.delete_channel(id).await?;
        let detail = format!("“{}” ({}).", channel.name, channel.kind.name());
        let alert = tell::by_actor(desk, AlertKind::ChannelRemoved, channel.account, detail);
        tell::tell(desk, &mut tx, alert).await?;
        let fact = ("name", channel.name.to_string());
        let event = Event::of(tx.grant(), desk.now, &format!("channel:{id}"), &[fact]);
        tx.commit(event).await?;
        Ok(())
    }
}
