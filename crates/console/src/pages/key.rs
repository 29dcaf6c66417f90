//! One key's page.

use std::net::IpAddr;

use askama::Template;
use axum::extract::{Path, Query as Asked};
use axum::http::StatusCode;
use axum::response::Response;
use keyward_authority::keys::{EditKey, parse_tags};
use keyward_authority::questions::{
    ActivityView, AlertView, AppCard, HELD_FOR_A_CHANGE, KeyView, Outlook, app_of_key, key_activity,
    key_outlook, list_alerts_of_key, show_key,
};
use keyward_authority::{Action as _, ActionError};
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::KeyId;
use keyward_rules::key::{Environment, KeyName, Place};
use keyward_rules::time::Moment;

use super::activity::{Row as RequestRow, row as request_row};
use super::field::{Field, Kind, html_of};
use super::keys::{ending_in_words, rights};
use super::layout::{Frame, Query, page, page_with, problem, sentence, told};
use super::note::Note;
use super::person::{Posted, SignedIn};
use crate::chart;
use crate::words::{When, countdown};

/// What is said of a text that no address is.
const NOT_AN_ADDRESS: &str = "Enter one IPv4 or IPv6 address, such as 203.0.113.7 or 2001:db8::7.";

/// An alert in the list.
struct AlertRow {
    at: When,
    title: &'static str,
    detail: String,
    from: String,
}

/// The app that the key is bound to.
struct App {
    card: AppCard,
    /// How often the key was refused within a day because the request did not come from the app's servers.
    refused: u64,
    /// By when it must be rotated: how long until then (nothing when it is over), and when that is.
    due: Option<(String, When)>,
}

#[derive(Template)]
#[template(path = "key.html")]
struct Page<'p> {
    frame: Frame,
    csrf: &'p str,
    key: &'p KeyView,
    id: String,
    rights: Vec<(&'static str, &'static str)>,
    app: Option<App>,
    demo: bool,
    living: bool,
    created: When,
    changed: When,
    used: Option<When>,
    ending: Option<(String, When)>,
    predecessor: String,
    successor: String,
    /// Whether the successor lives, so that the key ends with the overlap.
    superseded: bool,
    replaced_by: Vec<String>,
    holds: Vec<&'static str>,
    /// How long it is still held for a change of password, factor or e-mail address, and until when.
    rests: Option<(String, When)>,
    outlook: Vec<Outlook>,
    outlook_from: String,
    /// The address as typed, and what is wrong with it.
    from: String,
    from_error: String,
    chart: String,
    passed: u64,
    refused: u64,
    rows: Vec<RequestRow>,
    sources: Vec<(String, When)>,
    alerts: Vec<AlertRow>,
    fields: Vec<String>,
}

/// Whether a new key was used already; asks again until it was.
#[derive(Template)]
#[template(path = "first_request.html")]
struct FirstRequest {
    id: String,
    used: bool,
}

/// The page, or the part of it that waits for the first request.
pub async fn show(person: SignedIn, Path(id): Path<String>, Asked(query): Asked<Query>) -> Response {
    let Ok(id) = id.parse() else { return problem(ActionError::NoKey) };
    if query.fragment == "first" {
        return match show_key(&person.context(), id).await {
            Ok(key) => page(&FirstRequest { id: id.to_string(), used: key.last_used_at.is_some() }),
            Err(other) => problem(other),
        };
    }
    answer(&person, id, &query, StatusCode::OK, None).await
}

async fn answer(
    person: &SignedIn,
    id: KeyId,
    query: &Query,
    status: StatusCode,
    typed: Option<(String, String, String)>,
) -> Response {
    match build(person, id, query, status, typed).await {
        Ok(answer) => answer,
        Err(other) => problem(other),
    }
}

