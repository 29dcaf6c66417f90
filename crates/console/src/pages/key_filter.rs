//! Which keys the list shows, and in which order, as its address says.

use std::cmp::{Ordering, Reverse};

use askama::Template;
use keyward_authority::questions::KeyView;
use keyward_rules::limits::DAY_MS;
use keyward_rules::paste::composed;
use keyward_rules::permission::Permission;
use keyward_rules::time::Moment;

use crate::words::urlencoded;

/// How far ahead a key counts as ending soon.
const SOON_MS: u64 = 14 * DAY_MS;
/// The states in the order of the column.
const STATES: [&str; 6] = ["active", "disabled", "held", "frozen", "expired", "deleted"];

/// The query of the list. A value that names nothing narrows nothing.
#[derive(Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct ListQuery {
    /// A part of the name or of an address, or the beginning of the key.
    pub q: String,
    /// Only keys with this tag.
    pub tag: String,
    /// Only keys in this state: `active`, `disabled`, `held`, `expiring`, `ended`; or `all`, ended ones included.
    pub state: String,
    /// Only keys with this permission.
    pub permission: String,
    /// Only keys that are bound (`yes`) or unbound (`no`).
    pub bound: String,
    /// Only keys that were not used for so many days.
    pub unused: String,
    /// Whether ended keys are listed too.
    pub ended: String,
    /// The column, with `-` before it for the other direction.
    pub sort: String,
    /// A part of the page alone.
    pub fragment: String,
}

/// A column that the list can be sorted by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Column {
    Name,
    State,
    Used,
    Created,
    Ends,
}

impl Column {
    const ALL: [Self; 5] = [Self::Name, Self::State, Self::Used, Self::Created, Self::Ends];

    /// The word in queries.
    const fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::State => "state",
            Self::Used => "used",
            Self::Created => "created",
            Self::Ends => "ending",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Name => "Name and key",
            Self::State => "State",
            Self::Used => "Last used",
            Self::Created => "Created",
            Self::Ends => "Ends",
        }
    }

    /// Whether the values grow from top to bottom where nothing else is asked for. Dates of the past begin with the newest.
    const fn ascends(self) -> bool {
        match self {
            Self::Name | Self::State | Self::Ends => true,
            Self::Used | Self::Created => false,
        }
    }

    fn compare(self, one: &KeyView, other: &KeyView) -> Ordering {
        let rank = |key: &KeyView| STATES.iter().position(|state| *state == key.state);
        let end = |key: &KeyView| key.ending.map_or(u64::MAX, |ending| ending.at().unix_ms());
        match self {
            Self::Name => one.name.as_str().to_lowercase().cmp(&other.name.as_str().to_lowercase()),
            Self::State => rank(one).cmp(&rank(other)),
            Self::Used => other.last_used_at.cmp(&one.last_used_at),
            Self::Created => other.created_at.cmp(&one.created_at),
            Self::Ends => end(one).cmp(&end(other)),
        }
    }
}

/// The heading of a column that the list can be sorted by: its link turns the direction when the list is sorted by it.
#[derive(Template)]
#[template(path = "heading.html")]
struct Heading {
    word: &'static str,
    label: &'static str,
    href: String,
    /// As in `aria-sort`; empty when the list is sorted by another column.
    direction: &'static str,
}

/// The headings as HTML.
pub struct Headings {
    /// Of the names.
    pub name: String,
    /// Of the states.
    pub state: String,
    /// Of the last uses.
    pub used: String,
    /// Of the days of creation.
    pub created: String,
    /// Of what ends a key.
    pub ends: String,
}

impl ListQuery {
    /// Whether anything is left out that the list shows without a query.
    pub fn is_narrowed(&self) -> bool {
        let asked: [&str; 7] =
            [self.q.trim(), &self.tag, &self.state, &self.permission, &self.bound, &self.unused, &self.ended];
        asked.iter().any(|value| !value.is_empty())
    }

    /// For how many days a key must not have been used to be listed, if that is asked.
    pub fn unused_days(&self) -> Option<u64> {
        self.unused.trim().parse().ok().filter(|days| *days > 0)
    }

    /// Whether ended keys are listed beside the others.
    pub fn with_ended(&self) -> bool {
        self.state == "all" || self.state.is_empty() && !self.ended.is_empty()
    }

    /// The query without its order, to stand behind `/keys?sort=…`.
    pub fn rest(&self) -> String {
        urlencoded(&[
            ("q", &self.q),
            ("tag", &self.tag),
            ("state", &self.state),
            ("permission", &self.permission),
            ("bound", &self.bound),
            ("unused", &self.unused),
            ("ended", &self.ended),
        ])
    }

