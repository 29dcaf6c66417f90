//! A program with a full session, and what it must prove.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use keyward_authority::oversight::role_of;
use keyward_authority::passkeys::{Purpose, offer_passkey, prove_passkey};
use keyward_authority::questions::Presence;
use keyward_authority::{
    ActionError, Desk, Matter, SessionKind, Stage, StepUpForm, begin_step_up, finish_step_up, prove_any,
};
use keyward_rules::grant::{Action, Actor, Holder, NotAllowed, Proof, Staff};
use keyward_rules::id::AccountId;
use keyward_rules::staff::Role;

use super::body::{PasskeyAnswer, PasskeyQuestion, StepUp};
use super::problem::Problem;
use crate::shell::Shell;
use crate::who::{bearer, origin, session};

/// A program that is signed in.
pub struct Caller {
    /// What it works with.
    pub shell: Shell,
    /// For whom it acts.
    pub holder: Holder,
}

impl Caller {
    /// A desk for what it does now.
    pub fn desk(&self) -> Desk<'_> {
        self.shell.desk(Actor::Holder(self.holder.clone()))
    }

    /// The account.
    pub const fn id(&self) -> AccountId {
        self.holder.account
    }

    /// One fresh factor for `matter`: asks for it, or checks what was given. A passkey's answer is good for exactly that.
    pub async fn one_factor(
        &self,
        matter: &Matter,
        factor: &str,
        passkey: Option<PasskeyAnswer>,
    ) -> Result<Proof, Problem> {
        let desk = self.desk();
        let purpose = Purpose::of_matter(&desk, matter)?;
        let proved = match (factor, passkey) {
            ("", None) => {
                let offer = offer_passkey(&desk, self.id(), &purpose).await?;
                return Err(Problem::factor(matter.words.clone(), offer.map(PasskeyQuestion::from)));
            }
            ("", Some(answer)) => prove_passkey(&desk, self.id(), &purpose, &answer.to_json()).await?,
            (text, None) => prove_any(&desk, self.id(), text).await?,
            (_, Some(_)) => {
                let text = "send either `factor` or `passkey`";
                return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_body", text));
            }
        };
        Ok(Proof::Factor(proved))
    }

    /// The step-up for `matter`: asks for it, or checks the answer.
    pub async fn step_up(&self, matter: &Matter, given: Option<StepUp>) -> Result<Proof, Problem> {
        let desk = self.desk();
        let Some(given) = given else {
            let id = begin_step_up(&desk, matter).await?;
            let offer = offer_passkey(&desk, self.id(), &Purpose::StepUp(id)).await?;
            return Err(Problem::step_up(
                id.to_string(),
                matter.words.clone(),
                offer.map(PasskeyQuestion::from),
            ));
        };
        // One of the two: which of both would count, nobody should have to know.
        if given.factor.is_empty() == given.passkey.is_none() {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "bad_body",
                "`step_up` takes either `factor` or `passkey`",
            ));
        }
        let form = StepUpForm {
            challenge: given.challenge,
            mail_code: given.mail_code,
            factor: given.factor,
            passkey: given.passkey.map(|answer| answer.to_json()).unwrap_or_default(),
        };
        Ok(finish_step_up(&desk, matter, &form).await?)
    }
}

/// A program whose person has a role, acting in it.
pub struct Officer {
    /// The program.
    pub caller: Caller,
    /// The role, as it stands now.
    pub role: Role,
}

impl Officer {
    /// A desk for what it does now, in the role.
    pub fn desk(&self) -> Desk<'_> {
        self.caller.shell.desk(Actor::Staff(Staff { holder: self.caller.holder.clone(), role: self.role }))
    }

    /// The same for an operator who is about to act: an auditor is refused before any code is sent.
    pub fn acting(&self, action: Action) -> Result<Desk<'_>, Problem> {
        let desk = self.desk();
        match self.role {
            Role::Operator => Ok(desk),
            Role::Auditor => {
                let actor = desk.actor.clone();
                Err(ActionError::from(NotAllowed { actor, action }).into())
            }
        }
    }
}

impl FromRequestParts<Shell> for Officer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shell: &Shell) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, shell).await?;
        match role_of(&caller.desk(), caller.id()).await? {
            Some(role) => Ok(Self { caller, role }),
            None => {
                Err(Problem::new(StatusCode::FORBIDDEN, "no_role", "this takes an operator or an auditor"))
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
            (Stage::Full, SessionKind::Program) => Ok(Self { shell: shell.clone(), holder: found.holder }),
            (Stage::Password, _) | (Stage::Full, SessionKind::Pages) => Err(Problem::nobody()),
        }
    }
}
