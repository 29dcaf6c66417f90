//! What happens by itself: following the feed, the sweep, the scrub, last uses, each a task of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keyward_authority::Authority;
use keyward_authority::duties::{
    end_cooling, end_new_devices, end_overlaps, fill_secret_prints, hold_demanded, note_first_networks,
    pause_channels, raise_sighting, remind_holders, remind_reviews, retire_ranges, sweep_keys,
    tell_announcement, tell_app_news, tell_unfinished,
};
use keyward_gateway::Clock;
use keyward_gateway::alarms::Sightings;
use keyward_gateway::day_sums::day_of;
use keyward_gateway::follow::{Follower, Scrubber};
use keyward_gateway::health::ClockError;
use keyward_gateway::replay_cache::ReplayCache;
use keyward_gateway::uses::LastUses;
use keyward_rules::alert::KeyObservation;
use keyward_rules::grant::Actor;
use keyward_rules::id::Revision;
use keyward_rules::limits::DAY_MS;
use keyward_rules::time::Moment;
use keyward_store::{NodeClaim, Rolled, Seen, States, Store};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::ambient;
use crate::checkpoint::Checkpoint;
use crate::retention::JournalSettings;
use crate::spooled::Spooled;
use crate::tasks::{Heartbeat, OwnThread, Tasks};

/// How often idle and dated keys are swept, and last uses flushed before.
const SWEEP: Duration = Duration::from_secs(60);
/// How often holders are reminded; the nearest reminder is a day before.
const REMIND: Duration = Duration::from_secs(600);
/// How often it is looked whose review is due: a day more or less does not matter.
const REVIEWS: Duration = Duration::from_secs(3_600);
/// How often last uses are written, so that pages show them.
const FLUSH: Duration = Duration::from_secs(2);
/// How often it is looked whether counts for charts are due.
const ROLL: Duration = Duration::from_secs(1);
/// How often the spool is looked at, so that people soon see what was requested.
const SHIP: Duration = Duration::from_millis(500);
/// How long the database may take for a page of it.
const SHIP_WITHIN: Duration = Duration::from_secs(20);
/// How often the clocks are compared.
const CLOCKS: Duration = Duration::from_secs(5);
/// How often overlaps and deadlines of apps are looked at.
const APPS: Duration = Duration::from_secs(2);
/// How often it is looked whether there are news about apps: at most, and where nothing was changed.
const NEWS: Duration = Duration::from_secs(1);
const NO_NEWS: Duration = Duration::from_secs(5);
/// Between two sightings, so that a crowd of unbound keys cannot keep the store busy.
const PACE: Duration = Duration::from_millis(2);
/// How long sightings gather, and how many are looked at together.
const GATHER: Duration = Duration::from_millis(250);
const SIGHTINGS: usize = 250;
/// How often every row is read again.
const SCRUB: Duration = Duration::from_secs(3_600);
/// How often every row is held against the audit log, the first time at the start.
const CHECK_ROWS: Duration = Duration::from_secs(24 * 3_600);
/// How often the store is read where it is known that nothing has changed: the lease counts from then.
const READ_MS: u64 = 1_000;
/// How often the log tells that the store cannot be followed.
const TELL_MS: u64 = 10_000;
/// How often the claim on the store is renewed.
const CLAIM: Duration = Duration::from_secs(5);
/// How long a renewal counts: less than another waits before it takes the place.
const CLAIM_COUNTS_MS: u64 = 25_000;
/// A wall clock that falls this far behind the steady one has stepped back.
const STEP_MS: u64 = 1_000;

/// What the duties work with.
pub struct Duties {
    /// The store.
    pub store: Store,
    /// For the actions.
    pub authority: Arc<Authority>,
    /// To have last uses written before the sweep looks at them.
    pub uses: Arc<LastUses>,
    /// To tell of a clock that stepped back.
    pub replay_cache: Arc<ReplayCache>,
    /// The clocks.
    pub clock: Clock,
    /// How long the journal is kept.
    pub retention: JournalSettings,
    /// Where the newest change seen is kept.
    pub checkpoint: Option<Arc<Checkpoint>>,
    /// When, by the steady clock, this was last known to be the one gateway on the store: 0 when it is not any more,
    /// [`ALWAYS`] where a lock says so.
    pub claimed_ms: AtomicU64,
}

