//! Action: sign in, second step: a code of the authenticator, or a recovery code.

use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Factor, FactorKind, Proof};
use keyward_rules::person::{SessionId, Token};
use keyward_store::{SessionKind, SessionRecord, Stage};

use super::lane::lane;
use super::{DEVICE, session};
use crate::{ActionContext, ActionError, prove, tell};

/// Completes the half session `half`; its token is replaced, so that one that was planted before is worth nothing.
///
/// # Errors
/// [`ActionError::NotProven`].
#[crate::boxed]
pub async fn present_factor(
    context: &ActionContext<'_>,
    half: &SessionRecord,
    text: &str,
    device: Option<Token>,
) -> Result<(Token, Token), ActionError> {
    let person = context.authority.access.door.person(half.account).await?.ok_or(ActionError::NoSession)?;
    let lane = lane(context, Some(&person), device.as_ref()).await?;
    let factor = prove(context, half.account, text, &lane).await?;
    finish(context, factor, half.kind, device, Some(half.id)).await
}

/// Begins the full session; gives its token and the browser's.
pub(super) async fn finish(
    context: &ActionContext<'_>,
    factor: Factor,
    kind: SessionKind,
    device: Option<Token>,
    half: Option<SessionId>,
) -> Result<(Token, Token), ActionError> {
    let (account, used) = (factor.account(), factor.kind());
    let door = &context.authority.access.door;
    let since = match &device {
        Some(token) => door.device_since(&token.hash(), account).await?,
        None => None,
    };
    let known = since.is_some();
    let grant = context.actor.may(ActionKind::SignIn, Proof::Factor(factor))?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    if let Some(half) = half
        && !tx.end_session(account, half).await?
    {
        return Err(ActionError::NoSession);
    }
    let (record, token) = session(context, account, kind, Stage::Full, since.unwrap_or(context.now));
    tx.begin_session(&record, &token.hash()).await?;
    if !known {
        let alert = tell::by_actor(context, AlertKind::NewDevice, account, String::new());
        tell::notify_holder(context, &mut tx, alert).await?;
    }
    if used == FactorKind::RecoveryCode {
        let alert = tell::by_actor(context, AlertKind::RecoveryCodeUsed, account, String::new());
        tell::notify_holder(context, &mut tx, alert).await?;
    }
    let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &[]);
    tx.commit(event).await?;
    let device = match device {
        Some(device) if known => device,
        Some(_) | None => Token::from_entropy(DEVICE, context.random()),
    };
    door.see_device(&device.hash(), account, (context.now, context.now)).await?;
    Ok((token, device))
}
