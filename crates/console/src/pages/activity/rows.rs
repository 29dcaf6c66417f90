//! A request as lists show it.

use keyward_authority::questions::KeyRequest;
use keyward_rules::id::KeyId;

use crate::orders::{AnswersOf, Outcome, summary};
use crate::words::{self, Refuser, When};

/// A request in the list.
pub struct Row {
    /// Whose it is.
    pub key: KeyId,
    /// Its number in the journal.
    pub number: i64,
    /// The key's name; empty in lists of one key.
    pub name: String,
    /// When it came.
    pub at: When,
    /// From where.
    pub from: String,
    /// Method and route.
    pub what: String,
    /// What it asked for and what the exchange answered, in words; `None` where it has no orders.
    pub orders: Option<String>,
    /// The verdict, as HTML.
    pub verdict: String,
    /// Milliseconds to the answer's head.
    pub millis: u64,
}

/// A request of this key as the key's own list shows it.
pub fn row(key: KeyId, request: KeyRequest) -> Row {
    named(key, String::new(), request)
}

/// A request as a list of several keys shows it.
pub fn named(key: KeyId, name: String, request: KeyRequest) -> Row {
    Row {
        key,
        number: request.id,
        name,
        at: When::of(request.at),
        orders: request
            .orders
            .as_ref()
            .and_then(|orders| summary(orders, AnswersOf::recorded(&request.code))),
        verdict: verdict(&request, key),
        from: request.from,
        what: request.what,
        millis: request.millis,
    }
}

/// The exchange's answer where it is known, because what we let pass it may still refuse; our own verdict otherwise.
fn verdict(request: &KeyRequest, key: KeyId) -> String {
    match outcome(request) {
        Some(outcome) => outcome.html(),
        None => words::verdict(&request.code, key, refuser(request)),
    }
}

/// Who refused a request, if it was refused: only limits say something of each order.
pub fn refuser(request: &KeyRequest) -> Refuser {
    let lines = request.orders.iter().flat_map(|orders| &orders.lines);
    if request.code != "0" && lines.map(|line| &line.result).any(Option::is_some) {
        Refuser::Limits
    } else if request.of_app {
        Refuser::GatewayOfApp
    } else {
        Refuser::Gateway
    }
}

/// What the exchange answered to the orders of a request that we let pass, where that is known.
pub fn outcome(request: &KeyRequest) -> Option<Outcome> {
    request.orders.as_ref().filter(|_| request.code == "0").and_then(Outcome::of)
}
