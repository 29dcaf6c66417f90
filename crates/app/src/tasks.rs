//! What runs beside requests, each task by itself: one that is slow, stuck or panics holds up no other.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;
use tracing::error;

/// How long a task that ended by a panic waits before it is started again: doubled each time, up to the longest.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A task that ran for so long before it failed starts with the shortest pause again.
const WENT_WELL: Duration = Duration::from_secs(60);

/// How often a task that keeps failing says so.
const TELL_MS: u64 = 60_000;

/// A task's sign of life.
#[derive(Clone)]
pub struct Heartbeat {
    name: &'static str,
    began: Instant,
    beat_ms: Arc<AtomicU64>,
    /// When a failure was last told in the log; 0 when it succeeded since.
    told_ms: Arc<AtomicU64>,
}

impl Heartbeat {
    fn of(name: &'static str) -> Self {
        Self { name, began: Instant::now(), beat_ms: Arc::default(), told_ms: Arc::default() }
    }

    /// The task has done what it had to do.
    pub fn beat(&self) {
        self.beat_ms.store(self.now_ms(), Ordering::Relaxed);
        self.told_ms.store(0, Ordering::Relaxed);
    }

    /// Whether a failure was told since the task last did what it had to do.
    pub fn has_told(&self) -> bool {
        self.told_ms.load(Ordering::Relaxed) != 0
    }

    /// Whether a failure may be told in the log: the first, and then once a minute, however often the task tries.
    pub fn may_tell(&self) -> bool {
        let (now_ms, told_ms) = (self.now_ms().max(1), self.told_ms.load(Ordering::Relaxed));
        let due = told_ms == 0 || now_ms.saturating_sub(told_ms) >= TELL_MS;
        if due {
            self.told_ms.store(now_ms, Ordering::Relaxed);
        }
        due
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// How long ago it last was done; since its start if it never was.
    pub fn age(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.beat_ms.load(Ordering::Relaxed)))
    }
}

/// A thread with a runtime of its own: for a task that must not wait until another one lets go of a thread.
pub struct OwnThread {
    handle: Handle,
    /// The thread ends when this is dropped.
    _until: oneshot::Sender<()>,
}

impl OwnThread {
    /// Starts it.
    pub fn start(name: &str) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().thread_name(name).enable_all().build()?;
        let handle = runtime.handle().clone();
        let (_until, over) = oneshot::channel::<()>();
        let run = move || drop(runtime.block_on(over));
        std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self { handle, _until })
    }

    /// Runs `work` there.
    pub fn spawn<W>(&self, work: W) -> JoinHandle<W::Output>
    where
        W: Future<Output: Send> + Send + 'static,
    {
        self.handle.spawn(work)
    }
}

/// All tasks of a node.
#[derive(Default)]
pub struct Tasks {
    running: Vec<(Heartbeat, JoinHandle<()>)>,
}

impl Tasks {
    /// Runs what `make` gives, and runs it anew whenever it panics.
    pub fn start<F, W>(&mut self, name: &'static str, make: F)
    where
        F: Fn(Heartbeat) -> W + Send + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let pulse = Heartbeat::of(name);
        let handle = tokio::spawn(supervise(pulse.clone(), make));
        self.running.push((pulse, handle));
    }

    /// Like [`Self::start`], on a thread of its own.
    pub fn start_on<F, W>(&mut self, thread: &OwnThread, name: &'static str, make: F)
    where
        F: Fn(Heartbeat) -> W + Send + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let pulse = Heartbeat::of(name);
        let handle = thread.spawn(supervise(pulse.clone(), make));
        self.running.push((pulse, handle));
    }

    /// Does `work` every `period`, for the first time after one.
    pub fn every<F, W>(&mut self, name: &'static str, period: Duration, work: F)
    where
        F: Fn() -> W + Clone + Send + Sync + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        self.start(name, move |pulse| {
            let work = work.clone();
            async move {
                loop {
                    tokio::time::sleep(period).await;
                    work().await;
                    pulse.beat();
                }
            }
        });
    }

    /// The signs of life.
    pub fn pulses(&self) -> Vec<Heartbeat> {
        self.running.iter().map(|(pulse, _)| pulse.clone()).collect()
    }

    /// Ends them all where they stand.
    pub async fn stop(self) {
        for (_, handle) in &self.running {
            handle.abort();
        }
        for (_, handle) in self.running {
            let _ = handle.await;
        }
    }
}

async fn supervise<F, W>(pulse: Heartbeat, make: F)
where
    F: Fn(Heartbeat) -> W,
    W: Future<Output = ()> + Send + 'static,
{
    let mut pause = PAUSE;
    loop {
        let began = Instant::now();
        let work = tokio::spawn(make(pulse.clone()));
        let _end = AbortWith(work.abort_handle());
        match work.await {
            Ok(()) => return,
            Err(problem) => error!(task = pulse.name, %problem, "a task failed, and is started again"),
        }
        if began.elapsed() > WENT_WELL {
            pause = PAUSE;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Ends a task together with the one that watches it.
struct AbortWith(AbortHandle);

impl Drop for AbortWith {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::{OwnThread, Tasks};

    #[tokio::test]
    async fn a_task_that_panics_is_started_again_and_holds_up_no_other() {
        let mut tasks = Tasks::default();
        let (failed, worked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&failed);
        tasks.start("failing", move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            async { panic!("on purpose") }
        });
        tasks.start("stuck", |_| std::future::pending());
        let counted = Arc::clone(&worked);
        tasks.every("working", Duration::from_millis(1), move || {
            counted.fetch_add(1, Ordering::Relaxed);
            async {}
        });
        // Started again after 0.1 and 0.2 seconds.
        while failed.load(Ordering::Relaxed) < 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(worked.load(Ordering::Relaxed) > 20);
        let names: Vec<&str> = tasks.pulses().iter().map(super::Heartbeat::name).collect();
        assert_eq!(names, ["failing", "stuck", "working"]);
        let [failing, stuck, working] = tasks.pulses().try_into().ok().unwrap();
        assert!(stuck.age() >= Duration::from_millis(300) && failing.age() >= Duration::from_millis(300));
        assert!(working.age() < Duration::from_millis(300), "{:?}", working.age());
        tasks.stop().await;
        let before = worked.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(worked.load(Ordering::Relaxed), before);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_task_on_a_thread_of_its_own_waits_for_no_other() {
        let (mut tasks, thread) = (Tasks::default(), OwnThread::start("own").unwrap());
        let (beats, meanwhile) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&beats);
        tasks.start_on(&thread, "own", move |_| {
            let counted = Arc::clone(&counted);
            async move {
                loop {
                    counted.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        });
        let (counted, seen) = (Arc::clone(&beats), Arc::clone(&meanwhile));
        // The one thread of the runtime is held until the other task has run 20 times.
        tasks.start("holds its thread", move |_| {
            let (from, counted, seen) =
                (counted.load(Ordering::Relaxed), Arc::clone(&counted), Arc::clone(&seen));
            async move {
                let began = tokio::time::Instant::now();
                while counted.load(Ordering::Relaxed) < from + 20 && began.elapsed() < Duration::from_secs(10)
                {
                    std::hint::spin_loop();
                }
                seen.store(counted.load(Ordering::Relaxed) - from, Ordering::Relaxed);
            }
        });
        while tasks
            .running
            .iter()
            .any(|(pulse, task)| pulse.name() == "holds its thread" && !task.is_finished())
        {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(meanwhile.load(Ordering::Relaxed) >= 20);
        tasks.stop().await;
    }
}
