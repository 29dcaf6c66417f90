//! The check of an answer, and what it makes of the passkey.

use keyward_rules::alert::AlertKind;
use keyward_rules::grant::{Factor, FactorAnswer, FactorKind, NotProven, TwoFactor};
use keyward_rules::id::AccountId;
use keyward_rules::limits::DAY_MS;
use keyward_store::{PasskeyRecord, Use};
use serde_json::Value;
use webauthn_rs::prelude::{
    AuthenticationResult, DiscoverableAuthentication, PasskeyAuthentication, PublicKeyCredential,
    WebauthnError, WebauthnResult,
};

use super::Purpose;
use super::ceremony::{Presented, credential_of, is_framed, take};
use super::user_handle::user_handle;
use crate::{ActionContext, ActionError};

/// What an answer came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    /// Right, and noted.
    Right,
    /// Anything else.
    Wrong,
}

/// A passkey of `account`, by its answer `text` to the question that was put for exactly `purpose`.
///
/// # Errors
/// [`ActionError::NotProven`] for everything that is not right, late or used.
#[crate::boxed]
pub async fn prove_passkey(
    context: &ActionContext<'_>,
    account: AccountId,
    purpose: &Purpose,
    text: &str,
) -> Result<Factor, ActionError> {
    let party = context.authority.relying_party.as_ref().ok_or(ActionError::NoPasskeysHere)?;
    let presented = Presented::parse(text).ok_or(NotProven::Wrong)?;
    let state = take(context, presented.ceremony, Some(account), purpose).await?;
    let state: PasskeyAuthentication = serde_json::from_str(state.expose()).map_err(|_| NotProven::Wrong)?;
    let answer = assertion(presented.credential)?;
    let record = context.authority.access.door.passkey_by_handle(answer.get_credential_id()).await?;
    let record = record.filter(|record| record.account == account).ok_or(NotProven::Wrong)?;
    let result = party.webauthn.finish_passkey_authentication(&answer, &state);
    accept(context, &record, result).await?.factor(account)
}

/// A passkey of whichever account, by its answer `text` to the question that was put before sign-in for exactly `purpose`.
///
/// # Errors
/// [`ActionError::NotProven`] for everything that is not right, late or used.
pub(crate) async fn prove_any_passkey(
    context: &ActionContext<'_>,
    purpose: &Purpose,
    text: &str,
) -> Result<Factor, ActionError> {
    let party = context.authority.relying_party.as_ref().ok_or(ActionError::NoPasskeysHere)?;
    let wrong = || NotProven::Wrong;
    let presented = Presented::parse(text).ok_or_else(wrong)?;
    let state = take(context, presented.ceremony, None, purpose).await?;
    let state: DiscoverableAuthentication = serde_json::from_str(state.expose()).map_err(|_| wrong())?;
    let answer = assertion(presented.credential)?;
    let (holder, handle) =
        party.webauthn.identify_discoverable_authentication(&answer).map_err(|_| wrong())?;
    let record = context.authority.access.door.passkey_by_handle(handle).await?.ok_or_else(wrong)?;
    if user_handle(context, record.account) != holder {
        return Err(wrong().into());
    }
    let passkey = credential_of(&record)?;
    let result = party.webauthn.finish_discoverable_authentication_v2(&answer, state, &passkey);
    accept(context, &record, result).await?.factor(record.account)
}

/// The assertion of an answer. The library does not look at the page that an assertion was made in.
fn assertion(credential: Value) -> Result<PublicKeyCredential, NotProven> {
    let answer: PublicKeyCredential = serde_json::from_value(credential).map_err(|_| NotProven::Wrong)?;
    if is_framed(&answer.response.client_data_json) { Err(NotProven::Wrong) } else { Ok(answer) }
}

impl Verdict {
    fn factor(self, account: AccountId) -> Result<Factor, ActionError> {
        let answer = match self {
            Self::Right => FactorAnswer::Right,
            Self::Wrong => FactorAnswer::Wrong,
        };
        Ok(Factor::settle(account, FactorKind::Passkey, TwoFactor::On, answer)?)
    }
}

/// Notes the use of a passkey whose answer is right. The counter that was there when the question was put is held against
/// the answer first, and the one that is there now by compare-and-set.
async fn accept(
    context: &ActionContext<'_>,
    record: &PasskeyRecord,
    result: WebauthnResult<AuthenticationResult>,
) -> Result<Verdict, ActionError> {
    let result = match result {
        Ok(result) if result.user_verified() => result,
        // Only an answer that is signed right comes so far.
        Err(WebauthnError::CredentialPossibleCompromise) => return tell_of_copy(context, record).await,
        Ok(_) | Err(_) => return Ok(Verdict::Wrong),
    };
    let mut passkey = credential_of(record)?;
    if passkey.update_credential(&result).is_none() {
        return Ok(Verdict::Wrong);
    }
    let Ok(credential) = serde_json::to_string(&passkey) else { return Ok(Verdict::Wrong) };
    let door = &context.authority.access.door;
    match door.use_passkey(record, &credential, result.counter(), context.now).await? {
        Use::Noted => Ok(Verdict::Right),
        Use::Gone => Ok(Verdict::Wrong),
        Use::WentBack => tell_of_copy(context, record).await,
    }
}

/// The holder is told once a day of each passkey.
async fn tell_of_copy(context: &ActionContext<'_>, record: &PasskeyRecord) -> Result<Verdict, ActionError> {
    let once = format!("passkey copied:{}:{}", record.id, context.now.unix_ms() / DAY_MS);
    crate::duties::raise_to(context, AlertKind::PasskeyCopied, record.account, once).await?;
    Ok(Verdict::Wrong)
}
