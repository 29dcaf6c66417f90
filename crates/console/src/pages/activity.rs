//! What a key or an account did: charts from an hour to a month, a search of requests, a live tail, an export.

use askama::Template;
use axum::extract::{Path, Query as Asked};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use keyward_authority::questions::{
    ChartView, KeyRequest, KeyView, Piece, Range, account_chart, key_chart, key_requests, show_key,
};
use keyward_authority::{ActionError, RequestFilter};
use keyward_rules::id::KeyId;
use keyward_rules::limits::{DAY_MS, PAGE_DEFAULT};

use keyward_rules::time::Moment;
use serde::Deserialize;

use super::layout::{Frame, message, page, problem};
use super::person::SignedIn;
use crate::chart;
use crate::words::{When, moment, urlencoded};

/// Rows of an export.
const EXPORT: usize = 10_000;
/// Searches of one export: a month of a key that never rests.
const EXPORT_WALKS: usize = 16;
/// How far a search reaches back unless asked otherwise.
const SEARCH_DAYS: u64 = 31;

/// What is asked for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Query {
    fragment: String,
    range: String,
    from: String,
    until: String,
    verdict: String,
    route: String,
    source: String,
    before: String,
    live: String,
    format: String,
}

/// A line of a list with its bar.
struct Line {
    word: String,
    count: u64,
    bar: String,
}

fn lines(list: &[(String, u64)]) -> Vec<Line> {
    let largest = list.first().map_or(0, |(_, count)| *count);
    let line = |(word, count): &(String, u64)| Line {
        word: word.clone(),
        count: *count,
        bar: chart::share(*count, largest),
    };
    list.iter().map(line).collect()
}

/// A chart as a page shows it.
struct Drawn {
    range: &'static str,
    bars: String,
    latency: String,
    passed: u64,
    refused: u64,
    tallest: u64,
    slowest: u64,
    since: When,
    verdicts: Vec<Line>,
    routes: Vec<Line>,
    sources: Vec<Line>,
    table: Vec<(When, Piece)>,
}

fn drawn(view: &ChartView, range: Range) -> Drawn {
    let pieces = &view.pieces;
    let at = |index: u64| When::of(view.since.plus_ms(index * view.piece_ms));
    let busy = (0_u64..).zip(pieces).filter(|(_, piece)| piece.passed + piece.refused > 0);
    Drawn {
        range: range.word(),
        bars: chart::bars(pieces, range.word()),
        latency: chart::latency(pieces, range.word()),
        passed: pieces.iter().map(|piece| piece.passed).sum(),
        refused: pieces.iter().map(|piece| piece.refused).sum(),
        tallest: pieces.iter().map(|piece| piece.passed + piece.refused).max().unwrap_or(0),
        slowest: pieces.iter().filter_map(|piece| piece.most_ms).max().unwrap_or(0),
        since: at(0),
        verdicts: lines(&view.verdicts),
        routes: lines(&view.routes),
        sources: lines(&view.sources),
        table: busy.map(|(index, piece)| (at(index), *piece)).collect(),
    }
}

/// A request in the list.
struct Row {
    at: When,
    from: String,
    what: String,
    code: String,
    millis: u64,
}

fn row(request: KeyRequest) -> Row {
    Row {
        at: When::of(request.at),
        from: request.from,
        what: request.what,
        code: request.code,
        millis: request.millis,
    }
}

#[derive(Template)]
#[template(path = "activity_key.html")]
struct KeyPage<'p> {
    frame: Frame,
    key: &'p KeyView,
    drawn: Drawn,
    rows: Vec<Row>,
    query: &'p Query,
    shows_sources: bool,
    live: bool,
    older: String,
    /// How far back was looked, where the search stopped before its beginning.
    searched_to: Option<When>,
    terms: String,
}

#[derive(Template)]
#[template(path = "activity_rows.html")]
struct Rows {
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "activity_account.html")]
struct AccountPage {
    frame: Frame,
    drawn: Drawn,
}

fn filter(query: &Query, now: Moment) -> Result<RequestFilter, &'static str> {
    let given = |text: &str, otherwise: Moment| match text {
        "" => Ok(otherwise),
        text => moment(text).ok_or("A time is written as 2026-11-21T08:15, in UTC."),
    };
    let month_ago = Moment::from_unix_ms(now.unix_ms().saturating_sub(SEARCH_DAYS * DAY_MS));
    let source = match query.source.trim() {
        "" => None,
        text => Some(text.parse().map_err(|_| "An address is written as 203.0.113.7 or 2001:db8::7.")?),
    };
    Ok(RequestFilter {
        from: given(&query.from, month_ago)?,
        until: given(&query.until, now.plus_ms(1))?,
        code: query.verdict.clone(),
        route: query.route.trim().to_owned(),
        source,
        before: query.before.parse().ok(),
    })
}

