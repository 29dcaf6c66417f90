//! Actions: send a test, and send again what could not be delivered. What gets through ends a pause.

use keyward_rules::channel::{ChannelId, MessageId};
use keyward_rules::event::Event;
use keyward_rules::grant::{Action, Proof};
use keyward_rules::limits::{CHANNEL_TESTS_PER_HOUR, SEND_AGAIN_MS};
use keyward_rules::time::Moment;

use crate::{ActionError, Desk};

const HOUR_MS: u64 = 60 * 60 * 1_000;

fn before(now: Moment, ms: u64) -> Moment {
    Moment::from_unix_ms(now.unix_ms().saturating_sub(ms))
}

/// Puts a test message into the channel; gives its id.
///
/// # Errors
/// [`ActionError::NoChannel`], [`ActionError::ChannelAltered`], [`ActionError::TooManyTests`].
#[crate::boxed]
pub async fn send_test(desk: &Desk<'_>, id: ChannelId) -> Result<MessageId, ActionError> {
    let grant = desk.actor.may(Action::TestChannel, Proof::None)?;
    let mut tx = desk.authority.access.writer.begin(grant, desk.now).await?;
    let channel = tx.channel(id).await?.ok_or(ActionError::NoChannel)?;
    if channel.target.is_none() {
        return Err(ActionError::ChannelAltered);
    }
    if tx.tests_since(channel.account, before(desk.now, HOUR_MS)).await? >= CHANNEL_TESTS_PER_HOUR {
        return Err(ActionError::TooManyTests);
    }
    let message = tx.put_test(id).await?;
    let fact = ("message", message.to_string());
    let event = Event::of(tx.grant(), desk.now, &format!("channel:{id}"), &[fact]);
    tx.commit(event).await?;
    Ok(message)
}

/// Has a failed message tried again, under its id.
///
/// # Errors
/// [`ActionError::NoChannel`]; [`ActionError::NoMessage`] unless it failed, and was not asked for in the last minute.
#[crate::boxed]
pub async fn send_again(desk: &Desk<'_>, id: ChannelId, message: MessageId) -> Result<(), ActionError> {
    let grant = desk.actor.may(Action::SendAgain, Proof::None)?;
    let mut tx = desk.authority.access.writer.begin(grant, desk.now).await?;
    tx.channel(id).await?.ok_or(ActionError::NoChannel)?;
    if !tx.send_again(id, message, before(desk.now, SEND_AGAIN_MS)).await? {
        return Err(ActionError::NoMessage);
    }
    let fact = ("message", message.to_string());
    let event = Event::of(tx.grant(), desk.now, &format!("channel:{id}"), &[fact]);
    tx.commit(event).await?;
    Ok(())
}
