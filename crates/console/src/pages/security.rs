//! How the account is secured: password, address, phrase, sessions.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use keyward_authority::accounts::{
    ChangeEmail, ChangePassword, ChangePhrase, Left, confirm_email as take_email,
};
use keyward_authority::questions::{PasskeyView, SessionView, list_passkeys, list_sessions};
use keyward_authority::sign_in::{EndOtherSessions, EndSession};
use keyward_authority::{Action as _, ActionError, PendingAction, SessionKind, prove_any, strength};
use keyward_rules::account::Email;
use keyward_rules::grant::{ActionKind, NotApproved, Proof, TwoFactor};
use keyward_rules::limits::{PASSKEYS_PER_ACCOUNT, PASSWORD_MIN_CHARS};
use keyward_rules::secret::Secret;

use super::confirm::{Confirmation, Halted, act};
use super::field::{Field, Kind, html_of};
use super::layout::{Frame, page_with, problem, sentence, told};
use super::note::Note;
use super::person::{Posted, SignedIn};
use super::stops::{stops, with_stops};
use crate::words::When;

/// A session in the list.
struct SessionRow {
    id: String,
    device: String,
    from: String,
    program: bool,
    began: When,
    seen: When,
    current: bool,
}

/// A passkey in the list.
struct PasskeyRow {
    id: String,
    name: String,
    created: When,
    used: Option<When>,
}

#[derive(Template)]
#[template(path = "security.html")]
struct Page<'p> {
    frame: Frame,
    csrf: &'p str,
    email: String,
    two_factor: bool,
    authenticator: bool,
    passkeys: Vec<PasskeyRow>,
    more_passkeys: bool,
    codes_left: i64,
    cooling: Option<When>,
    registered: When,
    sessions: Vec<SessionRow>,
    phrase: String,
    phrase_fields: Vec<String>,
}

#[derive(Template)]
#[template(path = "form.html")]
struct FormPage<'f> {
    frame: Frame,
    csrf: &'f str,
    title: &'static str,
    lead: String,
    action: &'static str,
    button: &'static str,
    hidden: Vec<(&'static str, String)>,
    fields: Vec<String>,
}

fn session_row(view: SessionView) -> SessionRow {
    SessionRow {
        id: view.id.to_string(),
        device: view.device,
        from: view.from,
        program: view.kind == SessionKind::Program,
        began: When::of(view.began_at),
        seen: When::of(view.seen_at),
        current: view.current,
    }
}

fn passkey_row(view: PasskeyView) -> PasskeyRow {
    PasskeyRow {
        id: view.id.to_string(),
        name: view.name,
        created: When::of(view.created_at),
        used: When::maybe(view.last_used_at),
    }
}

async fn overview(person: &SignedIn, phrase: &str, errors: (&str, &str)) -> Response {
    let sessions = match list_sessions(&person.own_context(), person.id()).await {
        Ok(sessions) => sessions,
        Err(other) => return problem(other),
    };
    let passkeys = match list_passkeys(&person.own_context(), person.id()).await {
        Ok(passkeys) => passkeys,
        Err(other) => return problem(other),
    };
    let (phrase_error, factor_error) = errors;
    let phrase_fields = html_of([
        Field::new("phrase", "New phrase", Kind::Text).value(phrase).error(phrase_error),
        Field::new("factor", "Authenticator code, or your password", Kind::Password).error(factor_error),
    ]);
    let account = &person.account;
    let page = Page {
        frame: Frame::of(person, "security", "Security"),
        csrf: &person.csrf,
        email: account.email.to_string(),
        two_factor: account.two_factor == TwoFactor::On,
        authenticator: account.authenticator,
        more_passkeys: passkeys.len() < PASSKEYS_PER_ACCOUNT,
        passkeys: passkeys.into_iter().map(passkey_row).collect(),
        codes_left: account.recovery_codes_left,
        cooling: When::maybe(account.cooling_until),
        registered: When::of(account.registered_at),
        sessions: sessions.into_iter().map(session_row).collect(),
        phrase: account.phrase.clone(),
        phrase_fields,
    };
    let good = phrase_error.is_empty() && factor_error.is_empty();
    page_with(if good { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }, &page)
}

/// The page.
pub async fn show(person: SignedIn) -> Response {
    overview(&person, "", ("", "")).await
}

/// The phrase of our mails.
pub async fn phrase(posted: Posted) -> Response {
    let (person, fields) = (&posted.person, &posted.fields);
    let typed = fields.get("phrase");
    let factor = match prove_any(&person.own_context(), person.id(), fields.get("factor")).await {
        Ok(factor) => factor,
        Err(wrong @ ActionError::NotProven(_)) => {
            return overview(person, typed, ("", &sentence(&wrong))).await;
        }
        Err(other) => return problem(other),
    };
    let change = ChangePhrase { account: person.id(), phrase: typed.to_owned() };
    match change.perform(&person.own_context(), Proof::Factor(factor)).await {
        Ok(()) => told(person, "/security", Note::Done(ActionKind::ChangePhrase)).await,
        Err(wrong @ ActionError::Phrase) => overview(person, typed, (&sentence(&wrong), "")).await,
        Err(other) => problem(other),
    }
}

fn password_form(person: &SignedIn, error: &str) -> Response {
    let fields = vec![
        Field::new("password", "New password", Kind::NewPassword)
            .hint("At least 12 characters, for example four random words.")
            .error(error)
            .focus()
            .html(),
    ];
    form(
        person,
        FormPage {
            frame: Frame::of(person, "security", "Change the password"),
            csrf: &person.csrf,
            title: "Change the password",
            lead:
                "All other sessions end. Keys that may withdraw, move funds or manage are held for 24 hours."
                    .to_owned(),
            action: "/security/password",
            button: "Continue",
            hidden: Vec::new(),
            fields,
        },
        error,
    )
}

