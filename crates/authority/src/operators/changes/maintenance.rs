//! Change: announce maintenance to all users. A duty tells them (`duties/announcements.rs`).

use keyward_rules::time::Moment;
use keyward_store::Tx;

use crate::{ActionContext, ActionError};

/// The words that approvers read.
///
/// # Errors
/// [`ActionError::OtherWay`] when the maintenance would be over already.
pub fn words(context: &ActionContext<'_>, from: Moment, until: Moment) -> Result<Vec<String>, ActionError> {
    if until <= context.now {
        return Err(ActionError::OtherWay("the end of the maintenance is in the past; propose a later time"));
    }
    Ok(vec![
        "Announce maintenance to all users".to_owned(),
        format!("From {from} to {until}"),
        "Every user gets an alert, by mail and on the alert channels. It cannot be taken back.".to_owned(),
    ])
}

/// Announces it, in a proposal's transaction.
///
/// # Errors
/// [`ActionError::Store`].
pub async fn announce(
    tx: &mut Tx,
    from: Moment,
    until: Moment,
) -> Result<Vec<(&'static str, String)>, ActionError> {
    tx.insert_announcement(from, until).await?;
    Ok(vec![("from", from.to_string()), ("until", until.to_string())])
}
