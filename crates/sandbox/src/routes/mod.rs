//! The routes that the exchange answers, a file per family; each family lists its own.
//!
//! Owns: OKX's shapes and parameters. Leaves to others: what happens (`ledger`), who asks (`caller`).

mod account;
mod asset;
mod bills;
mod dispatch;
mod market;
mod orders;
mod page;
mod public;
mod reply;
mod route;
mod sizes;
mod subaccounts;
mod trade;
mod transfers;
mod withdrawals;

pub(crate) use dispatch::{Question, answer};
pub(crate) use reply::{refused, written};

use route::{AccountRequest, Asked, Route, get, open, post};
