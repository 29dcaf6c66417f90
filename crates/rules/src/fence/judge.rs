//! Whether a key's limits let a request through, and what it takes from the sums of the day.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::decimal::Decimal;
use super::funds::{self, Moved};
use super::market::{Instrument, Kind, Market};
use super::order::{Act, AskedOrder, Position};
use super::refused::{Fence, Reason, Refused};
use super::set::{Fences, Layer, TradeFences};
use super::sums::{Demand, Repeat, Sum, SumOf, Throttle};
use super::table::{FencedRoute, Judged, find};
use super::value::{Sized, Valued, sized_in};
use super::words::InstrumentType;
use crate::json::Value;
use crate::orders::{Side, elements};
use crate::route::{Class, Route};
use crate::time::Moment;

/// A request as its limits see it: the bytes that were signed and will be forwarded.
#[derive(Clone, Copy)]
pub struct Asked<'r> {
    /// The route, or the twin of the operation on a socket.
    pub route: &'r Route,
    /// The body, or the whole text of an operation.
    pub body: &'r [u8],
    /// Whether the body is plain JSON as its headers say, and the target has no query.
    pub plain: bool,
    /// When it was complete.
    pub now: Moment,
}

/// Judges a request. What reads or only cancels is never refused.
///
/// # Errors
/// [`Refused`]: the first element that a limit refuses refuses the whole request.
pub fn judge(fences: &Fences, market: &dyn Market, asked: Asked<'_>) -> Result<Demand, Refused> {
    let judged = match asked.route.class {
        Class::Read | Class::Public | Class::Cancel | Class::Manage => return Ok(Demand::default()),
        Class::Trade | Class::Funding | Class::Withdraw => find(asked.route.path),
    };
    if judged == Judged::Harmless {
        return Ok(Demand::default());
    }
    let mut layers = fences.layers();
    layers.retain(|layer| layer.fences.limits(asked.route.class));
    let mut judgement = Judgement { layers, demand: Demand::default() };
    if judgement.layers.is_empty() {
        return Ok(judgement.demand);
    }
    let Judged::Fenced(fenced) = judged else {
        judgement.refuse_all(0, Reason::Route)?;
        return Ok(judgement.demand);
    };
    let elements = match strict_elements(&asked) {
        Ok(elements) => elements,
        Err(reason) => {
            judgement.refuse_all(0, reason)?;
            return Ok(judgement.demand);
        }
    };
    for (element, value) in (0..).zip(elements) {
        match fenced {
            FencedRoute::Order(act) => judgement.order(act, market, (element, value))?,
            FencedRoute::Transfer { between } => judgement.funds((element, value), |fences, value| {
                let Some(fence) = &fences.transfer else { return Ok(None) };
                daily(&fence.daily, funds::transfer(fence, value, between)?, SumOf::Transfer)
            })?,
            FencedRoute::Withdrawal => judgement.funds((element, value), |fences, value| {
                let Some(fence) = &fences.withdrawal else { return Ok(None) };
                daily(&fence.daily, funds::withdrawal(fence, value, asked.now)?, SumOf::Withdrawal)
            })?,
        }
    }
    Ok(judgement.demand)
}

/// What was found so far.
struct Judgement<'f> {
    /// The limits that bear on the request, at least one; those that refuse come first.
    layers: Vec<Layer<'f>>,
    demand: Demand,
}

