//! The page before harm or power: what will happen, in words, and what proves that the person means it.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use keyward_authority::passkeys::{Purpose, offer_passkey};
use keyward_authority::{Action, ActionContext, ActionError, PendingAction, ProofStep, Shown, prove_action};
use keyward_rules::grant::{ActionKind, NotProven, Proof, TwoFactor};
use keyward_rules::person::SessionId;
use keyward_rules::time::Moment;

use super::field::{Field, Kind, RecoveryField};
use super::layout::{Frame, page, page_with, problem, sentence};
use super::person::{Posted, SignedIn};
use crate::fields::Fields;
use crate::words::{When, countdown};

/// The fields that belong to the ceremony and not to what is approved; `again` tells the form that asks for another code from
/// the one before it.
pub const CEREMONY: [&str; 8] =
    ["csrf", "challenge", "mail_code", "factor", "recovery", "passkey", "confirmed", "again"];

/// What the page says, beside the ceremony.
pub struct Confirmation {
    /// Its title.
    pub title: &'static str,
    /// Where its form goes.
    pub action: String,
    /// The button.
    pub button: &'static str,
    /// Whether it does harm.
    pub danger: bool,
    /// The way back.
    pub back: String,
    /// The part of the navigation.
    pub part: &'static str,
    /// What will happen, line by line.
    pub words: Vec<String>,
    /// Fields between the words and the ceremony, as HTML.
    pub extra: String,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct Page<'p> {
    frame: Frame,
    asking: &'p Confirmation,
    hidden: Vec<(String, String)>,
    challenge: String,
    /// The field of the mail's code; empty where none was sent.
    mail_code: String,
    factor: String,
    /// The field of a recovery code; empty where the factor's field takes one.
    recovery: String,
    error: String,
    csrf: &'p str,
    /// A question for a passkey, as JSON; empty without one.
    offer: String,
    /// Whether there is a mailbox page to look at.
    mailbox: bool,
}

/// The same before a code can be sent again.
#[derive(Template)]
#[template(path = "confirm_later.html")]
struct Later<'p> {
    frame: Frame,
    asking: &'p Confirmation,
    hidden: Vec<(String, String)>,
    csrf: &'p str,
    again: When,
    countdown: String,
    mailbox: bool,
}

#[derive(Template)]
#[template(path = "begin.html")]
struct Begin<'b> {
    frame: Frame,
    csrf: &'b str,
    asking: &'b Confirmation,
    error: String,
}

/// The page before a ceremony: what there is to fill in, if anything.
pub fn begin(person: &SignedIn, asking: &Confirmation, error: &str) -> Response {
    let frame = Frame::of(person, asking.part, asking.title);
    page(&Begin { frame, csrf: &person.csrf, asking, error: error.to_owned() })
}

/// Why an action was not done.
pub enum Halted {
    /// Something is still to be shown: this page asks for it.
    Page(Response),
    /// A rule says no.
    Refused(ActionError),
}

impl From<Halted> for Response {
    fn from(halted: Halted) -> Self {
        match halted {
            Halted::Page(page) => page,
            Halted::Refused(error) => problem(error),
        }
    }
}

impl From<ActionError> for Halted {
    fn from(error: ActionError) -> Self {
        Self::Refused(error)
    }
}

/// Does an action that a form asks for: plans it, asks for what proves it, performs it.
///
/// `asking` makes the page that asks, from the plan.
///
/// # Errors
/// [`Halted::Page`] until the proof is complete; [`Halted::Refused`] by rule, before or after the proof.
pub async fn act<A: Action>(
    posted: &Posted,
    context: &ActionContext<'_>,
    action: A,
    asking: impl FnOnce(&PendingAction) -> Confirmation + Send,
) -> Result<A::Reply, Halted> {
    act_as(posted, context, action, asking).await.map(|(_, reply)| reply)
}

