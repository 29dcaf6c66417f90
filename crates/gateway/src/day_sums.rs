//! What keys have taken from the sums of their limits today.
//!
//! Sums are taken before a request is forwarded and given back if the exchange did not take it. What is taken is in the journal
//! before the request goes out ([`crate::recorder`]), so a start goes on with the sums of the last run.
//!
//! Invariants: all sums of a request are taken, or none; a sum never exceeds its limit, however many requests come at once;
//! nothing is given back to a day that has passed.

use std::collections::HashMap;

use keyward_api::day_sums::{DaySum, DaySums as Shown};
use keyward_rules::fence::{Decimal, Reason, Refused, Sum, SumOf};
use keyward_rules::id::KeyId;
use keyward_rules::limits::{DAY_MS, LIMIT_NEAR_PER_CENT};
use keyward_rules::time::Moment;
use keyward_store::Taken;
use parking_lot::Mutex;

/// Per cent of a limit at which its holder is told.
const TOLD_AT: Decimal = Decimal::of(LIMIT_NEAR_PER_CENT as u32);
/// Parts that are locked by themselves.
const SHARDS: usize = 64;

/// The sums of all keys that have any. There are as many as keys with such limits that were used today.
pub struct DaySums {
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    /// The UTC day, counted from the Unix epoch.
    day: u64,
    keys: HashMap<KeyId, HashMap<SumOf, Decimal>>,
}

impl Default for DaySums {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

/// The UTC day of a moment, counted from the Unix epoch.
#[must_use]
pub const fn day_of(moment: Moment) -> u64 {
    moment.unix_ms() / DAY_MS
}

impl DaySums {
    /// Goes on with what earlier runs took.
    pub fn restore(&self, taken: Vec<Taken>) {
        for one in taken {
            let mut shard = self.shard(one.key).lock();
            shard.turn(one.day);
            if shard.day == one.day {
                let sum = shard.keys.entry(one.key).or_default().entry(one.of).or_default();
                // What cannot be reckoned with is as good as used up.
                *sum = sum.plus(one.amount).unwrap_or(Decimal::MOST);
            }
        }
    }

    /// Takes all of it from the sums of a key's day; whether one of them has come to 80 % of its limit by this.
    ///
    /// # Errors
    /// [`Refused`] for the first that would exceed its limit; then nothing is taken.
    pub fn take(&self, key: KeyId, sums: &[Sum], now: Moment) -> Result<bool, Refused> {
        let mut shard = self.shard(key).lock();
        shard.turn(day_of(now));
        let known = shard.keys.entry(key).or_default();
        let mut next: Vec<(&SumOf, Decimal)> = Vec::with_capacity(sums.len());
        let mut near = false;
        for sum in sums {
            let before = next.iter().find(|(of, _)| **of == sum.of).map(|(_, amount)| *amount);
            let before = before.unwrap_or_else(|| known.get(&sum.of).copied().unwrap_or_default());
            let exceeded = |asked| Refused {
                reason: Reason::Daily { fence: sum.of.fence(), asked, limit: sum.limit },
                element: sum.element,
            };
            let after = before.plus(sum.amount).ok_or_else(|| exceeded(Decimal::MOST))?;
            if after > sum.limit {
                return Err(exceeded(after));
            }
            let told_at = sum.limit.per_cent(TOLD_AT).unwrap_or(sum.limit);
            near |= before < told_at && after >= told_at;
            next.retain(|(of, _)| **of != sum.of);
            next.push((&sum.of, after));
        }
        for (of, amount) in next {
            known.insert(of.clone(), amount);
        }
        Ok(near)
    }

    /// Gives back what was taken at `then`.
    pub fn give_back<'s>(&self, key: KeyId, sums: impl Iterator<Item = &'s Sum>, then: Moment) {
        let mut shard = self.shard(key).lock();
        if shard.day != day_of(then) {
            return;
        }
        let Some(known) = shard.keys.get_mut(&key) else { return };
        for sum in sums {
            if let Some(taken) = known.get_mut(&sum.of) {
                *taken = taken.less(sum.amount);
            }
        }
    }

    fn shard(&self, key: KeyId) -> &Mutex<Shard> {
        let [first, rest @ ..] = &self.shards;
        let at = usize::try_from(key.as_u128() % SHARDS as u128).unwrap_or(0);
        at.checked_sub(1).and_then(|at| rest.get(at)).unwrap_or(first)
    }
}

