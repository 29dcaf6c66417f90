//! Action: rename a key, or set its tags.

use async_trait::async_trait;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::KeyId;
use keyward_rules::key::LifecycleError;
use keyward_rules::key::{KeyName, check_name};
use keyward_rules::limits::{TAG_CHARS, TAGS_PER_KEY};
use keyward_rules::paste::composed;
use keyward_store::{KeyRecord, Tx};

use crate::{Action, ActionContext, ActionError, PendingAction};

/// Reads tags from a comma-separated text: sorted, none twice.
///
/// # Errors
/// [`ActionError::Tags`].
pub fn parse_tags(text: &str) -> Result<Vec<String>, ActionError> {
    let mut tags: Vec<String> =
        text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(composed).collect();
    tags.sort();
    tags.dedup();
    let good = |tag: &String| {
        tag.chars().count() <= TAG_CHARS
            && tag.chars().all(|symbol| symbol.is_alphanumeric() || symbol == '-' || symbol == ' ')
    };
    if tags.len() <= TAGS_PER_KEY && tags.iter().all(good) { Ok(tags) } else { Err(ActionError::Tags) }
}

/// Set the name and the tags of a key. Nothing that a gateway decides by changes, so the session is enough.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EditKey {
    /// The key.
    pub key: KeyId,
    /// Its name from now on.
    pub name: KeyName,
    /// Its tags from now on, as [`parse_tags`] gives them.
    pub tags: Vec<String>,
}

#[async_trait]
impl Action for EditKey {
    type Reply = ();

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        Ok(PendingAction {
            action: ActionKind::EditKey,
            facts: vec![("key", self.key.to_string())],
            words: vec![format!("Rename the API key {} to “{}”, or tag it", self.key, self.name)],
        })
    }

    /// # Errors
    /// [`ActionError::NoKey`]; [`ActionError::Key`] when another living key has the name; [`ActionError::Life`] when the key has
    /// ended.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { key: id, name, tags } = self;
        let grant = context.actor.may(ActionKind::EditKey, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let mut key = tx.key(id).await?.ok_or(ActionError::NoKey)?;
        if key.life.is_over() {
            return Err(LifecycleError::Ended.into());
        }
        let mut notes = tx.notes(id).await?;
        let mut facts = Vec::new();
        if key.name != name {
            facts.push(rename(&mut tx, &mut key, name).await?);
            tx.update_key(key).await?;
        }
        if notes.tags != tags {
            facts.push(("tags", format!("{} -> {}", notes.tags.join(","), tags.join(","))));
            notes.tags = tags;
            tx.set_notes(&notes).await?;
        }
        if facts.is_empty() {
            return Ok(());
        }
        let event = Event::of(tx.grant(), context.now, &format!("key:{id}"), &facts);
        tx.commit(event).await?;
        Ok(())
    }
}

/// Gives a key another name inside a transaction; the fact of its record.
///
/// # Errors
/// [`ActionError::Key`] when another living key has the name.
pub(super) async fn rename(
    tx: &mut Tx,
    key: &mut KeyRecord,
    name: KeyName,
) -> Result<(&'static str, String), ActionError> {
    let others = tx.keys_of(key.account).await?;
    let living = others.iter().filter(|other| other.id != key.id && !other.life.is_over());
    check_name(&name, living.map(|other| &other.name))?;
    let before = std::mem::replace(&mut key.name, name);
    Ok(("name", format!("{before} -> {}", key.name)))
}

#[cfg(test)]
mod tests {
    use super::parse_tags;

    #[test]
    fn tags_are_sorted_and_plain() {
        assert_eq!(parse_tags(" grid , arb,grid,,").unwrap(), ["arb", "grid"]);
        assert!(parse_tags("<b>").is_err());
        assert!(parse_tags(&"x".repeat(21)).is_err());
        assert!(parse_tags(&(0..11).map(|n| n.to_string()).collect::<Vec<_>>().join(",")).is_err());
    }
}
