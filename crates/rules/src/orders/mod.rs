//! What a request asks of orders and of funds, element by element, and what the exchange answered to each: for the record of
//! the request.
//!
//! Owns: which routes have such elements, strict and bounded readers of their bodies and answers, and the text that a record
//! keeps. Leaves to `json`: structure and limits. Leaves to others: whether the request is permitted (nothing here judges),
//! when this is read (off the path of the request), and its words for people.
//!
//! Invariants: a body that could mean two things is not read; an answer is never taken for another order's; no text is cut
//! but the exchange's sentences, so that an id, a price or an address is whole or absent.
//!
//! Two kinds of routes have no elements on purpose. A countdown (`cancel-all-after`) cancels nothing when it is accepted, and
//! programs send one every second. Bots, copy trading, conversions and block trades ask for more than one order can say.

mod answer;
mod kept;
mod line;
mod read;
mod request;
mod table;
mod text;

pub use line::{Answered, OrderAction, OrderLine, Orders, Side};
pub use read::read;
pub(crate) use request::elements;
pub use table::has_lines;
pub(crate) use table::is_counted_order;
