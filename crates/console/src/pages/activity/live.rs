//! The live view: the newest requests of one key or of all, and those that come while the page is open.

use askama::Template;
use axum::extract::{Path, Query as Asked};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use keyward_authority::questions::{
    key_requests, newer_account_requests, newer_key_requests, newest_record, show_key,
};
use keyward_authority::{ActionContext, ActionError, RequestFilter};
use keyward_rules::id::KeyId;
use keyward_rules::limits::PAGE_DEFAULT;

use super::query::{Choice, Query, choices, live_filter, refusals};
use super::rows::{Row, named, row};
use crate::pages::key_head::KeyHead;
use crate::pages::layout::{Frame, message, page, problem};
use crate::pages::person::SignedIn;
use crate::words::urlencoded;

/// What the live view asks next.
struct Live {
    /// The address of the view.
    path: String,
    /// Its terms.
    terms: String,
    /// The newest record that was seen.
    after: i64,
    /// How many requests were shown since the view was opened.
    came: usize,
    /// Whether there were more than fit.
    left_out: bool,
    /// Columns of the list.
    columns: u8,
}

/// One look at the journal.
struct Look {
    rows: Vec<Row>,
    /// The newest record that was looked at.
    upto: i64,
    left_out: bool,
}

#[derive(Template)]
#[template(path = "activity_live.html")]
struct Page<'p> {
    frame: Frame,
    /// The head of the key's pages; `None` for all keys.
    head: Option<KeyHead>,
    /// The charts that it belongs to.
    back: String,
    query: &'p Query,
    choices: Vec<Choice>,
    shows_sources: bool,
    live: Live,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "activity_tail.html")]
struct Tail {
    live: Live,
    rows: Vec<Row>,
}

/// Whose requests are shown.
enum Watched {
    Key(KeyId),
    All,
}

impl Watched {
    /// What the view asks after a look.
    fn next(&self, query: &Query, look: &Look) -> Live {
        let (path, columns) = match self {
            Self::Key(id) => (format!("/keys/{id}/live"), 5),
            Self::All => ("/activity/live".to_owned(), 6),
        };
        let before: usize = query.came.parse().unwrap_or(0);
        Live {
            path,
            terms: urlencoded(&[("range", &query.range)]) + &query.live_filters(),
            after: look.upto,
            // What is there at the beginning has not come since.
            came: if query.after.is_empty() { 0 } else { before.saturating_add(look.rows.len()) },
            left_out: look.left_out,
            columns,
        }
    }
}

/// What came since the last look, or nothing.
fn tail(live: Live, rows: Vec<Row>, query: &Query) -> Response {
    if rows.is_empty() && query.after == live.after.to_string() {
        return StatusCode::NO_CONTENT.into_response();
    }
    page(&Tail { live, rows })
}

fn refused(text: &str) -> Response {
    message(StatusCode::UNPROCESSABLE_ENTITY, "Invalid filter", text)
}

/// The live view of a key.
pub async fn key(person: SignedIn, Path(id): Path<String>, Asked(query): Asked<Query>) -> Response {
    let Ok(id) = id.parse::<KeyId>() else { return problem(ActionError::NoKey) };
    match build_key(&person, id, &query).await {
        Ok(answer) => answer,
        Err(other) => problem(other),
    }
}

async fn build_key(person: &SignedIn, id: KeyId, query: &Query) -> Result<Response, ActionError> {
    let context = person.context();
    let filter = match live_filter(query, person.shell.now()) {
        Ok(filter) => filter,
        Err(text) => return Ok(refused(text)),
    };
    let look = look_at_key(&context, id, filter, query).await?;
    let live = Watched::Key(id).next(query, &look);
    if query.fragment == "tail" {
        return Ok(tail(live, look.rows, query));
    }
    let key = show_key(&context, id).await?;
    Ok(page(&Page {
        frame: Frame::of(person, "keys", &format!("Live requests of {}", key.name)),
        head: Some(KeyHead::of(&key, "activity")),
        back: format!("/keys/{id}/activity?range={}{}", query.chart_range().word(), query.live_filters()),
        query,
        choices: choices(&query.verdict, refusals()),
        shows_sources: key.purpose == "trading",
        live,
        rows: look.rows,
    }))
}

/// What is newer than the cursor, or at the beginning what a search finds.
async fn look_at_key(
    context: &ActionContext<'_>,
    id: KeyId,
    filter: RequestFilter,
    query: &Query,
) -> Result<Look, ActionError> {
    let (found, upto, left_out) = if let Ok(after) = query.after.parse() {
        let newer = newer_key_requests(context, id, filter, after, PAGE_DEFAULT).await?;
        (newer.requests, newer.upto, newer.left_out)
    } else {
        // What is recorded from now on comes with the next look, and must not stand in the list twice.
        let newest = newest_record(context).await?;
        let mut found = key_requests(context, id, filter, PAGE_DEFAULT).await?.rows;
        found.retain(|request| request.id <= newest);
        (found, newest, false)
    };
    Ok(Look { rows: found.into_iter().map(|request| row(id, request)).collect(), upto, left_out })
}

/// The live view of all keys of an account.
pub async fn account(person: SignedIn, Asked(query): Asked<Query>) -> Response {
    match build_account(&person, &query).await {
        Ok(answer) => answer,
        Err(other) => problem(other),
    }
}

async fn build_account(person: &SignedIn, query: &Query) -> Result<Response, ActionError> {
    let filter = match live_filter(query, person.shell.now()) {
        Ok(filter) => filter,
        Err(text) => return Ok(refused(text)),
    };
    let after: Option<i64> = query.after.parse().ok();
    let found = newer_account_requests(
        &person.context(),
        person.acts_for(),
        filter,
        after.unwrap_or(0),
        PAGE_DEFAULT,
    )
    .await?;
    let rows = found.requests.into_iter().map(|one| named(one.key, one.name, one.request));
    let look = Look { rows: rows.collect(), upto: found.upto, left_out: found.left_out && after.is_some() };
    let live = Watched::All.next(query, &look);
    if query.fragment == "tail" {
        return Ok(tail(live, look.rows, query));
    }
    Ok(page(&Page {
        frame: Frame::of(person, "activity", "Live requests of all keys"),
        head: None,
        back: format!("/activity?range={}", query.chart_range().word()),
        query,
        choices: choices(&query.verdict, refusals()),
        shows_sources: found.by_address,
        live,
        rows: look.rows,
    }))
}
