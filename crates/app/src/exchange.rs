//! Telling the exchange of sub-accounts: what waits is sent in order for each master account, again and again until the exchange
//! has taken it.
//!
//! Several master accounts are served at a time, so that one whose notice the exchange does not take holds up no other.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use keyward_authority::duties::{closing_answered, tell_exchange_of_untold};
use keyward_authority::{ActionError, Authority};
use keyward_notify::ExchangeClient;
use keyward_rules::exchange_notice::{ExchangeAnswer, ExchangeNotice, NoticeKind};
use keyward_rules::grant::Actor;
use keyward_rules::id::{AccountId, RequestId};
use keyward_rules::time::Moment;
use keyward_store::{
    DueNotice, ExchangeNotices, Glance, NoticeEnd, NoticeKey, NoticesWaiting, Store, StoreError,
};
use tokio::task::{self, JoinSet};
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::ambient;
use crate::tasks::Heartbeat;

/// How often it is looked at most, while much is written.
const LOOK: Duration = Duration::from_millis(100);
/// How often it is looked while nothing comes in: second tries become due by themselves.
const ASK: Duration = Duration::from_secs(1);
/// Notices under way, each of another master account.
const ROOM: usize = 8;
/// How often it is looked whether there is something that the exchange was never told.
const SEARCH: Duration = Duration::from_secs(10 * 60);
/// The pause after the first try that failed, in milliseconds: doubled each time, up to the longest.
const PAUSE_MS: u64 = 1_000;
const LONGEST_PAUSE_MS: u64 = 60_000;

/// Milliseconds after which a notice must have arrived.
pub const LATE_MS: u64 = 5 * 60 * 1_000;

/// How many notices wait, for metrics and health.
#[derive(Default)]
pub struct ExchangeLag {
    count: AtomicU64,
    /// When the oldest was written, in milliseconds; 0 when none waits.
    oldest_ms: AtomicU64,
}

impl ExchangeLag {
    /// How many wait.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// How long the oldest has waited at `now`.
    pub fn age_ms(&self, now: Moment) -> u64 {
        match self.oldest_ms.load(Ordering::Relaxed) {
            0 => 0,
            oldest => now.unix_ms().saturating_sub(oldest),
        }
    }

    /// What to tell of it at `now`, when a notice has waited for too long. Requests are served all the same.
    pub fn late(&self, now: Moment) -> Option<String> {
        let (count, age_ms) = (self.count(), self.age_ms(now));
        (age_ms >= LATE_MS).then(|| {
            format!(
                "the exchange: {count} notices about sub-accounts wait, the oldest for {} s",
                age_ms / 1_000
            )
        })
    }

    fn set(&self, waiting: NoticesWaiting) {
        self.count.store(waiting.count, Ordering::Relaxed);
        self.oldest_ms.store(waiting.oldest.map_or(0, Moment::unix_ms), Ordering::Relaxed);
    }
}

/// The exchange that is told.
pub struct Exchange {
    client: ExchangeClient,
    notices: ExchangeNotices,
    lag: Arc<ExchangeLag>,
}

impl Exchange {
    /// How far it lags.
    pub fn lag(&self) -> Arc<ExchangeLag> {
        Arc::clone(&self.lag)
    }
}

/// Notes in the store whether there is an exchange to tell, before anything is changed: from then on every process writes what it
/// has to be told, or none does.
pub async fn open(store: &Store, client: Option<ExchangeClient>) -> Result<Option<Exchange>> {
    let notices = store.exchange_notices();
    let Some(client) = client else {
        notices.end().await.context("the store cannot note that no exchange is told of sub-accounts")?;
        return Ok(None);
    };
    notices
        .begin(ambient::now())
        .await
        .context("the store cannot note that the exchange is told of sub-accounts")?;
    Ok(Some(Exchange { client, notices, lag: Arc::default() }))
}

/// Milliseconds to wait after so many tries.
const fn pause_ms(tries: u32) -> u64 {
    if tries >= 6 { LONGEST_PAUSE_MS } else { PAUSE_MS << tries }
}

