//! The clock: whether its year can be, whether it runs evenly, who keeps it right, and what the store says of it.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use keyward_rules::time::Moment;
use keyward_store::Store;

use super::Finding;
use crate::ambient::{self, Reading};

const YEAR: &str = "doctor.clock";
const STEADY: &str = "doctor.clock.steady";
const SYNCHRONISED: &str = "doctor.clock.synchronised";
const BEHIND: &str = "doctor.clock.behind_store";
const DATABASE: &str = "doctor.clock.database";

const NTP: &str = "Set the clock and keep it right with NTP.";

/// The first of January 2026 and 2100, in milliseconds: no clock is outside.
const SANE_MS: std::ops::Range<u64> = 1_767_225_600_000..4_102_444_800_000;
/// How far a clock may be off what the store knows: more, and a node is not ready.
const OFF_MS: u64 = 1_000;
/// Readings of one sample, and how long it takes between two of them.
const READINGS: usize = 25;
/// See [`READINGS`].
const BETWEEN: Duration = Duration::from_millis(10);
/// A reading that took longer was interrupted, and says nothing.
const INTERRUPTED_US: u64 = 1_000;
/// What the wall clock may move against the steady one within a sample; being set right by slewing moves it less.
const JUMP_US: i64 = 50_000;
/// Who knows what the kernel says.
const ASKED: &str = "/usr/bin/timedatectl";
/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The findings about the clock by itself.
pub async fn examine() -> Vec<Finding> {
    let mut readings = Vec::with_capacity(READINGS);
    for _ in 0..READINGS {
        readings.push(ambient::reading());
        tokio::time::sleep(BETWEEN).await;
    }
    let told = tokio::task::spawn_blocking(ask).await.ok().flatten();
    vec![year(ambient::now()), steady(moved_us(&readings)), synchronised(told.as_deref())]
}

/// The findings about the clock beside those of the store and its database.
pub async fn beside(store: &Store) -> Vec<Finding> {
    const UNREAD: &str = "Run `keyward audit verify`: a record's date may have been altered.";
    let newest = store.newest().await;
    let before = ambient::now();
    let shown = store.clock().await;
    let after = ambient::now();
    let behind = match newest {
        Ok(newest) => behind(newest, before),
        Err(_) => Finding::refused(BEHIND, "The date of the store's newest record cannot be read.", UNREAD),
    };
    let database = match shown {
        Ok(shown) => shown.map(|shown| database(shown, before, after)),
        Err(_) => Some(Finding::refused(DATABASE, "The database does not tell its time.", NTP)),
    };
    [Some(behind), database].into_iter().flatten().collect()
}

fn year(now: Moment) -> Finding {
    if SANE_MS.contains(&now.unix_ms()) {
        return Finding::good(YEAR, "The clock shows a plausible year.");
    }
    Finding::refused(
        YEAR,
        format!("The clock shows {now}: timestamps of requests would all be refused."),
        NTP,
    )
}

/// By how much the wall clock moved against the one that counts from the machine's start; `None` when too few readings
/// were undisturbed.
fn moved_us(readings: &[Reading]) -> Option<i64> {
    let whole = readings.iter().filter(|one| one.after_us.saturating_sub(one.before_us) <= INTERRUPTED_US);
    let apart: Vec<i64> =
        whole.map(|one| one.wall_us.cast_signed().saturating_sub(one.before_us.cast_signed())).collect();
    let (least, most) = (apart.iter().min()?, apart.iter().max()?);
    (apart.len() >= READINGS / 2).then(|| most.saturating_sub(*least))
}

fn steady(moved_us: Option<i64>) -> Finding {
    match moved_us {
        Some(moved) if moved <= JUMP_US => {
            Finding::good(STEADY, "The clock ran evenly while it was looked at.")
        }
        Some(moved) => Finding::warning(
            STEADY,
            format!("The clock jumped by {} ms within a quarter of a second.", moved / 1_000),
            "Let one program set the clock: two of them, or one and the host of a virtual machine, change it back and forth.",
        ),
        None => Finding::note(
            STEADY,
            "Whether the clock runs evenly cannot be told: the machine is too busy to read it.",
            "Look again when it is less busy.",
        ),
    }
}

fn synchronised(told: Option<&str>) -> Finding {
    match told.map(str::trim) {
        Some("yes") => Finding::good(SYNCHRONISED, "The kernel says that the clock is synchronised."),
        Some("no") => Finding::warning(
            SYNCHRONISED,
            "The kernel says that the clock is not synchronised.",
            "Turn NTP on: `timedatectl set-ntp true`, or chrony; and allow outgoing traffic to port 123.",
        ),
        Some(_) | None => Finding::note(
            SYNCHRONISED,
            "The state of the clock is not known: timedatectl does not answer.",
            "In a container look at the machine that runs it; elsewhere ask chronyc or ntpq.",
        ),
    }
}

/// Asks systemd, which asks the kernel; gives up after [`PATIENCE`].
fn ask() -> Option<String> {
    let mut command = Command::new(ASKED);
    command.args(["show", "--property=NTPSynchronized", "--value"]).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let answer = child.stdout.take().and_then(|out| {
        let (told, heard) = mpsc::channel();
        std::thread::spawn(move || {
            let mut text = String::new();
            // Nobody listens any more when it took too long.
            let _ = out.take(16).read_to_string(&mut text).map(|_| told.send(text));
        });
        heard.recv_timeout(PATIENCE).ok()
    });
    // It has ended, or is of no use.
    let _ = child.kill();
    let _ = child.wait();
    answer
}

