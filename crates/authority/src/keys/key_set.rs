//! Keys that somebody selected, for actions on several keys at once: all of them are changed, or none.

use std::collections::BTreeMap;

use keyward_rules::grant::ActionKind;
use keyward_rules::id::KeyId;
use keyward_rules::key::{Environment, HolderState};
use keyward_rules::limits::KEYS_PER_ACTION;
use keyward_rules::time::Moment;
use keyward_store::{KeyRecord, Tx};

use super::named::refuse_ended;
use crate::{ActionContext, ActionError, PendingAction};

/// 1 to [`KEYS_PER_ACTION`] keys, each of them once, in the order of their ids. Where a program confirms harm, each has the name
/// that it is said to have; a page shows the names before the proof.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeySet(BTreeMap<KeyId, Option<String>>);

impl KeySet {
    /// The set of `ids`; `None` without any, and for too many of them.
    #[must_use]
    pub fn new(ids: impl IntoIterator<Item = KeyId>) -> Option<Self> {
        Self::of(ids.into_iter().map(|id| (id, None)).collect())
    }

    /// The set of keys with their names; `None` as [`KeySet::new`].
    #[must_use]
    pub fn named(keys: impl IntoIterator<Item = (KeyId, String)>) -> Option<Self> {
        Self::of(keys.into_iter().map(|(id, name)| (id, Some(name))).collect())
    }

    fn of(keys: BTreeMap<KeyId, Option<String>>) -> Option<Self> {
        (1..=KEYS_PER_ACTION).contains(&keys.len()).then_some(Self(keys))
    }

    /// Refuses a key that has ended, or that is not called what was said.
    fn check(&self, key: &KeyRecord, now: Moment) -> Result<(), ActionError> {
        refuse_ended(key, now)?;
        let said = self.0.get(&key.id).and_then(Option::as_ref);
        if said.is_some_and(|name| !key.name.is_called(name)) {
            return Err(ActionError::NotTheName);
        }
        Ok(())
    }

    /// What an action on them is confirmed as: `what` with their number, and each with its name.
    ///
    /// # Errors
    /// [`ActionError::NoKey`] when one is not the actor's, [`ActionError::Life`] when one has ended,
    /// [`ActionError::NotTheName`].
    pub(super) async fn plan(
        &self,
        context: &ActionContext<'_>,
        action: ActionKind,
        what: &str,
    ) -> Result<PendingAction, ActionError> {
        Ok(self.confirmed(&self.living(context).await?, action, what))
    }

    /// The same of keys that were read.
    pub(super) fn confirmed(&self, keys: &[KeyRecord], action: ActionKind, what: &str) -> PendingAction {
        let plural = if keys.len() == 1 { "" } else { "s" };
        let mut words = vec![format!("{what} {} API key{plural}", keys.len())];
        words.extend(keys.iter().map(key_line));
        PendingAction { action, facts: vec![("keys", self.text())], words }
    }

    /// The keys as they are now, read with one question.
    ///
    /// # Errors
    /// [`ActionError::NoKey`] when one is not the actor's, [`ActionError::Life`] when one has ended.
    pub(super) async fn living(&self, context: &ActionContext<'_>) -> Result<Vec<KeyRecord>, ActionError> {
        let account = context.actor.person().ok_or(ActionError::NoAccount)?.acts_for();
        let rows = context.authority.access.reader.keys_of(context.actor.scope(), account).await?;
        let mut keys: Vec<KeyRecord> =
            rows.into_iter().flatten().filter(|key| self.0.contains_key(&key.id)).collect();
        if keys.len() != self.0.len() {
            return Err(ActionError::NoKey);
        }
        keys.sort_by_key(|key| key.id);
        for key in &keys {
            self.check(key, context.now)?;
        }
        Ok(keys)
    }

    /// The same inside a transaction.
    pub(super) async fn find(
        &self,
        context: &ActionContext<'_>,
        tx: &mut Tx,
    ) -> Result<Vec<KeyRecord>, ActionError> {
        let mut keys = Vec::with_capacity(self.0.len());
        for id in self.0.keys() {
            let key = tx.key(*id).await?.ok_or(ActionError::NoKey)?;
            self.check(&key, context.now)?;
            keys.push(key);
        }
        Ok(keys)
    }

    /// The ids, for what is hashed.
    fn text(&self) -> String {
        let ids: Vec<String> = self.0.keys().map(ToString::to_string).collect();
        ids.join(",")
    }
}

/// A key in the list of what is confirmed.
pub(super) fn key_line(key: &KeyRecord) -> String {
    let demo = if key.environment == Environment::Demo { ", demo" } else { "" };
    let state = if key.life.state == HolderState::Disabled { ", disabled" } else { "" };
    let named = format!("“{}” ({}){demo}{state}", key.name, key.id);
    match key.last_used_at {
        Some(at) => format!("{named}, last used at {at}"),
        None => format!("{named}, never used, created at {}", key.created_at),
    }
}

/// What was done to the keys of a set, for the audit record.
pub(super) struct DoneTo {
    /// The fact that lists the ids.
    pub(super) what: &'static str,
    /// Which keys.
    pub(super) ids: Vec<KeyId>,
    /// What they are called.
    names: Vec<String>,
}

impl DoneTo {
    /// Nothing yet.
    pub(super) const fn none(what: &'static str) -> Self {
        Self { what, ids: Vec::new(), names: Vec::new() }
    }

    /// This key as well.
    pub(super) fn add(&mut self, key: &KeyRecord) {
        self.ids.push(key.id);
        self.names.push(format!("“{}”", key.name));
    }

    /// The facts of the record.
    pub(super) fn facts(&self) -> [(&'static str, String); 2] {
        let ids: Vec<String> = self.ids.iter().map(ToString::to_string).collect();
        [(self.what, ids.join(",")), ("names", self.names.join(", "))]
    }
}

#[cfg(test)]
mod tests {
    use super::KeySet;
    use keyward_rules::id::KeyId;
    use keyward_rules::limits::KEYS_PER_ACTION;

    #[test]
    fn a_set_is_neither_empty_nor_endless_and_has_one_text() {
        let ids = |count: usize| (0..count).map(|at| KeyId::from_entropy((at as u128).to_be_bytes()));
        assert_eq!(KeySet::new([]), None);
        assert_eq!(KeySet::new(ids(KEYS_PER_ACTION + 1)), None);
        let set = KeySet::new(ids(3)).unwrap();
        let turned = KeySet::new(ids(3).chain(ids(2)).collect::<Vec<_>>().into_iter().rev()).unwrap();
        assert_eq!((&set, set.text()), (&turned, turned.text()));
        assert_eq!(set.text().split(',').count(), 3);
        assert!(KeySet::new(ids(KEYS_PER_ACTION)).is_some());
    }
}
