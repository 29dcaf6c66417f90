//! The audit log for those who oversee: a search, and the proof of each record.

use askama::Template;
use axum::extract::{Path, Query as Asked};
use axum::http::StatusCode;
use axum::response::Response;
use keyward_authority::questions::{TrailView, prove_record, search_audit, signed_records};
use keyward_authority::{ActionError, AuditFilter};
use keyward_rules::grant::ActionKind;
use keyward_rules::limits::PAGE_DEFAULT;
use keyward_rules::trail::RecordFilter;
use serde::Deserialize;

use super::officer::StaffMember;
use crate::api::RecordNumber;
use crate::pages::layout::{Frame, message, page, problem};
use crate::pages::trail::proof_file;
use crate::words::{When, moment, record_title, urlencoded};

/// What is searched for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Query {
    q: String,
    action: String,
    account: String,
    from: String,
    until: String,
    before: String,
}

/// A record in the list.
struct Row {
    n: u64,
    title: String,
    action: String,
    at: When,
    actor: String,
    subject: String,
    from: String,
    factors: String,
    facts: Vec<(String, String)>,
    /// Whether a checkpoint covers it, so that it has a proof.
    signed: bool,
}

#[derive(Template)]
#[template(path = "operations/audit.html")]
struct Show<'q> {
    frame: Frame,
    tab: &'static str,
    query: &'q Query,
    actions: Vec<&'static str>,
    rows: Vec<Row>,
    older: Option<u64>,
    /// How many records were looked through, where the search stopped before the first one.
    searched: Option<u64>,
    terms: String,
}

fn row(signed: u64, view: TrailView) -> Row {
    let entry = view.entry;
    Row {
        n: view.n,
        title: record_title(&entry.action),
        action: entry.action,
        at: When::read(&entry.at),
        actor: entry.actor,
        subject: entry.subject,
        from: entry.from,
        factors: entry.factors,
        facts: entry.facts.into_iter().collect(),
        signed: view.n <= signed,
    }
}

fn filter(query: &Query) -> Result<AuditFilter, &'static str> {
    let time = |text: &str| match text {
        "" => Ok(None),
        text => moment(text).map(Some).ok_or("Enter a time such as 2026-11-21T08:15, in UTC."),
    };
    let account = match query.account.trim() {
        "" => None,
        text => Some(text.parse().map_err(|_| "Enter the number of the account.")?),
    };
    let sought = RecordFilter {
        text: query.q.trim().to_owned(),
        action: query.action.clone(),
        from: time(&query.from)?,
        to: time(&query.until)?,
    };
    Ok(AuditFilter { sought, account, before: query.before.parse().ok() })
}

/// The list.
pub async fn list(officer: StaffMember, Asked(query): Asked<Query>) -> Response {
    let answer = async {
        let context = officer.context()?;
        let filter = filter(&query)
            .map_err(|text| message(StatusCode::UNPROCESSABLE_ENTITY, "Invalid search", text))?;
        let found = search_audit(&context, &filter, PAGE_DEFAULT).await.map_err(problem)?;
        let signed = signed_records(&context).await.map_err(problem)?;
        let stopped = found.next.is_some() && found.rows.len() < PAGE_DEFAULT;
        let given = [
            ("q", &query.q),
            ("action", &query.action),
            ("account", &query.account),
            ("from", &query.from),
            ("until", &query.until),
        ];
        Ok(page(&Show {
            frame: Frame::of(&officer.0, "operations", "Audit log"),
            tab: "audit",
            actions: ActionKind::ALL.iter().map(|action| action.word()).collect(),
            rows: found.rows.into_iter().map(|view| row(signed, view)).collect(),
            older: found.next,
            searched: stopped.then_some(found.looked_through),
            terms: urlencoded(&given),
            query: &query,
        }))
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

/// The proof of one record, as a file.
pub async fn proof(officer: StaffMember, Path(n): Path<String>) -> Response {
    let answer = async {
        let context = officer.context()?;
        let RecordNumber(n) = n.parse().map_err(|()| problem(ActionError::NoRecord))?;
        Ok(proof_file(&prove_record(&context, n).await.map_err(problem)?))
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}
