//! When keys were last used, on its way to the store: apart from the journal, because a backup or a sweep may hold up the
//! store's main tables, and withdrawals wait for the journal.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keyward_rules::id::KeyId;
use keyward_store::{LastUse, Usage};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};
use tracing::error;

/// Keys whose last use may wait to be written.
const ROOM: usize = 1_000_000;
/// The use of a key is written once in so long: pages and the sweep count by days.
const AGAIN_MS: u64 = 60_000;
/// Uses written in one commit, for which other changes may have to wait.
const AT_ONCE: usize = 1_000;
/// Between two commits there is as much time for other processes as the last one took, within these bounds: they can only ask
/// now and then whether the database is free.
const PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// The uses of so few keys are written at once. Those of more gather for a while: what is written in the order of the keys lies together,
/// and the more of them, the closer.
const FEW: usize = 1_000;
const GATHER_MS: u64 = 20_000;
/// How often the log tells of failures.
const TELL_MS: u64 = 60_000;

/// The last uses that wait.
pub struct LastUses {
    usage: Usage,
    steady_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
    waiting: Mutex<Waiting>,
    /// Those who write take turns: when one is done, nothing that was due before is still on its way.
    turn: tokio::sync::Mutex<()>,
    /// When a failure was last told in the log.
    told_ms: AtomicU64,
}

/// Uses out of their queues, on their way to the store; those that do not get there go back.
struct Taken<'u> {
    from: &'u Mutex<Waiting>,
    uses: Vec<LastUse>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.from.lock().not_written(&self.uses);
    }
}

#[derive(Default)]
struct Waiting {
    /// Keys in use; each stands in one of the queues.
    keys: HashMap<KeyId, Waits>,
    /// Whose use is written as soon as possible.
    now: VecDeque<KeyId>,
    /// Whose use was written within [`AGAIN_MS`], the longest ago first.
    later: VecDeque<KeyId>,
    /// When many uses were last written.
    gathered_ms: u64,
}

struct Waits {
    used: LastUse,
    /// Whether it is to be written.
    due: bool,
    /// When a use was last written.
    written_ms: u64,
}

impl Waiting {
    fn note(&mut self, used: LastUse) {
        if let Some(waits) = self.keys.get_mut(&used.key) {
            (waits.used, waits.due) = (used, true);
        } else if self.keys.len() < ROOM {
            self.keys.insert(used.key, Waits { used, due: true, written_ms: 0 });
            self.now.push_back(used.key);
        }
    }

    /// Whether what is due is to be written: of few keys at once, of many after they have gathered.
    fn is_time(&mut self, now_ms: u64) -> bool {
        if self.keys.len() <= FEW {
            return true;
        }
        let gathered = now_ms.saturating_sub(self.gathered_ms) >= GATHER_MS;
        if gathered {
            self.gathered_ms = now_ms;
        }
        gathered
    }

    /// Takes some of what is due out of its queue; keys that were not used again are forgotten. Nothing when no more is due.
    fn take(&mut self, now_ms: u64, again_ms: u64) -> Option<Vec<LastUse>> {
        let mut taken = Vec::new();
        for looked_at in 0..AT_ONCE {
            let later = self.later.front().and_then(|key| self.keys.get(key));
            let rested = later.is_some_and(|waits| now_ms.saturating_sub(waits.written_ms) >= again_ms);
            let next = self.now.pop_front().or_else(|| rested.then(|| self.later.pop_front()).flatten());
            let Some(key) = next else { return (looked_at > 0).then_some(taken) };
            match self.keys.get(&key) {
                Some(waits) if waits.due => taken.push(waits.used),
                Some(_) | None => drop(self.keys.remove(&key)),
            }
        }
        Some(taken)
    }

    fn written(&mut self, taken: &[LastUse], now_ms: u64) {
        for used in taken {
            if let Some(waits) = self.keys.get_mut(&used.key) {
                // Unless it was used again meanwhile.
                (waits.due, waits.written_ms) = (waits.used != *used, now_ms);
                self.later.push_back(used.key);
            }
        }
    }

    fn not_written(&mut self, taken: &[LastUse]) {
        self.now.extend(taken.iter().map(|used| used.key));
    }
}

impl LastUses {
    /// None yet.
    #[must_use]
    pub fn new(usage: Usage, steady_ms: Arc<dyn Fn() -> u64 + Send + Sync>) -> Self {
        Self {
            usage,
            steady_ms,
            waiting: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            told_ms: AtomicU64::new(0),
        }
    }

    /// Notes a use that passed every check. Never waits for the store; a note that finds no room is made by the next use.
    pub fn note(&self, used: LastUse) {
        self.waiting.lock().note(used);
    }

    /// Writes what is due: the first use of a key soon, the next ones once a minute. Whether that went well.
    pub async fn flush(&self) -> bool {
        let is_time = self.waiting.lock().is_time((self.steady_ms)());
        if is_time { self.write(AGAIN_MS).await } else { true }
    }

