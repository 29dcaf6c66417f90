//! Actions: ask for another e-mail address, and take it once a code from it came back.

use async_trait::async_trait;
use keyward_rules::account::Email;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Actor, Answer, NotApproved, Proof};
use keyward_rules::letter::MailMessage;
use keyward_rules::limits::{CODE_LIFE_MS, CODES_PER_HOUR};
use keyward_rules::person::{MailCode, SessionId};
use keyward_rules::secret::Secret;
use keyward_store::{AccountKind, NewChallenge};

use super::register::is_quiet;
use super::rest;
use crate::sign_in::STRANGERS;
use crate::step_up::{code_letter, tag, within};
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Ask for another e-mail address: a code goes there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangeEmail(pub Email);

#[async_trait]
impl Action for ChangeEmail {
    /// The name of the challenge that takes the code.
    type Reply = SessionId;

    /// It is approved at the old address.
    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let Self(email) = self;
        Ok(PendingAction {
            action: ActionKind::ChangeEmail,
            facts: vec![("email", email.to_string())],
            words: vec![
                format!("Change the e-mail address of your account to {email}"),
                "Your other sessions end, and codes that were sent to the old address no longer work."
                    .to_owned(),
                "Keys that may withdraw, move funds or manage are held for 24 hours afterwards.".to_owned(),
            ],
        })
    }

    /// # Errors
    /// [`ActionError::TooManyCodes`]. Whether the address belongs to another account is not told here.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self(email) = self;
        let Actor::Holder(holder) = &context.actor else { return Err(ActionError::NoAccount) };
        let owner = format!("account:{}", holder.account);
        let grant = context.actor.may(ActionKind::ChangeEmail, proof)?;
        let tx = context.authority.access.writer.begin(grant, context.now).await?;
        let event = Event::of(tx.grant(), context.now, &owner, &[("email", email.to_string())]);
        tx.commit(event).await?;
        let (id, code) =
            (SessionId::from_entropy(context.random()), MailCode::from_entropy(context.random()));
        let words = ["Use this address for your account".to_owned()];
        // The owner of that address did not ask for this mail, so it counts with the mails that strangers cause there.
        let quiet = is_quiet(context, &email, STRANGERS).await?;
        // The phrase is the account's own words. They do not go to an address that is not proven to be its owner's.
        let (phrase, brake) = (String::new(), String::new());
        let letter =
            MailMessage { to: email.clone(), phrase, brake, body: code_letter(context, &code, &words) };
        let letter = Some(&letter).filter(|_| !quiet);
        let new = NewChallenge {
            id,
            account: Some(holder.account),
            session: Some(holder.session),
            action: ActionKind::ConfirmEmail,
            intent: of_new_address(email.as_str()).intent(context, &owner),
            code: tag(context, id, &code),
            payload: Secret::new(email.to_string()),
            expires_at: context.now.plus_ms(CODE_LIFE_MS),
            most_per_hour: CODES_PER_HOUR,
            owner,
        };
        within(context, context.authority.access.door.challenge(new, letter, context.now).await?)?;
        Ok(id)
    }
}

/// What the code that goes to the new address approves.
fn of_new_address(email: &str) -> PendingAction {
    PendingAction {
        action: ActionKind::ConfirmEmail,
        facts: vec![("email", email.to_owned())],
        words: Vec::new(),
    }
}

/// Takes the new address, proven by its code. The account's other sessions and its open challenges end, those of a lost
/// password too: whoever reads the old address approves nothing any more. Both addresses are told; keys that move funds rest.
///
/// # Errors
/// [`ActionError::NotApproved`]; [`ActionError::Store`] with `Exists` when another account has the address.
#[crate::boxed]
pub async fn confirm_email(
    context: &ActionContext<'_>,
    challenge: &str,
    code: &str,
) -> Result<Email, ActionError> {
    let Actor::Holder(holder) = &context.actor else { return Err(ActionError::NoAccount) };
    let account = holder.account;
    let door = &context.authority.access.door;
    let id: SessionId = challenge.parse().map_err(|_| NotApproved::Over)?;
    let code = MailCode::parse(code).map_err(|_| NotApproved::Unreadable)?;
    let opened = door.try_challenge(id).await?.ok_or(NotApproved::Over)?;
    let new = Email::parse(opened.payload.expose()).map_err(|_| NotApproved::Over)?;
    let answer = Answer {
        action: ActionKind::ConfirmEmail,
        session: Some(holder.session),
        intent: of_new_address(new.as_str()).intent(context, &format!("account:{account}")),
        code: tag(context, id, &code),
    };
    let approved = opened.challenge.settle(&answer, context.now)?;
    if !door.use_challenge(id, context.now).await? {
        return Err(NotApproved::Over.into());
    }
    let grant = context.actor.may(ActionKind::ConfirmEmail, Proof::Mail(approved))?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let old = match tx.account(account).await?.map(|record| record.kind) {
        Some(AccountKind::Master(email)) => email,
        Some(AccountKind::Sub(..)) | None => return Err(ActionError::NoAccount),
    };
    tx.set_email(account, &new).await?;
    tx.end_sessions(account, Some(holder.session)).await?;
    tx.end_challenges(account).await?;
    rest(context, &mut tx, account).await?;
    let detail = format!("It was {old} and is now {new}.");
    let alert = tell::by_actor(context, AlertKind::EmailChanged, account, detail);
    tell::tell_also(context, &mut tx, alert, std::slice::from_ref(&old)).await?;
    let facts = [("email", format!("{old} -> {new}"))];
    let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &facts);
    tx.commit(event).await?;
    Ok(new)
}
