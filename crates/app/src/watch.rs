//! The task that looks for what is unusual about keys: it learns from requests, keeps what it learned, and tells holders.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keyward_authority::duties::{raise_keys_tried, raise_sighting, raise_signals};
use keyward_gateway::RequestContext;
use keyward_gateway::strangers::{StrangerReceiver, Strangers, Trying, WrongCredentials};
use keyward_gateway::watch::{SeenBatch, Watch, reach_of};
use keyward_rules::alert::KeyObservation;
use keyward_rules::grant::Actor;
use keyward_rules::signal::Baseline;
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;
use tracing::{error, warn};

use crate::ambient;
use crate::tasks::Heartbeat;
use crate::worker::Duties;

/// How often what was learned is kept. A crash takes what was learned since.
const KEEP: Duration = Duration::from_secs(300);
/// How often the task shows that it is alive while nothing comes.
const QUIET: Duration = Duration::from_secs(5);
/// Keys of which it is asked what was learned, for one batch of requests.
const ASKED: usize = 250;
/// Keys that are kept in one commit, and the time between two: other changes have to wait for it.
const KEPT: usize = 250;
const PACE: Duration = Duration::from_millis(5);

/// What the task works with.
pub struct Watching {
    duties: Arc<Duties>,
    context: Arc<RequestContext>,
    seen: mpsc::Receiver<SeenBatch>,
    tried: StrangerReceiver,
    unwatched: Arc<AtomicU64>,
    watch: Watch,
    strangers: Strangers,
    kept: Instant,
}

impl Watching {
    /// Nothing is watched yet.
    pub fn new(
        duties: Arc<Duties>,
        context: Arc<RequestContext>,
        (seen, tried): (mpsc::Receiver<SeenBatch>, StrangerReceiver),
        unwatched: Arc<AtomicU64>,
    ) -> Self {
        let (watch, strangers) = (Watch::default(), Strangers::default());
        Self { duties, context, seen, tried, unwatched, watch, strangers, kept: Instant::now() }
    }

    /// Judges every batch of requests as it comes, until the other end is gone.
    async fn run(&mut self, pulse: &Heartbeat) {
        loop {
            tokio::select! {
                batch = self.seen.recv() => match batch {
                    Some(batch) => self.judge(batch, pulse).await,
                    None => return,
                },
                wrong = self.tried.recv() => if let Some(wrong) = wrong {
                    self.count(wrong).await;
                },
                () = tokio::time::sleep(QUIET) => {}
            }
            if self.kept.elapsed() >= KEEP {
                self.keep(pulse).await;
            }
            pulse.beat();
        }
    }

    /// Judges requests; those of keys that were not watched yet after it was asked what was learned of these.
    async fn judge(&mut self, batch: SeenBatch, pulse: &Heartbeat) {
        let strange = self.see(batch).await;
        if strange.is_empty() {
            return;
        }
        let baselines = self.duties.store.baselines();
        for key in self.watch.strangers(&strange, ASKED) {
            let learned = match baselines.of(key).await {
                Ok(learned) => learned.unwrap_or_default(),
                // What somebody altered is learned anew.
                Err(keyward_store::StoreError::Tampered { .. }) => Baseline::default(),
                Err(problem) => {
                    if pulse.may_tell() {
                        error!(%problem, "what is usual for keys cannot be read; this is logged once a minute");
                    }
                    break;
                }
            };
            self.watch.add(key, learned, ambient::now());
        }
        let unwatched = self.see(strange).await;
        self.unwatched.fetch_add(unwatched.len() as u64, Ordering::Relaxed);
    }

    /// Takes requests in, and tells of what is unusual; gives back those whose keys are not watched.
    async fn see(&mut self, batch: SeenBatch) -> SeenBatch {
        let mut strange = SeenBatch::new();
        for (key, request) in batch {
            let reach = || reach_of(&self.context.view.memory, key);
            let Some(signals) = self.watch.see(key, &request, reach) else {
                strange.push((key, request));
                continue;
            };
            if signals.is_empty() {
                continue;
            }
            let context = self.duties.authority.context(Actor::System("watch"), ambient::now());
            match raise_signals(&context, key, signals).await {
                Ok(true) => warn!(%key, "a key did several unusual things and was put in quarantine"),
                Ok(false) => {}
                Err(problem) => {
                    error!(problem = problem.for_the_log(), "a user could not be told about an unusual use");
                }
            }
        }
        strange
    }

    /// Counts wrong credentials, and tells of those who try keys out.
    async fn count(&mut self, wrong: WrongCredentials) {
        for trying in self.strangers.count(wrong) {
            let context = self.duties.authority.context(Actor::System("watch"), ambient::now());
            let told = match trying {
                Trying::Source(source) => {
                    warn!(%source, "a source tries out keys");
                    raise_keys_tried(&context, source).await
                }
                Trying::Key(key, address) => {
                    raise_sighting(&context, KeyObservation::Tried(key, address)).await.map(drop)
                }
            };
            if let Err(problem) = told {
                error!(problem = problem.for_the_log(), "nobody could be told about wrong credentials");
            }
        }
    }

    /// Keeps what was learned; what cannot be kept is learned again.
    async fn keep(&mut self, pulse: &Heartbeat) {
        self.kept = Instant::now();
        let now = ambient::now();
        let baselines = self.duties.store.baselines();
        let news = self.watch.to_keep(now);
        for part in news.chunks(KEPT) {
            if let Err(problem) = baselines.keep(part, now).await {
                if pulse.may_tell() {
                    error!(%problem, "what is usual for keys cannot be kept; this is logged once a minute");
                }
                return;
            }
            tokio::time::sleep(PACE).await;
        }
        if let Err(problem) = baselines.tidy(now).await {
            error!(%problem, "what was usual for keys that nobody uses any more cannot be dropped");
        }
    }
}

/// Runs it; a task that failed goes on with what was learned before.
pub async fn run(watching: Arc<Mutex<Watching>>, pulse: Heartbeat) {
    watching.lock().await.run(&pulse).await;
}

/// Keeps what was learned at the end.
pub async fn stop(watching: Arc<Mutex<Watching>>) {
    let mut watching = watching.lock().await;
    let news = watching.watch.to_keep(ambient::now());
    if let Err(problem) = watching.duties.store.baselines().keep(&news, ambient::now()).await {
        warn!(%problem, "what is usual for keys cannot be kept: some of it is learned again");
    }
}
