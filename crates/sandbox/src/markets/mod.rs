//! What is traded: currencies, instruments and synthetic prices, the same at every start.
//!
//! The book that orders fill at never moves and never thins out: what an order fills at depends on the order alone.

mod book;
mod candles;
mod currency;
mod funding;
mod instruments;
mod pair;

pub(crate) use book::{
    Level, Side, book, index_ticker, levels, mark_price, row, sequence, shown, ticker, trades,
};
pub(crate) use candles::{candles, is_bar};
pub(crate) use currency::{Chain, Currency};
pub(crate) use funding::funding_rate;
pub(crate) use instruments::{
    KINDS, Wanted, by_code, derivatives, instruments, is_derivative, is_listed, marked,
};
pub(crate) use pair::Pair;
