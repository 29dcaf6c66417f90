//! One suite for every database that the store runs on, and what happens to rows that somebody edits by hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test stops at the first thing that is not as expected"
)]

mod activity;
mod audit;
mod bookkeeping;
mod channels;
mod charts;
mod conformance;
mod connections;
mod copies;
mod exchange_notices;
mod names;
mod operators;
mod orders;
mod parts;
mod passkeys;
mod people;
mod reviews;
mod spool;
mod tampering;
mod trust;
mod world;