impl Shown for DaySums {
    fn of_key(&self, key: KeyId, now: Moment) -> Vec<DaySum> {
        let shard = self.shard(key).lock();
        if shard.day != day_of(now) {
            return Vec::new();
        }
        let taken = shard.keys.get(&key).into_iter().flatten();
        let mut all: Vec<DaySum> =
            taken.map(|(of, amount)| DaySum { of: of.clone(), amount: *amount }).collect();
        all.sort_by_key(|sum| sum.of.to_string());
        all
    }
}

impl Shard {
    /// Begins a new day. A clock that is set back stays in the day that has begun, so that its sums are not forgotten.
    fn turn(&mut self, day: u64) {
        if day > self.day {
            self.day = day;
            self.keys.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use keyward_api::day_sums::DaySums as _;
    use keyward_rules::fence::{Decimal, Sum, SumOf};
    use keyward_rules::id::KeyId;
    use keyward_rules::limits::DAY_MS;
    use keyward_rules::time::Moment;
    use keyward_store::Taken;

    use super::DaySums;

    const NOW: Moment = Moment::from_unix_ms(20_000 * DAY_MS + 5);

    fn key(at: u8) -> KeyId {
        KeyId::from_entropy([at; 16])
    }

    fn sum(amount: u32, limit: u32) -> Sum {
        Sum { of: SumOf::Value, amount: Decimal::of(amount), limit: Decimal::of(limit), element: 0 }
    }

    fn taken(sums: &DaySums, at: u8, now: Moment) -> String {
        sums.of_key(key(at), now).first().map_or_else(|| "0".to_owned(), |sum| sum.amount.to_string())
    }

    #[test]
    fn all_or_nothing_is_taken() {
        let sums = DaySums::default();
        sums.take(key(1), &[sum(60, 100), sum(40, 100)], NOW).unwrap();
        assert_eq!(taken(&sums, 1, NOW), "100");
        let more = [Sum { of: SumOf::Orders, ..sum(1, 9) }, sum(1, 100)];
        assert!(sums.take(key(1), &more, NOW).is_err());
        assert_eq!(sums.of_key(key(1), NOW).len(), 1, "no order is counted");
        assert!(sums.take(key(2), &[sum(100, 100)], NOW).is_ok(), "another key");
        sums.give_back(key(1), [sum(30, 100)].iter(), NOW);
        assert_eq!(taken(&sums, 1, NOW), "70");
        assert!(sums.take(key(1), &[sum(31, 100)], NOW).is_err());
    }

    #[test]
    fn it_is_said_once_that_a_limit_is_near() {
        let sums = DaySums::default();
        let near: Vec<bool> =
            [79, 1, 5, 15].map(|amount| sums.take(key(1), &[sum(amount, 100)], NOW).unwrap()).into();
        assert_eq!(near, [false, true, false, false]);
    }

    #[test]
    fn a_day_begins_at_midnight_and_never_comes_back() {
        let sums = DaySums::default();
        let tomorrow = NOW.plus_ms(DAY_MS);
        sums.take(key(1), &[sum(100, 100)], NOW).unwrap();
        sums.take(key(1), &[sum(100, 100)], tomorrow).unwrap();
        sums.give_back(key(1), [sum(100, 100)].iter(), NOW);
        assert_eq!(taken(&sums, 1, tomorrow), "100", "what was of yesterday is not given back today");
        assert!(sums.take(key(1), &[sum(1, 100)], NOW).is_err(), "a clock that was set back");
    }

    #[test]
    fn a_start_goes_on_with_what_was_taken() {
        let one = |day, amount| Taken { key: key(1), day, of: SumOf::Value, amount: Decimal::of(amount) };
        let sums = DaySums::default();
        sums.restore(vec![one(19_999, 50), one(20_000, 60), one(20_000, 30)]);
        assert_eq!(taken(&sums, 1, NOW), "90");
        assert!(sums.take(key(1), &[sum(11, 100)], NOW).is_err());
    }

    #[test]
    fn a_thousand_at_once_never_exceed_the_limit() {
        let sums = Arc::new(DaySums::default());
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let sums = Arc::clone(&sums);
                std::thread::spawn(move || {
                    (0..125).filter(|_| sums.take(key(1), &[sum(3, 1_000)], NOW).is_ok()).count()
                })
            })
            .collect();
        let passed: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!((passed, taken(&sums, 1, NOW)), (333, "999".to_owned()));
    }
}
