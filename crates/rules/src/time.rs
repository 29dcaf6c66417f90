//! Moments, and the two spellings of timestamps: of a request, and of a socket's login.
//!
//! Time enters the rules as an argument; nothing here asks for it.

use std::fmt;

use crate::limits::{DAY_MS, TIMESTAMP_WINDOW_MS};

/// A point in time: milliseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);

    /// The moment `ms` milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_unix_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_ms(self) -> u64 {
        self.0
    }

    /// The moment `ms` milliseconds later, saturating.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds since `earlier`; zero when that lies in the future.
    #[must_use]
    pub const fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// RFC 3339 in UTC with milliseconds, the form that [`Timestamp::parse`] reads.
impl fmt::Display for Moment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0 / DAY_MS);
        let ms = self.0 % DAY_MS;
        let (hour, minute, second, ms) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60, ms % 1_000);
        write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }
}

/// The text of `OK-ACCESS-TIMESTAMP`, or of a socket's login, kept as sent because it is what was signed.
///
/// `2020-12-08T09:08:57.715Z` (OKX contract 1.5), of the fraction three digits or fewer: clients in Go leave out zeros at its
/// end, and with them the point. The text ends with its only `Z`, so that no byte wanders between timestamp and method in the
/// prehash, which has no separators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timestamp {
    text: [u8; LONGEST],
    length: u8,
    moment: Moment,
}

/// The bytes of a timestamp with all digits.
const LONGEST: usize = 24;

/// A text that is not a timestamp in the accepted form.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a UTC timestamp such as 2020-12-08T09:08:57.715Z")]
pub struct NotATimestamp;

impl Timestamp {
    /// Reads the accepted form; dates must exist, leap seconds do not.
    ///
    /// # Errors
    /// [`NotATimestamp`] on anything else.
    pub fn parse(text: &[u8]) -> Result<Self, NotATimestamp> {
        let (seconds, fraction) = text.split_first_chunk::<19>().ok_or(NotATimestamp)?;
        let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2] = seconds
        else {
            return Err(NotATimestamp);
        };
        let ms = match *fraction {
            [b'.', f1, f2, f3, b'Z'] => number(&[f1, f2, f3])?,
            [b'.', f1, f2, b'Z'] => number(&[f1, f2])? * 10,
            [b'.', f1, b'Z'] => number(&[f1])? * 100,
            [b'Z'] => 0,
            _ => return Err(NotATimestamp),
        };
        let year = number(&[y1, y2, y3, y4])?;
        let (month, day) = (number(&[m1, m2])?, number(&[d1, d2])?);
        let (hour, minute, second) = (number(&[h1, h2])?, number(&[n1, n2])?, number(&[s1, s2])?);
        if year < 1970 || hour > 23 || minute > 59 || second > 59 {
            return Err(NotATimestamp);
        }
        let days = days_from_civil(year, month, day).ok_or(NotATimestamp)?;
        let unix_ms = days * DAY_MS + hour * 3_600_000 + minute * 60_000 + second * 1_000 + ms;
        Self::keep(text, Moment(unix_ms))
    }

    /// Reads seconds since the Unix epoch (OKX contract 3.1): up to 13 digits without a zero before them, and a fraction of up
    /// to 9. Milliseconds without a point are such a text as well, thousands of years ahead, and so never fresh.
    ///
    /// # Errors
    /// [`NotATimestamp`] on anything else.
    pub fn parse_unix_seconds(text: &[u8]) -> Result<Self, NotATimestamp> {
        let mut parts = text.splitn(2, |byte| *byte == b'.');
        let seconds = parts.next().ok_or(NotATimestamp)?;
        let ms = parts.next().map_or(Ok(0), ms_of_fraction)?;
        let padded = seconds.len() > 1 && seconds.first() == Some(&b'0');
        if padded || !(1..=13).contains(&seconds.len()) {
            return Err(NotATimestamp);
        }
        Self::keep(text, Moment(number(seconds)? * 1_000 + ms))
    }

    fn keep(text: &[u8], moment: Moment) -> Result<Self, NotATimestamp> {
        let mut kept = [0; LONGEST];
        kept.get_mut(..text.len()).ok_or(NotATimestamp)?.copy_from_slice(text);
        let length = u8::try_from(text.len()).map_err(|_| NotATimestamp)?;
        Ok(Self { text: kept, length, moment })
    }

    /// The bytes as sent.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.text.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// The moment that the text names.
    #[must_use]
    pub const fn moment(&self) -> Moment {
        self.moment
    }

    /// Whether the text lies within 30 s of `now`, both ends included (product.md 6.1).
    #[must_use]
    pub const fn is_fresh(&self, now: Moment) -> bool {
        self.moment.0.abs_diff(now.0) <= TIMESTAMP_WINDOW_MS
    }
}

