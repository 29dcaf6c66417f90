//! Many accounts that begin the same thing at once (threat F2): one of them is news for its user, ten of them are news for operators.
//!
//! Owns what counts together, and its bounds. Leaves to [`Watched`](super::Watched) what is a first use of a key, and to the caller
//! whether another key of the account did it before.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::id::AccountId;
use crate::limits::DAY_MS;
use crate::route::Class;
use crate::time::Moment;

/// What begins within so long begins at once.
const SPAN_MS: u64 = 2 * 60_000;
/// One that comes in later than this was not late: the clock stepped back.
const LATE_MS: u64 = 10 * 60_000;
/// First uses that are counted at a time; beyond, the oldest is forgotten early.
const STARTS: usize = 16_384;
/// The most alerts of a day: somebody who invents instruments must not fill operators' mailboxes.
const TOLD_A_DAY: usize = 20;

/// Something that a key did for the first time.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum FirstUse {
    /// A request of this class.
    Class(Class),
    /// An order in the instrument of this name.
    Instrument(Arc<str>),
}

impl FirstUse {
    /// A request of this class, where its first one says something: everybody reads first, and reducing risk is no danger.
    #[must_use]
    pub const fn of_class(class: Class) -> Option<Self> {
        match class {
            Class::Trade | Class::Withdraw | Class::Funding | Class::Manage => Some(Self::Class(class)),
            Class::Read | Class::Cancel | Class::Public => None,
        }
    }

    /// A word for it, for the key of an alert.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Class(class) => format!("{class:?}").to_lowercase(),
            Self::Instrument(name) => format!("instrument {name}"),
        }
    }

    /// What accounts began to do, after "began to".
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Class(Class::Trade) => "place orders".to_owned(),
            Self::Class(Class::Withdraw) => "withdraw".to_owned(),
            Self::Class(Class::Funding) => "move funds between accounts".to_owned(),
            Self::Class(Class::Manage) => "administer sub-accounts or keys".to_owned(),
            Self::Class(Class::Read | Class::Cancel | Class::Public) => "send requests".to_owned(),
            Self::Instrument(name) => format!("trade {name}"),
        }
    }
}

/// The same first use by many accounts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BegunAtOnce {
    /// What they began.
    pub what: FirstUse,
    /// Which accounts, each once.
    pub accounts: Vec<AccountId>,
    /// When the last of them did.
    pub at: Moment,
}

/// Counts the accounts of each first use within two minutes.
#[derive(Debug)]
pub struct AtOnce {
    /// In the order in which they came in.
    starts: VecDeque<(Moment, FirstUse, AccountId)>,
    /// The same by what was begun.
    accounts: BTreeMap<FirstUse, BTreeSet<AccountId>>,
    newest: Moment,
    /// The day, and the things that operators have had an alert about in it.
    day: u64,
    told: BTreeSet<FirstUse>,
}

impl Default for AtOnce {
    fn default() -> Self {
        let (starts, accounts, told) = (VecDeque::new(), BTreeMap::new(), BTreeSet::new());
        Self { starts, accounts, newest: Moment::EPOCH, day: 0, told }
    }
}

impl AtOnce {
    /// Counts one; tells of it when it makes `enough` accounts, each thing once a day.
    pub fn count(
        &mut self,
        what: FirstUse,
        account: AccountId,
        at: Moment,
        enough: u16,
    ) -> Option<BegunAtOnce> {
        if self.newest.ms_since(at) >= LATE_MS {
            *self = Self::default();
        }
        self.newest = self.newest.max(at);
        let day = self.newest.unix_ms() / DAY_MS;
        if day != self.day {
            self.day = day;
            self.told.clear();
        }
        while self.starts.front().is_some_and(|(then, ..)| self.newest.ms_since(*then) >= SPAN_MS) {
            self.forget_oldest();
        }
        if self.told.contains(&what) || self.told.len() >= TOLD_A_DAY || self.newest.ms_since(at) >= SPAN_MS {
            return None;
        }
        let accounts = self.accounts.entry(what.clone()).or_default();
        if !accounts.insert(account) {
            return None;
        }
        if accounts.len() < usize::from(enough) {
            self.starts.push_back((at, what, account));
            if self.starts.len() > STARTS {
                self.forget_oldest();
            }
            return None;
        }
        let accounts = self.accounts.remove(&what).unwrap_or_default().into_iter().collect();
        self.starts.retain(|(_, one, _)| *one != what);
        self.told.insert(what.clone());
        Some(BegunAtOnce { what, accounts, at })
    }

