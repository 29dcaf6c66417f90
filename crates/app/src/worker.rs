//! Drives what happens by itself: following the feed, the sweep, the scrub, last uses.

use std::sync::Arc;
use std::time::Duration;

use keyward_authority::Authority;
use keyward_authority::duties::{
    end_cooling, end_overlaps, hold_demanded, pause_channels, raise_sighting, remind_holders, retire_ranges,
    sweep_keys, tell_app_news, tell_unfinished,
};
use keyward_gateway::Clock;
use keyward_gateway::alarms::Sightings;
use keyward_gateway::follow::Follower;
use keyward_gateway::health::ClockError;
use keyward_gateway::marks::Marks;
use keyward_gateway::recorder::Recorder;
use keyward_rules::grant::Actor;
use keyward_rules::id::Revision;
use keyward_store::{Seen, Store};
use tracing::{error, info, warn};

use crate::ambient;
use crate::checkpoint::Checkpoint;
use crate::retention::JournalSettings;

/// How often idle and dated keys are swept, and last uses flushed before.
const SWEEP_MS: u64 = 60_000;
/// How often last uses are written, so that pages show them.
const FLUSH_MS: u64 = 2_000;
/// How often the journal is counted for charts and how many records in one transaction.
const ROLL: Duration = Duration::from_secs(3);
const ROLL_PAGE: u32 = 500;
/// How often the clocks are compared.
const CLOCKS: Duration = Duration::from_secs(5);
/// How often overlaps and deadlines of apps are looked at.
const APPS: Duration = Duration::from_secs(2);
/// How often it is looked whether there are news about apps.
const NEWS: Duration = Duration::from_secs(1);
/// Between two sightings, so that a crowd of unbound keys cannot keep the store busy.
const PACE: Duration = Duration::from_millis(2);
/// How often every row is read again.
const SCRUB_MS: u64 = 3_600_000;
/// A wall clock that falls this far behind the steady one has stepped back.
const STEP_MS: u64 = 1_000;

/// What the duties work with.
pub struct Duties {
    /// The store.
    pub store: Store,
    /// For the actions.
    pub authority: Arc<Authority>,
    /// To have last uses written before the sweep looks at them.
    pub recorder: Recorder,
    /// To tell of a clock that stepped back.
    pub marks: Arc<Marks>,
    /// The clocks.
    pub clock: Clock,
    /// How long the journal is kept.
    pub retention: JournalSettings,
    /// Where the newest change seen is kept.
    pub checkpoint: Option<Arc<Checkpoint>>,
}

/// Tells holders of what the gateway saw, until aborted.
pub async fn tell(mut sightings: Sightings, authority: Arc<Authority>) {
    while let Some(sighting) = sightings.recv().await {
        let desk = authority.desk(Actor::System("watch"), ambient::now());
        if let Err(problem) = raise_sighting(&desk, sighting).await {
            error!(problem = problem.for_the_log(), "a holder could not be told of what a gateway saw");
        }
        tokio::time::sleep(PACE).await;
    }
}

/// Runs until aborted.
pub async fn run(mut follower: Follower, duties: Duties) {
    let steady_ms = Arc::clone(&duties.clock.steady_ms);
    let steady = move || steady_ms();
    let (mut swept_ms, mut scrubbed_ms, mut flushed_ms) = (steady(), steady(), steady());
    let mut latest_wall_ms = duties.clock.now().unix_ms();
    loop {
        follower.changed().await;
        let now_ms = steady();
        let wall_ms = duties.clock.now().unix_ms();
        if wall_ms + STEP_MS < latest_wall_ms {
            warn!("the wall clock stepped back: earlier timestamps of state-changing requests are refused");
            duties.marks.clock_stepped_back();
        }
        latest_wall_ms = wall_ms;
        match tokio::time::timeout(Duration::from_secs(2), follower.catch_up(now_ms)).await {
            Ok(Ok(seen)) => keep(duties.checkpoint.as_deref(), seen),
            Ok(Err(problem)) => {
                error!(%problem, "the store cannot be followed; classes are refused as the lease runs out")
            }
            Err(_) => error!("the store does not answer; classes are refused as the lease runs out"),
        }
        if now_ms >= flushed_ms + FLUSH_MS {
            flushed_ms = now_ms;
            duties.recorder.flush().await;
        }
        if now_ms >= swept_ms + SWEEP_MS {
            swept_ms = now_ms;
            sweep(&duties).await;
        }
        if now_ms >= scrubbed_ms + SCRUB_MS {
            scrubbed_ms = now_ms;
            if let Err(problem) = follower.scrub().await {
                error!(%problem, "the scrub could not read the store");
            }
        }
    }
}

fn keep(checkpoint: Option<&Checkpoint>, revision: Revision) {
    if let Some(checkpoint) = checkpoint {
        checkpoint.keep_or_tell(Seen { revision, audit: 0 });
    }
}

