//! What an operator decided of an app: its reason, and telling the broker.

use keyward_rules::alert::AlertKind;
use keyward_rules::limits::WHY_CHARS;
use keyward_store::{AppProfile, Tx};

use crate::{ActionContext, ActionError, tell};

/// A reason that somebody else will read.
pub(super) fn reason(why: &str) -> Result<String, ActionError> {
    let why = why.trim();
    let plain = why.chars().all(|symbol| !symbol.is_control());
    if why.is_empty() || why.chars().count() > WHY_CHARS || !plain {
        return Err(ActionError::NoReason);
    }
    Ok(why.to_owned())
}

/// Tells the broker what became of something, without saying who decided.
pub(super) async fn told(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    profile: &AppProfile,
    detail: String,
) -> Result<(), ActionError> {
    let alert = keyward_rules::alert::Alert {
        detail,
        ..keyward_rules::alert::Alert::of(AlertKind::AppReviewed, profile.owner, context.now)
    };
    tell::notify_holder(context, tx, alert).await.map(drop)
}
