//! Registering, recovering, and what secures an account.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use keyward_authority::accounts::{
    ChangeEmail, ChangePassword, ChangePhrase, Consent, EnrolTotp, RemoveTotp, RenewRecoveryCodes, ResetForm,
    ask_to_register, ask_to_reset, confirm_email as take_email, confirm_registration as take_registration,
    reset_password, try_authenticator,
};
use keyward_authority::passkeys::{Purpose, offer_any_passkey};
use keyward_authority::questions::show_account;
use keyward_authority::sign_in::DEVICE;
use keyward_authority::{Authenticator, SessionKind};
use keyward_rules::account::Email;
use keyward_rules::grant::Actor;
use keyward_rules::person::{SessionId, Token};
use keyward_rules::secret::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, Id, PasskeyAnswer, StepUp};
use super::caller::{Caller, Given};
use super::passkey_question::PasskeyQuestion;
use super::problem::{Problem, Problems};
use super::views::Account;
use crate::shell::Shell;
use crate::who::{EVEN_TIME, From as Origin};

/// Address and password of a new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// The address; a code is sent there.
    email: String,
    /// The password: at least 12 characters that are hard to guess.
    password: String,
}

/// Whose password is to be reset.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecoveryWish {
    /// The address of the account.
    email: String,
    /// The `device` of an earlier sign-in. With it, what strangers ask for does not count against you.
    device: Option<String>,
}

/// A challenge whose code was sent by mail.
#[derive(Serialize, ToSchema)]
pub struct Sent {
    /// Its id.
    id: String,
}

/// A code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// The eight digits of the mail.
    code: String,
}

/// A new account's first session.
#[derive(Serialize, ToSchema)]
pub struct Registered {
    /// The account's id.
    account: String,
    /// The session's token.
    token: String,
    /// A token by which this program is known at its next sign-in.
    device: String,
}

/// What a reset needs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// The eight digits of the mail.
    mail_code: String,
    /// A code of the authenticator or a recovery code; empty where the account has no second factor.
    #[serde(default)]
    factor: String,
    /// Instead of `factor`: a passkey's answer to the question of `POST /api/v1/recoveries/{id}/passkey/options`.
    #[serde(default)]
    passkey: Option<PasskeyAnswer>,
    /// The new password.
    password: String,
}

/// A new phrase.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Phrase {
    /// 4 to 60 visible characters.
    phrase: String,
    /// A code of the authenticator, a recovery code, or the password. With neither this nor `passkey`, the answer is 403
    /// `factor_required`.
    #[serde(default)]
    factor: String,
    /// Instead of `factor`: a passkey's answer to the question of the 403 answer, for the same request.
    #[serde(default)]
    passkey: Option<PasskeyAnswer>,
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// The new password.
    password: String,
    /// The answer to the challenge.
    #[serde(default)]
    step_up: Option<StepUp>,
}

/// A new address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEmail {
    /// The new address.
    email: String,
    /// The answer to the challenge.
    #[serde(default)]
    step_up: Option<StepUp>,
}

/// An authenticator that is not set up yet.
#[derive(Serialize, ToSchema)]
pub struct Proposed {
    /// Its secret in Base32.
    secret: String,
    /// The address that its QR code holds.
    otpauth_url: String,
}

/// An authenticator to set up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// Its secret in Base32.
    secret: String,
    /// Its code now.
    code: String,
    /// The answer to the challenge; where there is no second factor yet, its `factor` is the password.
    #[serde(default)]
    step_up: Option<StepUp>,
}

/// Recovery codes, shown this once.
#[derive(Serialize, ToSchema)]
pub struct Codes {
    /// The codes; empty when a set was there already.
    pub recovery_codes: Vec<String>,
}

/// Nothing but the step-up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Bare {
    /// The answer to the challenge.
    #[serde(default)]
    pub step_up: Option<StepUp>,
}

fn email_of(text: &str) -> Result<Email, Problem> {
    Email::parse(text.trim())
        .map_err(|wrong| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_email", wrong.to_string()))
}

/// Request a registration
#[utoipa::path(post, path = "/api/v1/registrations", tag = "account", request_body = Registration,
    responses((status = 202, description = "A code is on its way to the address", body = Sent), Problems))]
pub async fn register(
    State(shell): State<Shell>,
    Origin(origin): Origin,
    Body(body): Body<Registration>,
) -> Result<(StatusCode, Json<Sent>), Problem> {
    let email = email_of(&body.email)?;
    let id = ask_to_register(&shell.context(Actor::Visitor(origin)), &email, &body.password).await?;
    Ok((StatusCode::ACCEPTED, Json(Sent { id: id.to_string() })))
}

