//! The review of the caller's keys: what is found, finishing one, and those that were finished.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::StatusCode;
use keyward_authority::ReviewRecord;
use keyward_authority::questions::{ReviewedKey, past_reviews, review};
use keyward_authority::reviews::{FinishReview, KeyAnswer};
use keyward_rules::id::KeyId;
use keyward_rules::review::{Deduction, Finding, NextStep, Remedy};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, PasskeyAnswer, parsed_id};
use super::caller::{Caller, Given};
use super::problem::{Problem, Problems};

/// A review as it stands now.
#[derive(Serialize, ToSchema)]
pub struct Review {
    /// The security score, 0 to 100.
    score: u8,
    /// `good`, `fair` or `poor`.
    grade: &'static str,
    /// What was taken from 100. Together it may be more than 100.
    deductions: Vec<ScoreLine>,
    /// When the review is due, Unix milliseconds; absent without a key.
    due_ms: Option<u64>,
    /// The living keys, those with the most serious findings first.
    keys: Vec<KeyInReview>,
    /// Keys whose stored record was altered; they are not in the review.
    altered: usize,
}

/// One line of the score.
#[derive(Serialize, ToSchema)]
pub struct ScoreLine {
    /// The finding: a stable word.
    finding: &'static str,
    /// What it is.
    title: &'static str,
    /// How many keys have it.
    keys: u32,
    /// Points of one key.
    each: u32,
    /// Points of all keys with it at most.
    most: u32,
    /// Points that it takes.
    points: u32,
}

impl From<&Deduction> for ScoreLine {
    fn from(one: &Deduction) -> Self {
        Self {
            finding: one.kind.word(),
            title: one.kind.title(),
            keys: one.keys,
            each: one.kind.points(),
            most: one.kind.most_points(),
            points: one.points,
        }
    }
}

/// A key with what is known and found.
#[derive(Serialize, ToSchema)]
pub struct KeyInReview {
    /// The API key.
    api_key: String,
    /// Its name.
    name: String,
    /// The questions of a review, with what is known.
    questions: Vec<ReviewQuestion>,
    /// What was found, the most serious first.
    findings: Vec<KeyFinding>,
    /// The answers that it takes, beginning with `keep`.
    answers: Vec<String>,
}

/// A question of a review.
#[derive(Serialize, ToSchema)]
pub struct ReviewQuestion {
    /// The question.
    question: &'static str,
    /// What is known.
    known: String,
}

/// What was found of a key.
#[derive(Serialize, ToSchema)]
pub struct KeyFinding {
    /// What: a stable word.
    finding: &'static str,
    /// `advice`, `warning` or `serious`.
    severity: &'static str,
    /// What it is.
    title: &'static str,
    /// The evidence, in words.
    evidence: String,
    /// The answer that is suggested, or what to do instead of an answer: `successor`, `rotate`, `limits` or `addresses`.
    suggested: String,
}

impl From<&Finding> for KeyFinding {
    fn from(one: &Finding) -> Self {
        let suggested = match &one.next {
            NextStep::Apply(remedy) => remedy.to_string(),
            NextStep::Successor => "successor".to_owned(),
            NextStep::Rotate => "rotate".to_owned(),
            NextStep::Limits => "limits".to_owned(),
            NextStep::Addresses => "addresses".to_owned(),
        };
        Self {
            finding: one.kind.word(),
            severity: one.kind.severity().word(),
            title: one.kind.title(),
            evidence: one.evidence.clone(),
            suggested,
        }
    }
}

impl From<ReviewedKey> for KeyInReview {
    fn from(one: ReviewedKey) -> Self {
        let question =
            |one: keyward_rules::review::Question| ReviewQuestion { question: one.text, known: one.known };
        Self {
            api_key: one.key.id.to_string(),
            name: one.key.name.to_string(),
            questions: one.questions.into_iter().map(question).collect(),
            findings: one.findings.iter().map(KeyFinding::from).collect(),
            answers: one.offers.iter().map(Remedy::to_string).collect(),
        }
    }
}

/// The answers of a review.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewAnswers {
    /// Each living API key of the account, with its answer. All of it is done, or nothing.
    keys: BTreeMap<String, AnswerBody>,
    /// A code of the authenticator, a recovery code, or the password. With neither this nor `passkey`, the answer is 403
    /// `factor_required`, and `approves` says what is done to which key.
    #[serde(default)]
    factor: String,
    /// Instead of `factor`: a passkey's answer to the question of the 403 answer, for the same request.
    #[serde(default)]
    passkey: Option<PasskeyAnswer>,
}

