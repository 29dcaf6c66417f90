//! The task that looks for what is unusual about keys: it learns from requests, keeps what it learned, and tells holders.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keyward_authority::ActionError;
use keyward_authority::duties::{
    accounts_at_once, raise_accounts_at_once, raise_keys_tried, raise_sighting, raise_signals,
};
use keyward_gateway::RequestContext;
use keyward_gateway::strangers::{StrangerReceiver, Strangers, Trying, WrongCredentials};
use keyward_gateway::watch::{SeenBatch, Watch, owner_of, reach_of};
use keyward_rules::alert::{CanaryUse, KeyObservation};
use keyward_rules::grant::{Actor, Scope};
use keyward_rules::id::KeyId;
use keyward_rules::signal::{AtOnce, Baseline, BegunAtOnce, FirstUse, Signal};
use keyward_rules::time::Moment;
use keyward_store::StoreError;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, timeout};
use tracing::{error, warn};

use crate::ambient;
use crate::tasks::Heartbeat;
use crate::worker::Duties;

/// How often what was learned is kept. A crash takes what was learned since.
const KEEP: Duration = Duration::from_secs(300);
/// Unusual things whose telling failed and that are told again; more are told the next time they happen.
const UNTOLD: usize = 1_000;
/// How often the task shows that it is alive while nothing comes.
const QUIET: Duration = Duration::from_secs(5);
/// Keys of which it is asked what was learned, for one batch of requests.
const ASKED: usize = 250;
/// Keys that are kept in one commit, and the time between two: other changes have to wait for it.
const KEPT: usize = 250;
const PACE: Duration = Duration::from_millis(5);

