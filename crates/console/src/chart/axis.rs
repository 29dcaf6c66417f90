//! The vertical axes: round labels at even distances, and how high a value is drawn.

use crate::words::grouped;

/// An axis of counts that begins at 0: one to three steps of 1, 2 or 5 times a power of ten.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Steps {
    /// The distance between two labels.
    step: u64,
    /// How many steps there are.
    count: u32,
}

impl Steps {
    /// The axis with the smallest steps whose top is at least `largest`.
    pub fn up_to(largest: u64) -> Self {
        let largest = largest.max(1);
        let (mut step, mut factors) = (1_u64, [2, 5, 10].into_iter().cycle());
        let mut power = 1_u64;
        while step.saturating_mul(3) < largest {
            let factor: u64 = factors.next().unwrap_or(10);
            step = power.saturating_mul(factor);
            if factor == 10 {
                power = step;
            }
        }
        Self { step, count: u32::try_from(largest.div_ceil(step)).unwrap_or(3) }
    }

    /// How many steps there are.
    pub const fn count(self) -> u32 {
        self.count
    }

    /// The labels from the top to 0.
    pub fn labels(self) -> Vec<String> {
        (0..=self.count).rev().map(|steps| short(self.step.saturating_mul(u64::from(steps)))).collect()
    }

    /// How high a count is drawn on an axis of this height. What is not 0 can be seen.
    pub fn height(self, count: u64, axis: u32) -> u32 {
        if count == 0 {
            return 0;
        }
        let top = self.step.saturating_mul(u64::from(self.count));
        let height = count.saturating_mul(u64::from(axis)) / top;
        u32::try_from(height).unwrap_or(axis).clamp(2, axis)
    }
}

/// A round number in a few letters: `500`, `5,000`, `20k`, `3M`.
fn short(number: u64) -> String {
    match number {
        1_000_000.. if number.is_multiple_of(1_000_000) => format!("{}M", grouped(number / 1_000_000)),
        10_000.. if number.is_multiple_of(1_000) => format!("{}k", grouped(number / 1_000)),
        _ => grouped(number),
    }
}

/// An axis of milliseconds that begins at 1 ms: one to four powers of ten, each as high as the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decades {
    count: u32,
}

impl Decades {
    /// The axis with the fewest powers on which `slowest` fits.
    pub fn up_to(slowest: u64) -> Self {
        Self { count: (1..4).find(|count| slowest <= 10_u64.pow(*count)).unwrap_or(4) }
    }

    /// How many powers there are.
    pub const fn count(self) -> u32 {
        self.count
    }

    /// The labels from the top to 1 ms.
    pub fn labels(self) -> Vec<&'static str> {
        let all = ["10 s", "1 s", "100 ms", "10 ms", "1 ms"];
        let above = all.len().saturating_sub(usize::try_from(self.count).unwrap_or(4) + 1);
        all.into_iter().skip(above).collect()
    }

    /// Whether so many milliseconds have a place on the axis.
    pub const fn shows(self, ms: u64) -> bool {
        ms <= 10_u64.pow(self.count)
    }

    /// How high so many milliseconds are drawn on an axis of this height.
    pub fn height(self, ms: u64, axis: u32) -> f64 {
        let ms = f64::from(u32::try_from(ms.max(1)).unwrap_or(u32::MAX));
        (ms.log10() / f64::from(self.count)).min(1.0) * f64::from(axis)
    }
}

#[cfg(test)]
mod tests {
    use super::{Decades, Steps};

    #[test]
    fn labels_are_round_and_few() {
        let labels = |largest| Steps::up_to(largest).labels();
        assert_eq!(labels(0), ["1", "0"]);
        assert_eq!(labels(3), ["3", "2", "1", "0"]);
        assert_eq!(labels(4), ["4", "2", "0"]);
        assert_eq!(labels(10), ["10", "5", "0"]);
        assert_eq!(labels(31), ["40", "20", "0"]);
        assert_eq!(labels(1_400), ["1,500", "1,000", "500", "0"]);
        assert_eq!(labels(40_000), ["40k", "20k", "0"]);
        assert_eq!(labels(2_500_000), ["3M", "2M", "1M", "0"]);
        for largest in (1..5_000).chain([u64::MAX - 1, u64::MAX]) {
            let labels = labels(largest);
            assert!((2..=4).contains(&labels.len()), "{largest}: {labels:?}");
        }
    }

    #[test]
    fn counts_are_as_high_as_their_labels() {
        let steps = Steps::up_to(10);
        assert_eq!([0, 1, 5, 10].map(|count| steps.height(count, 120)), [0, 12, 60, 120]);
        assert_eq!(Steps::up_to(9_000).height(1, 120), 2, "one of many can be seen");
    }

    #[test]
    fn each_power_of_ten_is_as_high_as_the_others() {
        assert_eq!(Decades::up_to(0).labels(), ["10 ms", "1 ms"]);
        assert_eq!(Decades::up_to(20).labels(), ["100 ms", "10 ms", "1 ms"]);
        assert_eq!(Decades::up_to(2_000).labels(), ["10 s", "1 s", "100 ms", "10 ms", "1 ms"]);
        let axis = Decades::up_to(1_000);
        let drawn = |ms| format!("{:.0}", axis.height(ms, 96));
        assert_eq!([1, 10, 100, 1_000].map(drawn), ["0", "32", "64", "96"]);
        assert!(axis.shows(1_000) && !Decades::up_to(100).shows(1_000));
    }
}
