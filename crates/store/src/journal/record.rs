//! What the journal keeps: records of requests, intents and their outcomes, replay marks.

use std::net::IpAddr;
use std::sync::Arc;

use keyward_rules::fence::{Decimal, SumOf, SumOwner};
use keyward_rules::id::{AccountId, KeyId, RequestId};
use keyward_rules::time::Moment;

use crate::sql::Value;

/// One private request, as it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// When it was complete.
    pub at: Moment,
    /// Its id.
    pub request: RequestId,
    /// The key that it claimed, if it named one.
    pub key: Option<KeyId>,
    /// The account, once verified.
    pub account: Option<AccountId>,
    /// Where from.
    pub source: IpAddr,
    /// Its method.
    pub method: &'static str,
    /// Its route's path, or `-`.
    pub route: &'static str,
    /// `0`, or the code of the refusal.
    pub code: &'static str,
    /// What the exchange answered, if it was asked.
    pub upstream_status: Option<u16>,
    /// Bytes of the body.
    pub bytes_in: u64,
    /// Bytes of the answer's body: its length, or what was handed to the connection of an answer that broke off.
    pub bytes_out: u64,
    /// Microseconds from the complete request to the answer's head.
    pub micros: u64,
    /// What it asked in orders, transfers and withdrawals, and what the exchange answered to each: the text of
    /// [`keyward_rules::orders::Orders`]. `None` where it asked for none of these.
    pub orders: Option<Arc<str>>,
}

/// What must be on disk before money moves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Intent {
    /// When.
    pub at: Moment,
    /// The request.
    pub request: RequestId,
    /// The key.
    pub key: KeyId,
    /// The account.
    pub account: AccountId,
    /// The route's path.
    pub route: &'static str,
    /// Where from.
    pub source: IpAddr,
    /// BLAKE3 of the body.
    pub body_hash: [u8; 32],
}

/// How a durable request ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutcomeStatus {
    /// The exchange answered with this status.
    Answered(u16),
    /// Not a byte went upstream.
    NotSent,
    /// It may have taken effect.
    Unknown,
}

impl OutcomeStatus {
    /// The words of `intents.outcome`, and the exchange's status beside `answered`.
    pub(crate) fn columns(self) -> (&'static str, Option<u16>) {
        match self {
            Self::Answered(status) => ("answered", Some(status)),
            Self::NotSent => ("not_sent", None),
            Self::Unknown => ("unknown", None),
        }
    }
}

/// The end of an intent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// The request.
    pub request: RequestId,
    /// How.
    pub status: OutcomeStatus,
    /// When.
    pub at: Moment,
}

/// What an element of a request takes from a sum of a day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reserved {
    /// The request.
    pub request: RequestId,
    /// The element, from 0.
    pub element: u8,
    /// Whose day.
    pub owner: SumOwner,
    /// The UTC day, counted from the Unix epoch.
    pub day: u64,
    /// Which sum.
    pub of: SumOf,
    /// How much of it.
    pub amount: Decimal,
}

impl Reserved {
    /// The sum's name in its row, with a word for the account's: a request may take from the key's and the account's.
    pub(crate) fn name(&self) -> String {
        match self.owner {
            SumOwner::Key(_) => self.of.to_string(),
            SumOwner::Account(_) => format!("{OF_ACCOUNT}{}", self.of),
        }
    }
}

/// What stands before the name of an account's sum.
pub(crate) const OF_ACCOUNT: &str = "account ";

/// What was taken from a sum of a day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// Whose day.
    pub owner: SumOwner,
    /// The UTC day, counted from the Unix epoch.
    pub day: u64,
    /// Which sum.
    pub of: SumOf,
    /// How much of it.
    pub amount: Decimal,
}

/// An element of a request that took nothing after all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Released {
    /// The request.
    pub request: RequestId,
    /// The element, from 0.
    pub element: u8,
}

/// A replay mark as a node that stops hands it to its next start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SavedReplayEntry {
    /// The key.
    pub key: KeyId,
    /// From the signature.
    pub fingerprint: u64,
    /// The second of the signed timestamp, since the Unix epoch.
    pub second: u64,
}

pub(crate) fn intent_values(intent: &Intent) -> Vec<Value> {
    vec![
        intent.request.to_string().into(),
        intent.at.unix_ms().into(),
        intent.key.to_string().into(),
        intent.account.as_u64().into(),
        intent.route.into(),
        intent.source.to_string().into(),
        intent.body_hash.as_slice().into(),
    ]
}

pub(crate) fn reserved_values(reserved: &Reserved) -> Vec<Value> {
    vec![
        reserved.request.to_string().into(),
        u64::from(reserved.element).into(),
        reserved.name().into(),
        reserved.owner.to_string().into(),
        reserved.day.into(),
        reserved.amount.to_string().into(),
    ]
}

pub(crate) fn released_values(released: Released) -> Vec<Value> {
    vec![released.request.to_string().into(), u64::from(released.element).into()]
}

pub(crate) fn outcome_values(outcome: &Outcome) -> Vec<Value> {
    let (word, status) = outcome.status.columns();
    vec![
        outcome.request.to_string().into(),
        word.into(),
        status.map(u64::from).into(),
        outcome.at.unix_ms().into(),
    ]
}
