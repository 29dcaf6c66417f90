//! Which orders a key or an account placed a short time ago, so that the same one again and again is noticed.
//!
//! Invariants: of an owner only the last [`ORDERS`] orders are remembered, and of owners only those that have such a limit and
//! placed an order within its time.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};

use keyward_rules::fence::{Repeat, SumOwner};
use keyward_rules::time::Moment;
use parking_lot::Mutex;

/// Orders that are remembered of one owner.
const ORDERS: usize = 256;
/// Owners of one part that are looked through for what is over.
const SWEPT_FROM: usize = 256;
/// The longest time that a limit can name, in milliseconds.
const LONGEST_MS: u64 = 3_600_000;
/// Parts that are locked by themselves.
const SHARDS: usize = 16;

/// The orders of all owners.
pub struct Repeats {
    shards: [Mutex<HashMap<SumOwner, Recent>>; SHARDS],
    spread: RandomState,
}

/// An order's hash, and when it was placed, oldest first.
type Recent = VecDeque<(u64, Moment)>;

impl Default for Repeats {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), spread: RandomState::new() }
    }
}

impl Repeats {
    /// Whether one more order like this is more than its limit.
    #[must_use]
    pub fn is_exceeded(&self, owner: SumOwner, repeat: &Repeat, now: Moment) -> bool {
        let shard = self.shard(owner).lock();
        let since = before(now, u64::from(repeat.most.seconds) * 1_000);
        let same = |placed: &&(u64, Moment)| placed.0 == repeat.intent && placed.1 > since;
        let count = shard.get(&owner).map_or(0, |recent| recent.iter().filter(same).count());
        count >= usize::from(repeat.most.times)
    }

    /// Remembers an order.
    pub fn note(&self, owner: SumOwner, repeat: &Repeat, now: Moment) {
        let mut shard = self.shard(owner).lock();
        if shard.len() >= SWEPT_FROM {
            let since = before(now, LONGEST_MS);
            shard.retain(|_, recent| recent.back().is_some_and(|(_, at)| *at > since));
        }
        let recent = shard.entry(owner).or_default();
        if recent.len() >= ORDERS {
            recent.pop_front();
        }
        recent.push_back((repeat.intent, now));
    }

    fn shard(&self, owner: SumOwner) -> &Mutex<HashMap<SumOwner, Recent>> {
        let [first, rest @ ..] = &self.shards;
        let at = usize::try_from(self.spread.hash_one(owner) % SHARDS as u64).unwrap_or(0);
        at.checked_sub(1).and_then(|at| rest.get(at)).unwrap_or(first)
    }
}

const fn before(now: Moment, ms: u64) -> Moment {
    Moment::from_unix_ms(now.unix_ms().saturating_sub(ms))
}

#[cfg(test)]
mod tests {
    use keyward_rules::fence::{Repeat, Repeated, SumOwner, Whose};
    use keyward_rules::id::KeyId;
    use keyward_rules::time::Moment;

    use super::{ORDERS, Repeats};

    const NOW: Moment = Moment::from_unix_ms(1_700_000_000_000);

    fn order(intent: u64) -> Repeat {
        let most = Repeated { times: 3, seconds: 10 };
        Repeat { whose: Whose::Key, intent, most, enforced: true, element: 0 }
    }

    #[test]
    fn the_same_order_is_counted_within_its_time() {
        let (repeats, owner) = (Repeats::default(), SumOwner::Key(KeyId::from_entropy([1; 16])));
        for second in 0..3 {
            let at = NOW.plus_ms(second * 1_000);
            assert!(!repeats.is_exceeded(owner, &order(1), at));
            repeats.note(owner, &order(1), at);
        }
        let later = NOW.plus_ms(3_000);
        assert!(repeats.is_exceeded(owner, &order(1), later));
        assert!(!repeats.is_exceeded(owner, &order(2), later), "another order");
        let other = SumOwner::Key(KeyId::from_entropy([2; 16]));
        assert!(!repeats.is_exceeded(other, &order(1), later), "another key");
        assert!(!repeats.is_exceeded(owner, &order(1), NOW.plus_ms(10_001)), "the first is forgotten");
    }

    #[test]
    fn memory_is_bounded() {
        let (repeats, owner) = (Repeats::default(), SumOwner::Key(KeyId::from_entropy([1; 16])));
        for intent in 0..2_000 {
            repeats.note(owner, &order(intent), NOW);
        }
        assert_eq!(repeats.shard(owner).lock().get(&owner).unwrap().len(), ORDERS);
        for key in 0..255_u8 {
            for other in 0..255_u8 {
                let owner = SumOwner::Key(KeyId::from_entropy([
                    key, other, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                ]));
                repeats.note(owner, &order(1), NOW.plus_ms(u64::from(key) * 3_600_000));
            }
        }
        let kept: usize = repeats.shards.iter().map(|shard| shard.lock().len()).sum();
        assert!(kept < 10_000, "{kept}");
    }
}
