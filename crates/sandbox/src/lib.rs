//! A small OKX-shaped exchange to trade against: what newcomers and tests use as the backend.
//!
//! Owns: a ledger in memory, live and demo apart, deterministic from its seed; synthetic markets; OKX's shapes.
//! Leaves to others: who may ask. It answers only requests that bear the gateway's verified identity.

#![recursion_limit = "256"]

mod answer;
mod ledger;
mod markets;
mod orders;
mod private;
mod public;
mod server;

pub use server::{Exchange, Seen};
