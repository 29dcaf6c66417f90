//! The facts of a record in words: names for ids, times as times, before and after with an arrow. A fact that this version does
//! not know is shown as it stands.

use std::collections::BTreeMap;

use keyward_authority::Names;
use keyward_rules::alert::AlertKind;
use keyward_rules::channel::ChannelId;
use keyward_rules::id::{AccountId, AppId, KeyId};

use crate::words::{When, moment};

/// A fact for people.
pub struct Fact {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The same where it is a time.
    pub at: Option<When>,
    /// Whether it is shown as it stands in the record.
    pub raw: bool,
}

/// How a value is written in records.
#[derive(Clone, Copy)]
enum Shape {
    /// A moment, or a word for none.
    Time,
    /// Values with commas between them, before and after.
    List,
    /// Numbers of accounts.
    Accounts,
    /// Ids of keys or channels, each perhaps with words after it.
    Ids,
    /// The word of an alert.
    Alert,
    /// Lines with bars between them.
    Lines,
    /// Requests a second.
    Rate,
    /// Words of the program, before and after.
    Words,
    /// What a person wrote.
    Said,
}

/// The facts of records, with their names for people.
const KNOWN: &[(&str, &str, Shape)] = &[
    ("account", "account", Shape::Accounts),
    ("approvals", "approvals", Shape::Words),
    ("approvers", "approved by", Shape::Accounts),
    ("contact", "contact", Shape::Said),
    ("deleted", "deleted keys", Shape::Ids),
    ("disabled", "disabled keys", Shape::Ids),
    ("due", "due", Shape::Time),
    ("email", "e-mail address", Shape::Words),
    ("enabled", "enabled keys", Shape::Ids),
    ("ended", "ended", Shape::Ids),
    ("environment", "environment", Shape::Words),
    ("expires_at", "expires", Shape::Time),
    ("first networks of", "first networks of", Shape::Ids),
    ("found_at", "found at", Shape::Said),
    ("from", "from", Shape::Time),
    ("gets", "gets", Shape::Words),
    ("holds", "hold", Shape::Words),
    ("home_page", "home page", Shape::Said),
    ("key", "key", Shape::Ids),
    ("limits", "limits", Shape::Said),
    ("master", "master account", Shape::Accounts),
    ("master_key", "master key", Shape::Words),
    ("members", "members", Shape::Said),
    ("name", "name", Shape::Words),
    ("names", "names", Shape::Said),
    ("new_device_until", "reads only until (new device)", Shape::Time),
    ("not_used_since", "not used since", Shape::Time),
    ("overlap_until", "overlap until", Shape::Time),
    ("paused", "paused channels", Shape::Ids),
    ("permissions", "permissions", Shape::List),
    ("predecessor", "predecessor", Shape::Ids),
    ("predecessor_state", "state of the predecessor", Shape::Words),
    ("proposal", "proposal", Shape::Words),
    ("rate_cap", "rate cap", Shape::Rate),
    ("released", "released keys", Shape::Ids),
    ("reporter", "reported by", Shape::Said),
    ("request", "request", Shape::Words),
    ("requester", "proposed by", Shape::Accounts),
    ("requests", "requests", Shape::Lines),
    ("rested", "accounts", Shape::Accounts),
    ("role", "role", Shape::Words),
    ("saw", "alert", Shape::Alert),
    ("size", "size", Shape::Words),
    ("sockets", "sockets", Shape::Words),
    ("standing", "state", Shape::Words),
    ("state", "state", Shape::Words),
    ("stopped", "stopped keys", Shape::Ids),
    ("tags", "tags", Shape::List),
    ("thresholds", "thresholds", Shape::Words),
    ("to", "to", Shape::Time),
    ("told", "told", Shape::Ids),
    ("transfer", "transfer", Shape::Said),
    ("transfers", "transfers", Shape::Lines),
    ("until", "until", Shape::Time),
    ("value", "value", Shape::Words),
    ("version", "version", Shape::Words),
    ("where", "addresses", Shape::List),
    ("why", "reason", Shape::Said),
    ("words", "in words", Shape::Lines),
];

/// The facts of a record. An account that is the reader's is `you`.
pub fn facts_in_words(
    facts: &BTreeMap<String, String>,
    names: &Names,
    reader: Option<AccountId>,
) -> Vec<Fact> {
    let fact = |(name, value): (&String, &String)| {
        let known = KNOWN.iter().find(|(word, _, _)| word == name);
        let Some((_, label, shape)) = known else {
            return Fact { name: name.clone(), value: value.clone(), at: None, raw: true };
        };
        let at = matches!(shape, Shape::Time).then(|| moment(value)).flatten().map(When::of);
        Fact { name: (*label).to_owned(), value: in_words(*shape, value, names, reader), at, raw: false }
    };
    facts.iter().map(fact).collect()
}

