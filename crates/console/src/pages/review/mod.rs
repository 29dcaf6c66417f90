//! The monthly review: the keys with what is known of each, a choice for each, and one button.

mod answers;
mod report;
mod shown;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use keyward_authority::PendingAction;
use keyward_authority::questions::{ReviewView, review};
use keyward_authority::reviews::FinishReview;
use keyward_rules::grant::ActionKind;

use self::answers::Answers;
use self::shown::{DeductionLine, KeyBlock, PastLine, blocks, deductions, due_as_figure, past};
use super::confirm::{Confirmation, act};
use super::layout::{Frame, page_with, problem, told};
use super::note::Note;
use super::person::{Posted, SignedIn};
use crate::chart;

pub use self::report::report;
pub use self::shown::due_in_words;

#[derive(Template)]
#[template(path = "review.html")]
struct Page<'p> {
    frame: Frame,
    csrf: &'p str,
    error: String,
    altered: usize,
    score: u8,
    grade: &'static str,
    deductions: Vec<DeductionLine>,
    /// `due in 12 days`; empty without a key.
    due: String,
    overdue: bool,
    /// The same as a figure and what it counts.
    next: (String, &'static str),
    /// Keys with a finding that should be changed: each waits for an answer.
    open: Vec<KeyBlock>,
    /// Keys that could be better: kept unless the user chooses otherwise.
    advised: Vec<KeyBlock>,
    /// Keys without a finding.
    fine: Vec<KeyBlock>,
    /// Scores over time, as HTML; empty before the first review.
    trend: String,
    past: Vec<PastLine>,
}

impl Page<'_> {
    const fn keys(&self) -> usize {
        self.open.len() + self.advised.len() + self.fine.len()
    }
}

/// The page.
pub async fn show(person: SignedIn) -> Response {
    match review(&person.context(), person.acts_for()).await {
        Ok(view) => drawn(&person, view, &Answers::default(), ""),
        Err(other) => problem(other),
    }
}

fn drawn(person: &SignedIn, view: ReviewView, chosen: &Answers, error: &str) -> Response {
    let now = person.shell.now();
    let (due, overdue) = due_in_words(view.due, now);
    let trend = chart::scores(&view.past, (now, view.score.points));
    let (open, advised, fine) = blocks(&view, chosen);
    let page = Page {
        frame: Frame::of(person, "review", "Review"),
        csrf: &person.csrf,
        error: error.to_owned(),
        altered: view.altered,
        score: view.score.points,
        grade: view.score.grade(),
        deductions: deductions(&view.score),
        due,
        overdue,
        next: due_as_figure(view.due, now),
        open,
        advised,
        fine,
        trend,
        past: past(&view.past),
    };
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    page_with(status, &page)
}

fn asking(pending: &PendingAction) -> Confirmation {
    Confirmation {
        title: "Finish this review?",
        action: "/review".to_owned(),
        button: "Finish the review",
        danger: pending.words.iter().any(|line| line.contains("cannot be undone")),
        back: "/review".to_owned(),
        part: "review",
        words: pending.words.clone(),
        extra: String::new(),
    }
}

/// The answers: read, proven, recorded. A key without an answer brings the page back with what was chosen.
pub async fn finish(posted: Posted) -> Response {
    let person = &posted.person;
    let answers = match Answers::of(&posted.fields) {
        Ok(answers) => answers,
        Err(refusal) => return problem(refusal),
    };
    let context = person.context();
    let view = match review(&context, person.acts_for()).await {
        Ok(view) => view,
        Err(other) => return problem(other),
    };
    let missing = view.keys.iter().filter(|one| !answers.has(one.key.id)).count();
    if missing > 0 {
        let text = match missing {
            1 => "One key has no answer yet. Choose what to do with it.".to_owned(),
            count => format!("{count} keys have no answer yet. Choose what to do with each of them."),
        };
        return drawn(person, view, &answers, &text);
    }
    match act(&posted, &context, FinishReview(answers.into_map()), asking).await {
        Ok(_) => told(person, "/review", Note::Done(ActionKind::FinishReview)).await,
        Err(halted) => halted.into(),
    }
}
