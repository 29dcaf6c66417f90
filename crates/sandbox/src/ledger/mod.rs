//! What accounts hold and what becomes of it: pure, in memory, deterministic; time is an argument.
//!
//! Owns: balances, orders, fills, bills, transfers, withdrawals, the ids of all of these, and the news of changes.
//! Leaves to others: prices (`markets`), shapes and parameters (`routes`), who may ask (`caller`).
//!
//! Invariants: no balance is negative; what an order holds back is frozen to the last digit until it fills or
//! ends; a refused operation changes nothing.

mod account;
mod books;
mod cancelling;
mod history;
mod holdings;
mod matching;
mod news;
mod order;
mod owner;
mod placing;
mod register;
mod transfer;
mod transferring;
mod withdrawal;
mod withdrawing;

pub(crate) use account::{Account, Bill, Cause, Fill, Trade};
pub(crate) use books::Ledger;
pub(crate) use cancelling::Change;
pub(crate) use history::{Entry, Ids};
pub(crate) use holdings::{Balance, Holdings, Wallet};
pub(crate) use matching::{FEE_MAKER, FEE_TAKER};
pub(crate) use news::{News, OrderEvent, Step};
pub(crate) use order::{Kind, Named, Order, SizedIn, State, Terms, TimeInForce};
pub(crate) use owner::Owner;
pub(crate) use register::Register;
pub(crate) use transfer::{Transfer, TransferRequest, Way};
pub(crate) use withdrawal::{Withdrawal, WithdrawalRequest};
