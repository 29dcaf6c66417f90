//! What judging an order needs to know of the exchange: which instruments there are, and what they are worth now.

use super::decimal::Decimal;

/// An instrument as the exchange lists it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instrument {
    /// Its id (`instId`).
    pub id: Box<str>,
    /// What it is.
    pub kind: Kind,
    /// The currency of its prices; its value in US dollars is asked of [`Market::dollars`].
    pub quote: Box<str>,
}

/// What an instrument is, and what one unit of `sz` stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// One currency against another. `sz` is in the first one, or in the second.
    Pair,
    /// A perpetual contract.
    Swap(Contract),
    /// A contract that expires.
    Futures(Contract),
    /// An option on `underlying`, so many units of it a contract.
    Option {
        /// The underlying, as [`Market::price`] knows it.
        underlying: Box<str>,
        /// Units a contract: `ctVal` × `ctMult`.
        units: Decimal,
    },
}

/// What one contract is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Contract {
    /// So many units of what the price is of: `ctVal` × `ctMult`.
    Linear(Decimal),
    /// So many US dollars, whatever the price is.
    Inverse(Decimal),
}

/// The exchange's instruments and prices, of one environment, as far as they are fresh. What is not known, or is too old, is
/// not given.
pub trait Market {
    /// Whether any instrument is known: otherwise the exchange was not heard yet.
    fn is_known(&self) -> bool;

    /// The instrument with this id.
    fn instrument(&self, id: &str) -> Option<&Instrument>;

    /// The instrument with this code (`instIdCode`).
    fn by_code(&self, code: &str) -> Option<&Instrument>;

    /// The price of an instrument or an underlying, in its quote currency: the mark, or the middle of bid and offer.
    fn price(&self, id: &str) -> Option<Decimal>;

    /// What one unit of a currency is worth in US dollars.
    fn dollars(&self, currency: &str) -> Option<Decimal>;
}

/// A market of which nothing is known: what an exchange without such routes has.
#[derive(Clone, Copy, Debug)]
pub struct NoMarket;

impl Market for NoMarket {
    fn is_known(&self) -> bool {
        false
    }

    fn instrument(&self, _: &str) -> Option<&Instrument> {
        None
    }

    fn by_code(&self, _: &str) -> Option<&Instrument> {
        None
    }

    fn price(&self, _: &str) -> Option<Decimal> {
        None
    }

    fn dollars(&self, currency: &str) -> Option<Decimal> {
        is_dollar(currency).then_some(Decimal::ONE)
    }
}

/// Whether a currency counts as the US dollar.
#[must_use]
pub fn is_dollar(currency: &str) -> bool {
    matches!(currency, "USD" | "USDT" | "USDC")
}
