//! What a request takes from the limits of its key and of its account: orders of this second, sums of the day, repetitions.
//!
//! Invariants: all of it is taken, or none; a copy of a request is no repetition of an order.

use keyward_rules::alert::KeyObservation;
use keyward_rules::decision::{Reservation, SumAnswer};
use keyward_rules::fence::{Demand, Reason, Refused, SumOwner, Throttle, Whose};
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::rate::Rate;
use keyward_rules::time::Moment;

use crate::context::RequestContext;
use crate::price::{ALL_ORDERS, fold};
use crate::rates::Counter;

/// What one request owes.
pub struct Counts {
    key: KeyId,
    account: AccountId,
    now: Moment,
    demand: Demand,
}

impl Counts {
    /// Of a request that was judged.
    pub fn of(reservation: &Reservation<'_>) -> Self {
        let (request, demand) = (reservation.request(), reservation.demand().clone());
        Self { key: request.facts().id, account: request.facts().account, now: request.parts().now, demand }
    }

    /// Takes all of it or nothing, but for repetitions.
    pub fn take(&mut self, context: &RequestContext) -> SumAnswer {
        if self.demand.takes_nothing() {
            return SumAnswer::NotOwed;
        }
        self.take_all(context).map_or_else(SumAnswer::Refused, |()| SumAnswer::Taken)
    }

    fn take_all(&mut self, context: &RequestContext) -> Result<(), Refused> {
        let mut observed = Vec::new();
        for (at, throttle) in self.demand.throttles.iter().enumerate() {
            match self.take_second(context, throttle) {
                Err(refused) if throttle.enforced => {
                    self.give_back_first(context, at);
                    return Err(refused);
                }
                Err(refused) => observed.push(refused),
                Ok(()) => {}
            }
        }
        let whose = (self.key, self.account);
        let taken = context.counters.day_sums.take(whose, &self.demand.sums, self.now);
        let noticed = taken.inspect_err(|_| self.give_back_seconds(context))?;
        if noticed.near {
            context.reports.alarms.raise(KeyObservation::LimitNear(self.key), self.now);
        }
        observed.extend(noticed.observed);
        self.demand.observed.extend(observed);
        Ok(())
    }

    /// Gives back the orders of this second.
    pub fn give_back_seconds(&self, context: &RequestContext) {
        self.give_back_first(context, self.demand.throttles.len());
    }

    /// Remembers its orders, and tells of what limits that only watch would have refused. Not before the replay mark: a copy of
    /// a request is no repetition, and nothing of it passes.
    ///
    /// # Errors
    /// The first order that was placed too often; then the key stops trading, and orders of this request after it are not
    /// remembered.
    pub fn note_orders(&mut self, context: &RequestContext) -> Result<(), Refused> {
        for repeat in &self.demand.repeats {
            if context.counters.repeats.note(self.owner(repeat.whose), repeat, self.now) {
                continue;
            }
            let reason = Reason::Repeated(repeat.most);
            let refused = Refused { reason, whose: repeat.whose, element: repeat.element };
            if repeat.enforced {
                context.reports.alarms.raise(KeyObservation::Repeated(self.key), self.now);
                return Err(refused);
            }
            self.demand.observed.push(refused);
        }
        for refused in &self.demand.observed {
            context.reports.alarms.raise(KeyObservation::Watched(self.key, *refused), self.now);
        }
        Ok(())
    }

    fn owner(&self, whose: Whose) -> SumOwner {
        SumOwner::of(whose, self.key, self.account)
    }

    fn take_second(&self, context: &RequestContext, throttle: &Throttle) -> Result<(), Refused> {
        let Some((owner, counter, rate)) = self.second(throttle) else { return Ok(()) };
        let now_us = self.now.unix_ms().saturating_mul(1_000);
        for element in 0..throttle.orders {
            if context.counters.rates.draw(owner, counter, (rate, 1), now_us).is_err() {
                context.counters.rates.give_back(owner, counter, (rate, element.into()));
                let reason = Reason::TooFast(throttle.most);
                return Err(Refused { reason, whose: throttle.whose, element });
            }
        }
        Ok(())
    }

    /// Gives back what the first so many throttles took.
    fn give_back_first(&self, context: &RequestContext, count: usize) {
        // Of a limit that only watches nobody knows whether it was taken.
        for throttle in self.demand.throttles.iter().take(count).filter(|throttle| throttle.enforced) {
            if let Some((owner, counter, rate)) = self.second(throttle) {
                context.counters.rates.give_back(owner, counter, (rate, throttle.orders.into()));
            }
        }
    }

    /// The rate that a limit of orders a second stands for, and where it is counted.
    fn second(&self, throttle: &Throttle) -> Option<(u64, Counter, Rate)> {
        let owner = match throttle.whose {
            Whose::Key => fold(self.key),
            Whose::Account => self.account.as_u64(),
        };
        let counter = Counter::part(ALL_ORDERS, u16::from(throttle.enforced));
        Some((owner, counter, Rate::new(u32::from(throttle.most), 1_000)?))
    }
}
