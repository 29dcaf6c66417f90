//! Filling against the book: first a plan, which moves nothing, then the plan carried out.

use crate::amount::Amount;
use crate::ledger::account::{Changed, Fill};
use crate::ledger::history::Ids;
use crate::ledger::holdings::Wallet;
use crate::ledger::news::Step;
use crate::ledger::{Account, Cause, Kind, Order, SizedIn, State, TimeInForce, Trade};
use crate::markets::{Level, Side, levels};
use crate::refusal::Refusal;

/// What taking from the book costs, as a part of what is got.
pub(crate) const FEE_TAKER: Amount = Amount::new(1, 3);
/// What resting orders would pay; none ever fills, because the book does not move.
pub(crate) const FEE_MAKER: Amount = Amount::new(8, 4);
/// Fees are charged in steps of this.
const FEE_STEP: Amount = Amount::new(1, 8);

/// What an order would do now.
pub(super) struct Plan {
    fills: Vec<Level>,
    /// What the fills take from the owner.
    given: Amount,
    /// What the rest holds back.
    held: Amount,
    state: State,
}

impl Plan {
    /// The order's state once the first `count` of the fills were made.
    const fn state_after(&self, count: usize) -> State {
        match self.state {
            State::Live | State::PartiallyFilled | State::Cancelled => State::PartiallyFilled,
            State::Filled if count < self.fills.len() => State::PartiallyFilled,
            State::Filled => State::Filled,
        }
    }
}

/// How much is still wanted.
#[derive(Clone, Copy)]
enum Wanted {
    Size(Amount),
    Value(Amount),
}

/// Plans the unfilled part of an order.
pub(super) fn plan(order: &Order) -> Result<Plan, Refusal> {
    let wanted = match order.terms.kind {
        Kind::Market(SizedIn::Quote) => Wanted::Value(order.terms.size),
        Kind::Market(SizedIn::Base) | Kind::Limit(..) => Wanted::Size(order.terms.size - order.filled),
    };
    let fills = crossing(order, wanted);
    let taken: Amount = fills.iter().map(|fill| fill.size).sum();
    let whole = match wanted {
        Wanted::Size(size) => taken == size,
        Wanted::Value(_) => !taken.is_zero(),
    };
    let nothing =
        Plan { fills: Vec::new(), given: Amount::ZERO, held: Amount::ZERO, state: State::Cancelled };
    let rest = match order.terms.kind {
        Kind::Limit(_, TimeInForce::PostOnly) if !fills.is_empty() => return Ok(nothing),
        Kind::Limit(_, TimeInForce::FillOrKill) if !whole => return Ok(nothing),
        Kind::Limit(price, TimeInForce::Rest | TimeInForce::PostOnly) if !whole => Some(price),
        Kind::Limit(..) | Kind::Market(_) => None,
    };
    let given = match order.terms.side {
        Side::Buy => value(&fills).ok_or(Refusal::AboveMaximum)?,
        Side::Sell => taken,
    };
    let held = match (rest, order.terms.side) {
        (None, _) => Amount::ZERO,
        (Some(_), Side::Sell) => order.terms.size - order.filled - taken,
        (Some(price), Side::Buy) => {
            (order.terms.size - order.filled - taken).times(price).ok_or(Refusal::AboveMaximum)?
        }
    };
    let touched = !taken.is_zero() || !order.filled.is_zero();
    let state = match (whole, rest, touched) {
        (true, _, _) => State::Filled,
        (false, Some(_), true) => State::PartiallyFilled,
        (false, Some(_), false) => State::Live,
        (false, None, _) => State::Cancelled,
    };
    Ok(Plan { fills, given, held, state })
}

/// Carries a plan out, or changes nothing when the owner cannot pay for it.
///
/// What the order held back before is freed first, so an amended order may use it again. Those who listen are told of
/// the order as it was accepted, after each fill, and when its rest ends unfilled.
pub(super) fn carry_out(
    account: &mut Account,
    ids: &mut Ids,
    order: &mut Order,
    plan: &Plan,
    accepted: Step,
    now_ms: u64,
) -> Result<(), Refusal> {
    let gives = order.gives();
    let balance = account.holdings.of_mut(gives);
    if balance.free() + order.held < plan.given + plan.held {
        return Err(Refusal::Insufficient(gives.id()));
    }
    balance.release(order.held);
    balance.hold(plan.held)?;
    order.held = plan.held;
    order.updated_ms = now_ms;
    account.tell(order, accepted);
    for (at, level) in plan.fills.iter().enumerate() {
        order.state = plan.state_after(at + 1);
        fill(account, ids, order, *level, now_ms)?;
    }
    order.state = plan.state;
    if order.state == State::Cancelled {
        account.tell(order, Step::Cancelled);
    }
    Ok(())
}

/// The levels that an order takes, best first, no worse than its price.
fn crossing(order: &Order, wanted: Wanted) -> Vec<Level> {
    let (pair, side) = (order.terms.pair, order.terms.side);
    let good = |level: &Level| {
        order.terms.kind.price().is_none_or(|limit| match side {
            Side::Buy => level.price <= limit,
            Side::Sell => level.price >= limit,
        })
    };
    let mut left = wanted;
    let take = |level: Level| {
        let most = match left {
            Wanted::Size(size) => size,
            Wanted::Value(value) => value.over(level.price)?.floor_to(pair.lot),
        };
        let size = level.size.min(most);
        left = match left {
            Wanted::Size(open) => Wanted::Size(open - size),
            Wanted::Value(open) => Wanted::Value(open - size.times(level.price)?),
        };
        (!size.is_zero()).then_some(Level { size, ..level })
    };
    levels(pair, side).take_while(good).map_while(take).collect()
}

fn value(fills: &[Level]) -> Option<Amount> {
    fills.iter().map(|fill| fill.price.times(fill.size)).sum()
}

/// One trade: takes, gives less the fee, and leaves its bills and its record.
fn fill(
    account: &mut Account,
    ids: &mut Ids,
    order: &mut Order,
    level: Level,
    now_ms: u64,
) -> Result<(), Refusal> {
    let value = level.price.times(level.size).ok_or(Refusal::AboveMaximum)?;
    let (given, got) = match order.terms.side {
        Side::Buy => (value, level.size),
        Side::Sell => (level.size, value),
    };
    let fee = got.times(FEE_TAKER).unwrap_or_default().floor_to(FEE_STEP);
    let (gives, gets) = (order.gives(), order.gets());
    let trade = Trade {
        order_id: order.id,
        pair: order.terms.pair,
        side: order.terms.side,
        price: level.price,
        size: level.size,
        fee,
    };
    let changed = |currency, change| Changed {
        pot: Wallet::Trading,
        currency,
        change,
        cause: Cause::Trade(trade),
        client_id: &order.terms.client_id,
    };
    account.holdings.of_mut(gives).take(Wallet::Trading, given)?;
    account.bill(ids, &changed(gives, -given), now_ms);
    account.holdings.of_mut(gets).give(Wallet::Trading, got - fee);
    let bill_id = account.bill(ids, &changed(gets, got - fee), now_ms);
    let fill = Fill {
        id: ids.next(),
        bill_id,
        trade,
        client_id: order.terms.client_id.clone(),
        tag: order.terms.tag.clone(),
        at_ms: now_ms,
    };
    order.last = Some((fill.id, level.price, level.size));
    order.filled += level.size;
    order.value += value;
    order.fee += fee;
    account.fills.push(fill);
    account.tell(order, Step::Filled { fee });
    Ok(())
}