/// Register with the code from the mail
#[utoipa::path(post, path = "/api/v1/registrations/{id}/confirm", tag = "account", request_body = Code,
    params(("id" = String, Path, description = "The registration's id")),
    responses((status = 201, description = "Registered and signed in", body = Registered), Problems))]
pub async fn confirm_registration(
    State(shell): State<Shell>,
    Origin(origin): Origin,
    Id(id): Id<String>,
    Body(body): Body<Code>,
) -> Result<(StatusCode, Json<Registered>), Problem> {
    let context = shell.context(Actor::Visitor(origin));
    let made = take_registration(&context, &id, &body.code, SessionKind::Program).await?;
    let answer = Registered {
        account: made.account.to_string(),
        token: made.token.expose().to_owned(),
        device: made.device.expose().to_owned(),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Request a password reset
#[utoipa::path(post, path = "/api/v1/recoveries", tag = "account", request_body = RecoveryWish,
    responses((status = 202, description = "If the address has an account, a code is on its way", body = Sent), Problems))]
pub async fn recover(
    State(shell): State<Shell>,
    Origin(origin): Origin,
    Body(body): Body<RecoveryWish>,
) -> Result<(StatusCode, Json<Sent>), Problem> {
    let email = email_of(&body.email)?;
    let device = body.device.as_deref().and_then(|text| Token::parse(DEVICE, text));
    let context = shell.context(Actor::Visitor(origin));
    let (asked, ()) =
        tokio::join!(ask_to_reset(&context, &email, device.as_ref()), tokio::time::sleep(EVEN_TIME));
    Ok((StatusCode::ACCEPTED, Json(Sent { id: asked?.to_string() })))
}

/// Get the passkey options for a password reset
#[utoipa::path(post, path = "/api/v1/recoveries/{id}/passkey/options", tag = "account",
    params(("id" = String, Path, description = "The recovery's id")),
    responses((status = 200, description = "The question, for a passkey of whichever account", body = PasskeyQuestion), Problems))]
pub async fn recovery_options(
    State(shell): State<Shell>,
    Origin(origin): Origin,
    Id(id): Id<SessionId>,
) -> Result<Json<PasskeyQuestion>, Problem> {
    let context = shell.context(Actor::Visitor(origin));
    Ok(Json(offer_any_passkey(&context, &Purpose::Reset(id), "reset").await?.into()))
}

/// Reset the password
#[utoipa::path(post, path = "/api/v1/recoveries/{id}/confirm", tag = "account", request_body = Reset,
    params(("id" = String, Path, description = "The recovery's id")),
    responses((status = 204, description = "The password is set; every session has ended"), Problems))]
pub async fn confirm_recovery(
    State(shell): State<Shell>,
    Origin(origin): Origin,
    Id(id): Id<String>,
    Body(body): Body<Reset>,
) -> Result<StatusCode, Problem> {
    if body.passkey.is_some() && !body.factor.is_empty() {
        let text = "send either `factor` or `passkey`";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_body", text));
    }
    let form = ResetForm {
        proved: String::new(),
        challenge: id,
        mail_code: body.mail_code,
        factor: body.factor,
        passkey: body.passkey.map(|answer| answer.to_json()).unwrap_or_default(),
        password: body.password,
    };
    let context = shell.context(Actor::Visitor(origin));
    let (reset, ()) =
        tokio::join!(reset_password(&context, &form, Consent::Given), tokio::time::sleep(EVEN_TIME));
    reset?;
    Ok(StatusCode::NO_CONTENT)
}

/// Show the account
#[utoipa::path(get, path = "/api/v1/account", tag = "account", security(("bearer" = [])),
    responses((status = 200, description = "The account", body = Account), Problems))]
pub async fn show(caller: Caller) -> Result<Json<Account>, Problem> {
    Ok(Json(show_account(&caller.context(), caller.id()).await?.into()))
}

/// Change the phrase in our mails
#[utoipa::path(put, path = "/api/v1/account/phrase", tag = "account", request_body = Phrase, security(("bearer" = [])),
    responses((status = 204, description = "Set"), Problems))]
