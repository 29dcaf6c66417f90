//! How a request earns its permit: each step takes the evidence of the one before and owns the request.
//!
//! ```text
//! Received ─verify→ Verified ─clear→ Cleared ─charge→ Charge ─settle→ Spent
//!          ─fence→ Approval ─settle→ Reservation ─settle→ Fenced ─claim→ Claim ─settle→ Fresh
//!          ─intent→ Intent ─settle→ Recorded ─permit→ Permit
//! ```
//!
//! The order is product.md 6.1 and cannot be changed by a caller: no evidence can be made elsewhere, cloned or
//! skipped. `Charge`, `Approval`, `Reservation`, `Claim` and `Intent` are tickets: they say what is owed, the shell pays it with a
//! side effect and settles the ticket with the answer. An answer that does not fit the ticket refuses.
//!
//! A socket logs in once, and then asks without signing:
//!
//! ```text
//! Received ─verify→ Verified ─open→ LoggedIn ─request→ Cleared, and on as above
//!                                            ─subscribe→ Subscribed
//! ```

mod permit;
mod request;
mod screen;
mod socket;
mod tickets;

#[cfg(test)]
mod tests;

pub use permit::Permit;
pub use request::{Cleared, Consented, Door, Parts, Received, Routed, Standing, Verified, Whole};
pub use screen::screen;
pub use socket::{LoggedIn, Subscribed};
pub use tickets::{
    Approval, Charge, ChargeAnswer, Claim, Fenced, Fresh, Intent, IntentAnswer, Recorded, ReplayAnswer,
    ReplayEntry, Reservation, Spent, SumAnswer,
};
