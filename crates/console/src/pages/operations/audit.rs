//! The audit log for those who oversee: a search, and the proof of each record.

use askama::Template;
use axum::extract::{Path, Query as Asked};
use axum::http::StatusCode;
use axum::response::Response;
use keyward_authority::operators::account_named;
use keyward_authority::questions::{prove_record, record_names, search_audit, signed_records};
use keyward_authority::{ActionContext, ActionError, AuditFilter};
use keyward_rules::limits::PAGE_DEFAULT;
use keyward_rules::trail::{RecordFilter, RecordKind};
use serde::Deserialize;

use super::officer::StaffMember;
use crate::api::RecordNumber;
use crate::pages::layout::{Frame, message, page, problem};
use crate::pages::trail::proof_file;
use crate::records::{Audience, Choice, Day, Line, actions, by_day, kinds, line};
use crate::words::{moment, urlencoded};

/// What is searched for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Query {
    q: String,
    kind: String,
    action: String,
    account: String,
    from: String,
    until: String,
    before: String,
}

#[derive(Template)]
#[template(path = "operations/audit.html")]
struct Show<'q> {
    frame: Frame,
    query: &'q Query,
    kinds: Vec<Choice>,
    actions: Vec<Choice>,
    days: Vec<Day<Line>>,
    /// Where the proofs are.
    base: &'static str,
    older: Option<u64>,
    /// How many records were read, where the search stopped before the first one.
    searched: Option<u64>,
    /// The filter, for links; empty without one.
    terms: String,
}

async fn filter(context: &ActionContext<'_>, query: &Query) -> Result<AuditFilter, Response> {
    let refuse = |text: &str| message(StatusCode::UNPROCESSABLE_ENTITY, "Invalid search", text);
    let time = |text: &str| match text {
        "" => Ok(None),
        text => {
            let at = moment(text).ok_or_else(|| refuse("Enter a time such as 2026-11-21T08:15, in UTC."));
            at.map(Some)
        }
    };
    let account = match query.account.trim() {
        "" => None,
        text => match account_named(context, text).await {
            Ok(account) => Some(account),
            Err(ActionError::NoAccount) => {
                return Err(refuse("There is no such account. Enter its e-mail address or its number."));
            }
            Err(other) => return Err(problem(other)),
        },
    };
    let sought = RecordFilter {
        text: query.q.trim().to_owned(),
        action: query.action.clone(),
        kind: RecordKind::from_word(&query.kind),
        from: time(&query.from)?,
        to: time(&query.until)?,
    };
    Ok(AuditFilter { sought, account, before: query.before.parse().ok() })
}

/// The list.
pub async fn list(officer: StaffMember, Asked(query): Asked<Query>) -> Response {
    let answer = async {
        let context = officer.context()?;
        let filter = filter(&context, &query).await?;
        let found = search_audit(&context, &filter, PAGE_DEFAULT).await.map_err(problem)?;
        let names = record_names(&context, &found.rows).await.map_err(problem)?;
        let signed = signed_records(&context).await.map_err(problem)?;
        let stopped = found.next.is_some() && found.rows.len() < PAGE_DEFAULT;
        let lines = found.rows.into_iter().map(|view| line(Audience::Staff, &names, signed, view)).collect();
        let given = [
            ("q", &query.q),
            ("kind", &query.kind),
            ("action", &query.action),
            ("account", &query.account),
            ("from", &query.from),
            ("until", &query.until),
        ];
        Ok(page(&Show {
            frame: Frame::of(&officer.0, "operations/audit", "Audit log"),
            kinds: kinds(&query.kind),
            actions: actions(&query.action),
            days: by_day(lines, officer.0.shell.now(), |line: &Line| &line.at),
            base: "/operations/audit",
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
