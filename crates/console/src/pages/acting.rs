//! The switch between one's own account and a sub-account. It decides whose keys pages show and change. A link that leads to a key of
//! another account offers the switch.

use askama::Template;
use axum::http::header;
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use keyward_authority::ActionError;
use keyward_authority::questions::{KeyElsewhere, acting_for, key_elsewhere};
use keyward_rules::id::{AccountId, KeyId};

use super::environment::first_page;
use super::layout::{Frame, go, page, problem};
use super::person::{Posted, SignedIn};
use crate::who::set_acting;

/// Remembers the account, and leads back to the part of the console that the switch was pressed in.
pub async fn choose(posted: Posted) -> Response {
    let (person, fields) = (&posted.person, &posted.fields);
    let chosen = match fields.get("account") {
        "" => None,
        id => {
            let found = async {
                let id: AccountId = id.parse().map_err(|_| ActionError::NoSubAccount)?;
                acting_for(&person.own_context(), person.id(), id).await.map(|_| id)
            };
            match found.await {
                Ok(id) => Some(id),
                Err(other) => return problem(other),
            }
        }
    };
    let cookie = (header::SET_COOKIE, set_acting(chosen, person.id()));
    // A key is named by its id alone, so the form cannot lead elsewhere.
    let next = match fields.get("key").parse::<KeyId>() {
        Ok(key) => format!("/keys/{key}"),
        Err(_) => first_page(fields.get("part")).to_owned(),
    };
    (AppendHeaders([cookie]), go(&next)).into_response()
}

#[derive(Template)]
#[template(path = "key_elsewhere.html")]
struct Elsewhere<'p> {
    frame: Frame,
    csrf: &'p str,
    key: KeyId,
    /// The sub-account's id and name; empty for the person's own account.
    account: String,
    name: String,
}

/// The answer for a key that this person cannot see now: the way to the account that has it, or that there is none.
pub(super) async fn elsewhere(person: &SignedIn, key: KeyId) -> Response {
    let (account, name) = match key_elsewhere(&person.own_context(), person.id(), key).await {
        Ok(Some(KeyElsewhere::Own)) => (String::new(), String::new()),
        Ok(Some(KeyElsewhere::Sub(choice))) => (choice.id.to_string(), choice.name.as_str().to_owned()),
        Ok(None) => return problem(ActionError::NoKey),
        Err(other) => return problem(other),
    };
    let frame = Frame::of(person, "keys", "Key of another account");
    page(&Elsewhere { frame, csrf: &person.csrf, key, account, name })
}