    /// The query for the rows alone.
    pub fn refresh(&self) -> String {
        format!("/keys?fragment=rows{}{}", self.rest(), urlencoded(&[("sort", &self.sort)]))
    }

    /// The keys that fit, in order.
    pub fn select(&self, mut keys: Vec<KeyView>, now: Moment) -> Vec<KeyView> {
        let needle = composed(self.q.trim()).to_lowercase();
        keys.retain(|key| self.fits(key, &needle, now));
        let (column, turned) = self.order();
        keys.sort_by_key(|key| Reverse(key.created_at));
        keys.sort_by(|one, other| {
            let order = column.compare(one, other);
            if turned { order.reverse() } else { order }
        });
        keys
    }

    /// The headings, of which one says how the list is sorted.
    pub fn headings(&self) -> Headings {
        let of = |column| self.heading(column);
        Headings {
            name: of(Column::Name),
            state: of(Column::State),
            used: of(Column::Used),
            created: of(Column::Created),
            ends: of(Column::Ends),
        }
    }

    fn heading(&self, column: Column) -> String {
        let (sorted, turned) = self.order();
        let (direction, sign) = match (column == sorted, column.ascends() == turned) {
            (false, _) => ("", ""),
            (true, false) => ("ascending", if turned { "" } else { "-" }),
            (true, true) => ("descending", if turned { "" } else { "-" }),
        };
        let href = format!("/keys?sort={sign}{}{}", column.word(), self.rest());
        let heading = Heading { word: column.word(), label: column.label(), href, direction };
        heading.render().unwrap_or_default()
    }

    /// The column, and whether the direction is the other one.
    fn order(&self) -> (Column, bool) {
        let (word, turned) = match self.sort.strip_prefix('-') {
            Some(word) => (word, true),
            None => (self.sort.as_str(), false),
        };
        match Column::ALL.into_iter().find(|column| column.word() == word) {
            Some(column) => (column, turned),
            None => (Column::Created, false),
        }
    }

    fn fits(&self, key: &KeyView, needle: &str, now: Moment) -> bool {
        self.fits_state(key, now)
            && (self.tag.is_empty() || key.tags.contains(&self.tag))
            && self.permission.parse::<Permission>().ok().is_none_or(|right| key.permissions.allows(right))
            && match self.bound.as_str() {
                "yes" => key.bound,
                "no" => !key.bound,
                _ => true,
            }
            && self.unused_days().is_none_or(|days| key.is_unused(days, now))
            && (needle.is_empty()
                || key.name.as_str().to_lowercase().contains(needle)
                || key.id.to_string().starts_with(needle)
                || key.from.contains(needle))
    }

    fn fits_state(&self, key: &KeyView, now: Moment) -> bool {
        match self.state.as_str() {
            "active" | "disabled" => key.state == self.state,
            "held" => matches!(key.state, "held" | "frozen"),
            "expiring" => {
                key.is_living() && key.ending.is_some_and(|ending| ending.at().ms_since(now) < SOON_MS)
            }
            "ended" => !key.is_living(),
            _ => key.is_living() || self.with_ended(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Column, ListQuery};

    fn sorted(sort: &str) -> ListQuery {
        ListQuery { sort: sort.to_owned(), q: "a&b".to_owned(), ..ListQuery::default() }
    }

    #[test]
    fn a_heading_turns_the_direction_and_keeps_the_filters() {
        let shown = |sort: &str, column: Column| sorted(sort).heading(column);
        let newest = shown("", Column::Created);
        assert!(newest.contains("aria-sort=\"descending\"") && newest.contains("sort=-created"), "{newest}");
        let oldest = shown("-created", Column::Created);
        assert!(oldest.contains("aria-sort=\"ascending\"") && oldest.contains("sort=created"), "{oldest}");
        assert!(!shown("name", Column::Created).contains("aria-sort"));
        assert!(shown("name", Column::Name).contains("aria-sort=\"ascending\""));
        assert!(shown("-name", Column::Name).contains("aria-sort=\"descending\""));
        assert!(shown("used", Column::Used).contains("aria-sort=\"descending\""));
        assert!(shown("-used", Column::Used).contains("aria-sort=\"ascending\""));
        assert!(shown("nonsense", Column::Created).contains("aria-sort"));
        assert!(newest.contains("q=a%26b"), "{newest}");
    }

    #[test]
    fn a_query_is_narrowed_by_what_it_names() {
        assert!(!ListQuery::default().is_narrowed());
        assert!(
            !ListQuery { sort: "name".to_owned(), q: " ".to_owned(), ..ListQuery::default() }.is_narrowed()
        );
        assert!(ListQuery { bound: "no".to_owned(), ..ListQuery::default() }.is_narrowed());
        assert!(ListQuery { ended: "yes".to_owned(), ..ListQuery::default() }.with_ended());
    }
}
