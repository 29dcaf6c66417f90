//! What all pages share: the frame, answers, problems.

use askama::Template;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use keyward_api::health::{Answer, Question, Service};
use keyward_authority::{ActionError, ErrorKind};
use tracing::error;

use super::person::SignedIn;
use crate::assets::PATHS;
use crate::shell::Shell;

/// The frame of a page.
pub struct Frame {
    /// The page's title.
    pub title: String,
    /// Who is signed in.
    pub me: Option<Me>,
    /// Which part of the navigation is open.
    pub part: &'static str,
    /// What just happened, in words.
    pub note: &'static str,
    /// The assets.
    pub assets: &'static crate::assets::Paths,
}

/// The person as the frame shows them.
pub struct Me {
    /// The address.
    pub email: String,
    /// The first letter of it.
    pub initial: String,
    /// Alerts not looked at.
    pub unseen: i64,
    /// Whether the operations are theirs to see.
    pub staff: bool,
    /// Whether they have registered an app.
    pub broker: bool,
    /// The token of forms.
    pub csrf: String,
}

impl Frame {
    /// A frame for nobody in particular.
    pub fn bare(title: &str) -> Self {
        Self { title: title.to_owned(), me: None, part: "", note: "", assets: &PATHS }
    }

    /// A frame for a signed-in person.
    pub fn of(person: &SignedIn, part: &'static str, title: &str) -> Self {
        let email = person.account.email.to_string();
        let initial = email.chars().next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
        let staff = person.role.is_some();
        let (unseen, broker) = (person.unseen, person.broker);
        let me = Me { initial, email, unseen, staff, broker, csrf: person.csrf.clone() };
        Self { title: title.to_owned(), me: Some(me), part, note: "", assets: &PATHS }
    }

    /// With the words for what just happened.
    pub fn note(mut self, word: &str) -> Self {
        self.note = match word {
            "disabled" => "The key is disabled. Every gateway refuses it from now on.",
            "enabled" => "The key is enabled.",
            "made-before" => {
                "This key was made when the form was sent the first time. Its secret was shown in that answer and cannot be shown again. If you did not see it, delete the key and create another one."
            }
            "deleted" => "The key is deleted for good.",
            "edited" => "Saved.",
            "addresses" => {
                "The addresses are changed. A rotation is worth a thought: whoever had the key still has it."
            }
            "ended" => "The overlap is over: the old key has ended.",
            "leaked" => "The key is disabled. Go on with the steps below.",
            "all-disabled" => "All keys are disabled.",
            "password" => "The password is changed. All other sessions have ended.",
            "reset" => "The password is changed. Sign in with it.",
            "email" => "The e-mail address is changed.",
            "phrase" => "The phrase is changed. Our next mail bears it.",
            "authenticator" => "The authenticator is set up.",
            "authenticator-off" => "Two-factor sign-in is off. All keys are held until it is on again.",
            "authenticator-removed" => "The authenticator is off. Your passkeys are the second factor now.",
            "passkey-added" => "The passkey is added. It signs in without the password.",
            "passkey-renamed" => "The passkey is renamed.",
            "passkey-removed" => "The passkey is removed.",
            "session-ended" => "The session has ended.",
            "sessions-ended" => "All other sessions have ended.",
            "frozen" => "Frozen. Every gateway refuses it from now on.",
            "proposed" => "Proposed. The other operators were told by mail.",
            "approved" => "Approved.",
            "carried-out" => "Carried out.",
            "cancelled" => "The proposal is cancelled.",
            "revoked" => "The role is taken away.",
            "tightened" => "The policy is in force.",
            "operator" => "You are an operator now.",
            "channel-added" => "The channel is added. Send a test to see whether it arrives.",
            "channel-removed" => "The channel is removed.",
            "tested" => "A test is on its way. What came of it stands below in a moment.",
            "sent-again" => "The message is on its way again, under its id.",
            "registered" => {
                "Registered as a draft. Submit it for review when it is complete, and the ranges of its servers."
            }
            "app-changed" => "The app is changed.",
            "app-submitted" => "Submitted. Operators look at it; you are told by mail.",
            "app-frozen" => "All keys of the app are frozen. Every gateway refuses them from now on.",
            "app-thawed" => "The freeze is lifted. The app's keys work again.",
            "ranges-narrowed" => "The ranges are in force.",
            "ranges-submitted" => "The ranges are submitted. Operators look at them; you are told by mail.",
            "ranges-withdrawn" => "The submission is withdrawn.",
            "ranges-entered" => "The ranges are entered. Approving them is another step; the broker is told.",
            "sent-back" => "It is sent back. Its broker is told why.",
            "demanded" => "Successors are demanded. The holders and the broker are being told.",
            "seen" => "All alerts are marked as seen.",
            _ => "",
        };
        self
    }
}

