//! What was learned of a key: how much it does, what, when, and from where.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use super::at_once::FirstUse;
use crate::address::{HostBits, Network};
use crate::limits::DAY_MS;
use crate::permission::Permission;
use crate::route::Class;
use crate::time::Moment;

/// Days that are remembered: a month and one.
pub const REMEMBERED_DAYS: u64 = 31;
/// On so many different days a key must have been used before what it does can be called unusual.
pub const LEARNED_DAYS: usize = 5;
/// Networks that are remembered; beyond, the one that was used the longest ago is forgotten.
const NETWORKS: usize = 16;
/// Instruments that are remembered. A key that traded so many trades what it likes, so that no further one is called new.
const INSTRUMENTS: usize = 64;
/// The classes by their bits.
const CLASSES: [(Class, &str); 6] = [
    (Class::Read, "read"),
    (Class::Trade, "trade"),
    (Class::Cancel, "cancel"),
    (Class::Withdraw, "withdraw"),
    (Class::Funding, "funding"),
    (Class::Manage, "manage"),
];

/// The busiest three seconds and the minute with the most refusals of one day.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Peaks {
    pub(super) requests: u32,
    pub(super) refusals: u32,
}

/// What is remembered of a day.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Day {
    peaks: Peaks,
    /// Whether a request passed: refusals alone are no use.
    used: bool,
}

/// What was learned of one key. Its size is bounded, at about 2 KiB as a text.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Baseline {
    /// By the UTC day, counted from the Unix epoch: those of the last month on which the key sent something. What makes the key a
    /// known one is kept beyond that, until it is known by newer days: a key that slept is compared with what it did before.
    days: BTreeMap<u64, Day>,
    /// The classes of requests that passed, by their place in [`CLASSES`].
    classes: u8,
    /// The UTC hours of the day in which requests passed, a bit each.
    hours: u32,
    /// The networks of requests that passed, and the day of the last one.
    networks: BTreeMap<Network, u64>,
    /// The instruments of orders that passed, each as a hash of its name; none is ever forgotten.
    instruments: BTreeSet<u32>,
    /// The first day on which an instrument can be called new: orders from before instruments were remembered left none here.
    instruments_from: u64,
    /// When a request last passed.
    last_used: Option<Moment>,
}

/// The same, for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Usual {
    /// On how many of the last 31 days it was used.
    pub days: usize,
    /// Whether that is enough to call something unusual.
    pub learned: bool,
    /// Requests in its busiest three seconds.
    pub requests: u32,
    /// Refused requests in its worst minute.
    pub refusals: u32,
    /// What it does: `read`, `trade` and so on.
    pub classes: Vec<&'static str>,
    /// The UTC hours in which it was used.
    pub hours: Vec<u8>,
    /// From where; empty for a key of an app, whose addresses are confidential.
    pub networks: Vec<Network>,
}

impl Baseline {
    /// Whether enough was learned.
    #[must_use]
    pub fn has_learned(&self) -> bool {
        self.used_days() >= LEARNED_DAYS
    }

    fn used_days(&self) -> usize {
        self.days.values().filter(|day| day.used).count()
    }

    /// When the first day began that is remembered. What a key did before is forgotten, but for the classes of its requests.
    #[must_use]
    pub fn remembered_since(&self) -> Option<Moment> {
        let (first, _) = self.days.first_key_value()?;
        Some(Moment::from_unix_ms(first.saturating_mul(DAY_MS)))
    }

    /// The permissions that requests passed with, ever.
    #[must_use]
    pub fn permissions_used(&self) -> Vec<Permission> {
        let used = |right: &Permission| {
            let of_class = CLASSES.iter().filter(|(class, _)| permission_of(*class) == Some(*right));
            of_class.filter_map(|(class, _)| class_bit(*class)).any(|bit| self.classes & bit != 0)
        };
        Permission::ALL.into_iter().filter(used).collect()
    }

    /// What it comes to.
    #[must_use]
    pub fn usual(&self) -> Usual {
        let peaks = most(self.days.values());
        let has = |place: &usize| self.classes & 1 << place != 0;
        Usual {
            days: self.used_days(),
            learned: self.has_learned(),
            requests: peaks.requests,
            refusals: peaks.refusals,
            classes: (0..).zip(CLASSES).filter(|(place, _)| has(place)).map(|(_, (_, word))| word).collect(),
            hours: (0..24).filter(|hour| self.hours & 1 << hour != 0).collect(),
            networks: self.networks.keys().copied().collect(),
        }
    }

