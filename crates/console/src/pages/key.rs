//! One key's overview: what it may do, what it did, and what stands in its way.

use std::net::IpAddr;

use askama::Template;
use axum::extract::{Path, Query as Asked};
use axum::http::StatusCode;
use axum::response::Response;
use keyward_authority::ActionError;
use keyward_authority::questions::{
    ActivityView, AlertView, AppCard, HELD_FOR_A_CHANGE, KeyView, Outlook, READS_FOR_A_NEW_DEVICE, Range,
    app_of_key, key_activity, key_outlook, list_alerts_of_key, show_key,
};
use keyward_rules::id::KeyId;
use keyward_rules::key::{Environment, Place};
use keyward_rules::time::Moment;

use super::acting::elsewhere;
use super::activity::{Row as RequestRow, row as request_row};
use super::key_head::KeyHead;
use super::key_limits::LimitsShown;
use super::key_links::KeyLinks;
use super::key_sockets::{self, Sockets};
use super::keys::{ending_in_words, rights};
use super::layout::{Frame, Query, page, page_with, problem};
use super::person::SignedIn;
use crate::chart;
use crate::words::{When, countdown};

/// What is said of a text that no address is.
const NOT_AN_ADDRESS: &str = "Enter one IPv4 or IPv6 address, such as 203.0.113.7 or 2001:db8::7.";
/// Alerts of the page; the alerts of all keys have a page of their own.
const ALERTS: usize = 10;

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
    head: KeyHead,
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
    links: KeyLinks,
    /// Its limits, and what is used of them.
    limits: LimitsShown,
    /// Its open sockets. A key that has ended has this part only while some are still open.
    sockets: Option<Sockets>,
    /// Whether the successor lives, so that the key ends with the overlap.
    superseded: bool,
    holds: Vec<&'static str>,
    /// How long it is still held for a change of password, factor or e-mail address, and until when.
    rests: Option<(String, When)>,
    /// The same for how long it only reads because of a new device.
    works_from: Option<(String, When)>,
    outlook: Vec<Outlook>,
    outlook_from: String,
    /// The address as typed, and what is wrong with it.
    from: String,
    from_error: String,
    chart: String,
    rows: Vec<RequestRow>,
    sources: Vec<(String, When)>,
    alerts: Vec<AlertRow>,
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
    if query.fragment == "sockets" {
        return key_sockets::list(&person, id).await.unwrap_or_else(problem);
    }
    match build(&person, id, &query).await {
        Ok(answer) => answer,
        // Alerts lead here from whichever account the reader acts for.
        Err(ActionError::NoKey) => elsewhere(&person, id).await,
        Err(other) => problem(other),
    }
}

/// Asked for an address, the page answers for that one; else for the reader's own. There is none in a text that is not one.
fn asked_address(person: &SignedIn, query: &Query) -> Option<IpAddr> {
    match query.from.trim() {
        "" => Some(person.holder.origin.address),
        typed => typed.parse().ok().map(|address: IpAddr| address.to_canonical()),
    }
}

async fn build(person: &SignedIn, id: KeyId, query: &Query) -> Result<Response, ActionError> {
    let (context, now) = (person.context(), person.shell.now());
    let key = show_key(&context, id).await?;
    let here = asked_address(person, query);
    let outlook = match here {
        Some(here) => key_outlook(&context, person.shell.routes(), id, here).await?,
        None => Vec::new(),
    };
    // The page of a key that has ended has no such question.
    let (status, from_error) = match here {
        None if key.is_living() => (StatusCode::UNPROCESSABLE_ENTITY, NOT_AN_ADDRESS),
        Some(_) | None => (StatusCode::OK, ""),
    };
    let activity: ActivityView = key_activity(&context, id).await?;
    let alerts = list_alerts_of_key(&context, key.account, id, ALERTS).await?;
    let app = app_of_key(&context, id).await?.map(|(card, refused)| app(card, refused, now));
    let links = KeyLinks::of(&context, &key).await?;
    let limits = LimitsShown::of(person, id).await?;
    let sockets = Sockets::of(person, id).await?;
    let rests = person.account.cooling_until.filter(|_| key.rests);
    let shown = Page {
        frame: Frame::of(person, "keys", key.name.as_str()),
        head: KeyHead::of(&key, "overview"),
        id: id.to_string(),
        rights: rights(&key),
        app,
        demo: key.environment == Environment::Demo,
        living: key.is_living(),
        created: When::of(key.created_at),
        changed: When::of(key.changed_at),
        used: When::maybe(key.last_used_at),
        ending: key.ending.map(|ending| ending_in_words(ending, now)),
        links,
        limits,
        sockets: (key.is_living() || sockets.open > 0).then_some(sockets),
        superseded: key.place == Place::Superseded,
        holds: key
            .holds
            .iter()
            .copied()
            .filter(|hold| rests.is_none() || *hold != HELD_FOR_A_CHANGE)
            .filter(|hold| key.works_from.is_none() || *hold != READS_FOR_A_NEW_DEVICE)
            .collect(),
        rests: rests.map(|until| (countdown(now, until), When::of(until))),
        works_from: key.works_from.map(|until| (countdown(now, until), When::of(until))),
        outlook,
        outlook_from: match here {
            Some(here) if key.purpose != "third_party_app" => here.to_string(),
            Some(_) | None => "the app's servers".to_owned(),
        },
        from: query.from.clone(),
        from_error: from_error.to_owned(),
        chart: chart::requests(&activity.chart(), Range::Day),
        sources: activity.sources.into_iter().map(|(address, at)| (address, When::of(at))).collect(),
        rows: activity.requests.into_iter().map(|request| request_row(id, request)).collect(),
        alerts: alerts.into_iter().map(alert_row).collect(),
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
