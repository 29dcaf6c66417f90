//! The review as one file that needs nothing else: no script, no picture and no style sheet from elsewhere.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use keyward_authority::questions::review;
use tracing::error;

use super::answers::Answers;
use super::shown::{DeductionLine, KeyBlock, PastLine, blocks, deductions, due_in_words, past};
use crate::pages::layout::problem;
use crate::pages::person::SignedIn;
use crate::words::When;

#[derive(Template)]
#[template(path = "review_report.html")]
struct Report {
    account: String,
    at: When,
    score: u8,
    grade: &'static str,
    due: String,
    altered: usize,
    deductions: Vec<DeductionLine>,
    keys: Vec<KeyBlock>,
    past: Vec<PastLine>,
}

/// The file.
pub async fn report(person: SignedIn) -> Response {
    let view = match review(&person.context(), person.acts_for()).await {
        Ok(view) => view,
        Err(other) => return problem(other),
    };
    let now = person.shell.now();
    let (mut keys, advised, fine) = blocks(&view, &Answers::default());
    keys.extend(advised.into_iter().chain(fine));
    let report = Report {
        account: person.account.email.to_string(),
        at: When::of(now),
        score: view.score.points,
        grade: view.score.grade(),
        due: due_in_words(view.due, now).0,
        altered: view.altered,
        deductions: deductions(&view.score),
        keys,
        past: past(&view.past),
    };
    let name = format!("attachment; filename=\"keyward-review-{}.html\"", report.at.date());
    match report.render() {
        Ok(html) => {
            let kind = "text/html; charset=utf-8".to_owned();
            ([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], html).into_response()
        }
        Err(problem) => {
            error!(%problem, "the report of a review could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
