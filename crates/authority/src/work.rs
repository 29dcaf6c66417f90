//! Bounded pools for work that takes a core or much memory: passwords, sealed files, pictures.
//!
//! A place in a pool lives as long as the work, not as long as who asked for it: a client that goes away in the middle
//! must not make room for the next.

use std::hash::Hash;
use std::sync::Arc;

use keyward_rules::counts::Counts;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::ActionError;

/// How much a pool takes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PoolLimits {
    /// Pieces of work at a time.
    pub at_a_time: usize,
    /// Pieces under way or waiting, of everybody.
    pub of_all: usize,
    /// Pieces under way or waiting, of one party.
    pub of_one: usize,
}

/// A pool that is fair between parties of the kind `P`, such as sources or accounts.
pub struct Pool<P> {
    limits: PoolLimits,
    permits: Arc<Semaphore>,
    places: Arc<Mutex<Counts<P>>>,
}

/// A place in the queue, given back when dropped.
struct Place<P: Eq + Hash> {
    places: Arc<Mutex<Counts<P>>>,
    party: P,
}

impl<P: Eq + Hash> Drop for Place<P> {
    fn drop(&mut self) {
        self.places.lock().take(&self.party, 1);
    }
}

impl<P: Eq + Hash + Copy + Send + 'static> Pool<P> {
    /// An empty pool.
    #[must_use]
    pub fn new(limits: PoolLimits) -> Self {
        Self { limits, permits: Arc::new(Semaphore::new(limits.at_a_time)), places: Arc::default() }
    }

    /// Does `work` for `party` on a thread that may block.
    ///
    /// # Errors
    /// [`ActionError::Busy`] when too much waits, and when the work panics.
    pub async fn run<T: Send + 'static>(
        &self,
        party: P,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ActionError> {
        let place = self.enter(party)?;
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| ActionError::Busy)?;
        let held = move || {
            let done = work();
            drop((permit, place));
            done
        };
        tokio::task::spawn_blocking(held).await.map_err(|_| ActionError::Busy)
    }

    fn enter(&self, party: P) -> Result<Place<P>, ActionError> {
        let mut places = self.places.lock();
        if places.total() >= self.limits.of_all || !places.add(party, 1, self.limits.of_one) {
            return Err(ActionError::Busy);
        }
        Ok(Place { places: Arc::clone(&self.places), party })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;

    use super::{Pool, PoolLimits};

    const LIMITS: PoolLimits = PoolLimits { at_a_time: 2, of_all: 20, of_one: 8 };

    #[test]
    fn one_party_cannot_fill_the_queue() {
        let pool = Pool::new(LIMITS);
        let places: Vec<_> = (0..20).map(|_| pool.enter(1)).collect();
        assert_eq!(places.iter().filter(|place| place.is_ok()).count(), 8);
        let others: Vec<_> = (2..30).map(|party| pool.enter(party)).collect();
        assert_eq!(others.iter().filter(|place| place.is_ok()).count(), 12);
        drop((places, others));
        assert!(pool.enter(1).is_ok());
        assert_eq!(pool.places.lock().parties(), 0);
    }

    #[tokio::test]
    async fn who_leaves_makes_no_room_before_the_work_ends() {
        let pool = Arc::new(Pool::new(PoolLimits { at_a_time: 1, ..LIMITS }));
        let (started, has_started) = channel();
        let (end, may_end) = channel::<()>();
        let first = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move {
                let work = move || {
                    started.send(()).unwrap();
                    may_end.recv().unwrap();
                };
                pool.run(1, work).await
            }
        });
        tokio::task::spawn_blocking(move || has_started.recv().unwrap()).await.unwrap();
        first.abort();
        assert!(first.await.is_err(), "the client has left");
        assert_eq!(pool.permits.available_permits(), 0, "its work goes on");
        let ran = Arc::new(AtomicUsize::new(0));
        let second = tokio::spawn({
            let (pool, ran) = (Arc::clone(&pool), Arc::clone(&ran));
            async move { pool.run(1, move || ran.fetch_add(1, Ordering::SeqCst)).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(ran.load(Ordering::SeqCst), 0);
        end.send(()).unwrap();
        assert!(second.await.unwrap().is_ok());
        assert_eq!(ran.load(Ordering::SeqCst), 1);
    }
}