fn in_words(shape: Shape, value: &str, names: &Names, reader: Option<AccountId>) -> String {
    match shape {
        Shape::Time | Shape::Said => value.to_owned(),
        Shape::Words => arrows(value),
        Shape::List => app(value, names).unwrap_or_else(|| arrows(&value.replace(',', ", "))),
        Shape::Accounts => each(value, |id| account(id, names, reader)),
        Shape::Ids => each(value, |part| {
            let tokens: Vec<String> = part.split(' ').map(|token| named(token, names)).collect();
            tokens.join(" ")
        }),
        Shape::Alert => {
            AlertKind::from_word(value).map_or_else(|| value.to_owned(), |kind| kind.title().to_owned())
        }
        Shape::Lines => value.replace(" | ", "; "),
        Shape::Rate if value.parse::<u64>().is_ok() => format!("{value} requests a second"),
        Shape::Rate => value.to_owned(),
    }
}

/// Each of the parts between commas in other words.
fn each(value: &str, words: impl Fn(&str) -> String) -> String {
    let parts: Vec<String> = value.split(',').map(words).collect();
    parts.join(", ")
}

/// Before and after. One of them may be nothing, and a value that only has an end has no beginning to show.
fn arrows(value: &str) -> String {
    if let Some(after) = value.strip_prefix("-> ") {
        return format!("→ {after}");
    }
    let value = value.replace(" -> ", " → ");
    let before = if value.starts_with(" →") { "none" } else { "" };
    let after = if value.ends_with("→ ") { "none" } else { "" };
    format!("{before}{value}{after}")
}

/// `app 12`, the one place without addresses that a reader may see.
fn app(value: &str, names: &Names) -> Option<String> {
    let id: AppId = value.strip_prefix("app ")?.parse().ok()?;
    names.apps.get(&id).map(|name| format!("the servers of the app {name}"))
}

fn account(id: &str, names: &Names, reader: Option<AccountId>) -> String {
    match id.parse::<AccountId>() {
        Ok(known) if Some(known) == reader => "you".to_owned(),
        Ok(known) => names.accounts.get(&known).map_or_else(|| id.to_owned(), Clone::clone),
        Err(_) => id.to_owned(),
    }
}

/// The name of a key or a channel; every other text as it is.
fn named(token: &str, names: &Names) -> String {
    if let Some(name) = token.parse::<KeyId>().ok().and_then(|id| names.keys.get(&id)) {
        return format!("{name} ({})", token.get(..8).unwrap_or_default());
    }
    let channel = token.parse::<ChannelId>().ok().and_then(|id| names.channels.get(&id));
    channel.map_or_else(|| token.to_owned(), Clone::clone)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{KNOWN, facts_in_words};
    use keyward_authority::Names;

    const KEY: &str = "0b7c2f1e-8a43-4d0f-9b2a-3c5d6e7f8091";
    const OTHER: &str = "1b7c2f1e-8a43-4d0f-9b2a-3c5d6e7f8091";

    fn shown(name: &str, value: &str) -> (String, String) {
        let mut names = Names::default();
        names.keys.insert(KEY.parse().unwrap(), "TradingBot".to_owned());
        names.accounts.insert("8".parse().unwrap(), "b@keyward.example".to_owned());
        names.apps.insert("5".parse().unwrap(), "Trade Pal".to_owned());
        let facts = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let fact = facts_in_words(&facts, &names, "7".parse().ok()).remove(0);
        (fact.name, fact.value)
    }

    #[test]
    fn facts_are_words() {
        for (name, value, label, words) in [
            ("permissions", "read,trade", "permissions", "read, trade"),
            (
                "where",
                "203.0.113.7 -> 203.0.113.7,198.51.100.2",
                "addresses",
                "203.0.113.7 → 203.0.113.7, 198.51.100.2",
            ),
            ("where", "app 5", "addresses", "the servers of the app Trade Pal"),
            ("where", "app 6", "addresses", "app 6"),
            ("tags", " -> a,b", "tags", "none → a, b"),
            ("tags", "a -> ", "tags", "a → none"),
            ("state", "-> deleted", "state", "→ deleted"),
            ("account", "7", "account", "you"),
            ("approvers", "7,8,9", "approved by", "you, b@keyward.example, 9"),
            ("rate_cap", "7", "rate cap", "7 requests a second"),
            ("rate_cap", "none", "rate cap", "none"),
            ("saw", "key_disabled_by_nobody", "alert", "key_disabled_by_nobody"),
            ("why", "a -> b", "reason", "a -> b"),
            ("unheard_of", "a -> b,c", "unheard_of", "a -> b,c"),
        ] {
            assert_eq!(shown(name, value), (label.to_owned(), words.to_owned()), "{name}");
        }
        let list = format!("{KEY} idle,{OTHER} date");
        assert_eq!(shown("ended", &list).1, format!("TradingBot (0b7c2f1e) idle, {OTHER} date"));
    }

    #[test]
    fn times_are_times_and_words_for_none_are_words() {
        let at = |value: &str| {
            let facts = BTreeMap::from([("expires_at".to_owned(), value.to_owned())]);
            facts_in_words(&facts, &Names::default(), None).remove(0).at.map(|at| at.utc)
        };
        assert_eq!(at("2026-11-21T08:15:07.123Z").as_deref(), Some("2026-11-21 08:15 UTC"));
        assert_eq!(at("never"), None);
    }

    #[test]
    fn each_fact_is_known_once() {
        assert!(KNOWN.is_sorted_by(|one, other| one.0 < other.0));
    }
}
