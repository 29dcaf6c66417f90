//! Action: enable a key.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof, TwoFactor};
use keyward_rules::id::{KeyId, Revision};
use keyward_rules::time::Moment;
use keyward_store::{KeyRecord, PersonRecord};

use super::named::refuse_ended;
use crate::accounts::{is_cooling, moves_funds};
use crate::{Action, ActionError, Desk, PendingAction, tell};

/// Enable a disabled key; holds on it stay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EnableKey(pub KeyId);

#[async_trait]
impl Action for EnableKey {
    type Reply = Option<Revision>;

    async fn plan(&self, desk: &Desk<'_>) -> Result<PendingAction, ActionError> {
        let Self(id) = *self;
        let key =
            desk.authority.access.reader.key(desk.actor.scope(), id).await?.ok_or(ActionError::NoKey)?;
        refuse_ended(&key, desk.now)?;
        key.life.enable()?;
        Ok(PendingAction {
            action: ActionKind::EnableKey,
            facts: vec![("key", id.to_string())],
            words: vec![format!("Enable the API key “{}” ({id})", key.name)],
        })
    }

    /// # Errors
    /// [`ActionError::NoKey`], [`ActionError::Life`] when it is active or has ended, [`ActionError::TwoFactorOff`],
    /// [`ActionError::Cooling`].
    async fn perform(self, desk: &Desk<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self(id) = self;
        let grant = desk.actor.may(ActionKind::EnableKey, proof)?;
        let mut tx = desk.authority.access.writer.begin(grant, desk.now).await?;
        let mut key = tx.key(id).await?.ok_or(ActionError::NoKey)?;
        check_loosening(desk, &mut tx, &key).await?;
        key.life = key.life.enable()?;
        let alert = tell::about_key(desk, AlertKind::KeyEnabled, &key, String::new());
        tx.update_key(key).await?;
        tell::tell(desk, &mut tx, alert).await?;
        let event =
            Event::of(tx.grant(), desk.now, &format!("key:{id}"), &[("state", "disabled -> active".into())]);
        Ok(tx.commit(event).await?)
    }
}

/// The rules on every loosening of a key that has a person behind it: two-factor on, and no rest for keys that move
/// funds.
pub(super) async fn check_loosening(
    desk: &Desk<'_>,
    tx: &mut keyward_store::Tx,
    key: &KeyRecord,
) -> Result<(), ActionError> {
    let person = tx.person(key.master.unwrap_or(key.account)).await?;
    may_loosen(person.as_ref(), key, desk.now)
}

/// The same rules, for a person who was read.
pub(super) fn may_loosen(
    person: Option<&PersonRecord>,
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
