//! Orders: what was asked, and how far it got.

use crate::amount::Amount;
use crate::ledger::history::Entry;
use crate::markets::{Currency, Pair, Side};

/// In which currency a market order's size is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SizedIn {
    Base,
    Quote,
}

/// What becomes of the part of a limit order that does not fill at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TimeInForce {
    Rest,
    /// It must rest whole, or not at all.
    PostOnly,
    FillOrKill,
    ImmediateOrCancel,
}

/// How an order is to be filled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Market(SizedIn),
    Limit(Amount, TimeInForce),
}

impl Kind {
    /// OKX's `ordType`.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Market(_) => "market",
            Self::Limit(_, TimeInForce::Rest) => "limit",
            Self::Limit(_, TimeInForce::PostOnly) => "post_only",
            Self::Limit(_, TimeInForce::FillOrKill) => "fok",
            Self::Limit(_, TimeInForce::ImmediateOrCancel) => "ioc",
        }
    }

    pub(crate) const fn price(self) -> Option<Amount> {
        match self {
            Self::Market(_) => None,
            Self::Limit(price, _) => Some(price),
        }
    }
}

/// What was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Terms {
    pub(crate) pair: Pair,
    pub(crate) side: Side,
    pub(crate) kind: Kind,
    pub(crate) size: Amount,
    /// Empty when there is none.
    pub(crate) client_id: String,
    pub(crate) tag: String,
}

/// How far an order got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Live,
    PartiallyFilled,
    Filled,
    Cancelled,
}

impl State {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::PartiallyFilled => "partially_filled",
            Self::Filled => "filled",
            Self::Cancelled => "canceled",
        }
    }

    pub(crate) const fn is_open(self) -> bool {
        match self {
            Self::Live | Self::PartiallyFilled => true,
            Self::Filled | Self::Cancelled => false,
        }
    }
}

/// An order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) terms: Terms,
    pub(crate) state: State,
    /// In the base currency.
    pub(crate) filled: Amount,
    /// The value of what was filled, in the quote currency.
    pub(crate) value: Amount,
    /// In the currency that is got.
    pub(crate) fee: Amount,
    /// What is frozen for it, in the currency that it gives.
    pub(crate) held: Amount,
    /// Id, price and size of the newest fill.
    pub(crate) last: Option<(u64, Amount, Amount)>,
    pub(crate) created_ms: u64,
    pub(crate) updated_ms: u64,
}

impl Order {
    pub(super) const fn new(id: u64, terms: Terms, now_ms: u64) -> Self {
        Self {
            id,
            terms,
            state: State::Live,
            filled: Amount::ZERO,
            value: Amount::ZERO,
            fee: Amount::ZERO,
            held: Amount::ZERO,
            last: None,
            created_ms: now_ms,
            updated_ms: now_ms,
        }
    }

    /// The currency that the owner pays with.
    pub(crate) const fn gives(&self) -> Currency {
        match self.terms.side {
            Side::Buy => self.terms.pair.quote,
            Side::Sell => self.terms.pair.base,
        }
    }

    /// The currency that the owner gets.
    pub(crate) const fn gets(&self) -> Currency {
        match self.terms.side {
            Side::Buy => self.terms.pair.base,
            Side::Sell => self.terms.pair.quote,
        }
    }

    /// The mean price of what was filled.
    pub(crate) fn average(&self) -> Option<Amount> {
        self.value.over(self.filled)
    }
}

impl Entry for Order {
    fn id(&self) -> u64 {
        self.id
    }

    fn at_ms(&self) -> u64 {
        self.created_ms
    }
}

/// How a request names an order; the exchange's id wins over the client's, as with OKX.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Named {
    Id(u64),
    ClientId(String),
}

impl Named {
    pub(crate) fn is(&self, order: &Order) -> bool {
        match self {
            Self::Id(id) => order.id == *id,
            Self::ClientId(id) => !id.is_empty() && order.terms.client_id == *id,
        }
    }
}
