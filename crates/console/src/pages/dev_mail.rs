//! The sandbox's mailbox: what would have been sent. A server has no such page.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::layout::{Frame, not_found, page};
use crate::shell::Shell;
use crate::words::When;

/// A mail in the list.
struct Row {
    to: String,
    subject: String,
    text: String,
    at: When,
}

#[derive(Template)]
#[template(path = "dev_mail.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
}

/// The page.
pub async fn show(State(shell): State<Shell>) -> Response {
    let Some(mail) = &shell.settings().mail else { return not_found().await };
    let rows = mail.newest_first().into_iter().take(100).map(|one| Row {
        to: one.to,
        subject: one.subject,
        text: one.text,
        at: When::of(one.sent_at),
    });
    page(&Page { frame: Frame::bare("Mailbox"), rows: rows.collect() })
}

/// The same for scripts.
pub async fn json(State(shell): State<Shell>) -> Response {
    let Some(mail) = &shell.settings().mail else { return not_found().await };
    let list: Vec<Value> = mail
        .newest_first()
        .into_iter()
        .map(|one| {
            json!({"to": one.to, "subject": one.subject, "text": one.text, "sent_at_ms": one.sent_at.unix_ms()})
        })
        .collect();
    Json(list).into_response()
}
