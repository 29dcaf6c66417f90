//! What all pages share: the frame, answers, problems.

use askama::Template;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use keyward_api::health::{Answer, Question, Service};
use keyward_authority::questions::ActingChoice;
use keyward_authority::sign_in::leave_note;
use keyward_authority::{ActionError, ErrorKind};
use keyward_rules::grant::ActingAs;
use keyward_rules::key::Environment;
use tracing::{error, warn};

use super::note::Note;
use super::signed_in::SignedIn;
use crate::assets;
use crate::shell::Shell;

/// The frame of a page.
pub struct Frame {
    /// The page's title.
    pub title: String,
    /// Who is signed in.
    pub me: Option<Me>,
    /// Which part of the navigation is open: `keys`, or `operations/keys` in the operators' workspace.
    pub part: &'static str,
    /// What just happened, in words.
    pub note: &'static str,
    /// The assets.
    pub assets: &'static assets::Paths,
}

/// The person as the frame shows them.
pub struct Me {
    /// The address.
    pub email: String,
    /// The first letter of it.
    pub initial: String,
    /// Alerts not looked at.
    pub unseen: i64,
    /// Transfers that wait for them.
    pub waiting: u64,
    /// Whether the operations are theirs to see.
    pub staff: bool,
    /// Whether they have registered an app.
    pub broker: bool,
    /// Whether they look at demo trading.
    pub demo: bool,
    /// The sub-account that they act for; empty for their own account.
    pub acting: String,
    /// Whether that is another's, whose member they are.
    pub member: bool,
    /// The sub-accounts that they may act for: id, name, label, whether it is the current one.
    pub choices: Vec<(String, String, String, bool)>,
    /// The token of forms.
    pub csrf: String,
}

impl Frame {
    /// A frame for nobody in particular.
    pub fn bare(title: &str) -> Self {
        Self { title: title.to_owned(), me: None, part: "", note: "", assets: assets::paths() }
    }

    /// A frame for a signed-in person.
    pub fn of(person: &SignedIn, part: &'static str, title: &str) -> Self {
        let email = person.account.email.to_string();
        let initial = email.chars().next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
        let staff = person.role.is_some();
        let (unseen, broker, demo) = (person.unseen, person.broker, person.environment == Environment::Demo);
        let acting = person.acting.as_ref().map(|acting| acting.name.as_str().to_owned()).unwrap_or_default();
        let member = person.acting.as_ref().is_some_and(|acting| acting.by == ActingAs::Member);
        let choice = |choice: &ActingChoice| {
            let label = choice.label.as_ref().map(ToString::to_string).unwrap_or_default();
            let current = person.acts_for() == choice.id;
            (choice.id.to_string(), choice.name.as_str().to_owned(), label, current)
        };
        let choices = person.choices.iter().map(choice).collect();
        let csrf = person.csrf.clone();
        let waiting = person.waiting;
        let me = Me { initial, email, unseen, waiting, staff, broker, demo, acting, member, choices, csrf };
        let note = person.note.map_or("", Note::text);
        Self { title: title.to_owned(), me: Some(me), part, note, assets: assets::paths() }
    }

    /// Whether the page is one of the operators' workspace, which has a navigation of its own. Their parts begin with
    /// `operations`.
    pub fn is_for_operators(&self) -> bool {
        self.part.starts_with("operations") && self.me.as_ref().is_some_and(|me| me.staff)
    }
}

/// `?q=…` and its like, where a page takes them.
#[derive(Default, serde::Deserialize)]
pub struct Query {
    /// What is searched.
    #[serde(default)]
    pub q: String,
    /// Which key a new one is modelled on.
    #[serde(default)]
    pub from: String,
    /// What a new key is for.
    #[serde(default)]
    pub purpose: String,
    /// Which app a new key is bound to.
    #[serde(default)]
    pub app: String,
    /// Which kind of program a new key is for.
    #[serde(default)]
    pub preset: String,
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

/// To another page.
pub fn go(to: &str) -> Response {
    Redirect::to(to).into_response()
}

/// To another page, which tells once what was done. What was done stays done when the note cannot be kept.
pub async fn told(person: &SignedIn, to: &str, note: Note) -> Response {
    if let Err(problem) = leave_note(&person.own_context(), note.word()).await {
        warn!(problem = problem.for_the_log(), "the note for the next page could not be stored");
    }
    go(to)
}

#[derive(Template)]
#[template(path = "message.html")]
struct Message<'m> {
    frame: Frame,
    title: &'m str,
    text: &'m str,
    way: &'m Way,
}

/// Where a page with one thing to say leads.
pub struct Way {
    /// The address.
    pub href: String,
    /// The words on the button.
    pub label: &'static str,
}

impl Way {
    /// A way to `href`.
    pub fn to(href: &str, label: &'static str) -> Self {
        Self { href: href.to_owned(), label }
    }
}

/// What a bare page said. It travels with the answer, so that the page can be made again in the frame of the person.
#[derive(Clone)]
pub struct Said {
    /// The title.
    pub title: String,
    /// The text.
    pub text: String,
}

/// A page with one thing to say. It is bare, and [`super::reframe()`] makes it again for people who are signed in.
pub fn message(status: StatusCode, title: &str, text: &str) -> Response {
    let way = Way::to("/keys", "Go to API keys");
    let mut answer = say(status, Frame::bare(title), title, text, &way);
    answer.extensions_mut().insert(Said { title: title.to_owned(), text: text.to_owned() });
    answer
}

/// The same in a frame of its own, with its own way on.
pub fn say(status: StatusCode, frame: Frame, title: &str, text: &str, way: &Way) -> Response {
    page_with(status, &Message { frame, title, text, way })
}

/// What cannot be mended on the same page, as a page of its own. What the log keeps, the reader does not see.
pub fn problem(problem: ActionError) -> Response {
    let (status, title) = match problem.kind() {
        ErrorKind::Missing => (StatusCode::NOT_FOUND, "Not found"),
        ErrorKind::TooMuch => (StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
        ErrorKind::Conflict | ErrorKind::Forbidden | ErrorKind::NotSignedIn | ErrorKind::Unacceptable => {
            (StatusCode::UNPROCESSABLE_ENTITY, "That did not work")
        }
        ErrorKind::Broken => {
            error!(problem = problem.for_the_log(), "the console could not do what was asked");
            if problem.out_of_reach().is_some() {
                return message(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Temporarily unavailable",
                    &sentence(&problem),
                );
            }
            let text = "The store reported an error. Nothing was changed. Try again. If it happens again, tell the operator.";
            return message(StatusCode::SERVICE_UNAVAILABLE, "That did not work", text);
        }
    };
    let mut answer = message(status, title, &sentence(&problem));
    if let ActionError::TooManyCodes { wait_ms, .. } = problem {
        answer.headers_mut().insert(RETRY_AFTER, wait_ms.div_ceil(1_000).into());
    }
    answer
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
        "Page not found",
        "The address may be mistyped, or the page may have moved.",
    )
}

/// What balancers ask of a console.
pub async fn health(State(shell): State<Shell>, uri: Uri) -> Response {
    let answer = match Question::read(uri.path(), uri.query()) {
        Some(Question::Alive) => Answer::alive(),
        Some(Question::Ready(Service::Basic | Service::Console)) => Answer::of(&shell.health().await),
        Some(Question::Ready(Service::Trade | Service::Funds) | Question::Unknown) | None => {
            Answer::unknown("a console reports only on itself; ask for console, or leave it out")
        }
    };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    (status, [(CONTENT_TYPE, "application/json")], answer.body).into_response()
}
