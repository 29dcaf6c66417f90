//! Duty: tells all users about maintenance that operators announced, a batch in each transaction.

use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_store::StoreError;
use tracing::error;

use crate::{ActionContext, ActionError, tell};

/// Users in one transaction.
const BATCH: u64 = 200;

/// Tells up to one batch of users; gives how many, and whether more wait.
///
/// # Errors
/// [`ActionError::Store`]; the users before were told.
#[crate::boxed]
pub async fn tell_announcement(context: &ActionContext<'_>) -> Result<(usize, bool), ActionError> {
    // Most of the time there is nothing to tell, and that takes no writer's lock.
    if !context.authority.access.reader.has_announcement().await? {
        return Ok((0, false));
    }
    let grant = context.actor.may(ActionKind::TellAnnouncement, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let Some((announcement, users)) = tx.announcement(BATCH).await? else { return Ok((0, false)) };
    // Nobody needs to hear of maintenance that is over.
    let over = announcement.ends_at <= context.now;
    let last = users.last().copied().filter(|_| !over);
    let mut told = 0;
    let (from, to) = (announcement.starts_at, announcement.ends_at);
    for account in users.into_iter().filter(|_| !over) {
        let once = format!("maintenance {from} {to} {} {account}", announcement.at);
        let detail = format!("From {from} to {to}.");
        let alert =
            Alert { detail, once, ..Alert::of(AlertKind::MaintenanceAnnounced, account, announcement.at) };
        match tell::notify_holder(context, &mut tx, alert).await {
            Ok(now) => told += usize::from(now),
            // One user's altered record must not keep the news from everybody behind them.
            Err(ActionError::Store(problem @ StoreError::Tampered { .. })) => {
                error!(%account, %problem, "a user could not be told about maintenance");
            }
            Err(problem) => return Err(problem),
        }
    }
    tx.announced(announcement, last).await?;
    let facts = [("from", from.to_string()), ("to", to.to_string()), ("told", told.to_string())];
    let event = Event::of(tx.grant(), context.now, "store", &facts);
    tx.commit(event).await?;
    Ok((told, true))
}
