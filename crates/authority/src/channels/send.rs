//! Actions: send a test, and send again what could not be delivered. What gets through ends a pause.

use async_trait::async_trait;
use keyward_rules::channel::{ChannelId, MessageId};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::limits::{CHANNEL_TESTS_PER_HOUR, SEND_AGAIN_MS};
use keyward_rules::time::Moment;

use crate::{Action, ActionContext, ActionError, PendingAction};

const HOUR_MS: u64 = 60 * 60 * 1_000;

fn before(now: Moment, ms: u64) -> Moment {
    Moment::from_unix_ms(now.unix_ms().saturating_sub(ms))
}

/// Put a test message into a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TestChannel(pub ChannelId);

#[async_trait]
impl Action for TestChannel {
    /// The message.
    type Reply = MessageId;

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        Ok(PendingAction {
            action: ActionKind::TestChannel,
            facts: vec![("channel", self.0.to_string())],
            words: vec!["Send a test message to the alert channel".to_owned()],
        })
    }

    /// # Errors
    /// [`ActionError::NoChannel`], [`ActionError::ChannelAltered`], [`ActionError::TooManyTests`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self(id) = self;
        let grant = context.actor.may(ActionKind::TestChannel, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let channel = tx.channel(id).await?.ok_or(ActionError::NoChannel)?;
        if channel.target.is_none() {
            return Err(ActionError::ChannelAltered);
        }
        if tx.tests_since(channel.account, before(context.now, HOUR_MS)).await? >= CHANNEL_TESTS_PER_HOUR {
            return Err(ActionError::TooManyTests);
        }
        let message = tx.put_test(id).await?;
        let fact = ("message", message.to_string());
        let event = Event::of(tx.grant(), context.now, &format!("channel:{id}"), &[fact]);
        tx.commit(event).await?;
        Ok(message)
    }
}

/// Have a failed message tried again, under its id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SendAgain {
    /// The channel.
    pub channel: ChannelId,
    /// The message.
    pub message: MessageId,
}

#[async_trait]
impl Action for SendAgain {
    type Reply = ();

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        Ok(PendingAction {
            action: ActionKind::SendAgain,
            facts: vec![("channel", self.channel.to_string()), ("message", self.message.to_string())],
            words: vec!["Send the alert message again".to_owned()],
        })
    }

    /// # Errors
    /// [`ActionError::NoChannel`]; [`ActionError::NoMessage`] unless it failed, and was not asked for in the last minute.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { channel: id, message } = self;
        let grant = context.actor.may(ActionKind::SendAgain, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        tx.channel(id).await?.ok_or(ActionError::NoChannel)?;
        if !tx.send_again(id, message, before(context.now, SEND_AGAIN_MS)).await? {
            return Err(ActionError::NoMessage);
        }
        let fact = ("message", message.to_string());
        let event = Event::of(tx.grant(), context.now, &format!("channel:{id}"), &[fact]);
        tx.commit(event).await?;
        Ok(())
    }
}
