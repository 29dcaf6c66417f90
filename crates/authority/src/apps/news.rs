//! Duty: tells the holders of an app's keys what happened to it, one alert an account, a batch in each transaction. Apart
//! from the change itself, so that a freeze does not wait for thousands of mails.

use std::collections::BTreeSet;

use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::event::Event;
use keyward_rules::grant::{Action, Proof};
use keyward_rules::id::AccountId;

use crate::{ActionError, Desk, tell};

/// Keys looked at in one transaction.
const BATCH: u64 = 500;

/// Tells up to one batch of holders; gives how many, and whether more wait.
///
/// # Errors
/// [`ActionError::Store`]; what was told before stays told.
pub async fn tell_app_news(desk: &Desk<'_>) -> Result<(usize, bool), ActionError> {
    let grant = desk.actor.may(Action::TellAppNews, Proof::None)?;
    let mut tx = desk.authority.access.writer.begin(grant, desk.now).await?;
    let Some(news) = tx.app_news().await? else { return Ok((0, false)) };
    let (keys, last) = tx.app_keys(news.app, &news.after, BATCH).await?;
    // The name that operators verified, whatever the broker calls it since.
    let name = tx.app(news.app).await?.map(|app| app.name);
    let kind = AlertKind::from_word(&news.kind);
    // A key that was bound since is no concern of it.
    let meant = keys.iter().filter(|key| key.created_at <= news.at);
    let accounts: BTreeSet<AccountId> = meant.map(|key| key.master.unwrap_or(key.account)).collect();
    let mut told = 0;
    if let (Some(name), Some(kind)) = (name, kind) {
        for account in accounts {
            let detail = format!("“{name}”. {}", news.detail).trim_end().to_owned();
            // An account's keys may lie in two batches, and a run may be repeated: the news are told once.
            let once = format!("{} {} {} {account}", news.kind, news.app, news.at.unix_ms());
            let alert = Alert { detail, once, ..Alert::of(kind, account, news.at) };
            told += usize::from(tell::tell(desk, &mut tx, alert).await?);
        }
    }
    tx.app_news_told(news.id, last.as_deref()).await?;
    let facts = [("news", news.kind), ("told", told.to_string())];
    let event = Event::of(tx.grant(), desk.now, &format!("app:{}", news.app), &facts);
    tx.commit(event).await?;
    Ok((told, true))
}
