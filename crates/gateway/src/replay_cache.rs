//! Replay marks: a state-changing request is accepted once while its timestamp is fresh.
//!
//! A ring of one-second buckets by signed timestamp. A mark stays until its second can no longer be fresh, so
//! nothing is evicted early; a full bucket refuses. What was accepted before this process started is covered
//! by the *horizon*: no accepted timestamp exceeds it, it is moved forward durably before it is needed, and
//! after a start every timestamp at or below it is refused. It stays close to the clock: a timestamp from further ahead
//! has its mark kept durably by itself, so that one client's clock does not refuse everybody else after a crash.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use keyward_rules::decision::{ReplayAnswer, ReplayEntry};
use keyward_rules::id::KeyId;
use keyward_rules::limits::TIMESTAMP_WINDOW_MS;
use keyward_rules::time::Moment;
use keyward_store::{ReplaySnapshot, SavedReplayEntry};
use parking_lot::Mutex;

/// Seconds in which a timestamp can be fresh, both ways, and some to spare.
const SECONDS: u64 = 2 * TIMESTAMP_WINDOW_MS / 1_000 + 4;
/// Marks of one second at most: 6 million orders a minute.
const PER_SECOND: usize = 100_000;
/// Shards of a second, to keep locks short.
const SHARDS: usize = 16;
/// How far ahead the horizon is written.
pub const HORIZON_STEP_MS: u64 = 2_000;
/// A timestamp that is further ahead of the clock does not move the horizon.
const AHEAD_MS: u64 = 1_000;

/// What became of a mark, or what it waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Setting {
    /// It is decided.
    Done(ReplayAnswer),
    /// It is new, once it was kept durably by itself.
    Ahead(SavedReplayEntry),
    /// The horizon must be moved first: ask with [`ReplayCache::want`], wait until it was written, and come again.
    PastHorizon,
}

#[derive(Default)]
struct Bucket {
    second: u64,
    replay_cache: std::collections::HashSet<(u128, u64)>,
}

/// All marks of one node.
pub struct ReplayCache {
    ring: Vec<Mutex<Bucket>>,
    /// Timestamps at or below are refused: another process may have accepted them.
    floor_ms: AtomicU64,
    /// What the store durably holds as horizon.
    durable_ms: AtomicU64,
    /// The greatest timestamp that somebody waits for.
    wanted_ms: AtomicU64,
    /// The horizon was asked for before it is needed.
    asked: AtomicBool,
}

impl ReplayCache {
    /// Marks of a process that starts after one whose horizon was `horizon`.
    #[must_use]
    pub fn new(horizon: Option<Moment>) -> Self {
        let floor = horizon.map_or(0, Moment::unix_ms);
        let buckets = usize::try_from(SECONDS).unwrap_or(64) * SHARDS;
        Self {
            ring: (0..buckets).map(|_| Mutex::default()).collect(),
            floor_ms: AtomicU64::new(floor),
            durable_ms: AtomicU64::new(floor),
            wanted_ms: AtomicU64::new(0),
            asked: AtomicBool::new(false),
        }
    }

    /// Marks of a process that starts after one that left these. After a clean stop all that was accepted is known, so
    /// nothing has to be refused.
    #[must_use]
    pub fn restored(horizon: Option<Moment>, taken: &ReplaySnapshot) -> Self {
        let replay_cache = Self::new(horizon);
        if taken.complete {
            replay_cache.floor_ms.store(0, Ordering::Release);
        }
        for mark in &taken.entries {
            if let Some(bucket) = replay_cache.bucket(mark.second, mark.fingerprint) {
                let mut bucket = bucket.lock();
                bucket.second = mark.second;
                bucket.replay_cache.insert((mark.key.as_u128(), mark.fingerprint));
            }
        }
        replay_cache
    }

