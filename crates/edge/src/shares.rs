//! Things that many have at the same time, counted by source, so that one source cannot have them all.

use std::sync::Arc;

use keyward_rules::address::Source;
use keyward_rules::counts::Counts;
use parking_lot::Mutex;

/// How many each source has.
pub struct Shares {
    of_one: usize,
    held: Mutex<Counts<Source>>,
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
        let taken = self.held.lock().add(source, 1, self.of_one);
        taken.then(|| Held { shares: Arc::clone(self), source })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shares.held.lock().take(&self.source, 1);
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
        assert!(shares.take(source(2)).is_some());
        drop(held);
        assert_eq!(shares.held.lock().parties(), 0);
    }
}
