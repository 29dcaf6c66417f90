//! Rates per account and route, and per source and route, in fixed memory.
//!
//! A set-associative table of cells. A cell whose time has passed equals an empty one and may be taken over;
//! a set full of live cells refuses, because forgetting one would let its owner exceed the rate.

use parking_lot::Mutex;

use keyward_rules::rate::{Exhausted, Rate};

const SETS: usize = 16_384;
const WAYS: usize = 16;

#[derive(Clone, Copy, Default)]
struct Cell {
    owner: u64,
    /// The GCRA state; in the past when free.
    state_us: u64,
}

/// The table's answer to one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RateAnswer {
    /// Paid.
    Taken,
    /// Used up.
    Exhausted(Exhausted),
    /// No cell is left to count in.
    NoRoom,
}

/// Why nothing was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotTaken {
    /// Used up.
    Exhausted(Exhausted),
    /// No cell is left to count in.
    NoRoom,
}

/// A rate of an owner: of a route, of a part of it, or of something else that is counted.
#[derive(Clone, Copy)]
pub struct Counter(u32);

impl Counter {
    /// A route's, for all requests.
    #[must_use]
    pub const fn route(route: u16) -> Self {
        Self::part(route, 0)
    }

    /// A route's, for one part of them.
    #[must_use]
    pub const fn part(route: u16, part: u16) -> Self {
        Self((part as u32) << 16 | route as u32)
    }
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
        match self.draw(owner, Counter::route(route), (rate, 1), now_us) {
            Ok(_) => RateAnswer::Taken,
            Err(NotTaken::Exhausted(exhausted)) => RateAnswer::Exhausted(exhausted),
            Err(NotTaken::NoRoom) => RateAnswer::NoRoom,
        }
    }

    /// Takes so many requests at once, or none; gives the state of the rate.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn draw(
        &self,
        owner: u64,
        counter: Counter,
        (rate, weight): (Rate, u32),
        now_us: u64,
    ) -> Result<u64, NotTaken> {
        let name = self.name(owner, counter);
        let mut cells = self.set(name).ok_or(NotTaken::NoRoom)?.lock();
        let known = cells.iter().position(|cell| cell.owner == name);
        let place = known.or_else(|| cells.iter().position(|cell| cell.state_us <= now_us));
        let cell = place.and_then(|at| cells.get_mut(at)).ok_or(NotTaken::NoRoom)?;
        if cell.owner != name {
            *cell = Cell { owner: name, state_us: 0 };
        }
        cell.state_us = rate.take(cell.state_us, now_us, weight).map_err(NotTaken::Exhausted)?;
        Ok(cell.state_us)
    }

    /// Gives one request back.
    pub fn refund(&self, owner: u64, route: u16, rate: Rate) {
        self.give_back(owner, Counter::route(route), (rate, 1));
    }

    /// Gives so many requests back.
    pub fn give_back(&self, owner: u64, counter: Counter, (rate, weight): (Rate, u32)) {
        let name = self.name(owner, counter);
        let Some(set) = self.set(name) else { return };
        if let Some(cell) = set.lock().iter_mut().find(|cell| cell.owner == name) {
            cell.state_us = rate.refund(cell.state_us, weight);
        }
    }

    fn name(&self, owner: u64, counter: Counter) -> u64 {
        mix(mix(owner ^ self.salt).wrapping_add(u64::from(counter.0)).wrapping_add(1))
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
    use keyward_rules::rate::Rate;

    use super::{Counter, RateAnswer, Rates};

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
    fn several_are_taken_at_once_or_not_at_all() {
        let (rates, rate, now) = (Rates::new(7), Rate::new(10, 1_000).unwrap(), 1_000_000_000);
        let draw = |part, weight| rates.draw(1, Counter::part(5, part), (rate, weight), now).is_ok();
        assert!(draw(1, 7));
        assert!(!draw(1, 4));
        assert!(draw(1, 3));
        assert!(draw(2, 10), "another part");
        rates.give_back(1, Counter::part(5, 1), (rate, 4));
        assert!(draw(1, 4));
        assert!(!draw(1, 1));
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
