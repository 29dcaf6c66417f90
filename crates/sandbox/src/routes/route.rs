//! What a route is, and what its handler is given.

use serde_json::Value;

use super::reply::Answer;
use crate::caller::Caller;
use crate::ledger::{Account, Ids, Ledger};
use crate::refusal::Refusal;

/// A question about the market, from anybody.
pub(super) struct Asked<'a> {
    /// The query, or the body.
    pub(super) parameters: &'a Value,
    pub(super) now_ms: u64,
}

/// A question or an order by an account.
pub(super) struct AccountRequest<'a> {
    pub(super) ledger: &'a mut Ledger,
    pub(super) caller: &'a Caller,
    /// The query, or the body.
    pub(super) parameters: &'a Value,
    /// The client's own limit for the request (OKX's `expTime`), as it came.
    pub(super) expiry: Option<&'a str>,
    pub(super) now_ms: u64,
}

impl AccountRequest<'_> {
    /// The caller's account, to read.
    pub(super) fn account(&self) -> &Account {
        self.ledger.read(&self.caller.owner)
    }

    /// The caller's account, to change.
    pub(super) fn open(&mut self) -> Result<(&mut Account, &mut Ids), Refusal> {
        self.ledger.open(&self.caller.owner)
    }
}

/// Who may be answered, and by what.
#[derive(Clone, Copy)]
pub(super) enum Handler {
    Public(fn(&Asked<'_>) -> Answer),
    Private(fn(&mut AccountRequest<'_>) -> Answer),
}

/// One route.
pub(super) struct Route {
    pub(super) method: &'static str,
    /// What follows `/api/v5/`.
    pub(super) path: &'static str,
    pub(super) handler: Handler,
}

pub(super) const fn open(path: &'static str, handler: fn(&Asked<'_>) -> Answer) -> Route {
    Route { method: "GET", path, handler: Handler::Public(handler) }
}

pub(super) const fn get(path: &'static str, handler: fn(&mut AccountRequest<'_>) -> Answer) -> Route {
    Route { method: "GET", path, handler: Handler::Private(handler) }
}

pub(super) const fn post(path: &'static str, handler: fn(&mut AccountRequest<'_>) -> Answer) -> Route {
    Route { method: "POST", path, handler: Handler::Private(handler) }
}