/// ASCII digits only: other scripts' digits are not in these bytes.
fn number(digits: &[u8]) -> Result<u64, NotATimestamp> {
    digits.iter().try_fold(0_u64, |value, digit| match digit {
        b'0'..=b'9' => Ok(value * 10 + u64::from(digit - b'0')),
        _ => Err(NotATimestamp),
    })
}

/// Whole milliseconds of a fraction of a second, of which there are 1 to 9 digits.
fn ms_of_fraction(digits: &[u8]) -> Result<u64, NotATimestamp> {
    if !(1..=9).contains(&digits.len()) {
        return Err(NotATimestamp);
    }
    number(digits)?;
    let mut first = [b'0'; 3];
    for (to, from) in first.iter_mut().zip(digits) {
        *to = *from;
    }
    number(&first)
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 0,
    }
}

/// Leap days before 1 January of `year`, counted from year 0.
const fn leap_days_before(year: u64) -> u64 {
    let last = year - 1;
    last / 4 - last / 100 + last / 400
}

/// Days since 1970-01-01 of a date from then on; `None` where there is no such date.
fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u64> {
    if day == 0 || day > days_in_month(year, month) {
        return None;
    }
    let years = (year - 1970) * 365 + leap_days_before(year) - leap_days_before(1970);
    let months: u64 = (1..month).map(|earlier| days_in_month(year, earlier)).sum();
    Some(years + months + day - 1)
}

