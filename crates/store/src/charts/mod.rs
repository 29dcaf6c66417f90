//! What charts are drawn from: counts by verdict, route, source and latency, in spans of four lengths.
//!
//! Appending to the journal stays cheap: counts are gathered in memory for a while ([`gathered`], [`pending`]) and then
//! written together ([`mod@write`]). A mark in the store says up to which record they are written, so that nothing is
//! counted twice, and what a crash takes from memory is counted again from the journal.

pub(crate) mod gathered;
pub(crate) mod pending;
mod read;
pub(crate) mod span;
pub(crate) mod statements;
pub(crate) mod tallies;
mod write;

pub use read::{Counted, Rollup, Subject};
pub use span::{LATENCIES_MS, Span};
pub(crate) use statements::STATEMENTS;
pub use write::Rolled;
