//! Alert channels: the list, and the page of one with its choices, its log, and what can be done with it.

use askama::Template;
use axum::extract::{Path, Query as Asked};
use axum::http::StatusCode;
use axum::response::Response;
use keyward_authority::channels::{ChangeChannel, SendAgain, TestChannel, choices_in_words};
use keyward_authority::questions::{
    ChannelState, ChannelView, DeliveryView, list_channels, list_deliveries, show_channel,
};
use keyward_authority::{Action as _, ActionError, prove_any};
use keyward_rules::channel::{ChannelId, Outcome};
use keyward_rules::grant::{ActionKind, Proof};

use super::channel_choices::choices_html;
use super::field::{Field, Kind, html_of};
use super::layout::{Frame, Query, page, page_with, problem, told};
use super::note::Note;
use super::person::{Posted, SignedIn};
use crate::requests::{ChannelRequest, FieldErrors};
use crate::words::When;

/// Messages on one page.
const LOG_ROWS: usize = 25;

/// A channel in the list.
struct Row {
    id: String,
    name: String,
    kind: &'static str,
    goes_to: String,
    gets: String,
    state: &'static str,
    look: &'static str,
    since: Option<When>,
    last: Option<LogRow>,
}

/// A message in the log.
struct LogRow {
    id: String,
    at: When,
    title: String,
    state: &'static str,
    look: &'static str,
    tries: u32,
    outcome: &'static str,
    status: String,
    again: bool,
}

#[derive(Template)]
#[template(path = "channels.html")]
struct List {
    frame: Frame,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "channel.html")]
struct Page<'p> {
    frame: Frame,
    csrf: &'p str,
    id: String,
    row: Row,
    made: When,
    missed: u64,
    fields: Vec<String>,
    choices: String,
    factor: String,
    log: Vec<LogRow>,
    before: String,
    older: Option<i64>,
}

#[derive(Template)]
#[template(path = "channel_rows.html")]
struct Rows<'r> {
    csrf: &'r str,
    id: String,
    log: Vec<LogRow>,
}

fn log_row(view: DeliveryView) -> LogRow {
    LogRow {
        id: view.id.to_string(),
        at: When::of(view.tried_at.unwrap_or(view.at)),
        look: match view.state {
            "delivered" => "active",
            "failed" => "deleted",
            _ => "",
        },
        again: view.can_go_again(),
        title: view.title,
        state: view.state,
        tries: view.tries,
        outcome: view.outcome.map(Outcome::sentence).unwrap_or_default(),
        status: view.status.map(|status| format!("HTTP {status}")).unwrap_or_default(),
    }
}

fn row(view: ChannelView) -> Row {
    let (state, look, since) = match view.state {
        ChannelState::Active => ("active", "active", None),
        ChannelState::Failing(since) => ("failing", "held", Some(since)),
        ChannelState::Paused(since) => ("paused", "held", Some(since)),
        ChannelState::Altered => ("altered", "deleted", None),
    };
    Row {
        id: view.id.to_string(),
        name: view.name.to_string(),
        kind: view.kind.name(),
        goes_to: view.goes_to,
        gets: choices_in_words(&view.choices),
        state,
        look,
        since: When::maybe(since),
        last: view.last.map(log_row),
    }
}

/// The list.
pub async fn list(person: SignedIn) -> Response {
    match list_channels(&person.own_context(), person.id()).await {
        Ok(views) => {
            let frame = Frame::of(&person, "alerts", "Alert channels");
            page(&List { frame, rows: views.into_iter().map(row).collect() })
        }
        Err(other) => problem(other),
    }
}

/// What was typed into the page of one, and what is wrong of it.
type Edit<'e> = (ChannelRequest<'e>, FieldErrors);

async fn answer(
    person: &SignedIn,
    id: &str,
    query: &Query,
    status: StatusCode,
    edit: Option<Edit<'_>>,
) -> Response {
    match build(person, id, query, status, edit).await {
        Ok(answer) => answer,
        Err(other) => problem(other),
    }
}