    /// The highest of the days before this moment's: what somebody does today makes nothing of today usual.
    pub(super) fn peaks_before(&self, at: Moment) -> Peaks {
        most(self.days.range(..at.unix_ms() / DAY_MS).map(|(_, day)| day))
    }

    /// For what was learned before instruments were remembered: a key that trades has a month to show in which.
    fn first_day_with_instruments(&self) -> u64 {
        let last = self.last_used.filter(|_| self.has_class(Class::Trade));
        last.map_or(0, |last| last.unix_ms() / DAY_MS + REMEMBERED_DAYS)
    }

    pub(super) const fn last_used(&self) -> Option<Moment> {
        self.last_used
    }

    /// Whether a request of this class passed before.
    pub(super) fn has_class(&self, class: Class) -> bool {
        class_bit(class).is_none_or(|bit| self.classes & bit != 0)
    }

    pub(super) const fn has_hour(&self, at: Moment) -> bool {
        self.hours & hour_bit(at) != 0
    }

    pub(super) fn has_network(&self, network: Network) -> bool {
        self.networks.contains_key(&network)
    }

    /// Takes in a request that passed. Whether anything was learned that is worth keeping at once.
    pub(super) fn learn(&mut self, class: Class, network: Option<Network>, at: Moment) -> bool {
        let before = (self.classes, self.hours);
        self.classes |= class_bit(class).unwrap_or(0);
        self.hours |= hour_bit(at);
        let number = at.unix_ms() / DAY_MS;
        let mut news = before != (self.classes, self.hours);
        if let Some(network) = network {
            if !self.networks.contains_key(&network) && self.networks.len() >= NETWORKS {
                let oldest = self.networks.iter().min_by_key(|(_, day)| **day).map(|(one, _)| *one);
                oldest.and_then(|oldest| self.networks.remove(&oldest));
            }
            news |= self.networks.insert(network, number).is_none();
        }
        news |= !std::mem::replace(&mut self.days.entry(number).or_default().used, true);
        self.forget(number);
        self.last_used = self.last_used.max(Some(at));
        news
    }

    /// Takes in the instrument of an order that passed. Whether it is one that was not remembered.
    pub(super) fn learn_instrument(&mut self, name: &str) -> bool {
        self.instruments.len() < INSTRUMENTS && self.instruments.insert(print_of(name))
    }

    /// Whether an instrument that is not remembered can be called new at this moment.
    pub(super) const fn tells_instruments(&self, at: Moment) -> bool {
        at.unix_ms() / DAY_MS >= self.instruments_from
    }

    /// Whether the key did this before, or may have: then it is no first use of its account.
    #[must_use]
    pub fn may_have_done(&self, what: &FirstUse, at: Moment) -> bool {
        match what {
            FirstUse::Class(class) => self.has_class(*class),
            FirstUse::Instrument(name) => {
                !self.tells_instruments(at)
                    || self.instruments.len() >= INSTRUMENTS
                    || self.instruments.contains(&print_of(name))
            }
        }
    }

    /// Raises the peaks of a day; days that are too old are forgotten. Whether that changed anything.
    pub(super) fn raise(&mut self, peaks: Peaks, at: Moment) -> bool {
        let number = at.unix_ms() / DAY_MS;
        let day = self.days.entry(number).or_default();
        let raised = Peaks {
            requests: day.peaks.requests.max(peaks.requests),
            refusals: day.peaks.refusals.max(peaks.refusals),
        };
        let news = std::mem::replace(&mut day.peaks, raised) != raised;
        self.forget(number);
        news
    }

    /// Forgets the days that are too old on the day with this number.
    fn forget(&mut self, number: u64) {
        while let Some((first, day)) = self.days.first_key_value() {
            let old = first + REMEMBERED_DAYS <= number;
            let needed = day.used && self.used_days() <= LEARNED_DAYS;
            if !(old && !needed || self.days.len() as u64 > REMEMBERED_DAYS) {
                break;
            }
            self.days.pop_first();
        }
    }
}

/// The highest of each.
fn most<'d>(days: impl Iterator<Item = &'d Day>) -> Peaks {
    days.fold(Peaks::default(), |most, day| Peaks {
        requests: most.requests.max(day.peaks.requests),
        refusals: most.refusals.max(day.peaks.refusals),
    })
}

/// `None` for what no key is needed for.
fn class_bit(class: Class) -> Option<u8> {
    CLASSES.iter().position(|(one, _)| *one == class).map(|place| 1 << place)
}

