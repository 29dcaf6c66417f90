//! Spot pairs.

use crate::amount::Amount;
use crate::markets::Currency;

/// A spot pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pair {
    pub(crate) id: &'static str,
    pub(crate) base: Currency,
    pub(crate) quote: Currency,
    /// The middle of the book, in the quote currency.
    pub(crate) middle: Amount,
    /// Prices are multiples of it.
    pub(crate) tick: Amount,
    /// Sizes are multiples of it.
    pub(crate) lot: Amount,
    /// The smallest order, in the base currency.
    pub(crate) least: Amount,
    /// What the best level of the book offers, in the quote currency.
    pub(crate) offered: Amount,
}

const IN_DOLLARS: Amount = Amount::new(30_000, 0);

const PAIRS: [Pair; 6] = [
    Pair {
        id: "BTC-USDT",
        base: Currency::Btc,
        quote: Currency::Usdt,
        middle: Amount::new(60_000, 0),
        tick: Amount::new(1, 1),
        lot: Amount::new(1, 8),
        least: Amount::new(1, 5),
        offered: IN_DOLLARS,
    },
    Pair {
        id: "ETH-USDT",
        base: Currency::Eth,
        quote: Currency::Usdt,
        middle: Amount::new(3_000, 0),
        tick: Amount::new(1, 2),
        lot: Amount::new(1, 6),
        least: Amount::new(1, 4),
        offered: IN_DOLLARS,
    },
    Pair {
        id: "SOL-USDT",
        base: Currency::Sol,
        quote: Currency::Usdt,
        middle: Amount::new(150, 0),
        tick: Amount::new(1, 2),
        lot: Amount::new(1, 6),
        least: Amount::new(1, 3),
        offered: IN_DOLLARS,
    },
    Pair {
        id: "USDC-USDT",
        base: Currency::Usdc,
        quote: Currency::Usdt,
        middle: Amount::new(1, 0),
        tick: Amount::new(1, 4),
        lot: Amount::new(1, 6),
        least: Amount::new(1, 0),
        offered: IN_DOLLARS,
    },
    Pair {
        id: "BTC-USDC",
        base: Currency::Btc,
        quote: Currency::Usdc,
        middle: Amount::new(60_000, 0),
        tick: Amount::new(1, 1),
        lot: Amount::new(1, 8),
        least: Amount::new(1, 5),
        offered: IN_DOLLARS,
    },
    Pair {
        id: "ETH-BTC",
        base: Currency::Eth,
        quote: Currency::Btc,
        middle: Amount::new(5, 2),
        tick: Amount::new(1, 5),
        lot: Amount::new(1, 6),
        least: Amount::new(1, 4),
        offered: Amount::new(5, 1),
    },
];

impl Pair {
    /// The most that one limit order may be worth, in the quote currency.
    pub(crate) const MOST: Amount = Amount::new(20_000_000, 0);

    pub(crate) fn find(id: &str) -> Option<Self> {
        PAIRS.into_iter().find(|pair| pair.id == id)
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        PAIRS.into_iter()
    }
}
