//! What the filters above a list of records offer.

use keyward_authority::questions::KeyView;
use keyward_rules::grant::ActionKind;
use keyward_rules::trail::RecordKind;

/// One of several values.
pub struct Choice {
    /// The value of the form.
    pub value: String,
    /// Its words.
    pub label: String,
    /// Whether it is in force.
    pub chosen: bool,
}

impl Choice {
    fn of(value: &str, label: String, chosen: &str) -> Self {
        Self { value: value.to_owned(), label, chosen: value == chosen }
    }
}

/// The kinds of records.
pub fn kinds(chosen: &str) -> Vec<Choice> {
    RecordKind::ALL.iter().map(|kind| Choice::of(kind.word(), kind.title().to_owned(), chosen)).collect()
}

/// All actions, in the order of their titles.
pub fn actions(chosen: &str) -> Vec<Choice> {
    let choice = |action: &ActionKind| Choice::of(action.word(), action.title().to_owned(), chosen);
    let mut all: Vec<Choice> = ActionKind::ALL.iter().map(choice).collect();
    all.sort_by(|one, other| one.label.cmp(&other.label));
    all
}

/// The living keys of a holder by name, and the one that is chosen although it has ended or is another's.
pub fn keys(all: &[KeyView], chosen: &str) -> Vec<Choice> {
    let choice = |key: &KeyView| {
        let id = key.id.to_string();
        Choice::of(&id, format!("{} ({})", key.name, id.get(..8).unwrap_or_default()), chosen)
    };
    let offered = all.iter().filter(|key| key.is_living() || key.id.to_string() == chosen);
    let mut choices: Vec<Choice> = offered.map(choice).collect();
    choices.sort_by(|one, other| one.label.cmp(&other.label));
    if !chosen.is_empty() && !choices.iter().any(|one| one.chosen) {
        choices.push(Choice::of(chosen, chosen.to_owned(), chosen));
    }
    choices
}
