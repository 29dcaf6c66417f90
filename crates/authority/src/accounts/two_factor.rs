//! Actions: set up an authenticator, and turn it off.

use async_trait::async_trait;
use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, NotApproved, NotProven, Proof, TwoFactor};
use keyward_rules::id::AccountId;
use keyward_rules::key::Hold;
use keyward_rules::person::{RecoveryCode, TotpCode};

use keyward_store::Tx;

use super::{Left, family_holds, recovery_codes, rest};
use crate::questions::show_account;
use crate::{Action, ActionContext, ActionError, Authenticator, PendingAction, tell};

/// Set up an authenticator. The first one brings recovery codes and lifts the hold on the keys, one beside a passkey changes
/// nothing else, and with a replacement keys that move funds are held.
pub struct EnrolTotp {
    /// Of which account.
    pub account: AccountId,
    /// The authenticator.
    pub authenticator: Authenticator,
    /// The time step whose code came back, as [`try_authenticator`] or [`open_step`] gives it.
    pub step: u64,
}

/// A second factor is set up.
pub struct Enrolled {
    /// New recovery codes, shown this once; none when a set was there already.
    pub recovery_codes: Vec<String>,
}

#[async_trait]
impl Action for EnrolTotp {
    type Reply = Enrolled;

    /// This authenticator is approved, by its secret.
    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        Ok(PendingAction {
            action: ActionKind::EnrolTotp,
            facts: vec![("secret", self.authenticator.base32())],
            words: vec!["Set up an authenticator for your account".to_owned()],
        })
    }

    /// # Errors
    /// [`ActionError::NoAccount`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { account, authenticator, step } = self;
        let first_only = matches!(proof, Proof::FirstSession(_));
        let grant = context.actor.may(ActionKind::EnrolTotp, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let person = tx.person(account).await?.ok_or(ActionError::NoAccount)?;
        tx.set_totp(account, Some(authenticator.secret()), step).await?;
        let mut codes = Vec::new();
        match person.two_factor() {
            // Another factor was faster: from here on the first session proves nothing.
            TwoFactor::On if first_only => return Err(NotApproved::Over.into()),
            TwoFactor::On if person.totp.is_some() => rest(context, &mut tx, account).await?,
            // One more factor beside a passkey: nothing was reset (product.md 2).
            TwoFactor::On => {}
            TwoFactor::Off => {
                codes = recovery_codes::write(context, &mut tx, account).await?;
                family_holds(&mut tx, account, |key| Some(key.life.release(Hold::TwoFactorOff))).await?;
            }
        }
        let alert = tell::by_actor(context, AlertKind::TotpEnrolled, account, String::new());
        tell::notify_holder(context, &mut tx, alert).await?;
        let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &[]);
        tx.commit(event).await?;
        Ok(Enrolled { recovery_codes: codes.iter().map(RecoveryCode::shown).collect() })
    }
}

/// Steps of 30 seconds for which a proof of an authenticator is good: as long as the mail's code beside it.
const PROOF_STEPS: u64 = 25;

/// Checks a code of an authenticator that is not set up yet; gives its time step.
///
/// # Errors
/// [`ActionError::NotProven`].
pub fn try_authenticator(
    context: &ActionContext<'_>,
    authenticator: &Authenticator,
    code: &str,
) -> Result<u64, ActionError> {
    let code = TotpCode::parse(code).map_err(|_| NotProven::Unreadable)?;
    authenticator.step_of(&code, context.now).ok_or_else(|| NotProven::Wrong.into())
}

/// The proof of [`try_authenticator`] as a text that a form carries while its owner fetches the mail.
#[must_use]
pub fn seal_step(context: &ActionContext<'_>, authenticator: &Authenticator, step: u64) -> String {
    format!("{step}.{}", step_mac(context, authenticator, step))
}

