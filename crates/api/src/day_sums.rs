//! What a key or an account has taken from the sums of its limits today, as the console learns it of a gateway in the same process.

use keyward_rules::fence::{Decimal, SumOf, SumOwner};
use keyward_rules::time::Moment;

/// A sum of the UTC day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DaySum {
    /// Which.
    pub of: SumOf,
    /// What it has come to.
    pub amount: Decimal,
}

/// Where the sums of the day are known.
pub trait DaySums: Send + Sync {
    /// Those of an owner on the day of `now`, by name. Empty where nothing was taken yet.
    fn of(&self, owner: SumOwner, now: Moment) -> Vec<DaySum>;
}

/// A process without a gateway: it knows of none.
pub struct NoDaySums;

impl DaySums for NoDaySums {
    fn of(&self, _: SumOwner, _: Moment) -> Vec<DaySum> {
        Vec::new()
    }
}
