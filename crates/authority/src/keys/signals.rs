//! Action: choose which signals of a key its holder does not want to hear of.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::signal::SignalChoices;
use keyward_store::KeyMetadata;

use super::KeyNamed;
use super::named::refuse_ended;
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Tell these signals of a key, and no others. What is not told counts for no quarantine, so it takes a factor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChooseSignals {
    /// The key.
    pub which: KeyNamed,
    /// What its holder wants to hear of from now on.
    pub choices: SignalChoices,
}

fn in_words(choices: SignalChoices) -> String {
    let words: Vec<&str> = choices.muted.kinds().map(keyward_rules::signal::SignalKind::label).collect();
    let mut said = Vec::new();
    if !words.is_empty() {
        said.push(format!("Not told: {}.", words.join(" · ")));
    }
    said.extend(
        choices
            .burst_from
            .map(|from| format!("Only bursts of at least {from} requests in three seconds are told.")),
    );
    said.extend(
        choices
            .refusals_from
            .map(|from| format!("Only refusals of at least {from} within a minute are told.")),
    );
    if said.is_empty() { "Every signal is told.".to_owned() } else { said.join(" ") }
}

#[async_trait]
impl Action for ChooseSignals {
    type Reply = ();

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let mut pending =
            self.which.plan(context, ActionKind::ChooseSignals, "Choose the signals of").await?;
        pending.facts.push(("signals", self.choices.to_string()));
        pending.words.push(in_words(self.choices));
        Ok(pending)
    }

    /// # Errors
    /// [`ActionError::NoKey`], [`ActionError::NotTheName`], [`ActionError::Unchanged`], [`ActionError::Life`] when it has ended.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let grant = context.actor.may(ActionKind::ChooseSignals, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let key = self.which.find(context, &mut tx).await?;
        refuse_ended(&key, context.now)?;
        let notes = tx.notes(key.id).await?;
        let (before, signals) = (notes.signals, self.choices);
        if before == signals {
            return Err(ActionError::Unchanged);
        }
        tx.set_notes(&KeyMetadata { signals, ..notes }).await?;
        let alert = tell::about_key(context, AlertKind::KeyChanged, &key, in_words(signals));
        tell::notify_holder(context, &mut tx, alert).await?;
        let facts = [("signals", format!("{before} -> {signals}"))];
        let event = Event::of(tx.grant(), context.now, &format!("key:{}", key.id), &facts);
        tx.commit(event).await?;
        Ok(())
    }
}
