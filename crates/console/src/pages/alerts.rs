//! The inbox.

use askama::Template;
use axum::extract::Query as Asked;
use axum::response::Response;
use keyward_authority::ActionError;
use keyward_authority::questions::{AlertView, list_alerts, mark_alerts_seen};
use keyward_rules::alert::Urgency;
use keyward_rules::limits::PAGE_DEFAULT;

use super::layout::{Frame, Query, page, problem, told};
use super::note::Note;
use super::person::{Posted, SignedIn};
use crate::records::{Day, by_day};
use crate::words::When;

/// An alert in the list.
struct Row {
    title: &'static str,
    advice: &'static str,
    detail: String,
    at: When,
    from: String,
    device: String,
    key: Option<(String, String)>,
    critical: bool,
    seen: bool,
}

#[derive(Template)]
#[template(path = "alerts.html")]
struct Page<'p> {
    frame: Frame,
    csrf: &'p str,
    days: Vec<Day<Row>>,
    newest: i64,
    older: Option<i64>,
}

fn row(view: AlertView) -> Row {
    let alert = view.alert;
    Row {
        title: alert.kind.title(),
        advice: alert.kind.advice(),
        critical: alert.kind.urgency() == Urgency::Critical,
        detail: alert.detail,
        at: When::of(alert.at),
        from: alert.from.map(|address| address.to_string()).unwrap_or_default(),
        device: alert.device.unwrap_or_default(),
        key: alert.key.map(|(id, name)| (id.to_string(), name)),
        seen: view.seen,
    }
}

/// The page.
pub async fn show(person: SignedIn, Asked(query): Asked<Query>) -> Response {
    match build(&person, &query).await {
        Ok(answer) => answer,
        Err(other) => problem(other),
    }
}

async fn build(person: &SignedIn, query: &Query) -> Result<Response, ActionError> {
    let before = query.before.parse().ok();
    let views = list_alerts(&person.context(), person.id(), before, PAGE_DEFAULT).await?;
    let newest = views.first().map_or(0, |view| view.id);
    let older = views.last().map(|view| view.id).filter(|_| views.len() == PAGE_DEFAULT);
    let rows = views.into_iter().map(row).collect();
    let days = by_day(rows, person.shell.now(), |row: &Row| &row.at);
    let frame = Frame::of(person, "alerts", "Alerts");
    Ok(page(&Page { frame, csrf: &person.csrf, days, newest, older }))
}

/// Marks all as seen.
pub async fn seen(posted: Posted) -> Response {
    let person = &posted.person;
    let upto = posted.fields.get("upto").parse().unwrap_or(0);
    match mark_alerts_seen(&person.context(), person.id(), upto).await {
        Ok(()) => told(person, "/alerts", Note::Seen).await,
        Err(other) => problem(other),
    }
}