fn form(_: &SignedIn, page: FormPage<'_>, error: &str) -> Response {
    page_with(if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }, &page)
}

/// The question before a change.
fn question(title: &'static str, action: &str, button: &'static str, words: Vec<String>) -> Confirmation {
    Confirmation {
        title,
        action: action.to_owned(),
        button,
        danger: false,
        back: "/security".to_owned(),
        part: "security",
        words,
        extra: String::new(),
    }
}

/// The form of a new password.
pub async fn show_password(person: SignedIn) -> Response {
    password_form(&person, "")
}

/// A new password.
pub async fn password(posted: Posted) -> Response {
    let (person, fields) = (&posted.person, &posted.fields);
    let new = fields.get("password");
    if new.chars().count() < PASSWORD_MIN_CHARS || strength(new, &[person.account.email.as_str()]).score < 3 {
        let hints = strength(new, &[person.account.email.as_str()]).hints.join(" ");
        return password_form(
            person,
            format!("At least 12 characters that are hard to guess. {hints}").trim(),
        );
    }
    let stops = match stops(person, Left::Another).await {
        Ok(stops) => stops,
        Err(other) => return problem(other),
    };
    let change = ChangePassword { account: person.id(), password: Secret::new(new.to_owned()) };
    let asking = |pending: &PendingAction| {
        let words = with_stops(pending, stops);
        question("Change the password?", "/security/password", "Change the password", words)
    };
    match act(&posted, &person.own_context(), change, asking).await {
        Ok(()) => told(person, "/security", Note::Done(ActionKind::ChangePassword)).await,
        Err(Halted::Refused(weak @ (ActionError::Password(_) | ActionError::WeakPassword(_)))) => {
            password_form(person, &sentence(&weak))
        }
        Err(halted) => halted.into(),
    }
}

fn email_form(person: &SignedIn, typed: &str, error: &str) -> Response {
    let fields =
        vec![Field::new("email", "New e-mail address", Kind::Email).value(typed).error(error).focus().html()];
    form(
        person,
        FormPage {
            frame: Frame::of(person, "security", "Change the e-mail address"),
            csrf: &person.csrf,
            title: "Change the e-mail address",
            lead: "We send a code to the old address, then one to the new address. All other sessions end, and keys that may withdraw, move funds or manage are held for 24 hours.".to_owned(),
            action: "/security/email",
            button: "Continue",
            hidden: Vec::new(),
            fields,
        },
        error,
    )
}

/// The form of a new address.
pub async fn show_email(person: SignedIn) -> Response {
    email_form(&person, "", "")
}

/// A new address, approved from the old one.
pub async fn email(posted: Posted) -> Response {
    let (person, fields) = (&posted.person, &posted.fields);
    let typed = fields.get("email").trim();
    let Ok(new) = Email::parse(typed) else {
        return email_form(person, typed, "Enter an e-mail address such as name@example.com.");
    };
    if new == person.account.email {
        return email_form(person, typed, "That is your address already.");
    }
    let stops = match stops(person, Left::Another).await {
        Ok(stops) => stops,
        Err(other) => return problem(other),
    };
    let asking = |pending: &PendingAction| {
        let words = with_stops(pending, stops);
        question("Change the e-mail address?", "/security/email", "Send a code to the new address", words)
    };
    match act(&posted, &person.own_context(), ChangeEmail(new), asking).await {
        Ok(challenge) => new_address_form(person, &challenge.to_string(), "").await,
        Err(halted) => halted.into(),
    }
}

async fn new_address_form(person: &SignedIn, challenge: &str, error: &str) -> Response {
    let stops = match stops(person, Left::Another).await {
        Ok(stops) => stops,
        Err(other) => return problem(other),
    };
    let fields = vec![
        Field::new("code", "Code from the new address", Kind::Eight)
            .hint("Eight digits. The code expires in 10 minutes.")
            .error(error)
            .focus()
            .html(),
    ];
    form(
        person,
        FormPage {
            frame: Frame::of(person, "security", "Confirm the new address"),
            csrf: &person.csrf,
            title: "Confirm the new address",
            lead: format!("Enter the code that we sent there. {stops}"),
            action: "/security/email/confirm",
            button: "Change the address",
            hidden: vec![("challenge", challenge.to_owned())],
            fields,
        },
        error,
    )
}

/// The code from the new address.
pub async fn confirm_email(posted: Posted) -> Response {
    let (person, fields) = (&posted.person, &posted.fields);
    match take_email(&person.own_context(), fields.get("challenge"), fields.get("code")).await {
        Ok(_) => told(person, "/security", Note::Done(ActionKind::ConfirmEmail)).await,
        Err(wrong @ ActionError::NotApproved(NotApproved::Wrong | NotApproved::Unreadable)) => {
            new_address_form(person, fields.get("challenge"), &sentence(&wrong)).await
        }
        Err(other) => problem(other),
    }
}

/// Ends one session.
pub async fn end_session(posted: Posted) -> Response {
    let person = &posted.person;
    let Ok(session) = posted.fields.get("session").parse() else { return problem(ActionError::NoSession) };
    let end = EndSession { account: person.id(), session };
    match end.perform(&person.own_context(), Proof::None).await {
        Ok(()) => told(person, "/security", Note::Done(ActionKind::EndSession)).await,
        Err(other) => problem(other),
    }
}

/// Ends all other sessions.
pub async fn end_others(posted: Posted) -> Response {
    let person = &posted.person;
    match EndOtherSessions(person.id()).perform(&person.own_context(), Proof::None).await {
        Ok(_) => told(person, "/security", Note::OtherSessionsEnded).await,
        Err(other) => problem(other),
    }
}
