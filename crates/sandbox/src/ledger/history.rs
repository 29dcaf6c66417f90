//! Bounded histories, newest first, and the counter of ids.

use std::collections::VecDeque;

/// Entries kept in each history of an account.
const KEPT: usize = 500;

/// What pages and filters need to know of an entry.
pub(crate) trait Entry {
    fn id(&self) -> u64;
    fn at_ms(&self) -> u64;
}

/// A history that forgets its oldest entry when it is full.
#[derive(Clone, Debug)]
pub(crate) struct History<T>(VecDeque<T>);

impl<T> Default for History<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> History<T> {
    pub(crate) fn push(&mut self, entry: T) {
        self.0.push_front(entry);
        self.0.truncate(KEPT);
    }

    /// Newest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut()
    }
}

/// The next id: of an order, fill, bill, transfer or withdrawal; all share one sequence.
#[derive(Clone, Debug)]
pub(crate) struct Ids(u64);

impl Ids {
    /// A sequence that begins at a place of its own for each seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(700_000_000_000_000 + (seed % 1_000_000) * 1_000_000)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{History, KEPT};

    #[test]
    fn forgets_the_oldest() {
        let mut history = History::default();
        (0..KEPT + 10).for_each(|entry| history.push(entry));
        assert_eq!(history.iter().count(), KEPT);
        assert_eq!((history.iter().next(), history.iter().last()), (Some(&(KEPT + 9)), Some(&10)));
    }
}
