//! A small OKX-shaped exchange to trade against: what newcomers and tests use as the backend.
//!
//! Owns: [`ledger`](mod@ledger), what accounts hold, in memory, live and demo apart, deterministic from a seed;
//! [`markets`](mod@markets), synthetic and the same at every start; [`routes`](mod@routes), OKX's shapes;
//! [`sockets`](mod@sockets), channels and operations over WebSocket; what the gateway tells of sub-accounts, at [`NOTICES_PATH`].
//! Leaves to others: who may ask. It answers only requests that bear the gateway's verified identity.
//!
//! Invariants: no balance is ever negative; money moves and is never made, but for the seeded deposits; what one
//! master account asks for never reaches another's holdings; everything that grows has a bound.

// Some of OKX's objects have more members than the macro that writes them may nest by default.
#![recursion_limit = "256"]

mod amount;
mod caller;
mod claims;
mod exchange;
mod hub;
mod ledger;
mod markets;
mod parameters;
mod refusal;
mod routes;
mod seen;
mod server;
#[cfg(test)]
mod signed;
mod sockets;

pub use exchange::{Exchange, NOTICES_PATH};
pub use seen::Seen;
