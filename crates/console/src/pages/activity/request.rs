//! One request with all that was recorded of it: a page, and the same beside a list for scripts.

use askama::Template;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::Response;
use keyward_authority::ActionError;
use keyward_authority::questions::{RequestView, show_request};
use keyward_rules::id::KeyId;
use keyward_rules::orders::{OrderLine, Orders};

use super::rows::{outcome, refuser};
use crate::orders::{AnswersOf, MEMBERS, Order, Outcome, sentence};
use crate::pages::layout::{Frame, capital, page, problem};
use crate::pages::person::SignedIn;
use crate::words::{When, grouped, on_a_socket, refusal};

/// What a refusal means and what to do about it, as sentences.
struct Refused {
    title: &'static str,
    meaning: String,
    hint: String,
    remedy: Option<(String, &'static str)>,
}

/// One of its orders, transfers and withdrawals.
struct Part {
    /// What was asked for and what the exchange answered, in words.
    words: String,
    /// The same as it was spelled: labels and values.
    values: Vec<(&'static str, String)>,
}

impl Part {
    fn of(line: OrderLine, answers: AnswersOf) -> Self {
        let words = sentence(&line, answers);
        let order = Order::from(line);
        let given = |value: Option<&str>| value.filter(|value| !value.is_empty()).map(str::to_owned);
        // The sentence begins with the action.
        let values = MEMBERS.iter().zip(order.values()).skip(1);
        let values = values.filter_map(|(member, value)| Some((member.label, given(value)?))).collect();
        Self { words, values }
    }
}

/// The request as the page shows it.
struct Facts {
    key: KeyId,
    name: String,
    at: When,
    what: String,
    /// What it did on a socket; `None` for a request over HTTP.
    on_a_socket: Option<&'static str>,
    from: String,
    of_app: bool,
    code: String,
    refused: Option<Refused>,
    /// What the exchange answered to its orders.
    outcome: Option<Outcome>,
    parts: Vec<Part>,
    upstream_status: Option<i64>,
    bytes_in: String,
    bytes_out: String,
    took: String,
    id: String,
    earlier: Option<i64>,
    later: Option<i64>,
}

impl Facts {
    fn of(key: KeyId, view: RequestView) -> Self {
        let request = view.request;
        let outcome = outcome(&request);
        let refused = refusal(&request.code, key, refuser(&request)).map(|refusal| Refused {
            title: refusal.line.title,
            meaning: format!("{}.", capital(refusal.line.meaning)),
            hint: format!("{}.", capital(refusal.line.hint)),
            remedy: refusal.remedy,
        });
        Self {
            key,
            name: view.name,
            at: When::of(request.at),
            on_a_socket: on_a_socket(&request.what),
            what: request.what,
            from: request.from,
            of_app: request.of_app,
            refused,
            outcome,
            parts: parts(request.orders, AnswersOf::recorded(&request.code)),
            code: request.code,
            upstream_status: view.upstream_status,
            bytes_in: grouped(view.bytes_in),
            bytes_out: grouped(view.bytes_out),
            took: format!("{}.{:03}", grouped(view.micros / 1_000), view.micros % 1_000),
            id: view.id.to_string(),
            earlier: view.earlier,
            later: view.later,
        }
    }
}

fn parts(orders: Option<Orders>, answers: AnswersOf) -> Vec<Part> {
    orders.into_iter().flat_map(|orders| orders.lines).map(|line| Part::of(line, answers)).collect()
}

#[derive(Template)]
#[template(path = "activity_request.html")]
struct Page {
    frame: Frame,
    facts: Facts,
}

#[derive(Template)]
#[template(path = "activity_drawer.html")]
struct Drawer {
    facts: Facts,
}

/// The page, or its content alone for the drawer beside a list.
pub async fn show(
    person: SignedIn,
    Path((id, number)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let (Ok(key), Ok(number)) = (id.parse::<KeyId>(), number.parse::<i64>()) else {
        return problem(ActionError::NoRequest);
    };
    let facts = match show_request(&person.context(), key, number).await {
        Ok(view) => Facts::of(key, view),
        Err(other) => return problem(other),
    };
    if headers.contains_key("hx-request") {
        return page(&Drawer { facts });
    }
    page(&Page { frame: Frame::of(&person, "keys", &format!("Request of {}", facts.name)), facts })
}
