//! The page before harm or power: what will happen, in words, and what proves that the person means it.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use keyward_authority::{ActionError, Matter, StepUpForm, begin_step_up, finish_step_up, prove_any};
use keyward_rules::grant::{NotApproved, Proof, TwoFactor};

use super::field::{Field, Kind};
use super::layout::{Frame, page, page_with, problem, sentence};
use super::person::{Posted, SignedIn};
use crate::fields::Fields;

/// The fields that belong to the ceremony and not to what is approved.
pub const CEREMONY: [&str; 5] = ["csrf", "challenge", "mail_code", "factor", "confirmed"];

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
pub fn ask_one(person: &SignedIn, asking: &Asking, fields: &Fields, error: &str) -> Response {
    let factor = Field::new("factor", "Authenticator code, or your password", Kind::Password)
        .hint("Six digits from your authenticator, a recovery code, or the password of your account.")
        .error(error)
        .focus();
    show(person, asking, fields, String::new(), vec![factor.html()], "")
}

/// Shows the page for loosening: the code is on its way.
fn ask_two(person: &SignedIn, asking: &Asking, fields: &Fields, challenge: String, error: &str) -> Response {
    let code = Field::new("mail_code", "Code from the mail", Kind::Code)
        .hint("Eight digits, sent to your address just now. Good for ten minutes, for exactly this.")
        .focus();
    let factor = match person.account.two_factor {
        TwoFactor::On => Field::new("factor", "Authenticator code", Kind::Code)
            .hint("Six digits, or a recovery code. A code that was used to sign in is spent: take the next."),
        TwoFactor::Off => Field::new("factor", "Your password", Kind::Password),
    };
    show(person, asking, fields, challenge, vec![code.html(), factor.html()], error)
}

fn show(
    person: &SignedIn,
    asking: &Asking,
    fields: &Fields,
    challenge: String,
    inputs: Vec<String>,
    error: &str,
) -> Response {
    let page = Page {
        frame: Frame::of(person, asking.part, asking.title),
        asking,
        hidden: fields.without(&CEREMONY),
        challenge,
        fields: inputs,
        error: error.to_owned(),
        csrf: &person.csrf,
    };
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    page_with(status, &page)
}

/// Checks the one factor of a tightening.
pub async fn one_factor(posted: &Posted, asking: &Asking) -> Ceremony {
    let (person, fields) = (&posted.person, &posted.fields);
    match prove_any(&person.desk(), person.id(), fields.get("factor")).await {
        Ok(factor) => Ceremony::Proven(Proof::Factor(factor)),
        Err(wrong @ (ActionError::NotProven(_) | ActionError::Password(_))) => {
            Ceremony::Page(ask_one(person, asking, fields, &sentence(&wrong)))
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
            Ok(id) => ask_two(person, asking, fields, id.to_string(), ""),
            Err(other) => problem(other),
        });
    }
    let form = StepUpForm {
        challenge: fields.get("challenge").to_owned(),
        mail_code: fields.get("mail_code").to_owned(),
        factor: fields.get("factor").to_owned(),
    };
    match finish_step_up(&desk, matter, &form).await {
        Ok(proof) => Ceremony::Proven(proof),
        // The challenge is still good: the same page once more.
        Err(wrong @ (ActionError::NotProven(_) | ActionError::NotApproved(NotApproved::Wrong))) => {
            Ceremony::Page(ask_two(person, asking, fields, form.challenge, &sentence(&wrong)))
        }
        Err(other) => Ceremony::Page(problem(other)),
    }
}
