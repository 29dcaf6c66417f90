//! How charts are divided: spans of time, and bounds of latency.

/// Milliseconds of a quarter of an hour, in which requests are counted for charts.
pub(crate) const QUARTER_MS: u64 = 15 * 60 * 1_000;

/// How long the pieces of a chart are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Span {
    /// A minute, for the last hour.
    Minute,
    /// A quarter of an hour, for the last day.
    Quarter,
    /// An hour, for the last week.
    Hour,
    /// Six hours, for the last month.
    QuarterDay,
}

impl Span {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Minute, Self::Quarter, Self::Hour, Self::QuarterDay];

    /// Its milliseconds.
    #[must_use]
    pub const fn ms(self) -> u64 {
        match self {
            Self::Minute => 60_000,
            Self::Quarter => 15 * 60_000,
            Self::Hour => 60 * 60_000,
            Self::QuarterDay => 6 * 60 * 60_000,
        }
    }

    /// How many of them a chart has.
    #[must_use]
    pub const fn pieces(self) -> u64 {
        match self {
            Self::Minute => 60,
            Self::Quarter => 96,
            Self::Hour => 168,
            Self::QuarterDay => 124,
        }
    }

    /// When the span began that `at_ms` lies in.
    pub(super) const fn began(self, at_ms: u64) -> u64 {
        at_ms / self.ms() * self.ms()
    }
}

/// Upper bounds of the latency counts, in milliseconds.
pub const LATENCIES_MS: [u64; 10] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];