/// The date that lies `days` after 1970-01-01: year, month, day.
const fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let mut year = 1970 + days / 366;
    loop {
        let next = (year + 1 - 1970) * 365 + leap_days_before(year + 1) - leap_days_before(1970);
        if next > days {
            break;
        }
        year += 1;
    }
    let mut rest = days - ((year - 1970) * 365 + leap_days_before(year) - leap_days_before(1970));
    let mut month = 1;
    while rest >= days_in_month(year, month) {
        rest -= days_in_month(year, month);
        month += 1;
    }
    (year, month, rest + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Moment, Timestamp};

    #[test]
    fn reads_the_form_of_the_contract() {
        let stamp = Timestamp::parse(b"2020-12-08T09:08:57.715Z").unwrap();
        assert_eq!(stamp.moment(), Moment::from_unix_ms(1_607_418_537_715));
        assert_eq!(stamp.moment().to_string(), "2020-12-08T09:08:57.715Z");
    }

    #[test]
    fn zeros_at_the_end_of_the_fraction_may_be_left_out() {
        for (text, ms) in [
            ("2020-12-08T09:08:57Z", 0),
            ("2020-12-08T09:08:57.0Z", 0),
            ("2020-12-08T09:08:57.00Z", 0),
            ("2020-12-08T09:08:57.000Z", 0),
            ("2020-12-08T09:08:57.7Z", 700),
            ("2020-12-08T09:08:57.70Z", 700),
            ("2020-12-08T09:08:57.71Z", 710),
            ("2020-12-08T09:08:57.07Z", 70),
            ("2020-12-08T09:08:57.01Z", 10),
            ("2020-12-08T09:08:57.007Z", 7),
            ("2020-12-08T09:08:57.9Z", 900),
            ("2020-12-08T09:08:57.99Z", 990),
        ] {
            let stamp = Timestamp::parse(text.as_bytes()).unwrap();
            assert_eq!(stamp.moment(), Moment::from_unix_ms(1_607_418_537_000 + ms), "{text}");
            assert_eq!(stamp.as_bytes(), text.as_bytes(), "it is signed as it was sent");
        }
    }

    #[test]
    fn refuses_other_forms() {
        let odd: [&[u8]; 28] = [
            b"",
            b"1607418537715",
            b"1607418537.715",
            b"2020-12-08T09:08:57.7150Z",
            b"2020-12-08T09:08:57.715000Z",
            b"2020-12-08T09:08:57.Z",
            b"2020-12-08T09:08:57. Z",
            b"2020-12-08T09:08:57.+1Z",
            b"2020-12-08T09:08:57.7 Z",
            b"2020-12-08T09:08:57",
            b"2020-12-08T09:08:57.715",
            b"2020-12-08T09:08:57ZZ",
            b"2020-12-08T09:08:57Z ",
            b"2020-12-08T09:08:57.715+00:00",
            b"2020-12-08T09:08Z",
            b"2020-12-08T09:08:57:7Z",
            b"2020-12-08 09:08:57.715Z",
            b"2020-12-08t09:08:57.715Z",
            b"2020-12-08T09:08:57.715z",
            b"2020-12-08T09:08:57,715Z",
            b"2020-13-08T09:08:57.715Z",
            b"2020-00-08T09:08:57.715Z",
            b"2021-02-29T09:08:57.715Z",
            b"2020-12-08T24:08:57.715Z",
            b"2020-12-08T09:60:57.715Z",
            b"2020-12-08T09:08:60.715Z",
            b"1969-12-08T09:08:57.715Z",
            "２020-12-08T09:08:57.715".as_bytes(),
        ];
        for text in odd {
            assert!(Timestamp::parse(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn window_is_inclusive_both_ways() {
        let stamp = Timestamp::parse(b"2020-12-08T09:08:57.715Z").unwrap();
        let at = stamp.moment().unix_ms();
        for (now, fresh) in
            [(at - 30_000, true), (at - 30_001, false), (at + 30_000, true), (at + 30_001, false), (0, false)]
        {
            assert_eq!(stamp.is_fresh(Moment::from_unix_ms(now)), fresh);
        }
    }

    #[test]
    fn reads_seconds_as_logins_send_them() {
        for (text, ms) in [
            ("1704876947", 1_704_876_947_000),
            ("0", 0),
            ("0.001", 1),
            ("1704876947.7", 1_704_876_947_700),
            ("1704876947.71", 1_704_876_947_710),
            ("1704876947.715", 1_704_876_947_715),
            ("1704876947.007", 1_704_876_947_007),
            ("1704876947.0", 1_704_876_947_000),
            ("1704876947.7159999", 1_704_876_947_715),
            ("1704876947.000999999", 1_704_876_947_000),
            ("9999999999999.999999999", 9_999_999_999_999_999),
        ] {
            let stamp = Timestamp::parse_unix_seconds(text.as_bytes()).unwrap();
            assert_eq!(stamp.moment(), Moment::from_unix_ms(ms), "{text}");
            assert_eq!(stamp.as_bytes(), text.as_bytes(), "it is signed as it was sent");
        }
    }

    #[test]
    fn milliseconds_read_as_seconds_are_never_fresh() {
        let stamp = Timestamp::parse_unix_seconds(b"1704876947715").unwrap();
        assert!(!stamp.is_fresh(Moment::from_unix_ms(1_704_876_947_715)));
        let stamp = Timestamp::parse_unix_seconds(b"1704876947.715").unwrap();
        assert!(stamp.is_fresh(Moment::from_unix_ms(1_704_876_947_715 + 30_000)));
        assert!(!stamp.is_fresh(Moment::from_unix_ms(1_704_876_947_715 + 30_001)));
    }

    #[test]
    fn other_forms_of_seconds_are_refused() {
        for text in [
            "",
            ".",
            ".5",
            "1704876947.",
            "1704876947..5",
            "1704876947.5.5",
            "1704876947.0000000000",
            "1704876947,5",
            "00",
            "01704876947",
            "00.5",
            "-1",
            "+1704876947",
            "-0",
            " 1704876947",
            "1704876947 ",
            "1704876947\n",
            "1704876947\0",
            "1704876947s",
            "1704876947.7Z",
            "1704876947.-5",
            "1704876947.+5",
            "1.704876947e9",
            "1e9",
            "0x659e5a13",
            "1_704_876_947",
            "NaN",
            "17048769477150",
            "99999999999999999999999999",
            "2020-12-08T09:08:57.715Z",
            "\u{661}\u{667}",
            "\u{ff11}",
        ] {
            assert!(Timestamp::parse_unix_seconds(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(Timestamp::parse_unix_seconds(&[b'1', 0xff]).is_err());
    }

    proptest! {
        #[test]
        fn seconds_and_their_fraction_make_the_moment(ms in 0_u64..10_000_000_000_000_000, more in "[0-9]{0,6}") {
            let text = format!("{}.{:03}{more}", ms / 1_000, ms % 1_000);
            let stamp = Timestamp::parse_unix_seconds(text.as_bytes()).unwrap();
            prop_assert_eq!(stamp.moment(), Moment::from_unix_ms(ms));
            prop_assert_eq!(stamp.as_bytes(), text.as_bytes());
        }

        #[test]
        fn display_then_parse_is_identity(ms in 0_u64..253_402_300_800_000) {
            let moment = Moment::from_unix_ms(ms);
            let text = moment.to_string();
            prop_assert_eq!(Timestamp::parse(text.as_bytes()).unwrap().moment(), moment);
        }
    }
}
