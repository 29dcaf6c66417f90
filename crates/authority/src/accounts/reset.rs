//! Actions: ask for a reset, and choose another password with the mail's code and the remaining factor.

use keyward_rules::account::Email;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{
    ActionKind, Answer, Factor, FactorAnswer, FactorKind, NotApproved, NotProven, Proof, Scope, TwoFactor,
};
use keyward_rules::id::AccountId;
use keyward_rules::key::KeyName;
use keyward_rules::letter::MailMessage;
use keyward_rules::limits::{CODE_LIFE_MS, CODES_PER_HOUR};
use keyward_rules::person::{MailCode, SessionId, Token};
use keyward_rules::secret::Secret;
use keyward_store::NewChallenge;

use super::register::is_quiet;
use super::{Left, is_cooling, rest};
use crate::hashing::HashPriority;
use crate::passkeys::{Purpose, prove_any_passkey};
use crate::prove::{FactorCode, prove, source};
use crate::questions::stopping;
use crate::sign_in::lane;
use crate::step_up::{code_letter, tag, within};
use crate::{ActionContext, ActionError, PendingAction, strength, tell};

/// What somebody gives who lost the password.
pub struct ResetForm {
    /// Which challenge.
    pub challenge: String,
    /// The mail's code.
    pub mail_code: String,
    /// An authenticator's code or a recovery code; empty where the account has none.
    pub factor: String,
    /// Instead of it, a passkey's answer to the question that was put for this challenge; empty if there is none.
    pub passkey: String,
    /// Instead of both: what [`Reset::Stops`] gave for this challenge; empty at first.
    pub proved: String,
    /// The new password.
    pub password: String,
}

/// Which keys a reset may hold without asking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Consent {
    /// Whichever there are: they were listed, or a program asks.
    Given,
    /// None: where a key would stop, nothing is changed yet.
    Missing,
}

/// What became of a reset.
#[derive(Debug)]
pub enum Reset {
    /// The password is set.
    Done,
    /// Code and factor hold, and consent is missing: nothing has changed.
    Stops {
        /// What proves the factor in the second request, because it was used up.
        proved: String,
        /// The keys that would stop.
        names: Vec<KeyName>,
    },
}

fn pending(email: &str) -> PendingAction {
    PendingAction {
        action: ActionKind::ResetPassword,
        facts: vec![("email", email.to_owned())],
        words: Vec::new(),
    }
}

/// Sends a code to the address, if it has an account. The answer is the same if it has none.
///
/// # Errors
/// [`ActionError::TooManyCodes`] by source.
#[crate::boxed]
pub async fn ask_to_reset(
    context: &ActionContext<'_>,
    email: &Email,
    device: Option<&Token>,
) -> Result<SessionId, ActionError> {
    let door = &context.authority.access.door;
    // The source's limit comes first: who has used that up must not use up the recipient's as well.
    let owner = format!("source:{}", source(context));
    within(context, door.may_challenge(&owner, CODES_PER_HOUR, context.now).await?)?;
    let account = door.account_by_email(email).await?;
    let person = match &account {
        Some(account) => door.person(account.id).await?,
        None => None,
    };
    let (id, code) = (SessionId::from_entropy(context.random()), MailCode::from_entropy(context.random()));
    let words = ["Choose another password for your account".to_owned()];
    let letter = person.as_ref().map(|person| MailMessage {
        to: email.clone(),
        phrase: person.phrase.clone(),
        brake: String::new(),
        body: code_letter(context, &code, &words),
    });
    let lane = lane(context, person.as_ref(), device).await?;
    let quiet = is_quiet(context, email, &lane).await?;
    let new = NewChallenge {
        id,
        owner,
        account: person.as_ref().map(|person| person.account),
        session: None,
        action: ActionKind::ResetPassword,
        intent: pending(email.as_str()).intent(context, "visitor"),
        code: tag(context, id, &code),
        payload: Secret::new(email.to_string()),
        expires_at: context.now.plus_ms(CODE_LIFE_MS),
        most_per_hour: CODES_PER_HOUR,
    };
    let letter = letter.as_ref().filter(|_| !quiet);
    within(context, door.challenge(new, letter, context.now).await?)?;
    Ok(id)
}

/// A passkey of the account, which the question could not name: a stranger would have learned that there is one.
async fn by_passkey(
    context: &ActionContext<'_>,
    account: AccountId,
    challenge: SessionId,
    text: &str,
) -> Result<Factor, ActionError> {
    let factor = prove_any_passkey(context, &Purpose::Reset(challenge), text).await?;
    if factor.account() == account { Ok(factor) } else { Err(NotProven::Wrong.into()) }
}

/// The factors that can be proven in a request before.
const PROVABLE: [FactorKind; 3] = [FactorKind::Totp, FactorKind::RecoveryCode, FactorKind::Passkey];

