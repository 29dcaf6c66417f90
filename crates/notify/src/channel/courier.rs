//! The worker: serves the channels for which something is due, several at a time, each in order.
//!
//! Receivers may be as slow as they like, so nobody's may hold up others': an account is served a few at a time, and the
//! slow ones share a part of the room.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use keyward_rules::channel::{ChannelId, Outcome, gives_up, pause_ms};
use keyward_rules::counts::Counts;
use keyward_rules::id::AccountId;
use keyward_rules::time::Moment;
use keyward_store::{Attempt, ChannelRecord, Deliveries, DeliveryResult, Entropy, StoreError};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::client::{Answer, Client};
use super::form::post;
use super::wait::RetryAfter;

/// How often it is asked at most, while much is written.
const LOOK: Duration = Duration::from_millis(200);
/// How often it is asked for what is due while nothing comes in: digests and second tries become due by themselves.
const ASK: Duration = Duration::from_secs(5);
/// Channels that are served at a time; of one account; of those that failed or were slow the last time.
const ROOM: usize = 128;
const ROOM_OF_ONE: usize = 2;
const ROOM_OF_SLOW: usize = 32;
/// A receiver that takes longer is slow.
const SLOW: Duration = Duration::from_secs(2);
/// Slow receivers that are remembered; beyond, all are forgotten and found out again.
const REMEMBERED: usize = 65_536;
/// A channel for which there is no room is looked at again so much later.
const LATER_MS: u64 = 500;
/// A claimed channel is nobody else's for this long: more than its messages of one turn can take.
const LEASE_MS: u64 = 60_000;
/// Messages of one turn; no further one is begun after so long.
const TURN: usize = 8;
const TURN_MS: u64 = 30_000;
/// The longest wait that a receiver can ask for.
const LONGEST_WAIT_MS: u64 = 60 * 60 * 1_000;

/// The worker.
pub struct ChannelWorker {
    /// What waits.
    pub deliveries: Deliveries,
    /// How it is sent.
    pub client: Client,
    /// The clock.
    pub now: Arc<dyn Fn() -> Moment + Send + Sync>,
    /// Randomness, for jitter.
    pub entropy: Entropy,
    /// What is under way.
    pub lanes: Lanes,
}

/// How many channels are being served for each account, and which of all are slow.
#[derive(Default)]
pub struct Lanes(Arc<Mutex<UnderWay>>);

#[derive(Default)]
struct UnderWay {
    accounts: Counts<AccountId>,
    slow_ones: usize,
    slow: HashSet<ChannelId>,
}

/// A place, given back when dropped.
struct Place {
    under_way: Arc<Mutex<UnderWay>>,
    account: AccountId,
    slow: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut under_way = self.under_way.lock();
        under_way.accounts.take(&self.account, 1);
        under_way.slow_ones -= usize::from(self.slow);
    }
}

impl Lanes {
    fn enter(&self, channel: &ChannelRecord) -> Option<Place> {
        let mut under_way = self.0.lock();
        let slow = channel.failures > 0 || under_way.slow.contains(&channel.id);
        if slow && under_way.slow_ones >= ROOM_OF_SLOW {
            return None;
        }
        if !under_way.accounts.add(channel.account, 1, ROOM_OF_ONE) {
            return None;
        }
        under_way.slow_ones += usize::from(slow);
        Some(Place { under_way: Arc::clone(&self.0), account: channel.account, slow })
    }

    fn note(&self, channel: ChannelId, slow: bool) {
        let mut under_way = self.0.lock();
        if !slow {
            under_way.slow.remove(&channel);
            return;
        }
        if under_way.slow.len() >= REMEMBERED {
            under_way.slow.clear();
        }
        under_way.slow.insert(channel);
    }
}

impl ChannelWorker {
    /// Runs until aborted.
    pub async fn run(self) {
        let mut glance = self.deliveries.glance();
        let courier = Arc::new(self);
        let mut turns = JoinSet::new();
        loop {
            match courier.claim(ROOM - turns.len()).await {
                Ok(claimed) => {
                    for channel in claimed {
                        let Some(place) = courier.lanes.enter(&channel) else {
                            courier.put_off(channel.id).await;
                            continue;
                        };
                        let courier = Arc::clone(&courier);
                        turns.spawn(async move {
                            courier.serve(channel).await;
                            drop(place);
                        });
                    }
                }
                Err(problem) => {
                    error!(%problem, "waiting messages for alert channels cannot be read");
                    tokio::time::sleep(LOOK * 10).await;
                    continue;
                }
            }
            tokio::select! {
                Some(_) = turns.join_next() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
            // While channels are served, others wait for their places.
            if turns.is_empty() {
                glance.moved(ASK, LOOK).await;
            }
        }
    }

    /// Serves every channel for which something is due, once; gives how many there were.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn round(&self) -> Result<usize, StoreError> {
        let claimed = self.claim(ROOM).await?;
        let count = claimed.len();
        for channel in claimed {
            self.serve(channel).await;
        }
        Ok(count)
    }

