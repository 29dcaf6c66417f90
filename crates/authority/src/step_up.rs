//! Step-up: a code by mail and a fresh factor, for one action with its exact parameters (product.md 2).

use keyward_rules::grant::{Actor, Answer, NotApproved, Proof};
use keyward_rules::letter::{Body, CodeMail, MailMessage};
use keyward_rules::limits::{CODE_LIFE_MS, CODES_PER_HOUR};
use keyward_rules::person::{CodeTag, MailCode, SessionId};
use keyward_rules::secret::Secret;
use keyward_store::{NewChallenge, Quota};

use crate::passkeys::{Purpose, prove_passkey};
use crate::prove::readable;
use crate::{ActionContext, ActionError, PendingAction, prove, tell};

/// What somebody shows for an action. An empty text was not shown.
#[derive(Clone, Default)]
pub struct Shown {
    /// The challenge of a step-up.
    pub challenge: String,
    /// The code of its mail.
    pub mail_code: String,
    /// A code of the authenticator, a recovery code, or the password.
    pub factor: String,
    /// Instead of it, a passkey's answer to the challenge that was put.
    pub passkey: String,
    /// The form that asks for parameters and a factor at once. A passkey's answer then belongs to this form, because its
    /// parameters were not known when the challenge was put.
    pub form: Option<String>,
}

impl PendingAction {
    /// The keyed hash that a challenge is bound to: action, owner, every label and value length-prefixed.
    pub(crate) fn intent(&self, context: &ActionContext<'_>, owner: &str) -> CodeTag {
        let mut bytes = Vec::new();
        // What is approved for one account is not approved for another, whatever the facts name.
        let acting = match &context.actor {
            Actor::Holder(holder) => holder.acting.map(|acting| acting.sub_account.to_string()),
            Actor::Key(key) => key.sub_account.map(|account| account.to_string()),
            Actor::Host(_) | Actor::System(_) | Actor::Staff(_) | Actor::Visitor(_) => None,
        };
        for (label, value) in [("action", self.action.word())]
            .into_iter()
            .chain(acting.as_deref().map(|account| ("sub-account", account)))
            .chain(self.facts.iter().map(|(label, value)| (*label, value.as_str())))
        {
            for part in [label, value] {
                bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
                bytes.extend_from_slice(part.as_bytes());
            }
        }
        context.authority.secrets.codes.tag("intent", owner, &bytes)
    }
}

/// Sends the code and gives the challenge's name. The challenge keeps the address that the code goes to.
///
/// # Errors
/// [`ActionError::TooManyCodes`]; [`ActionError::NoAccount`] unless a signed-in person asks.
#[crate::boxed]
pub async fn begin_step_up(
    context: &ActionContext<'_>,
    pending: &PendingAction,
) -> Result<SessionId, ActionError> {
    let holder = context.actor.person().ok_or(ActionError::NoAccount)?;
    let (email, phrase) = tell::recipient(context, holder.account).await?.ok_or(ActionError::NoAccount)?;
    let code = MailCode::from_entropy(context.random());
    let id = SessionId::from_entropy(context.random());
    let owner = format!("account:{}", holder.account);
    let payload = Secret::new(email.to_string());
    let letter = MailMessage {
        to: email,
        phrase,
        brake: String::new(),
        body: code_letter(context, &code, &pending.words),
    };
    let new = NewChallenge {
        id,
        account: Some(holder.account),
        session: Some(holder.session),
        action: pending.action,
        intent: pending.intent(context, &owner),
        code: tag(context, id, &code),
        payload,
        expires_at: context.now.plus_ms(CODE_LIFE_MS),
        most_per_hour: CODES_PER_HOUR,
        owner,
    };
    within(context, context.authority.access.door.challenge(new, Some(&letter), context.now).await?)?;
    Ok(id)
}

/// Refuses what a used-up quota of codes does not allow.
pub(crate) fn within(context: &ActionContext<'_>, quota: Quota) -> Result<(), ActionError> {
    match quota {
        Quota::Left => Ok(()),
        Quota::UsedUpUntil(again_at) => {
            Err(ActionError::TooManyCodes { again_at, wait_ms: again_at.ms_since(context.now) })
        }
    }
}

/// Checks code and factor, and gives the proof. What cannot be read as a code is told and not counted. The try is counted
/// before anything is looked at; the factor is looked at only when the mail's code is right, so that neither can be guessed
/// alone. A code that went to an address which is the account's no more approves nothing.
///
/// # Errors
/// [`ActionError::NotApproved`], [`ActionError::NotProven`].
#[crate::boxed]
pub async fn finish_step_up(
    context: &ActionContext<'_>,
    pending: &PendingAction,
    shown: &Shown,
) -> Result<Proof, ActionError> {
    let holder = context.actor.person().ok_or(ActionError::NoAccount)?;
    let door = &context.authority.access.door;
    let id: SessionId = shown.challenge.parse().map_err(|_| NotApproved::Over)?;
    let code = MailCode::parse(&shown.mail_code).map_err(|_| NotApproved::Unreadable)?;
    if shown.passkey.is_empty() {
        readable(context, holder.account, &shown.factor).await?;
    }
    let opened = door.try_challenge(id).await?.ok_or(NotApproved::Over)?;
    let answer = Answer {
        action: pending.action,
        session: Some(holder.session),
        intent: pending.intent(context, &format!("account:{}", holder.account)),
        code: tag(context, id, &code),
    };
    let approved = opened.challenge.settle(&answer, context.now)?;
    // A change of address ends all open challenges; this one may have been made while the change was under way.
    let reached = tell::recipient(context, holder.account).await?;
    if reached.is_none_or(|(email, _)| email.as_str() != opened.payload.expose()) {
        return Err(NotApproved::Over.into());
    }
    let factor = if shown.passkey.is_empty() {
        prove(context, holder.account, &shown.factor, "in").await?
    } else {
        prove_passkey(context, holder.account, &Purpose::StepUp(id), &shown.passkey).await?
    };
    if !door.use_challenge(id, context.now).await? {
        return Err(NotApproved::Over.into());
    }
    Ok(Proof::StepUp(approved, factor))
}

/// The keyed hash of a code, which belongs to its challenge.
pub(crate) fn tag(context: &ActionContext<'_>, id: SessionId, code: &MailCode) -> CodeTag {
    context.authority.secrets.codes.tag("mail code", &id.to_string(), code.expose().as_bytes())
}

/// The mail of a code.
pub(crate) fn code_letter(context: &ActionContext<'_>, code: &MailCode, approves: &[String]) -> Body {
    let (from, device) = context.origin_in_words();
    Body::Code(CodeMail {
        code: code.expose().to_owned(),
        approves: approves.to_vec(),
        at: context.now,
        from,
        device,
    })
}
