//! What is traded: currencies, instruments and synthetic prices, the same at every start.
//!
//! The book never moves and never thins out: what an order fills at depends on the order alone.

mod book;
mod candles;
mod currency;
mod instruments;
mod pair;

pub(crate) use book::{Level, Side, book, levels, mark_price, ticker, trades};
pub(crate) use candles::candles;
pub(crate) use currency::{Chain, Currency};
pub(crate) use instruments::{KINDS, Wanted, derivatives, instruments, is_derivative};
pub(crate) use pair::Pair;
