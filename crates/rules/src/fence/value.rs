//! What an order may cost, in US dollars, at the most (`fences.md` 3).

use super::decimal::Decimal;
use super::market::{Contract, Instrument, Kind, Market};
use super::order::{Act, AskedOrder, Attached, Unit};
use super::refused::{Fence, Reason};
use crate::orders::Side;

/// How far a market order may run from the market, in per cent, where no collar says less.
const MARKET_RUN: Decimal = Decimal::of(5);

/// What judging the value of an order looks at.
pub(super) struct Valued<'m> {
    /// The limit for whose sake the value is asked.
    pub(super) fence: Fence,
    /// The instrument.
    pub(super) instrument: &'m Instrument,
    /// Prices.
    pub(super) market: &'m dyn Market,
    /// The key's own collar.
    pub(super) collar: Option<Decimal>,
}

/// A number that is too large to reckon with is above every limit.
const TOO_LARGE: Reason = Reason::Unreadable("an amount of this size");

impl Valued<'_> {
    /// The instrument's price now.
    pub(super) fn reference(&self) -> Result<Decimal, Reason> {
        self.market.price(&self.instrument.id).ok_or(Reason::NoPrice(self.fence))
    }

    /// What the market may ask of an order without a limit of its own.
    fn market_price(&self) -> Result<Decimal, Reason> {
        let reference = self.reference()?;
        let run = reference.per_cent(self.collar.unwrap_or(MARKET_RUN)).ok_or(TOO_LARGE)?;
        reference.plus(run).ok_or(TOO_LARGE)
    }

    /// The most that an order's unit may cost: never less than the client's own price, and never the client's price where the
    /// exchange passes over it.
    pub(super) fn unit_price(&self, order: &AskedOrder<'_>) -> Result<Decimal, Reason> {
        let by_levels = || order.levels.iter().copied().fold(Decimal::ZERO, Decimal::max);
        match (order.act, order.kind, order.price, order.side) {
            (Act::Algo, _, _, _) => Ok(self.market_price()?.max(by_levels())),
            (_, Some(kind), _, _) if kind.ignores_price() => self.market_price(),
            (_, _, Some(price), _) if price.is_zero() => Err(Reason::Unreadable("px")),
            (_, _, Some(price), Some(Side::Buy)) => Ok(price),
            (_, _, Some(price), Some(Side::Sell) | None) => Ok(price.max(self.reference()?)),
            (_, _, None, _) if self.is_option() => Ok(Decimal::ZERO),
            (_, _, None, _) => Err(Reason::Unreadable("px")),
        }
    }

    const fn is_option(&self) -> bool {
        matches!(self.instrument.kind, Kind::Option { .. })
    }

    /// What an order of this size costs.
    pub(super) fn order(&self, order: &AskedOrder<'_>, size: Decimal) -> Result<Decimal, Reason> {
        let price = self.unit_price(order)?;
        match (&self.instrument.kind, sized_in(order)?) {
            (Kind::Pair, Sized::In(Unit::Quote)) => self.in_dollars(size),
            (Kind::Pair, Sized::In(Unit::Base)) => self.in_dollars(size.times(price).ok_or(TOO_LARGE)?),
            (Kind::Pair, Sized::Either) => {
                let as_base = self.in_dollars(size.times(price).ok_or(TOO_LARGE)?)?;
                Ok(as_base.max(self.in_dollars(size)?))
            }
            (Kind::Swap(_) | Kind::Futures(_) | Kind::Option { .. }, _) if order.unit.is_some() => {
                Err(Reason::Unreadable("tgtCcy"))
            }
            (Kind::Swap(contract) | Kind::Futures(contract), _) => self.contracts(*contract, size, price),
            (Kind::Option { underlying, units }, _) => {
                let index = self.market.price(underlying).ok_or(Reason::NoPrice(self.fence))?;
                units.times(size).and_then(|units| units.times(index)).ok_or(TOO_LARGE)
            }
        }
    }

    /// What an attached order costs, of the size of `parent` unless it says its own.
    pub(super) fn attached(&self, attached: &Attached, size: Decimal) -> Result<Decimal, Reason> {
        let highest = attached.levels.iter().copied().fold(self.market_price()?, Decimal::max);
        let size = attached.size.unwrap_or(size);
        match &self.instrument.kind {
            Kind::Pair => self.in_dollars(size.times(highest).ok_or(TOO_LARGE)?),
            Kind::Swap(contract) | Kind::Futures(contract) => self.contracts(*contract, size, highest),
            Kind::Option { .. } => Err(Reason::Unreadable("attachAlgoOrds")),
        }
    }

    fn contracts(&self, contract: Contract, size: Decimal, price: Decimal) -> Result<Decimal, Reason> {
        match contract {
            Contract::Linear(units) => {
                let worth = units.times(size).and_then(|units| units.times(price)).ok_or(TOO_LARGE)?;
                self.in_dollars(worth)
            }
            Contract::Inverse(dollars) => dollars.times(size).ok_or(TOO_LARGE),
        }
    }

    fn in_dollars(&self, amount: Decimal) -> Result<Decimal, Reason> {
        let dollars = self.market.dollars(&self.instrument.quote).ok_or(Reason::NoPrice(self.fence))?;
        amount.times(dollars).ok_or(TOO_LARGE)
    }
}

/// What the size of an order in a pair counts.
pub(super) enum Sized {
    /// This.
    In(Unit),
    /// Nobody can tell: both are reckoned with.
    Either,
}

/// What the size counts: the first currency, but for market orders that buy, unless they say otherwise. Where the exchange
/// would pass over what they say, saying something else is refused.
pub(super) fn sized_in(order: &AskedOrder<'_>) -> Result<Sized, Reason> {
    if order.act == Act::Algo {
        return Ok(Sized::Either);
    }
    let by_market = order.kind.is_some_and(|kind| kind.ignores_price());
    let usual = if by_market && order.side == Some(Side::Buy) { Unit::Quote } else { Unit::Base };
    let borrows = order.mode.is_some_and(|mode| mode.borrows());
    match order.unit {
        None => Ok(Sized::In(usual)),
        Some(unit) if unit == usual || by_market && !borrows => Ok(Sized::In(unit)),
        Some(_) => Err(Reason::Unreadable("tgtCcy")),
    }
}