impl<'f> Judgement<'f> {
    /// Judges an order by all limits.
    fn order(
        &mut self,
        act: Act,
        market: &dyn Market,
        (element, value): (u8, Value<'_>),
    ) -> Result<(), Refused> {
        let order = match AskedOrder::read(act, value) {
            Ok(order) => order,
            Err(reason) => return self.refuse_all(element, reason),
        };
        for at in 0..self.layers.len() {
            let Some(layer) = self.layers.get(at).copied() else { break };
            let trade = &layer.fences.trade;
            match (TradeJudge { fences: trade, market }).order(&order) {
                Ok(sums) => sums.into_iter().for_each(|taken| self.take(layer, element, taken)),
                Err(reason) => self.refuse(layer, element, reason)?,
            }
            if matches!(act, Act::Place | Act::Algo | Act::Amend) {
                let by_code = order.code.as_deref().and_then(|code| market.by_code(code));
                let id = by_code.map(|instrument| &*instrument.id).or(order.id.as_deref());
                self.count(layer, (&order, id), element);
            }
        }
        Ok(())
    }

    /// Judges a transfer or a withdrawal by all limits.
    fn funds<'v>(
        &mut self,
        (element, value): (u8, Value<'v>),
        judge: impl Fn(&'f Fences, Value<'v>) -> Result<Option<Taken>, Reason>,
    ) -> Result<(), Refused> {
        for at in 0..self.layers.len() {
            let Some(layer) = self.layers.get(at).copied() else { break };
            match judge(layer.fences, value.clone()) {
                Ok(taken) => taken.into_iter().for_each(|taken| self.take(layer, element, taken)),
                Err(reason) => self.refuse(layer, element, reason)?,
            }
        }
        Ok(())
    }

    /// Notes what an order takes from the second, and which order it is.
    fn count(&mut self, layer: Layer<'_>, (order, id): (&AskedOrder<'_>, Option<&str>), element: u8) {
        let (whose, enforced, trade) = (layer.whose, layer.enforced, &layer.fences.trade);
        if let Some(most) = trade.message_throttle {
            let same = |one: &&mut Throttle| one.whose == whose && one.enforced == enforced;
            match self.demand.throttles.iter_mut().find(same) {
                Some(throttle) => throttle.orders = throttle.orders.saturating_add(1),
                None => self.demand.throttles.push(Throttle { whose, orders: 1, most, enforced }),
            }
        }
        if let (Some(most), Act::Place | Act::Algo) = (trade.repeated_execution, order.act) {
            self.demand.repeats.push(Repeat { whose, intent: order.intent(id), most, enforced, element });
        }
    }

    /// Notes what an element takes from a sum. A sum that is limited and watched is taken once.
    fn take(&mut self, layer: Layer<'_>, element: u8, Taken { of, amount, limit }: Taken) {
        let whose = layer.whose;
        let (enforced, watched) = if layer.enforced { (Some(limit), None) } else { (None, Some(limit)) };
        let mut known = self.demand.sums.iter_mut();
        match known.find(|sum| sum.whose == whose && sum.element == element && sum.of == of) {
            Some(sum) => sum.watched = watched,
            None => self.demand.sums.push(Sum { whose, of, amount, limit: enforced, watched, element }),
        }
    }

    /// Refuses, where these limits do more than watch.
    fn refuse(&mut self, layer: Layer<'_>, element: u8, reason: Reason) -> Result<(), Refused> {
        let refused = Refused { reason, whose: layer.whose, element };
        if layer.enforced {
            return Err(refused);
        }
        self.demand.observed.push(refused);
        Ok(())
    }

    /// Refuses for a reason that is no single limit's.
    fn refuse_all(&mut self, element: u8, reason: Reason) -> Result<(), Refused> {
        for at in 0..self.layers.len() {
            if let Some(layer) = self.layers.get(at).copied() {
                self.refuse(layer, element, reason)?;
            }
        }
        Ok(())
    }
}

/// What an element takes from the sum of one limit.
struct Taken {
    of: SumOf,
    amount: Decimal,
    limit: Decimal,
}

/// The elements of a body, which no reader takes otherwise.
pub(crate) fn strict_elements<'r>(asked: &Asked<'r>) -> Result<Vec<Value<'r>>, Reason> {
    if !asked.plain {
        return Err(Reason::Unreadable("a body that is not plain JSON, or a target with a query,"));
    }
    let value = std::str::from_utf8(asked.body).ok().and_then(Value::read);
    let value = value.filter(|value| !value.has_escaped_names());
    let value = value.ok_or(Reason::Unreadable("the body"))?;
    elements(asked.route.path, value).ok_or(Reason::Unreadable("the form of the body"))
}

