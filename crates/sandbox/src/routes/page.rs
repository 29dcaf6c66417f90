//! Pages of histories: `after`, `before`, `begin`, `end` and `limit`, newest first.

use serde_json::Value;

use crate::ledger::Entry;
use crate::parameters::number;

/// Rows of an answer at most (OKX).
const MOST: usize = 100;

/// The entries that the page parameters and `wanted` leave, by id.
pub(super) fn page<'a, T: Entry + 'a>(
    entries: impl Iterator<Item = &'a T>,
    query: &Value,
    wanted: impl Fn(&T) -> bool,
) -> impl Iterator<Item = &'a T> {
    cut(entries, query, wanted, T::id)
}

/// The same for the routes whose `after` and `before` are times.
pub(super) fn page_by_time<'a, T: Entry + 'a>(
    entries: impl Iterator<Item = &'a T>,
    query: &Value,
    wanted: impl Fn(&T) -> bool,
) -> impl Iterator<Item = &'a T> {
    cut(entries, query, wanted, T::at_ms)
}

fn cut<'a, T: Entry + 'a>(
    entries: impl Iterator<Item = &'a T>,
    query: &Value,
    wanted: impl Fn(&T) -> bool,
    place: fn(&T) -> u64,
) -> impl Iterator<Item = &'a T> {
    let (after, before) = (number(query, "after", u64::MAX), number(query, "before", 0));
    let (begin, end) = (number(query, "begin", 0), number(query, "end", u64::MAX));
    let limit = number(query, "limit", MOST).clamp(1, MOST);
    entries
        .filter(move |entry| {
            let (place, at_ms) = (place(entry), entry.at_ms());
            place < after && place > before && (begin..=end).contains(&at_ms) && wanted(entry)
        })
        .take(limit)
}
