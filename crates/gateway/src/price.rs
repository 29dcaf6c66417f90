//! What a request takes from rates: its key's own cap, its account's rate of orders, and its account's rate for the route.
//!
//! Invariants: all of them are paid, or none; what was paid can be given back exactly.

use keyward_rules::decision::{Charge, ChargeAnswer};
use keyward_rules::fence::Market as _;
use keyward_rules::id::KeyId;
use keyward_rules::key::{Environment, RateCap};
use keyward_rules::rate::{Policy, Quota, Rate};
use keyward_rules::route::Taken;

use crate::market::MarketNow;
use crate::rates::{Counter, NotTaken, Rates};

/// In place of a route's number for a key's own cap: an account's rates go by the numbers of routes, and no route has this one.
const ALL_ROUTES: u16 = u16::MAX;
/// The same for the orders that a key's limits let it place or change.
pub const ALL_ORDERS: u16 = u16::MAX - 1;
/// The same for the new and amended orders of an account.
const ACCOUNT_ORDERS: u16 = u16::MAX - 2;

/// What a request owes.
pub struct Price {
    key: u64,
    cap: Option<Rate>,
    account: u64,
    orders: Option<Rate>,
    taken: Taken,
}

/// One rate of those, and how much of it.
#[derive(Clone, Copy)]
struct Due {
    policy: Policy,
    owner: u64,
    counter: Counter,
    amount: (Rate, u32),
}

impl Price {
    /// Of a request. The market is looked at where an order names its instrument by code.
    pub fn of(
        charge: &Charge<'_>,
        account_orders: Option<Rate>,
        market: impl Fn(Environment) -> MarketNow,
    ) -> Self {
        let (key, cap) = charge.cap();
        let taken = charge
            .taken(|code| market(charge.environment()).by_code(code).map(|instrument| instrument.id.clone()));
        Self {
            key: fold(key),
            cap: cap.and_then(RateCap::rate),
            account: charge.account().as_u64(),
            orders: account_orders.filter(|_| taken.orders > 0),
            taken,
        }
    }

    /// Pays all of it or nothing.
    pub fn take(&self, rates: &Rates, now_us: u64) -> ChargeAnswer {
        let mut tightest: Option<Quota> = None;
        for (at, due) in self.dues().enumerate() {
            match rates.draw(due.owner, due.counter, due.amount, now_us) {
                Ok(state) => {
                    let quota = Quota::of(due.policy, due.amount.0, state, now_us);
                    tightest = Some(tightest.filter(|known| known.left <= quota.left).unwrap_or(quota));
                }
                Err(why) => {
                    self.dues().take(at).for_each(|due| due.give_back(rates));
                    return match why {
                        NotTaken::Exhausted(exhausted) => {
                            ChargeAnswer::Exhausted(Quota::exhausted(due.policy, due.amount.0, exhausted))
                        }
                        NotTaken::NoRoom => ChargeAnswer::NoRoom,
                    };
                }
            }
        }
        ChargeAnswer::Taken(tightest)
    }

    /// Gives all of it back.
    pub fn give_back(&self, rates: &Rates) {
        self.dues().for_each(|due| due.give_back(rates));
    }

    fn dues(&self) -> impl Iterator<Item = Due> + '_ {
        let all_routes = Counter::route(ALL_ROUTES);
        let key = self.cap.map(|rate| Due {
            policy: Policy::Key,
            owner: self.key,
            counter: all_routes,
            amount: (rate, 1),
        });
        let orders = self.orders.map(|rate| Due {
            policy: Policy::Orders,
            owner: self.account,
            counter: Counter::route(ACCOUNT_ORDERS),
            amount: (rate, self.taken.orders),
        });
        let parts = self.taken.rate.into_iter().flat_map(move |(number, rate)| {
            self.taken.parts.as_slice().iter().map(move |(part, weight)| Due {
                policy: Policy::Route,
                owner: self.account,
                counter: Counter::part(number, *part),
                amount: (rate, *weight),
            })
        });
        key.into_iter().chain(orders).chain(parts)
    }
}

impl Due {
    fn give_back(self, rates: &Rates) {
        rates.give_back(self.owner, self.counter, self.amount);
    }
}

/// A key's 122 random bits as one word; the table mixes it with a salt.
pub fn fold(key: KeyId) -> u64 {
    let bits = key.as_u128();
    #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
    let word = (bits >> 64) as u64 ^ bits as u64;
    word
}
