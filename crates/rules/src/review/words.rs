//! The evidence in words: the questions of a review, each with what is known.

use super::evidence::{KeyEvidence, Powers, SeenSources, is_used};
use crate::address::{Binding, Network};
use crate::limits::DAY_MS;
use crate::permission::Permission;
use crate::time::Moment;

/// Items of a list in a sentence; of more, their number.
const LISTED: usize = 5;

/// A question of the review with what is known about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// `Is it still needed?`
    pub text: &'static str,
    /// What is known, in a sentence or two.
    pub known: String,
}

/// The day of a moment in UTC: `2026-11-21`.
pub(super) fn day(at: Moment) -> String {
    at.to_string().chars().take(10).collect()
}

/// `1 day`, `12 days`.
pub(super) fn days(count: u64) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

/// `a`, `a and b`, `a, b and 3 more`.
pub(super) fn listed<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let all: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    let shown = all.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>();
    match (all.len().saturating_sub(LISTED), shown.split_last()) {
        (0, Some((last, []))) => (*last).to_owned(),
        (0, Some((last, rest))) => format!("{} and {last}", rest.join(", ")),
        (more, Some(_)) => format!("{} and {more} more", shown.join(", ")),
        (_, None) => "none".to_owned(),
    }
}

pub(super) fn networks_in_words(networks: &[Network]) -> String {
    listed(networks.iter())
}

/// The questions of a review with the evidence beside them, always the same ones in the same order. What is not known is said.
#[must_use]
pub fn questions(key: &KeyEvidence<'_>, now: Moment) -> Vec<Question> {
    let ask = |text, known| Question { text, known };
    vec![
        ask("Is it still needed?", needed(key, now)),
        ask("Are all its permissions used?", permissions(key, now)),
        ask("Are all its addresses used?", addresses(key, now)),
        ask("Does one program use it, in one place?", programs(key)),
        ask("Are its limits and its life tight enough?", bounds(key, now)),
    ]
}

fn ago(then: Moment, now: Moment) -> String {
    match now.ms_since(then) / DAY_MS {
        0 => "today".to_owned(),
        count => format!("{} ago", days(count)),
    }
}

fn needed(key: &KeyEvidence<'_>, now: Moment) -> String {
    let made = format!("Created on {}, {}.", day(key.created_at), ago(key.created_at, now));
    let used = match key.last_used_at {
        Some(at) => format!("Last used on {}, {}.", day(at), ago(at, now)),
        None => "Never used.".to_owned(),
    };
    let state = match key.powers {
        Powers::All => "",
        Powers::Cancels => " It is in quarantine: it reads and cancels only.",
        Powers::Reads => " It is in quarantine: it reads only.",
        Powers::Nothing => " Gateways refuse it now: it is disabled or held.",
    };
    format!("{used} {made}{state}")
}

fn since(key: &KeyEvidence<'_>, now: Moment) -> String {
    let known = key.known.since;
    if known <= key.created_at {
        format!("since it was created, {}", ago(known, now))
    } else {
        format!("since {}, {}; older use is not remembered", day(known), ago(known, now))
    }
}

fn permissions(key: &KeyEvidence<'_>, now: Moment) -> String {
    let Some(used) = &key.known.permissions else {
        return format!(
            "It may {}. What it was used for is not known.",
            listed(key.permissions.iter().map(Permission::word))
        );
    };
    let (yes, no): (Vec<_>, Vec<_>) = key.permissions.iter().partition(|right| used.contains(right));
    let words = |rights: &[Permission]| listed(rights.iter().map(|right| right.word()));
    match (yes.is_empty(), no.is_empty()) {
        (_, true) => format!("Used: {}.", words(&yes)),
        (true, false) => format!("Used: none. Not used: {} ({}).", words(&no), since(key, now)),
        (false, false) => format!("Used: {}. Not used: {} ({}).", words(&yes), words(&no), since(key, now)),
    }
}

fn addresses(key: &KeyEvidence<'_>, now: Moment) -> String {
    let sources = match (&key.known.sources, key.binding) {
        (SeenSources::Hidden, _) | (_, Binding::App(_)) => {
            return "It works only from the servers of its app.".to_owned();
        }
        (_, Binding::Canary) => return "It is a canary: it admits no request, from anywhere.".to_owned(),
        (SeenSources::Many, _) => return "It was used from more addresses than are looked at.".to_owned(),
        (SeenSources::All(sources), _) => sources,
    };
    let from = || listed(sources.iter().map(|(address, _)| address));
    match key.binding {
        Binding::Anywhere | Binding::App(_) | Binding::Canary if sources.is_empty() => {
            format!("It works from any address. It was used from none ({}).", since(key, now))
        }
        Binding::Anywhere | Binding::App(_) | Binding::Canary => {
            format!("It works from any address. It was used from {}.", from())
        }
        Binding::Addresses(set) => {
            let (used, unused): (Vec<Network>, Vec<Network>) =
                set.networks().iter().copied().partition(|entry| is_used(*entry, sources));
            let used = networks_in_words(&used);
            if unused.is_empty() {
                format!("Used: {used}.")
            } else {
                format!("Used: {used}. Not used: {} ({}).", networks_in_words(&unused), since(key, now))
            }
        }
    }
}

fn programs(key: &KeyEvidence<'_>) -> String {
    let networks = match &key.known.sources {
        SeenSources::All(sources) if !sources.is_empty() => {
            let mut networks: Vec<Network> =
                sources.iter().map(|(address, _)| Network::around(*address)).collect();
            networks.sort_unstable();
            networks.dedup();
            let plural = if networks.len() == 1 { "" } else { "s" };
            format!("Used from {} network{plural}. ", networks.len())
        }
        SeenSources::All(_) | SeenSources::Many | SeenSources::Hidden => String::new(),
    };
    let together = match key.known.two_networks_at {
        Some(at) => format!("Used from two networks at once on {}.", day(at)),
        None => "Never seen in two networks at once.".to_owned(),
    };
    format!("{networks}{together} Which software sends the requests is not recorded.")
}

fn bounds(key: &KeyEvidence<'_>, now: Moment) -> String {
    let end = match key.expires_at {
        Some(end) => format!("It ends on {}, in {}.", day(end), days(end.ms_since(now) / DAY_MS)),
        None => "It has no expiry date.".to_owned(),
    };
    let limits = match key.limits {
        None => "It has no limits.".to_owned(),
        Some(limits) => {
            let own = limits.sentences().len();
            let account = limits.account.as_deref().map_or(0, |account| account.sentences().len());
            format!("It has {own} limits of its own, and {account} of the account.")
        }
    };
    format!("{limits} {end}")
}
