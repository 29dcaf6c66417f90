//! The two ways in to every page behind the door: a signed-in person, and a form of theirs.

use std::future::Future;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use keyward_authority::questions::Presence;
use keyward_authority::sign_in::take_note;
use keyward_authority::{ActionError, Stage};

use super::layout::problem;
use super::note::Note;
use crate::fields::Fields;
use crate::pages::message;
use crate::shell::Shell;
use crate::who::{acting_cookie, environment_cookie, origin, session, session_cookie};

pub use super::signed_in::SignedIn;

/// A list that is left open refreshes itself; that nobody touches it must still end the session.
fn presence(parts: &Parts) -> Presence {
    let refresh = parts.uri.query().is_some_and(|query| query.starts_with("fragment="));
    if refresh { Presence::Watching } else { Presence::Acting }
}

/// Whether a person opens a page, and not a script a part of one.
fn opens_a_page(parts: &Parts) -> bool {
    parts.method == Method::GET
        && !parts.headers.contains_key("hx-request")
        && presence(parts) == Presence::Acting
}

async fn enter(parts: &Parts, shell: &Shell) -> Result<SignedIn, Response> {
    // A part of a page that refreshes itself must not fill with the sign-in page: the whole page goes there.
    let refresh = parts.headers.contains_key("hx-request");
    let to_the_door = || {
        if refresh {
            (StatusCode::NO_CONTENT, [(HeaderName::from_static("hx-redirect"), "/sign-in")]).into_response()
        } else {
            Redirect::to("/sign-in").into_response()
        }
    };
    let token = session_cookie(&parts.headers).ok_or_else(to_the_door)?;
    let found = session(shell, origin(parts), &token, presence(parts))
        .await
        .map_err(problem)?
        .ok_or_else(to_the_door)?;
    match found.record.stage {
        Stage::Password => return Err(Redirect::to("/sign-in/factor").into_response()),
        Stage::Full => {}
    }
    let record = found.record.clone();
    let chosen = acting_cookie(&parts.headers, record.account);
    let mut person = SignedIn::of(shell, found, &token, chosen).await.map_err(problem)?;
    person.environment = environment_cookie(&parts.headers, person.id());
    if opens_a_page(parts) {
        let word = take_note(&person.own_context(), &record).await.map_err(problem)?;
        person.note = word.as_deref().and_then(Note::read);
    }
    Ok(person)
}

/// The person of a request whose session is full. They count as watching, so the session runs on towards its end.
pub async fn watching(parts: &Parts, shell: &Shell) -> Result<Option<SignedIn>, ActionError> {
    let Some(token) = session_cookie(&parts.headers) else { return Ok(None) };
    match session(shell, origin(parts), &token, Presence::Watching).await? {
        Some(found) if found.record.stage == Stage::Full => {
            let chosen = acting_cookie(&parts.headers, found.record.account);
            let mut person = SignedIn::of(shell, found, &token, chosen).await?;
            person.environment = environment_cookie(&parts.headers, person.id());
            Ok(Some(person))
        }
        Some(_) | None => Ok(None),
    }
}

impl FromRequestParts<Shell> for SignedIn {
    type Rejection = Response;

    fn from_request_parts(
        parts: &mut Parts,
        shell: &Shell,
    ) -> impl Future<Output = Result<Self, Response>> + Send {
        enter(parts, shell)
    }
}

/// A form of a signed-in person: its token is right, so it came from a page that they were served.
pub struct Posted {
    /// Who.
    pub person: SignedIn,
    /// What.
    pub fields: Fields,
}

impl FromRequest<Shell> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, shell: &Shell) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let person = enter(&parts, shell).await?;
        let fields = Fields::from_request(Request::from_parts(parts, body), shell).await?;
        if person.served(fields.get("csrf")) {
            Ok(Self { person, fields })
        } else {
            Err(message(
                StatusCode::FORBIDDEN,
                "That form is not from this session",
                "Nothing was done. Perhaps you switched accounts in another tab. Load the page again, and try once more.",
            ))
        }
    }
}
