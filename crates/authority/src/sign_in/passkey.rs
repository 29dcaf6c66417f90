//! Action: sign in with a passkey, alone or as the second step.
//!
//! A passkey that signs in alone stands for password and second factor: it is a thing that one has, and it verified its
//! holder. A credential that nobody has, one of another account and a wrong signature get one answer, and the shell gives
//! it after one time.

use keyward_rules::grant::{Factor, FactorAnswer, FactorKind, TwoFactor};
use keyward_rules::person::Token;
use keyward_store::{Patience, SessionKind, SessionRecord, Try};
use webauthn_rs::prelude::{DiscoverableAuthentication, PublicKeyCredential};

use super::second_factor::finish;
use crate::passkeys::{Presented, Purpose, Verdict, accept, credential_of, prove_passkey, take, user_handle};
use crate::prove::{source, source_word};
use crate::{ActionError, Desk};

/// Signs in with a passkey and nothing else; gives the session's token and the browser's.
///
/// # Errors
/// [`ActionError::PasskeyRefused`] for everything that is not right.
pub async fn present_passkey(
    desk: &Desk<'_>,
    text: &str,
    device: Option<Token>,
    kind: SessionKind,
) -> Result<(Token, Token), ActionError> {
    let door = &desk.authority.access.door;
    let by_source = format!("source:{}", source_word(source(desk)));
    if door.count_try(&by_source, Patience::Source, desk.now).await? == Try::Paused {
        return Err(ActionError::PasskeyRefused);
    }
    let factor = match alone(desk, text).await {
        Err(ActionError::NotProven(_)) => return Err(ActionError::PasskeyRefused),
        other => other?.ok_or(ActionError::PasskeyRefused)?,
    };
    door.refund_try(&by_source).await?;
    finish(desk, factor, kind, device, None).await
}

async fn alone(desk: &Desk<'_>, text: &str) -> Result<Option<Factor>, ActionError> {
    let party = desk.authority.relying_party.as_ref().ok_or(ActionError::NoPasskeysHere)?;
    let Some(presented) = Presented::parse(text) else { return Ok(None) };
    let state = take(desk, presented.ceremony, None, &Purpose::SignIn).await?;
    let state = serde_json::from_str::<DiscoverableAuthentication>(state.expose());
    let answer = serde_json::from_value::<PublicKeyCredential>(presented.credential);
    let (Ok(state), Ok(answer)) = (state, answer) else { return Ok(None) };
    let Ok((holder, handle)) = party.webauthn.identify_discoverable_authentication(&answer) else {
        return Ok(None);
    };
    let Some(record) = desk.authority.access.door.passkey_by_handle(handle).await? else { return Ok(None) };
    if user_handle(desk, record.account) != holder {
        return Ok(None);
    }
    let passkey = credential_of(&record)?;
    let result = party.webauthn.finish_discoverable_authentication_v2(&answer, state, &passkey);
    Ok(match accept(desk, &record, result).await? {
        Verdict::Right => {
            let answer = FactorAnswer::Right;
            Some(Factor::settle(record.account, FactorKind::Passkey, TwoFactor::On, answer)?)
        }
        Verdict::Wrong => None,
    })
}

/// Completes the half session `half` with a passkey of its account.
///
/// # Errors
/// [`ActionError::NotProven`].
pub async fn present_passkey_second(
    desk: &Desk<'_>,
    half: &SessionRecord,
    text: &str,
    device: Option<Token>,
) -> Result<(Token, Token), ActionError> {
    let factor = prove_passkey(desk, half.account, &Purpose::SecondFactor(half.id), text).await?;
    finish(desk, factor, half.kind, device, Some(half.id)).await
}
