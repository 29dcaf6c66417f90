//! The page before harm or power: what will happen, in words, and what proves that the person means it.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use keyward_authority::passkeys::{Purpose, offer_passkey, prove_passkey};
use keyward_authority::{ActionError, Matter, StepUpForm, begin_step_up, finish_step_up, prove_any};
use keyward_rules::grant::{NotApproved, Proof, TwoFactor};
use keyward_rules::person::SessionId;
use keyward_rules::time::Moment;

use super::field::{Field, Kind};
use super::layout::{Frame, page, page_with, problem, sentence};
use super::person::{Posted, SignedIn};
use crate::fields::Fields;
use crate::words::{When, countdown};

/// The fields that belong to the ceremony and not to what is approved; `again` tells the form that asks for another code from
/// the one before it.
pub const CEREMONY: [&str; 7] = ["csrf", "challenge", "mail_code", "factor", "passkey", "confirmed", "again"];

/// What the page says, beside the ceremony.
pub struct Asking {
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
    asking: &'p Asking,
    hidden: Vec<(String, String)>,
    challenge: String,
    fields: Vec<String>,
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
    asking: &'p Asking,
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
    asking: &'b Asking,
    error: String,
}

/// The page before a ceremony: what there is to fill in, if anything.
pub fn begin(person: &SignedIn, asking: &Asking, error: &str) -> Response {
    let frame = Frame::of(person, asking.part, asking.title);
    page(&Begin { frame, csrf: &person.csrf, asking, error: error.to_owned() })
}

/// What the ceremony came to.
pub enum Ceremony {
    /// Proven.
    Proven(Proof),
    /// A page to show: the next step, or what was wrong.
    Page(Response),
}

/// Shows the page for tightening: one factor.
pub async fn ask_one(person: &SignedIn, asking: &Asking, fields: &Fields, error: &str) -> Response {
    ask_for(person, asking, fields, error, &confirming(person, asking)).await
}

async fn ask_for(
    person: &SignedIn,
    asking: &Asking,
    fields: &Fields,
    error: &str,
    purpose: &Purpose,
) -> Response {
    let factor = Field::new("factor", "Authenticator code, or your password", Kind::Password)
        .hint("Six digits from your authenticator, a recovery code, or the password of your account.")
        .error(error)
        .focus();
    show(person, asking, fields, String::new(), vec![factor.html()], "", purpose).await
}

/// What a passkey's answer to a page for tightening is good for: this page's form, in this session.
fn confirming(person: &SignedIn, asking: &Asking) -> Purpose {
    Purpose::Confirm(person.holder.session, asking.action.clone())
}

/// Shows the page for loosening: the code is on its way.
async fn ask_two(
    person: &SignedIn,
    asking: &Asking,
    fields: &Fields,
    challenge: SessionId,
    error: &str,
) -> Response {
    let code = Field::new("mail_code", "Code from the mail", Kind::Code)
        .hint("Eight digits, sent to your address just now. Good for ten minutes, for exactly this.")
        .focus();
    let factor = match person.account.two_factor {
        TwoFactor::On if !person.account.authenticator => {
            Field::new("factor", "Recovery code", Kind::Code).hint("Or use a passkey below.")
        }
        TwoFactor::On => Field::new("factor", "Authenticator code", Kind::Code)
            .hint("Six digits, or a recovery code. A code that was used to sign in is spent: take the next."),
        TwoFactor::Off => Field::new("factor", "Your password", Kind::Password),
    };
    let inputs = vec![code.html(), factor.html()];
    show(person, asking, fields, challenge.to_string(), inputs, error, &Purpose::StepUp(challenge)).await
}

/// Shows when the next code can be sent; the form keeps what is to be approved.
fn ask_later(
    person: &SignedIn,
    asking: &Asking,
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
    asking: &Asking,
    fields: &Fields,
    challenge: String,
    inputs: Vec<String>,
    error: &str,
    purpose: &Purpose,
) -> Response {
    let offer = match offer_passkey(&person.desk(), person.id(), purpose).await {
        Ok(offer) => offer.map(|offer| offer.to_json()).unwrap_or_default(),
        Err(other) => return problem(other),
    };
    let page = Page {
        offer,
        frame: Frame::of(person, asking.part, asking.title),
        asking,
        hidden: fields.without(&CEREMONY),
        challenge,
        fields: inputs,
        error: error.to_owned(),
        csrf: &person.csrf,
        mailbox: person.shell.settings().mail.is_some(),
    };
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    page_with(status, &page)
}

/// Checks the one factor of a tightening.
pub async fn one_factor(posted: &Posted, asking: &Asking) -> Ceremony {
    check_for(posted, asking, &confirming(&posted.person, asking)).await
}

/// Asks for the one factor of a tightening whose parameters were filled in before, or checks it. A passkey's answer is
/// good for exactly `matter`.
pub async fn tighten(posted: &Posted, asking: &Asking, matter: &Matter) -> Ceremony {
    let (person, fields) = (&posted.person, &posted.fields);
    let purpose = match Purpose::of_matter(&person.desk(), matter) {
        Ok(purpose) => purpose,
        Err(other) => return Ceremony::Page(problem(other)),
    };
    if fields.has("factor") || fields.has("passkey") {
        check_for(posted, asking, &purpose).await
    } else {
        Ceremony::Page(ask_for(person, asking, fields, "", &purpose).await)
    }
}

async fn check_for(posted: &Posted, asking: &Asking, purpose: &Purpose) -> Ceremony {
    let (person, fields) = (&posted.person, &posted.fields);
    let desk = person.desk();
    let proved = if fields.has("passkey") {
        prove_passkey(&desk, person.id(), purpose, fields.get("passkey")).await
    } else {
        prove_any(&desk, person.id(), fields.get("factor")).await
    };
    match proved {
        Ok(factor) => Ceremony::Proven(Proof::Factor(factor)),
        Err(wrong @ (ActionError::NotProven(_) | ActionError::Password(_))) => {
            Ceremony::Page(ask_for(person, asking, fields, &sentence(&wrong), purpose).await)
        }
        Err(other) => Ceremony::Page(problem(other)),
    }
}

/// Sends the code, or checks it together with the factor.
pub async fn step_up(posted: &Posted, asking: &Asking, matter: &Matter) -> Ceremony {
    let (person, fields) = (&posted.person, &posted.fields);
    let desk = person.desk();
    if !fields.has("challenge") {
        return Ceremony::Page(match begin_step_up(&desk, matter).await {
            Ok(id) => ask_two(person, asking, fields, id, "").await,
            Err(ActionError::TooManyCodes { again_at, wait_ms }) => {
                ask_later(person, asking, fields, again_at, wait_ms)
            }
            Err(other) => problem(other),
        });
    }
    let form = StepUpForm {
        challenge: fields.get("challenge").to_owned(),
        mail_code: fields.get("mail_code").to_owned(),
        factor: fields.get("factor").to_owned(),
        passkey: fields.get("passkey").to_owned(),
    };
    match finish_step_up(&desk, matter, &form).await {
        Ok(proof) => Ceremony::Proven(proof),
        // The challenge is still good: the same page once more.
        Err(
            wrong @ (ActionError::NotProven(_)
            | ActionError::NotApproved(NotApproved::Wrong | NotApproved::Unreadable)),
        ) => Ceremony::Page(match form.challenge.parse() {
            Ok(challenge) => ask_two(person, asking, fields, challenge, &sentence(&wrong)).await,
            Err(_) => problem(wrong),
        }),
        Err(other) => Ceremony::Page(problem(other)),
    }
}