    fn forget_oldest(&mut self) {
        let Some((_, what, account)) = self.starts.pop_front() else { return };
        if let Some(accounts) = self.accounts.get_mut(&what) {
            accounts.remove(&account);
            if accounts.is_empty() {
                self.accounts.remove(&what);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AtOnce, BegunAtOnce, FirstUse, LATE_MS, SPAN_MS, STARTS, TOLD_A_DAY};
    use crate::id::AccountId;
    use crate::limits::DAY_MS;
    use crate::route::Class;
    use crate::time::Moment;

    const NOON_MS: u64 = 20_000 * DAY_MS + DAY_MS / 2;

    fn coin(name: &str) -> FirstUse {
        FirstUse::Instrument(name.into())
    }

    fn account(number: u64) -> AccountId {
        AccountId::from_u64(number).unwrap()
    }

    /// The accounts from `first` on, a second apart.
    fn begin(at_once: &mut AtOnce, what: &FirstUse, first: u64, count: u64, at_ms: u64) -> Vec<BegunAtOnce> {
        let one = |number: u64| (account(first + number), Moment::from_unix_ms(at_ms + number * 1_000));
        (0..count)
            .filter_map(|number| {
                let (account, at) = one(number);
                at_once.count(what.clone(), account, at, 10)
            })
            .collect()
    }

    #[test]
    fn the_tenth_account_within_two_minutes_tells_and_no_other() {
        let mut at_once = AtOnce::default();
        let via = coin("VIA-BTC");
        assert_eq!(begin(&mut at_once, &via, 1, 9, NOON_MS), []);
        // The same accounts again, or something else, are no tenth.
        assert_eq!(begin(&mut at_once, &via, 1, 9, NOON_MS + 20_000), []);
        assert_eq!(begin(&mut at_once, &FirstUse::Class(Class::Trade), 1, 9, NOON_MS + 20_000), []);
        let told = begin(&mut at_once, &via, 10, 1, NOON_MS + 60_000);
        assert_eq!(told.len(), 1);
        assert_eq!((&told[0].what, told[0].accounts.len()), (&via, 10));
        // Once a day.
        assert_eq!(begin(&mut at_once, &via, 100, 50, NOON_MS + 61_000), []);
        assert_eq!(begin(&mut at_once, &via, 200, 10, NOON_MS + DAY_MS).len(), 1);
    }

    #[test]
    fn what_takes_longer_than_two_minutes_is_no_crowd() {
        let mut at_once = AtOnce::default();
        for number in 0..200 {
            let at = Moment::from_unix_ms(NOON_MS + number * (SPAN_MS / 9 + 1));
            assert_eq!(at_once.count(coin("BTC-USDT"), account(number + 1), at, 10), None, "{number}");
        }
        // A little faster is one.
        let told = (0..200).filter_map(|number| {
            let at = Moment::from_unix_ms(NOON_MS + DAY_MS + number * (SPAN_MS / 10));
            at_once.count(coin("BTC-USDT"), account(number + 1), at, 10)
        });
        assert_eq!(told.count(), 1);
    }

    #[test]
    fn a_late_one_does_not_count_and_a_clock_that_stepped_back_begins_anew() {
        let mut at_once = AtOnce::default();
        let via = coin("VIA-BTC");
        assert_eq!(begin(&mut at_once, &via, 1, 9, NOON_MS), []);
        assert_eq!(begin(&mut at_once, &via, 20, 1, NOON_MS - SPAN_MS), []);
        assert_eq!(begin(&mut at_once, &via, 30, 10, NOON_MS - 2 * LATE_MS).len(), 1);
    }

    #[test]
    fn a_crowd_costs_bounded_room_and_few_messages() {
        let mut at_once = AtOnce::default();
        let at = Moment::from_unix_ms(NOON_MS);
        let mut told = 0;
        for number in 0..200_000_u64 {
            // Each thing by nine accounts only, then everything by ten.
            let (thing, by) =
                if number < 100_000 { (number / 9, number % 9) } else { (number / 10, number % 10) };
            let what = coin(&format!("X{}-{thing}", number / 100_000));
            told += usize::from(at_once.count(what, account(by + 1), at, 10).is_some());
            assert!(at_once.starts.len() <= STARTS && at_once.accounts.len() <= STARTS);
        }
        assert_eq!(told, TOLD_A_DAY);
        let kept: usize = at_once.accounts.values().map(std::collections::BTreeSet::len).sum();
        assert_eq!(kept, at_once.starts.len(), "what is forgotten is forgotten in both");
    }

    #[test]
    fn reading_and_cancelling_are_no_start() {
        let starts = [Class::Trade, Class::Withdraw, Class::Funding, Class::Manage];
        assert!(starts.into_iter().all(|class| FirstUse::of_class(class).is_some()));
        for class in [Class::Read, Class::Cancel, Class::Public] {
            assert_eq!(FirstUse::of_class(class), None);
        }
        assert_eq!(coin("VIA-BTC").in_words(), "trade VIA-BTC");
        assert_eq!(FirstUse::Class(Class::Withdraw).word(), "withdraw");
    }
}
