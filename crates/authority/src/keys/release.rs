//! Action: let a key work at once that was made or loosened on a new device. It takes a device that is older.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::{KeyId, Revision};
use keyward_store::KeyRecord;

use super::enable::check_loosening;
use super::named::refuse_ended;
use super::new_device::{refuse_new_device, refuse_new_device_early};
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Let a key work that only reads because of a new device. Other holds stay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReleaseKey(pub KeyId);

#[async_trait]
impl Action for ReleaseKey {
    type Reply = Option<Revision>;

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let Self(id) = *self;
        let reader = &context.authority.access.reader;
        let key = reader.key(context.actor.scope(), id).await?.ok_or(ActionError::NoKey)?;
        check(&key, context)?;
        refuse_new_device_early(context).await?;
        Ok(PendingAction {
            action: ActionKind::ReleaseKey,
            facts: vec![("key", id.to_string()), ("version", key.version.to_string())],
            words: vec![
                format!("Let the API key “{}” ({id}) work now", key.name),
                "It was created or changed on a device that was new for your account".to_owned(),
            ],
        })
    }

    /// # Errors
    /// [`ActionError::NoKey`], [`ActionError::Unchanged`] without such a hold, [`ActionError::Life`] when it has ended,
    /// [`ActionError::NewDevice`], [`ActionError::TwoFactorOff`], [`ActionError::Cooling`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self(id) = self;
        let grant = context.actor.may(ActionKind::ReleaseKey, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let mut key = tx.key(id).await?.ok_or(ActionError::NoKey)?;
        check(&key, context)?;
        check_loosening(context, &mut tx, &key).await?;
        refuse_new_device(context, &mut tx).await?;
        key.release_from_new_device();
        let detail = "The waiting time of the new device was ended: the key works now.".to_owned();
        let alert = tell::about_key(context, AlertKind::KeyChanged, &key, detail);
        let subject = format!("key:{id}");
        tx.update_key(key).await?;
        tell::notify_holder(context, &mut tx, alert).await?;
        let event = Event::of(tx.grant(), context.now, &subject, &[("holds", "- new device".to_owned())]);
        Ok(tx.commit(event).await?)
    }
}

fn check(key: &KeyRecord, context: &ActionContext<'_>) -> Result<(), ActionError> {
    refuse_ended(key, context.now)?;
    if key.new_device_until.is_none() { Err(ActionError::Unchanged) } else { Ok(()) }
}
