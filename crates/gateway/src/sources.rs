//! Source rates and bans, by address (IPv6 by /64): charged on arrival, refunded when the signature holds.
//!
//! Bad credentials count against the source, never against the key that they claim.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use keyward_rules::address::{Network, Source, canonical};
use keyward_rules::rate::Rate;
use parking_lot::Mutex;

use crate::rates::{RateAnswer, Rates};

/// Stands for "any route" in the source's own budget.
const ARRIVALS: u16 = u16::MAX;
/// Stands for the budget of failed credentials.
const FAILURES: u16 = u16::MAX - 1;
/// Stands for the records of a source's refused requests, and for those of all sources.
const RECORDS: u16 = u16::MAX - 2;
const ALL_RECORDS: u16 = u16::MAX - 3;
/// Stands for new sockets.
const SOCKETS: u16 = u16::MAX - 4;
/// Sources banned at once; past that the oldest ban ends early, which costs a stranger's requests only.
const BANS: usize = 65_536;

/// The limits of a source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SourceLimits {
    /// Requests, before any check.
    pub arrivals: Rate,
    /// Bad credentials before the source is closed at accept.
    pub failures: Rate,
    /// For how long it is closed.
    pub ban_ms: u64,
    /// Requests without a right signature that are recorded one by one, of one source.
    pub records: Rate,
    /// The same of all sources.
    pub all_records: Rate,
    /// New sockets whose login did not hold yet.
    pub sockets: Rate,
}

/// All sources of one node.
pub struct Sources {
    rates: Rates,
    limits: SourceLimits,
    /// Never closed out, whatever they send.
    never_banned: Vec<Network>,
    bans: Mutex<HashMap<Source, u64>>,
    /// How many there are, so that a request need not look while there is none.
    banned: AtomicUsize,
    unrecorded: AtomicU64,
}

impl Sources {
    /// No source is known yet. Those in `never_banned` are never closed out.
    #[must_use]
    pub fn new(limits: SourceLimits, never_banned: Vec<Network>, salt: u64) -> Self {
        Self {
            rates: Rates::new(salt),
            limits,
            never_banned,
            bans: Mutex::default(),
            banned: AtomicUsize::new(0),
            unrecorded: AtomicU64::new(0),
        }
    }

    /// Charges an arrival.
    #[must_use]
    pub fn arrive(&self, source: IpAddr, now_us: u64) -> RateAnswer {
        self.rates.take(Source::of(source).number(), ARRIVALS, self.limits.arrivals, now_us)
    }

    /// Gives an arrival back: its signature held.
    pub fn refund(&self, source: IpAddr) {
        self.rates.refund(Source::of(source).number(), ARRIVALS, self.limits.arrivals);
    }

    /// Charges a public route's own limit.
    #[must_use]
    pub fn take_public(&self, source: IpAddr, route: u16, rate: Rate, now_us: u64) -> RateAnswer {
        self.rates.take(Source::of(source).number(), route, rate, now_us)
    }

    /// Charges a new socket.
    #[must_use]
    pub fn take_socket(&self, source: IpAddr, now_us: u64) -> RateAnswer {
        self.rates.take(Source::of(source).number(), SOCKETS, self.limits.sockets, now_us)
    }

    /// Gives a new socket back: its login held, so a broker's many customers do not keep each other out.
    pub fn refund_socket(&self, source: IpAddr) {
        self.rates.refund(Source::of(source).number(), SOCKETS, self.limits.sockets);
    }

    /// Counts bad credentials; too many close the source.
    pub fn failed(&self, source: IpAddr, now_us: u64) {
        match self.rates.take(Source::of(source).number(), FAILURES, self.limits.failures, now_us) {
            RateAnswer::Taken => {}
            RateAnswer::Exhausted(_) | RateAnswer::NoRoom => self.ban(source, now_us / 1_000),
        }
    }

    /// Whether a refusal before the signature gets a record of its own. What is beyond is counted: strangers must not fill
    /// the disk, whatever they send.
    #[must_use]
    pub fn may_record(&self, source: IpAddr, now_us: u64) -> bool {
        let one = Source::of(source).number();
        let kept = self.rates.take(one, RECORDS, self.limits.records, now_us) == RateAnswer::Taken
            && self.rates.take(0, ALL_RECORDS, self.limits.all_records, now_us) == RateAnswer::Taken;
        if !kept {
            self.unrecorded.fetch_add(1, Ordering::Relaxed);
        }
        kept
    }

    /// Refusals before the signature that have no record.
    #[must_use]
    pub fn unrecorded(&self) -> u64 {
        self.unrecorded.load(Ordering::Relaxed)
    }

