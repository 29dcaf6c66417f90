//! The answers of a form: a field for each key.

use std::collections::BTreeMap;

use keyward_authority::ActionError;
use keyward_authority::reviews::KeyAnswer;
use keyward_rules::id::KeyId;
use keyward_rules::limits::KEYS_PER_ACTION;
use keyward_rules::review::Remedy;

use crate::fields::Fields;

/// What stands before a key's id in the name of its field.
pub const FIELD: &str = "answer-";

/// What was chosen so far.
#[derive(Default)]
pub struct Answers(BTreeMap<KeyId, Remedy>);

impl Answers {
    /// Reads the fields of a form.
    ///
    /// # Errors
    /// [`ActionError::ReviewChanged`] for what no page of ours sends.
    pub fn of(fields: &Fields) -> Result<Self, ActionError> {
        let answers = fields.0.iter().filter_map(|(name, value)| Some((name.strip_prefix(FIELD)?, value)));
        let read = |(id, value): (&str, &String)| {
            let answer = id.parse::<KeyId>().ok().zip(value.parse::<Remedy>().ok());
            answer.ok_or(ActionError::ReviewChanged)
        };
        let all: Vec<(KeyId, Remedy)> = answers.map(read).collect::<Result<_, _>>()?;
        let count = all.len();
        let answers: BTreeMap<KeyId, Remedy> = all.into_iter().collect();
        let good = answers.len() == count && count <= KEYS_PER_ACTION;
        if good { Ok(Self(answers)) } else { Err(ActionError::ReviewChanged) }
    }

    /// Whether a key has an answer.
    pub fn has(&self, key: KeyId) -> bool {
        self.0.contains_key(&key)
    }

    /// The answer of a key.
    pub fn get(&self, key: KeyId) -> Option<&Remedy> {
        self.0.get(&key)
    }

    /// As the action takes them: the page before the proof names each key that is changed.
    pub fn into_map(self) -> BTreeMap<KeyId, KeyAnswer> {
        self.0.into_iter().map(|(key, remedy)| (key, KeyAnswer { remedy, name: None })).collect()
    }
}