pub async fn phrase(caller: Caller, Body(body): Body<Phrase>) -> Result<StatusCode, Problem> {
    let change = ChangePhrase { account: caller.id(), phrase: body.phrase };
    caller.act(change, Given::factor(body.factor, body.passkey)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Change the password
#[utoipa::path(put, path = "/api/v1/account/password", tag = "account", request_body = NewPassword, security(("bearer" = [])),
    responses((status = 204, description = "Set; all other sessions have ended"), Problems))]
pub async fn password(caller: Caller, Body(body): Body<NewPassword>) -> Result<StatusCode, Problem> {
    let change = ChangePassword { account: caller.id(), password: Secret::new(body.password) };
    caller.act(change, Given::step_up(body.step_up)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Request a change of the e-mail address
#[utoipa::path(put, path = "/api/v1/account/email", tag = "account", request_body = NewEmail, security(("bearer" = [])),
    responses((status = 202, description = "A code is on its way to the new address", body = Sent), Problems))]
pub async fn email(caller: Caller, Body(body): Body<NewEmail>) -> Result<(StatusCode, Json<Sent>), Problem> {
    let new = email_of(&body.email)?;
    let id = caller.act(ChangeEmail(new), Given::step_up(body.step_up)).await?;
    Ok((StatusCode::ACCEPTED, Json(Sent { id: id.to_string() })))
}

/// Confirm the new e-mail address with its code
#[utoipa::path(post, path = "/api/v1/account/email/{id}/confirm", tag = "account", request_body = Code, security(("bearer" = [])),
    params(("id" = String, Path, description = "The change's id")),
    responses((status = 204, description = "Changed"), Problems))]
pub async fn confirm_email(
    caller: Caller,
    Id(id): Id<String>,
    Body(body): Body<Code>,
) -> Result<StatusCode, Problem> {
    take_email(&caller.context(), &id, &body.code).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Propose an authenticator
#[utoipa::path(post, path = "/api/v1/account/authenticator/propose", tag = "account", security(("bearer" = [])),
    responses((status = 200, description = "A fresh secret; nothing is set up yet", body = Proposed), Problems))]
pub async fn propose_authenticator(caller: Caller) -> Result<Json<Proposed>, Problem> {
    let account = show_account(&caller.context(), caller.id()).await?;
    let mut entropy = [0; 20];
    (caller.shell.authority().entropy)(&mut entropy);
    let authenticator = Authenticator::from_entropy(entropy);
    let issuer = &caller.shell.authority().settings.issuer;
    let otpauth_url = authenticator.url(issuer, &account.email);
    Ok(Json(Proposed { secret: authenticator.base32(), otpauth_url }))
}

/// Set up an authenticator
#[utoipa::path(put, path = "/api/v1/account/authenticator", tag = "account", request_body = Enrolment, security(("bearer" = [])),
    responses((status = 200, description = "Set up", body = Codes), Problems))]
pub async fn enrol_authenticator(
    caller: Caller,
    Body(body): Body<Enrolment>,
) -> Result<Json<Codes>, Problem> {
    let authenticator = Authenticator::from_base32(&body.secret).ok_or_else(|| {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "bad_secret",
            "the secret is not Base32 of an authenticator",
        )
    })?;
    let step = try_authenticator(&caller.context(), &authenticator, &body.code)?;
    let enrol = EnrolTotp { account: caller.id(), authenticator, step };
    let enrolled = caller.act(enrol, Given::step_up(body.step_up)).await?;
    Ok(Json(Codes { recovery_codes: enrolled.recovery_codes }))
}

/// Turn two-factor sign-in off
#[utoipa::path(delete, path = "/api/v1/account/authenticator", tag = "account", request_body = Bare, security(("bearer" = [])),
    responses((status = 204, description = "Off; without a passkey all keys are held"), Problems))]
pub async fn remove_authenticator(caller: Caller, Body(body): Body<Bare>) -> Result<StatusCode, Problem> {
    caller.act(RemoveTotp(caller.id()), Given::step_up(body.step_up)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make new recovery codes
#[utoipa::path(post, path = "/api/v1/account/recovery-codes", tag = "account", request_body = Bare, security(("bearer" = [])),
    responses((status = 200, description = "Ten new codes; the old ones no longer work", body = Codes), Problems))]
pub async fn recovery_codes(caller: Caller, Body(body): Body<Bare>) -> Result<Json<Codes>, Problem> {
    let renew = RenewRecoveryCodes(caller.id());
    Ok(Json(Codes { recovery_codes: caller.act(renew, Given::step_up(body.step_up)).await? }))
}
