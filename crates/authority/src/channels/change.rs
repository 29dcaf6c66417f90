//! Action: rename a channel, or choose what it gets and when. Where it sends never changes.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::channel::{ChannelId, Choices};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::key::KeyName;
use keyward_store::ChannelRecord;

use super::{choices_in_words, facts};
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Rename a channel, or choose what it gets and when. What waits already goes as it was.
#[derive(Clone, Debug)]
pub struct ChangeChannel {
    /// The channel.
    pub channel: ChannelId,
    /// Its name from now on.
    pub name: KeyName,
    /// What goes there and when, from now on.
    pub choices: Choices,
}

#[async_trait]
impl Action for ChangeChannel {
    type Reply = ();

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let mut all = vec![("channel", self.channel.to_string())];
        all.extend(facts(self.name.as_str(), &self.choices));
        Ok(PendingAction {
            action: ActionKind::ChangeChannel,
            facts: all,
            words: vec![format!("Change the alert channel “{}”", self.name), choices_in_words(&self.choices)],
        })
    }

    /// # Errors
    /// [`ActionError::NoChannel`], [`ActionError::ChannelAltered`], [`ActionError::Unchanged`],
    /// [`ActionError::ChannelNameTaken`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { channel: id, name, choices } = self;
        let grant = context.actor.may(ActionKind::ChangeChannel, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let before = tx.channel(id).await?.ok_or(ActionError::NoChannel)?;
        if before.target.is_none() {
            return Err(ActionError::ChannelAltered);
        }
        if before.name == name && before.choices == choices {
            return Err(ActionError::Unchanged);
        }
        let taken = |other: &ChannelRecord| other.id != id && other.name == name;
        if tx.channels_of(before.account).await?.iter().any(taken) {
            return Err(ActionError::ChannelNameTaken);
        }
        let detail = format!("“{}”: {}.", name, choices_in_words(&choices));
        // Told by the old choices, so that a thief of a session cannot silence the news of it.
        let alert = tell::by_actor(context, AlertKind::ChannelChanged, before.account, detail);
        tell::notify_holder(context, &mut tx, alert).await?;
        let after = ChannelRecord { name, choices, ..before };
        tx.update_channel(&after).await?;
        let event = Event::of(
            tx.grant(),
            context.now,
            &format!("channel:{id}"),
            &facts(after.name.as_str(), &choices),
        );
        tx.commit(event).await?;
        Ok(())
    }
}
