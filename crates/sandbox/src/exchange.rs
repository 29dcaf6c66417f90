//! The exchange: a request's parts in, a status and a text out. The verified identity comes first.

use std::sync::Arc;

use http::StatusCode;
use keyward_rules::exchange_notice::{ExchangeNotice, NOTICE_METHOD, NOTICE_ROUTE};
use keyward_rules::identity::IdentityKey;
use parking_lot::Mutex;

use crate::caller::{Parts, Verified, verified};
use crate::hub::{Hub, Listener};
use crate::ledger::{Account, Ledger, Owner};
use crate::parameters;
use crate::refusal::Refusal;
use crate::routes::{Data, Question, answer, refused, written};
use crate::seen::{Seen, SeenLog};
use crate::sockets::Room;

/// The header by which a client limits the life of an order, lower case (OKX's `expTime`).
const EXPIRY: &str = "exptime";

/// The path at which the gateway tells of sub-accounts.
pub const NOTICES_PATH: &str = "/keyward/sub-accounts";

/// The exchange.
pub struct Exchange {
    key: IdentityKey,
    ledger: Mutex<Ledger>,
    hub: Arc<Hub>,
    room: Room,
    seen: Mutex<SeenLog>,
    now_ms: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl Exchange {
    /// An exchange that believes identities made with `key`; its ids follow from `seed`, and `now_ms` is asked
    /// for the Unix time in milliseconds once per request.
    #[must_use]
    pub fn new(key: IdentityKey, seed: u64, now_ms: Box<dyn Fn() -> u64 + Send + Sync>) -> Arc<Self> {
        let (ledger, hub) = (Mutex::new(Ledger::new(seed)), Arc::default());
        Arc::new(Self { key, ledger, hub, room: Room::default(), seen: Mutex::default(), now_ms })
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

    /// How many sockets are open.
    #[must_use]
    pub fn open_sockets(&self) -> usize {
        self.room.taken()
    }

    /// Answers one request.
    pub(crate) fn act(&self, parts: Parts<'_>) -> (StatusCode, String) {
        let now_ms = self.now_ms();
        let request = match self.verify(parts, now_ms) {
            Ok(request) => request,
            Err(refusal) => return refuse(refusal),
        };
        let path = parts.target.split('?').next().unwrap_or_default();
        if path == NOTICES_PATH {
            return written(self.take_notice(parts, &request), now_ms);
        }
        self.note(parts, &request);
        let question = Question {
            method: parts.method,
            path,
            caller: request.caller(),
            parameters: parameters::read(parts.method, parts.target, parts.body),
            expiry: parts.claims.beside(EXPIRY),
            now_ms,
        };
        written(self.answer(question), now_ms)
    }

    /// Takes what the gateway tells of a sub-account. The identity of a client's request is none of a notice, and the body must be
    /// about the accounts that the identity names.
    fn take_notice(&self, parts: Parts<'_>, request: &Verified) -> Result<Data, Refusal> {
        if parts.method != NOTICE_METHOD {
            return Err(Refusal::WrongMethod);
        }
        let owner = match request.caller() {
            Some(caller) if request.route() == NOTICE_ROUTE => &caller.owner,
            Some(_) | None => return Err(Refusal::NotFromGateway),
        };
        let notice = ExchangeNotice::read(parts.body).ok_or(Refusal::BadJson)?;
        let (account, sub_account) = (notice.account.to_string(), notice.sub_account.to_string());
        if owner.account != account || owner.sub_account != Some(sub_account) {
            return Err(Refusal::NotFromGateway);
        }
        self.ledger.lock().take_notice(&notice)?;
        Ok(Data::Rows(Vec::new()))
    }

    /// The Unix time in milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        (self.now_ms)()
    }

    /// Whether a request or a frame comes from the gateway, in time. Nothing is done for it yet.
    pub(crate) fn verify(&self, parts: Parts<'_>, now_ms: u64) -> Result<Verified, Refusal> {
        verified(&self.key, parts, now_ms)
    }

    /// Remembers a request or a frame that is answered.
    pub(crate) fn note(&self, parts: Parts<'_>, request: &Verified) {
        self.seen.lock().push(Seen {
            request_id: request.request_id().to_owned(),
            method: parts.method.to_owned(),
            target: parts.target.to_owned(),
            body_hash: *blake3::hash(parts.body).as_bytes(),
        });
    }

    /// Answers what a verified request asks for.
    pub(crate) fn answer(&self, question: Question<'_>) -> Result<Data, Refusal> {
        answer(&self.ledger, &self.hub, question)
    }

    /// Reads an account as it is after the change with the number that comes with it.
    pub(crate) fn read<T>(&self, owner: &Owner, reader: impl FnOnce(&Account, u64) -> T) -> T {
        let mut ledger = self.ledger.lock();
        ledger.see(owner);
        reader(ledger.read(owner), ledger.newest())
    }

    /// Begins to listen to an account's changes.
    pub(crate) fn listen(&self, owner: &Owner) -> Listener {
        self.hub.join(owner)
    }

    /// The room for sockets.
    pub(crate) const fn room(&self) -> &Room {
        &self.room
    }
}

/// A refusal of a whole request.
pub(crate) fn refuse(refusal: Refusal) -> (StatusCode, String) {
    (refusal.status(), refused(refusal))
}

#[cfg(test)]
mod tests;
