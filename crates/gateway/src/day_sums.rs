//! What keys and accounts have taken from the sums of their limits today.
//!
//! Sums are taken before a request is forwarded and given back if the exchange did not take it. What is taken is in the journal
//! before the request goes out ([`crate::recorder`]), so a start goes on with the sums of the last run.
//!
//! Invariants: all sums of a request are taken, or none; a sum never exceeds its limit, however many requests come at once;
//! nothing is given back to a day that has passed.

use std::collections::HashMap;

use keyward_api::day_sums::{DaySum, DaySums as Shown};
use keyward_rules::fence::{Decimal, Refused, Sum, SumOf, SumOwner, Whose};
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::limits::{DAY_MS, LIMIT_NEAR_PER_CENT};
use keyward_rules::time::Moment;
use keyward_store::Taken;

use crate::shards::Shards;

/// Per cent of a limit at which its holder is told.
const TOLD_AT: Decimal = Decimal::of(LIMIT_NEAR_PER_CENT as u32);

/// The sums of all keys and accounts that have any. There are as many as those with such limits that were used today.
#[derive(Default)]
pub struct DaySums {
    shards: Shards<Shard>,
}

#[derive(Default)]
struct Shard {
    /// The UTC day, counted from the Unix epoch.
    day: u64,
    owners: HashMap<SumOwner, HashMap<SumOf, Decimal>>,
}

/// What was found when sums were taken.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Noticed {
    /// One of them has come to 80 % of its limit by this.
    pub near: bool,
    /// What limits that only watch would have refused.
    pub observed: Vec<Refused>,
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
            let mut shard = self.shards.of(one.owner).lock();
            shard.turn(one.day);
            if shard.day == one.day {
                let sum = shard.owners.entry(one.owner).or_default().entry(one.of).or_default();
                // What cannot be reckoned with is as good as used up.
                *sum = sum.plus(one.amount).unwrap_or(Decimal::MOST);
            }
        }
    }

    /// Takes all of it from the sums of a key's day and of its account's.
    ///
    /// # Errors
    /// [`Refused`] for the first that would exceed its limit; then nothing is taken.
    pub fn take(
        &self,
        (key, account): (KeyId, AccountId),
        sums: &[Sum],
        now: Moment,
    ) -> Result<Noticed, Refused> {
        let mut noticed = Noticed::default();
        for whose in [Whose::Key, Whose::Account] {
            let owner = SumOwner::of(whose, key, account);
            let of_owner = sums.iter().filter(|sum| sum.whose == whose);
            if let Err(refused) = self.take_of(owner, of_owner, now, &mut noticed) {
                if whose == Whose::Account {
                    let before = sums.iter().filter(|sum| sum.whose == Whose::Key);
                    self.give_back_to(SumOwner::Key(key), before, now);
                }
                return Err(refused);
            }
        }
        Ok(noticed)
    }

    /// Takes all of it from the sums of one owner.
    fn take_of<'s>(
        &self,
        owner: SumOwner,
        sums: impl Iterator<Item = &'s Sum>,
        now: Moment,
        noticed: &mut Noticed,
    ) -> Result<(), Refused> {
        let mut sums = sums.peekable();
        if sums.peek().is_none() {
            return Ok(());
        }
        let mut shard = self.shards.of(owner).lock();
        shard.turn(day_of(now));
        let known = shard.owners.entry(owner).or_default();
        let mut next: Vec<(&SumOf, Decimal)> = Vec::new();
        for sum in sums {
            let before = next.iter().find(|(of, _)| **of == sum.of).map(|(_, amount)| *amount);
            let before = before.unwrap_or_else(|| known.get(&sum.of).copied().unwrap_or_default());
            let after = before.plus(sum.amount).ok_or_else(|| sum.exceeded(Decimal::MOST, Decimal::MOST))?;
            if let Some(limit) = sum.limit.filter(|limit| after > *limit) {
                return Err(sum.exceeded(after, limit));
            }
            if let Some(limit) = sum.watched.filter(|limit| after > *limit) {
                noticed.observed.push(sum.exceeded(after, limit));
            }
            if let Some(limit) = sum.limit {
                let told_at = limit.per_cent(TOLD_AT).unwrap_or(limit);
                noticed.near |= before < told_at && after >= told_at;
            }
            next.retain(|(of, _)| **of != sum.of);
            next.push((&sum.of, after));
        }
        for (of, amount) in next {
            known.insert(of.clone(), amount);
        }
        Ok(())
    }

    /// Gives back what was taken at `then`.
    pub fn give_back<'s>(
        &self,
        (key, account): (KeyId, AccountId),
        sums: impl Iterator<Item = &'s Sum> + Clone,
        then: Moment,
    ) {
        for whose in [Whose::Key, Whose::Account] {
            let of_owner = sums.clone().filter(|sum| sum.whose == whose);
            self.give_back_to(SumOwner::of(whose, key, account), of_owner, then);
        }
    }

    fn give_back_to<'s>(&self, owner: SumOwner, sums: impl Iterator<Item = &'s Sum>, then: Moment) {
        let mut sums = sums.peekable();
        if sums.peek().is_none() {
            return;
        }
        let mut shard = self.shards.of(owner).lock();
        if shard.day != day_of(then) {
            return;
        }
        let Some(known) = shard.owners.get_mut(&owner) else { return };
        for sum in sums {
            if let Some(taken) = known.get_mut(&sum.of) {
                *taken = taken.less(sum.amount);
            }
        }
    }
}