    async fn claim(&self, room: usize) -> Result<Vec<ChannelRecord>, StoreError> {
        let now = (self.now)();
        let room = u64::try_from(room).unwrap_or(0);
        if room == 0 || !self.deliveries.has_due(now).await? {
            return Ok(Vec::new());
        }
        self.deliveries.claim(now, LEASE_MS, room).await
    }

    /// Gives a channel back for which there is no room now.
    async fn put_off(&self, id: ChannelId) {
        let later = (self.now)().plus_ms(LATER_MS);
        if let Err(problem) = self.deliveries.release(id, later).await {
            error!(channel = %id, %problem, "a channel cannot be released; its lease runs out");
        }
    }

    async fn serve(&self, channel: ChannelRecord) {
        let id = channel.id;
        if let Err(problem) = self.turn(channel).await {
            error!(channel = %id, %problem, "a channel cannot be served; its lease runs out");
        }
    }

    /// Sends what is due until something does not get through, then gives the channel back.
    async fn turn(&self, channel: ChannelRecord) -> Result<(), StoreError> {
        let began = (self.now)();
        let (mut next, mut failed) = (began, channel.failures);
        for _ in 0..TURN {
            let now = (self.now)();
            if now.ms_since(began) > TURN_MS {
                break;
            }
            let Some(attempt) = self.deliveries.attempt(channel.id, now).await? else { break };
            let sent_at = tokio::time::Instant::now();
            let answer = self.send(&channel, &attempt, now).await;
            let now = (self.now)();
            let slow = sent_at.elapsed() >= SLOW;
            self.lanes.note(channel.id, slow);
            let alone = answer.outcome.is_of_the_message(answer.status);
            let failures = if alone { attempt.tries } else { failed.saturating_add(1) };
            let later = now.plus_ms(self.pause_ms(failures, answer.retry_after, now));
            // Of a paused channel only what somebody asked for is tried, once.
            let over = channel.paused_at.is_some() || gives_up(attempt.due_at, now);
            let fate = if answer.outcome == Outcome::Taken {
                DeliveryResult::Taken
            } else if over || answer.outcome == Outcome::Altered {
                DeliveryResult::Failed
            } else {
                DeliveryResult::Delayed(if alone { later } else { now })
            };
            log(&channel, &attempt, answer, fate);
            let what = (answer.status, answer.outcome.word());
            self.deliveries.settle((channel.id, attempt.n), fate, what, now).await?;
            next = now;
            if answer.outcome == Outcome::Taken {
                failed = 0;
            }
            if answer.outcome != Outcome::Taken && !alone {
                next = later;
                break;
            }
            if slow {
                // Its next message waits for a place among the slow ones.
                break;
            }
        }
        self.deliveries.release(channel.id, next).await
    }

    async fn send(&self, channel: &ChannelRecord, attempt: &Attempt, now: Moment) -> Answer {
        match (&channel.target, &attempt.message) {
            (Some(target), Some(message)) => {
                self.client.send(post(target, self.client.policy(), (attempt.id, message), now)).await
            }
            (_, _) => Answer { outcome: Outcome::Altered, status: None, retry_after: None },
        }
    }

    fn pause_ms(&self, failures: u32, retry_after: Option<RetryAfter>, now: Moment) -> u64 {
        let mut jitter = [0; 2];
        (self.entropy)(&mut jitter);
        let asked_ms = retry_after.map_or(0, |asked| asked.wait_ms(now)).min(LONGEST_WAIT_MS);
        pause_ms(failures, u16::from_be_bytes(jitter)).max(asked_ms)
    }
}

/// Ids and outcomes: neither the receiver nor what it said.
fn log(channel: &ChannelRecord, attempt: &Attempt, answer: Answer, fate: DeliveryResult) {
    let (channel, message, tries) = (channel.id, attempt.id, attempt.tries);
    let (outcome, status) = (answer.outcome.word(), answer.status.unwrap_or_default());
    match fate {
        DeliveryResult::Taken => {}
        DeliveryResult::Delayed(_) => {
            info!(%channel, %message, tries, outcome, status, "a message will be tried again")
        }
        DeliveryResult::Failed => {
            warn!(%channel, %message, tries, outcome, status, "a message could not be delivered and is given up")
        }
    }
}
