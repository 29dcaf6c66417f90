//! An audit record, read again for people, and what they look for among records.

mod kind;

use std::collections::BTreeMap;

pub use kind::RecordKind;

use crate::grant::ActionKind;
use crate::time::Moment;

/// The facts of records that are numbers of accounts: one, or several with commas between them.
pub const ACCOUNT_FACTS: [&str; 5] = ["account", "approvers", "master", "requester", "rested"];

/// What a record says, member by member; see [`crate::event`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Entry {
    /// When, as it stands there.
    pub at: String,
    /// What was done.
    pub action: String,
    /// Who did it.
    pub actor: String,
    /// To what.
    pub subject: String,
    /// From which address; empty for the host and the system.
    pub from: String,
    /// With what browser or program.
    pub device: String,
    /// On what proof.
    pub factors: String,
    /// Before, after and whatever else, by name.
    pub facts: BTreeMap<String, String>,
}

impl Entry {
    /// Reads a record; `None` when it is none that the program wrote.
    #[must_use]
    pub fn read(record: &str) -> Option<Self> {
        let mut members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(record).ok()?;
        let facts = match members.remove("facts")? {
            serde_json::Value::Object(facts) => texts(facts)?,
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_)
            | serde_json::Value::Array(_) => return None,
        };
        // The marks of rows are for the program: they say nothing to a reader.
        if let Some(rows) = members.remove("rows") {
            rows.as_object()?.values().all(serde_json::Value::is_string).then_some(())?;
        }
        let mut members = texts(members)?;
        if members.remove("v")? != "1" {
            return None;
        }
        let mut needed = |name: &str| members.remove(name);
        let (at, action, actor) = (needed("at")?, needed("action")?, needed("actor")?);
        let subject = needed("subject")?;
        let mut given = |name: &str| members.remove(name).unwrap_or_default();
        let (from, device, factors) = (given("from"), given("device"), given("factors"));
        members.is_empty().then_some(Self { at, action, actor, subject, from, device, factors, facts })
    }
}

fn texts(members: serde_json::Map<String, serde_json::Value>) -> Option<BTreeMap<String, String>> {
    members.into_iter().map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect()
}

/// What somebody looks for. Every text is itself: no symbol in it stands for others.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RecordFilter {
    /// Stands in any member or in the action's title, in upper or lower case; empty for all.
    pub text: String,
    /// The action's word; empty for all.
    pub action: String,
    /// What the record is about; `None` for all.
    pub kind: Option<RecordKind>,
    /// Not before this moment.
    pub from: Option<Moment>,
    /// Before this moment.
    pub to: Option<Moment>,
}

impl RecordFilter {
    /// The same in the forms that records are compared with, made once for all of them.
    #[must_use]
    pub fn needle(&self) -> Needle {
        let moment = |moment: Option<Moment>| moment.map(|moment| moment.to_string());
        Needle {
            text: self.text.to_lowercase(),
            action: self.action.clone(),
            kind: self.kind,
            from: moment(self.from),
            to: moment(self.to),
        }
    }
}

/// What is looked for, ready to be compared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Needle {
    text: String,
    action: String,
    kind: Option<RecordKind>,
    from: Option<String>,
    to: Option<String>,
}

impl Needle {
    /// Whether a record is among what is looked for.
    #[must_use]
    pub fn matches(&self, entry: &Entry) -> bool {
        // One form of moments has one length, so the order of texts is the order of times.
        let early = self.from.as_ref().is_some_and(|from| entry.at < *from);
        let late = self.to.as_ref().is_some_and(|to| entry.at >= *to);
        let action = self.action.is_empty() || entry.action == self.action;
        let kind = self.kind.is_none_or(|kind| kind == RecordKind::of(&entry.action));
        !early && !late && action && kind && self.stands_in(entry)
    }

    fn stands_in(&self, entry: &Entry) -> bool {
        let members = [
            &entry.at,
            &entry.action,
            &entry.actor,
            &entry.subject,
            &entry.from,
            &entry.device,
            &entry.factors,
        ];
        let mut all = members.into_iter().chain(entry.facts.keys()).chain(entry.facts.values());
        let holds = |text: &str| text.to_lowercase().contains(&self.text);
        let title = || ActionKind::from_word(&entry.action).map_or("", ActionKind::title);
        self.text.is_empty() || all.any(|member| holds(member)) || holds(title())
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, RecordFilter, RecordKind};
    use crate::event::Event;
    use crate::grant::{ActionKind, Actor, Proof};
    use crate::time::Moment;

    fn record() -> String {
        let grant = Actor::Host("ops".into()).may(ActionKind::DisableKey, Proof::None).unwrap();
        let facts = [("name", "50% *of* {{it}} a_b".to_owned())];
        Event::of(&grant, Moment::from_unix_ms(5_000), "key:1", &facts).canonical().to_owned()
    }

    #[test]
    fn reads_what_was_written_and_nothing_else() {
        let entry = Entry::read(&record()).unwrap();
        assert_eq!((entry.action.as_str(), entry.actor.as_str()), ("key.disable", "host:ops"));
        assert_eq!(entry.facts["name"], "50% *of* {{it}} a_b");
        let odd = [
            record().replace("\"v\":\"1\"", "\"v\":\"2\""),
            record().replace("\"v\":\"1\"", "\"v\":\"1\",\"more\":\"x\""),
            record().replace("\"host:ops\"", "7"),
            "{}".to_owned(),
            String::new(),
        ];
        assert!(odd.iter().all(|odd| Entry::read(odd).is_none()));
    }

    #[test]
    fn every_symbol_stands_for_itself() {
        let entry = Entry::read(&record()).unwrap();
        let finds = |text: &str| {
            RecordFilter { text: text.into(), ..RecordFilter::default() }.needle().matches(&entry)
        };
        assert!(["", "50%", "*OF*", "{{it}}", "a_b", "Key.Disable"].iter().all(|text| finds(text)));
        assert!(["%", "_", "*"].iter().all(|text| finds(text)), "they stand in the record");
        assert!(!["5%%", "a%b", "o?s", ".*", "axb", "host:*", "{{{"].iter().any(|text| finds(text)));
    }

    #[test]
    fn titles_are_searched_and_kinds_are_told_apart() {
        let entry = Entry::read(&record()).unwrap();
        let finds = |text: &str, kind: Option<RecordKind>| {
            RecordFilter { text: text.into(), kind, ..RecordFilter::default() }.needle().matches(&entry)
        };
        assert!(finds("key DISABLED", None) && finds("", Some(RecordKind::Keys)));
        assert!(!finds("key enabled", None) && !finds("", Some(RecordKind::Apps)));
    }

    #[test]
    fn times_have_a_beginning_and_an_end() {
        let entry = Entry::read(&record()).unwrap();
        let within = |from, to| {
            let moment = |ms: Option<u64>| ms.map(Moment::from_unix_ms);
            RecordFilter { from: moment(from), to: moment(to), ..RecordFilter::default() }
                .needle()
                .matches(&entry)
        };
        assert!(within(Some(5_000), Some(5_001)) && within(None, None));
        assert!(!within(Some(5_001), None) && !within(None, Some(5_000)));
    }
}