/// The answer to one key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerBody {
    /// `keep`, `narrow` and addresses, `expire` and days, `stop_trading`, `read_only`, `disable` or `delete`, as `answers` of the
    /// review spells them. Addresses may be fewer, and days other, than those.
    answer: String,
    /// The key's exact name; may be left out for `keep`.
    #[serde(default)]
    name: Option<String>,
}

/// A review that was finished now.
#[derive(Serialize, ToSchema)]
pub struct FinishedReview {
    /// The score after the changes.
    score: u8,
    /// The API keys that were changed.
    changed: Vec<String>,
}

/// A review that was finished.
#[derive(Serialize, ToSchema)]
pub struct PastReview {
    /// When, Unix milliseconds.
    at_ms: u64,
    /// The score that was left.
    score: u8,
    /// Who finished it: `account:…`.
    reviewer: String,
    /// The keys, each with what was found and done.
    keys: Vec<PastAnswer>,
}

/// What a finished review says of a key.
#[derive(Serialize, ToSchema)]
pub struct PastAnswer {
    /// The API key.
    api_key: String,
    /// What was done: the first word of an answer.
    done: &'static str,
    /// What was found.
    findings: Vec<&'static str>,
}

impl From<ReviewRecord> for PastReview {
    fn from(record: ReviewRecord) -> Self {
        let answer = |one: keyward_rules::review::ReviewAnswer| PastAnswer {
            api_key: one.key.to_string(),
            done: one.done,
            findings: one.found.iter().map(|kind| kind.word()).collect(),
        };
        Self {
            at_ms: record.at.unix_ms(),
            score: record.score,
            reviewer: record.reviewer,
            keys: record.answers.into_iter().map(answer).collect(),
        }
    }
}

/// Show the review of the keys as it stands now
#[utoipa::path(get, path = "/api/v1/review", tag = "keys", security(("bearer" = [])),
    responses((status = 200, description = "What is found", body = Review), Problems))]
pub async fn show(caller: Caller) -> Result<Json<Review>, Problem> {
    let view = review(&caller.context(), caller.acts_for()).await?;
    Ok(Json(Review {
        score: view.score.points,
        grade: view.score.grade(),
        deductions: view.score.deductions.iter().map(ScoreLine::from).collect(),
        due_ms: view.due.map(|due| due.unix_ms()),
        keys: view.keys.into_iter().map(KeyInReview::from).collect(),
        altered: view.altered,
    }))
}

/// Finish the review: record it, and do what it answers
#[utoipa::path(post, path = "/api/v1/review", tag = "keys", request_body = ReviewAnswers, security(("bearer" = [])),
    responses((status = 200, description = "Recorded and done", body = FinishedReview), Problems))]
pub async fn finish(
    caller: Caller,
    Body(body): Body<ReviewAnswers>,
) -> Result<Json<FinishedReview>, Problem> {
    let answers = body.keys.into_iter().map(|(id, answer)| read(&id, answer));
    let answers: BTreeMap<KeyId, KeyAnswer> = answers.collect::<Result<_, _>>()?;
    let done = caller.act(FinishReview(answers), Given::factor(body.factor, body.passkey)).await?;
    let changed = done.changed.iter().map(ToString::to_string).collect();
    Ok(Json(FinishedReview { score: done.score, changed }))
}

/// One answer; harm names the key twice.
fn read(id: &str, body: AnswerBody) -> Result<(KeyId, KeyAnswer), Problem> {
    let bad = |text: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_answer", text);
    let remedy: Remedy = body.answer.parse().map_err(|wrong| bad(format!("{wrong}")))?;
    if remedy != Remedy::Keep && body.name.is_none() {
        return Err(bad("name each key that is changed by its exact name".to_owned()));
    }
    Ok((parsed_id(id)?, KeyAnswer { remedy, name: body.name }))
}

/// List the finished reviews
#[utoipa::path(get, path = "/api/v1/reviews", tag = "keys", security(("bearer" = [])),
    responses((status = 200, description = "The newest 60, newest first", body = Vec<PastReview>), Problems))]
pub async fn list(caller: Caller) -> Result<Json<Vec<PastReview>>, Problem> {
    let past = past_reviews(&caller.context(), caller.acts_for()).await?;
    Ok(Json(past.into_iter().map(PastReview::from).collect()))
}
