//! The audit record of one change, in one canonical spelling.
//!
//! Written in the transaction of the change itself. The bytes are the leaf of the Merkle log ([`crate::log`]), so
//! they never change: sorted members, no white space, all values text.

use std::collections::BTreeMap;

use crate::grant::Grant;
use crate::id::{AccountId, KeyId};
use crate::time::Moment;

/// One audit record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    canonical: String,
}

impl Event {
    /// The record of what `grant` was used for: on which subject, with which facts before and after.
    ///
    /// Facts are texts without secrets; their names must not repeat.
    #[must_use]
    pub fn of(grant: &Grant, at: Moment, subject: &str, facts: &[(&'static str, String)]) -> Self {
        let mut members: BTreeMap<&str, serde_json::Value> = BTreeMap::new();
        members.insert("action", grant.action().word().into());
        members.insert("actor", grant.actor().to_string().into());
        members.insert("at", at.to_string().into());
        members.insert("subject", subject.into());
        members.insert("v", "1".into());
        if !grant.factors().is_empty() {
            members.insert("factors", grant.factors().into());
        }
        if let Some(origin) = grant.actor().origin() {
            members.insert("device", origin.device.as_str().into());
            members.insert("from", origin.address.to_string().into());
        }
        let details: BTreeMap<&str, &str> =
            facts.iter().map(|(name, value)| (*name, value.as_str())).collect();
        members.insert("facts", serde_json::json!(details));
        // Maps of text serialise without fail; an empty record would still be a record.
        Self { canonical: serde_json::to_string(&members).unwrap_or_default() }
    }

    /// The same with the marks of the rows that the change left behind, by name.
    #[must_use]
    pub fn with_rows(self, rows: BTreeMap<String, String>) -> Self {
        if rows.is_empty() {
            return self;
        }
        let mut members: BTreeMap<String, serde_json::Value> =
            serde_json::from_str(&self.canonical).unwrap_or_default();
        members.insert("rows".to_owned(), serde_json::json!(rows));
        Self { canonical: serde_json::to_string(&members).unwrap_or_default() }
    }

    /// The canonical bytes.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

/// The accounts and keys that a record names as actor or subject. What is no record names nobody.
#[must_use]
pub fn parties(record: &str) -> (Vec<AccountId>, Vec<KeyId>) {
    let members: BTreeMap<String, serde_json::Value> = serde_json::from_str(record).unwrap_or_default();
    let named = |member: &str, kind: &str| {
        members.get(member).and_then(|value| value.as_str()?.strip_prefix(kind)?.strip_prefix(':'))
    };
    let accounts = ["actor", "subject"].iter().filter_map(|member| named(member, "account")?.parse().ok());
    let key = named("subject", "key").and_then(|id| id.parse().ok());
    (accounts.collect(), key.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::{Event, parties};
    use crate::grant::{ActionKind, Actor, Proof};
    use crate::time::Moment;

    #[test]
    fn one_spelling() {
        let grant = Actor::Host("ops".into()).may(ActionKind::DisableKey, Proof::None).unwrap();
        let event =
            Event::of(&grant, Moment::from_unix_ms(0), "key:1", &[("b", "2".into()), ("a", "\"\n".into())]);
        assert_eq!(
            event.canonical(),
            r#"{"action":"key.disable","actor":"host:ops","at":"1970-01-01T00:00:00.000Z","facts":{"a":"\"\n","b":"2"},"subject":"key:1","v":"1"}"#
        );
    }

    #[test]
    fn names_its_parties() {
        let (accounts, keys) = parties(r#"{"actor":"account:7","subject":"account:8"}"#);
        assert_eq!(accounts.iter().map(ToString::to_string).collect::<Vec<_>>(), ["7", "8"]);
        assert!(keys.is_empty());
        let id = "0b7c2f1e-8a43-4d0f-9b2a-3c5d6e7f8091";
        let (accounts, keys) = parties(&format!(r#"{{"actor":"host:ops","subject":"key:{id}"}}"#));
        assert_eq!(
            (accounts.len(), keys.iter().map(ToString::to_string).collect::<Vec<_>>()),
            (0, vec![id.into()])
        );
        for odd in ["", "[]", r#"{"actor":7}"#, r#"{"subject":"keys"}"#, r#"{"subject":"account:"}"#] {
            assert_eq!(parties(odd), (vec![], vec![]), "{odd}");
        }
    }
}