/// Reads that text again; `None` when it is not ours, of another session, or older than a mail's code lasts.
#[must_use]
pub fn open_step(context: &ActionContext<'_>, authenticator: &Authenticator, text: &str) -> Option<u64> {
    let (step, mac) = text.split_once('.')?;
    let step: u64 = step.parse().ok()?;
    let expected = step_mac(context, authenticator, step);
    let same: bool = subtle::ConstantTimeEq::ct_eq(expected.as_bytes(), mac.as_bytes()).into();
    let fresh = (context.now.unix_ms() / 30_000).saturating_sub(step) <= PROOF_STEPS;
    (same && fresh).then_some(step)
}

fn step_mac(context: &ActionContext<'_>, authenticator: &Authenticator, step: u64) -> String {
    let owner = context.session().map(|id| id.to_string()).unwrap_or_default();
    let text = format!("{} {step}", authenticator.base32());
    let tag = context.authority.secrets.codes.tag("authenticator proved", &owner, text.as_bytes());
    tag.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Turn the authenticator off. Without a passkey beside it, every key of the person and of the sub-accounts is held until
/// two-factor sign-in is on again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RemoveTotp(pub AccountId);

#[async_trait]
impl Action for RemoveTotp {
    type Reply = ();

    /// What is left of the second factor belongs to it.
    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let left = show_account(context, self.0).await?.without_the_authenticator();
        let title = match left {
            Left::Another => "Turn the authenticator off",
            Left::Nothing => "Turn two-factor sign-in off",
        };
        Ok(PendingAction {
            action: ActionKind::RemoveTotp,
            facts: vec![("left", left.word().to_owned())],
            words: vec![title.to_owned(), left.sentence().to_owned()],
        })
    }

    /// # Errors
    /// [`ActionError::Unchanged`] when it is off.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self(account) = self;
        let grant = context.actor.may(ActionKind::RemoveTotp, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let person = tx.person(account).await?.ok_or(ActionError::NoAccount)?;
        if person.totp.is_none() {
            return Err(ActionError::Unchanged);
        }
        tx.set_totp(account, None, person.totp_step).await?;
        let_go(context, &mut tx, account).await?;
        let alert = tell::by_actor(context, AlertKind::TotpRemoved, account, String::new());
        tell::notify_holder(context, &mut tx, alert).await?;
        let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &[]);
        tx.commit(event).await?;
        Ok(())
    }
}

/// What follows when a second factor is gone: keys that move funds rest, and once it was the last, the recovery codes go with
/// it and every key is held.
pub(crate) async fn let_go(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    account: AccountId,
) -> Result<(), ActionError> {
    rest(context, tx, account).await?;
    let person = tx.person(account).await?.ok_or(ActionError::NoAccount)?;
    match person.two_factor() {
        TwoFactor::On => Ok(()),
        // The mailbox alone would open the role.
        TwoFactor::Off if tx.has_role(account).await? => {
            Err(ActionError::OtherWay("your role needs two factors; ask another operator to revoke it first"))
        }
        TwoFactor::Off => {
            tx.set_recovery_codes(account, &[]).await?;
            family_holds(tx, account, |key| key.life.hold(Hold::TwoFactorOff).ok()).await
        }
    }
}

/// Removes the second factor of somebody who lost it, in a proposal's transaction: what is left is what stands right
/// after registering, with every key held, every session ended, every browser forgotten, and no role.
pub(crate) async fn reset_factors(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    account: AccountId,
) -> Result<(), ActionError> {
    let person = tx.person(account).await?.ok_or(ActionError::NoAccount)?;
    if person.two_factor() == TwoFactor::Off {
        return Err(ActionError::Unchanged);
    }
    // A role takes two factors, so it goes with the factor.
    if tx.staff().await?.iter().any(|member| member.account == account) {
        crate::operators::refuse_too_few(context, tx, account).await?;
        tx.set_role(account, None).await?;
    }
    tx.set_totp(account, None, person.totp_step).await?;
    tx.drop_passkeys(account).await?;
    tx.set_recovery_codes(account, &[]).await?;
    tx.end_sessions(account, None).await?;
    tx.forget_devices(account).await?;
    rest(context, tx, account).await?;
    family_holds(tx, account, |key| key.life.hold(Hold::TwoFactorOff).ok()).await?;
    tell::notify_holder(context, tx, Alert::of(AlertKind::FactorsReset, account, context.now)).await?;
    Ok(())
}
