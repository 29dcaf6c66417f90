//! Action: rename a channel, or choose what it gets and when. Where it sends never changes.

use keyward_rules::alert::AlertKind;
use keyward_rules::channel::{ChannelId, Choices};
use keyward_rules::event::Event;
use keyward_rules::grant::{Action, Proof};
use keyward_rules::key::KeyName;
use keyward_store::ChannelRecord;

use super::{choices_in_words, facts};
use crate::{ActionError, Desk, Matter, tell};

/// What other choices are confirmed as.
#[must_use]
pub fn change_matter(id: ChannelId, name: &KeyName, choices: &Choices) -> Matter {
    let mut all = vec![("channel", id.to_string())];
    all.extend(facts(name.as_str(), choices));
    Matter {
        action: Action::ChangeChannel,
        facts: all,
        words: vec![format!("Change the alert channel “{name}”"), choices_in_words(choices)],
    }
}

/// Sets name and choices; what waits already goes as it was.
///
/// # Errors
/// [`ActionError::NoChannel`], [`ActionError::ChannelAltered`], [`ActionError::Unchanged`],
/// [`ActionError::ChannelNameTaken`].
#[crate::boxed]
pub async fn change_channel(
    desk: &Desk<'_>,
    proof: Proof,
    id: ChannelId,
    name: KeyName,
    choices: Choices,
) -> Result<(), ActionError> {
    let grant = desk.actor.may(Action::ChangeChannel, proof)?;
    let mut tx = desk.authority.access.writer.begin(grant, desk.now).await?;
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
    let alert = tell::by_actor(desk, AlertKind::ChannelChanged, before.account, detail);
    tell::tell(desk, &mut tx, alert).await?;
    let after = ChannelRecord { name, choices, ..before };
    tx.update_channel(&after).await?;
    let event =
        Event::of(tx.grant(), desk.now, &format!("channel:{id}"), &facts(after.name.as_str(), &choices));
    tx.commit(event).await?;
    Ok(())
}
