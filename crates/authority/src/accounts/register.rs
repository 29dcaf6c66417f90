//! Actions: ask to register, and register with the code that proves the address.

use keyward_rules::account::Email;
use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Answer, NotApproved, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::letter::{Body, Letter};
use keyward_rules::limits::{CODE_LIFE_MS, CODES_PER_HOUR};
use keyward_rules::person::{MailCode, SessionId, Token};
use keyward_rules::secret::Secret;
use keyward_store::{AccountKind, AccountRecord, NewChallenge, Patience, SessionKind, Try};
use serde_json::json;

use crate::hashing::Lane;
use crate::prove::source;
use crate::sign_in::{STRANGERS, session};
use crate::step_up::{code_letter, tag, within};
use crate::{ActionError, Desk, PendingAction, strength};

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
    desk: &Desk<'_>,
    email: &Email,
    password: &str,
) -> Result<SessionId, ActionError> {
    let authority = desk.authority;
    let password = strength::choose(password, &[email.as_str(), "keyward"])?;
    let owner = format!("source:{}", source(desk));
    within(desk, authority.access.door.may_challenge(&owner, CODES_PER_HOUR, desk.now).await?)?;
    let hash = authority.hasher.hash((source(desk), Lane::Strangers), password, desk.random()).await?;
    let known = match authority.access.door.account_by_email(email).await? {
        Some(account) => {
            authority.access.door.person(account.id).await?.map(|person| (account.id, person.phrase))
        }
        None => None,
    };
    let (id, code) = (SessionId::from_entropy(desk.random()), MailCode::from_entropy(desk.random()));
    let payload = json!({"email": email.as_str(), "password": hash.expose()}).to_string();
    let body = match &known {
        None => code_letter(desk, &code, &["Register with this e-mail address".to_owned()]),
        Some((account, _)) => Body::Alert(Alert {
            from: desk.actor.origin().map(|origin| origin.address),
            device: desk.actor.origin().map(|origin| origin.device.to_string()),
            ..Alert::of(AlertKind::AlreadyRegistered, *account, desk.now)
        }),
    };
    // The code of an owner's mail is nobody's: it is not in the mail.
    let phrase = known.map(|(_, phrase)| phrase).unwrap_or_default();
    let letter = Letter { to: email.clone(), phrase, brake: String::new(), body };
    let quiet = is_quiet(desk, email, STRANGERS).await?;
    let new = NewChallenge {
        id,
        owner,
        account: None,
        session: None,
        action: ActionKind::Register,
        intent: matter(&payload).intent(desk, "visitor"),
        code: tag(desk, id, &code),
        payload: Secret::new(payload),
        expires_at: desk.now.plus_ms(CODE_LIFE_MS),
        most_per_hour: CODES_PER_HOUR,
    };
    let letter = if quiet { None } else { Some(&letter) };
    within(desk, authority.access.door.challenge(new, letter, desk.now).await?)?;
    Ok(id)
}

/// Makes the account, its address proven by the code, and its first session.
///
/// # Errors
/// [`ActionError::NotApproved`]; [`ActionError::Store`] with `Exists` when somebody was faster.
#[crate::boxed]
pub async fn confirm_registration(
    desk: &Desk<'_>,
    challenge: &str,
    code: &str,
    kind: SessionKind,
) -> Result<Registered, ActionError> {
    let door = &desk.authority.access.door;
    let id: SessionId = challenge.parse().map_err(|_| NotApproved::Over)?;
    let code = MailCode::parse(code).map_err(|_| NotApproved::Unreadable)?;
    let opened = door.try_challenge(id).await?.ok_or(NotApproved::Over)?;
    let answer = Answer {
        action: ActionKind::Register,
        session: None,
        intent: matter(opened.payload.expose()).intent(desk, "visitor"),
        code: tag(desk, id, &code),
    };
    let approved = opened.challenge.settle(&answer, desk.now)?;
    let (email, hash) = read(opened.payload.expose()).ok_or(NotApproved::Over)?;
    if !door.use_challenge(id, desk.now).await? {
        return Err(NotApproved::Over.into());
    }
    let grant = desk.actor.may(ActionKind::Register, Proof::Mail(approved))?;
    let mut tx = desk.authority.access.writer.begin(grant, desk.now).await?;
    let account = match tx.account_by_email(&email).await? {
        // Made at the host before: whoever reads its mail takes it over.
        Some(account) => account.id,
        None => {
            let id = AccountId::from_entropy(desk.random());
            let kind = AccountKind::Master(email.clone());
            tx.insert_account(&AccountRecord { id, kind, created_at: desk.now }).await?;
            id
        }
    };
    tx.insert_person(account, &hash, &super::phrase::suggest(desk.random())).await?;
    let (record, token) = session(desk, account, kind, keyward_store::Stage::Full);
    tx.begin_session(&record, &token.hash()).await?;
    let facts = [("email", email.to_string())];
    let event = Event::of(tx.grant(), desk.now, &format!("account:{account}"), &facts);
    tx.commit(event).await?;
    let device = Token::from_entropy(crate::sign_in::DEVICE, desk.random());
    door.see_device(&device.hash(), account, desk.now).await?;
    Ok(Registered { account, token, device })
}

fn matter(payload: &str) -> PendingAction {
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
pub(crate) async fn is_quiet(desk: &Desk<'_>, email: &Email, lane: &str) -> Result<bool, ActionError> {
    let door = &desk.authority.access.door;
    let address = address_word(desk, email);
    if lane != STRANGERS {
        let own = format!("mail:{address}:{lane}");
        return Ok(door.count_try(&own, Patience::Credential, desk.now).await? == Try::Paused);
    }
    let (one, all) = (format!("mail:{address}:{}", source(desk)), format!("mail:{address}"));
    Ok(door.count_try(&one, Patience::Credential, desk.now).await? == Try::Paused
        || door.count_try(&all, Patience::Source, desk.now).await? == Try::Paused)
}

/// An address's name in counters; the counters' table holds no address.
pub(crate) fn address_word(desk: &Desk<'_>, email: &Email) -> String {
    let tag = desk.authority.secrets.codes.tag("address", "", email.as_str().as_bytes());
    tag.as_bytes().iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}
