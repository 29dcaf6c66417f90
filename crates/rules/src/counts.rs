//! How many of something each party has: rates of memory, connections, places in a queue.
//!
//! Invariant: a party that has none is not kept, so the map grows with what is held and not with who was ever seen.

use std::collections::HashMap;
use std::hash::Hash;

/// Counts by party.
#[derive(Debug)]
pub struct Counts<P> {
    by_party: HashMap<P, usize>,
}

impl<P> Default for Counts<P> {
    fn default() -> Self {
        Self { by_party: HashMap::new() }
    }
}

impl<P: Eq + Hash> Counts<P> {
    /// What `party` has.
    #[must_use]
    pub fn of(&self, party: &P) -> usize {
        self.by_party.get(party).copied().unwrap_or_default()
    }

    /// What all have together.
    #[must_use]
    pub fn total(&self) -> usize {
        self.by_party.values().sum()
    }

    /// How many parties have something.
    #[must_use]
    pub fn parties(&self) -> usize {
        self.by_party.len()
    }

    /// Gives `party` so many more, unless it then has more than `most`; whether it did.
    #[must_use]
    pub fn add(&mut self, party: P, more: usize, most: usize) -> bool {
        let sum = self.of(&party).saturating_add(more);
        if sum > most {
            return false;
        }
        if sum > 0 {
            self.by_party.insert(party, sum);
        }
        true
    }

    /// Takes so many from `party` again.
    pub fn take(&mut self, party: &P, fewer: usize) {
        let Some(here) = self.by_party.get_mut(party) else { return };
        *here = here.saturating_sub(fewer);
        if *here == 0 {
            self.by_party.remove(party);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn nobody_gets_more_than_their_part_and_nobody_stays_who_has_none() {
        let mut counts = Counts::default();
        assert!(counts.add("a", 2, 3) && !counts.add("a", 2, 3) && counts.add("a", 1, 3));
        assert!(counts.add("b", 5, 5) && counts.add("c", 0, 0));
        assert_eq!((counts.of(&"a"), counts.of(&"c"), counts.total(), counts.parties()), (3, 0, 8, 2));
        counts.take(&"a", 3);
        counts.take(&"b", 9);
        counts.take(&"c", 1);
        assert_eq!((counts.total(), counts.parties()), (0, 0));
    }
}