/// See [`Duties::claimed_ms`].
pub const ALWAYS: u64 = u64::MAX;

impl Duties {
    /// A process that stood still must not vouch for anything before it has asked: another may have taken its place.
    fn holds_claim(&self, now_ms: u64) -> bool {
        let claimed_ms = self.claimed_ms.load(Ordering::Relaxed);
        claimed_ms != 0 && now_ms.saturating_sub(claimed_ms) < CLAIM_COUNTS_MS
    }
}

/// Tells holders of what the gateway saw.
async fn tell(sightings: Arc<Mutex<Sightings>>, duties: Arc<Duties>, pulse: Heartbeat) {
    let mut sightings = sightings.lock().await;
    while let Some(first) = sightings.recv().await {
        // After a start many come at once, of keys that were never seen: they share a change.
        tokio::time::sleep(GATHER).await;
        let (mut to_tell, mut seen) = (Vec::new(), Vec::new());
        let mut next = Some(first);
        while let Some(sighting) = next {
            match sighting {
                KeyObservation::Unbound(key, address) => seen.push((key, address)),
                KeyObservation::WrongAddress(..)
                | KeyObservation::Altered(_)
                | KeyObservation::Tried(..)
                | KeyObservation::Canary(..)
                | KeyObservation::LimitNear(_)
                | KeyObservation::Watched(..)
                | KeyObservation::Repeated(_) => to_tell.push(sighting),
            }
            let full = to_tell.len() + seen.len() >= SIGHTINGS;
            next = if full { None } else { sightings.try_recv().ok() };
        }
        let context = duties.authority.context(Actor::System("watch"), ambient::now());
        match note_first_networks(&context, seen).await {
            Ok(more) => to_tell.extend(more),
            Err(problem) => {
                error!(problem = problem.for_the_log(), "the first networks of keys could not be noted");
            }
        }
        pulse.beat();
        tokio::time::sleep(PACE).await;
        for sighting in to_tell {
            let context = duties.authority.context(Actor::System("watch"), ambient::now());
            if let Err(problem) = raise_sighting(&context, sighting).await {
                error!(problem = problem.for_the_log(), "a user could not be told about a gateway event");
            }
            pulse.beat();
            tokio::time::sleep(PACE).await;
        }
    }
}

/// Starts every task of a node but those of the gateway itself. The follower runs on the thread beside it, where it was made.
pub fn start(
    tasks: &mut Tasks,
    (feed, follower): (&OwnThread, Follower),
    sightings: Sightings,
    duties: &Arc<Duties>,
) {
    let scrubber = follower.scrubber();
    let (follower, sightings) = (Arc::new(Mutex::new(follower)), Arc::new(Mutex::new(sightings)));
    let of = |duties: &Arc<Duties>| Arc::clone(duties);
    let shared = of(duties);
    let (came, reached) = watch::channel(Revision(0));
    let came = Arc::new(came);
    tasks.start_on(feed, "feed", move |pulse| {
        follow(Arc::clone(&follower), of(&shared), Arc::clone(&came), pulse)
    });
    if let Some(checkpoint) = duties.checkpoint.clone() {
        tasks.start("checkpoint", move |pulse| keep(Arc::clone(&checkpoint), reached.clone(), pulse));
    }
    let shared = of(duties);
    tasks.start("sightings", move |pulse| tell(Arc::clone(&sightings), of(&shared), pulse));
    let shared = of(duties);
    tasks.every("last uses", FLUSH, move || {
        let duties = of(&shared);
        async move {
            duties.uses.flush().await;
        }
    });
    let shared = of(duties);
    tasks.every("sweep", SWEEP, move || sweep(of(&shared)));
    let shared = of(duties);
    tasks.every("journal", SWEEP, move || forget(of(&shared)));
    let shared = of(duties);
    tasks.every("reminders", REMIND, move || remind(of(&shared)));
    let shared = of(duties);
    tasks.every("reviews", REVIEWS, move || ask_for_reviews(of(&shared)));
    let scrubber = Arc::new(scrubber);
    let (checker, states) = (Arc::clone(&scrubber), duties.store.states());
    tasks.every("scrub", SCRUB, move || scrub(Arc::clone(&scrubber)));
    tasks.start("rows", move |pulse| check_rows(Arc::clone(&checker), states.clone(), pulse));
    let shared = of(duties);
    tasks.start("charts", move |pulse| roll(of(&shared), pulse));
    let shared = of(duties);
    tasks.start("apps", move |pulse| tend_apps(of(&shared), pulse));
    let shared = of(duties);
    tasks.start("app news", move |pulse| tell_news(of(&shared), pulse));
}