    /// Every mark, for [`ReplayCache::restored`] after a clean stop; `None` while there are timestamps that this
    /// process cannot vouch for itself.
    #[must_use]
    pub fn saved(&self, now: Moment) -> Option<Vec<SavedReplayEntry>> {
        let floor = self.floor_ms.load(Ordering::Acquire);
        if floor + TIMESTAMP_WINDOW_MS >= now.unix_ms() {
            return None;
        }
        let mut saved = Vec::new();
        for bucket in &self.ring {
            let bucket = bucket.lock();
            if bucket.second * 1_000 + 999 + TIMESTAMP_WINDOW_MS < now.unix_ms() {
                continue;
            }
            saved.extend(bucket.replay_cache.iter().filter_map(|(key, fingerprint)| {
                let key = KeyId::from_u128(*key)?;
                Some(SavedReplayEntry { key, fingerprint: *fingerprint, second: bucket.second })
            }));
        }
        Some(saved)
    }

    fn bucket(&self, second: u64, fingerprint: u64) -> Option<&Mutex<Bucket>> {
        let shard = fingerprint % SHARDS as u64;
        let place = usize::try_from(second % SECONDS * SHARDS as u64 + shard).ok()?;
        self.ring.get(place)
    }

    /// Sets the mark, if it was never set and can be vouched for. Does not wait.
    #[must_use]
    pub fn set(&self, mark: &ReplayEntry, now: Moment) -> Setting {
        const CANNOT_TELL: Setting = Setting::Done(ReplayAnswer::CannotTell);
        let signed = mark.signed_at.unix_ms();
        if signed <= self.floor_ms.load(Ordering::Acquire) {
            return CANNOT_TELL;
        }
        let past_horizon = signed > self.durable_ms.load(Ordering::Acquire);
        if past_horizon && signed <= now.unix_ms() + AHEAD_MS {
            return Setting::PastHorizon;
        }
        let second = signed / 1_000;
        let Some(bucket) = self.bucket(second, mark.fingerprint) else { return CANNOT_TELL };
        let mut bucket = bucket.lock();
        if bucket.second != second {
            // The bucket's old second must be past its freshness, or the clock stepped back.
            let stale = bucket.second * 1_000 + 999 + TIMESTAMP_WINDOW_MS < now.unix_ms();
            if !bucket.replay_cache.is_empty() && !stale {
                return CANNOT_TELL;
            }
            bucket.replay_cache.clear();
            bucket.second = second;
        }
        let name = (mark.key.as_u128(), mark.fingerprint);
        if bucket.replay_cache.contains(&name) {
            return Setting::Done(ReplayAnswer::Repeated);
        }
        if bucket.replay_cache.len() >= PER_SECOND / SHARDS {
            return CANNOT_TELL;
        }
        bucket.replay_cache.insert(name);
        if past_horizon {
            Setting::Ahead(SavedReplayEntry { key: mark.key, fingerprint: mark.fingerprint, second })
        } else {
            Setting::Done(ReplayAnswer::New)
        }
    }

    /// Asks for the horizon to cover `signed_at`.
    pub fn want(&self, signed_at: Moment) {
        self.wanted_ms.fetch_max(signed_at.unix_ms(), Ordering::AcqRel);
    }

    /// Whether the horizon will soon be needed: then it is wanted from now on, and this says so once.
    #[must_use]
    pub fn runs_out(&self, now: Moment) -> bool {
        let soon = now.unix_ms() + AHEAD_MS;
        if soon <= self.durable_ms.load(Ordering::Relaxed) || self.asked.swap(true, Ordering::Relaxed) {
            return false;
        }
        self.wanted_ms.fetch_max(soon, Ordering::AcqRel);
        true
    }

    /// The horizon to write next, if somebody waits for one or will soon.
    #[must_use]
    pub fn next_horizon(&self) -> Option<Moment> {
        let wanted = self.wanted_ms.load(Ordering::Acquire);
        let durable = self.durable_ms.load(Ordering::Acquire);
        (wanted > durable).then(|| Moment::from_unix_ms(wanted + HORIZON_STEP_MS))
    }

