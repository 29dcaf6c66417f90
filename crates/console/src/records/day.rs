//! Lists under headings of days. The server does not know the zone of its reader, so its days are those of UTC. The script of
//! the pages groups the same rows by the reader's days.

use keyward_rules::limits::DAY_MS;
use keyward_rules::time::Moment;

use crate::words::{When, moment};

/// 1 January 1970 was a Thursday.
const WEEKDAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The rows of one day.
pub struct Day<R> {
    /// Its heading: `Today`, `Yesterday`, `Saturday 28 November 2026`.
    pub name: String,
    /// Its rows, in the order in which they came.
    pub rows: Vec<R>,
}

/// Rows under the days of the moments that `at` gives; neighbours of one day come together.
pub fn by_day<R>(rows: Vec<R>, now: Moment, at: impl Fn(&R) -> &When) -> Vec<Day<R>> {
    let mut days: Vec<(String, Day<R>)> = Vec::new();
    for row in rows {
        let date = at(&row).date().to_owned();
        match days.last_mut() {
            Some((last, day)) if *last == date => day.rows.push(row),
            Some(_) | None => {
                let name = heading(&date, now);
                days.push((date, Day { name, rows: vec![row] }));
            }
        }
    }
    days.into_iter().map(|(_, day)| day).collect()
}

fn heading(date: &str, now: Moment) -> String {
    let yesterday = Moment::from_unix_ms(now.unix_ms().saturating_sub(DAY_MS));
    if date == When::of(now).date() {
        "Today".to_owned()
    } else if date == When::of(yesterday).date() {
        "Yesterday".to_owned()
    } else {
        in_words(date).unwrap_or_else(|| "Without a date".to_owned())
    }
}

fn in_words(date: &str) -> Option<String> {
    let days = moment(&format!("{date}T00:00"))?.unix_ms() / DAY_MS;
    let weekday = WEEKDAYS.get(usize::try_from(days % 7).ok()?)?;
    let (year, rest) = date.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    let month = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    Some(format!("{weekday} {} {month} {year}", day.trim_start_matches('0')))
}

#[cfg(test)]
mod tests {
    use super::by_day;
    use crate::words::{When, moment};

    #[test]
    fn rows_stand_under_their_days() {
        let now = moment("2026-11-30T00:00:05").unwrap();
        let rows = [
            "2026-11-30T00:00:00.000Z",
            "2026-11-29T23:59:59.999Z",
            "2026-11-29T00:00:00.000Z",
            "2026-11-28T12:00:00.000Z",
            "1970-01-01T00:00:00.000Z",
            "",
        ];
        let days = by_day(rows.iter().map(|iso| When::read(iso)).collect(), now, |row| row);
        let shown: Vec<(&str, usize)> = days.iter().map(|day| (day.name.as_str(), day.rows.len())).collect();
        assert_eq!(
            shown,
            [
                ("Today", 1),
                ("Yesterday", 2),
                ("Saturday 28 November 2026", 1),
                ("Thursday 1 January 1970", 1),
                ("Without a date", 1)
            ]
        );
    }
}