/// `?note=…` and `?q=…`, where a page takes them.
#[derive(Default, serde::Deserialize)]
pub struct Query {
    /// What just happened.
    #[serde(default)]
    pub note: String,
    /// What is searched.
    #[serde(default)]
    pub q: String,
    /// Which tag.
    #[serde(default)]
    pub tag: String,
    /// The order.
    #[serde(default)]
    pub sort: String,
    /// Whether ended keys are shown.
    #[serde(default)]
    pub ended: String,
    /// Which key a new one is modelled on.
    #[serde(default)]
    pub from: String,
    /// What a new key is for.
    #[serde(default)]
    pub purpose: String,
    /// Which app a new key is bound to.
    #[serde(default)]
    pub app: String,
    /// Where a page of a list begins.
    #[serde(default)]
    pub before: String,
    /// A part of the page alone.
    #[serde(default)]
    pub fragment: String,
}

/// A page.
pub fn page(template: &impl Template) -> Response {
    page_with(StatusCode::OK, template)
}

/// A page with another status.
pub fn page_with(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(problem) => {
            error!(%problem, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// To another page, after something was done.
pub fn go(to: &str) -> Response {
    Redirect::to(to).into_response()
}

#[derive(Template)]
#[template(path = "message.html")]
struct Message<'m> {
    frame: Frame,
    title: &'m str,
    text: &'m str,
}

/// A page with one thing to say.
pub fn message(status: StatusCode, title: &str, text: &str) -> Response {
    page_with(status, &Message { frame: Frame::bare(title), title, text })
}

/// What cannot be mended on the same page, as a page of its own. What the log keeps, the reader does not see.
pub fn problem(problem: ActionError) -> Response {
    let (status, title) = match problem.kind() {
        ErrorKind::Missing => (StatusCode::NOT_FOUND, "There is nothing here"),
        ErrorKind::TooMuch => (StatusCode::TOO_MANY_REQUESTS, "Too much at once"),
        ErrorKind::Refused => (StatusCode::UNPROCESSABLE_ENTITY, "That did not work"),
        ErrorKind::Broken => {
            error!(problem = problem.for_the_log(), "the console could not do what was asked");
            let text = "The store did not answer as it should. Nothing was changed. Try again, and tell the operator if it stays so.";
            return message(StatusCode::SERVICE_UNAVAILABLE, "That did not work", text);
        }
    };
    message(status, title, &sentence(&problem))
}

/// An error's text as a sentence.
pub fn sentence(problem: &ActionError) -> String {
    format!("{}.", capital(problem.for_people().trim_end_matches('.')))
}

/// The text with its first letter large.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}

/// No such page.
pub async fn not_found() -> Response {
    message(
        StatusCode::NOT_FOUND,
        "There is no such page",
        "The address may be mistyped, or the page may have moved.",
    )
}

/// What balancers ask of a console.
pub async fn health(State(shell): State<Shell>, uri: Uri) -> Response {
    let answer = match Question::read(uri.path(), uri.query()) {
        Some(Question::Alive) => Answer::alive(),
        Some(Question::Ready(Service::Basic | Service::Console)) => Answer::of(&shell.health().await),
        Some(Question::Ready(Service::Trade | Service::Funds) | Question::Unknown) | None => {
            Answer::unknown("a console tells of itself alone; ask for console, or leave it out")
        }
    };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    (status, [(CONTENT_TYPE, "application/json")], answer.body).into_response()
}
