//! Waits for the exchange, bounded by one coarse clock: a timer for each request would cost more than the request's route.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use atomic_waker::AtomicWaker;
use parking_lot::Mutex;

/// The connections whose waits are bounded. Time moves by [`Deadlines::tick`].
pub struct Deadlines {
    now_ms: AtomicU64,
    waits: Mutex<Vec<Weak<Wait>>>,
}

/// One connection's wait; at most one at a time.
#[derive(Default)]
pub struct Wait {
    /// When it is over, in milliseconds of the ticking clock; 0 while nothing is waited for.
    until_ms: AtomicU64,
    waker: AtomicWaker,
}

impl Deadlines {
    /// Nothing is waited for. `now_ms` is of a steady clock, the one of the ticks.
    #[must_use]
    pub fn new(now_ms: u64) -> Arc<Self> {
        Arc::new(Self { now_ms: AtomicU64::new(now_ms), waits: Mutex::default() })
    }

    /// A wait of a new connection.
    #[must_use]
    pub fn wait(&self) -> Arc<Wait> {
        let wait = Arc::new(Wait::default());
        self.waits.lock().push(Arc::downgrade(&wait));
        wait
    }

    /// Sets the time, and has the waits that are over looked at.
    pub fn tick(&self, now_ms: u64) {
        self.now_ms.store(now_ms, Ordering::Release);
        self.waits.lock().retain(|wait| {
            let Some(wait) = wait.upgrade() else { return false };
            let until_ms = wait.until_ms.load(Ordering::Acquire);
            if until_ms != 0 && now_ms > until_ms {
                wait.waker.wake();
            }
            true
        });
    }
}

/// Nothing came in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Late;

impl Wait {
    /// Bounds one poll of what is waited for: ready when that is, and too late once it has been pending for `patience_ms`.
    pub fn bound<T>(
        &self,
        deadlines: &Deadlines,
        patience_ms: u64,
        context: &mut Context<'_>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<Result<T, Late>> {
        if let Poll::Ready(ready) = poll(context) {
            self.until_ms.store(0, Ordering::Release);
            return Poll::Ready(Ok(ready));
        }
        let mut until_ms = self.until_ms.load(Ordering::Relaxed);
        if until_ms == 0 {
            until_ms = deadlines.now_ms.load(Ordering::Relaxed).saturating_add(patience_ms).max(1);
            self.until_ms.store(until_ms, Ordering::Release);
        }
        // The clock is read after the waker is in its place, so that no tick is missed in between.
        self.waker.register(context.waker());
        let late = deadlines.now_ms.load(Ordering::Acquire) > until_ms;
        if late { Poll::Ready(Err(Late)) } else { Poll::Pending }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::{Deadlines, Late};

    #[tokio::test]
    async fn a_wait_ends_with_its_time_and_not_before() {
        let deadlines = Deadlines::new(1_000);
        let wait = deadlines.wait();
        let never = poll_fn(|context| wait.bound(&deadlines, 100, context, |_| Poll::<()>::Pending));
        let ticks = async {
            for now_ms in [1_050, 1_100, 1_101] {
                tokio::task::yield_now().await;
                deadlines.tick(now_ms);
            }
        };
        let (ended, ()) = tokio::join!(never, ticks);
        assert_eq!(ended, Err(Late));
        // What was not late is not late afterwards, and the next wait has its own time.
        let other = deadlines.wait();
        let mut polls = 0;
        let second = poll_fn(|context| {
            other.bound(&deadlines, 100, context, |context| {
                polls += 1;
                if polls < 3 {
                    deadlines.tick(1_101 + 45 * polls);
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(7)
            })
        });
        assert_eq!(second.await, Ok(7));
        deadlines.tick(9_000);
        let third = poll_fn(|context| other.bound(&deadlines, 100, context, |_| Poll::Ready(8)));
        assert_eq!(third.await, Ok(8), "between two waits nothing is late");
        drop((wait, other));
        deadlines.tick(9_001);
        assert!(deadlines.waits.lock().is_empty());
    }
}