/// The same; says also which kind of action it was.
///
/// # Errors
/// As [`act`].
pub async fn act_as<A: Action>(
    posted: &Posted,
    context: &ActionContext<'_>,
    action: A,
    asking: impl FnOnce(&PendingAction) -> Confirmation + Send,
) -> Result<(ActionKind, A::Reply), Halted> {
    if !posted.fields.has("challenge") {
        action.judge(context).await?;
    }
    let pending = action.plan(context).await?;
    let asking = asking(&pending);
    let proof = prove(posted, context, &asking, &pending).await?;
    Ok((pending.action, action.perform(context, proof).await?))
}

/// Checks what a form shows for an action, or makes the page that asks for it.
async fn prove(
    posted: &Posted,
    context: &ActionContext<'_>,
    asking: &Confirmation,
    pending: &PendingAction,
) -> Result<Proof, Halted> {
    prove_for(posted, context, asking, pending, None).await
}

/// The same for a form that asks for parameters and a factor at once, as [`ask_at_once`] shows it.
///
/// # Errors
/// As [`act`].
pub async fn prove_at_once(
    posted: &Posted,
    context: &ActionContext<'_>,
    asking: &Confirmation,
    pending: &PendingAction,
) -> Result<Proof, Halted> {
    prove_for(posted, context, asking, pending, Some(form_of(&posted.person, asking))).await
}

/// The form that a passkey answers for: its path, for the account whose keys its page showed.
fn form_of(person: &SignedIn, asking: &Confirmation) -> String {
    match &person.acting {
        Some(acting) => format!("{} for {}", asking.action, acting.id),
        None => asking.action.clone(),
    }
}

async fn prove_for(
    posted: &Posted,
    context: &ActionContext<'_>,
    asking: &Confirmation,
    pending: &PendingAction,
    form: Option<String>,
) -> Result<Proof, Halted> {
    let (person, fields) = (&posted.person, &posted.fields);
    let shown = Shown {
        challenge: fields.get("challenge").to_owned(),
        mail_code: fields.get("mail_code").to_owned(),
        factor: factor_of(fields).to_owned(),
        passkey: fields.get("passkey").to_owned(),
        form,
    };
    let missing = match prove_action(context, pending, &shown).await {
        Ok(ProofStep::Complete(proof)) => return Ok(proof),
        Ok(ProofStep::Missing(missing)) => missing,
        Err(ActionError::TooManyCodes { again_at, wait_ms }) => {
            return Err(Halted::Page(ask_later(person, asking, fields, again_at, wait_ms)));
        }
        Err(other) => return Err(Halted::Refused(other)),
    };
    let sent_empty = missing.challenge.is_none() && fields.0.iter().any(|(name, _)| name == "factor");
    let wrong = match &missing.wrong {
        Some(wrong) => sentence(wrong),
        None if sent_empty => sentence(&NotProven::Unreadable.into()),
        None => String::new(),
    };
    Err(Halted::Page(match missing.challenge {
        Some(challenge) => ask_two(person, asking, fields, challenge, &wrong).await,
        None => ask_for(person, asking, fields, &wrong, &missing.purpose).await,
    }))
}

/// Shows the page that asks for one factor for an action whose parameters are known.
pub async fn ask_one(
    person: &SignedIn,
    context: &ActionContext<'_>,
    asking: &Confirmation,
    fields: &Fields,
    pending: &PendingAction,
) -> Response {
    match Purpose::of_action(context, pending) {
        Ok(purpose) => ask_for(person, asking, fields, "", &purpose).await,
        Err(other) => problem(other),
    }
}

/// Shows the page that asks for parameters and one factor at once.
pub async fn ask_at_once(person: &SignedIn, asking: &Confirmation, fields: &Fields) -> Response {
    let purpose = Purpose::Confirm(person.holder.session, form_of(person, asking));
    ask_for(person, asking, fields, "", &purpose).await
}

