//! What a person shows, checked: counted first, looked at then, used up last.

use std::net::IpAddr;

use keyward_rules::address::Source;
use keyward_rules::grant::{Factor, FactorAnswer, FactorKind, TwoFactor};
use keyward_rules::id::AccountId;
use keyward_rules::person::{Password, RecoveryCode, TotpCode};
use keyward_rules::secret::Secret;
use keyward_store::{Patience, PersonRecord, Try};

use crate::hashing::Lane;
use crate::{ActionError, Authenticator, Desk};

/// A second factor of the account: an authenticator's code or a recovery code. Where the account has none, the
/// password stands in (and is then no second factor for a key, because no key can be made).
///
/// `lane` separates counters, so that who guesses in one cannot pause the other: a known browser has its own.
///
/// # Errors
/// [`ActionError::NotProven`]; [`ActionError::Store`] when the try could not be counted.
#[crate::boxed]
pub async fn prove(
    desk: &Desk<'_>,
    account: AccountId,
    text: &str,
    lane: &str,
) -> Result<Factor, ActionError> {
    let person = desk.authority.access.door.person(account).await?.ok_or(ActionError::NoAccount)?;
    match person.two_factor() {
        TwoFactor::On => second(desk, &person, text, lane).await,
        TwoFactor::Off => password(desk, &person, text, lane).await,
    }
}

/// Any one factor of a signed-in person: a second factor, or the password.
///
/// # Errors
/// As [`prove`].
#[crate::boxed]
pub async fn prove_any(desk: &Desk<'_>, account: AccountId, text: &str) -> Result<Factor, ActionError> {
    let person = desk.authority.access.door.person(account).await?.ok_or(ActionError::NoAccount)?;
    let is_code = TotpCode::parse(text).is_ok() || RecoveryCode::parse(text).is_ok();
    match (person.two_factor(), is_code) {
        (TwoFactor::On, true) => second(desk, &person, text, "in").await,
        (TwoFactor::On, false) | (TwoFactor::Off, _) => password(desk, &person, text, "in").await,
    }
}

async fn second(
    desk: &Desk<'_>,
    person: &PersonRecord,
    text: &str,
    lane: &str,
) -> Result<Factor, ActionError> {
    let kind = if RecoveryCode::parse(text).is_ok() { FactorKind::RecoveryCode } else { FactorKind::Totp };
    let subject = format!("{}:{}:{lane}", kind.word(), person.account);
    let door = &desk.authority.access.door;
    if door.count_try(&subject, Patience::Credential, desk.now).await? == Try::Paused {
        return settle(person, kind, FactorAnswer::Paused);
    }
    let right = match kind {
        FactorKind::RecoveryCode => recovery_code(desk, person, text).await?,
        FactorKind::Totp => totp_code(desk, person, text).await?,
        FactorKind::Passkey | FactorKind::Password | FactorKind::Mailbox => false,
    };
    if right {
        door.clear_tries(&subject).await?;
    }
    settle(person, kind, if right { FactorAnswer::Right } else { FactorAnswer::Wrong })
}

async fn totp_code(desk: &Desk<'_>, person: &PersonRecord, text: &str) -> Result<bool, ActionError> {
    let (Ok(code), Some(secret)) = (TotpCode::parse(text), &person.totp) else { return Ok(false) };
    let authenticator = Authenticator::new(Secret::new(secret.expose().clone()));
    match authenticator.step_of(&code, desk.now) {
        Some(step) => Ok(desk.authority.access.door.use_totp_step(person.account, step).await?),
        None => Ok(false),
    }
}

async fn recovery_code(desk: &Desk<'_>, person: &PersonRecord, text: &str) -> Result<bool, ActionError> {
    let Ok(code) = RecoveryCode::parse(text) else { return Ok(false) };
    let owner = person.account.to_string();
    let tag = desk.authority.secrets.codes.tag("recovery", &owner, code.expose().as_bytes());
    Ok(desk.authority.access.door.use_recovery_code(person.account, &tag, desk.now).await?)
}

async fn password(
    desk: &Desk<'_>,
    person: &PersonRecord,
    text: &str,
    lane: &str,
) -> Result<Factor, ActionError> {
    let subject = format!("password:{}:{lane}", person.account);
    let authority = desk.authority;
    let counted = authority.access.door.count_try(&subject, Patience::Credential, desk.now).await?;
    if counted == Try::Paused {
        return settle(person, FactorKind::Password, FactorAnswer::Paused);
    }
    let hash = Secret::new(person.password.expose().clone());
    let presented = Password::present(text)?;
    let right = verified(desk, Lane::Known, &[(&subject, counted)], (presented, Some(hash))).await?;
    if right {
        authority.access.door.clear_tries(&subject).await?;
    }
    settle(person, FactorKind::Password, if right { FactorAnswer::Right } else { FactorAnswer::Wrong })
}

/// Whether a password is the one behind a hash. When too many others want theirs hashed nothing was looked at, so the tries
/// that were counted for it are taken back.
pub(crate) async fn verified(
    desk: &Desk<'_>,
    lane: Lane,
    tries: &[(&str, Try)],
    (password, hash): (Password, Option<Secret<String>>),
) -> Result<bool, ActionError> {
    let right = desk.authority.hasher.verify((source(desk), lane), password, hash).await;
    if matches!(right, Err(ActionError::Busy)) {
        for (subject, counted) in tries {
            desk.authority.access.door.refund_try(subject, *counted).await?;
        }
    }
    right
}

fn settle(person: &PersonRecord, kind: FactorKind, answer: FactorAnswer) -> Result<Factor, ActionError> {
    Ok(Factor::settle(person.account, kind, person.two_factor(), answer)?)
}

/// Whose share of pools and counters this is: everything at the host counts as one source.
pub(crate) fn source(desk: &Desk<'_>) -> Source {
    let host = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    Source::of(desk.actor.origin().map_or(host, |origin| origin.address))
}