/// Follows the feed, and says how far it came. Nothing else runs here, and nothing waits for a disk: what is revoked must be
/// refused at once.
async fn follow(
    follower: Arc<Mutex<Follower>>,
    duties: Arc<Duties>,
    came: Arc<watch::Sender<Revision>>,
    pulse: Heartbeat,
) {
    let mut follower = follower.lock().await;
    let lease = follower.lease();
    let mut latest_wall_ms = duties.clock.now().unix_ms();
    let (mut read_ms, mut told_ms) = (0, 0);
    loop {
        let changed = follower.changed().await;
        let now_ms = (duties.clock.steady_ms)();
        let wall_ms = duties.clock.now().unix_ms();
        if wall_ms + STEP_MS < latest_wall_ms {
            warn!("the wall clock stepped back: earlier timestamps of state-changing requests are refused");
            duties.replay_cache.clock_stepped_back();
        }
        latest_wall_ms = wall_ms;
        // Without the claim nothing is vouched for: the lease runs out before another may take it.
        if !duties.holds_claim(now_ms) || !changed && now_ms < read_ms + READ_MS {
            continue;
        }
        // Until it has succeeded it is tried again at once.
        read_ms = 0;
        let failed = match tokio::time::timeout(Duration::from_secs(2), follower.catch_up(now_ms)).await {
            Ok(Ok(seen)) => {
                read_ms = now_ms;
                came.send_if_modified(|last| std::mem::replace(last, seen) != seen);
                pulse.beat();
                continue;
            }
            Ok(Err(problem)) => Some(problem),
            Err(_) => None,
        };
        lease.failed(match &failed {
            Some(problem) => {
                problem.out_of_reach().unwrap_or("it is not as it was written, or refuses to answer")
            }
            None => "it does not answer",
        });
        // Said now and then, however often it is tried.
        if now_ms < told_ms + TELL_MS {
            continue;
        }
        told_ms = now_ms;
        match failed {
            Some(problem) => {
                error!(%problem, "the store cannot be followed; classes are refused as the lease runs out");
            }
            None => error!("the store does not answer; classes are refused as the lease runs out"),
        }
    }
}

/// Says to the store that this gateway still serves, and notices when another does.
pub async fn claim(claim: NodeClaim, duties: Arc<Duties>, pulse: Heartbeat) {
    loop {
        let asked_ms = (duties.clock.steady_ms)();
        match claim.renew(ambient::now().unix_ms()).await {
            Ok(held) => {
                duties.claimed_ms.store(if held { asked_ms } else { 0 }, Ordering::Relaxed);
                if !held {
                    error!(
                        "another gateway serves on this store now: this one refuses everything; stop one of them"
                    );
                }
                pulse.beat();
            }
            Err(problem) if pulse.may_tell() => {
                error!(%problem, "the claim on the store cannot be renewed; this is logged once a minute");
            }
            Err(_) => {}
        }
        tokio::time::sleep(CLAIM).await;
    }
}

/// Writes how far the feed came. The process that made a change has written it already; this is for changes of other nodes.
async fn keep(checkpoint: Arc<Checkpoint>, mut reached: watch::Receiver<Revision>, pulse: Heartbeat) {
    while reached.changed().await.is_ok() {
        let revision = *reached.borrow_and_update();
        let file = Arc::clone(&checkpoint);
        // The disk may be slow.
        let kept = move || file.keep_or_tell(Seen { revision, audit: 0 });
        let _ = tokio::task::spawn_blocking(kept).await;
        pulse.beat();
    }
}

/// Reserves the last of the disk, if that is not done.
pub async fn reserve(store: Store) {
    if let Ok(Err(problem)) = tokio::task::spawn_blocking(move || store.refill_reserve()).await {
        warn!(%problem, "the disk reserve cannot be created");
    }
}

