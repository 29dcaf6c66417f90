//! What a key or an account did: charts from an hour to a month, a search of requests, a live tail, an export.

use askama::Template;
use axum::body::Body;
use axum::extract::{Path, Query as Asked};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;
use keyward_authority::questions::{
    ChartView, KeyRequest, KeyView, Piece, Range, account_chart, all_key_requests, key_chart, key_requests,
    newer_key_requests, newest_record, show_key,
};
use keyward_authority::{ActionContext, ActionError, RequestFilter};
use keyward_rules::id::KeyId;
use keyward_rules::limits::{DAY_MS, PAGE_DEFAULT};

use keyward_rules::time::Moment;
use serde::Deserialize;

use super::layout::{Frame, message, page, problem};
use super::person::SignedIn;
use crate::chart;
use crate::words::{When, moment, urlencoded, verdict, verdict_name};

/// Rows of an export.
const EXPORT: usize = 10_000;
/// How far a search reaches back unless asked otherwise.
const SEARCH_DAYS: u64 = 31;
/// Milliseconds by which another node's clock may be ahead of ours, for the live view.
const AHEAD_MS: u64 = 60_000;

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
    after: String,
    live: String,
    format: String,
}

/// A line of a list with its bar.
struct Line {
    word: String,
    /// The word for people.
    name: String,
    count: u64,
    bar: String,
}