async fn build(
    person: &SignedIn,
    id: &str,
    query: &Query,
    status: StatusCode,
    edit: Option<Edit<'_>>,
) -> Result<Response, ActionError> {
    let (context, id) = (person.own_context(), id_of(id)?);
    let views = list_deliveries(&context, id, query.before.parse().ok(), LOG_ROWS).await?;
    let older = views.last().map(|view| view.n).filter(|_| views.len() == LOG_ROWS);
    let log = views.into_iter().map(log_row).collect();
    if query.fragment == "rows" {
        return Ok(page(&Rows { csrf: &person.csrf, id: id.to_string(), log }));
    }
    let view = show_channel(&context, id).await?;
    let now = || (ChannelRequest::of_now(view.name.as_str(), &view.choices), FieldErrors::default());
    let (typed, errors) = edit.unwrap_or_else(now);
    let name = Field::new("name", "Name", Kind::Text).value(typed.name).error(errors.text("name"));
    let factor = Field::new("factor", "Authenticator code, or your password", Kind::Password)
        .error(errors.text("factor"));
    let choices = choices_html(&typed, &errors);
    let page = Page {
        frame: Frame::of(person, "alerts", view.name.as_str()),
        csrf: &person.csrf,
        id: id.to_string(),
        made: When::of(view.made_at),
        missed: view.missed,
        row: row(view),
        fields: html_of([name]),
        choices,
        factor: html_of([factor]).concat(),
        log,
        before: query.before.parse::<i64>().map(|before| before.to_string()).unwrap_or_default(),
        older,
    };
    Ok(page_with(status, &page))
}

fn id_of(text: &str) -> Result<ChannelId, ActionError> {
    text.parse().map_err(|_| ActionError::NoChannel)
}

/// One channel.
pub async fn show(person: SignedIn, Path(id): Path<String>, Asked(query): Asked<Query>) -> Response {
    answer(&person, &id, &query, StatusCode::OK, None).await
}

/// Name and choices.
pub async fn change(Path(id): Path<String>, posted: Posted) -> Response {
    let (person, fields) = (&posted.person, &posted.fields);
    let channel = match id_of(&id) {
        Ok(channel) => channel,
        Err(missing) => return problem(missing),
    };
    let errors = match ChannelRequest::of_form(fields).read(channel) {
        Ok(change) => match prove_and_change(person, fields.get("factor"), change).await {
            Ok(()) | Err(ActionError::Unchanged) => {
                let note = Note::Done(ActionKind::ChangeChannel);
                return told(person, &format!("/alerts/channels/{id}"), note).await;
            }
            Err(wrong @ (ActionError::NotProven(_) | ActionError::Password(_))) => {
                FieldErrors::one("factor", wrong)
            }
            Err(taken @ ActionError::ChannelNameTaken) => FieldErrors::one("name", taken),
            Err(other) => return problem(other),
        },
        Err(errors) => errors,
    };
    let edit = Some((ChannelRequest::of_form(fields), errors));
    answer(person, &id, &Query::default(), StatusCode::UNPROCESSABLE_ENTITY, edit).await
}

async fn prove_and_change(person: &SignedIn, factor: &str, change: ChangeChannel) -> Result<(), ActionError> {
    let factor = prove_any(&person.own_context(), person.id(), factor).await?;
    change.perform(&person.own_context(), Proof::Factor(factor)).await
}

/// A test.
pub async fn test(Path(id): Path<String>, posted: Posted) -> Response {
    let sent = async { TestChannel(id_of(&id)?).perform(&posted.person.own_context(), Proof::None).await };
    match sent.await {
        Ok(_) => {
            told(&posted.person, &format!("/alerts/channels/{id}"), Note::Done(ActionKind::TestChannel)).await
        }
        Err(other) => problem(other),
    }
}

/// A failed message once more.
pub async fn send_again(Path(id): Path<String>, posted: Posted) -> Response {
    let sent = async {
        let message = posted.fields.get("message").parse().map_err(|_| ActionError::NoMessage)?;
        let again = SendAgain { channel: id_of(&id)?, message };
        again.perform(&posted.person.own_context(), Proof::None).await
    };
    match sent.await {
        Ok(()) => {
            told(&posted.person, &format!("/alerts/channels/{id}"), Note::Done(ActionKind::SendAgain)).await
        }
        Err(other) => problem(other),
    }
}
