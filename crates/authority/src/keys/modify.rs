//! Action: change name and addresses of a sub-account's key in one, as OKX's endpoint does. A program asks for it.

use async_trait::async_trait;
use keyward_rules::address::Binding;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::key::{KeyName, WideRange};
use keyward_store::KeyRecord;

use super::addresses::{check, kind_of, rebind};
use super::edit::rename;
use super::{KeyNamed, approved};
use crate::operators::{policy_in_force, policy_now};
use crate::questions::{reach_in_words, reach_of};
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Change name, addresses or both of a key. All of it is done, or nothing.
#[derive(Clone, Debug)]
pub struct ModifyKey {
    /// Whose key.
    pub account: AccountId,
    /// The key.
    pub key: KeyId,
    /// Its name from now on; `None` leaves it.
    pub name: Option<KeyName>,
    /// Where it works from, from now on; `None` leaves it.
    pub to: Option<Binding>,
}

impl ModifyKey {
    /// What would really change: the name, the addresses.
    fn changes(&self, key: &KeyRecord) -> (Option<KeyName>, Option<Binding>) {
        let name = self.name.clone().filter(|name| *name != key.name);
        (name, self.to.clone().filter(|to| *to != key.binding))
    }

    /// Which action that is.
    fn kind(key: &KeyRecord, to: Option<&Binding>) -> ActionKind {
        to.map_or(ActionKind::EditKey, |to| kind_of(&key.binding, to))
    }
}

#[async_trait]
impl Action for ModifyKey {
    type Reply = ();

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let key = KeyNamed::by_id(self.key).living(context).await?;
        let (name, to) = self.changes(&key);
        let mut words = vec![format!("Change the API key “{}” ({})", key.name, key.id)];
        if let Some(name) = &name {
            words.push(format!("Its name from now on: “{name}”"));
        }
        if let Some(to) = &to {
            check(policy_in_force(context).await?.policy.keys, &key, to, WideRange::NotAcknowledged)?;
            words.push(format!("It works until now from: {}", reach_in_words(&key.binding)));
            words.push(format!("It works from now on from: {}", reach_in_words(to)));
        }
        if words.len() == 1 {
            return Err(ActionError::Unchanged);
        }
        Ok(PendingAction {
            action: Self::kind(&key, to.as_ref()),
            facts: vec![
                ("key", key.id.to_string()),
                ("name", self.name.as_ref().map(ToString::to_string).unwrap_or_default()),
                ("where", self.to.as_ref().map(reach_of).unwrap_or_default()),
            ],
            words,
        })
    }

    /// # Errors
    /// [`ActionError::NoKey`], [`ActionError::Life`] when it has ended, [`ActionError::Unchanged`], [`ActionError::BoundToApp`],
    /// [`ActionError::Key`] by rule, [`ActionError::TwoFactorOff`], [`ActionError::Cooling`], and [`ActionError::NotAllowed`] when
    /// the proof is not the one that the change asks for.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        // The proof says what was approved; the key as it is now says what it is.
        let action = match approved(&proof, ActionKind::NarrowKey) {
            Some(action) => action,
            None => self.plan(context).await?.action,
        };
        let grant = context.actor.may(action, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let key = tx.key(self.key).await?.filter(|key| key.account == self.account);
        let mut key = key.ok_or(ActionError::NoKey)?;
        super::named::refuse_ended(&key, context.now)?;
        let (name, to) = self.changes(&key);
        let (mut facts, mut alert) = (Vec::new(), None);
        if let Some(name) = name {
            facts.push(rename(&mut tx, &mut key, name).await?);
        }
        if let Some(to) = to {
            check(policy_now(context, &mut tx).await?.keys, &key, &to, WideRange::NotAcknowledged)?;
            let (told, moved) = rebind(context, &mut tx, &mut key, to).await?;
            facts.extend(moved);
            alert = Some(told);
        }
        if facts.is_empty() {
            return Err(ActionError::Unchanged);
        }
        let subject = format!("key:{}", key.id);
        tx.update_key(key).await?;
        if let Some(alert) = alert {
            tell::notify_holder(context, &mut tx, alert).await?;
        }
        let event = Event::of(tx.grant(), context.now, &subject, &facts);
        tx.commit(event).await?;
        Ok(())
    }
}
