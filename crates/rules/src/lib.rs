//! What is allowed, and why: the pure core of Keyward.
//!
//! Owns: the domain types, the life cycle of keys, address sets, the OKX V5 signature, the route table, the
//! rate arithmetic, and [`decision`], where a request earns its permit step by step.
//! Leaves to others: everything with a side effect. Nothing here reads a clock, draws randomness, touches
//! a socket, a file or a database: time and random bytes are arguments.
//!
//! Invariants: parsing then displaying is the identity on accepted input; absence never means "all";
//! evidence of a passed check can only be made by the check.

pub mod account;
pub mod address;
pub mod alert;
pub mod app;
pub mod approval;
pub mod channel;
pub mod counts;
pub mod decision;
pub mod denial;
pub mod event;
pub mod exchange_notice;
pub mod fence;
pub mod grant;
pub mod id;
pub mod identity;
mod json;
pub mod key;
pub mod leak;
pub mod letter;
pub mod limits;
pub mod log;
pub mod okx;
pub mod orders;
pub mod paste;
pub mod permission;
pub mod person;
pub mod policy;
pub mod proposal;
pub mod rate;
pub mod review;
pub mod route;
pub mod secret;
pub mod signal;
pub mod socket;
pub mod staff;
pub mod sub_account;
pub mod time;
pub mod trail;
pub mod web_origin;