    /// The same without waiting for more to gather: for those who are about to judge a key by its last use.
    pub async fn flush_now(&self) -> bool {
        self.write(AGAIN_MS).await
    }

    /// Writes everything that waits. Whether that went well.
    pub async fn flush_all(&self) -> bool {
        self.write(0).await
    }

    async fn write(&self, again_ms: u64) -> bool {
        let _turn = self.turn.lock().await;
        let now_ms = (self.steady_ms)();
        let mut taken = Taken { from: &self.waiting, uses: Vec::new() };
        // One lock for each part: requests note their uses meanwhile.
        loop {
            let part = self.waiting.lock().take(now_ms, again_ms);
            let Some(part) = part else { break };
            taken.uses.extend(part);
        }
        // From the end, because that is where written ones are cut off.
        taken.uses.sort_unstable_by_key(|used| std::cmp::Reverse(used.key));
        while !taken.uses.is_empty() {
            let left = taken.uses.len().saturating_sub(AT_ONCE);
            let part = taken.uses.get(left..).unwrap_or_default();
            let began = Instant::now();
            if let Err(problem) = self.usage.record(part).await {
                let told_ms = self.told_ms.load(Ordering::Relaxed);
                if told_ms == 0 || now_ms.saturating_sub(told_ms) >= TELL_MS {
                    self.told_ms.store(now_ms.max(1), Ordering::Relaxed);
                    error!(%problem, "last uses cannot be written; they are kept, and this is logged once a minute");
                }
                return false;
            }
            self.waiting.lock().written(part, now_ms);
            taken.uses.truncate(left);
            if left > 0 && again_ms > 0 {
                sleep(began.elapsed().clamp(PAUSE, LONGEST_PAUSE)).await;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use keyward_rules::id::KeyId;
    use keyward_rules::time::Moment;
    use keyward_store::LastUse;

    use super::{AT_ONCE, FEW, GATHER_MS, Taken, Waiting};

    fn used(key: u128, at: u64) -> LastUse {
        let key = KeyId::from_entropy(key.to_be_bytes());
        LastUse { key, at: Moment::from_unix_ms(at), from: "192.0.2.1".parse().unwrap() }
    }

    #[test]
    fn a_key_is_written_at_once_and_then_once_a_minute() {
        let mut waiting = Waiting::default();
        waiting.note(used(1, 1));
        let first = waiting.take(0, 60).unwrap();
        assert_eq!(first, [used(1, 1)]);
        waiting.note(used(1, 2));
        waiting.written(&first, 0);
        assert!(waiting.take(59, 60).is_none());
        waiting.note(used(1, 3));
        let second = waiting.take(60, 60).unwrap();
        assert_eq!(second, [used(1, 3)]);
        waiting.written(&second, 60);
        assert!(waiting.take(119, 60).is_none());
        assert!(
            waiting.take(120, 60).unwrap().is_empty() && waiting.keys.is_empty(),
            "not used again: forgotten"
        );
        waiting.note(used(1, 4));
        assert_eq!(waiting.take(121, 60).unwrap(), [used(1, 4)]);
        assert!(waiting.take(121, 60).is_none());
    }

    #[test]
    fn what_cannot_be_written_is_tried_again() {
        let mut waiting = Waiting::default();
        for key in 0..=AT_ONCE {
            waiting.note(used(u128::try_from(key).unwrap(), 1));
        }
        let taken = waiting.take(0, 60).unwrap();
        assert_eq!(taken.len(), AT_ONCE);
        waiting.not_written(&taken);
        let (again, rest) = (waiting.take(1, 60).unwrap(), waiting.take(1, 60).unwrap());
        assert_eq!((again.len(), rest.len()), (AT_ONCE, 1));
    }

    #[test]
    fn many_gather_before_they_are_written() {
        let mut waiting = Waiting::default();
        let start = 1_000_000;
        let note = |count: usize, waiting: &mut Waiting| {
            (0..count).for_each(|key| waiting.note(used(u128::try_from(key).unwrap(), 1)));
        };
        note(FEW, &mut waiting);
        assert!(waiting.is_time(start) && waiting.is_time(start + 1), "few are written at once");
        note(FEW + 1, &mut waiting);
        assert!(waiting.is_time(start + 2) && !waiting.is_time(start + 1 + GATHER_MS));
        assert!(waiting.is_time(start + 2 + GATHER_MS));
    }

    #[test]
    fn what_is_cut_short_on_its_way_goes_back() {
        let waiting = parking_lot::Mutex::new(Waiting::default());
        waiting.lock().note(used(1, 1));
        let uses = waiting.lock().take(0, 60).unwrap();
        drop(Taken { from: &waiting, uses });
        assert_eq!(waiting.lock().take(1, 60).unwrap(), [used(1, 1)]);
    }
}
