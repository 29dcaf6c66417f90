//! What a holder chooses for a channel, and when an alert is due by it.

use crate::alert::Urgency;
use crate::limits::DAY_MS;
use crate::time::Moment;

const HOUR_MS: u64 = 60 * 60 * 1_000;
const MINUTE_MS: u64 = 60 * 1_000;
/// Minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;
/// When a daily digest goes: at 08:00 UTC.
const DAILY_AT_MS: u64 = 8 * HOUR_MS;

/// Which alerts a channel gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// All of them.
    All,
    /// Only those that somebody must look at now.
    Critical,
}

/// How alerts that are not critical are gathered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Digest {
    /// Each by itself.
    AtOnce,
    /// Together, at each full hour.
    Hourly,
    /// Together, at 08:00 UTC.
    Daily,
}

/// Declares the stored words of an enum without data.
macro_rules! words {
    ($name:ident: $($variant:ident = $word:literal),+) => {
        impl $name {
            /// The stored word.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// What a word names.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words!(Which: All = "all", Critical = "critical");
words!(Digest: AtOnce = "at_once", Hourly = "hourly", Daily = "daily");

/// Minutes of the day (UTC) in which only critical alerts go; `from` belongs to them, `to` does not. They may span
/// midnight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quiet {
    from: u16,
    to: u16,
}

/// Two numbers that are no quiet hours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("quiet hours go from one time of the day (UTC) to another, such as 22:00 to 06:30")]
pub struct NotQuietHours;

impl Quiet {
    /// Takes minutes after midnight.
    ///
    /// # Errors
    /// [`NotQuietHours`] when one is not of a day, or both are the same.
    pub const fn new(from: u16, to: u16) -> Result<Self, NotQuietHours> {
        if from < DAY_MINUTES && to < DAY_MINUTES && from != to {
            Ok(Self { from, to })
        } else {
            Err(NotQuietHours)
        }
    }

    /// Reads `22:00` and `06:30`.
    ///
    /// # Errors
    /// [`NotQuietHours`].
    pub fn parse(from: &str, to: &str) -> Result<Self, NotQuietHours> {
        let minutes = |text: &str| {
            let (hours, minutes) = text.split_once(':')?;
            let number = |text: &str, below: u16| {
                let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
                text.parse::<u16>().ok().filter(|value| plain && *value < below)
            };
            Some(number(hours, 24)? * 60 + number(minutes, 60)?)
        };
        match (minutes(from), minutes(to)) {
            (Some(from), Some(to)) => Self::new(from, to),
            (_, _) => Err(NotQuietHours),
        }
    }

    /// Minutes after midnight.
    #[must_use]
    pub const fn minutes(self) -> (u16, u16) {
        (self.from, self.to)
    }

    /// `22:00` and `06:30`.
    #[must_use]
    pub fn words(self) -> (String, String) {
        let word = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        (word(self.from), word(self.to))
    }

    /// When they end, if `at` lies in them.
    fn end_of(self, at: Moment) -> Option<Moment> {
        let midnight = at.unix_ms() / DAY_MS * DAY_MS;
        let minute = (at.unix_ms() - midnight) / MINUTE_MS;
        let (from, to) = (u64::from(self.from), u64::from(self.to));
        let (today, inside) = if from < to {
            (true, minute >= from && minute < to)
        } else {
            (minute < to, minute >= from || minute < to)
        };
        let day = if today { midnight } else { midnight + DAY_MS };
        inside.then(|| Moment::from_unix_ms(day + to * MINUTE_MS))
    }
}

/// What a holder chose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Choices {
    /// Which alerts.
    pub which: Which,
    /// When only critical ones.
    pub quiet: Option<Quiet>,
    /// How the others are gathered.
    pub digest: Digest,
}

/// When an alert goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due {
    /// Not at all.
    Never,
    /// Now, by itself.
    Now,
    /// At that moment, together with whatever else waits for it.
    Gathered(Moment),
}

impl Choices {
    /// When an alert of this urgency goes that happens at `now`.
    #[must_use]
    pub fn due(&self, urgency: Urgency, now: Moment) -> Due {
        match (urgency, self.which) {
            (Urgency::Critical, _) => Due::Now,
            (Urgency::Notice, Which::Critical) => Due::Never,
            (Urgency::Notice, Which::All) => self.due_in_time(now),
        }
    }

