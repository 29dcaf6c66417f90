//! Action: enable several keys.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::KeyId;
use keyward_store::KeyMetadata;

use super::KeySet;
use super::enable::check_loosening;
use super::key_set::DoneTo;
use super::new_device::{Powers, fact, foretell, hold_loosened, in_words};
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Enable the selected keys in one transaction; holds on them stay. Each of them must be disabled: the step-up is for exactly
/// this set. A key that was reported as leaked is not enabled among others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EnableKeys(pub KeySet);

#[async_trait]
impl Action for EnableKeys {
    /// Those that were enabled.
    type Reply = Vec<KeyId>;

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let keys = self.0.living(context).await?;
        let account = context.actor.person().ok_or(ActionError::NoAccount)?.acts_for();
        let notes = context.authority.access.reader.notes_of(account).await?;
        for key in &keys {
            key.life.enable()?;
            notes.iter().filter(|notes| notes.key == key.id).try_for_each(refuse_leaked)?;
        }
        let mut pending = self.0.confirmed(&keys, ActionKind::EnableKeys, "Enable");
        foretell(context, &mut pending.words, keys.iter().map(Powers::of)).await?;
        Ok(pending)
    }

    /// # Errors
    /// [`ActionError::NoKey`], [`ActionError::Life`] when one is active or has ended, [`ActionError::TwoFactorOff`],
    /// [`ActionError::Cooling`], [`ActionError::OtherWay`] when one was reported as leaked; then none is changed.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let grant = context.actor.may(ActionKind::EnableKeys, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let mut subject = String::new();
        let mut done = DoneTo::none("enabled");
        let mut held = None;
        for mut key in self.0.find(context, &mut tx).await? {
            check_loosening(context, &mut tx, &key).await?;
            refuse_leaked(&tx.notes(key.id).await?)?;
            key.life = key.life.enable()?;
            subject = format!("account:{}", key.account);
            done.add(&key);
            let until = hold_loosened(context, &mut tx, &mut key).await?;
            held = held.max(until);
            let alert = tell::about_key(context, AlertKind::KeyEnabled, &key, in_words(until));
            tx.update_key(key).await?;
            tell::notify_holder(context, &mut tx, alert).await?;
        }
        let mut facts = done.facts().to_vec();
        facts.extend(fact(held));
        let event = Event::of(tx.grant(), context.now, &subject, &facts);
        tx.commit(event).await?;
        Ok(done.ids)
    }
}

/// Refuses a key that was reported as leaked: in a list of many, nobody would notice that it works again.
fn refuse_leaked(notes: &KeyMetadata) -> Result<(), ActionError> {
    if notes.is_leaked() {
        return Err(ActionError::OtherWay(
            "a key was reported as leaked; enable it by itself, or replace it",
        ));
    }
    Ok(())
}