/// Runs until aborted.
pub async fn run(exchange: Arc<Exchange>, authority: Arc<Authority>, pulse: Heartbeat) {
    let mut glance = exchange.notices.glance();
    let (mut under_way, mut search) = (UnderWay::default(), Search::default());
    let mut settled = true;
    loop {
        let searched = search.go_on(&authority, &pulse).await;
        match under_way.begin_due(&exchange, &authority).await {
            Ok(()) if searched && settled => pulse.beat(),
            Ok(()) => {}
            Err(problem) => {
                tell_once(&pulse, &problem, "what the exchange must be told cannot be read");
                tokio::time::sleep(ASK).await;
            }
        }
        tokio::select! {
            ended = under_way.next() => {
                settled = ended.is_ok();
                if let Err(problem) = ended {
                    // It is due again at once: it must not take the processor for itself.
                    tell_once(&pulse, &problem, "telling the exchange failed, and is tried again");
                    tokio::time::sleep(ASK).await;
                }
            }
            () = soon(&mut glance) => {}
            () = search.pause() => {}
        }
    }
}

/// Returns when it is worth looking again: seldom while nothing is written, and not too often while much is.
async fn soon(glance: &mut Glance) {
    tokio::time::sleep(LOOK).await;
    glance.moved(ASK, LOOK).await;
}

/// What is tried again at once would fill the log.
fn tell_once(pulse: &Heartbeat, problem: &dyn std::fmt::Display, what: &str) {
    if pulse.may_tell() {
        error!(%problem, "{what}; this is logged once a minute");
    }
}

/// The notices under way: at most one of each master account, so that one whose notice fails or hangs holds up no other.
#[derive(Default)]
struct UnderWay {
    tries: JoinSet<Result<(), StoreError>>,
    masters: HashMap<task::Id, AccountId>,
}

impl UnderWay {
    /// Begins to tell what is due, as far as there is room.
    async fn begin_due(
        &mut self,
        exchange: &Arc<Exchange>,
        authority: &Arc<Authority>,
    ) -> Result<(), StoreError> {
        exchange.lag.set(exchange.notices.waiting().await?);
        // Those that are under way are due as well.
        for due in exchange.notices.due(ambient::now(), 2 * ROOM as u64).await? {
            if self.masters.len() >= ROOM {
                break;
            }
            let master = due.key.master;
            if self.masters.values().any(|busy| *busy == master) {
                continue;
            }
            let (exchange, authority) = (Arc::clone(exchange), Arc::clone(authority));
            let begun = self.tries.spawn(async move { deliver(&exchange, &authority, due).await });
            self.masters.insert(begun.id(), master);
        }
        Ok(())
    }

    /// Waits until one has ended; for ever while there is none.
    async fn next(&mut self) -> Result<(), String> {
        let Some(ended) = self.tries.join_next_with_id().await else { return std::future::pending().await };
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(problem) => problem.id(),
        };
        self.masters.remove(&id);
        match ended {
            Ok((_, told)) => told.map_err(|problem| problem.to_string()),
            Err(problem) => Err(problem.to_string()),
        }
    }
}

/// The search for what the exchange was never told: at the start, and again after a while.
#[derive(Default)]
struct Search {
    /// The last sub-account that was looked at, while there may be more.
    after: Option<AccountId>,
    /// When it begins again; `None` while it goes on.
    rests_until: Option<Instant>,
}

impl Search {
    /// Writes what the exchange was never told, some sub-accounts at a time; whether that went well.
    async fn go_on(&mut self, authority: &Authority, pulse: &Heartbeat) -> bool {
        if self.rests_until.is_some_and(|until| Instant::now() < until) {
            return true;
        }
        let context = authority.context(Actor::System("exchange"), ambient::now());
        match tell_exchange_of_untold(&context, self.after).await {
            Ok(last) => {
                self.after = last;
                self.rests_until = last.is_none().then(|| Instant::now() + SEARCH);
                true
            }
            Err(problem) => {
                self.rests_until = Some(Instant::now() + ASK);
                let problem = problem.for_the_log();
                tell_once(pulse, &problem, "what the exchange was never told cannot be written");
                false
            }
        }
    }

