//! Rates per account and route, and per source and route, in fixed memory.
//!
//! A set-associative table of cells. A cell whose time has passed equals an empty one and may be taken over;
//! a set full of live cells refuses, because forgetting one would let its owner exceed the rate.

use parking_lot::Mutex;

use keyward_rules::decision::RateAnswer;
use keyward_rules::rate::Rate;

const SETS: usize = 16_384;
const WAYS: usize = 16;

#[derive(Clone, Copy, Default)]
struct Cell {
    owner: u64,
    /// The GCRA state; in the past when free.
    state_us: u64,
}

/// The table; about 4 MiB.
pub struct Rates {
    sets: Vec<Mutex<[Cell; WAYS]>>,
    salt: u64,
}

impl Rates {
    /// An empty table; the salt keeps strangers from choosing colliding owners.
    #[must_use]
    pub fn new(salt: u64) -> Self {
        Self { sets: (0..SETS).map(|_| Mutex::new([Cell::default(); WAYS])).collect(), salt }
    }

    /// Takes one request of `owner` on `route` at `now_us`.
    #[must_use]
    pub fn take(&self, owner: u64, route: u16, rate: Rate, now_us: u64) -> RateAnswer {
        let name = self.name(owner, route);
        let Some(set) = self.set(name) else { return RateAnswer::NoRoom };
        let mut cells = set.lock();
        let known = cells.iter().position(|cell| cell.owner == name);
        let place = known.or_else(|| cells.iter().position(|cell| cell.state_us <= now_us));
        let Some(cell) = place.and_then(|at| cells.get_mut(at)) else { return RateAnswer::NoRoom };
        if cell.owner != name {
            *cell = Cell { owner: name, state_us: 0 };
        }
        match rate.take(cell.state_us, now_us, 1) {
            Ok(state) => {
                cell.state_us = state;
                RateAnswer::Taken
            }
            Err(exhausted) => RateAnswer::Exhausted(exhausted),
        }
    }

    /// Gives one request back.
    pub fn refund(&self, owner: u64, route: u16, rate: Rate) {
        let name = self.name(owner, route);
        let Some(set) = self.set(name) else { return };
        if let Some(cell) = set.lock().iter_mut().find(|cell| cell.owner == name) {
            cell.state_us = rate.refund(cell.state_us, 1);
        }
    }

    fn name(&self, owner: u64, route: u16) -> u64 {
        mix(mix(owner ^ self.salt).wrapping_add(u64::from(route)).wrapping_add(1))
    }

    fn set(&self, name: u64) -> Option<&Mutex<[Cell; WAYS]>> {
        self.sets.get(usize::try_from(name % SETS as u64).ok()?)
    }
}

/// The finaliser of `SplitMix64`: a bijection that spreads every bit.
const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use keyward_rules::decision::RateAnswer;
    use keyward_rules::rate::Rate;

    use super::Rates;

    #[test]
    fn owners_and_routes_have_budgets_of_their_own() {
        let rates = Rates::new(7);
        let rate = Rate::new(2, 1_000).unwrap();
        let now = 1_000_000_000;
        for (owner, route) in [(1, 1), (1, 2), (2, 1)] {
            assert_eq!(rates.take(owner, route, rate, now), RateAnswer::Taken);
            assert_eq!(rates.take(owner, route, rate, now), RateAnswer::Taken);
            assert!(matches!(rates.take(owner, route, rate, now), RateAnswer::Exhausted(_)));
        }
        rates.refund(1, 1, rate);
        assert_eq!(rates.take(1, 1, rate, now), RateAnswer::Taken);
        assert_eq!(rates.take(1, 1, rate, now + 500_000), RateAnswer::Taken);
    }

    #[test]
    fn full_of_live_cells_refuses_and_forgets_nobody() {
        let rates = Rates::new(7);
        let rate = Rate::new(1, 1_000).unwrap();
        let answers: Vec<_> = (0..400_000).map(|owner| rates.take(owner, 0, rate, 1_000_000_000)).collect();
        assert!(answers.contains(&RateAnswer::NoRoom));
        for (owner, answer) in answers.iter().enumerate() {
            if *answer == RateAnswer::Taken {
                assert_ne!(rates.take(owner as u64, 0, rate, 1_000_000_000), RateAnswer::Taken);
            }
        }
        assert_eq!(rates.take(999_999_999, 0, rate, 1_002_000_000), RateAnswer::Taken);
    }
}