impl Shown for DaySums {
    fn of(&self, owner: SumOwner, now: Moment) -> Vec<DaySum> {
        let shard = self.shards.of(owner).lock();
        if shard.day != day_of(now) {
            return Vec::new();
        }
        let taken = shard.owners.get(&owner).into_iter().flatten();
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
            self.owners.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use keyward_api::day_sums::DaySums as _;
    use keyward_rules::fence::{Decimal, Sum, SumOf, SumOwner, Whose};
    use keyward_rules::id::{AccountId, KeyId};
    use keyward_rules::limits::DAY_MS;
    use keyward_rules::time::Moment;
    use keyward_store::Taken;

    use super::DaySums;

    const NOW: Moment = Moment::from_unix_ms(20_000 * DAY_MS + 5);

    /// A key, and the account of all of them.
    fn key(at: u8) -> (KeyId, AccountId) {
        (KeyId::from_entropy([at; 16]), AccountId::from_u64(7).unwrap())
    }

    fn owner(at: u8) -> SumOwner {
        SumOwner::Key(key(at).0)
    }

    fn sum(amount: u32, limit: u32) -> Sum {
        Sum {
            whose: Whose::Key,
            of: SumOf::Value,
            amount: Decimal::of(amount),
            limit: Some(Decimal::of(limit)),
            watched: None,
            element: 0,
        }
    }

    fn taken(sums: &DaySums, at: u8, now: Moment) -> String {
        sums.of(owner(at), now).first().map_or_else(|| "0".to_owned(), |sum| sum.amount.to_string())
    }

    #[test]
    fn all_or_nothing_is_taken() {
        let sums = DaySums::default();
        sums.take(key(1), &[sum(60, 100), sum(40, 100)], NOW).unwrap();
        assert_eq!(taken(&sums, 1, NOW), "100");
        let more = [Sum { of: SumOf::Orders, ..sum(1, 9) }, sum(1, 100)];
        assert!(sums.take(key(1), &more, NOW).is_err());
        assert_eq!(sums.of(owner(1), NOW).len(), 1, "no order is counted");
        assert!(sums.take(key(2), &[sum(100, 100)], NOW).is_ok(), "another key");
        sums.give_back(key(1), [sum(30, 100)].iter(), NOW);
        assert_eq!(taken(&sums, 1, NOW), "70");
        assert!(sums.take(key(1), &[sum(31, 100)], NOW).is_err());
    }

    #[test]
    fn an_accounts_sums_count_over_all_its_keys() {
        let sums = DaySums::default();
        let both = |amount| [sum(amount, 100), Sum { whose: Whose::Account, ..sum(amount, 150) }];
        sums.take(key(1), &both(100), NOW).unwrap();
        let refused = sums.take(key(2), &both(60), NOW).unwrap_err();
        assert_eq!(refused.whose, Whose::Account);
        assert_eq!(taken(&sums, 2, NOW), "0", "what the key had taken is given back");
        sums.take(key(2), &both(50), NOW).unwrap();
        sums.give_back(key(1), both(100).iter(), NOW);
        assert_eq!(sums.of(SumOwner::Account(key(1).1), NOW).first().unwrap().amount, Decimal::of(50));
    }

    #[test]
    fn a_watched_sum_is_told_and_not_refused() {
        let sums = DaySums::default();
        let watched = |amount| [Sum { limit: None, watched: Some(Decimal::of(100)), ..sum(amount, 1) }];
        assert!(sums.take(key(1), &watched(100), NOW).unwrap().observed.is_empty());
        let noticed = sums.take(key(1), &watched(1), NOW).unwrap();
        assert_eq!((noticed.observed.len(), noticed.near), (1, false));
        assert_eq!(taken(&sums, 1, NOW), "101");
        let both = [Sum { watched: Some(Decimal::of(100)), ..sum(1, 102) }];
        assert_eq!(sums.take(key(1), &both, NOW).unwrap().observed.len(), 1);
        assert!(sums.take(key(1), &both, NOW).is_err());
    }

    #[test]
    fn it_is_said_once_that_a_limit_is_near() {
        let sums = DaySums::default();
        let near: Vec<bool> =
            [79, 1, 5, 15].map(|amount| sums.take(key(1), &[sum(amount, 100)], NOW).unwrap().near).into();
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
        let one = |day, amount| Taken { owner: owner(1), day, of: SumOf::Value, amount: Decimal::of(amount) };
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