    /// Whether the source is closed. The clock, in milliseconds, is read only where there are bans.
    #[must_use]
    pub fn is_banned(&self, source: IpAddr, now_ms: impl FnOnce() -> u64) -> bool {
        self.banned.load(Ordering::Relaxed) > 0
            && self.bans.lock().get(&Source::of(source)).is_some_and(|until| now_ms() < *until)
    }

    /// Forgets bans that are over, so that requests need not look any more.
    pub fn end_bans(&self, now_ms: u64) {
        if self.banned.load(Ordering::Relaxed) > 0 {
            let mut bans = self.bans.lock();
            bans.retain(|_, until| now_ms < *until);
            self.banned.store(bans.len(), Ordering::Relaxed);
        }
    }

    /// The sources that are closed, by their first address, and until when.
    #[must_use]
    pub fn bans(&self, now_ms: u64) -> Vec<(IpAddr, u64)> {
        let bans = self.bans.lock();
        bans.iter().filter(|(_, until)| now_ms < **until).map(|(one, until)| (one.first(), *until)).collect()
    }

    fn ban(&self, source: IpAddr, now_ms: u64) {
        let single = Network::single(canonical(source));
        if self.never_banned.iter().any(|network| network.covers(single)) {
            return;
        }
        let mut bans = self.bans.lock();
        if bans.len() >= BANS {
            bans.retain(|_, until| now_ms < *until);
            if bans.len() >= BANS {
                let oldest = bans.iter().min_by_key(|(_, until)| **until).map(|(source, _)| *source);
                oldest.and_then(|source| bans.remove(&source));
            }
        }
        bans.insert(Source::of(source), now_ms.saturating_add(self.limits.ban_ms));
        self.banned.store(bans.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use keyward_rules::address::{HostBits, Network};
    use keyward_rules::rate::Rate;

    use super::{RateAnswer, SourceLimits, Sources};

    #[test]
    fn bad_credentials_close_a_source_for_a_while() {
        let limits = SourceLimits {
            arrivals: Rate::new(100, 1_000).unwrap(),
            failures: Rate::new(3, 60_000).unwrap(),
            ban_ms: 600_000,
            records: Rate::new(2, 60_000).unwrap(),
            all_records: Rate::new(3, 60_000).unwrap(),
            sockets: Rate::new(3, 1_000).unwrap(),
        };
        let sources = Sources::new(limits, Vec::new(), 1);
        let (one, two) = ("2001:db8::1".parse().unwrap(), "2001:db8:0:0:ffff::2".parse().unwrap());
        let other = "192.0.2.1".parse().unwrap();
        for _ in 0..3 {
            sources.failed(one, 1_000_000_000);
        }
        assert!(!sources.is_banned(one, || 1_000_000));
        sources.failed(two, 1_000_000_000);
        assert!(sources.is_banned(one, || 1_000_000), "a /64 is one source");
        assert_eq!(sources.bans(1_599_999), [("2001:db8::".parse().unwrap(), 1_600_000)]);
        assert_eq!(sources.bans(1_600_000), []);
        assert!(!sources.is_banned(other, || 1_000_000));
        assert!(!sources.is_banned(one, || 1_600_000));
        sources.end_bans(1_599_999);
        assert!(sources.is_banned(one, || 1_000_000));
        sources.end_bans(1_600_000);
        assert!(!sources.is_banned(one, || unreachable!("no clock is read without bans")));
        assert_eq!(sources.arrive(other, 1_000_000_000), RateAnswer::Taken);
        // One of those that are never closed out, however it is spelled.
        let office = Network::parse("192.0.2.0/28", HostBits::Refuse).unwrap();
        let sources = Sources::new(limits, vec![office], 1);
        for address in ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.16"] {
            let source = address.parse().unwrap();
            (0..10).for_each(|_| sources.failed(source, 1_000_000_000));
            assert_eq!(sources.is_banned(source, || 1_000_000), address == "192.0.2.16", "{address}");
        }
    }

    #[test]
    fn refusals_of_strangers_are_sampled() {
        let rate = |limit| Rate::new(limit, 60_000).unwrap();
        let limits = SourceLimits {
            arrivals: rate(1_000),
            failures: rate(1_000),
            ban_ms: 1,
            records: rate(2),
            all_records: rate(3),
            sockets: rate(3),
        };
        let sources = Sources::new(limits, Vec::new(), 1);
        let kept = |address: &str, now_us| {
            (0..10).filter(|_| sources.may_record(address.parse().unwrap(), now_us)).count()
        };
        let now_us = 1_000_000_000;
        assert_eq!((kept("192.0.2.1", now_us), kept("192.0.2.2", now_us)), (2, 1), "three of all");
        assert_eq!(sources.unrecorded(), 17);
        assert_eq!(kept("192.0.2.3", now_us + 60_000_000), 2);
    }
}