/// The permission that a class of requests takes; public routes take none.
const fn permission_of(class: Class) -> Option<Permission> {
    match class {
        Class::Read => Some(Permission::Read),
        Class::Trade | Class::Cancel => Some(Permission::Trade),
        Class::Withdraw => Some(Permission::Withdraw),
        Class::Funding => Some(Permission::Funding),
        Class::Manage => Some(Permission::Manage),
        Class::Public => None,
    }
}

const fn hour_bit(at: Moment) -> u32 {
    1 << (at.unix_ms() / 3_600_000 % 24)
}

/// FNV-1a: the same in every version of this program, because it is stored. Two names that share one hide one another, which nobody
/// can bring about for an instrument that is listed.
fn print_of(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |print, byte| (print ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// A text that [`Baseline`] did not write.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not what was learned of a key")]
pub struct NotABaseline;

/// Lines of a word and values: `used 1790000000000`, `classes 3`, `hours 65535`, `instruments 0 8a3c01ff`, `day 20000 12 0 1`,
/// `network 192.0.2.0/24 20000`.
impl fmt::Display for Baseline {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = self.last_used {
            writeln!(out, "used {}", at.unix_ms())?;
        }
        writeln!(out, "classes {}", self.classes)?;
        writeln!(out, "hours {}", self.hours)?;
        write!(out, "instruments {}", self.instruments_from)?;
        self.instruments.iter().try_for_each(|print| write!(out, " {print:08x}"))?;
        writeln!(out)?;
        for (number, Day { peaks, used }) in &self.days {
            writeln!(out, "day {number} {} {} {}", peaks.requests, peaks.refusals, u8::from(*used))?;
        }
        for (network, day) in &self.networks {
            writeln!(out, "network {network} {day}")?;
        }
        Ok(())
    }
}

impl FromStr for Baseline {
    type Err = NotABaseline;

    fn from_str(text: &str) -> Result<Self, NotABaseline> {
        fn number<N: FromStr>(word: &str) -> Result<N, NotABaseline> {
            word.parse().map_err(|_| NotABaseline)
        }
        let (mut read, mut instruments) = (Self::default(), None);
        for line in text.lines() {
            match line.split(' ').collect::<Vec<_>>().as_slice() {
                ["used", at] => read.last_used = Some(Moment::from_unix_ms(number(at)?)),
                ["classes", bits] => read.classes = number(bits)?,
                ["hours", bits] => read.hours = number(bits)?,
                ["instruments", from, prints @ ..] => {
                    let print = |print: &&str| u32::from_str_radix(print, 16).map_err(|_| NotABaseline);
                    let prints = prints.iter().map(print).collect::<Result<_, _>>()?;
                    instruments = Some((prints, number(from)?));
                }
                ["day", day, requests, refusals, used @ ("0" | "1")] => {
                    let peaks = Peaks { requests: number(requests)?, refusals: number(refusals)? };
                    read.days.insert(number(day)?, Day { peaks, used: *used == "1" });
                }
                ["network", network, day] => {
                    let network = Network::parse(network, HostBits::Refuse).map_err(|_| NotABaseline)?;
                    read.networks.insert(network, number(day)?);
                }
                _ => return Err(NotABaseline),
            }
        }
        (read.instruments, read.instruments_from) =
            instruments.unwrap_or_else(|| (BTreeSet::new(), read.first_day_with_instruments()));
        let bounded = read.days.len() as u64 <= REMEMBERED_DAYS
            && read.networks.len() <= NETWORKS
            && read.instruments.len() <= INSTRUMENTS;
        if bounded { Ok(read) } else { Err(NotABaseline) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Baseline, FirstUse, INSTRUMENTS, LEARNED_DAYS, NETWORKS, Peaks, REMEMBERED_DAYS};
    use crate::address::Network;
    use crate::limits::DAY_MS;
    use crate::route::Class;
    use crate::time::Moment;

    fn day(number: u64) -> Moment {
        Moment::from_unix_ms(number * DAY_MS)
    }

    #[test]
    fn what_was_learned_is_bounded_and_reads_back() {
        let mut learned = Baseline::default();
        assert_eq!(learned.to_string().parse(), Ok(learned.clone()));
        for number in 20_000..20_100 {
            let peaks = Peaks { requests: u32::try_from(number).unwrap(), refusals: 1 };
            assert!(learned.raise(peaks, day(number)));
            assert!(!learned.raise(peaks, day(number)));
            assert_eq!(
                learned.peaks_before(day(number)).requests,
                u32::try_from(number - 1).unwrap() * u32::from(number > 20_000)
            );
            let network = format!("198.51.{}.0/24", number - 20_000);
            let network = Network::parse(&network, crate::address::HostBits::Refuse).unwrap();
            learned.learn(Class::Trade, Some(network), day(number));
            learned.learn_instrument(&format!("COIN{number}-USDT"));
        }
        let usual = learned.usual();
        assert_eq!((usual.days as u64, usual.networks.len()), (REMEMBERED_DAYS, NETWORKS));
        assert_eq!((usual.requests, usual.classes, usual.hours), (20_099, vec!["trade"], vec![0]));
        assert!(usual.networks.iter().any(|network| network.to_string() == "198.51.99.0/24"));
        assert_eq!(learned.to_string().parse(), Ok(learned.clone()));
        assert_eq!(learned.instruments.len(), INSTRUMENTS);
        assert!(learned.to_string().len() < 2_048);
        for spoilt in [
            "day 1",
            "day 1 2 3 2",
            "day 1 2 x 1",
            "network 192.0.2.1/24 1",
            "noon",
            "classes 256",
            "instruments",
            "instruments x",
            "instruments 0 x",
        ] {
            assert!(spoilt.parse::<Baseline>().is_err(), "{spoilt}");
        }
    }

    #[test]
    fn instruments_are_new_once_and_unknown_for_keys_from_before() {
        let at = day(20_000);
        let via = FirstUse::Instrument("VIA-BTC".into());
        let mut fresh = Baseline::default();
        assert!(!fresh.may_have_done(&via, at) && fresh.tells_instruments(at));
        assert!(fresh.learn_instrument("VIA-BTC") && !fresh.learn_instrument("VIA-BTC"));
        assert!(fresh.may_have_done(&via, at));
        for number in 1..INSTRUMENTS {
            assert!(fresh.learn_instrument(&number.to_string()));
        }
        assert!(!fresh.learn_instrument("one more"), "it trades what it likes");
        assert!(fresh.may_have_done(&FirstUse::Instrument("one more".into()), at));
        assert_eq!(fresh.to_string().parse(), Ok(fresh));
        // As it was written before instruments were remembered: one that traded has a month to show in which.
        let before = |classes: u8| format!("used {}\nclasses {classes}\nhours 1\n", at.unix_ms()).parse();
        let (reader, trader): (Baseline, Baseline) = (before(1).unwrap(), before(3).unwrap());
        assert!(!reader.may_have_done(&via, at));
        assert!(trader.may_have_done(&via, day(20_030)) && !trader.may_have_done(&via, day(20_031)));
    }

    #[test]
    fn some_days_of_use_are_needed_before_anything_is_unusual() {
        let mut learned = Baseline::default();
        for number in 0..LEARNED_DAYS as u64 {
            assert!(!learned.has_learned());
            learned.raise(Peaks::default(), day(number));
            assert!(!learned.has_learned(), "refusals alone are no use");
            learned.learn(Class::Read, None, day(number));
        }
        assert!(learned.has_learned());
        // A key that slept is still known, by what it did before.
        learned.raise(Peaks::default(), day(400));
        assert!(learned.has_learned());
        for number in 400..400 + LEARNED_DAYS as u64 {
            learned.learn(Class::Read, None, day(number));
            learned.raise(Peaks::default(), day(number));
        }
        assert_eq!(learned.usual().days, LEARNED_DAYS, "it is known by newer days now");
    }

    /// One request a day: the peaks of a day come in on the next, and then today's is there already.
    #[test]
    fn a_quiet_key_stays_within_the_bounds_too() {
        let mut learned = Baseline::default();
        for number in 100..200 {
            learned.raise(Peaks { requests: 1, refusals: 0 }, day(number - 1));
            learned.learn(Class::Read, None, day(number));
            assert_eq!(learned.to_string().parse(), Ok(learned.clone()), "day {number}");
        }
    }

    #[test]
    fn the_network_that_is_new_is_not_the_one_that_is_forgotten() {
        let mut learned = Baseline::default();
        for last in (0..=NETWORKS).rev() {
            let network = crate::address::Network::around(format!("198.51.{last}.1").parse().unwrap());
            assert!(learned.learn(Class::Read, Some(network), day(7)));
            assert!(learned.has_network(network) && learned.usual().networks.len() <= NETWORKS);
        }
    }
}