    fn due_in_time(&self, now: Moment) -> Due {
        let next = |period: u64, offset: u64| {
            let since = now.unix_ms() + period - offset;
            Moment::from_unix_ms(since / period * period + offset)
        };
        let gathered = match self.digest {
            Digest::AtOnce => now,
            Digest::Hourly => next(HOUR_MS, 0),
            Digest::Daily => next(DAY_MS, DAILY_AT_MS),
        };
        let at = self.quiet.and_then(|quiet| quiet.end_of(gathered)).unwrap_or(gathered);
        if at == now { Due::Now } else { Due::Gathered(at) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Choices, Digest, Due, Quiet, Which};
    use crate::alert::Urgency;
    use crate::limits::DAY_MS;
    use crate::time::Moment;

    const MIDNIGHT: u64 = 1_800_000_000_000 / DAY_MS * DAY_MS;

    fn at(hours: u64, minutes: u64) -> Moment {
        Moment::from_unix_ms(MIDNIGHT + (hours * 60 + minutes) * 60_000)
    }

    fn choices(quiet: Option<(&str, &str)>, digest: Digest) -> Choices {
        let quiet = quiet.map(|(from, to)| Quiet::parse(from, to).unwrap());
        Choices { which: Which::All, quiet, digest }
    }

    #[test]
    fn quiet_hours_may_span_midnight() {
        let night = choices(Some(("22:00", "06:30")), Digest::AtOnce);
        assert_eq!(night.due(Urgency::Notice, at(21, 59)), Due::Now);
        assert_eq!(night.due(Urgency::Notice, at(22, 0)), Due::Gathered(at(30, 30)));
        assert_eq!(night.due(Urgency::Notice, at(3, 0)), Due::Gathered(at(6, 30)));
        assert_eq!(night.due(Urgency::Notice, at(6, 30)), Due::Now);
        let noon = choices(Some(("12:00", "13:00")), Digest::AtOnce);
        assert_eq!(noon.due(Urgency::Notice, at(12, 59)), Due::Gathered(at(13, 0)));
        assert_eq!(noon.due(Urgency::Notice, at(13, 0)), Due::Now);
    }

    #[test]
    fn digests_gather_until_the_hour_or_the_morning() {
        let hourly = choices(None, Digest::Hourly);
        assert_eq!(hourly.due(Urgency::Notice, at(9, 10)), Due::Gathered(at(10, 0)));
        assert_eq!(hourly.due(Urgency::Notice, at(10, 0)), Due::Gathered(at(11, 0)));
        let daily = choices(None, Digest::Daily);
        assert_eq!(daily.due(Urgency::Notice, at(7, 59)), Due::Gathered(at(8, 0)));
        assert_eq!(daily.due(Urgency::Notice, at(8, 0)), Due::Gathered(at(32, 0)));
        let late = choices(Some(("07:00", "09:15")), Digest::Daily);
        assert_eq!(late.due(Urgency::Notice, at(1, 0)), Due::Gathered(at(9, 15)));
    }

    #[test]
    fn only_times_of_a_day_are_quiet_hours() {
        assert_eq!(Quiet::parse("22:00", "06:30").unwrap().words(), ("22:00".into(), "06:30".into()));
        for (from, to) in [
            ("22:00", "22:00"),
            ("24:00", "06:00"),
            ("22:60", "06:00"),
            ("9:00", "10:00"),
            ("", ""),
            ("+9:00", "10:00"),
        ] {
            assert!(Quiet::parse(from, to).is_err(), "{from} {to}");
        }
        assert!(Quiet::new(0, 1440).is_err());
    }

    proptest! {
        #[test]
        fn critical_never_waits_and_nothing_waits_longer_than_two_days(
            ms in 0..4_000_000_000_000_u64, from in 0..1440_u16, to in 0..1440_u16, kind in 0..3
        ) {
            let digest = [Digest::AtOnce, Digest::Hourly, Digest::Daily][usize::try_from(kind).unwrap()];
            let now = Moment::from_unix_ms(ms);
            for which in [Which::All, Which::Critical] {
                let choices = Choices { which, quiet: Quiet::new(from, to).ok(), digest };
                prop_assert_eq!(choices.due(Urgency::Critical, now), Due::Now);
                if let Due::Gathered(at) = choices.due(Urgency::Notice, now) {
                    prop_assert!(at > now && at.ms_since(now) <= 2 * DAY_MS);
                    // What was gathered is not quiet when it goes.
                    prop_assert!(choices.quiet.is_none_or(|quiet| quiet.end_of(at).is_none()));
                }
            }
        }
    }
}
