//! A signed-in person, and a form of theirs: the two ways in to every page behind the door.

use std::future::Future;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use keyward_authority::oversight::role_of;
use keyward_authority::questions::{AccountView, Presence, is_broker, show_account, unseen_alerts};
use keyward_authority::sign_in::take_note;
use keyward_authority::{ActionError, Desk, Stage};
use keyward_rules::grant::{Actor, Holder, Staff};
use keyward_rules::id::AccountId;
use keyward_rules::person::Token;
use keyward_rules::staff::Role;
use subtle::ConstantTimeEq as _;

use super::layout::problem;
use super::note::Note;
use crate::fields::Fields;
use crate::pages::message;
use crate::shell::Shell;
use crate::who::{Session, origin, session, session_cookie};

/// A person whose session is full.
#[derive(Clone)]
pub struct SignedIn {
    /// What they work with.
    pub shell: Shell,
    /// Who they are.
    pub holder: Holder,
    /// Their account.
    pub account: AccountView,
    /// Alerts that they have not looked at.
    pub unseen: i64,
    /// Their role, as it stands now.
    pub role: Option<Role>,
    /// Whether they have registered an app.
    pub broker: bool,
    /// The token that their forms carry.
    pub csrf: String,
    /// What they did last, if this is the page that tells it.
    pub note: Option<Note>,
}

impl SignedIn {
    async fn of(shell: &Shell, found: Session, token: &Token) -> Result<Self, ActionError> {
        let Session { record, holder } = found;
        let desk = shell.desk(Actor::Holder(holder.clone()));
        let account = show_account(&desk, holder.account).await?;
        let role = role_of(&desk, holder.account).await?;
        let broker = is_broker(&desk, holder.account).await?;
        let unseen = unseen_alerts(&desk, holder.account).await?;
        let tag = shell.authority().secrets.codes.tag("form", &record.id.to_string(), &token.hash());
        let csrf = tag.as_bytes().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { shell: shell.clone(), holder, account, unseen, role, broker, csrf, note: None })
    }

    /// A desk for what they do now.
    pub fn desk(&self) -> Desk<'_> {
        self.shell.desk(Actor::Holder(self.holder.clone()))
    }

    /// A desk for what they do in their role; `None` without one.
    pub fn staff_desk(&self) -> Option<Desk<'_>> {
        let role = self.role?;
        Some(self.shell.desk(Actor::Staff(Staff { holder: self.holder.clone(), role })))
    }

    /// Their account's id.
    pub const fn id(&self) -> AccountId {
        self.holder.account
    }
}

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
    let mut person = SignedIn::of(shell, found, &token).await.map_err(problem)?;
    if opens_a_page(parts) {
        let word = take_note(&person.desk(), &record).await.map_err(problem)?;
        person.note = word.as_deref().and_then(Note::read);
    }
    Ok(person)
}

/// The person of a request whose session is full. They count as watching, so the session runs on towards its end.
pub async fn watching(parts: &Parts, shell: &Shell) -> Result<Option<SignedIn>, ActionError> {
    let Some(token) = session_cookie(&parts.headers) else { return Ok(None) };
    match session(shell, origin(parts), &token, Presence::Watching).await? {
        Some(found) if found.record.stage == Stage::Full => {
            SignedIn::of(shell, found, &token).await.map(Some)
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
        let same: bool = fields.get("csrf").as_bytes().ct_eq(person.csrf.as_bytes()).into();
        if same {
            Ok(Self { person, fields })
        } else {
            Err(message(
                StatusCode::FORBIDDEN,
                "That form is not from this session",
                "Nothing was done. Go back, load the page again, and try once more.",
            ))
        }
    }
}
