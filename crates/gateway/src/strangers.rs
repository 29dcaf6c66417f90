//! Wrong credentials that name keys: who tries many keys, and which key many requests are tried with.
//!
//! Bounded by spans of ten minutes: what finds no room in one is not counted there. Nothing here refuses anybody; bans of
//! sources are in `sources`.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use keyward_rules::address::Source;
use keyward_rules::id::KeyId;
use keyward_rules::key::{KeyFacts, Reach};
use keyward_rules::limits::DAY_MS;
use keyward_rules::time::Moment;
use tokio::sync::mpsc;

/// Wrong credentials that may wait; more are not counted.
const ROOM: usize = 4_096;
/// How long is counted together.
const SPAN_MS: u64 = 10 * 60_000;
/// Sources and keys that are counted in one span.
const SOURCES: usize = 4_096;
const KEYS: usize = 65_536;
/// Canaries with the sources that named them, which are told of in one span.
const CANARIES: usize = 1_024;
/// Of these, the most that one source takes, and the most that one canary takes: so no stranger takes the places of others' canaries.
const CANARIES_OF_SOURCE: u16 = 16;
const SOURCES_OF_CANARY: u16 = 16;
/// From so many different keys on a source tries keys out, and from so many requests on a key is tried.
const MANY_KEYS: usize = 20;
const MANY_TRIES: u32 = 100;
/// Sources that are told of in one span: who has many addresses must not fill operators' mailboxes.
const TOLD: usize = 5;
/// The same in a day.
const TOLD_A_DAY: usize = 10;

/// Somebody named a key and did not have its secret or passphrase.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WrongCredentials {
    /// The key.
    pub key: KeyId,
    /// From where.
    pub source: IpAddr,
    /// When.
    pub at: Moment,
    /// Whether the key is a canary. It goes this way so that the answer takes no longer than that of another key.
    pub bait: Bait,
}

/// Whether a key is a canary.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bait {
    /// It is.
    Canary,
    /// It is a key like others, or none.
    None,
}

impl Bait {
    /// What the facts of a key say; those of an unknown one say nothing.
    #[must_use]
    pub fn of(facts: Option<&KeyFacts>) -> Self {
        match facts {
            Some(facts) if matches!(facts.reach, Reach::Canary) => Self::Canary,
            Some(_) | None => Self::None,
        }
    }
}

/// The way from requests to [`Strangers`].
pub type StrangerSender = mpsc::Sender<WrongCredentials>;
/// The other end.
pub type StrangerReceiver = mpsc::Receiver<WrongCredentials>;

/// Makes both ends.
#[must_use]
pub fn channel() -> (StrangerSender, StrangerReceiver) {
    mpsc::channel(ROOM)
}

/// What somebody should hear of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trying {
    /// A source tries many keys: for operators.
    Source(Source),
    /// A key is tried many times, the last time from here: for its holder.
    Key(KeyId, IpAddr),
    /// A canary was named from here: for its holder.
    Canary(KeyId, IpAddr),
}

/// Canaries and sources that named them: who is told of is told of once in a span.
#[derive(Default)]
struct Canaries {
    told: HashSet<(KeyId, Source)>,
    of_source: HashMap<Source, u16>,
    of_canary: HashMap<KeyId, u16>,
}

impl Canaries {
    /// Whether this is to be told, which it is while there is room for it.
    fn is_news(&mut self, key: KeyId, source: Source) -> bool {
        let taken = |count: Option<&u16>| count.copied().unwrap_or_default();
        let room = self.told.len() < CANARIES
            && taken(self.of_source.get(&source)) < CANARIES_OF_SOURCE
            && taken(self.of_canary.get(&key)) < SOURCES_OF_CANARY;
        if !room || !self.told.insert((key, source)) {
            return false;
        }
        *self.of_source.entry(source).or_default() += 1;
        *self.of_canary.entry(key).or_default() += 1;
        true
    }
}

/// What was tried in the current span.
#[derive(Default)]
pub struct Strangers {
    span: u64,
    sources: HashMap<Source, HashSet<KeyId>>,
    keys: HashMap<KeyId, u32>,
    /// Canaries that were told of, and from where they were named.
    canaries: Canaries,
    told: usize,
    /// The day, and how many sources were told of in it.
    today: (u64, usize),
}

