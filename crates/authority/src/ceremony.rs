//! The ceremony of an action: what is still to be proven for it, and the check of what was shown.
//!
//! Pages and API use the same two requests. The first shows nothing: it is answered with what to show, and a code by mail where
//! the action needs one. The second sends the same request again with the proof.

use keyward_rules::grant::{
    ActionKind, Actor, Ceremony, FirstSession, Holder, NotAllowed, NotApproved, Proof,
};
use keyward_rules::person::SessionId;
use keyward_rules::staff::Role;
use keyward_store::SessionKind;

use crate::passkeys::{Purpose, prove_passkey};
use crate::step_up::{Shown, begin_step_up, finish_step_up};
use crate::{ActionContext, ActionError, PendingAction, prove_any};

/// How far the proof of an action has come.
pub enum ProofStep {
    /// It is complete.
    Complete(Proof),
    /// Something is still to be shown, with the same request.
    Missing(MissingProof),
}

/// What is still to be shown.
pub struct MissingProof {
    /// The challenge of the step-up; `None` where one factor is enough.
    pub challenge: Option<SessionId>,
    /// What a passkey's answer would be for.
    pub purpose: Purpose,
    /// What was wrong with what was shown; `None` when nothing was.
    pub wrong: Option<ActionError>,
}

impl MissingProof {
    const fn of(challenge: Option<SessionId>, purpose: Purpose, wrong: Option<ActionError>) -> ProofStep {
        ProofStep::Missing(Self { challenge, purpose, wrong })
    }
}

/// What the action asks of this actor.
///
/// # Errors
/// [`ActionError::NotAllowed`] when the actor may never do it: before a code is sent.
pub fn ceremony_of(context: &ActionContext<'_>, action: ActionKind) -> Result<Ceremony, ActionError> {
    let ceremony = match &context.actor {
        Actor::Holder(Holder { acting: Some(acting), .. }) if !action.is_for_sub_accounts(acting.by) => {
            Ceremony::Never
        }
        Actor::Holder(_) => action.ceremony(),
        Actor::Staff(staff) if staff.role == Role::Operator => action.operator_ceremony(),
        Actor::Host(_) => action.host_ceremony(),
        Actor::Key(_) => action.key_ceremony(),
        Actor::Staff(_) | Actor::System(_) | Actor::Visitor(_) => Ceremony::Never,
    };
    match ceremony {
        Ceremony::Never => Err(NotAllowed::of(&context.actor, action).into()),
        Ceremony::Session
        | Ceremony::OneFactor
        | Ceremony::StepUp
        | Ceremony::MailCode
        | Ceremony::Link
        | Ceremony::Proposal
        | Ceremony::Consent => Ok(ceremony),
    }
}

/// Checks what was shown for `pending`, or says what to show.
///
/// # Errors
/// [`ActionError::NotAllowed`], [`ActionError::NotApproved`] when the challenge is over, [`ActionError::TooManyCodes`].
#[crate::boxed]
pub async fn prove_action(
    context: &ActionContext<'_>,
    pending: &PendingAction,
    shown: &Shown,
) -> Result<ProofStep, ActionError> {
    match ceremony_of(context, pending.action)? {
        Ceremony::Session => Ok(ProofStep::Complete(Proof::None)),
        Ceremony::OneFactor => one_factor(context, pending, shown).await,
        Ceremony::StepUp => step_up(context, pending, shown).await,
        // These proofs come from elsewhere: a mail before sign-in, a link, a proposal, the master's approval.
        Ceremony::MailCode | Ceremony::Link | Ceremony::Proposal | Ceremony::Consent | Ceremony::Never => {
            Err(NotAllowed::of(&context.actor, pending.action).into())
        }
    }
}

async fn one_factor(
    context: &ActionContext<'_>,
    pending: &PendingAction,
    shown: &Shown,
) -> Result<ProofStep, ActionError> {
    let holder = context.actor.person().ok_or(ActionError::NoAccount)?;
    let purpose = match &shown.form {
        Some(form) => Purpose::Confirm(holder.session, form.clone()),
        None => Purpose::of_action(context, pending)?,
    };
    let proved = match (shown.factor.as_str(), shown.passkey.as_str()) {
        ("", "") => return Ok(MissingProof::of(None, purpose, None)),
        (factor, "") => prove_any(context, holder.account, factor).await,
        (_, passkey) => prove_passkey(context, holder.account, &purpose, passkey).await,
    };
    match proved {
        Ok(factor) => Ok(ProofStep::Complete(Proof::Factor(factor))),
        Err(wrong @ (ActionError::NotProven(_) | ActionError::Password(_))) => {
            Ok(MissingProof::of(None, purpose, Some(wrong)))
        }
        Err(other) => Err(other),
    }
}

async fn step_up(
    context: &ActionContext<'_>,
    pending: &PendingAction,
    shown: &Shown,
) -> Result<ProofStep, ActionError> {
    if shown.challenge.is_empty() {
        if let Some(first) = first_session(context, pending).await? {
            return Ok(ProofStep::Complete(Proof::FirstSession(first)));
        }
        let challenge = begin_step_up(context, pending).await?;
        return Ok(MissingProof::of(Some(challenge), Purpose::StepUp(challenge), None));
    }
    match (finish_step_up(context, pending, shown).await, shown.challenge.parse()) {
        (Ok(proof), _) => Ok(ProofStep::Complete(proof)),
        // The challenge still counts: another try can be made with it.
        (
            Err(
                wrong @ (ActionError::NotProven(_)
                | ActionError::NotApproved(NotApproved::Wrong | NotApproved::Unreadable)),
            ),
            Ok(challenge),
        ) => Ok(MissingProof::of(Some(challenge), Purpose::StepUp(challenge), Some(wrong))),
        (Err(other), _) => Err(other),
    }
}

/// The actor's session as the one in which the account was made in a browser, for the first second factor. Programs keep both
/// requests.
async fn first_session(
    context: &ActionContext<'_>,
    pending: &PendingAction,
) -> Result<Option<FirstSession>, ActionError> {
    if !matches!(pending.action, ActionKind::EnrolTotp | ActionKind::EnrolPasskey) {
        return Ok(None);
    }
    let access = &context.authority.access;
    let holder = context.actor.person().ok_or(ActionError::NoAccount)?;
    let account = access.door.account(holder.account).await?.ok_or(ActionError::NoAccount)?;
    let person = access.door.person(holder.account).await?.ok_or(ActionError::NoAccount)?;
    // A factor that was set up and removed again rests the account's keys: then this is no longer the first one.
    if person.cooling_until.is_some() {
        return Ok(None);
    }
    let sessions = access.reader.sessions_of(context.actor.scope(), holder.account).await?;
    let session = sessions.iter().find(|one| one.id == holder.session && one.kind == SessionKind::Pages);
    Ok(session.and_then(|session| {
        let began = (session.id, session.life.began_at);
        FirstSession::settle((account.id, account.created_at), began, person.two_factor(), context.now)
    }))
}