/// A factor that was right, as a text that the form of one challenge carries while its owner reads which keys stop. The challenge
/// bounds its life and its use.
fn seal_factor(
    context: &ActionContext<'_>,
    challenge: SessionId,
    account: AccountId,
    kind: FactorKind,
) -> String {
    let text = format!("{account} {}", kind.word());
    let tag = context.authority.secrets.codes.tag("reset proved", &challenge.to_string(), text.as_bytes());
    let mac: String = tag.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}.{mac}", kind.word())
}

/// The kind of the factor that such a text proves; `None` when it is not ours, or of another challenge.
fn open_factor(
    context: &ActionContext<'_>,
    challenge: SessionId,
    account: AccountId,
    text: &str,
) -> Option<FactorKind> {
    PROVABLE.into_iter().find(|kind| {
        let expected = seal_factor(context, challenge, account, *kind);
        bool::from(subtle::ConstantTimeEq::ct_eq(expected.as_bytes(), text.as_bytes()))
    })
}

/// Sets the password with both proofs. Every session ends, every browser is forgotten, keys that move funds rest.
///
/// # Errors
/// [`ActionError::NotApproved`] for a wrong code and for an address without account alike; then
/// [`ActionError::NotProven`].
#[crate::boxed]
pub async fn reset_password(
    context: &ActionContext<'_>,
    form: &ResetForm,
    consent: Consent,
) -> Result<Reset, ActionError> {
    let authority = context.authority;
    let door = &authority.access.door;
    let password = strength::choose(&form.password, &["keyward"])?;
    let id: SessionId = form.challenge.parse().map_err(|_| NotApproved::Over)?;
    let code = MailCode::parse(&form.mail_code).map_err(|_| NotApproved::Unreadable)?;
    if form.passkey.is_empty() && !form.factor.is_empty() {
        FactorCode::parse(&form.factor)?;
    }
    let opened = door.try_challenge(id).await?.ok_or(NotApproved::Over)?;
    let answer = Answer {
        action: ActionKind::ResetPassword,
        session: None,
        intent: pending(opened.payload.expose()).intent(context, "visitor"),
        code: tag(context, id, &code),
    };
    let approved = opened.challenge.settle(&answer, context.now)?;
    let account = approved.account().ok_or(NotApproved::Wrong)?;
    let person = door.person(account).await?.ok_or(NotApproved::Wrong)?;
    // As in a step-up: the address may have been changed while the challenge was made.
    let sent_to = Email::parse(opened.payload.expose()).map_err(|_| NotApproved::Over)?;
    let owner = door.account_by_email(&sent_to).await?;
    if owner.is_none_or(|owner| owner.id != account) {
        return Err(NotApproved::Over.into());
    }
    let factor = match person.two_factor() {
        TwoFactor::On if !form.proved.is_empty() => {
            let kind = open_factor(context, id, account, &form.proved).ok_or(NotProven::Wrong)?;
            Factor::settle(account, kind, TwoFactor::On, FactorAnswer::Right)?
        }
        TwoFactor::On if form.passkey.is_empty() => prove(context, account, &form.factor, "reset").await?,
        TwoFactor::On => by_passkey(context, account, id, &form.passkey).await?,
        // After a factor was removed the password must still be known, for a day.
        TwoFactor::Off if is_cooling(&person, context.now) => {
            return Err(ActionError::OtherWay(
                "the second factor was removed less than 24 hours ago: until then the password is not reset by mail alone",
            ));
        }
        TwoFactor::Off => Factor::settle(account, FactorKind::Mailbox, TwoFactor::Off, FactorAnswer::Right)?,
    };
    if consent == Consent::Missing {
        let names = stopping(context, Scope::Account(account), account, Left::Another).await?;
        if !names.is_empty() {
            return Ok(Reset::Stops { proved: seal_factor(context, id, account, factor.kind()), names });
        }
    }
    if !door.use_challenge(id, context.now).await? {
        return Err(NotApproved::Over.into());
    }
    let hash =
        authority.hasher.hash((source(context), HashPriority::Strangers), password, context.random()).await?;
    let grant = context.actor.may(ActionKind::ResetPassword, Proof::StepUp(approved, factor))?;
    let mut tx = authority.access.writer.begin(grant, context.now).await?;
    tx.set_password(account, &hash).await?;
    tx.end_sessions(account, None).await?;
    tx.forget_devices(account).await?;
    rest(context, &mut tx, account).await?;
    let alert = tell::by_actor(context, AlertKind::PasswordChanged, account, String::new());
    tell::notify_holder(context, &mut tx, alert).await?;
    let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &[]);
    tx.commit(event).await?;
    Ok(Reset::Done)
}