/// What a transfer or withdrawal takes of its currency's sum.
fn daily(
    limits: &BTreeMap<Box<str>, Decimal>,
    moved: Moved,
    of: impl FnOnce(Box<str>) -> SumOf,
) -> Result<Option<Taken>, Reason> {
    if limits.is_empty() {
        return Ok(None);
    }
    let Moved { currency, amount } = moved;
    let limit = limits.get(&currency).copied().unwrap_or(Decimal::ZERO);
    let of = of(currency);
    if amount > limit {
        return Err(Reason::Daily { fence: of.fence(), asked: amount, limit });
    }
    Ok(Some(Taken { of, amount, limit }))
}

impl Fences {
    /// Whether anything that a request of this class does is limited.
    fn limits(&self, class: Class) -> bool {
        match class {
            Class::Trade => !self.trade.is_empty(),
            Class::Funding => self.transfer.is_some(),
            Class::Withdraw => self.withdrawal.is_some(),
            Class::Read | Class::Public | Class::Cancel | Class::Manage => false,
        }
    }
}

struct TradeJudge<'f> {
    fences: &'f TradeFences,
    market: &'f dyn Market,
}

impl TradeJudge<'_> {
    /// Judges one order, from what is cheapest to tell to what needs prices.
    fn order(&self, order: &AskedOrder<'_>) -> Result<Vec<Taken>, Reason> {
        let (id, instrument) = self.instrument(order)?;
        self.check_instrument(order, id.as_deref(), instrument)?;
        self.check_kind(order)?;
        match order.act {
            Act::Leverage => self.check_leverage(order).map(|()| Vec::new()),
            Act::Close if self.fences.whole_position => Ok(Vec::new()),
            Act::Close => Err(Reason::NotAllowed(Fence::WholePosition)),
            Act::Place | Act::Algo | Act::Amend => {
                self.check_reduces(order)?;
                if order.whole {
                    return if self.fences.whole_position && order.size.is_none() {
                        Ok(Vec::new())
                    } else {
                        Err(Reason::NotAllowed(Fence::WholePosition))
                    };
                }
                self.check_size(order, id.as_deref().unwrap_or_default(), instrument)
            }
        }
    }

    /// What an order names: by its id, by its code, or by both, which must agree.
    fn instrument<'a>(
        &'a self,
        order: &'a AskedOrder<'_>,
    ) -> Result<(Option<Cow<'a, str>>, Option<&'a Instrument>), Reason> {
        let unknown = self.unknown(Fence::Instruments);
        match (order.id.as_deref(), order.code.as_deref()) {
            (None, None) if order.act == Act::Leverage => Ok((None, None)),
            (None, None) => Err(Reason::Unreadable("instId")),
            (Some(id), None) => Ok((Some(Cow::Borrowed(id)), self.market.instrument(id))),
            (id, Some(code)) => {
                let instrument = self.market.by_code(code).ok_or(unknown)?;
                if id.is_some_and(|id| *id != *instrument.id) {
                    return Err(unknown);
                }
                Ok((Some(Cow::Borrowed(&instrument.id)), Some(instrument)))
            }
        }
    }

    /// Why an instrument is not known.
    fn unknown(&self, fence: Fence) -> Reason {
        if self.market.is_known() { Reason::UnknownInstrument(fence) } else { Reason::NoPrice(fence) }
    }

    fn check_instrument(
        &self,
        order: &AskedOrder<'_>,
        id: Option<&str>,
        instrument: Option<&Instrument>,
    ) -> Result<(), Reason> {
        if let Some(patterns) = &self.fences.instruments
            && !id.is_some_and(|id| patterns.iter().any(|pattern| pattern.covers(id)))
        {
            return Err(Reason::NotAllowed(Fence::Instruments));
        }
        if let Some(types) = &self.fences.instrument_types {
            let instrument = instrument.ok_or(self.unknown(Fence::InstrumentTypes))?;
            if !types.contains(&type_of(instrument, order)) {
                return Err(Reason::NotAllowed(Fence::InstrumentTypes));
            }
        }
        Ok(())
    }

    fn check_kind(&self, order: &AskedOrder<'_>) -> Result<(), Reason> {
        if let (Some(types), Some(kind)) = (&self.fences.order_types, order.kind)
            && !types.contains(&kind)
        {
            return Err(Reason::NotAllowed(Fence::OrderTypes));
        }
        let names_mode = matches!(order.act, Act::Place | Act::Algo | Act::Close | Act::Leverage);
        if let Some(modes) = &self.fences.trade_modes
            && names_mode
            && !order.mode.is_some_and(|mode| modes.contains(&mode))
        {
            return Err(Reason::NotAllowed(Fence::TradeModes));
        }
        Ok(())
    }

    fn check_leverage(&self, order: &AskedOrder<'_>) -> Result<(), Reason> {
        let asked = order.leverage.ok_or(Reason::Unreadable("lever"))?;
        match self.fences.max_leverage {
            Some(limit) if asked > limit => {
                Err(Reason::Above { fence: Fence::MaxLeverage, asked, limit, market: false })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// A hedged position is only made smaller by the other side; a net one by the flag, which the exchange passes over where a pair
    /// is paid in full. An amendment changes neither.
    fn check_reduces(&self, order: &AskedOrder<'_>) -> Result<(), Reason> {
        let reduces = match (order.position, order.side) {
            _ if !self.fences.reduce_only || order.act == Act::Amend => true,
            _ if !order.mode.is_some_and(|mode| mode.borrows()) => false,
            (Some(Position::Long), side) => side == Some(Side::Sell),
            (Some(Position::Short), side) => side == Some(Side::Buy),
            (None, _) => order.reduces || order.whole,
        };
        if reduces { Ok(()) } else { Err(Reason::NotAllowed(Fence::ReduceOnly)) }
    }

    /// Quantity, price, value, and what the order takes from the sums of the day.
    fn check_size(
        &self,
        order: &AskedOrder<'_>,
        id: &str,
        instrument: Option<&Instrument>,
    ) -> Result<Vec<Taken>, Reason> {
        let fences = self.fences;
        let valued = |fence: Fence| {
            let instrument = instrument.ok_or(self.unknown(fence))?;
            Ok(Valued { fence, instrument, market: self.market, collar: fences.price_collar })
        };
        if let Some(collar) = fences.price_collar {
            check_price(&valued(Fence::PriceCollar)?, order, collar)?;
        }
        let of_pattern = fences.max_order_quantity.iter().filter(|(pattern, _)| pattern.covers(id));
        if let Some(limit) = of_pattern.map(|(_, most)| *most).min() {
            self.check_quantity(&valued(Fence::MaxOrderQuantity)?, order, limit)?;
        }
        let mut sums = Vec::new();
        let count = 1 + order.attached.len();
        if let Some(limit) = fences.daily_orders {
            let amount = Decimal::of(u32::try_from(count).unwrap_or(u32::MAX));
            sums.push(Taken { of: SumOf::Orders, amount, limit: Decimal::of(limit) });
        }
        if !fences.values() {
            return Ok(sums);
        }
        let fence = if fences.max_order_value.is_some() { Fence::MaxOrderValue } else { Fence::DailyValue };
        let valued = valued(fence)?;
        let size = size_of(order, fence)?;
        if order.act == Act::Amend && order.price.is_none() {
            return Err(Reason::Incomplete(fence));
        }
        let market = order.kind.is_some_and(|kind| kind.ignores_price());
        let mut value = Decimal::ZERO;
        let attached = order.attached.iter().map(|attached| valued.attached(attached, size));
        for one in std::iter::once(valued.order(order, size)).chain(attached) {
            let asked = one?;
            if let Some(limit) = fences.max_order_value
                && asked > limit
            {
                return Err(Reason::Above { fence: Fence::MaxOrderValue, asked, limit, market });
            }
            value = value.plus(asked).ok_or(Reason::Unreadable("an amount of this size"))?;
        }
        if let Some(limit) = fences.daily_value {
            if value > limit {
                return Err(Reason::Daily { fence: Fence::DailyValue, asked: value, limit });
            }
            sums.push(Taken { of: SumOf::Value, amount: value, limit });
        }
        Ok(sums)
    }

    /// An order whose size counts the second currency of a pair is measured by the price.
    fn check_quantity(
        &self,
        valued: &Valued<'_>,
        order: &AskedOrder<'_>,
        limit: Decimal,
    ) -> Result<(), Reason> {
        let fence = Fence::MaxOrderQuantity;
        let size = size_of(order, fence)?;
        let is_quote = matches!(valued.instrument.kind, Kind::Pair)
            && matches!(sized_in(order)?, Sized::In(super::order::Unit::Quote));
        let most = if is_quote {
            limit.times(valued.reference()?).ok_or(Reason::Unreadable("an amount of this size"))?
        } else {
            limit
        };
        let largest = order.attached.iter().filter_map(|attached| attached.size).fold(size, Decimal::max);
        if largest > most {
            let market = order.kind.is_some_and(|kind| kind.ignores_price());
            return Err(Reason::Above { fence, asked: largest, limit: most, market });
        }
        Ok(())
    }
}

fn size_of(order: &AskedOrder<'_>, fence: Fence) -> Result<Decimal, Reason> {
    let size = order.size.filter(|size| !size.is_zero());
    size.ok_or(if order.act == Act::Amend { Reason::Incomplete(fence) } else { Reason::Unreadable("sz") })
}

/// No price that an order is executed at may be further from the market than the collar: a buy's not above it, a sell's not
/// below. An attached order trades the other way round; of an amendment nobody knows the side, so neither is allowed.
fn check_price(valued: &Valued<'_>, order: &AskedOrder<'_>, collar: Decimal) -> Result<(), Reason> {
    let reference = valued.reference()?;
    let run = reference.per_cent(collar).ok_or(Reason::Unreadable("an amount of this size"))?;
    let highest = reference.plus(run).ok_or(Reason::Unreadable("an amount of this size"))?;
    let lowest = reference.less(run);
    let check = |price: Decimal, side: Option<Side>| {
        if side != Some(Side::Sell) && price > highest {
            Err(Reason::Price { asked: price, limit: highest, buys: true })
        } else if side != Some(Side::Buy) && price < lowest {
            Err(Reason::Price { asked: price, limit: lowest, buys: false })
        } else {
            Ok(())
        }
    };
    let ignores = order.kind.is_some_and(|kind| kind.ignores_price());
    for price in order.price.iter().filter(|_| !ignores).chain(&order.levels) {
        check(*price, order.side)?;
    }
    let other = order.side.map(|side| match side {
        Side::Buy => Side::Sell,
        Side::Sell => Side::Buy,
    });
    order.attached.iter().flat_map(|attached| &attached.prices).try_for_each(|price| check(*price, other))
}

/// A pair that is paid with borrowed funds is margin.
fn type_of(instrument: &Instrument, order: &AskedOrder<'_>) -> InstrumentType {
    match instrument.kind {
        Kind::Pair if order.mode.is_some_and(|mode| mode.borrows()) => InstrumentType::Margin,
        Kind::Pair => InstrumentType::Spot,
        Kind::Swap(_) => InstrumentType::Swap,
        Kind::Futures(_) => InstrumentType::Futures,
        Kind::Option { .. } => InstrumentType::Option,
    }
}
