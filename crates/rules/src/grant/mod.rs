//! Who may do which management action, on what proof, and the evidence that somebody asked.
//!
//! A [`Grant`] can only come from [`Actor::may`], and a write transaction takes one by value, so a change
//! without a permission check does not compile. What a person must prove beside being signed in is in one table,
//! [`ActionKind::ceremony`]; the proofs are values that only their checks make.

mod acting;
mod action;
mod actor;
mod challenge;
#[cfg(test)]
mod matrix;
mod proof;

pub use acting::{Acting, ActingAs};
pub use action::{ActionKind, Ceremony};
pub use actor::{Actor, Grant, Holder, ManagingKey, NotAllowed, Origin, Scope, Staff};
pub use challenge::{Answer, Approved, Challenge, NotApproved};
pub use proof::{BrakeLink, Factor, FactorAnswer, FactorKind, FirstSession, NotProven, Proof, TwoFactor};
