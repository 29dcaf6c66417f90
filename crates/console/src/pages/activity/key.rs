//! The charts of one key, and the search of its requests.

use askama::Template;
use axum::extract::{Path, Query as Asked};
use axum::http::StatusCode;
use axum::response::Response;
use keyward_authority::ActionError;
use keyward_authority::questions::{key_chart, key_requests, show_key};
use keyward_rules::id::KeyId;
use keyward_rules::limits::PAGE_DEFAULT;

use super::drawn::{Drawn, drawn};
use super::query::{Choice, Query, choices, described, filter};
use super::rows::{Row, row};
use crate::pages::key_head::KeyHead;
use crate::pages::layout::{Frame, go, message, page, problem};
use crate::pages::person::SignedIn;
use crate::words::When;

#[derive(Template)]
#[template(path = "activity_key.html")]
struct Page<'p> {
    frame: Frame,
    head: KeyHead,
    drawn: Drawn,
    query: &'p Query,
    choices: Vec<Choice>,
    shows_sources: bool,
    /// The search in words.
    described: String,
    rows: Vec<Row>,
    older: String,
    /// How many records were read and how far back, where the search stopped before its beginning.
    searched: Option<(u64, When)>,
    /// The terms of the search, for links that keep them.
    filters: String,
    /// Those of them that the live view has.
    live_filters: String,
}

/// The page. The live view was a part of it once, so its old links lead to where it is now.
pub async fn show(person: SignedIn, Path(id): Path<String>, Asked(query): Asked<Query>) -> Response {
    let Ok(id) = id.parse::<KeyId>() else { return problem(ActionError::NoKey) };
    if !query.live.is_empty() || query.fragment == "tail" {
        return go(&query.live_view(id));
    }
    match build(&person, id, &query).await {
        Ok(answer) => answer,
        Err(other) => problem(other),
    }
}

async fn build(person: &SignedIn, id: KeyId, query: &Query) -> Result<Response, ActionError> {
    let context = person.context();
    let mut filter = match filter(query, person.shell.now()) {
        Ok(filter) => filter,
        Err(text) => return Ok(message(StatusCode::UNPROCESSABLE_ENTITY, "Invalid search", text)),
    };
    let key = show_key(&context, id).await?;
    let shows_sources = key.purpose == "trading";
    filter.source = filter.source.filter(|_| shows_sources);
    let range = query.chart_range();
    let chart = key_chart(&context, id, range).await?;
    let described = described(query, &filter);
    let found = key_requests(&context, id, filter, PAGE_DEFAULT).await?;
    let stopped = found.next.filter(|_| found.rows.len() < PAGE_DEFAULT);
    let drawn = drawn(&chart, range, key.rate_cap);
    Ok(page(&Page {
        frame: Frame::of(person, "keys", &format!("Activity of {}", key.name)),
        head: KeyHead::of(&key, "activity"),
        choices: choices(&query.verdict, drawn.verdicts.iter().map(|line| line.word.clone())),
        drawn,
        query,
        shows_sources,
        described,
        older: found.next.map(|place| place.to_string()).unwrap_or_default(),
        searched: stopped.map(|place| (found.looked_through, When::of(place.at))),
        rows: found.rows.into_iter().map(|request| row(id, request)).collect(),
        filters: query.filters(),
        live_filters: query.live_filters(),
    }))
}