    /// The store now holds `until`.
    pub fn horizon_written(&self, until: Moment) {
        self.durable_ms.fetch_max(until.unix_ms(), Ordering::AcqRel);
        self.asked.store(false, Ordering::Relaxed);
    }

    /// The horizon could not be written: it may be asked for again.
    pub fn horizon_failed(&self) {
        self.asked.store(false, Ordering::Relaxed);
    }

    /// The clock stepped back to `now`: everything that may have been accepted counts as another process's.
    pub fn clock_stepped_back(&self) {
        let durable = self.durable_ms.load(Ordering::Acquire);
        self.floor_ms.fetch_max(durable, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use keyward_rules::decision::{ReplayAnswer, ReplayEntry};
    use keyward_rules::id::KeyId;
    use keyward_rules::time::Moment;

    use keyward_store::ReplaySnapshot;

    use super::{ReplayCache, Setting};

    const NOW: u64 = 1_800_000_000_000;

    fn mark(fingerprint: u64, at: u64) -> ReplayEntry {
        ReplayEntry { key: KeyId::from_entropy([1; 16]), fingerprint, signed_at: Moment::from_unix_ms(at) }
    }

    const fn done(answer: ReplayAnswer) -> Setting {
        Setting::Done(answer)
    }

    fn ready(horizon: Option<u64>) -> ReplayCache {
        let replay_cache = ReplayCache::new(horizon.map(Moment::from_unix_ms));
        replay_cache.horizon_written(Moment::from_unix_ms(NOW + 100_000));
        replay_cache
    }

    #[test]
    fn once_within_the_window() {
        let replay_cache = ready(None);
        for at in [NOW - 30_000, NOW, NOW + 30_000] {
            let now = Moment::from_unix_ms(NOW);
            assert_eq!(replay_cache.set(&mark(7, at), now), done(ReplayAnswer::New));
            assert_eq!(replay_cache.set(&mark(7, at), now), done(ReplayAnswer::Repeated));
            assert_eq!(replay_cache.set(&mark(8, at), now), done(ReplayAnswer::New));
        }
        // As late as a timestamp can be fresh, its mark is still there.
        assert_eq!(
            replay_cache.set(&mark(7, NOW + 30_000), Moment::from_unix_ms(NOW + 60_000)),
            done(ReplayAnswer::Repeated)
        );
    }

    #[test]
    fn what_another_process_may_have_accepted_is_refused() {
        let replay_cache = ready(Some(NOW));
        let now = Moment::from_unix_ms(NOW);
        assert_eq!(replay_cache.set(&mark(1, NOW), now), done(ReplayAnswer::CannotTell));
        assert_eq!(replay_cache.set(&mark(1, NOW + 1), now), done(ReplayAnswer::New));
    }

    #[test]
    fn nothing_is_accepted_past_the_durable_horizon() {
        let replay_cache = ReplayCache::new(None);
        let now = Moment::from_unix_ms(NOW);
        assert_eq!(replay_cache.set(&mark(1, NOW), now), Setting::PastHorizon);
        replay_cache.want(now);
        let until = replay_cache.next_horizon().unwrap();
        assert!(until > now);
        replay_cache.horizon_written(until);
        assert_eq!(replay_cache.set(&mark(1, NOW), now), done(ReplayAnswer::New));
        assert_eq!(replay_cache.next_horizon(), None);
    }

    #[test]
    fn a_clean_stop_hands_its_marks_on() {
        let replay_cache = ready(None);
        let now = Moment::from_unix_ms(NOW);
        assert_eq!(replay_cache.set(&mark(7, NOW), now), done(ReplayAnswer::New));
        let old = NOW - 100_000;
        assert_eq!(replay_cache.set(&mark(7, old), Moment::from_unix_ms(old)), done(ReplayAnswer::New));
        let saved = replay_cache.saved(now).unwrap();
        assert_eq!(saved.len(), 1, "what can no longer be fresh is not saved");
        let taken = ReplaySnapshot { complete: true, entries: saved };
        let next = ReplayCache::restored(Some(Moment::from_unix_ms(NOW + 100_000)), &taken);
        assert_eq!(next.set(&mark(7, NOW), now), done(ReplayAnswer::Repeated));
        assert_eq!(next.set(&mark(8, NOW), now), done(ReplayAnswer::New));
    }

    #[test]
    fn marks_after_a_crash_are_not_handed_on_while_they_are_incomplete() {
        let replay_cache = ready(Some(NOW));
        assert_eq!(replay_cache.saved(Moment::from_unix_ms(NOW + 30_000)), None);
        assert_eq!(replay_cache.saved(Moment::from_unix_ms(NOW + 30_001)), Some(vec![]));
    }

    #[test]
    fn the_horizon_is_asked_for_once_before_it_is_needed() {
        let (replay_cache, now) = (ready(None), Moment::from_unix_ms(NOW + 98_000));
        assert!(!replay_cache.runs_out(now) && replay_cache.next_horizon().is_none());
        let later = now.plus_ms(1_001);
        assert!(replay_cache.runs_out(later) && !replay_cache.runs_out(later));
        assert_eq!(replay_cache.next_horizon(), Some(later.plus_ms(3_000)));
        replay_cache.horizon_failed();
        assert!(replay_cache.runs_out(later));
        replay_cache.horizon_written(later.plus_ms(3_000));
        assert!(!replay_cache.runs_out(later) && replay_cache.next_horizon().is_none());
        assert!(replay_cache.runs_out(later.plus_ms(2_001)));
    }

    #[test]
    fn a_clock_ahead_moves_no_horizon_and_is_known_after_a_crash() {
        let (replay_cache, now) = (ReplayCache::new(None), Moment::from_unix_ms(NOW));
        replay_cache.horizon_written(Moment::from_unix_ms(NOW + 2_000));
        let ahead = mark(7, NOW + 29_900);
        let Setting::Ahead(kept) = replay_cache.set(&ahead, now) else { panic!("it lies ahead") };
        assert_eq!(replay_cache.set(&ahead, now), done(ReplayAnswer::Repeated));
        assert_eq!(replay_cache.next_horizon(), None);
        let taken = ReplaySnapshot { complete: false, entries: vec![kept] };
        let next = ReplayCache::restored(Some(Moment::from_unix_ms(NOW + 2_000)), &taken);
        let soon = Moment::from_unix_ms(NOW + 2_100);
        assert_eq!(next.set(&ahead, soon), done(ReplayAnswer::Repeated));
        assert_eq!(next.set(&mark(8, NOW + 2_000), soon), done(ReplayAnswer::CannotTell));
        // Others go on as soon as the clock is past the horizon.
        assert_eq!(next.set(&mark(8, NOW + 2_100), soon), Setting::PastHorizon);
        next.horizon_written(Moment::from_unix_ms(NOW + 4_100));
        assert_eq!(next.set(&mark(8, NOW + 2_100), soon), done(ReplayAnswer::New));
    }

    #[test]
    fn a_full_second_refuses_and_forgets_nothing() {
        let replay_cache = ready(None);
        let now = Moment::from_unix_ms(NOW);
        let mut fingerprint = 0;
        while replay_cache.set(&mark(fingerprint, NOW), now) == done(ReplayAnswer::New) {
            fingerprint += 16;
        }
        assert_eq!(replay_cache.set(&mark(fingerprint, NOW), now), done(ReplayAnswer::CannotTell));
        assert_eq!(replay_cache.set(&mark(0, NOW), now), done(ReplayAnswer::Repeated));
    }

    #[test]
    fn a_clock_that_steps_back_counts_as_a_start() {
        let replay_cache = ready(None);
        replay_cache.clock_stepped_back();
        assert_eq!(
            replay_cache.set(&mark(1, NOW), Moment::from_unix_ms(NOW)),
            done(ReplayAnswer::CannotTell)
        );
    }
}
