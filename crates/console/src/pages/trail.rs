//! A holder's own audit records, each with its proof.

use askama::Template;
use axum::extract::{Path, Query as Asked};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use keyward_authority::ActionError;
use keyward_authority::questions::{RecordProof, TrailView, own_trail, prove_record, signed_records};
use keyward_rules::id::KeyId;
use keyward_rules::limits::PAGE_DEFAULT;

use super::layout::{Frame, Query, page, problem};
use super::person::SignedIn;
use crate::api::RecordNumber;
use crate::words::{When, record_title};

/// A record in the list.
struct Row {
    n: u64,
    title: String,
    at: When,
    who: String,
    key: String,
    subject: String,
    from: String,
    device: String,
    factors: String,
    facts: Vec<(String, String)>,
    /// Whether a checkpoint covers it, so that it has a proof.
    signed: bool,
}

#[derive(Template)]
#[template(path = "trail.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    older: Option<u64>,
}

fn row(own: &str, signed: u64, view: TrailView) -> Row {
    let entry = view.entry;
    let yours = entry.actor.strip_prefix("account:") == Some(own);
    // Only a key that the holder acted on is certainly their own, and has a page; a sub-account's has none.
    let key = entry.subject.strip_prefix("key:").and_then(|id| id.parse::<KeyId>().ok()).filter(|_| yours);
    let who = match entry.actor.split_once(':') {
        _ if yours => "you".to_owned(),
        Some(("host", name)) => format!("an operator, {name}"),
        Some(("operator", id)) if id == own => "you, as an operator".to_owned(),
        None if entry.actor == "operator" => "an operator".to_owned(),
        Some(("system", _)) => "Keyward".to_owned(),
        None if entry.actor == "visitor" => "a visitor with a valid proof".to_owned(),
        Some((_, _)) | None => entry.actor.clone(),
    };
    Row {
        n: view.n,
        title: record_title(&entry.action),
        at: When::read(&entry.at),
        who,
        subject: if key.is_some() { String::new() } else { entry.subject },
        key: key.map(|id| id.to_string()).unwrap_or_default(),
        from: entry.from,
        device: entry.device,
        factors: entry.factors,
        facts: entry.facts.into_iter().collect(),
        signed: view.n <= signed,
    }
}

/// The page.
pub async fn show(person: SignedIn, Asked(query): Asked<Query>) -> Response {
    match build(&person, &query).await {
        Ok(answer) => answer,
        Err(other) => problem(other),
    }
}

async fn build(person: &SignedIn, query: &Query) -> Result<Response, ActionError> {
    let before = query.before.parse().ok();
    let views = own_trail(&person.context(), person.id(), before, PAGE_DEFAULT).await?;
    let older = views.last().map(|view| view.n).filter(|_| views.len() == PAGE_DEFAULT);
    let own = person.id().to_string();
    let signed = signed_records(&person.context()).await?;
    let rows = views.into_iter().map(|view| row(&own, signed, view)).collect();
    Ok(page(&Page { frame: Frame::of(person, "audit", "Audit"), rows, older }))
}

/// The proof of one record, as a file.
pub async fn proof(person: SignedIn, Path(n): Path<String>) -> Response {
    let Ok(RecordNumber(n)) = n.parse() else { return problem(ActionError::NoRecord) };
    match prove_record(&person.context(), n).await {
        Ok(proof) => proof_file(&proof),
        Err(other) => problem(other),
    }
}

/// A proof as a download.
pub fn proof_file(proof: &RecordProof) -> Response {
    let name = format!("attachment; filename=\"keyward-{}.tlog-proof\"", proof.n);
    let name = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment"));
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    let headers = [(header::CONTENT_TYPE, plain), (header::CONTENT_DISPOSITION, name)];
    (headers, proof.to_text()).into_response()
}