impl Strangers {
    /// Counts one; what is to be told, each source and key once in a span.
    pub fn count(&mut self, wrong: WrongCredentials) -> Vec<Trying> {
        let span = wrong.at.unix_ms() / SPAN_MS;
        // One that is a little late belongs to the span that has begun; a clock that stepped back begins anew.
        if span > self.span || span + 1 < self.span {
            *self = Self { span, today: self.today, ..Self::default() };
        }
        let day = wrong.at.unix_ms() / DAY_MS;
        if self.today.0 != day {
            self.today = (day, 0);
        }
        let mut found = Vec::new();
        let source = Source::of(wrong.source);
        if self.sources.len() < SOURCES || self.sources.contains_key(&source) {
            let keys = self.sources.entry(source).or_default();
            // A set that is full has been told of.
            let grew = keys.len() < MANY_KEYS && keys.insert(wrong.key);
            if grew && keys.len() == MANY_KEYS && self.told < TOLD && self.today.1 < TOLD_A_DAY {
                self.told += 1;
                self.today.1 += 1;
                found.push(Trying::Source(source));
            }
        }
        if wrong.bait == Bait::Canary && self.canaries.is_news(wrong.key, source) {
            found.push(Trying::Canary(wrong.key, wrong.source));
        }
        if self.keys.len() < KEYS || self.keys.contains_key(&wrong.key) {
            let tries = self.keys.entry(wrong.key).or_default();
            *tries = tries.saturating_add(1);
            if *tries == MANY_TRIES {
                found.push(Trying::Key(wrong.key, wrong.source));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use keyward_rules::address::Source;
    use keyward_rules::id::KeyId;
    use keyward_rules::time::Moment;

    use super::{
        Bait, CANARIES, CANARIES_OF_SOURCE, KEYS, MANY_KEYS, MANY_TRIES, SOURCES, SOURCES_OF_CANARY, SPAN_MS,
        Strangers, TOLD, TOLD_A_DAY, Trying, WrongCredentials,
    };

    fn wrong(key: u32, source: u32, at_ms: u64) -> WrongCredentials {
        WrongCredentials {
            key: KeyId::from_entropy(u128::from(key).to_be_bytes()),
            source: IpAddr::V4(Ipv4Addr::from_bits(source)),
            at: Moment::from_unix_ms(at_ms),
            bait: Bait::None,
        }
    }

    #[test]
    fn a_canary_is_told_of_at_once_and_once_for_each_source_in_a_span() {
        let mut strangers = Strangers::default();
        let mut named = |source: u32, at_ms: u64| {
            strangers.count(WrongCredentials { bait: Bait::Canary, ..wrong(1, source, at_ms) })
        };
        let told =
            |source: u32| [Trying::Canary(wrong(1, 0, 0).key, IpAddr::V4(Ipv4Addr::from_bits(source)))];
        assert_eq!(named(9, 0), told(9));
        assert_eq!(named(9, 1), []);
        assert_eq!(named(10, 2), told(10));
        assert_eq!(named(9, SPAN_MS), told(9));
    }

    /// Neither many canaries that one source knows nor many sources that know one canary keep others' from being told of.
    #[test]
    fn one_stranger_does_not_take_the_places_of_others_canaries() {
        let mut strangers = Strangers::default();
        let mut named = |key: u32, source: u32| {
            let told = strangers.count(WrongCredentials { bait: Bait::Canary, ..wrong(key, source, 0) });
            usize::from(told.iter().any(|one| matches!(one, Trying::Canary(..))))
        };
        let of_one_source: usize = (0..10_000).map(|key| named(key, 9)).sum();
        assert_eq!(of_one_source, usize::from(CANARIES_OF_SOURCE));
        let of_one_canary: usize = (0..10_000).map(|source| named(20_000, 100 + source)).sum();
        assert_eq!(of_one_canary, usize::from(SOURCES_OF_CANARY));
        assert_eq!(named(30_000, 20_000), 1, "another's canary, from elsewhere");
        let of_all: usize = (0..10_000).map(|number| named(40_000 + number, 40_000 + number)).sum();
        assert!(of_all < CANARIES, "{of_all}");
    }

    #[test]
    fn who_tries_many_keys_is_told_once_in_a_span() {
        let mut strangers = Strangers::default();
        let many = u32::try_from(MANY_KEYS).unwrap();
        let mut tries = |first: u32, at_ms: u64| {
            (0..many).flat_map(|key| strangers.count(wrong(first + key, 9, at_ms))).collect::<Vec<_>>()
        };
        let source = Trying::Source(Source::of(IpAddr::V4(Ipv4Addr::from_bits(9))));
        assert_eq!(tries(0, 0), [source]);
        assert_eq!(tries(1_000, 1), []);
        assert_eq!(tries(0, SPAN_MS), [source]);
        // One key from one source, over and over, is somebody's program with an old secret.
        let mut strangers = Strangers::default();
        let tried: Vec<_> = (0..MANY_TRIES * 2).flat_map(|_| strangers.count(wrong(1, 2, 5))).collect();
        assert_eq!(tried, [Trying::Key(wrong(1, 2, 5).key, wrong(1, 2, 5).source)]);
    }

    #[test]
    fn a_crowd_of_strangers_costs_bounded_room_and_few_messages() {
        let mut strangers = Strangers::default();
        let mut told = 0;
        for number in 0..2_000_000_u32 {
            told += strangers.count(wrong(number % 100_000, number / 25, 1)).len();
        }
        assert_eq!(told, TOLD);
        for number in 0..2_000_000_u32 {
            let at_ms = u64::from(number / 20_000) * SPAN_MS;
            told += strangers.count(wrong(number % 100_000, 1_000_000 + number / 25, at_ms)).len();
        }
        assert_eq!(told, TOLD_A_DAY, "in a day");
        assert!(strangers.sources.len() <= SOURCES && strangers.keys.len() <= KEYS);
        assert!(strangers.sources.values().all(|keys| keys.len() <= MANY_KEYS));
    }
}
