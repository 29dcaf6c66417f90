//! A holder's own audit records, each with its proof.

use askama::Template;
use axum::extract::{Path, Query as Asked};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use keyward_authority::ActionError;
use keyward_authority::questions::{
    RecordProof, TrailFilter, list_keys, prove_record, record_names, search_own_trail, signed_records,
};
use keyward_rules::limits::PAGE_DEFAULT;
use keyward_rules::trail::{RecordFilter, RecordKind};
use serde::Deserialize;

use super::layout::{Frame, page, problem};
use super::person::SignedIn;
use crate::api::RecordNumber;
use crate::records::{Audience, Choice, Day, Line, by_day, keys, kinds, line};
use crate::words::urlencoded;

/// Which records.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Query {
    q: String,
    kind: String,
    key: String,
    before: String,
}

#[derive(Template)]
#[template(path = "trail.html")]
struct Page<'q> {
    frame: Frame,
    query: &'q Query,
    kinds: Vec<Choice>,
    keys: Vec<Choice>,
    days: Vec<Day<Line>>,
    /// Where the proofs are.
    base: &'static str,
    older: Option<u64>,
    /// How many records were read, where the search stopped before the first one.
    searched: Option<u64>,
    /// The filter, for links; empty without one.
    terms: String,
}

/// The page.
pub async fn show(person: SignedIn, Asked(query): Asked<Query>) -> Response {
    match build(&person, &query).await {
        Ok(answer) => answer,
        Err(other) => problem(other),
    }
}

async fn build(person: &SignedIn, query: &Query) -> Result<Response, ActionError> {
    let context = person.context();
    let found = search_own_trail(&context, person.acts_for(), &filter(query)?, PAGE_DEFAULT).await?;
    let names = record_names(&context, &found.rows).await?;
    let signed = signed_records(&context).await?;
    let (own, _) = list_keys(&context, person.acts_for()).await?;
    let stopped = found.next.is_some() && found.rows.len() < PAGE_DEFAULT;
    let audience = Audience::Holder(person.acts_for());
    let lines = found.rows.into_iter().map(|view| line(audience, &names, signed, view)).collect();
    Ok(page(&Page {
        frame: Frame::of(person, "audit", "Audit"),
        kinds: kinds(&query.kind),
        keys: keys(&own, &query.key),
        days: by_day(lines, person.shell.now(), |line: &Line| &line.at),
        base: "/trail",
        older: found.next,
        searched: stopped.then_some(found.looked_through),
        terms: urlencoded(&[("q", &query.q), ("kind", &query.kind), ("key", &query.key)]),
        query,
    }))
}

fn filter(query: &Query) -> Result<TrailFilter, ActionError> {
    let key = match query.key.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| ActionError::NoKey)?),
    };
    let sought = RecordFilter {
        text: query.q.trim().to_owned(),
        kind: RecordKind::from_word(&query.kind),
        ..RecordFilter::default()
    };
    Ok(TrailFilter { sought, key, before: query.before.parse().ok() })
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
