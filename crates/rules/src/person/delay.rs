//! How guessing is slowed: a pause that grows with the wrong tries of one credential or one source.

/// Wrong tries that cost nothing, because people mistype.
const FREE: u32 = 5;
/// The longest pause.
const LONGEST_MS: u64 = 15 * 60 * 1_000;

/// Milliseconds for which nothing is tried after the `failures`-th wrong try in a row: none for the first five,
/// then two seconds, doubled each time, up to a quarter of an hour.
#[must_use]
pub const fn pause_ms(failures: u32) -> u64 {
    if failures < FREE {
        return 0;
    }
    let doublings = failures - FREE;
    if doublings >= 9 { LONGEST_MS } else { 2_000 << doublings }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_MS, pause_ms};

    #[test]
    fn the_pause_grows_and_stays_bounded() {
        assert_eq!(pause_ms(4), 0);
        assert_eq!(pause_ms(5), 2_000);
        assert_eq!(pause_ms(13), 512_000);
        assert_eq!(pause_ms(14), LONGEST_MS);
        assert_eq!(pause_ms(u32::MAX), LONGEST_MS);
        assert!((0..100).all(|count| pause_ms(count) <= pause_ms(count + 1)));
    }
}
