//! Action: delete the keys of an account that nobody used since a moment.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::limits::DAY_MS;
use keyward_rules::time::Moment;
use keyward_store::{KeyRecord, Purpose};

use super::issue::is_frozen;
use super::key_set::key_line;
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Delete the living keys of an account whose last use is before a moment. A key that was never used counts from its creation.
/// Keys that an operator froze are left out: they could not be used, and lifting the freeze must bring them back. So are
/// canaries, which nobody is meant to use.
///
/// The moment stays the same between preview and deletion. A key can leave the list meanwhile, because somebody used it, but
/// no key can join it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeleteUnusedKeys {
    account: AccountId,
    not_used_since: Moment,
}

impl DeleteUnusedKeys {
    /// The request. `None` unless the moment is at least a day before `now`: gateways report last uses with a delay.
    #[must_use]
    pub fn new(account: AccountId, not_used_since: Moment, now: Moment) -> Option<Self> {
        let old_enough = not_used_since.plus_ms(DAY_MS) <= now;
        old_enough.then_some(Self { account, not_used_since })
    }

    /// The moment.
    #[must_use]
    pub const fn not_used_since(&self) -> Moment {
        self.not_used_since
    }

    /// The keys that would be deleted now.
    ///
    /// # Errors
    /// [`ActionError::Store`].
    #[crate::boxed]
    pub async fn preview(&self, context: &ActionContext<'_>) -> Result<Vec<KeyRecord>, ActionError> {
        let keys: Result<Vec<KeyRecord>, _> = context
            .authority
            .access
            .reader
            .keys_of(context.actor.scope(), self.account)
            .await?
            .into_iter()
            .collect();
        Ok(self.among(keys?, context.now))
    }

    fn among(&self, keys: Vec<KeyRecord>, now: Moment) -> Vec<KeyRecord> {
        let last_used = |key: &KeyRecord| key.last_used_at.unwrap_or(key.created_at);
        let is_canary = |key: &KeyRecord| key.purpose() == Purpose::Canary;
        let is_unused = |key: &KeyRecord| last_used(key) < self.not_used_since;
        keys.into_iter()
            .filter(|key| key.lives(now) && !is_frozen(key) && !is_canary(key) && is_unused(key))
            .collect()
    }
}

#[async_trait]
impl Action for DeleteUnusedKeys {
    /// Those that were deleted.
    type Reply = Vec<KeyId>;

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let keys = self.preview(context).await?;
        if keys.is_empty() {
            return Err(ActionError::NoneUnused);
        }
        let mut words =
            vec![format!("Delete {} API keys that were not used since {}", keys.len(), self.not_used_since)];
        words.extend(keys.iter().map(key_line));
        Ok(PendingAction {
            action: ActionKind::DeleteUnusedKeys,
            facts: vec![
                ("account", self.account.to_string()),
                ("not_used_since", self.not_used_since.unix_ms().to_string()),
            ],
            words,
        })
    }

    /// # Errors
    /// [`ActionError::NoneUnused`]; [`ActionError::Store`], and then none is deleted.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let grant = context.actor.may(ActionKind::DeleteUnusedKeys, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        if !tx.grant().scope().reaches(self.account) {
            return Err(ActionError::NoAccount);
        }
        let keys = tx.keys_of(self.account).await?;
        // A use that was written down since the keys were read counts.
        let before = Moment::from_unix_ms(self.not_used_since.unix_ms().saturating_sub(1));
        let (mut deleted, mut names) = (Vec::new(), Vec::new());
        for mut key in self.among(keys, context.now) {
            if !tx.unused_since(key.id, before).await? {
                continue;
            }
            key.life = key.life.delete(context.now)?;
            deleted.push(key.id);
            names.push(format!("“{}”", key.name));
            let detail = format!("It was not used since {}.", self.not_used_since);
            let alert = tell::about_key(context, AlertKind::KeyDeleted, &key, detail);
            tx.update_key(key).await?;
            tell::notify_holder(context, &mut tx, alert).await?;
        }
        if deleted.is_empty() {
            return Err(ActionError::NoneUnused);
        }
        let ids: Vec<String> = deleted.iter().map(ToString::to_string).collect();
        let facts = [
            ("deleted", ids.join(",")),
            ("names", names.join(", ")),
            ("not_used_since", self.not_used_since.to_string()),
        ];
        let event = Event::of(tx.grant(), context.now, &format!("account:{}", self.account), &facts);
        tx.commit(event).await?;
        Ok(deleted)
    }
}
