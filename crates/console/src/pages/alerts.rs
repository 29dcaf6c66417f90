//! The inbox.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::Query as Asked;
use axum::response::Response;
use keyward_authority::ActionError;
use keyward_authority::questions::{
    AlertView, KeyView, list_alerts, mark_alerts_seen, mark_these_seen, show_key,
};
use keyward_rules::alert::{AlertKind, Urgency};
use keyward_rules::id::KeyId;
use keyward_rules::limits::PAGE_DEFAULT;

use super::key_head::KeyAction;
use super::layout::{Frame, Query, page, problem, told};
use super::note::Note;
use super::person::{Posted, SignedIn};
use super::remedies::{asks, is_routine, remedies};
use crate::records::{Day, by_day};
use crate::words::When;

/// An alert in the list, with those of the same day that say the same.
struct Row {
    /// The numbers of all of them.
    ids: Vec<i64>,
    kind: AlertKind,
    title: &'static str,
    advice: &'static str,
    detail: String,
    at: When,
    from: String,
    device: String,
    key: Option<(String, String)>,
    critical: bool,
    seen: bool,
    /// Whether its reader can answer "It was me".
    asks: bool,
    remedies: Vec<KeyAction>,
    /// The earlier ones, newest first.
    earlier: Vec<Earlier>,
}

/// An alert under a later one that says the same.
struct Earlier {
    at: When,
    detail: String,
    from: String,
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

fn row(view: AlertView, keys: &[KeyView]) -> Row {
    let alert = view.alert;
    let key = alert.key.as_ref().and_then(|(id, _)| keys.iter().find(|key| key.id == *id));
    Row {
        ids: vec![view.id],
        kind: alert.kind,
        title: alert.kind.title(),
        advice: alert.kind.advice(),
        critical: alert.kind.urgency() == Urgency::Critical,
        asks: asks(alert.kind) && !view.seen,
        remedies: if view.seen && is_routine(alert.kind) { Vec::new() } else { remedies(alert.kind, key) },
        detail: alert.detail,
        at: When::of(alert.at),
        from: alert.from.map(|address| address.to_string()).unwrap_or_default(),
        device: alert.device.unwrap_or_default(),
        key: alert.key.map(|(id, name)| (id.to_string(), name)),
        seen: view.seen,
        earlier: Vec::new(),
    }
}

/// Puts each row under a later one of the same day that says the same of the same key. What was looked at stays apart from what
/// was not.
fn grouped(rows: Vec<Row>) -> Vec<Row> {
    let mut groups: Vec<Row> = Vec::new();
    for row in rows {
        let same = |later: &&mut Row| {
            (later.kind, &later.key, later.seen, later.at.date())
                == (row.kind, &row.key, row.seen, row.at.date())
        };
        if let Some(later) = groups.iter_mut().find(same) {
            later.ids.extend(row.ids);
            later.earlier.push(Earlier { at: row.at, detail: row.detail, from: row.from });
        } else {
            groups.push(row);
        }
    }
    groups
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
    let views = list_alerts(&person.own_context(), person.id(), before, PAGE_DEFAULT).await?;
    let newest = views.first().map_or(0, |view| view.id);
    let older = views.last().map(|view| view.id).filter(|_| views.len() == PAGE_DEFAULT);
    // Of a sub-account as well: its alerts are its master's. One that is gone has no remedy.
    let named: BTreeSet<KeyId> =
        views.iter().filter_map(|view| view.alert.key.as_ref().map(|(id, _)| *id)).collect();
    let mut keys = Vec::new();
    for id in named {
        keys.extend(show_key(&person.own_context(), id).await.ok());
    }
    let rows = views.into_iter().map(|view| row(view, &keys)).collect();
    let days = by_day(grouped(rows), person.shell.now(), |row: &Row| &row.at);
    let frame = Frame::of(person, "alerts", "Alerts");
    Ok(page(&Page { frame, csrf: &person.csrf, days, newest, older }))
}

/// Marks what its reader has answered: it was them.
pub async fn mine(posted: Posted) -> Response {
    let person = &posted.person;
    let ids = posted.fields.all("id").filter_map(|id| id.parse().ok()).collect();
    match mark_these_seen(&person.own_context(), person.id(), ids).await {
        Ok(()) => told(person, "/alerts", Note::Seen).await,
        Err(other) => problem(other),
    }
}

/// Marks all as seen.
pub async fn seen(posted: Posted) -> Response {
    let person = &posted.person;
    let upto = posted.fields.get("upto").parse().unwrap_or(0);
    match mark_alerts_seen(&person.own_context(), person.id(), upto).await {
        Ok(()) => told(person, "/alerts", Note::Seen).await,
        Err(other) => problem(other),
    }
}
