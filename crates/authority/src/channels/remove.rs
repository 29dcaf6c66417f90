//! Action: remove a channel with its log.

use keyward_rules::alert::AlertKind;
use keyward_rules::channel::ChannelId;
use keyward_rules::event::Event;
use keyward_rules::grant::{Action, Proof};

use crate::questions::ChannelView;
use crate::{ActionError, Desk, Matter, tell};

/// What removing a channel is confirmed as.
#[must_use]
pub fn removal_matter(channel: &ChannelView) -> Matter {
    Matter {
        action: Action::RemoveChannel,
        facts: vec![("channel", channel.id.to_string())],
        words: vec![format!("Remove the alert channel “{}”", channel.name)],
    }
}

/// Removes the channel; what waits for it is not sent.
///
/// # Errors
/// [`ActionError::NoChannel`].
#[crate::boxed]
pub async fn remove_channel(desk: &Desk<'_>, proof: Proof, id: ChannelId) -> Result<(), ActionError> {
    let grant = desk.actor.may(Action::RemoveChannel, proof)?;
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
