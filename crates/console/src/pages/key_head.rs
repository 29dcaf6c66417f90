//! The head of every page of one key: its name and state, what can be done with it, and the tabs.
//!
//! `templates/key_head.html` shows it, and finds it by the name `head`.

use keyward_authority::questions::{Ended, KeyView};
use keyward_rules::key::Place;
use keyward_rules::limits::UNBOUND_IDLE_DAYS;

use crate::words::When;

/// Characters of the id that the head shows; its Copy button copies the whole id.
const SHORT: usize = 8;

/// A link to the page of something that can be done with a key.
pub struct KeyAction {
    /// The address.
    pub href: String,
    /// The words.
    pub label: &'static str,
    /// The icon, by its id in `assets/icons.svg`.
    pub icon: &'static str,
}

/// What happened to a key that has ended.
pub struct EndNotice {
    /// What, in one word.
    pub what: &'static str,
    /// When.
    pub at: When,
    /// Why, as a sentence.
    pub why: String,
}

/// What every page of a key begins with.
pub struct KeyHead {
    /// The key's id.
    pub id: String,
    /// The beginning of the id.
    pub short: String,
    /// Its name.
    pub name: String,
    /// Its state's word.
    pub state: &'static str,
    /// The same for people.
    pub state_in_words: &'static str,
    /// Whether anything can still be done with it.
    pub living: bool,
    /// Which tab is open: `overview`, `activity` or `settings`.
    pub tab: &'static str,
    /// What the key needs most; the page has no other primary action.
    pub primary: Option<KeyAction>,
    /// What else can be done with it.
    pub others: Vec<KeyAction>,
    /// What takes it away, apart from the others.
    pub harmful: Vec<KeyAction>,
    /// What ended it.
    pub ended: Option<EndNotice>,
    /// The key that an ended key leads to; empty if there is none.
    pub successor: String,
}

/// What can be done with a key that lives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// End the overlap of its rotation.
    EndOverlap,
    /// Enable it.
    Enable,
    /// Rotate it.
    Rotate,
    /// Make a key in its place.
    Replace,
    /// Disable it.
    Disable,
    /// Change its addresses.
    Addresses,
    /// Change its limits.
    Limits,
    /// Stop it from trading.
    StopTrading,
    /// Lift its quarantine.
    LiftQuarantine,
    /// Take its activity away as a file.
    Export,
    /// Report it as leaked.
    Leaked,
    /// Delete it.
    Delete,
}

impl Offer {
    /// The link to its page for this key.
    pub fn action(self, id: &str) -> KeyAction {
        let (path, label, icon) = match self {
            Self::EndOverlap => ("end-overlap", "End the overlap", "check"),
            Self::Enable => ("enable", "Enable", "power"),
            Self::Rotate => ("rotate", "Rotate", "rotate"),
            Self::Replace => return Self::replace(id),
            Self::Disable => ("disable", "Disable", "power"),
            Self::Addresses => ("addresses", "Change addresses", "address"),
            Self::StopTrading => ("stop-trading", "Stop trading", "power"),
            Self::LiftQuarantine => ("lift-quarantine", "Lift the quarantine", "check"),
            Self::Limits => ("limits", "Change limits", "security"),
            Self::Export => ("activity/export?format=csv", "Export activity", "download"),
            Self::Leaked => ("leaked", "This key leaked", "warning"),
            Self::Delete => ("delete", "Delete", "delete"),
        };
        KeyAction { href: format!("/keys/{id}/{path}"), label, icon }
    }

    fn replace(id: &str) -> KeyAction {
        KeyAction { href: format!("/keys/new?from={id}"), label: "Replace", icon: "plus" }
    }
}

/// What the key needs most. A frozen key takes no successor, so nothing is offered first.
fn needed(key: &KeyView) -> Option<Offer> {
    let superseded = key.place == Place::Superseded;
    match key.state {
        _ if superseded => Some(Offer::EndOverlap),
        _ if key.frozen => None,
        _ if key.leaked => Some(Offer::Replace),
        "disabled" => Some(Offer::Enable),
        _ => Some(Offer::Rotate),
    }
}

/// Whether this can be done with the key as it is.
pub fn fits(key: &KeyView, offer: Offer) -> bool {
    needed(key) == Some(offer) || others(key).any(|other| other == offer)
}

/// What can be done with it beside that, in the order of the menu.
fn others(key: &KeyView) -> impl Iterator<Item = Offer> {
    let (disabled, superseded) = (key.state == "disabled", key.place == Place::Superseded);
    let primary = needed(key);
    let all = [
        (Offer::Enable, disabled),
        (Offer::Rotate, !superseded && !key.frozen),
        (Offer::Replace, !key.frozen),
        // The addresses of an app's servers are its broker's.
        (Offer::Addresses, key.purpose == "trading"),
        (Offer::Limits, true),
        (Offer::LiftQuarantine, key.quarantined),
        (Offer::StopTrading, !key.quarantined),
        (Offer::Export, true),
        (Offer::Disable, !disabled),
    ];
    all.into_iter().filter(move |(offer, fits)| *fits && Some(*offer) != primary).map(|(offer, _)| offer)
}

fn end_notice(ended: Ended) -> EndNotice {
    let (what, why) = match ended {
        Ended::Deleted(_) => ("Deleted", "It cannot be used again.".to_owned()),
        Ended::Idle(_) => (
            "Expired",
            format!(
                "It worked from any address, and no program used it for {UNBOUND_IDLE_DAYS} days. It cannot be used again."
            ),
        ),
        Ended::Date(_) => ("Expired", "Its end date has passed. It cannot be used again.".to_owned()),
        Ended::Replaced(_) => {
            ("Replaced", "Its successor took over. This key cannot be used again.".to_owned())
        }
    };
    EndNotice { what, at: When::of(ended.at()), why }
}

impl KeyHead {
    /// The head of a key's page, with this tab open: `overview`, `activity` or `settings`.
    pub fn of(key: &KeyView, tab: &'static str) -> Self {
        let (id, living) = (key.id.to_string(), key.is_living());
        let action = |offer: Offer| offer.action(&id);
        let successor = key.successor.or_else(|| key.replaced_by.last().copied());
        Self {
            short: id.chars().take(SHORT).collect(),
            name: key.name.to_string(),
            state: key.state,
            state_in_words: key.state_in_words(),
            living,
            tab,
            primary: needed(key).filter(|_| living).map(action),
            others: if living { others(key).map(action).collect() } else { Vec::new() },
            harmful: if living { [Offer::Leaked, Offer::Delete].map(action).into() } else { Vec::new() },
            ended: key.ended.map(end_notice),
            successor: successor.map(|after| after.to_string()).unwrap_or_default(),
            id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Offer;

    #[test]
    fn every_action_has_an_icon() {
        let symbols = include_str!("../../assets/icons.svg");
        let all = [
            Offer::EndOverlap,
            Offer::Enable,
            Offer::Rotate,
            Offer::Replace,
            Offer::Disable,
            Offer::Addresses,
            Offer::Export,
            Offer::Leaked,
            Offer::Delete,
        ];
        for offer in all {
            let action = offer.action("x");
            assert!(symbols.contains(&format!("<symbol id=\"{}\"", action.icon)), "{}", action.label);
        }
    }
}