/// Makes the parts of the journal for today and the next days, where the database keeps it by days.
pub async fn make_parts(store: &Store) {
    match store.journal().make_parts(ambient::now()).await {
        Ok(true) => {}
        Ok(false) => warn!("the journal has no part for today: today's records will be dropped row by row"),
        Err(problem) => error!(%problem, "the journal's parts of the next days cannot be made"),
    }
}

async fn forget(duties: Arc<Duties>) {
    reserve(duties.store.clone()).await;
    make_parts(&duties.store).await;
    if let Err(problem) = duties.retention.forget(&duties.store.journal(), ambient::now()).await {
        error!(%problem, "old journal records cannot be dropped");
    }
}

async fn remind(duties: Arc<Duties>) {
    let context = duties.authority.context(Actor::System("sweep"), ambient::now());
    if let Err(problem) = remind_holders(&context).await {
        error!(%problem, "holders could not be reminded");
    }
}

async fn ask_for_reviews(duties: Arc<Duties>) {
    let context = duties.authority.context(Actor::System("sweep"), ambient::now());
    if let Err(problem) = remind_reviews(&context).await {
        error!(%problem, "users could not be reminded of their reviews");
    }
}

async fn scrub(scrubber: Arc<Scrubber>) {
    if let Err(problem) = scrubber.scrub().await {
        error!(%problem, "the scrub could not read the store");
    }
}

async fn check_rows(scrubber: Arc<Scrubber>, states: States, pulse: Heartbeat) {
    loop {
        match scrubber.check(&states).await {
            Ok(()) => pulse.beat(),
            Err(problem) => error!(%problem, "the rows could not be compared with the audit log"),
        }
        tokio::time::sleep(CHECK_ROWS).await;
    }
}

/// Last uses first, or a key in use could look idle.
async fn sweep(duties: Arc<Duties>) {
    if !duties.uses.flush_now().await {
        return;
    }
    let context = duties.authority.context(Actor::System("sweep"), ambient::now());
    if let Err(problem) = fill_secret_prints(&context).await {
        error!(%problem, "keys could not be given what finds them by their secrets");
    }
    match sweep_keys(&context).await {
        Ok(swept) if swept.is_empty() => {}
        Ok(swept) => info!(keys = swept.len(), "keys expired"),
        Err(problem) => error!(%problem, "the sweep failed"),
    }
    if let Err(problem) = end_cooling(&context).await {
        error!(%problem, "keys could not be released after their waiting time");
    }
    if let Err(problem) = end_new_devices(&context).await {
        error!(%problem, "keys of new devices could not be released after their waiting time");
    }
    if let Err(problem) = end_overlaps(&context).await {
        error!(%problem, "overlaps of rotations could not be looked at");
    }
    let channels = duties.authority.context(Actor::System("channels"), context.now);
    match pause_channels(&channels).await {
        Ok(0) => {}
        Ok(count) => info!(count, "alert channels were paused: no message was delivered to them"),
        Err(problem) => error!(%problem, "alert channels that fail could not be paused"),
    }
    if let Err(problem) = duties.store.deliveries().tidy(context.now).await {
        error!(%problem, "old deliveries to alert channels cannot be dropped");
    }
    if let Err(problem) = tell_unfinished(&context).await {
        error!(%problem, "users could not be told about sign-ins without a second factor");
    }
    let a_week_ago = Moment::from_unix_ms(context.now.unix_ms().saturating_sub(7 * DAY_MS));
    if let Err(problem) = duties.store.outbox().tidy(a_week_ago).await {
        error!(%problem, "mails that were delivered cannot be dropped");
    }
    if let Err(problem) = context.authority.access.door.tidy(context.now).await {
        error!(%problem, "expired sessions and codes could not be deleted");
    }
}

