//! What the gateway knows of the exchange's instruments and prices, for limits that need them.
//!
//! Owns: asking the exchange's public routes, reading their answers, and the age of every price. Leaves to `rules::fence`: what an
//! order is worth.
//!
//! Invariants: nothing is asked before a key has a limit that needs it; a price that is older than [`PRICE_LIFE_MS`] is not
//! given; an answer that cannot be read changes nothing.

mod follow;
mod read;

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use keyward_rules::fence::{Decimal, Instrument, Market, is_dollar};
use keyward_rules::key::Environment;
use keyward_rules::limits::PRICE_LIFE_MS;

pub use follow::MarketFollower;

/// The markets of both environments.
#[derive(Default)]
pub struct Markets {
    live: Followed,
    demo: Followed,
}

/// One environment's market.
#[derive(Default)]
struct Followed {
    instruments: ArcSwap<Instruments>,
    prices: ArcSwap<Prices>,
}

/// The instruments that the exchange lists.
#[derive(Default)]
struct Instruments {
    all: Vec<Instrument>,
    by_id: HashMap<Box<str>, usize>,
    by_code: HashMap<Box<str>, usize>,
}

/// Prices by name, each with the steady millisecond at which it was asked for.
type PriceList = HashMap<Box<str>, (Decimal, u64)>;

/// The prices of instruments, and those of indexes.
#[derive(Default)]
struct Prices {
    marks: PriceList,
    indexes: PriceList,
}

impl Markets {
    /// The market of an environment as it is at this steady millisecond: for one verdict.
    #[must_use]
    pub fn at(&self, environment: Environment, steady_ms: u64) -> MarketNow {
        let followed = self.of(environment);
        MarketNow {
            instruments: followed.instruments.load_full(),
            prices: followed.prices.load_full(),
            steady_ms,
        }
    }

    const fn of(&self, environment: Environment) -> &Followed {
        match environment {
            Environment::Live => &self.live,
            Environment::Demo => &self.demo,
        }
    }
}

/// The market at one moment.
pub struct MarketNow {
    instruments: Arc<Instruments>,
    prices: Arc<Prices>,
    steady_ms: u64,
}

impl MarketNow {
    fn fresh(&self, known: Option<&(Decimal, u64)>) -> Option<Decimal> {
        let (price, asked_ms) = known?;
        (self.steady_ms.saturating_sub(*asked_ms) <= PRICE_LIFE_MS && !price.is_zero()).then_some(*price)
    }

    fn index(&self, id: &str) -> Option<Decimal> {
        self.fresh(self.prices.indexes.get(id))
    }
}

impl Market for MarketNow {
    fn is_known(&self) -> bool {
        !self.instruments.all.is_empty()
    }

    fn instrument(&self, id: &str) -> Option<&Instrument> {
        self.instruments.by_id.get(id).and_then(|at| self.instruments.all.get(*at))
    }

    fn by_code(&self, code: &str) -> Option<&Instrument> {
        self.instruments.by_code.get(code).and_then(|at| self.instruments.all.get(*at))
    }

    fn price(&self, id: &str) -> Option<Decimal> {
        self.fresh(self.prices.marks.get(id)).or_else(|| self.index(id))
    }

    fn dollars(&self, currency: &str) -> Option<Decimal> {
        if is_dollar(currency) {
            return Some(Decimal::ONE);
        }
        ["USD", "USDT", "USDC"].into_iter().find_map(|dollar| {
            let pair = format!("{currency}-{dollar}");
            self.index(&pair).or_else(|| self.fresh(self.prices.marks.get(pair.as_str())))
        })
    }
}
