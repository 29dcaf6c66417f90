//! Actions: ask to register, and register with the code that proves the address.

use keyward_rules::account::Email;
use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Answer, NotApproved, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::letter::{Body, MailMessage};
use keyward_rules::limits::{CODE_LIFE_MS, CODES_PER_HOUR};
use keyward_rules::person::{MailCode, SessionId, Token};
use keyward_rules::secret::Secret;
use keyward_rules::time::Moment;
use keyward_store::{AccountKind, AccountRecord, AttemptLimit, NewChallenge, SessionKind, Try};
use serde_json::json;

use crate::hashing::HashPriority;
use crate::prove::source;
use crate::sign_in::{STRANGERS, session};
use crate::step_up::{code_letter, tag, within};
use crate::{ActionContext, ActionError, PendingAction, strength};

/// A new account, and its first session.
pub struct Registered {
    /// The account.
    pub account: AccountId,
    /// The session's token.
    pub token: Token,
    /// The browser's own token, by which it is known later.
    pub device: Token,
}

/// Sends a code to the address that somebody wants to register with. The answer, the work and the mail's being
/// sent are the same whether there is an account or not; an owner is told instead of sent a code.
///
/// # Errors
/// [`ActionError::WeakPassword`], [`ActionError::Password`], [`ActionError::TooManyCodes`], [`ActionError::Busy`].
#[crate::boxed]
pub async fn ask_to_register(
    context: &ActionContext<'_>,
    email: &Email,
    password: &str,
) -> Result<SessionId, ActionError> {
    let authority = context.authority;
    let password = strength::choose(password, &[email.as_str(), "keyward"])?;
    let owner = format!("source:{}", source(context));
    within(context, authority.access.door.may_challenge(&owner, CODES_PER_HOUR, context.now).await?)?;
    let hash =
        authority.hasher.hash((source(context), HashPriority::Strangers), password, context.random()).await?;
    let known = match authority.access.door.account_by_email(email).await? {
        Some(account) => {
            authority.access.door.person(account.id).await?.map(|person| (account.id, person.phrase))
        }
        None => None,
    };
    let (id, code) = (SessionId::from_entropy(context.random()), MailCode::from_entropy(context.random()));
    let payload = json!({"email": email.as_str(), "password": hash.expose()}).to_string();
    let body = match &known {
        None => code_letter(context, &code, &["Register with this e-mail address".to_owned()]),
        Some((account, _)) => Body::Alert(Alert {
            from: context.actor.origin().map(|origin| origin.address),
            device: context.actor.origin().map(|origin| origin.device.to_string()),
            ..Alert::of(AlertKind::AlreadyRegistered, *account, context.now)
        }),
    };
    // The code of an owner's mail is nobody's: it is not in the mail.
    let phrase = known.map(|(_, phrase)| phrase).unwrap_or_default();
    let letter = MailMessage { to: email.clone(), phrase, brake: String::new(), body };
    let quiet = is_quiet(context, email, STRANGERS).await?;
    let new = NewChallenge {
        id,
        owner,
        account: None,
        session: None,
        action: ActionKind::Register,
        intent: pending(&payload).intent(context, "visitor"),
        code: tag(context, id, &code),
        payload: Secret::new(payload),
        expires_at: context.now.plus_ms(CODE_LIFE_MS),
        most_per_hour: CODES_PER_HOUR,
    };
    let letter = if quiet { None } else { Some(&letter) };
    within(context, authority.access.door.challenge(new, letter, context.now).await?)?;
    Ok(id)
}

/// Makes the account, its address proven by the code, and its first session.
///
/// # Errors
/// [`ActionError::NotApproved`]; [`ActionError::Store`] with `Exists` when somebody was faster.
#[crate::boxed]
pub async fn confirm_registration(
    context: &ActionContext<'_>,
    challenge: &str,
    code: &str,
    kind: SessionKind,
) -> Result<Registered, ActionError> {
    let door = &context.authority.access.door;
    let id: SessionId = challenge.parse().map_err(|_| NotApproved::Over)?;
    let code = MailCode::parse(code).map_err(|_| NotApproved::Unreadable)?;
    let opened = door.try_challenge(id).await?.ok_or(NotApproved::Over)?;
    let answer = Answer {
        action: ActionKind::Register,
        session: None,
        intent: pending(opened.payload.expose()).intent(context, "visitor"),
        code: tag(context, id, &code),
    };
    let approved = opened.challenge.settle(&answer, context.now)?;
    let (email, hash) = read(opened.payload.expose()).ok_or(NotApproved::Over)?;
    if !door.use_challenge(id, context.now).await? {
        return Err(NotApproved::Over.into());
    }
    let grant = context.actor.may(ActionKind::Register, Proof::Mail(approved))?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let account = match tx.account_by_email(&email).await? {
        // Made at the host before: whoever reads its mail takes it over.
        Some(account) => account.id,
        None => {
            let id = AccountId::from_entropy(context.random());
            let kind = AccountKind::Master(email.clone());
            tx.insert_account(&AccountRecord { id, kind, created_at: context.now }).await?;
            id
        }
    };
    tx.insert_person(account, &hash, &super::phrase::suggest(context.random())).await?;
    // The first device of an account is no news to anybody.
    let (record, token) = session(context, account, kind, keyward_store::Stage::Full, Moment::EPOCH);
    tx.begin_session(&record, &token.hash()).await?;
    let facts = [("email", email.to_string())];
    let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &facts);
    tx.commit(event).await?;
    let device = Token::from_entropy(crate::sign_in::DEVICE, context.random());
    door.see_device(&device.hash(), account, (Moment::EPOCH, context.now)).await?;
    Ok(Registered { account, token, device })
}

fn pending(payload: &str) -> PendingAction {
    PendingAction {
        action: ActionKind::Register,
        facts: vec![("payload", payload.to_owned())],
        words: Vec::new(),
    }
}

fn read(payload: &str) -> Option<(Email, Secret<String>)> {
    let value: serde_json::Value = serde_json::from_str(payload).ok()?;
    let text = |name: &str| value.get(name)?.as_str();
    Some((Email::parse(text("email")?).ok()?, Secret::new(text("password")?.to_owned())))
}

/// Whether no mail may go to an address now that nobody is signed in for; counts one if it may. A browser that the account
/// knows has a counter of its own. Strangers are counted by source first and then together, so that one of them cannot use
/// up what the others, and the owner on a new device, may ask for.
pub(crate) async fn is_quiet(
    context: &ActionContext<'_>,
    email: &Email,
    lane: &str,
) -> Result<bool, ActionError> {
    let door = &context.authority.access.door;
    let address = address_word(context, email);
    if lane != STRANGERS {
        let own = format!("mail:{address}:{lane}");
        return Ok(door.count_try(&own, AttemptLimit::Credential, context.now).await? == Try::Paused);
    }
    let (one, all) = (format!("mail:{address}:{}", source(context)), format!("mail:{address}"));
    Ok(door.count_try(&one, AttemptLimit::Credential, context.now).await? == Try::Paused
        || door.count_try(&all, AttemptLimit::Source, context.now).await? == Try::Paused)
}

/// An address's name in counters; the counters' table holds no address.
pub(crate) fn address_word(context: &ActionContext<'_>, email: &Email) -> String {
    let tag = context.authority.secrets.codes.tag("address", "", email.as_str().as_bytes());
    tag.as_bytes().iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}
