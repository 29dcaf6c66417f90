//! Signing in and out, and the list of sessions.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use keyward_authority::passkeys::{Purpose, offer_any_passkey, offer_passkey};
use keyward_authority::questions::{Presence, list_sessions};
use keyward_authority::sign_in::{
    DEVICE, Door, EndOtherSessions, EndSession, Presented, present_factor, present_passkey,
    present_passkey_second, present_password,
};
use keyward_authority::{ActionError, SessionKind, SessionRecord, Stage};
use keyward_rules::grant::{Actor, Origin as Place};
use keyward_rules::person::{SessionId, Token};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, Id, PasskeyAnswer};
use super::caller::{Caller, Given};
use super::passkey_question::PasskeyQuestion;
use super::problem::{Problem, Problems};
use super::views::Session;
use crate::shell::Shell;
use crate::who::{EVEN_TIME, From as Origin, bearer, session};

/// Address and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The address.
    email: String,
    /// The password.
    password: String,
    /// The `device` of an earlier sign-in, by which the program is known.
    #[serde(default)]
    device: Option<String>,
}

/// The second factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondFactor {
    /// A code of the authenticator, or a recovery code.
    #[serde(default)]
    code: String,
    /// Instead of `code`: a passkey's answer to the question of `POST /api/v1/session/second-factor/options`.
    #[serde(default)]
    passkey: Option<PasskeyAnswer>,
    /// The `device` of an earlier sign-in.
    #[serde(default)]
    device: Option<String>,
}

/// A passkey, with nothing else.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeySignIn {
    /// The answer to the question of `POST /api/v1/session/passkey/options`.
    passkey: PasskeyAnswer,
    /// The `device` of an earlier sign-in.
    #[serde(default)]
    device: Option<String>,
}

/// A token, and what is due next.
#[derive(Serialize, ToSchema)]
pub struct SignedIn {
    /// To be sent as `Authorization: Bearer …`.
    token: String,
    /// `done`, or `second_factor`: then the token is good for that step only.
    next: &'static str,
    /// A token by which this program is known at its next sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
}

fn known(device: Option<&str>) -> Option<Token> {
    device.and_then(|text| Token::parse(DEVICE, text))
}

/// Sign in, first step
#[utoipa::path(post, path = "/api/v1/session", tag = "sessions", request_body = SignIn,
    responses((status = 200, description = "The password is right", body = SignedIn), Problems))]
pub async fn sign_in(
    State(shell): State<Shell>,
    Origin(origin): Origin,
    Body(body): Body<SignIn>,
) -> Result<Json<SignedIn>, Problem> {
    let context = shell.context(Actor::Visitor(origin));
    let device = known(body.device.as_deref());
    let presented =
        Presented { email: body.email, password: body.password, device, kind: SessionKind::Program };
    let (answer, ()) = tokio::join!(present_password(&context, presented), tokio::time::sleep(EVEN_TIME));
    Ok(Json(match answer? {
        Door::SecondFactorDue(token) => {
            SignedIn { token: token.expose().to_owned(), next: "second_factor", device: None }
        }
        Door::Open(token, device) => SignedIn {
            token: token.expose().to_owned(),
            next: "done",
            device: Some(device.expose().to_owned()),
        },
    }))
}

/// Sign in, second step
#[utoipa::path(post, path = "/api/v1/session/second-factor", tag = "sessions", request_body = SecondFactor,
    security(("bearer" = [])),
    responses((status = 200, description = "Signed in; the token is replaced", body = SignedIn), Problems))]
pub async fn second_factor(
    State(shell): State<Shell>,
    Origin(origin): Origin,
    headers: HeaderMap,
    Body(body): Body<SecondFactor>,
) -> Result<Json<SignedIn>, Problem> {
    let half = half(&shell, &origin, &headers).await?;
    let context = shell.context(Actor::Visitor(origin));
    let device = known(body.device.as_deref());
    let done = match body.passkey {
        Some(_) if !body.code.is_empty() => {
            let text = "send either `code` or `passkey`";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_body", text));
        }
        Some(answer) => present_passkey_second(&context, &half, &answer.to_json(), device).await?,
        None => present_factor(&context, &half, &body.code, device).await?,
    };
    Ok(Json(signed_in(&done)))
}