/// Measures how far this machine's clock is off the store's.
pub async fn compare_clocks(store: Store, error: Arc<ClockError>, pulse: Heartbeat) {
    loop {
        let before = ambient::now().unix_ms();
        if let Ok(Some(shown)) = store.clock().await {
            error.set(ahead_ms(before, shown.unix_ms(), ambient::now().unix_ms()));
        }
        pulse.beat();
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

/// Takes what waits in the spool into the store.
pub async fn ship(spool: Arc<Mutex<Spooled>>, pulse: Heartbeat) {
    let mut spooled = spool.lock().await;
    let mut tidied: Option<Instant> = None;
    loop {
        if let Ok(used) = spooled.spool.used_bytes().await {
            spooled.used.store(used, Ordering::Relaxed);
        }
        if tidied.is_none_or(|at| at.elapsed() >= SWEEP) {
            tidied = Some(Instant::now());
            if let Err(problem) = spooled.spool.journal().forget_marks(ambient::now()).await {
                error!(%problem, "old replay marks cannot be dropped from the spool");
            }
            let yesterday = day_of(ambient::now()).saturating_sub(1);
            if let Err(problem) = spooled.spool.journal().forget_reserved(yesterday).await {
                error!(%problem, "sums of earlier days cannot be dropped from the spool");
            }
        }
        let pause = match tokio::time::timeout(SHIP_WITHIN, spooled.spool.ship()).await {
            Ok(Ok(more)) => {
                if pulse.has_told() {
                    info!("the store takes in records of requests again");
                }
                pulse.beat();
                if more { PACE } else { SHIP }
            }
            Ok(Err(problem)) => {
                if pulse.may_tell() {
                    warn!(%problem, "records of requests wait in the spool; this is logged once a minute");
                }
                SHIP
            }
            Err(_) => {
                if pulse.may_tell() {
                    warn!(
                        "records of requests wait in the spool: the database does not answer; this is logged once a minute"
                    );
                }
                SHIP
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// Counts what was appended for the charts.
async fn roll(duties: Arc<Duties>, pulse: Heartbeat) {
    let journal = duties.store.journal();
    loop {
        match journal.roll_up_some(ambient::now(), false).await {
            // More is there: at once, after whoever waits for the file had a turn.
            Ok(Rolled::More) => {
                pulse.beat();
                tokio::time::sleep(PACE).await;
            }
            Ok(Rolled::Nothing) => {
                pulse.beat();
                tokio::time::sleep(ROLL).await;
            }
            Err(problem) => {
                if pulse.may_tell() {
                    error!(%problem, "the journal could not be counted for charts; this is logged once a minute");
                }
                tokio::time::sleep(ROLL).await;
            }
        }
    }
}

/// Ends overlaps of apps' ranges and holds keys whose successors were due.
async fn tend_apps(duties: Arc<Duties>, pulse: Heartbeat) {
    for round in 0_u64.. {
        let context = duties.authority.context(Actor::System("sweep"), ambient::now());
        let retired = retire_ranges(&context).await.map(drop);
        // A demand that has done its work is looked at again, for keys that were altered and put right; once a minute is enough.
        let held = if round.is_multiple_of(30) { hold_demanded(&context).await } else { Ok(0) };
        if let Ok(keys @ 1..) = held {
            info!(keys, "keys of apps were held: their successors were due");
        }
        match retired.and(held.map(drop)) {
            Ok(()) => pulse.beat(),
            Err(problem) if pulse.may_tell() => error!(
                problem = problem.for_the_log(),
                "overlaps of apps' ranges or keys whose successors were due could not be ended; this is logged once a minute"
            ),
            Err(_) => {}
        }
        tokio::time::sleep(APPS).await;
    }
}

/// Tells holders what happened to apps that their keys are bound to.
async fn tell_news(duties: Arc<Duties>, pulse: Heartbeat) {
    let mut glance = duties.store.glance();
    loop {
        let context = duties.authority.context(Actor::System("sweep"), ambient::now());
        let told = match tell_app_news(&context).await {
            Ok((_, true)) => Ok((0, true)),
            Ok((_, false)) => tell_announcement(&context).await,
            Err(problem) => Err(problem),
        };
        match told {
            Ok((_, true)) => tokio::time::sleep(PACE).await,
            Ok((_, false)) => {
                pulse.beat();
                tokio::time::sleep(NEWS).await;
                // There are no news where nothing was changed.
                glance.moved(NO_NEWS, NEWS).await;
            }
            Err(problem) => {
                if pulse.may_tell() {
                    error!(
                        problem = problem.for_the_log(),
                        "users could not be told about an app or about maintenance; this is logged once a minute"
                    );
                }
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