/// Last uses first, or a key in use could look idle.
async fn sweep(duties: &Duties) {
    if !duties.recorder.flush().await {
        return;
    }
    let desk = duties.authority.desk(Actor::System("sweep"), ambient::now());
    if let Err(problem) = duties.retention.forget(&duties.store.journal(), desk.now).await {
        error!(%problem, "old journal records cannot be dropped");
    }
    match sweep_keys(&desk).await {
        Ok(swept) if swept.is_empty() => {}
        Ok(swept) => info!(keys = swept.len(), "keys ended by their clock"),
        Err(problem) => error!(%problem, "the sweep failed"),
    }
    if let Err(problem) = end_cooling(&desk).await {
        error!(%problem, "keys that have rested long enough could not be released");
    }
    if let Err(problem) = end_overlaps(&desk).await {
        error!(%problem, "overlaps of rotations could not be looked at");
    }
    if let Err(problem) = remind_holders(&desk).await {
        error!(%problem, "holders could not be reminded");
    }
    let channels = duties.authority.desk(Actor::System("channels"), desk.now);
    match pause_channels(&channels).await {
        Ok(0) => {}
        Ok(count) => info!(count, "alert channels were paused: nothing got through to them"),
        Err(problem) => error!(%problem, "alert channels that fail could not be paused"),
    }
    if let Err(problem) = duties.store.deliveries().tidy(desk.now).await {
        error!(%problem, "old deliveries to alert channels cannot be dropped");
    }
    if let Err(problem) = tell_unfinished(&desk).await {
        error!(%problem, "people could not be told of sign-ins without a second factor");
    }
    if let Err(problem) = desk.authority.access.door.tidy(desk.now).await {
        error!(%problem, "what is over at the door could not be dropped");
    }
}

/// Measures how far this machine's clock is off the store's, until aborted.
pub async fn compare_clocks(store: Store, error: Arc<ClockError>) {
    loop {
        let before = ambient::now().unix_ms();
        if let Ok(Some(shown)) = store.clock().await {
            error.set(ahead_ms(before, shown.unix_ms(), ambient::now().unix_ms()));
        }
        tokio::time::sleep(CLOCKS).await;
    }
}

/// How far this machine's clock is ahead of the store's; negative when it is behind. The store looked at its clock between
/// `before` and `after`, so only what lies beyond both is an error.
fn ahead_ms(before: u64, shown: u64, after: u64) -> i64 {
    let between = shown.clamp(before, after.max(before));
    let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    signed(between).saturating_sub(signed(shown))
}

/// Counts what was appended for the charts, until aborted. Beside the other duties, because a busy hour takes a
/// while and following the feed must not wait for it.
pub async fn roll(store: Store) {
    let journal = store.journal();
    loop {
        match journal.roll_up(ambient::now(), ROLL_PAGE).await {
            // More is there: at once, after whoever waits for the file had a turn.
            Ok(counted) if counted == u64::from(ROLL_PAGE) => tokio::time::sleep(PACE).await,
            Ok(_) => tokio::time::sleep(ROLL).await,
            Err(problem) => {
                error!(%problem, "the journal could not be counted for charts");
                tokio::time::sleep(ROLL).await;
            }
        }
    }
}

/// Ends overlaps of apps' ranges and holds keys whose successors were due, until aborted. Beside the other duties, because
/// following the feed must not wait for an app with many thousands of keys.
pub async fn tend_apps(authority: Arc<Authority>) {
    for round in 0_u64.. {
        let desk = authority.desk(Actor::System("sweep"), ambient::now());
        if let Err(problem) = retire_ranges(&desk).await {
            error!(problem = problem.for_the_log(), "overlaps of apps' ranges could not be ended");
        }
        // A demand that has done its work is looked at again, for keys that were altered and put right; once a minute is enough.
        let held = if round.is_multiple_of(30) { hold_demanded(&desk).await } else { Ok(0) };
        match held {
            Ok(0) => {}
            Ok(keys) => info!(keys, "keys of apps were held: their successors were due"),
            Err(problem) => {
                error!(problem = problem.for_the_log(), "keys whose successors were due could not be held")
            }
        }
        tokio::time::sleep(APPS).await;
    }
}

/// Tells holders what happened to apps that their keys are bound to, until aborted. Beside the other duties, because an
/// app may have many thousands.
pub async fn tell_news(authority: Arc<Authority>) {
    loop {
        let desk = authority.desk(Actor::System("sweep"), ambient::now());
        match tell_app_news(&desk).await {
            Ok((_, true)) => tokio::time::sleep(PACE).await,
            Ok((_, false)) => tokio::time::sleep(NEWS).await,
            Err(problem) => {
                error!(
                    problem = problem.for_the_log(),
                    "holders could not be told of what happened to an app"
                );
                tokio::time::sleep(NEWS).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ahead_ms;

    #[test]
    fn a_clock_is_off_by_what_the_way_to_the_store_does_not_explain() {
        for (before, shown, after, ahead) in [
            (1_000, 1_500, 2_000, 0),
            (1_000, 1_000, 1_000, 0),
            (5_000, 2_000, 5_100, 3_000),
            (5_000, 9_000, 5_100, -3_900),
            (5_000, 4_000, 3_000, 1_000),
        ] {
            assert_eq!(ahead_ms(before, shown, after), ahead);
        }
    }
}