/// How long the end may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// What the task works with.
pub struct Watching {
    duties: Arc<Duties>,
    context: Arc<RequestContext>,
    seen: mpsc::Receiver<SeenBatch>,
    tried: StrangerReceiver,
    unwatched: Arc<AtomicU64>,
    watch: Watch,
    strangers: Strangers,
    /// Which accounts begin the same thing.
    at_once: AtOnce,
    /// What could not be told, because the store did not take it.
    untold: VecDeque<(KeyId, Vec<Signal>)>,
    /// When that was last tried.
    tried_again: Instant,
    /// What was learned and is not kept yet.
    unkept: BTreeMap<KeyId, String>,
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
        let (watch, strangers, untold) = (Watch::default(), Strangers::default(), VecDeque::new());
        let (kept, tried_again) = (Instant::now(), Instant::now());
        Self {
            duties,
            context,
            seen,
            tried,
            unwatched,
            watch,
            strangers,
            at_once: AtOnce::default(),
            untold,
            tried_again,
            unkept: BTreeMap::new(),
            kept,
        }
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
            if self.tried_again.elapsed() >= QUIET {
                self.tried_again = Instant::now();
                // One after the other, as long as the store takes them.
                while let Some((key, signals)) = self.untold.pop_front() {
                    if !self.tell(key, signals).await {
                        break;
                    }
                }
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
        for key in self.watch.strangers(&strange, ASKED) {
            let learned = match self.learned(key).await {
                Ok(learned) => learned,
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

    /// What was learned of a key; of a successor that was never used, what was learned of the key that it follows.
    async fn learned(&self, key: KeyId) -> Result<Baseline, StoreError> {
        if let Some(learned) = self.unkept.get(&key).and_then(|text| text.parse().ok()) {
            return Ok(learned);
        }
        let baselines = self.duties.store.baselines();
        let kept = match baselines.of(key).await {
            Ok(None) => match self.duties.store.reader().notes(key).await?.predecessor {
                Some(before) => baselines.of(before).await,
                None => Ok(None),
            },
            kept => kept,
        };
        match kept {
            Ok(learned) => Ok(learned.unwrap_or_default()),
            // What somebody altered is learned anew.
            Err(StoreError::Tampered { .. }) => Ok(Baseline::default()),
            Err(problem) => Err(problem),
        }
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
            if !signals.is_empty() {
                self.tell(key, signals).await;
            }
            for what in self.watch.take_first_uses(key) {
                self.begin(key, what, request.at).await;
            }
        }
        strange
    }

    /// Counts what a key began, and tells operators when many accounts do.
    async fn begin(&mut self, key: KeyId, what: FirstUse, at: Moment) {
        let told = match self.begun(key, what, at).await {
            Ok(Some(begun)) => {
                let (what, accounts) = (begun.what.in_words(), begun.accounts.len());
                warn!(what, accounts, "many accounts began the same thing at once");
                let context = self.duties.authority.context(Actor::System("watch"), ambient::now());
                raise_accounts_at_once(&context, begun).await
            }
            Ok(None) => Ok(()),
            Err(problem) => Err(problem),
        };
        if let Err(problem) = told {
            error!(
                problem = problem.for_the_log(),
                "what a key does for the first time could not be compared with other accounts"
            );
        }
    }

    /// Whether this makes many accounts. What another key of the account did before is nothing new.
    async fn begun(
        &mut self,
        key: KeyId,
        what: FirstUse,
        at: Moment,
    ) -> Result<Option<BegunAtOnce>, ActionError> {
        let Some((account, owner)) = owner_of(&self.context.view.memory, key) else { return Ok(None) };
        let context = self.duties.authority.context(Actor::System("watch"), ambient::now());
        let Some(enough) = accounts_at_once(&context).await? else { return Ok(None) };
        let kept = self.duties.store.reader().baselines_of(Scope::All, account).await?;
        let others = kept.iter().filter(|(other, _)| **other != key);
        let known = others.into_iter().any(|(other, learned)| {
            learned.may_have_done(&what, at) || self.watch.may_have_done(*other, &what, at)
        });
        Ok(if known { None } else { self.at_once.count(what, owner, at, enough) })
    }

    /// Whether the store took it.
    async fn tell(&mut self, key: KeyId, signals: Vec<Signal>) -> bool {
        let context = self.duties.authority.context(Actor::System("watch"), ambient::now());
        let told = raise_signals(&context, key, signals.clone()).await;
        let taken = told.is_ok();
        match told {
            Ok(raised) => {
                raised.too_small.into_iter().for_each(|small| self.watch.was_too_small(key, small));
                if raised.quarantined {
                    warn!(%key, "a key did several unusual things and was put in quarantine");
                }
            }
            Err(problem) => {
                error!(
                    problem = problem.for_the_log(),
                    "a user could not be told about an unusual use; it is tried again"
                );
                if self.untold.len() < UNTOLD {
                    self.untold.push_back((key, signals));
                }
            }
        }
        // A crowd of keys must not keep the store busy.
        tokio::time::sleep(PACE).await;
        taken
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
                Trying::Canary(key, address) => {
                    let named = KeyObservation::Canary(key, address, CanaryUse::Named);
                    warn!(%key, %address, "a canary was named without its credentials");
                    raise_sighting(&context, named).await.map(drop)
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

    /// Keeps what was learned; what cannot be kept is tried again the next time.
    async fn keep(&mut self, pulse: &Heartbeat) {
        self.kept = Instant::now();
        let now = ambient::now();
        self.unkept.extend(self.watch.to_keep(now, false));
        if let Err(problem) = self.write().await {
            if pulse.may_tell() {
                error!(%problem, "what is usual for keys cannot be kept; this is logged once a minute");
            }
            return;
        }
        if let Err(problem) = self.duties.store.baselines().tidy(now).await {
            error!(%problem, "what was usual for keys that nobody uses any more cannot be dropped");
        }
    }

    /// Writes what is not kept yet, some of it at a time.
    async fn write(&mut self) -> Result<(), StoreError> {
        let baselines = self.duties.store.baselines();
        while !self.unkept.is_empty() {
            let part: Vec<(KeyId, String)> =
                self.unkept.iter().take(KEPT).map(|(key, text)| (*key, text.clone())).collect();
            baselines.keep(&part, ambient::now()).await?;
            for (key, _) in &part {
                self.unkept.remove(key);
            }
            tokio::time::sleep(PACE).await;
        }
        Ok(())
    }
}

/// Runs it; a task that failed goes on with what was learned before.
pub async fn run(watching: Arc<Mutex<Watching>>, pulse: Heartbeat) {
    watching.lock().await.run(&pulse).await;
}

/// At the end: takes in what still waits, and keeps what was learned.
pub async fn stop(watching: Arc<Mutex<Watching>>) {
    let mut watching = watching.lock().await;
    while let Ok(batch) = watching.seen.try_recv() {
        watching.see(batch).await;
    }
    let learned = watching.watch.to_keep(ambient::now(), true);
    watching.unkept.extend(learned);
    match timeout(FAREWELL, watching.write()).await {
        Ok(Ok(())) => {}
        Ok(Err(problem)) => {
            warn!(%problem, "what is usual for keys cannot be kept: some of it is learned again");
        }
        Err(_) => warn!("what is usual for keys was not kept in time: some of it is learned again"),
    }
}
