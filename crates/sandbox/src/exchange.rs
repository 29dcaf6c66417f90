//! The exchange: a request's parts in, a status and a text out. The verified identity comes first.

use std::sync::Arc;

use http::StatusCode;
use keyward_rules::identity::IdentityKey;
use parking_lot::Mutex;

use crate::caller::{Parts, verified};
use crate::ledger::Ledger;
use crate::parameters;
use crate::refusal::Refusal;
use crate::routes::{Question, answer, refused, written};
use crate::seen::{Seen, SeenLog};

/// The exchange.
pub struct Exchange {
    key: IdentityKey,
    ledger: Mutex<Ledger>,
    seen: Mutex<SeenLog>,
    now_ms: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl Exchange {
    /// An exchange that believes identities made with `key`; its ids follow from `seed`, and `now_ms` is asked
    /// for the Unix time in milliseconds once per request.
    #[must_use]
    pub fn new(key: IdentityKey, seed: u64, now_ms: Box<dyn Fn() -> u64 + Send + Sync>) -> Arc<Self> {
        Arc::new(Self { key, ledger: Mutex::new(Ledger::new(seed)), seen: Mutex::default(), now_ms })
    }

    /// How many requests were acted upon, and the newest of them, oldest first. Refused identities do not count.
    #[must_use]
    pub fn seen(&self) -> (u64, Vec<Seen>) {
        self.seen.lock().copy()
    }

    /// How many requests were acted upon.
    #[must_use]
    pub fn seen_count(&self) -> u64 {
        self.seen.lock().count()
    }

    /// Answers one request.
    pub(crate) fn act(&self, parts: Parts<'_>) -> (StatusCode, String) {
        let now_ms = (self.now_ms)();
        let request = match verified(&self.key, parts, now_ms) {
            Ok(request) => request,
            Err(refusal) => return refuse(refusal),
        };
        self.seen.lock().push(Seen {
            request_id: request.request_id().to_owned(),
            method: parts.method.to_owned(),
            target: parts.target.to_owned(),
            body_hash: *blake3::hash(parts.body).as_bytes(),
        });
        let question = Question {
            method: parts.method,
            path: parts.target.split('?').next().unwrap_or_default(),
            caller: request.caller(),
            parameters: parameters::read(parts.method, parts.target, parts.body),
            now_ms,
        };
        written(answer(&self.ledger, question), now_ms)
    }
}

/// A refusal of a whole request.
pub(crate) fn refuse(refusal: Refusal) -> (StatusCode, String) {
    (refusal.status(), refused(refusal))
}

#[cfg(test)]
mod tests;
