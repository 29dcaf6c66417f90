//! A key with the name that the person confirmed: harm is never done to a key by its id alone.

use keyward_rules::grant::{ActionKind, Actor};
use keyward_rules::id::KeyId;
use keyward_rules::key::LifecycleError;
use keyward_rules::time::Moment;
use keyward_store::{KeyRecord, Tx};

use crate::{ActionContext, ActionError, PendingAction};

/// Which key, and what the person says it is called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyNamed {
    /// Its id.
    pub id: KeyId,
    /// Its name; not asked at the host, where the command line asks in its own way, and not of a program.
    pub name: String,
}

/// Refuses a key that was deleted or has expired, by its date also before the sweep has written that down.
pub(super) fn refuse_ended(key: &KeyRecord, now: Moment) -> Result<(), ActionError> {
    if key.life.is_over() || key.expires_at.is_some_and(|end| end <= now) {
        return Err(LifecycleError::Ended.into());
    }
    Ok(())
}

impl KeyNamed {
    /// A key by its id alone, for the host, the system's duties and programs.
    #[must_use]
    pub const fn by_id(id: KeyId) -> Self {
        Self { id, name: String::new() }
    }

    /// What an action on it is confirmed as. The key is looked up before anything is proven: what cannot be done costs no code.
    ///
    /// # Errors
    /// [`ActionError::NoKey`], [`ActionError::Life`] when it has ended, [`ActionError::NotTheName`].
    pub(super) async fn plan(
        &self,
        context: &ActionContext<'_>,
        action: ActionKind,
        what: &str,
    ) -> Result<PendingAction, ActionError> {
        let key = self.living(context).await?;
        Ok(PendingAction {
            action,
            facts: vec![("key", self.id.to_string()), ("name", key.name.to_string())],
            words: vec![format!("{what} the API key “{}” ({})", key.name, self.id)],
        })
    }

    /// The key as it is now, if it has not ended and is called that.
    pub(super) async fn living(&self, context: &ActionContext<'_>) -> Result<KeyRecord, ActionError> {
        let key = context
            .authority
            .access
            .reader
            .key(context.actor.scope(), self.id)
            .await?
            .ok_or(ActionError::NoKey)?;
        refuse_ended(&key, context.now)?;
        self.check(context, &key)?;
        Ok(key)
    }

    /// The key, when it is within reach and called that.
    pub(crate) async fn find(
        &self,
        context: &ActionContext<'_>,
        tx: &mut Tx,
    ) -> Result<KeyRecord, ActionError> {
        let key = tx.key(self.id).await?.ok_or(ActionError::NoKey)?;
        self.check(context, &key)?;
        Ok(key)
    }

    /// Whether the key is called that, where it is asked.
    fn check(&self, context: &ActionContext<'_>, key: &KeyRecord) -> Result<(), ActionError> {
        let asked = match context.actor {
            Actor::Holder(_) | Actor::Staff(_) | Actor::Visitor(_) => true,
            Actor::Host(_) | Actor::System(_) | Actor::Key(_) => false,
        };
        if asked && !key.name.is_called(&self.name) { Err(ActionError::NotTheName) } else { Ok(()) }
    }
}