/// The fields of a ceremony, as HTML.
#[derive(Default)]
struct Inputs {
    mail_code: String,
    factor: String,
    recovery: String,
    /// Whether one of them says what is wrong with it.
    wrong: bool,
}

/// The field of an authenticator's code, which may be left empty for a recovery code or a passkey.
fn authenticator_field() -> Field {
    Field::new("factor", "Authenticator code", Kind::Six)
        .hint("Six digits. If you used a code to sign in, wait for the next one.")
        .left_open()
}

/// What a form shows as a factor: the code of its field, or else a recovery code.
pub fn factor_of(fields: &Fields) -> &str {
    if fields.get("factor").is_empty() { fields.get("recovery") } else { fields.get("factor") }
}

async fn ask_for(
    person: &SignedIn,
    asking: &Confirmation,
    fields: &Fields,
    error: &str,
    purpose: &Purpose,
) -> Response {
    let factor = Field::new("factor", "Authenticator code, or your password", Kind::Password)
        .hint("Six digits from your authenticator, a recovery code, or the password of your account.")
        .error(error)
        .focus();
    let inputs = Inputs { factor: factor.html(), wrong: !error.is_empty(), ..Inputs::default() };
    show(person, asking, fields, String::new(), inputs, "", purpose).await
}

/// Shows the page for loosening: the code is on its way.
async fn ask_two(
    person: &SignedIn,
    asking: &Confirmation,
    fields: &Fields,
    challenge: SessionId,
    error: &str,
) -> Response {
    let code = Field::new("mail_code", "Code from the mail", Kind::Eight)
        .hint("Eight digits, sent to your address. The code works only for this and expires in 10 minutes.")
        .focus();
    let (factor, recovery) = match person.account.two_factor {
        TwoFactor::On if !person.account.authenticator => {
            (String::new(), RecoveryField { open: false }.html())
        }
        TwoFactor::On => (authenticator_field().html(), RecoveryField { open: false }.html()),
        TwoFactor::Off => (Field::new("factor", "Your password", Kind::Password).html(), String::new()),
    };
    let inputs = Inputs { mail_code: code.html(), factor, recovery, wrong: false };
    show(person, asking, fields, challenge.to_string(), inputs, error, &Purpose::StepUp(challenge)).await
}

/// Shows when the next code can be sent; the form keeps what is to be approved.
fn ask_later(
    person: &SignedIn,
    asking: &Confirmation,
    fields: &Fields,
    again_at: Moment,
    wait_ms: u64,
) -> Response {
    let page = Later {
        frame: Frame::of(person, asking.part, asking.title),
        asking,
        hidden: fields.without(&CEREMONY),
        csrf: &person.csrf,
        again: When::of(again_at),
        countdown: countdown(person.shell.now(), again_at),
        mailbox: person.shell.settings().mail.is_some(),
    };
    let wait = [(header::RETRY_AFTER, wait_ms.div_ceil(1_000).to_string())];
    (wait, page_with(StatusCode::TOO_MANY_REQUESTS, &page)).into_response()
}

async fn show(
    person: &SignedIn,
    asking: &Confirmation,
    fields: &Fields,
    challenge: String,
    inputs: Inputs,
    error: &str,
    purpose: &Purpose,
) -> Response {
    let offer = match offer_passkey(&person.context(), person.id(), purpose).await {
        Ok(offer) => offer.map(|offer| offer.to_json()).unwrap_or_default(),
        Err(other) => return problem(other),
    };
    let wrong = inputs.wrong || !error.is_empty();
    let page = Page {
        offer,
        frame: Frame::of(person, asking.part, asking.title),
        asking,
        hidden: fields.without(&CEREMONY),
        challenge,
        mail_code: inputs.mail_code,
        factor: inputs.factor,
        recovery: inputs.recovery,
        error: error.to_owned(),
        csrf: &person.csrf,
        mailbox: person.shell.settings().mail.is_some(),
    };
    let status = if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page_with(status, &page)
}
