//! What a person shows, checked: counted first, looked at then, used up last.

use std::net::IpAddr;

use keyward_rules::address::Source;
use keyward_rules::grant::{Factor, FactorAnswer, FactorKind, NotProven, TwoFactor};
use keyward_rules::id::AccountId;
use keyward_rules::limits::PASSWORD_MIN_CHARS;
use keyward_rules::person::{Password, RecoveryCode, TotpCode};
use keyward_rules::secret::Secret;
use keyward_store::{AttemptLimit, Try, UserRecord};

use crate::hashing::HashPriority;
use crate::{ActionContext, ActionError, Authenticator};

/// What somebody typed as a second factor, read.
pub(crate) enum FactorCode {
    /// An authenticator's.
    Totp(TotpCode),
    /// One of the sheet.
    Recovery(RecoveryCode),
}

impl FactorCode {
    /// Reads a code of either kind.
    ///
    /// # Errors
    /// [`NotProven::Unreadable`].
    pub(crate) fn parse(text: &str) -> Result<Self, NotProven> {
        let recovery = || RecoveryCode::parse(text).map(Self::Recovery);
        TotpCode::parse(text).map(Self::Totp).or_else(|_| recovery()).map_err(|_| NotProven::Unreadable)
    }

    const fn kind(&self) -> FactorKind {
        match self {
            Self::Totp(_) => FactorKind::Totp,
            Self::Recovery(_) => FactorKind::RecoveryCode,
        }
    }
}

/// Whether [`prove`] can read `text` at all; asked before a try of something else is counted for it.
///
/// # Errors
/// [`NotProven::Unreadable`].
pub(crate) async fn readable(
    context: &ActionContext<'_>,
    account: AccountId,
    text: &str,
) -> Result<(), ActionError> {
    let person = context.authority.access.door.person(account).await?.ok_or(ActionError::NoAccount)?;
    if person.two_factor() == TwoFactor::On {
        FactorCode::parse(text)?;
    }
    Ok(())
}

/// A second factor of the account: an authenticator's code or a recovery code. Where the account has none, the
/// password stands in (and is then no second factor for a key, because no key can be made).
///
/// `lane` separates counters, so that who guesses in one cannot pause the other: a known browser has its own.
///
/// # Errors
/// [`ActionError::NotProven`], which counts no try for what cannot be read; [`ActionError::Store`] when the try could not be
/// counted.
#[crate::boxed]
pub async fn prove(
    context: &ActionContext<'_>,
    account: AccountId,
    text: &str,
    lane: &str,
) -> Result<Factor, ActionError> {
    let person = context.authority.access.door.person(account).await?.ok_or(ActionError::NoAccount)?;
    match person.two_factor() {
        TwoFactor::On => second(context, &person, FactorCode::parse(text)?, lane).await,
        TwoFactor::Off => password(context, &person, text, lane).await,
    }
}

/// Any one factor of a signed-in person: a second factor, or the password.
///
/// # Errors
/// As [`prove`].
#[crate::boxed]
pub async fn prove_any(
    context: &ActionContext<'_>,
    account: AccountId,
    text: &str,
) -> Result<Factor, ActionError> {
    let person = context.authority.access.door.person(account).await?.ok_or(ActionError::NoAccount)?;
    let by_password = || password(context, &person, text, "in");
    match (person.two_factor(), FactorCode::parse(text)) {
        (TwoFactor::Off, _) => by_password().await,
        (TwoFactor::On, Ok(code)) => match (code.kind(), second(context, &person, code, "in").await) {
            // A password may look like a code of the sheet.
            (FactorKind::RecoveryCode, Err(ActionError::NotProven(NotProven::Wrong))) => by_password().await,
            (_, proven) => proven,
        },
        (TwoFactor::On, Err(unreadable)) if text.chars().count() < PASSWORD_MIN_CHARS => {
            Err(unreadable.into())
        }
        (TwoFactor::On, Err(_)) => by_password().await,
    }
}

async fn second(
    context: &ActionContext<'_>,
    person: &UserRecord,
    code: FactorCode,
    lane: &str,
) -> Result<Factor, ActionError> {
    let kind = code.kind();
    let subject = format!("{}:{}:{lane}", kind.word(), person.account);
    let door = &context.authority.access.door;
    if door.count_try(&subject, AttemptLimit::Credential, context.now).await? == Try::Paused {
        return settle(person, kind, FactorAnswer::Paused);
    }
    let right = match code {
        FactorCode::Recovery(code) => recovery_code(context, person, &code).await?,
        FactorCode::Totp(code) => totp_code(context, person, &code).await?,
    };
    if right {
        door.clear_tries(&subject).await?;
    }
    settle(person, kind, if right { FactorAnswer::Right } else { FactorAnswer::Wrong })
}

async fn totp_code(
    context: &ActionContext<'_>,
    person: &UserRecord,
    code: &TotpCode,
) -> Result<bool, ActionError> {
    let Some(secret) = &person.totp else { return Ok(false) };
    let authenticator = Authenticator::new(Secret::new(secret.expose().clone()));
    match authenticator.step_of(code, context.now) {
        Some(step) => Ok(context.authority.access.door.use_totp_step(person.account, step).await?),
        None => Ok(false),
    }
}

async fn recovery_code(
    context: &ActionContext<'_>,
    person: &UserRecord,
    code: &RecoveryCode,
) -> Result<bool, ActionError> {
    let owner = person.account.to_string();
    let tag = context.authority.secrets.codes.tag("recovery", &owner, code.expose().as_bytes());
    Ok(context.authority.access.door.use_recovery_code(person.account, &tag, context.now).await?)
}

async fn password(
    context: &ActionContext<'_>,
    person: &UserRecord,
    text: &str,
    lane: &str,
) -> Result<Factor, ActionError> {
    let subject = format!("password:{}:{lane}", person.account);
    let authority = context.authority;
    let counted = authority.access.door.count_try(&subject, AttemptLimit::Credential, context.now).await?;
    if counted == Try::Paused {
        return settle(person, FactorKind::Password, FactorAnswer::Paused);
    }
    let hash = Secret::new(person.password.expose().clone());
    let presented = Password::present(text)?;
    let right =
        verified(context, HashPriority::Known, &[(&subject, counted)], (presented, Some(hash))).await?;
    if right {
        authority.access.door.clear_tries(&subject).await?;
    }
    settle(person, FactorKind::Password, if right { FactorAnswer::Right } else { FactorAnswer::Wrong })
}

/// Whether a password is the one behind a hash. When too many others want theirs hashed nothing was looked at, so the tries
/// that were counted for it are taken back.
pub(crate) async fn verified(
    context: &ActionContext<'_>,
    lane: HashPriority,
    tries: &[(&str, Try)],
    (password, hash): (Password, Option<Secret<String>>),
) -> Result<bool, ActionError> {
    let right = context.authority.hasher.verify((source(context), lane), password, hash).await;
    if matches!(right, Err(ActionError::Busy)) {
        for (subject, counted) in tries {
            context.authority.access.door.refund_try(subject, *counted).await?;
        }
    }
    right
}

fn settle(person: &UserRecord, kind: FactorKind, answer: FactorAnswer) -> Result<Factor, ActionError> {
    Ok(Factor::settle(person.account, kind, person.two_factor(), answer)?)
}

/// Whose share of pools and counters this is: everything at the host counts as one source.
pub(crate) fn source(context: &ActionContext<'_>) -> Source {
    let host = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    Source::of(context.actor.origin().map_or(host, |origin| origin.address))
}
