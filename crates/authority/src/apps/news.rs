//! Duty: tells the holders of an app's keys what happened to it, one alert an account, a batch in each transaction. Apart
//! from the change itself, so that a freeze does not wait for thousands of mails.

use std::collections::BTreeSet;

use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::limits::DAY_MS;
use keyward_store::StoreError;
use tracing::error;

use crate::{ActionContext, ActionError, tell};

/// Keys looked at in one transaction.
const BATCH: u64 = 500;

/// Tells up to one batch of holders; gives how many, and whether more wait.
///
/// # Errors
/// [`ActionError::Store`]; what was told before stays told.
#[crate::boxed]
pub async fn tell_app_news(context: &ActionContext<'_>) -> Result<(usize, bool), ActionError> {
    // Most of the time there is nothing to tell, and that takes no writer's lock.
    if !context.authority.access.reader.has_app_news().await? {
        return Ok((0, false));
    }
    let grant = context.actor.may(ActionKind::TellAppNews, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let Some(news) = tx.app_news().await? else { return Ok((0, false)) };
    let (keys, last) = tx.app_keys(news.app, &news.after, BATCH).await?;
    let name = match tx.app(news.app).await {
        Ok(app) => app.map(|app| app.name),
        // Holders are told all the same, without a name that cannot be trusted.
        Err(problem @ StoreError::Tampered { .. }) => {
            error!(app = %news.app, %problem, "news about an app go out without its name");
            Some("An app".to_owned())
        }
        Err(problem) => return Err(problem.into()),
    };
    let kind = AlertKind::from_word(&news.kind);
    // A key that was bound since is no concern of it.
    let meant = keys.iter().filter(|key| key.created_at <= news.at);
    let accounts: BTreeSet<AccountId> = meant.map(|key| key.master.unwrap_or(key.account)).collect();
    let mut told = 0;
    if let (Some(name), Some(kind)) = (name, kind) {
        for account in accounts {
            let detail = format!("“{name}”. {}", news.detail).trim_end().to_owned();
            // An account's keys may lie in two batches, and a run may be repeated: the news are told once.
            // A broker who moves servers all day is told of once a day.
            let at = news.at.unix_ms();
            let at = if kind == AlertKind::AppRangesChanged { at / DAY_MS } else { at };
            let once = format!("{} {} {at} {account}", news.kind, news.app);
            let alert = Alert { detail, once, ..Alert::of(kind, account, news.at) };
            match tell::notify_holder(context, &mut tx, alert).await {
                Ok(now) => told += usize::from(now),
                // One person's altered record must not keep the news from everybody behind them.
                Err(ActionError::Store(problem @ StoreError::Tampered { .. })) => {
                    error!(%account, %problem, "a user could not be told about an app");
                }
                Err(problem) => return Err(problem),
            }
        }
    }
    tx.app_news_told(news.id, last.as_deref()).await?;
    let facts = [("news", news.kind), ("told", told.to_string())];
    let event = Event::of(tx.grant(), context.now, &format!("app:{}", news.app), &facts);
    tx.commit(event).await?;
    Ok((told, true))
}
