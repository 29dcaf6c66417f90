//! Duty: pause channels that nothing got through to for three days, and tell their holders by mail.

use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::limits::DELIVERY_GIVE_UP_MS;
use keyward_rules::time::Moment;

use crate::tell::{by_actor, notify_holder};
use crate::{ActionContext, ActionError};

/// Channels paused in one transaction.
const BATCH: u64 = 100;

/// Pauses them; gives how many.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn pause_channels(context: &ActionContext<'_>) -> Result<usize, ActionError> {
    let since = Moment::from_unix_ms(context.now.unix_ms().saturating_sub(DELIVERY_GIVE_UP_MS));
    let grant = context.actor.may(ActionKind::PauseChannels, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let mut paused = Vec::new();
    for channel in tx.failing_channels(since, BATCH).await? {
        if tx.pause_channel(channel.id, since).await? {
            let detail = format!("“{}” ({}).", channel.name, channel.kind.name());
            notify_holder(
                context,
                &mut tx,
                by_actor(context, AlertKind::ChannelPaused, channel.account, detail),
            )
            .await?;
            paused.push(channel.id.to_string());
        }
    }
    if !paused.is_empty() {
        let event = Event::of(tx.grant(), context.now, "channels", &[("paused", paused.join(","))]);
        tx.commit(event).await?;
    }
    Ok(paused.len())
}
