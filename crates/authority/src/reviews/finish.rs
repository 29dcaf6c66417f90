//! Action: finish a review. It records the answers, and does what they say to all keys, or to none.

use std::collections::BTreeMap;

use async_trait::async_trait;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Holder, Proof};
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::limits::KEYS_PER_ACTION;
use keyward_rules::review::{FindingKind, Remedy, ReviewAnswer, Score, check, findings};
use keyward_store::{KeyMetadata, KeyRecord, ReviewRecord, Tx};

use super::change::{Changed, change};
use crate::questions::{KnownUses, evidence_of, known_uses};
use crate::{Action, ActionContext, ActionError, PendingAction};

/// What is answered for one key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyAnswer {
    /// What shall be done.
    pub remedy: Remedy,
    /// What the user says that the key is called: a program names each key that it changes, a page shows the names before the
    /// proof.
    pub name: Option<String>,
}

/// Record a review of the actor's account, and do what it answers. Each living key has one answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FinishReview(pub BTreeMap<KeyId, KeyAnswer>);

/// A review that was finished.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finished {
    /// The score after the changes.
    pub score: u8,
    /// The keys that were changed.
    pub changed: Vec<KeyId>,
}

#[async_trait]
impl Action for FinishReview {
    type Reply = Finished;

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let account = account_of(context)?;
        let reader = &context.authority.access.reader;
        let rows = reader.keys_of(context.actor.scope(), account).await?;
        let notes = reader.notes_of(account).await?;
        let keys: Vec<KeyRecord> = rows.into_iter().flatten().filter(|key| key.lives(context.now)).collect();
        let known = known_uses(context, account, &keys).await?;
        let answered = self.answered(context, keys, &notes, &known)?;
        let kept = answered.iter().filter(|(_, remedy)| *remedy == Remedy::Keep).count();
        let mut words = vec![format!("Finish the review of {}", counted(answered.len()))];
        if kept > 0 {
            words.push(format!("Keep {} as {}", counted(kept), if kept == 1 { "it is" } else { "they are" }));
        }
        let changed = answered.iter().filter(|(_, remedy)| *remedy != Remedy::Keep);
        words.extend(changed.map(|(key, remedy)| remedy.sentence(&format!("“{}” ({})", key.name, key.id))));
        let facts = vec![("account", account.to_string()), ("answers", self.text())];
        Ok(PendingAction { action: ActionKind::FinishReview, facts, words })
    }

    /// # Errors
    /// [`ActionError::NothingToReview`], [`ActionError::ReviewChanged`] when the answers are not for exactly the living keys,
    /// [`ActionError::Remedy`], [`ActionError::NotTheName`]; then nothing is recorded and no key is changed.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let account = account_of(context)?;
        // How keys were used decides nothing here but the score, so it is read before the turn of this change.
        let read = context.authority.access.reader.keys_of(context.actor.scope(), account).await?;
        let read: Vec<KeyRecord> = read.into_iter().flatten().filter(|key| key.lives(context.now)).collect();
        let known = known_uses(context, account, &read).await?;
        let grant = context.actor.may(ActionKind::FinishReview, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let notes = tx.notes_of(account).await?;
        // A key whose record was altered is unusable already, and does not stop the review of the others.
        let family = tx.keys_of_family(account).await?.into_iter();
        let keys = family.filter(|key| key.account == account && key.lives(context.now)).collect();
        let answered = self.answered(context, keys, &notes, &known)?;
        let mut done = Done::default();
        for (key, remedy) in answered {
            done.answer(context, &mut tx, &known, (key, remedy)).await?;
        }
        let (before, after) = (Score::of(done.before), Score::of(done.after));
        let record = ReviewRecord {
            account,
            at: context.now,
            score: after.points,
            keys: done.answers.len(),
            answers: done.answers,
            reviewer: context.actor.to_string(),
        };
        tx.insert_review(&record).await?;
        let facts = [
            ("keys", record.keys.to_string()),
            ("changed", done.changed.len().to_string()),
            ("score", format!("{} -> {}", before.points, after.points)),
        ];
        let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &facts);
        tx.commit(event).await?;
        Ok(Finished { score: after.points, changed: done.changed })
    }
}

fn account_of(context: &ActionContext<'_>) -> Result<AccountId, ActionError> {
    context.actor.person().map(Holder::acts_for).ok_or(ActionError::NoAccount)
}

fn counted(keys: usize) -> String {
    format!("{keys} API key{}", if keys == 1 { "" } else { "s" })
}

impl FinishReview {
    /// Every living key with its answer, in the order of their ids: none is left out, none is answered that is not there, and
    /// each answer takes something away or nothing at all.
    fn answered(
        &self,
        context: &ActionContext<'_>,
        mut keys: Vec<KeyRecord>,
        notes: &[KeyMetadata],
        known: &KnownUses,
    ) -> Result<Vec<(KeyRecord, Remedy)>, ActionError> {
        if keys.is_empty() {
            return Err(ActionError::NothingToReview);
        }
        if keys.len() != self.0.len() || keys.len() > KEYS_PER_ACTION {
            return Err(ActionError::ReviewChanged);
        }
        keys.sort_by_key(|key| key.id);
        let mut answered = Vec::with_capacity(keys.len());
        for key in keys {
            let answer = self.0.get(&key.id).ok_or(ActionError::ReviewChanged)?;
            let notes = notes.iter().find(|notes| notes.key == key.id);
            check(&evidence_of(&key, notes, &known.of(&key)), &answer.remedy, context.now)?;
            if answer.name.as_ref().is_some_and(|name| !key.name.is_called(name)) {
                return Err(ActionError::NotTheName);
            }
            answered.push((key, answer.remedy.clone()));
        }
        Ok(answered)
    }

    /// The answers as one text, for what is hashed.
    fn text(&self) -> String {
        let lines: Vec<String> =
            self.0.iter().map(|(key, answer)| format!("{key} {}", answer.remedy)).collect();
        lines.join("; ")
    }
}

/// What a review came to so far.
#[derive(Default)]
struct Done {
    answers: Vec<ReviewAnswer>,
    changed: Vec<KeyId>,
    before: Vec<FindingKind>,
    after: Vec<FindingKind>,
}

impl Done {
    /// One key, answered: what was found of it, what is done, and what is left.
    async fn answer(
        &mut self,
        context: &ActionContext<'_>,
        tx: &mut Tx,
        known: &KnownUses,
        (mut key, remedy): (KeyRecord, Remedy),
    ) -> Result<(), ActionError> {
        let notes = tx.notes(key.id).await?;
        let known = known.of(&key);
        let found = |key: &KeyRecord| -> Vec<FindingKind> {
            let evidence = evidence_of(key, Some(&notes), &known);
            findings(&evidence, context.now).into_iter().map(|finding| finding.kind).collect()
        };
        let before = found(&key);
        self.answers.push(ReviewAnswer::of(key.id, &remedy, before.clone()));
        self.before.extend(before);
        let changed: Option<Changed> = change(&mut key, &remedy, context.now)?;
        if !key.life.is_over() {
            self.after.extend(found(&key));
        }
        if let Some(changed) = changed {
            self.changed.push(key.id);
            changed.store(context, tx, key, notes).await?;
        }
        Ok(())
    }
}
