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
use crate::orders::{MEMBERS, Order, listed};
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
    let part = if cut { format!("-newest-{}", found.len()) } else { String::new() };
    let (kind, ending, text) = match query.format.as_str() {
        "jsonl" => ("application/jsonl; charset=utf-8", "jsonl", json_lines(found)),
        _ => ("text/csv; charset=utf-8", "csv", csv(found)),
    };
    let name = format!("attachment; filename=\"keyward-{id}{part}.{ending}\"");
    // The search is over once the file was taken: who takes none of them has two of them waiting.
    let file = Body::new(Body::from(text).map_frame(move |frame| {
        let _until_taken = &search;
        frame
    }));
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, name)], file).into_response()
}

fn json_lines(found: Vec<KeyRequest>) -> String {
    let line = |one: KeyRequest| {
        serde_json::json!({
            "at": one.at.to_string(), "from": one.from, "request": one.what, "code": one.code, "millis": one.millis,
            "orders": listed(one.orders)
        })
        .to_string()
            + "\n"
    };
    found.into_iter().map(line).collect()
}

/// A line for each order of a request, with the columns of the request repeated; one line for a request without orders.
fn csv(found: Vec<KeyRequest>) -> String {
    let names: Vec<&str> = MEMBERS.iter().map(|member| member.column).collect();
    let mut text = format!("at,from,request,code,millis,{}\r\n", names.join(","));
    for one in found {
        let fields = [cell(&one.at.to_string()), cell(&one.from), cell(&one.what), cell(&one.code)];
        let request = format!("{},{}", fields.join(","), one.millis);
        let orders = listed(one.orders);
        if orders.is_empty() {
            text.push_str(&format!("{request}{}\r\n", ",".repeat(MEMBERS.len())));
        }
        for order in &orders {
            text.push_str(&format!("{request},{}\r\n", columns(order)));
        }
    }
    text
}

fn columns(order: &Order) -> String {
    order.values().map(|value| value.map(cell).unwrap_or_default()).join(",")
}

/// Texts of clients and of the exchange are quoted like all others, and none of them is a formula.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_cell_is_quoted_and_no_formula() {
        assert_eq!(cell("0.001"), "\"0.001\"");
        assert_eq!(cell("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
        for formula in ["+1", "-1", "@x", "\tx"] {
            assert_eq!(cell(formula), format!("\"'{formula}\""));
        }
    }
}
