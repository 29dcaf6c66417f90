//! The exchange over WebSocket: channels and operations in OKX's shapes (OKX contract, section 3).
//!
//! Owns: the upgrade, what is said on a socket, what its channels tell and when.
//! Leaves to others: what an operation does (`routes`, `ledger`), who hears of which change (`hub`), who may ask
//! (`caller`).
//!
//! Invariants: nothing is done for a frame that does not bear the gateway's identity; a socket hears of the account of its
//! login only; what waits for a socket is bounded, and a socket that does not read is closed.

mod account_feed;
mod asked;
mod book_feed;
mod channel;
mod conversation;
mod frame;
mod market_channel;
mod market_feed;
mod order_push;
mod own_channel;
mod pulse;
mod replies;
mod room;
mod session;
mod subscriptions;
mod twins;
mod upgrade;

pub(crate) use pulse::{Pulse, beat, until_end};
pub(crate) use room::Room;
pub(crate) use upgrade::upgrade;

#[cfg(test)]
mod tests;
