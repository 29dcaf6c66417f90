//! What a holder should hear of, on its way out of the data plane: bounded, and each thing said once an hour.

use std::sync::atomic::{AtomicU64, Ordering};

use keyward_rules::address::Source;
use keyward_rules::alert::{CanaryUse, KeyObservation};
use keyward_rules::time::Moment;
use tokio::sync::mpsc;

/// Sightings that may wait to be told; more are dropped, and raised again by the next request of their kind.
const ROOM: usize = 1_024;
/// Cells that remember what was said; two things that share one are said once more than needed.
const CELLS: usize = 65_536;
/// For how long a thing that was said is not said again.
const QUIET_MS: u64 = 60 * 60 * 1_000;

/// The same for what stops a key.
const STOPPED_MS: u64 = 5_000;

/// The way out.
pub struct ObservationSender {
    said: Box<[AtomicU64]>,
    out: mpsc::Sender<KeyObservation>,
}

/// The other end.
pub type Sightings = mpsc::Receiver<KeyObservation>;

impl ObservationSender {
    /// Makes both ends.
    #[must_use]
    pub fn new() -> (Self, Sightings) {
        let (out, sightings) = mpsc::channel(ROOM);
        (Self { said: (0..CELLS).map(|_| AtomicU64::new(0)).collect(), out }, sightings)
    }

    /// Passes a sighting on, unless it was within the hour; whether it was passed on.
    pub fn raise(&self, sighting: KeyObservation, now: Moment) -> bool {
        self.pass_on(sighting, print_of(sighting, now)) == Passed::Now
    }

    /// The same for what every request of a key may say again: the word of its own that `told` is spares it the table, where
    /// many keys would take one another's cells.
    pub fn raise_of_key(&self, sighting: KeyObservation, now: Moment, told: &AtomicU64) {
        let print = print_of(sighting, now);
        if told.load(Ordering::Relaxed) != print && self.pass_on(sighting, print) != Passed::NoRoom {
            told.store(print, Ordering::Relaxed);
        }
    }

    fn pass_on(&self, sighting: KeyObservation, print: u64) -> Passed {
        let place = usize::try_from(print).unwrap_or_default() % CELLS;
        let Some(cell) = self.said.get(place) else { return Passed::NoRoom };
        // A load first: the common case, a key at work from its usual place, writes nothing.
        if cell.load(Ordering::Relaxed) == print || cell.swap(print, Ordering::Relaxed) == print {
            return Passed::Before;
        }
        if self.out.try_send(sighting).is_ok() {
            return Passed::Now;
        }
        // It was not said, so it must not count as said.
        cell.store(0, Ordering::Relaxed);
        Passed::NoRoom
    }
}

/// Whether a sighting was passed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Passed {
    /// It was.
    Now,
    /// Within the hour, before.
    Before,
    /// It was not: too many wait.
    NoRoom,
}

fn print_of(sighting: KeyObservation, now: Moment) -> u64 {
    // The key that repeats itself must be stopped again soon after its user let it go on.
    let quiet_ms = if matches!(sighting, KeyObservation::Repeated(_)) { STOPPED_MS } else { QUIET_MS };
    fingerprint(sighting, now.unix_ms() / quiet_ms)
}

/// 64 bits of what was seen and in which hour; no secret, so no keyed hash.
fn fingerprint(sighting: KeyObservation, hour: u64) -> u64 {
    let (kind, key, address) = match sighting {
        KeyObservation::WrongAddress(key, address) => (1, key, Some(address)),
        KeyObservation::Unbound(key, address) => (2, key, Some(address)),
        KeyObservation::Altered(key) => (3, key, None),
        KeyObservation::LimitNear(key) => (4, key, None),
        KeyObservation::Tried(key, address) => (5, key, Some(address)),
        KeyObservation::Repeated(key) => (6, key, None),
        KeyObservation::Canary(key, address, CanaryUse::Signed) => (7, key, Some(address)),
        KeyObservation::Canary(key, address, CanaryUse::Named) => (8, key, Some(address)),
        KeyObservation::Watched(key, refused) => (9 + refused.limit(), key, None),
    };
    // One source is one piece of news, however many addresses it has.
    let source = address.map_or(0, |address| Source::of(address).number());
    // splitmix64's finisher over each word: cheap, and every bit reaches every bit.
    let mix = |word: u64| {
        let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    };
    let fold = |wide: u128| {
        #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
        let (high, low) = ((wide >> 64) as u64, wide as u64);
        (high, low)
    };
    let (key_high, key_low) = fold(key.as_u128());
    [key_high, key_low, source, hour].into_iter().fold(kind, |print, word| mix(print ^ word)) | 1
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::{ObservationSender, QUIET_MS, ROOM};
    use keyward_rules::alert::KeyObservation;
    use keyward_rules::id::KeyId;
    use keyward_rules::time::Moment;

    #[test]
    fn what_a_key_told_is_remembered_beside_others() {
        let (alarms, mut sightings) = ObservationSender::new();
        let key = |number: u128| KeyId::from_entropy(number.to_be_bytes());
        let words: Vec<AtomicU64> = (0..40_000).map(|_| AtomicU64::new(0)).collect();
        let mut told = |round: u64| {
            let mut told = 0;
            for (number, word) in (0..).zip(&words) {
                let sighting = KeyObservation::Unbound(key(number), "192.0.2.1".parse().unwrap());
                alarms.raise_of_key(sighting, Moment::from_unix_ms(round), word);
                while sightings.try_recv().is_ok() {
                    told += 1;
                }
            }
            told
        };
        assert_eq!(told(0), 40_000);
        assert_eq!(told(1), 0, "although many share a cell of the table");
        assert_eq!(told(QUIET_MS), 40_000);
    }

    #[test]
    fn a_thing_is_said_once_an_hour_and_the_room_is_bounded() {
        let (alarms, mut sightings) = ObservationSender::new();
        let at = Moment::from_unix_ms;
        let sighting = |byte: u8| {
            KeyObservation::WrongAddress(KeyId::from_entropy([byte; 16]), "203.0.113.9".parse().unwrap())
        };
        assert!(alarms.raise(sighting(1), at(0)));
        assert!(!alarms.raise(sighting(1), at(QUIET_MS - 1)));
        assert!(alarms.raise(sighting(2), at(0)));
        let from = |address: &str| {
            KeyObservation::WrongAddress(KeyId::from_entropy([7; 16]), address.parse().unwrap())
        };
        assert!(alarms.raise(from("2001:db8::1"), at(0)));
        assert!(!alarms.raise(from("2001:db8::2"), at(0)), "the same /64");
        assert!(alarms.raise(from("2001:db8:0:1::1"), at(0)));
        assert!(alarms.raise(sighting(1), at(QUIET_MS)));
        assert_eq!(sightings.try_recv(), Ok(sighting(1)));
        let flood = (0..10_000_u32).filter(|number| {
            let key = KeyId::from_entropy((u128::from(*number) << 64).to_be_bytes());
            alarms.raise(KeyObservation::Altered(key), at(0))
        });
        assert!(flood.count() <= ROOM);
        while sightings.try_recv().is_ok() {}
        let late = KeyObservation::Altered(KeyId::from_entropy((9_999_u128 << 64).to_be_bytes()));
        assert!(alarms.raise(late, at(0)), "what found no room is said once there is some");
    }
}