/// The session whose second factor is due.
async fn half(shell: &Shell, origin: &Place, headers: &HeaderMap) -> Result<SessionRecord, Problem> {
    let token = bearer(headers).ok_or_else(Problem::nobody)?;
    let found = session(shell, origin.clone(), &token, Presence::Acting).await?;
    let half = found.ok_or_else(Problem::nobody)?.record;
    if half.stage != Stage::Password || half.kind != SessionKind::Program {
        return Err(Problem::new(StatusCode::CONFLICT, "unchanged", "this session is signed in already"));
    }
    Ok(half)
}

fn signed_in((token, device): &(Token, Token)) -> SignedIn {
    let device = Some(device.expose().to_owned());
    SignedIn { token: token.expose().to_owned(), next: "done", device }
}

/// Get the passkey options for the second step
#[utoipa::path(post, path = "/api/v1/session/second-factor/options", tag = "sessions", security(("bearer" = [])),
    responses((status = 200, description = "The question; its answer goes into `passkey` of the second step", body = PasskeyQuestion),
        Problems))]
pub async fn second_factor_options(
    State(shell): State<Shell>,
    Origin(origin): Origin,
    headers: HeaderMap,
) -> Result<Json<PasskeyQuestion>, Problem> {
    let half = half(&shell, &origin, &headers).await?;
    let context = shell.context(Actor::Visitor(origin));
    let offer = offer_passkey(&context, half.account, &Purpose::SecondFactor(half.id)).await?;
    Ok(Json(offer.ok_or(ActionError::NoPasskey)?.into()))
}

/// Get the passkey options for sign-in
#[utoipa::path(post, path = "/api/v1/session/passkey/options", tag = "sessions",
    responses((status = 200, description = "The question, for a passkey of whichever account", body = PasskeyQuestion), Problems))]
pub async fn passkey_options(
    State(shell): State<Shell>,
    Origin(origin): Origin,
) -> Result<Json<PasskeyQuestion>, Problem> {
    let context = shell.context(Actor::Visitor(origin));
    Ok(Json(offer_any_passkey(&context, &Purpose::SignIn, "button").await?.into()))
}

/// Sign in with a passkey
#[utoipa::path(post, path = "/api/v1/session/passkey", tag = "sessions", request_body = PasskeySignIn,
    responses((status = 200, description = "Signed in; the passkey stands for password and second factor", body = SignedIn), Problems))]
pub async fn passkey_sign_in(
    State(shell): State<Shell>,
    Origin(origin): Origin,
    Body(body): Body<PasskeySignIn>,
) -> Result<Json<SignedIn>, Problem> {
    let context = shell.context(Actor::Visitor(origin));
    let (text, device) = (body.passkey.to_json(), known(body.device.as_deref()));
    let (answer, ()) = tokio::join!(
        present_passkey(&context, &text, device, SessionKind::Program),
        tokio::time::sleep(EVEN_TIME)
    );
    Ok(Json(signed_in(&answer?)))
}

/// Sign out
#[utoipa::path(delete, path = "/api/v1/session", tag = "sessions", security(("bearer" = [])),
    responses((status = 204, description = "The session has ended"), Problems))]
pub async fn sign_out(caller: Caller) -> Result<StatusCode, Problem> {
    let end = EndSession { account: caller.id(), session: caller.holder.session };
    caller.act(end, Given::nothing()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the open sessions
#[utoipa::path(get, path = "/api/v1/sessions", tag = "sessions", security(("bearer" = [])),
    responses((status = 200, description = "Freshest first", body = Vec<Session>), Problems))]
pub async fn list(caller: Caller) -> Result<Json<Vec<Session>>, Problem> {
    let sessions = list_sessions(&caller.context(), caller.id()).await?;
    Ok(Json(sessions.into_iter().map(Session::from).collect()))
}

/// End all other sessions
#[utoipa::path(delete, path = "/api/v1/sessions", tag = "sessions", security(("bearer" = [])),
    responses((status = 204, description = "All others have ended"), Problems))]
pub async fn end_others(caller: Caller) -> Result<StatusCode, Problem> {
    caller.act(EndOtherSessions(caller.id()), Given::nothing()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End one session
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "sessions", security(("bearer" = [])),
    params(("id" = String, Path, description = "The session's id")),
    responses((status = 204, description = "It has ended"), Problems))]
pub async fn end_one(caller: Caller, Id(id): Id<SessionId>) -> Result<StatusCode, Problem> {
    caller.act(EndSession { account: caller.id(), session: id }, Given::nothing()).await?;
    Ok(StatusCode::NO_CONTENT)
}
