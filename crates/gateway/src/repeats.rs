//! Which orders a key or an account placed a short time ago, so that the same one again and again is noticed.
//!
//! Invariants: looking and remembering are one step, so that requests at the same time count one after the other; of an owner only
//! the last [`ORDERS`] orders are remembered, and owners only for as long as their limit looks back.

use std::collections::{HashMap, VecDeque};

use keyward_rules::fence::{Repeat, SumOwner};
use keyward_rules::time::Moment;

use crate::shards::Shards;

/// Orders that are remembered of one owner.
const ORDERS: usize = 256;
/// Owners of one part before it is looked through for what is over.
const SWEPT_FROM: usize = 64;

/// The orders of all owners.
#[derive(Default)]
pub struct Repeats {
    shards: Shards<Shard>,
}

#[derive(Default)]
struct Shard {
    /// By owner, and by whether the limit does more than watch.
    owners: HashMap<(SumOwner, bool), Recent>,
    /// It is looked through when it has so many: twice as many as were left the last time.
    swept_at: usize,
}

/// The orders of one owner.
struct Recent {
    /// Each by its hash, oldest first.
    orders: VecDeque<(u64, Moment)>,
    /// When nothing of it counts any more.
    until: Moment,
}

impl Repeats {
    /// Remembers an order; whether its limit lets it through. One that only watches lets all through, and remembers all.
    pub fn note(&self, owner: SumOwner, repeat: &Repeat, now: Moment) -> bool {
        let back_ms = u64::from(repeat.most.seconds) * 1_000;
        let since = Moment::from_unix_ms(now.unix_ms().saturating_sub(back_ms));
        let mut shard = self.shards.of(owner).lock();
        shard.sweep(now);
        let recent = shard.owners.entry((owner, repeat.enforced));
        let recent = recent.or_insert_with(|| Recent { orders: VecDeque::new(), until: now });
        let same = |placed: &&(u64, Moment)| placed.0 == repeat.intent && placed.1 > since;
        let passes = recent.orders.iter().filter(same).count() < usize::from(repeat.most.times);
        if passes || !repeat.enforced {
            if recent.orders.len() >= ORDERS {
                recent.orders.pop_front();
            }
            recent.orders.push_back((repeat.intent, now));
            recent.until = now.plus_ms(back_ms);
        }
        passes
    }
}

impl Shard {
    fn sweep(&mut self, now: Moment) {
        if self.owners.len() >= self.swept_at.max(SWEPT_FROM) {
            self.owners.retain(|_, recent| recent.until > now);
            self.swept_at = self.owners.len() * 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use keyward_rules::fence::{Repeat, Repeated, SumOwner, Whose};
    use keyward_rules::id::KeyId;
    use keyward_rules::time::Moment;

    use super::{ORDERS, Repeats};

    const NOW: Moment = Moment::from_unix_ms(1_700_000_000_000);

    fn order(intent: u64) -> Repeat {
        let most = Repeated { times: 3, seconds: 10 };
        Repeat { whose: Whose::Key, intent, most, enforced: true, element: 0 }
    }

    fn owner(number: u32) -> SumOwner {
        let [a, b, c, d] = number.to_be_bytes();
        SumOwner::Key(KeyId::from_entropy([a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
    }

    #[test]
    fn the_same_order_is_counted_within_its_time() {
        let repeats = Repeats::default();
        for second in 0..3 {
            assert!(repeats.note(owner(1), &order(1), NOW.plus_ms(second * 1_000)));
        }
        let later = NOW.plus_ms(3_000);
        assert!(!repeats.note(owner(1), &order(1), later));
        assert!(repeats.note(owner(1), &order(2), later), "another order");
        assert!(repeats.note(owner(2), &order(1), later), "another key");
        assert!(repeats.note(owner(1), &order(1), NOW.plus_ms(10_001)), "the first is forgotten");
        assert!(!repeats.note(owner(1), &order(1), NOW.plus_ms(10_002)), "and the others are not");
    }

    #[test]
    fn a_limit_that_only_watches_counts_by_itself() {
        let repeats = Repeats::default();
        let watched = Repeat { enforced: false, ..order(1) };
        for _ in 0..3 {
            assert!(repeats.note(owner(1), &order(1), NOW) && repeats.note(owner(1), &watched, NOW));
        }
        assert!(!repeats.note(owner(1), &watched, NOW) && !repeats.note(owner(1), &watched, NOW));
    }

    #[test]
    fn at_the_same_time_no_more_pass_than_may() {
        let repeats = Arc::new(Repeats::default());
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let repeats = Arc::clone(&repeats);
                std::thread::spawn(move || (0..20).filter(|_| repeats.note(owner(1), &order(1), NOW)).count())
            })
            .collect();
        let passed: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(passed, 3);
    }

    #[test]
    fn memory_is_bounded() {
        let repeats = Repeats::default();
        for intent in 0..2_000 {
            repeats.note(owner(1), &order(intent), NOW);
        }
        assert_eq!(repeats.shards.of(owner(1)).lock().owners[&(owner(1), true)].orders.len(), ORDERS);
        for number in 0..100_000 {
            // 1,000 in a second, each remembered for ten.
            repeats.note(owner(number), &order(1), NOW.plus_ms(u64::from(number)));
        }
        let kept: usize = repeats.shards.all().iter().map(|shard| shard.lock().owners.len()).sum();
        assert!((10_000..50_000).contains(&kept), "{kept}");
    }
}
