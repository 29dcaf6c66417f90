//! Fences: what a key may do beyond its permissions, read from the bodies of its requests (`fences.md`). People call them limits.
//!
//! Owns: the vocabulary and its text, which of two sets is stricter, the strict readers of bodies, what an order may cost, and
//! the judgement. Leaves to others: where instruments and prices come from ([`Market`]), and the sums of the day, which need a
//! memory ([`Demand`] says what is taken from them).
//!
//! Invariants: a body that two readers could take differently is refused; a route that nobody can judge is refused where
//! anything of its kind is limited; what is not known (a price, an instrument) refuses; cancelling is never refused.

mod body;
mod decimal;
mod funds;
mod judge;
mod market;
mod order;
mod pattern;
mod refused;
mod repeated;
mod set;
mod summary;
mod sums;
mod table;
mod text;
mod value;
mod whose;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use body::Element;
pub use decimal::Decimal;
pub(crate) use judge::strict_elements;
pub use judge::{Asked, judge};
pub use market::{Contract, Instrument, Kind, Market, NoMarket, is_dollar};
pub use pattern::Pattern;
pub use refused::{Fence, Reason, Refused};
pub use repeated::Repeated;
pub use set::{DayLimit, Destination, Fences, Layer, TradeFences, TransferFence, WithdrawalFence};
pub use sums::{Demand, Repeat, Sum, SumOf, Throttle};
pub use text::{NotFences, read, read_stored};
pub use whose::{SumOwner, Whose};
pub use words::{InstrumentType, OrderType, TradeMode};