fn behind(newest: Option<Moment>, now: Moment) -> Finding {
    match newest {
        Some(newest) if newest > now.plus_ms(OFF_MS) => Finding::refused(
            BEHIND,
            format!(
                "The clock shows {now}, but the store holds a record of {newest}, {} s later: keys would end late, and \
                 old requests could be repeated.",
                newest.ms_since(now) / 1_000
            ),
            NTP,
        ),
        Some(newest) => {
            Finding::good(BEHIND, format!("The clock is past the store's newest record, of {newest}."))
        }
        None => Finding::good(BEHIND, "The store has no record yet to compare the clock with."),
    }
}

/// The database answered between two looks at our clock.
fn database(shown: Moment, before: Moment, after: Moment) -> Finding {
    let (ahead, behind) = (before.ms_since(shown), shown.ms_since(after));
    let off = ahead.max(behind);
    if off <= OFF_MS {
        return Finding::good(DATABASE, "The clock agrees with the database's to within a second.");
    }
    let which = if ahead > 0 { "ahead of" } else { "behind" };
    Finding::refused(
        DATABASE,
        format!(
            "The clock is {off} ms {which} the database's: nodes disagree about what is fresh and what has ended."
        ),
        "Keep the clocks of this machine and of the database's right with NTP, by the same servers.",
    )
}

#[cfg(test)]
mod tests {
    use super::{Moment, Reading, behind, database, moved_us, steady, synchronised, year};
    use crate::doctor::Level;

    const NOW: Moment = Moment::from_unix_ms(1_800_000_000_000);

    #[test]
    fn a_year_must_be_possible() {
        assert_eq!(year(NOW).level, Level::Ok);
        for ms in [0, 1_700_000_000_000, 5_000_000_000_000] {
            assert_eq!(year(Moment::from_unix_ms(ms)).level, Level::Refused);
        }
    }

    /// Twenty-five readings, ten milliseconds apart; the wall clock is ahead of the steady one by what `ahead` says.
    fn readings(ahead: impl Fn(u64) -> i64, took_us: u64) -> Vec<Reading> {
        let reading = |at: u64| {
            let before_us = 1_000_000 + at * 10_000;
            let wall_us = (1_800_000_000_000_000 + before_us).checked_add_signed(ahead(at)).unwrap();
            Reading { before_us, wall_us, after_us: before_us + took_us }
        };
        (0..25).map(reading).collect()
    }

    #[test]
    fn a_jump_is_told_from_slewing_and_from_being_busy() {
        let level = |readings: &[Reading]| steady(moved_us(readings)).level;
        assert_eq!(level(&readings(|_| 0, 2)), Level::Ok);
        assert_eq!(
            level(&readings(|at| i64::try_from(at).unwrap() * 1_000, 2)),
            Level::Ok,
            "a tenth too fast"
        );
        for jump in [60_000, -3_600_000_000] {
            assert_eq!(level(&readings(|at| if at > 20 { jump } else { 0 }, 2)), Level::Warning, "{jump}");
        }
        assert_eq!(level(&readings(|_| 0, 5_000)), Level::Note);
        let mut disturbed = readings(|_| 0, 2);
        disturbed[3].wall_us += 90_000;
        disturbed[3].after_us += 90_000;
        assert_eq!(level(&disturbed), Level::Ok, "that reading was interrupted");
    }

    #[test]
    fn who_keeps_it_right_is_told_or_not() {
        for (told, expected) in [
            (Some("yes\n"), Level::Ok),
            (Some("no\n"), Level::Warning),
            (Some(""), Level::Note),
            (None, Level::Note),
        ] {
            assert_eq!(synchronised(told).level, expected, "{told:?}");
        }
    }

    #[test]
    fn a_clock_behind_the_store_is_refused() {
        assert_eq!(behind(None, NOW).level, Level::Ok);
        assert_eq!(behind(Some(NOW.plus_ms(1_000)), NOW).level, Level::Ok);
        let late = behind(Some(NOW.plus_ms(3_600_000)), NOW);
        assert_eq!(late.level, Level::Refused);
        assert!(
            late.means.contains("2027-01-15T08:00:00.000Z") && late.means.contains("3600 s"),
            "{}",
            late.means
        );
    }

    #[test]
    fn a_second_off_the_database_is_refused_both_ways() {
        let (before, after) = (NOW, NOW.plus_ms(400));
        let at = |ms| Moment::from_unix_ms(ms);
        for good in [before, after, NOW.plus_ms(1_400), at(NOW.unix_ms() - 1_000)] {
            assert_eq!(database(good, before, after).level, Level::Ok, "{good}");
        }
        let ahead = database(at(NOW.unix_ms() - 1_001), before, after);
        assert!(ahead.level == Level::Refused && ahead.means.contains("1001 ms ahead of"), "{}", ahead.means);
        let behind = database(NOW.plus_ms(1_401), before, after);
        assert!(
            behind.level == Level::Refused && behind.means.contains("1001 ms behind"),
            "{}",
            behind.means
        );
    }
}
