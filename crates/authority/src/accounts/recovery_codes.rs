//! Action: make new recovery codes.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof, TwoFactor};
use keyward_rules::id::AccountId;
use keyward_rules::limits::RECOVERY_CODES;
use keyward_rules::person::{CodeTag, RecoveryCode};
use keyward_store::Tx;

use super::rest;
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Make ten new recovery codes, which are shown once; the old ones no longer work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RenewRecoveryCodes(pub AccountId);

#[async_trait]
impl Action for RenewRecoveryCodes {
    /// The codes, as people write them down.
    type Reply = Vec<String>;

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        Ok(PendingAction {
            action: ActionKind::RenewRecoveryCodes,
            facts: Vec::new(),
            words: vec!["Make new recovery codes".to_owned(), "The old ones no longer work.".to_owned()],
        })
    }

    /// # Errors
    /// [`ActionError::TwoFactorOff`] without a second factor.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self(account) = self;
        let grant = context.actor.may(ActionKind::RenewRecoveryCodes, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let person = tx.person(account).await?.ok_or(ActionError::NoAccount)?;
        if person.two_factor() == TwoFactor::Off {
            return Err(ActionError::TwoFactorOff);
        }
        let codes = write(context, &mut tx, account).await?;
        rest(context, &mut tx, account).await?;
        let alert = tell::by_actor(context, AlertKind::RecoveryCodesRenewed, account, String::new());
        tell::notify_holder(context, &mut tx, alert).await?;
        let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &[]);
        tx.commit(event).await?;
        Ok(codes.iter().map(RecoveryCode::shown).collect())
    }
}

/// Writes a fresh set; only keyed hashes stay.
pub(crate) async fn write(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    account: AccountId,
) -> Result<Vec<RecoveryCode>, ActionError> {
    let codes: Vec<RecoveryCode> =
        (0..RECOVERY_CODES).map(|_| RecoveryCode::from_entropy(context.random())).collect();
    let owner = account.to_string();
    let tags: Vec<CodeTag> = codes
        .iter()
        .map(|code| context.authority.secrets.codes.tag("recovery", &owner, code.expose().as_bytes()))
        .collect();
    tx.set_recovery_codes(account, &tags).await?;
    Ok(codes)
}