async fn build(
    person: &SignedIn,
    id: KeyId,
    query: &Query,
    status: StatusCode,
    typed: Option<(String, String, String)>,
) -> Result<Response, ActionError> {
    let (context, now) = (person.context(), person.shell.now());
    let key = show_key(&context, id).await?;
    // Asked for an address, the page answers for that one; else for the reader's own.
    let typed_from = query.from.trim();
    let here = match typed_from {
        "" => Some(person.holder.origin.address),
        typed => typed.parse().ok().map(|address: IpAddr| address.to_canonical()),
    };
    let outlook = match here {
        Some(here) => key_outlook(&context, person.shell.routes(), id, here).await?,
        None => Vec::new(),
    };
    let (status, from_error) = match here {
        Some(_) => (status, ""),
        None => (StatusCode::UNPROCESSABLE_ENTITY, NOT_AN_ADDRESS),
    };
    let activity: ActivityView = key_activity(&context, id).await?;
    let alerts = list_alerts_of_key(&context, key.account, id, 10).await?;
    let app = app_of_key(&context, id).await?.map(|(card, refused)| app(card, refused, now));
    let (name, tags, error) =
        typed.unwrap_or_else(|| (key.name.to_string(), key.tags.join(", "), String::new()));
    let fields = html_of([
        Field::new("name", "Name", Kind::Text).value(name).error(error),
        Field::new("tags", "Tags", Kind::Text).value(tags).hint("Separated by commas.").optional(),
    ]);
    let (passed, refused) =
        activity.quarters.iter().fold((0, 0), |(up, down), (passed, refused)| (up + passed, down + refused));
    let rests = person.account.cooling_until.filter(|_| key.rests);
    let shown = Page {
        frame: Frame::of(person, "keys", key.name.as_str()),
        csrf: &person.csrf,
        id: id.to_string(),
        rights: rights(&key),
        app,
        demo: key.environment == Environment::Demo,
        living: key.is_living(),
        created: When::of(key.created_at),
        changed: When::of(key.changed_at),
        used: When::maybe(key.last_used_at),
        ending: key.ending.map(|ending| ending_in_words(ending, now)),
        predecessor: key.predecessor.map(|id| id.to_string()).unwrap_or_default(),
        successor: key.successor.map(|id| id.to_string()).unwrap_or_default(),
        superseded: key.place == Place::Superseded,
        replaced_by: key.replaced_by.iter().map(ToString::to_string).collect(),
        holds: key
            .holds
            .iter()
            .copied()
            .filter(|hold| rests.is_none() || *hold != HELD_FOR_A_CHANGE)
            .collect(),
        rests: rests.map(|until| (countdown(now, until), When::of(until))),
        outlook,
        outlook_from: match here {
            Some(here) if key.purpose == "trading" => here.to_string(),
            Some(_) | None => "the app's servers".to_owned(),
        },
        from: query.from.clone(),
        from_error: from_error.to_owned(),
        chart: chart::day(&activity.quarters, 720, 96, "Requests"),
        passed,
        refused,
        sources: activity.sources.into_iter().map(|(address, at)| (address, When::of(at))).collect(),
        rows: activity.requests.into_iter().map(|request| request_row(id, request)).collect(),
        alerts: alerts.into_iter().map(alert_row).collect(),
        fields,
        key: &key,
    };
    Ok(page_with(status, &shown))
}

fn app(card: AppCard, refused: u64, now: Moment) -> App {
    let left = |due| if due > now { countdown(now, due) } else { String::new() };
    App { due: card.successors_due.map(|due| (left(due), When::of(due))), card, refused }
}

fn alert_row(view: AlertView) -> AlertRow {
    AlertRow {
        at: When::of(view.alert.at),
        title: view.alert.kind.title(),
        detail: view.alert.detail,
        from: view.alert.from.map(|address| address.to_string()).unwrap_or_default(),
    }
}

/// Name and tags.
pub async fn edit(Path(id): Path<String>, posted: Posted) -> Response {
    let Ok(id) = id.parse::<KeyId>() else { return problem(ActionError::NoKey) };
    let (person, fields) = (&posted.person, &posted.fields);
    let typed = fields.get("name").trim();
    let edited = async {
        let (name, tags) = (KeyName::parse(typed)?, parse_tags(fields.get("tags"))?);
        EditKey { key: id, name, tags }.perform(&person.context(), Proof::None).await
    };
    match edited.await {
        Ok(()) => told(person, &format!("/keys/{id}"), Note::Done(ActionKind::EditKey)).await,
        Err(refusal @ (ActionError::Key(_) | ActionError::Name(_) | ActionError::Tags)) => {
            let typed = (typed.to_owned(), fields.get("tags").to_owned(), sentence(&refusal));
            answer(person, id, &Query::default(), StatusCode::UNPROCESSABLE_ENTITY, Some(typed)).await
        }
        Err(other) => problem(other),
    }
}
