//! Adding, renaming and removing passkeys.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use keyward_authority::accounts::Left;
use keyward_authority::passkeys::{RemovePasskey, RenamePasskey, offer_new_passkey, try_new_passkey};
use keyward_authority::questions::{PasskeyView, show_passkey};
use keyward_authority::{Action as _, ActionError, PendingAction};
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::key::KeyName;
use keyward_rules::person::PasskeyId;

use super::confirm::{Confirmation, act, begin};
use super::field::{Field, Kind};
use super::layout::{Frame, page_with, problem, sentence, told};
use super::note::Note;
use super::person::{Posted, SignedIn};
use super::stops::{stops, with_stops};
use super::totp::show_first_codes;

#[derive(Template)]
#[template(path = "passkey_new.html")]
struct New<'n> {
    frame: Frame,
    csrf: &'n str,
    field: String,
    error: String,
    offer: String,
}

#[derive(Template)]
#[template(path = "passkey_rename.html")]
struct Rename<'r> {
    frame: Frame,
    csrf: &'r str,
    id: String,
    field: String,
}

async fn form(person: &SignedIn, name: &str, name_error: &str, error: &str) -> Response {
    let offer = match offer_new_passkey(&person.own_context()).await {
        Ok(offer) => offer.to_json(),
        Err(other) => return problem(other),
    };
    let field = name_field(name, name_error);
    let new = New {
        frame: Frame::of(person, "security", "Add a passkey"),
        csrf: &person.csrf,
        field: field.html(),
        error: error.to_owned(),
        offer,
    };
    let good = name_error.is_empty() && error.is_empty();
    page_with(if good { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }, &new)
}

fn name_field(name: &str, error: &str) -> Field {
    let hint = "A name for the device, for example “Phone” or “Blue key”.";
    Field::new("name", "Name", Kind::Text).value(name).hint(hint).error(error).focus()
}

/// The form: a name, and the button that asks the device.
pub async fn show_new(person: SignedIn) -> Response {
    form(&person, "", "", "").await
}

/// What the device made, then the ceremony. Where there is no second factor yet, the password stands in for it.
pub async fn submit(posted: Posted) -> Response {
    let (person, fields) = (&posted.person, &posted.fields);
    let name = fields.get("name");
    let enrol = match try_new_passkey(&person.own_context(), name, fields.get("new_passkey")).await {
        Ok(enrol) => enrol,
        Err(wrong @ ActionError::Name(_)) => return form(person, name, &sentence(&wrong), "").await,
        Err(wrong @ ActionError::NotAPasskey) => return form(person, name, "", &sentence(&wrong)).await,
        Err(other) => return problem(other),
    };
    let asking = |pending: &PendingAction| Confirmation {
        title: "Add this passkey?",
        action: "/security/passkeys/new".to_owned(),
        button: "Add the passkey",
        danger: false,
        back: "/security".to_owned(),
        part: "security",
        words: pending.words.clone(),
        extra: String::new(),
    };
    match act(&posted, &person.own_context(), enrol, asking).await {
        Ok(added) if added.recovery_codes.is_empty() => {
            told(person, "/security", Note::Done(ActionKind::EnrolPasskey)).await
        }
        Ok(added) => show_first_codes(person, added.recovery_codes).await,
        Err(halted) => halted.into(),
    }
}

async fn found(person: &SignedIn, id: &str) -> Result<PasskeyView, ActionError> {
    let id = id.parse().map_err(|_| ActionError::NoPasskey)?;
    show_passkey(&person.own_context(), person.id(), id).await
}

fn rename_form(person: &SignedIn, id: PasskeyId, name: &str, error: &str) -> Response {
    let rename = Rename {
        frame: Frame::of(person, "security", "Rename a passkey"),
        csrf: &person.csrf,
        id: id.to_string(),
        field: name_field(name, error).html(),
    };
    page_with(if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }, &rename)
}

/// The form of another name.
pub async fn show_rename(person: SignedIn, Path(id): Path<String>) -> Response {
    match found(&person, &id).await {
        Ok(passkey) => rename_form(&person, passkey.id, &passkey.name, ""),
        Err(other) => problem(other),
    }
}

/// Another name.
pub async fn rename(Path(id): Path<String>, posted: Posted) -> Response {
    let (person, typed) = (&posted.person, posted.fields.get("name"));
    let passkey = match found(person, &id).await {
        Ok(passkey) => passkey,
        Err(other) => return problem(other),
    };
    let name = match KeyName::parse(typed.trim()) {
        Ok(name) => name,
        Err(wrong) => return rename_form(person, passkey.id, typed, &sentence(&wrong.into())),
    };
    let rename = RenamePasskey { account: person.id(), passkey: passkey.id, name };
    match rename.perform(&person.own_context(), Proof::None).await {
        Ok(()) => told(person, "/security", Note::Done(ActionKind::RenamePasskey)).await,
        Err(other) => problem(other),
    }
}

/// The removal of the passkey that a path names.
fn removal(person: &SignedIn, id: &str) -> Result<RemovePasskey, ActionError> {
    let passkey = id.parse().map_err(|_| ActionError::NoPasskey)?;
    Ok(RemovePasskey { account: person.id(), passkey })
}

fn asking_remove(passkey: PasskeyId, pending: &PendingAction, stops: String) -> Confirmation {
    Confirmation {
        title: "Remove this passkey?",
        action: format!("/security/passkeys/{passkey}/remove"),
        button: "Remove the passkey",
        danger: true,
        back: "/security".to_owned(),
        part: "security",
        words: with_stops(pending, stops),
        extra: String::new(),
    }
}

/// Before removing one.
pub async fn show_remove(person: SignedIn, Path(id): Path<String>) -> Response {
    let asking = async {
        let remove = removal(&person, &id)?;
        let pending = remove.plan(&person.own_context()).await?;
        let stops = stops(&person, person.account.without_a_passkey()).await?;
        Ok::<_, ActionError>(asking_remove(remove.passkey, &pending, stops))
    };
    match asking.await {
        Ok(asking) => begin(&person, &asking, ""),
        Err(other) => problem(other),
    }
}

/// Removing one.
pub async fn remove(Path(id): Path<String>, posted: Posted) -> Response {
    let person = &posted.person;
    let left = person.account.without_a_passkey();
    let asked = async { Ok::<_, ActionError>((removal(person, &id)?, stops(person, left).await?)) };
    let (remove, stops) = match asked.await {
        Ok(asked) => asked,
        Err(other) => return problem(other),
    };
    let asking = |pending: &PendingAction| asking_remove(remove.passkey, pending, stops);
    match act(&posted, &person.own_context(), remove, asking).await {
        Ok(()) => match left {
            Left::Another => told(person, "/security", Note::Done(ActionKind::RemovePasskey)).await,
            Left::Nothing => told(person, "/security", Note::TwoFactorOff).await,
        },
        Err(halted) => halted.into(),
    }
}
