//! Action: choose another password.

use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;

use super::rest;
use crate::hashing::Lane;
use crate::prove::source;
use crate::{ActionError, Desk, PendingAction, strength, tell};

/// What a change of password is approved as.
#[must_use]
pub fn password_matter(new: &str) -> PendingAction {
    PendingAction {
        action: ActionKind::ChangePassword,
        facts: vec![("password", new.to_owned())],
        words: vec![
            "Change the password of your account".to_owned(),
            "All other sessions end. Keys that may withdraw, move funds or manage are held for 24 hours."
                .to_owned(),
        ],
    }
}

/// Sets the password; all other sessions end, and keys that move funds rest for a day.
///
/// # Errors
/// [`ActionError::WeakPassword`], [`ActionError::Password`].
#[crate::boxed]
pub async fn change_password(
    desk: &Desk<'_>,
    proof: Proof,
    account: AccountId,
    new: &str,
) -> Result<(), ActionError> {
    let password = strength::choose(new, &["keyward"])?;
    let hash = desk.authority.hasher.hash((source(desk), Lane::Known), password, desk.random()).await?;
    let grant = desk.actor.may(ActionKind::ChangePassword, proof)?;
    let mut tx = desk.authority.access.writer.begin(grant, desk.now).await?;
    tx.set_password(account, &hash).await?;
    tx.end_sessions(account, desk.session()).await?;
    rest(desk, &mut tx, account).await?;
    let alert = tell::by_actor(desk, AlertKind::PasswordChanged, account, String::new());
    tell::tell(desk, &mut tx, alert).await?;
    let event = Event::of(tx.grant(), desk.now, &format!("account:{account}"), &[]);
    tx.commit(event).await?;
    Ok(())
}
