//! Action: sign in with a passkey, alone or as the second step.
//!
//! A passkey that signs in alone stands for password and second factor: it is a thing that one has, and it verified its
//! holder. A credential that nobody has, one of another account and a wrong signature get one answer, and the shell gives
//! it after one time.

use keyward_rules::person::Token;
use keyward_store::{AttemptLimit, SessionKind, SessionRecord};

use super::second_factor::finish;
use crate::passkeys::{Purpose, prove_any_passkey, prove_passkey};
use crate::prove::source;
use crate::{ActionContext, ActionError};

/// Signs in with a passkey and nothing else; gives the session's token and the browser's.
///
/// # Errors
/// [`ActionError::PasskeyRefused`] for everything that is not right.
#[crate::boxed]
pub async fn present_passkey(
    context: &ActionContext<'_>,
    text: &str,
    device: Option<Token>,
    kind: SessionKind,
) -> Result<(Token, Token), ActionError> {
    // Nobody guesses a signature, and the open questions of a source bound the work. So a source's pause, which others may
    // have caused, does not keep a passkey's owner out; what is wrong counts against the source all the same.
    let factor = match prove_any_passkey(context, &Purpose::SignIn, text).await {
        Err(ActionError::NotProven(_)) => {
            let by_source = format!("source:{}", source(context));
            context.authority.access.door.count_try(&by_source, AttemptLimit::Source, context.now).await?;
            return Err(ActionError::PasskeyRefused);
        }
        other => other?,
    };
    finish(context, factor, kind, device, None).await
}

/// Completes the half session `half` with a passkey of its account.
///
/// # Errors
/// [`ActionError::NotProven`].
#[crate::boxed]
pub async fn present_passkey_second(
    context: &ActionContext<'_>,
    half: &SessionRecord,
    text: &str,
    device: Option<Token>,
) -> Result<(Token, Token), ActionError> {
    let factor = prove_passkey(context, half.account, &Purpose::SecondFactor(half.id), text).await?;
    finish(context, factor, half.kind, device, Some(half.id)).await
}
