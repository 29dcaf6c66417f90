//! The one link of our mails: it can disable all keys, after a click that says so, and nothing else.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use keyward_authority::keys::brake as disable_all;
use keyward_rules::grant::{Actor, BrakeLink};

use super::layout::{Frame, message, page, problem};
use crate::shell::Shell;
use crate::who::From;

#[derive(Template)]
#[template(path = "brake.html")]
struct Page {
    frame: Frame,
    link: String,
}

fn over() -> Response {
    message(
        StatusCode::GONE,
        "This link is not valid any more",
        "A link works for 24 hours. Sign in to disable your keys, or use the link in a newer mail.",
    )
}

/// What the link can do.
pub async fn show(State(shell): State<Shell>, Path(link): Path<String>) -> Response {
    let codes = &shell.authority().secrets.codes;
    match BrakeLink::parse(codes, &link, shell.now()) {
        Some(_) => page(&Page { frame: Frame::bare("Disable all API keys"), link }),
        None => over(),
    }
}

/// Does it. The page is reached without signing in, so the guard against other sites is all that it has beside the
/// link itself, and all that the link can do is brake.
pub async fn brake(State(shell): State<Shell>, From(origin): From, Path(link): Path<String>) -> Response {
    let codes = &shell.authority().secrets.codes;
    let Some(link) = BrakeLink::parse(codes, &link, shell.now()) else { return over() };
    match disable_all(&shell.context(Actor::Visitor(origin)), link).await {
        Ok(count) => {
            let keys = if count == 1 { "1 key was".to_owned() } else { format!("{count} keys were") };
            let text = format!(
                "{keys} disabled just now. Sign in to look at them, and change your password if you did not expect this mail."
            );
            message(StatusCode::OK, "All API keys are disabled", &text)
        }
        Err(other) => problem(other),
    }
}