    /// Others write as well.
    async fn pause(&self) {
        match self.rests_until {
            Some(until) => tokio::time::sleep_until(until).await,
            None => tokio::time::sleep(LOOK).await,
        }
    }
}

async fn deliver(exchange: &Exchange, authority: &Authority, due: DueNotice) -> Result<(), StoreError> {
    let Some(notice) = due.notice else {
        error!(
            account = %due.key.master,
            number = due.key.number,
            "a notice for the exchange was altered outside the program, and is not sent"
        );
        return exchange.notices.settled(due.key, NoticeEnd::Altered).await;
    };
    let mut id = [0; 16];
    (authority.entropy)(&mut id);
    let id = RequestId(u128::from_be_bytes(id));
    let answer = exchange.client.tell(&notice, id, ambient::now()).await;
    let why = match answer {
        Ok(ExchangeAnswer::NotTaken(why)) => why,
        Ok(answer) => match settle(exchange, authority, &notice, &answer).await {
            Ok(()) => return Ok(()),
            Err(problem) => problem.for_the_log(),
        },
        Err(problem) => problem.to_string(),
    };
    log(&notice, due.tries, &why);
    exchange.notices.delayed(due.key, ambient::now().plus_ms(pause_ms(due.tries))).await
}

/// What follows from an answer.
async fn settle(
    exchange: &Exchange,
    authority: &Authority,
    notice: &ExchangeNotice,
    answer: &ExchangeAnswer,
) -> Result<(), ActionError> {
    match notice.kind {
        NoticeKind::Created | NoticeKind::Frozen | NoticeKind::Unfrozen => {
            Ok(exchange.notices.settled(NoticeKey::of(notice), NoticeEnd::Taken).await?)
        }
        NoticeKind::Closing => {
            let context = authority.context(Actor::System("exchange"), ambient::now());
            closing_answered(&context, notice, answer).await
        }
    }
}

/// The first time it is a warning.
fn log(notice: &ExchangeNotice, tries: u32, why: &str) {
    let (account, sub_account, number) = (notice.account, notice.sub_account, notice.number);
    if tries == 0 {
        warn!(%account, %sub_account, number, why, "the exchange did not take a notice; it will be told again");
    } else {
        info!(%account, %sub_account, number, tries, why, "the exchange did not take a notice; it will be told again");
    }
}

#[cfg(test)]
mod tests {
    use super::{ExchangeLag, LATE_MS, LONGEST_PAUSE_MS, pause_ms};
    use keyward_rules::time::Moment;
    use keyward_store::NoticesWaiting;

    #[test]
    fn pauses_double_up_to_a_minute() {
        assert_eq!([0, 1, 2, 5].map(pause_ms), [1_000, 2_000, 4_000, 32_000]);
        assert_eq!([6, 7, u32::MAX].map(pause_ms), [LONGEST_PAUSE_MS; 3]);
    }

    #[test]
    fn the_lag_is_the_age_of_the_oldest() {
        let (lag, at) = (ExchangeLag::default(), Moment::from_unix_ms(5_000));
        assert_eq!((lag.count(), lag.age_ms(at)), (0, 0));
        lag.set(NoticesWaiting { count: 3, oldest: Some(Moment::from_unix_ms(2_000)) });
        assert_eq!((lag.count(), lag.age_ms(at)), (3, 3_000));
        assert_eq!(lag.late(Moment::from_unix_ms(1_999 + LATE_MS)), None);
        let late = lag.late(Moment::from_unix_ms(2_000 + LATE_MS)).unwrap();
        assert!(late.contains("3 notices") && late.contains("300 s"), "{late}");
        lag.set(NoticesWaiting::default());
        assert_eq!((lag.count(), lag.age_ms(at)), (0, 0));
    }
}
