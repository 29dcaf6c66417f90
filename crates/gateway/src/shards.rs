//! State of keys and accounts in parts that are locked by themselves.

use std::hash::{BuildHasher as _, RandomState};

use keyward_rules::fence::SumOwner;
use parking_lot::Mutex;

/// How many parts.
const SHARDS: usize = 64;

/// A part for each owner; many owners share one. Nobody outside can choose owners that meet in one part.
pub struct Shards<T> {
    shards: [Mutex<T>; SHARDS],
    spread: RandomState,
}

impl<T: Default> Default for Shards<T> {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), spread: RandomState::new() }
    }
}

impl<T> Shards<T> {
    /// The part of an owner.
    pub fn of(&self, owner: SumOwner) -> &Mutex<T> {
        let [first, rest @ ..] = &self.shards;
        let at = usize::try_from(self.spread.hash_one(owner) % SHARDS as u64).unwrap_or(0);
        at.checked_sub(1).and_then(|at| rest.get(at)).unwrap_or(first)
    }

    /// All parts.
    #[cfg(test)]
    pub fn all(&self) -> &[Mutex<T>] {
        &self.shards
    }
}
