//! Cancelling and amending open orders.

use crate::amount::Amount;
use crate::ledger::history::Ids;
use crate::ledger::matching::{carry_out, plan};
use crate::ledger::news::Step;
use crate::ledger::placing::check;
use crate::ledger::{Account, Kind, Named, Order, State};
use crate::refusal::Refusal;

/// What an amendment changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) size: Option<Amount>,
    pub(crate) price: Option<Amount>,
}

impl Account {
    /// Cancels an open order and frees what it held back.
    pub(crate) fn cancel(&mut self, named: &Named, now_ms: u64) -> Result<Order, Refusal> {
        let at = self.open.iter().position(|order| named.is(order)).ok_or(Refusal::NothingToCancel)?;
        let mut order = self.open.remove(at);
        self.holdings.of_mut(order.gives()).release(order.held);
        order.held = Amount::ZERO;
        order.state = State::Cancelled;
        order.updated_ms = now_ms;
        self.tell(&order, Step::Cancelled);
        self.ended.push(order.clone());
        Ok(order)
    }

    /// Changes size or price of an open order, which may fill it; what was filled stays.
    pub(crate) fn amend(
        &mut self,
        ids: &mut Ids,
        named: &Named,
        change: Change,
        now_ms: u64,
    ) -> Result<Order, Refusal> {
        let at = self.open.iter().position(|order| named.is(order)).ok_or(Refusal::NothingToAmend)?;
        let mut order = self.open.get(at).cloned().ok_or(Refusal::NothingToAmend)?;
        if let Some(size) = change.size {
            if size <= order.filled {
                return Err(Refusal::Wrong("newSz"));
            }
            order.terms.size = size;
        }
        if let (Some(price), Kind::Limit(_, force)) = (change.price, order.terms.kind) {
            order.terms.kind = Kind::Limit(price, force);
        }
        check(&order.terms)?;
        let plan = plan(&order)?;
        carry_out(self, ids, &mut order, &plan, Step::Amended, now_ms)?;
        if order.state.is_open() {
            if let Some(place) = self.open.get_mut(at) {
                *place = order.clone();
            }
        } else {
            self.open.remove(at);
            self.ended.push(order.clone());
        }
        Ok(order)
    }

    /// An order, open or ended.
    pub(crate) fn find(&self, named: &Named) -> Result<&Order, Refusal> {
        let mut all = self.open.iter().chain(self.ended.iter());
        all.find(|order| named.is(order)).ok_or(Refusal::NoOrder)
    }
}
