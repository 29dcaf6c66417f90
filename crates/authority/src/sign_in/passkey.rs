//! Action: sign in with a passkey, alone or as the second step.
//!
//! A passkey that signs in alone stands for password and second factor: it is a thing that one has, and it verified its
//! holder. A credential that nobody has, one of another account and a wrong signature get one answer, and the shell gives
//! it after one time.

use keyward_rules::person::Token;
use keyward_store::{Patience, SessionKind, SessionRecord, Try};

use super::second_factor::finish;
use crate::passkeys::{Purpose, prove_any_passkey, prove_passkey};
use crate::prove::{source, source_word};
use crate::{ActionError, Desk};

/// Signs in with a passkey and nothing else; gives the session's token and the browser's.
///
/// # Errors
/// [`ActionError::PasskeyRefused`] for everything that is not right.
#[crate::boxed]
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
    let factor = match prove_any_passkey(desk, &Purpose::SignIn, text).await {
        Err(ActionError::NotProven(_)) => return Err(ActionError::PasskeyRefused),
        other => other?,
    };
    door.refund_try(&by_source).await?;
    finish(desk, factor, kind, device, None).await
}

/// Completes the half session `half` with a passkey of its account.
///
/// # Errors
/// [`ActionError::NotProven`].
#[crate::boxed]
pub async fn present_passkey_second(
    desk: &Desk<'_>,
    half: &SessionRecord,
    text: &str,
    device: Option<Token>,
) -> Result<(Token, Token), ActionError> {
    let factor = prove_passkey(desk, half.account, &Purpose::SecondFactor(half.id), text).await?;
    finish(desk, factor, half.kind, device, Some(half.id)).await
}
