//! How long to wait between tries, and when to stop.

use crate::limits::DELIVERY_GIVE_UP_MS;
use crate::time::Moment;

/// The first pause.
const FIRST_MS: u64 = 5_000;
/// The longest.
const LONGEST_MS: u64 = 60 * 60 * 1_000;

/// Milliseconds to wait after the `failures`-th failure in a row: five seconds, doubled, up to an hour, and by `jitter`
/// up to a fifth more or less, so that receivers that fell together are not asked together.
#[must_use]
pub fn pause_ms(failures: u32, jitter: u16) -> u64 {
    let doublings = failures.saturating_sub(1).min(16);
    let pause = (FIRST_MS << doublings).min(LONGEST_MS);
    pause - pause / 5 + pause * 2 / 5 * u64::from(jitter) / u64::from(u16::MAX)
}

/// Whether what fails since `since` is given up at `now`.
#[must_use]
pub const fn gives_up(since: Moment, now: Moment) -> bool {
    now.ms_since(since) >= DELIVERY_GIVE_UP_MS
}

#[cfg(test)]
mod tests {
    use super::{gives_up, pause_ms};
    use crate::limits::DELIVERY_GIVE_UP_MS;
    use crate::time::Moment;

    #[test]
    fn pauses_double_up_to_an_hour_with_a_fifth_of_jitter() {
        assert_eq!((pause_ms(1, 0), pause_ms(1, u16::MAX)), (4_000, 6_000));
        assert_eq!((pause_ms(2, 0), pause_ms(2, u16::MAX)), (8_000, 12_000));
        for failures in [11, 17, 1_000, u32::MAX] {
            assert_eq!((pause_ms(failures, 0), pause_ms(failures, u16::MAX)), (2_880_000, 4_320_000));
        }
    }

    #[test]
    fn three_days_are_the_end() {
        let at = Moment::from_unix_ms(1_800_000_000_000);
        assert!(!gives_up(at, at.plus_ms(DELIVERY_GIVE_UP_MS - 1)));
        assert!(gives_up(at, at.plus_ms(DELIVERY_GIVE_UP_MS)));
    }
}
