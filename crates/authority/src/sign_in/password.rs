//! Action: sign in, first step: the password.
//!
//! Unknown address, wrong password and too many tries get one answer, and the shell gives it after one time. Tries
//! are counted before the hash is computed, and on two counters: the source's, and the account's, where every
//! browser that the account knows has a counter of its own, so that a stranger's guesses cannot pause the owner.

use keyward_rules::account::Email;
use keyward_rules::alert::AlertKind;
use keyward_rules::grant::{Factor, FactorAnswer, FactorKind, TwoFactor};
use keyward_rules::id::AccountId;
use keyward_rules::person::{Password, Token};
use keyward_rules::secret::Secret;
use keyward_store::{AttemptLimit, SessionKind, Stage, Try};

use super::lane::{STRANGERS, lane};
use super::second_factor::finish;
use super::session;
use crate::accounts::address_word;
use crate::duties::{once_a_day, raise_to};
use crate::hashing::HashPriority;
use crate::prove::{source, verified};
use crate::{ActionContext, ActionError};

/// What somebody presents.
pub struct Presented {
    /// The address, as typed.
    pub email: String,
    /// The password, as typed.
    pub password: String,
    /// The token by which the browser may be known.
    pub device: Option<Token>,
    /// Browser or program.
    pub kind: SessionKind,
}

/// How far the door opened.
pub enum Door {
    /// The password is right; the second factor is due, in this half session.
    SecondFactorDue(Token),
    /// Signed in: the session's token, and the browser's.
    Open(Token, Token),
}

/// Checks address and password.
///
/// # Errors
/// [`ActionError::NotSignedIn`] for everything that is not right; [`ActionError::Busy`].
#[crate::boxed]
pub async fn present_password(
    context: &ActionContext<'_>,
    presented: Presented,
) -> Result<Door, ActionError> {
    let door = &context.authority.access.door;
    let address = source(context);
    let by_source = format!("source:{}", address);
    let email = Email::parse(presented.email.trim()).map_err(|_| ActionError::NotSignedIn)?;
    let account = door.account_by_email(&email).await?;
    let person = match &account {
        Some(account) => door.person(account.id).await?,
        None => None,
    };
    let lane = lane(context, person.as_ref(), presented.device.as_ref()).await?;
    let known = lane != STRANGERS;
    let by_account = format!("password:{}:{lane}", address_word(context, &email));
    // What strangers do at a source is nothing to a browser that the account knows: it neither waits nor counts there.
    let source_try = match known {
        true => None,
        false => Some(door.count_try(&by_source, AttemptLimit::Source, context.now).await?),
    };
    let account_try = door.count_try(&by_account, AttemptLimit::Credential, context.now).await?;
    let at_source = source_try.map(|counted| (by_source.as_str(), counted));
    let tries: Vec<(&str, Try)> = at_source.into_iter().chain([(by_account.as_str(), account_try)]).collect();
    if tries.iter().any(|(_, one)| *one == Try::Paused) {
        return Err(ActionError::NotSignedIn);
    }
    let Ok(password) = Password::present(&presented.password) else { return Err(ActionError::NotSignedIn) };
    let hash = person.as_ref().map(|person| Secret::new(person.password.expose().clone()));
    let place = if known { HashPriority::Known } else { HashPriority::Strangers };
    let right = verified(context, place, &tries, (password, hash)).await?;
    let (Some(person), true) = (person, right) else {
        warn_owner(context, account.map(|account| account.id)).await?;
        return Err(ActionError::NotSignedIn);
    };
    door.clear_tries(&by_account).await?;
    if let Some(counted) = source_try {
        door.refund_try(&by_source, counted).await?;
    }
    match person.two_factor() {
        TwoFactor::On => {
            let (half, token) =
                session(context, person.account, presented.kind, Stage::Password, context.now);
            if door.begin_half(&half, &token.hash()).await? > 0 {
                let once = once_a_day(context, person.account);
                raise_to(context, AlertKind::PasswordKnown, person.account, once).await?;
            }
            Ok(Door::SecondFactorDue(token))
        }
        TwoFactor::Off => {
            let factor =
                Factor::settle(person.account, FactorKind::Password, TwoFactor::Off, FactorAnswer::Right)?;
            let (token, device) = finish(context, factor, presented.kind, presented.device, None).await?;
            Ok(Door::Open(token, device))
        }
    }
}

/// The owner is told of repeated failures, once a day.
async fn warn_owner(context: &ActionContext<'_>, account: Option<AccountId>) -> Result<(), ActionError> {
    let Some(account) = account else { return Ok(()) };
    let subject = format!("failures:{account}");
    // The counter's first pause begins with the sixth failure: that is when it is worth a word.
    if context.authority.access.door.count_try(&subject, AttemptLimit::Credential, context.now).await?
        == Try::Paused
    {
        let day = context.now.unix_ms() / keyward_rules::limits::DAY_MS;
        let once = format!("failures:{account}:{day}");
        raise_to(context, AlertKind::RepeatedFailures, account, once).await?;
    }
    Ok(())
}
