//! How long a receiver asks to be left alone (RFC 9110, 10.2.3): seconds, perhaps with decimals as chat services send them, or
//! a date.

use std::time::{Duration, SystemTime};

use keyward_rules::time::Moment;

/// What a `Retry-After` header asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetryAfter {
    /// Milliseconds from the answer on.
    In(u64),
    /// Until then.
    At(Moment),
}

impl RetryAfter {
    /// Reads the header's value; `None` for what is neither. Numbers that are too large are the largest: the courier has a
    /// bound of its own.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches([' ', '\t']);
        seconds(text).map(Self::In).or_else(|| date(text).map(Self::At))
    }

    /// Milliseconds to wait from `now` on.
    #[must_use]
    pub const fn wait_ms(self, now: Moment) -> u64 {
        match self {
            Self::In(ms) => ms,
            Self::At(then) => then.ms_since(now),
        }
    }
}

/// Milliseconds of a decimal number of seconds, rounded up.
fn seconds(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(part) {
        return None;
    }
    let whole: u64 = whole.parse().unwrap_or(u64::MAX);
    let thousandths: u64 = format!("{part:0<3}").get(..3)?.parse().ok()?;
    let more = part.bytes().skip(3).any(|digit| digit != b'0');
    Some(whole.saturating_mul(1_000).saturating_add(thousandths + u64::from(more)))
}

fn date(text: &str) -> Option<Moment> {
    let since = httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::UNIX_EPOCH);
    let ms = since.unwrap_or(Duration::ZERO).as_millis();
    Some(Moment::from_unix_ms(u64::try_from(ms).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use keyward_rules::time::Moment;

    use super::RetryAfter;

    /// 2026-11-29 12:00:00 UTC.
    const NOW: Moment = Moment::from_unix_ms(1_795_953_600_000);

    #[test]
    fn seconds_decimals_and_dates_are_read() {
        for (text, wait_ms) in [
            ("0", 0),
            ("7", 7_000),
            ("007", 7_000),
            (" 120 ", 120_000),
            ("0.65", 650),
            ("1.5", 1_500),
            ("64.57", 64_570),
            ("0.0001", 1),
            ("1.2340", 1_234),
            ("99999999999999999999999999", u64::MAX),
            ("Sun, 29 Nov 2026 12:00:30 GMT", 30_000),
            ("Sunday, 29-Nov-26 12:00:30 GMT", 30_000),
            ("Sun Nov 29 12:00:30 2026", 30_000),
            ("Sun, 29 Nov 2026 11:00:00 GMT", 0),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ] {
            let asked = RetryAfter::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(asked.wait_ms(NOW), wait_ms, "{text}");
        }
    }

    #[test]
    fn anything_else_asks_for_nothing() {
        for text in [
            "",
            " ",
            "-1",
            "+1",
            "1.",
            ".5",
            "1,5",
            "1e9",
            "0x10",
            "NaN",
            "inf",
            "soon",
            "7 s",
            "1.2.3",
            "\u{663}",
            "2026-11-29T12:00:30Z",
            "Sun, 29 Nov 2026 12:00:30 CET",
            "Sun, 31 Feb 2026 12:00:30 GMT",
            "1\u{a0}",
        ] {
            assert_eq!(RetryAfter::parse(text), None, "{text}");
        }
    }
}
