//! Things that many have at the same time, counted by source, so that one source cannot have them all.

use std::collections::HashMap;
use std::sync::Arc;

use keyward_rules::address::Source;
use parking_lot::Mutex;

/// How many each source has.
pub struct Shares {
    of_one: usize,
    held: Mutex<HashMap<Source, usize>>,
}

/// One of them, given back when dropped.
pub struct Held {
    shares: Arc<Shares>,
    source: Source,
}

impl Shares {
    /// Nobody has any. One source gets `of_one` at most.
    #[must_use]
    pub fn new(of_one: usize) -> Arc<Self> {
        Arc::new(Self { of_one, held: Mutex::default() })
    }

    /// One for `source`, if there is one left.
    #[must_use]
    pub fn take(self: &Arc<Self>, source: Source) -> Option<Held> {
        let mut held = self.held.lock();
        let here = held.get(&source).copied().unwrap_or_default();
        if here >= self.of_one {
            return None;
        }
        held.insert(source, here + 1);
        Some(Held { shares: Arc::clone(self), source })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.shares.held.lock();
        if let Some(here) = held.get_mut(&self.source) {
            *here -= 1;
            if *here == 0 {
                held.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use keyward_rules::address::Source;

    use super::Shares;

    #[test]
    fn one_source_leaves_some_for_others() {
        let shares = Shares::new(2);
        let source = |last: u8| Source::of([192, 0, 2, last].into());
        let held: Vec<_> = (0..3).map(|_| shares.take(source(1))).collect();
        assert_eq!(held.iter().flatten().count(), 2);
        let other = shares.take(source(2));
        assert!(other.is_some());
        drop((held, other));
        assert!(shares.held.lock().is_empty());
    }
}