/// The search's terms, for the links to older requests and to the export.
fn terms(query: &Query) -> String {
    let pairs = [
        ("range", &query.range),
        ("from", &query.from),
        ("until", &query.until),
        ("verdict", &query.verdict),
        ("route", &query.route),
        ("source", &query.source),
    ];
    urlencoded(&pairs)
}

/// A key's activity.
pub async fn key(person: SignedIn, Path(id): Path<String>, Asked(query): Asked<Query>) -> Response {
    let Ok(id) = id.parse::<KeyId>() else { return problem(ActionError::NoKey) };
    match build(&person, id, &query).await {
        Ok(answer) => answer,
        Err(other) => problem(other),
    }
}

async fn build(person: &SignedIn, id: KeyId, query: &Query) -> Result<Response, ActionError> {
    let (desk, now) = (person.desk(), person.shell.now());
    let filter = match filter(query, now) {
        Ok(filter) => filter,
        Err(text) => return Ok(message(StatusCode::UNPROCESSABLE_ENTITY, "That cannot be searched", text)),
    };
    let (requests, next) = key_requests(&desk, id, filter, PAGE_DEFAULT).await?;
    let searched_to = next.filter(|_| requests.len() < PAGE_DEFAULT).map(|place| When::of(place.at));
    let older = next.map(|place| place.to_string()).unwrap_or_default();
    let rows = requests.into_iter().map(row).collect();
    if query.fragment == "tail" {
        return Ok(page(&Rows { rows }));
    }
    let key = show_key(&desk, id).await?;
    let range = query.range.parse().unwrap_or(Range::Day);
    let chart = key_chart(&desk, id, range).await?;
    Ok(page(&KeyPage {
        frame: Frame::of(person, "keys", &format!("Activity of {}", key.name)),
        drawn: drawn(&chart, range),
        rows,
        shows_sources: key.purpose == "trading",
        live: !query.live.is_empty(),
        older,
        searched_to,
        terms: terms(query),
        key: &key,
        query,
    }))
}

/// The activity of all keys of an account.
pub async fn account(person: SignedIn, Asked(query): Asked<Query>) -> Response {
    let range = query.range.parse().unwrap_or(Range::Day);
    match account_chart(&person.desk(), person.id(), range).await {
        Ok(chart) => {
            let frame = Frame::of(&person, "keys", "Activity of all keys");
            page(&AccountPage { frame, drawn: drawn(&chart, range) })
        }
        Err(other) => problem(other),
    }
}

/// Requests as a file: CSV, or JSON lines.
pub async fn export(person: SignedIn, Path(id): Path<String>, Asked(query): Asked<Query>) -> Response {
    let Ok(id) = id.parse::<KeyId>() else { return problem(ActionError::NoKey) };
    let filter = match filter(&query, person.shell.now()) {
        Ok(filter) => filter,
        Err(text) => return message(StatusCode::UNPROCESSABLE_ENTITY, "That cannot be exported", text),
    };
    let (found, cut) = match gather(&person, id, filter).await {
        Ok(found) => found,
        Err(other) => return problem(other),
    };
    let (kind, ending, text) = match query.format.as_str() {
        "jsonl" => ("application/jsonl; charset=utf-8", "jsonl", json_lines(&found)),
        _ => ("text/csv; charset=utf-8", "csv", csv(&found)),
    };
    let part = if cut { format!("-newest-{}", found.len()) } else { String::new() };
    let name = format!("attachment; filename=\"keyward-{id}{part}.{ending}\"");
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, name)], text).into_response()
}

/// Searches on until nothing is left or the export is full; whether it was cut.
async fn gather(
    person: &SignedIn,
    id: KeyId,
    mut filter: RequestFilter,
) -> Result<(Vec<KeyRequest>, bool), ActionError> {
    let mut all = Vec::new();
    for _ in 0..EXPORT_WALKS {
        let (found, next) = key_requests(&person.desk(), id, filter.clone(), EXPORT - all.len()).await?;
        all.extend(found);
        match next {
            Some(place) if all.len() < EXPORT => filter.before = Some(place),
            next => return Ok((all, next.is_some())),
        }
    }
    Ok((all, true))
}

fn json_lines(found: &[KeyRequest]) -> String {
    let line = |one: &KeyRequest| {
        serde_json::json!({
            "at": one.at.to_string(), "from": one.from, "request": one.what, "code": one.code, "millis": one.millis
        })
        .to_string()
            + "\n"
    };
    found.iter().map(line).collect()
}

/// Fields are numbers, our own words and addresses; quoted all the same, and never a formula.
fn csv(found: &[KeyRequest]) -> String {
    let cell = |text: &str| {
        let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    };
    let mut text = String::from("at,from,request,code,millis\r\n");
    for one in found {
        let fields = [cell(&one.at.to_string()), cell(&one.from), cell(&one.what), cell(&one.code)];
        text.push_str(&format!("{},{}\r\n", fields.join(","), one.millis));
    }
    text
}
