//! What shares the rate of a route.

use crate::rate::Rate;

/// What shares a route's rate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// All requests of an account.
    Account,
    /// Those with the same value of this member of the body or the query.
    Each(&'static str),
    /// Orders of the same instrument, each of which counts.
    Orders {
        /// The route for one order, with its rate. A batch of one counts there.
        single: Option<(u16, Rate)>,
    },
}
