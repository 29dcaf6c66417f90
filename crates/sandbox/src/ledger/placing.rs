//! Placing an order.

use crate::amount::Amount;
use crate::ledger::history::Ids;
use crate::ledger::matching::{carry_out, plan};
use crate::ledger::news::Step;
use crate::ledger::{Account, Kind, Order, SizedIn, Terms};
use crate::markets::Pair;
use crate::refusal::Refusal;

/// Open orders of an account at most.
pub(super) const RESTING: usize = 500;

impl Account {
    /// Places an order: fills what crosses, and lets the rest rest or end, by its kind.
    pub(crate) fn place(&mut self, ids: &mut Ids, terms: Terms, now_ms: u64) -> Result<Order, Refusal> {
        check(&terms)?;
        let same = |order: &Order| order.terms.client_id == terms.client_id;
        if !terms.client_id.is_empty() && self.open.iter().chain(self.ended.iter()).any(same) {
            return Err(Refusal::SameClientId);
        }
        let mut order = Order::new(ids.next(), terms, now_ms);
        let plan = plan(&order)?;
        if self.open.len() >= RESTING {
            return Err(Refusal::TooManyOrders(RESTING));
        }
        carry_out(self, ids, &mut order, &plan, Step::Placed, now_ms)?;
        if order.state.is_open() {
            self.open.push(order.clone());
        } else {
            self.ended.push(order.clone());
        }
        Ok(order)
    }
}

/// Whether a pair takes orders of such size and price.
pub(super) fn check(terms: &Terms) -> Result<(), Refusal> {
    let pair = terms.pair;
    match terms.kind {
        Kind::Market(SizedIn::Quote) => {
            let least = pair.least.times(pair.middle).unwrap_or_default();
            enough(terms.size, least)
        }
        Kind::Market(SizedIn::Base) => base_size(terms.size, pair),
        Kind::Limit(price, _) => {
            if !price.is_multiple_of(pair.tick) {
                return Err(Refusal::Wrong("px"));
            }
            base_size(terms.size, pair)?;
            let value = price.times(terms.size);
            if value.is_none_or(|value| value > Pair::MOST) { Err(Refusal::AboveMaximum) } else { Ok(()) }
        }
    }
}

fn base_size(size: Amount, pair: Pair) -> Result<(), Refusal> {
    enough(size, pair.least)?;
    if size.is_multiple_of(pair.lot) { Ok(()) } else { Err(Refusal::NotALot) }
}

fn enough(size: Amount, least: Amount) -> Result<(), Refusal> {
    if size < least { Err(Refusal::BelowMinimum) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
