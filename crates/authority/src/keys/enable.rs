//! Action: enable a key.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof, TwoFactor};
use keyward_rules::id::{KeyId, Revision};
use keyward_rules::time::Moment;
use keyward_store::{KeyRecord, UserRecord};

use super::named::refuse_ended;
use super::new_device::{Powers, fact, foretell, hold_loosened, in_words};
use crate::accounts::{is_cooling, moves_funds};
use crate::sub_accounts::person_behind;
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Enable a disabled key; holds on it stay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EnableKey(pub KeyId);

#[async_trait]
impl Action for EnableKey {
    type Reply = Option<Revision>;

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let Self(id) = *self;
        let key = context
            .authority
            .access
            .reader
            .key(context.actor.scope(), id)
            .await?
            .ok_or(ActionError::NoKey)?;
        refuse_ended(&key, context.now)?;
        key.life.enable()?;
        let mut words = vec![format!("Enable the API key “{}” ({id})", key.name)];
        foretell(context, &mut words, [Powers::of(&key)]).await?;
        let facts = vec![("key", id.to_string())];
        Ok(PendingAction { action: ActionKind::EnableKey, facts, words })
    }

    /// # Errors
    /// [`ActionError::NoKey`], [`ActionError::Life`] when it is active or has ended, [`ActionError::TwoFactorOff`],
    /// [`ActionError::Cooling`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self(id) = self;
        let grant = context.actor.may(ActionKind::EnableKey, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let mut key = tx.key(id).await?.ok_or(ActionError::NoKey)?;
        check_loosening(context, &mut tx, &key).await?;
        key.life = key.life.enable()?;
        let held = hold_loosened(context, &mut tx, &mut key).await?;
        let alert = tell::about_key(context, AlertKind::KeyEnabled, &key, in_words(held));
        tx.update_key(key).await?;
        tell::notify_holder(context, &mut tx, alert).await?;
        let mut facts = vec![("state", "disabled -> active".to_owned())];
        facts.extend(fact(held));
        let event = Event::of(tx.grant(), context.now, &format!("key:{id}"), &facts);
        Ok(tx.commit(event).await?)
    }
}

/// The rules on every loosening of a key that has a person behind it: two-factor on, and no rest for keys that move
/// funds.
pub(super) async fn check_loosening(
    context: &ActionContext<'_>,
    tx: &mut keyward_store::Tx,
    key: &KeyRecord,
) -> Result<(), ActionError> {
    let person = tx.person(person_behind(context, key.account, key.master)).await?;
    may_loosen(person.as_ref(), key, context.now)?;
    // While the master's keys rest, a member loosens none of them either.
    may_loosen(tx.person(key.master.unwrap_or(key.account)).await?.as_ref(), key, context.now)
}

/// The same rules, for a person who was read.
pub(super) fn may_loosen(
    person: Option<&UserRecord>,
    key: &KeyRecord,
    now: Moment,
) -> Result<(), ActionError> {
    let Some(person) = person else { return Ok(()) };
    if person.two_factor() == TwoFactor::Off {
        return Err(ActionError::TwoFactorOff);
    }
    if is_cooling(person, now) && moves_funds(key.permissions) {
        return Err(ActionError::Cooling);
    }
    Ok(())
}
