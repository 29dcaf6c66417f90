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

pub(crate) use account::balance_shape;
pub(crate) use dispatch::{Question, answer};
pub(crate) use orders::order_shape;
pub(crate) use reply::{Data, refused, times, verdict, written};
pub(crate) use withdrawals::withdrawal_shape;

use route::{AccountRequest, Asked, Route, get, open, post};
