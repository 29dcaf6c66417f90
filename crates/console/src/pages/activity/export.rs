//! Requests of a key as a file.

use axum::body::Body;
use axum::extract::{Path, Query as Asked};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;
use keyward_authority::ActionError;
use keyward_authority::questions::{KeyRequest, all_key_requests};
use keyward_rules::id::KeyId;

use super::query::{Query, filter};
use crate::pages::layout::{message, problem};
use crate::pages::person::SignedIn;

/// Rows of an export.
const EXPORT: usize = 10_000;

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
