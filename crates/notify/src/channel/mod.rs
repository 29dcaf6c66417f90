//! From the store to alert channels: the form for each kind of receiver, one careful HTTP client, the worker.
//!
//! Invariants: a connection goes to an address that was checked, and nothing is resolved twice; no redirect is followed;
//! nothing of an answer but its status is kept; logs name ids and outcomes only.

pub(crate) mod client;
mod courier;
mod form;
mod network;
mod wait;

pub use client::{Answer, Client, NotAnAuthority, Post};
pub use courier::{ChannelWorker, Lanes};
pub use form::post;
pub use network::{Later, Network, System};
pub use wait::RetryAfter;
