//! Accounts that have not reviewed their keys in time.

use askama::Template;
use axum::extract::Query as Asked;
use axum::response::Response;
use keyward_authority::operators::overdue_reviews;
use keyward_rules::limits::PAGE_DEFAULT;

use super::officer::StaffMember;
use crate::pages::layout::{Frame, Query, page, problem};
use crate::pages::review::due_in_words;
use crate::words::When;

struct Row {
    account: String,
    name: String,
    keys: usize,
    /// `overdue by 3 days`.
    due: String,
    since: When,
    last: Option<When>,
}

#[derive(Template)]
#[template(path = "operations/reviews.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    next: String,
}

/// The list.
pub async fn list(officer: StaffMember, Asked(query): Asked<Query>) -> Response {
    let context = match officer.context() {
        Ok(context) => context,
        Err(answer) => return answer,
    };
    let found = match overdue_reviews(&context, query.before.parse().ok(), PAGE_DEFAULT).await {
        Ok(found) => found,
        Err(other) => return problem(other),
    };
    let next = found.last().filter(|_| found.len() == PAGE_DEFAULT).map(|one| one.account.to_string());
    let now = officer.0.shell.now();
    let rows = found.into_iter().map(|one| Row {
        account: one.account.to_string(),
        name: one.name,
        keys: one.keys,
        due: due_in_words(Some(one.due), now).0,
        since: When::of(one.due),
        last: When::maybe(one.last),
    });
    let frame = Frame::of(&officer.0, "operations/reviews", "Reviews");
    page(&Page { frame, rows: rows.collect(), next: next.unwrap_or_default() })
}