fn lines(list: &[(String, u64)], name: fn(&str) -> String) -> Vec<Line> {
    let largest = list.first().map_or(0, |(_, count)| *count);
    let line = |(word, count): &(String, u64)| Line {
        word: word.clone(),
        name: name(word),
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
    let (passed, refused) = view.sums();
    let busy = (0_u64..).zip(pieces).filter(|(_, piece)| piece.passed + piece.refused > 0);
    Drawn {
        range: range.word(),
        bars: chart::bars(pieces, range.word()),
        latency: chart::latency(pieces, range.word()),
        passed,
        refused,
        tallest: pieces.iter().map(|piece| piece.passed + piece.refused).max().unwrap_or(0),
        slowest: pieces.iter().filter_map(|piece| piece.most_ms).max().unwrap_or(0),
        since: at(0),
        verdicts: lines(&view.verdicts, verdict_name),
        routes: lines(&view.routes, str::to_owned),
        sources: lines(&view.sources, str::to_owned),
        table: busy.map(|(index, piece)| (at(index), *piece)).collect(),
    }
}

/// A request in the list.
pub struct Row {
    /// When it came.
    pub at: When,
    /// From where.
    pub from: String,
    /// Method and route.
    pub what: String,
    /// The verdict, as HTML.
    pub verdict: String,
    /// Milliseconds to the answer's head.
    pub millis: u64,
}

/// A request of this key as the list shows it.
pub fn row(key: KeyId, request: KeyRequest) -> Row {
    Row {
        at: When::of(request.at),
        from: request.from,
        what: request.what,
        verdict: verdict(&request.code, key, request.of_app),
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
    /// From where the live view looks on; `None` for a search.
    live: Option<Live>,
    older: String,
    /// How much was looked through and how far back, where the search stopped before its beginning.
    searched: Option<(u64, When)>,
    terms: String,
}

/// What the live view asks next.
struct Live {
    key: KeyId,
    terms: String,
    after: i64,
    left_out: bool,
}

#[derive(Template)]
#[template(path = "activity_tail.html")]
struct Tail {
    live: Live,
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
        text => moment(text).ok_or("Enter a time such as 2026-11-21T08:15, in UTC."),
    };
    let month_ago = Moment::from_unix_ms(now.unix_ms().saturating_sub(SEARCH_DAYS * DAY_MS));
    let source = match query.source.trim() {
        "" => None,
        text => Some(text.parse().map_err(|_| "Enter an address such as 203.0.113.7 or 2001:db8::7.")?),
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
    let (context, now) = (person.context(), person.shell.now());
    let filter = match filter(query, now) {
        Ok(filter) => filter,
        Err(text) => return Ok(message(StatusCode::UNPROCESSABLE_ENTITY, "Invalid search", text)),
    };
    if query.fragment == "tail" {
        let (live, rows) = watch(&context, id, filter, query).await?;
        if rows.is_empty() && query.after == live.after.to_string() {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        return Ok(page(&Tail { live, rows }));
    }
    let key = show_key(&context, id).await?;
    let range = query.range.parse().unwrap_or(Range::Day);
    let chart = key_chart(&context, id, range).await?;
    let shown = KeyPage {
        frame: Frame::of(person, "keys", &format!("Activity of {}", key.name)),
        drawn: drawn(&chart, range),
        rows: Vec::new(),
        shows_sources: key.purpose == "trading",
        live: None,
        older: String::new(),
        searched: None,
        terms: terms(query),
        key: &key,
        query,
    };
    if !query.live.is_empty() {
        let (live, rows) = watch(&context, id, filter, query).await?;
        return Ok(page(&KeyPage { rows, live: Some(live), ..shown }));
    }
    let found = key_requests(&context, id, filter, PAGE_DEFAULT).await?;
    let stopped = found.next.filter(|_| found.rows.len() < PAGE_DEFAULT);
    let searched = stopped.map(|place| (found.looked_through, When::of(place.at)));
    let older = found.next.map(|place| place.to_string()).unwrap_or_default();
    let rows = found.rows.into_iter().map(|request| row(id, request)).collect();
    Ok(page(&KeyPage { rows, older, searched, ..shown }))
}

/// What the live view shows: what is newer than its cursor, or at its beginning what a search finds.
async fn watch(
    context: &ActionContext<'_>,
    id: KeyId,
    filter: RequestFilter,
    query: &Query,
) -> Result<(Live, Vec<Row>), ActionError> {
    let live = |after, left_out| Live { key: id, terms: terms(query), after, left_out };
    let Ok(after) = query.after.parse() else {
        // What is recorded from now on comes with the next look, and must not stand in the list twice.
        let newest = newest_record(context).await?;
        let mut found = key_requests(context, id, filter, PAGE_DEFAULT).await?.rows;
        found.retain(|request| request.id <= newest);
        return Ok((live(newest, false), found.into_iter().map(|request| row(id, request)).collect()));
    };
    let until = if query.until.is_empty() { filter.until.plus_ms(AHEAD_MS) } else { filter.until };
    let newer =
        newer_key_requests(context, id, RequestFilter { until, ..filter }, after, PAGE_DEFAULT).await?;
    Ok((
        live(newer.upto, newer.left_out),
        newer.requests.into_iter().map(|request| row(id, request)).collect(),
    ))
}

/// The activity of all keys of an account.
pub async fn account(person: SignedIn, Asked(query): Asked<Query>) -> Response {
    let range = query.range.parse().unwrap_or(Range::Day);
    match account_chart(&person.context(), person.id(), range).await {
        Ok(chart) => {
            let frame = Frame::of(&person, "activity", "Activity of all keys");
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
        Err(text) => return message(StatusCode::UNPROCESSABLE_ENTITY, "Invalid export", text),
    };
    let (found, cut, search) = match all_key_requests(&person.context(), id, filter, EXPORT).await {
        Ok((found, search)) => (found.rows, found.next.is_some(), search),
        Err(other) => return problem(other),
    };
    let (kind, ending, text) = match query.format.as_str() {
        "jsonl" => ("application/jsonl; charset=utf-8", "jsonl", json_lines(&found)),
        _ => ("text/csv; charset=utf-8", "csv", csv(&found)),
    };
    let part = if cut { format!("-newest-{}", found.len()) } else { String::new() };
    let name = format!("attachment; filename=\"keyward-{id}{part}.{ending}\"");
    // The search is over once the file was taken: who takes none of them has two of them waiting.
    let file = Body::new(Body::from(text).map_frame(move |frame| {
        let _until_taken = &search;
        frame
    }));
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, name)], file).into_response()
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
