//! What the journal keeps of a socket.

use bytes::Bytes;
use keyward_rules::id::{AccountId, KeyId};
use keyward_store::Record;

use super::{Came, Session};
use crate::recorder::Unread;
use crate::socket::side::READ_OF_CLIENT;

/// The method of everything that came over a socket. REST has no such method.
const METHOD: &str = "WS";

impl Session<'_> {
    pub(super) fn whose(&self) -> Option<(KeyId, AccountId)> {
        self.login.as_ref().map(|login| (login.key(), login.account()))
    }

    pub(super) fn record(
        &self,
        came: Came<'_>,
        route: &'static str,
        whose: Option<(KeyId, AccountId)>,
        code: &'static str,
    ) {
        self.record_saying(came, route, (whose, code), None);
    }

    /// The same, with what was said of its orders.
    pub(super) fn record_saying(
        &self,
        came: Came<'_>,
        route: &'static str,
        (whose, code): (Option<(KeyId, AccountId)>, &'static str),
        said: Option<Bytes>,
    ) {
        // What nobody has logged in for is public, and nothing is recorded of that, as by REST.
        if whose.is_some() {
            let unread = Unread::of(route, came.body, READ_OF_CLIENT);
            let unread = match said {
                Some(said) => unread.map(|unread| unread.answered(said, 0)),
                None => unread,
            };
            self.hand_in(self.draft(came, route, whose.unzip(), code), unread, 0);
        }
    }

    /// A record, but for what is known at the end.
    pub(super) fn draft(
        &self,
        came: Came<'_>,
        route: &'static str,
        (key, account): (Option<KeyId>, Option<AccountId>),
        code: &'static str,
    ) -> Record {
        Record {
            at: came.at(),
            request: came.id,
            key,
            account,
            source: self.asked.source,
            method: METHOD,
            route,
            code,
            upstream_status: None,
            bytes_in: came.body.len() as u64,
            bytes_out: 0,
            micros: 0,
            orders: None,
        }
    }

    pub(super) fn hand_in(&self, record: Record, unread: Option<Unread>, bytes_out: usize) {
        let began_us = record.at.unix_ms().saturating_mul(1_000);
        let micros = self.context().clock().now_us().saturating_sub(began_us);
        let record = Record { bytes_out: bytes_out as u64, micros, ..record };
        self.context().reports.recorder.record(record, unread);
    }
}
