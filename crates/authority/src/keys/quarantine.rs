//! Actions: put a key in quarantine, and lift it. In quarantine a key still reads, and may still cancel.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::{KeyId, Revision};
use keyward_rules::key::Hold;
use keyward_store::KeyRecord;

use super::KeyNamed;
use super::enable::check_loosening;
use super::named::refuse_ended;
use super::new_device::{Powers, beside, foretell, hold_loosened};
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Stop a key from placing and changing orders, and from moving funds. It still reads and cancels.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StopTrading(pub KeyNamed);

/// Let a key read and do nothing else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MakeReadOnly(pub KeyNamed);

/// Lift both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LiftQuarantine(pub KeyId);

const QUARANTINE: [Hold; 2] = [Hold::CancelOnly, Hold::ReadOnly];

#[async_trait]
impl Action for StopTrading {
    type Reply = Option<Revision>;

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        self.0.plan(context, ActionKind::StopTrading, "Stop trading with").await
    }

    /// # Errors
    /// [`ActionError::NoKey`], [`ActionError::NotTheName`], [`ActionError::Unchanged`], [`ActionError::Life`] when it has ended.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        lay(context, (ActionKind::StopTrading, proof), self.0, Hold::CancelOnly).await
    }
}

#[async_trait]
impl Action for MakeReadOnly {
    type Reply = Option<Revision>;

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        self.0.plan(context, ActionKind::MakeReadOnly, "Allow reading only with").await
    }

    /// # Errors
    /// As [`StopTrading`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        lay(context, (ActionKind::MakeReadOnly, proof), self.0, Hold::ReadOnly).await
    }
}

#[async_trait]
impl Action for LiftQuarantine {
    type Reply = Option<Revision>;

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let Self(id) = *self;
        let reader = &context.authority.access.reader;
        let key = reader.key(context.actor.scope(), id).await?.ok_or(ActionError::NoKey)?;
        refuse_ended(&key, context.now)?;
        if !is_quarantined(&key) {
            return Err(ActionError::Unchanged);
        }
        let mut words = vec![format!("Lift the quarantine of the API key “{}” ({id})", key.name)];
        foretell(context, &mut words, [Powers::of(&key)]).await?;
        let facts = vec![("key", id.to_string())];
        Ok(PendingAction { action: ActionKind::LiftQuarantine, facts, words })
    }

    /// # Errors
    /// [`ActionError::NoKey`], [`ActionError::Unchanged`] without a quarantine, [`ActionError::Life`] when it has ended,
    /// [`ActionError::TwoFactorOff`], [`ActionError::Cooling`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self(id) = self;
        let grant = context.actor.may(ActionKind::LiftQuarantine, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let mut key = tx.key(id).await?.ok_or(ActionError::NoKey)?;
        refuse_ended(&key, context.now)?;
        check_loosening(context, &mut tx, &key).await?;
        if !is_quarantined(&key) {
            return Err(ActionError::Unchanged);
        }
        for hold in QUARANTINE {
            key.life = key.life.release(hold);
        }
        let held = hold_loosened(context, &mut tx, &mut key).await?;
        let detail = beside("Its quarantine is lifted.".to_owned(), held);
        commit(context, tx, key, (detail, "- quarantine".to_owned())).await
    }
}

/// Whether a key is in quarantine.
pub(crate) fn is_quarantined(key: &KeyRecord) -> bool {
    QUARANTINE.into_iter().any(|hold| key.life.holds.has(hold))
}

async fn lay(
    context: &ActionContext<'_>,
    (action, proof): (ActionKind, Proof),
    which: KeyNamed,
    hold: Hold,
) -> Result<Option<Revision>, ActionError> {
    let grant = context.actor.may(action, proof)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let mut key = which.find(context, &mut tx).await?;
    refuse_ended(&key, context.now)?;
    // Reading only is the stricter of the two.
    if key.life.holds.has(hold) || key.life.holds.has(Hold::ReadOnly) {
        return Err(ActionError::Unchanged);
    }
    key.life = key.life.hold(hold)?;
    let (detail, noted) = if hold == Hold::ReadOnly {
        ("It is in quarantine: it only reads.", "+ quarantine: reads only")
    } else {
        ("It is in quarantine: it only reads and cancels.", "+ quarantine: reads and cancels only")
    };
    commit(context, tx, key, (detail.to_owned(), noted.to_owned())).await
}

async fn commit(
    context: &ActionContext<'_>,
    mut tx: keyward_store::Tx,
    key: KeyRecord,
    (detail, noted): (String, String),
) -> Result<Option<Revision>, ActionError> {
    let alert = tell::about_key(context, AlertKind::KeyChanged, &key, detail);
    let subject = format!("key:{}", key.id);
    tx.update_key(key).await?;
    tell::notify_holder(context, &mut tx, alert).await?;
    let event = Event::of(tx.grant(), context.now, &subject, &[("holds", noted)]);
    Ok(tx.commit(event).await?)
}
