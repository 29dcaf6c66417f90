//! A program with a full session, and what it must prove.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use keyward_authority::operators::role_of;
use keyward_authority::passkeys::offer_passkey;
use keyward_authority::questions::{Presence, acting_for};
use keyward_authority::{
    Action, ActionContext, ActionError, PendingAction, ProofStep, SessionKind, Shown, Stage, ceremony_of,
    prove_action,
};
use keyward_rules::grant::{
    Acting, ActionKind, Actor, Ceremony, Holder, NotAllowed, NotApproved, Proof, Staff,
};
use keyward_rules::id::AccountId;
use keyward_rules::staff::Role;

use super::body::{PasskeyAnswer, StepUp};
use super::passkey_question::PasskeyQuestion;
use super::problem::Problem;
use crate::shell::Shell;
use crate::who::{ACTING_HEADER, bearer, origin, session};

/// A program that is signed in.
pub struct Caller {
    /// What it works with.
    pub shell: Shell,
    /// For whom it acts.
    pub holder: Holder,
}

impl Caller {
    /// The context of what it does now.
    pub fn context(&self) -> ActionContext<'_> {
        self.shell.context(Actor::Holder(self.holder.clone()))
    }

    /// The program's own account.
    pub const fn id(&self) -> AccountId {
        self.holder.account
    }

    /// The account whose keys it sees and changes: the sub-account that its header names, or its own.
    pub const fn acts_for(&self) -> AccountId {
        self.holder.acts_for()
    }

    /// Does an action: plans it, asks for what proves it, performs it.
    pub async fn act<A: Action>(&self, action: A, given: Given) -> Result<A::Reply, Problem> {
        act(&self.context(), action, given).await
    }
}

/// For which sub-account a request's header says that the program acts.
async fn acting(parts: &Parts, caller: &Caller) -> Result<Option<Acting>, Problem> {
    let mut named = parts.headers.get_all(ACTING_HEADER).into_iter();
    let Some(value) = named.next() else { return Ok(None) };
    let id = value.to_str().ok().and_then(|text| text.parse::<AccountId>().ok());
    let (Some(id), None) = (id, named.next()) else { return Err(ActionError::NoSubAccount.into()) };
    let (acting, _) = acting_for(&caller.context(), caller.id(), id).await?;
    Ok(Some(acting))
}

/// What a body gives as proof.
#[derive(Default)]
pub struct Given {
    factor: String,
    passkey: Option<PasskeyAnswer>,
    step_up: Option<StepUp>,
}

impl Given {
    /// Nothing: the session is enough.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// One factor.
    pub const fn factor(factor: String, passkey: Option<PasskeyAnswer>) -> Self {
        Self { factor, passkey, step_up: None }
    }

    /// The answer to a challenge.
    pub const fn step_up(step_up: Option<StepUp>) -> Self {
        Self { factor: String::new(), passkey: None, step_up }
    }

    /// One of the two, by what the action asks for.
    pub const fn either(factor: String, passkey: Option<PasskeyAnswer>, step_up: Option<StepUp>) -> Self {
        Self { factor, passkey, step_up }
    }

    /// The proof for this action. A factor and a passkey together are refused: nobody should have to know which counts.
    fn shown(self, step_up_is_due: bool) -> Result<Shown, Problem> {
        let bad = |text| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_body", text);
        let passkey =
            |answer: Option<PasskeyAnswer>| answer.map(|answer| answer.to_json()).unwrap_or_default();
        if !step_up_is_due {
            if !self.factor.is_empty() && self.passkey.is_some() {
                return Err(bad("send either `factor` or `passkey`"));
            }
            return Ok(Shown { factor: self.factor, passkey: passkey(self.passkey), ..Shown::default() });
        }
        let Some(given) = self.step_up else { return Ok(Shown::default()) };
        if given.challenge.is_empty() {
            return Err(ActionError::from(NotApproved::Over).into());
        }
        if given.factor.is_empty() == given.passkey.is_none() {
            return Err(bad("`step_up` takes either `factor` or `passkey`"));
        }
        Ok(Shown {
            challenge: given.challenge,
            mail_code: given.mail_code,
            factor: given.factor,
            passkey: passkey(given.passkey),
            form: None,
        })
    }
}

/// Does an action in a context: plans it, asks for what proves it, performs it.
async fn act<A: Action>(context: &ActionContext<'_>, action: A, given: Given) -> Result<A::Reply, Problem> {
    if given.step_up.is_none() {
        action.judge(context).await?;
    }
    let pending = action.plan(context).await?;
    let proof = prove(context, &pending, given).await?;
    Ok(action.perform(context, proof).await?)
}

/// Checks what was given, or asks for it.
async fn prove(context: &ActionContext<'_>, pending: &PendingAction, given: Given) -> Result<Proof, Problem> {
    let step_up_is_due = ceremony_of(context, pending.action)? == Ceremony::StepUp;
    let missing = match prove_action(context, pending, &given.shown(step_up_is_due)?).await? {
        ProofStep::Complete(proof) => return Ok(proof),
        ProofStep::Missing(missing) => missing,
    };
    if let Some(wrong) = missing.wrong {
        return Err(wrong.into());
    }
    let holder = context.actor.person().ok_or(ActionError::NoAccount)?;
    let offer = offer_passkey(context, holder.account, &missing.purpose).await?.map(PasskeyQuestion::from);
    let words = pending.words.clone();
    Err(match missing.challenge {
        Some(challenge) => Problem::step_up(challenge.to_string(), words, offer),
        None => Problem::factor(words, offer),
    })
}

/// A program whose person has a role, acting in it.
pub struct StaffMember {
    /// The program.
    pub caller: Caller,
    /// The role at present.
    pub role: Role,
}

impl StaffMember {
    /// The context of what it does now, in the role.
    pub fn context(&self) -> ActionContext<'_> {
        let holder = Holder { acting: None, ..self.caller.holder.clone() };
        self.caller.shell.context(Actor::Staff(Staff { holder, role: self.role }))
    }

    /// Does an action in the role: plans it, asks for what proves it, performs it.
    pub async fn act<A: Action>(&self, action: A, given: Given) -> Result<A::Reply, Problem> {
        act(&self.context(), action, given).await
    }

    /// The context of an operator who is about to act: an auditor is refused before any code is sent.
    pub fn acting(&self, action: ActionKind) -> Result<ActionContext<'_>, Problem> {
        let context = self.context();
        match self.role {
            Role::Operator => Ok(context),
            Role::Auditor => Err(ActionError::from(NotAllowed::of(&context.actor, action)).into()),
        }
    }
}

impl FromRequestParts<Shell> for StaffMember {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shell: &Shell) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, shell).await?;
        match role_of(&caller.context(), caller.id()).await? {
            Some(role) => Ok(Self { caller, role }),
            None => {
                Err(Problem::new(StatusCode::FORBIDDEN, "no_role", "this needs the role operator or auditor"))
            }
        }
    }
}

impl FromRequestParts<Shell> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shell: &Shell) -> Result<Self, Problem> {
        let token = bearer(&parts.headers).ok_or_else(Problem::nobody)?;
        let found =
            session(shell, origin(parts), &token, Presence::Acting).await?.ok_or_else(Problem::nobody)?;
        match (found.record.stage, found.record.kind) {
            (Stage::Full, SessionKind::Program) => {
                let mut caller = Self { shell: shell.clone(), holder: found.holder };
                caller.holder.acting = acting(parts, &caller).await?;
                Ok(caller)
            }
            (Stage::Password, _) | (Stage::Full, SessionKind::Pages) => Err(Problem::nobody()),
        }
    }
}
