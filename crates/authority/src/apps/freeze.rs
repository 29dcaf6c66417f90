//! Actions: stop all keys of an app at once, and let them work again. One row changes, whatever the number of keys.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::app::FrozenBy;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Actor, Proof};
use keyward_rules::id::AppId;
use keyward_rules::limits::PAGE_MAX;
use keyward_store::{AppProfile, Tx};

use super::activate::put_in_force;
use super::decision::{reason, told};
use super::{own, refuse_frozen_owner, visible};
use crate::operators::acting;
use crate::{Action, ActionContext, ActionError, PendingAction};

/// Freeze an app's keys at once, as its broker or as an operator. Holders are told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FreezeApp {
    /// The app.
    pub app: AppId,
    /// Why an operator freezes it; a broker gives no reason.
    pub why: String,
}

#[async_trait]
impl Action for FreezeApp {
    type Reply = ();

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let profile = visible(context, self.app).await?;
        Ok(PendingAction {
            action: ActionKind::FreezeApp,
            facts: vec![("app", profile.id.to_string())],
            words: vec![format!("Freeze all keys of “{}”", profile.name)],
        })
    }

    /// # Errors
    /// [`ActionError::NoApp`], [`ActionError::NoReason`]; [`ActionError::Unchanged`] when it is frozen already by the same
    /// or by an operator.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { app: id, why } = self;
        let grant = context.actor.may(ActionKind::FreezeApp, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let by = match &context.actor {
            Actor::Staff(_) => {
                acting(context, &mut tx).await?;
                FrozenBy::Operator
            }
            Actor::Host(_) | Actor::System(_) | Actor::Holder(_) | Actor::Key(_) | Actor::Visitor(_) => {
                FrozenBy::Broker
            }
        };
        let why = match by {
            FrozenBy::Operator | FrozenBy::Both => reason(&why)?,
            FrozenBy::Broker => String::new(),
        };
        let before = own(&mut tx, id).await?;
        let (was, is) = (before.frozen, FrozenBy::and(before.frozen, by));
        if was == Some(is) {
            return Err(ActionError::Unchanged);
        }
        let after = set(context, &mut tx, before, Some(is)).await?;
        if was.is_none() {
            tx.put_app_news(id, AlertKind::AppFrozen.word(), "").await?;
        }
        if by == FrozenBy::Operator {
            let detail = format!("An operator froze all keys of “{}”: {why}", after.name);
            told(context, &mut tx, &after, detail).await?;
        }
        let facts = [("frozen_by", by.word().to_owned()), ("why", why)];
        let event = Event::of(tx.grant(), context.now, &format!("app:{id}"), &facts);
        tx.commit(event).await?;
        Ok(())
    }
}

/// Lift the broker's own freeze of an app. Operators lift theirs by a proposal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ThawApp(pub AppId);

#[async_trait]
impl Action for ThawApp {
    type Reply = ();

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let profile = visible(context, self.0).await?;
        Ok(PendingAction {
            action: ActionKind::ThawApp,
            facts: vec![("app", profile.id.to_string())],
            words: vec![format!("Let all keys of “{}” work again", profile.name)],
        })
    }

    /// # Errors
    /// [`ActionError::NoApp`]; [`ActionError::Unchanged`] when it is not frozen; [`ActionError::Frozen`] when an operator
    /// did it.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self(id) = self;
        let grant = context.actor.may(ActionKind::ThawApp, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let before = own(&mut tx, id).await?;
        refuse_frozen_owner(&mut tx, &before).await?;
        if before.frozen == Some(FrozenBy::Operator) {
            return Err(ActionError::Frozen);
        }
        lift(context, &mut tx, before, FrozenBy::Broker).await?;
        let fact = ("frozen_by", "-> nobody".to_owned());
        let event = Event::of(tx.grant(), context.now, &format!("app:{id}"), &[fact]);
        tx.commit(event).await?;
        Ok(())
    }
}

/// Lifts a freeze in a proposal's transaction.
pub(crate) async fn thaw_app(context: &ActionContext<'_>, tx: &mut Tx, id: AppId) -> Result<(), ActionError> {
    let before = own(tx, id).await?;
    lift(context, tx, before, FrozenBy::Operator).await
}

/// Lifts the part of one of them; keys work again after the last.
async fn lift(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    before: AppProfile,
    by: FrozenBy,
) -> Result<(), ActionError> {
    let left = FrozenBy::lifted(before.frozen, by).ok_or(ActionError::Unchanged)?;
    let after = set(context, tx, before, left).await?;
    if left.is_some() {
        return told(
            context,
            tx,
            &after,
            format!("Operators lifted their freeze of “{}”; yours stays.", after.name),
        )
        .await;
    }
    tx.put_app_news(after.id, AlertKind::AppThawed.word(), "").await?;
    told(context, tx, &after, format!("The keys of “{}” work again.", after.name)).await
}

/// Freezes every app as an operator would, because nobody knows what was narrowed or frozen since; gives how many.
pub(crate) async fn freeze_all(
    context: &ActionContext<'_>,
    action: ActionKind,
) -> Result<usize, ActionError> {
    let (mut frozen, mut after) = (0, None);
    loop {
        let profiles = context.authority.access.reader.app_profiles(None, after, PAGE_MAX).await?;
        let Some(last) = profiles.last() else { return Ok(frozen) };
        after = Some(last.id);
        for profile in profiles {
            let is = FrozenBy::and(profile.frozen, FrozenBy::Operator);
            if profile.frozen == Some(is) {
                continue;
            }
            let grant = context.actor.may(action, Proof::None)?;
            let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
            let subject = format!("app:{}", profile.id);
            set(context, &mut tx, profile, Some(is)).await?;
            let event = Event::of(tx.grant(), context.now, &subject, &[("frozen_by", is.word().to_owned())]);
            tx.commit(event).await?;
            frozen += 1;
        }
    }
}

async fn set(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    before: AppProfile,
    frozen: Option<FrozenBy>,
) -> Result<AppProfile, ActionError> {
    let after = AppProfile { frozen, changed_at: context.now, version: before.version + 1, ..before };
    tx.put_app_profile(&after).await?;
    put_in_force(tx, &after).await?;
    Ok(after)
}
