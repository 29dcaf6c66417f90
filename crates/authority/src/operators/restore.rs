//! Action: finish putting a backup back. What may have been switched off since the backup stays off until somebody who may
//! switches it on again.

use std::collections::BTreeMap;

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::{AccountId, KeyId};
use keyward_store::{MasterKey, Seen};

use crate::apps::freeze_all;
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Keys looked at in one transaction.
const BATCH: u64 = 500;

/// Whether changes were acknowledged after the backup, as far as can be known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Since {
    /// None: the newest change that a node kept elsewhere is in the backup.
    Nothing,
    /// Some, or nobody knows.
    Unknown,
}

impl Since {
    /// The word in the audit log.
    const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Unknown => "unknown",
        }
    }
}

/// Record that a backup was put back. With changes missing, disable every active key, freeze every app, refuse every
/// approved transfer, end every session.
pub struct FinishRestore<'k> {
    /// How far the backup goes.
    pub kept: Seen,
    /// Whether changes were acknowledged after it.
    pub since: Since,
    /// The master key that the backup was made under.
    pub former: &'k MasterKey,
    /// The master key of today, which the root key is wrapped under from now on.
    pub master: &'k MasterKey,
}

#[async_trait]
impl Action for FinishRestore<'_> {
    /// How many keys were disabled.
    type Reply = usize;

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let (change, record) = (self.kept.revision.0.to_string(), self.kept.audit.to_string());
        let mut words = vec![format!("Put back the backup up to change {change} and audit record {record}")];
        if self.since == Since::Unknown {
            words.push("Disable all active API keys, freeze all apps, refuse approved transfers and end all sessions".to_owned());
        }
        Ok(PendingAction {
            action: ActionKind::RestoreStore,
            facts: vec![
                ("master_key", format!("{} -> {}", self.former.id(), self.master.id())),
                ("up_to_change", change),
                ("up_to_record", record),
                ("changes_missing", self.since.word().to_owned()),
            ],
            words,
        })
    }

    /// # Errors
    /// [`ActionError::Store`]; batches that were committed before stay.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { kept, since, former, master } = self;
        let grant = context.actor.may(ActionKind::RestoreStore, proof)?;
        let disabled = match since {
            Since::Nothing => 0,
            Since::Unknown => disable_all(context).await?,
        };
        // A range taken away since, or an app frozen since, would be back with the backup.
        let apps = match since {
            Since::Nothing => 0,
            Since::Unknown => freeze_all(context, ActionKind::RestoreStore).await?,
        };
        // A transfer may have used its approval since.
        let refused = match since {
            Since::Nothing => 0,
            Since::Unknown => refuse_approved(context).await?,
        };
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let ended = match since {
            Since::Nothing => 0,
            Since::Unknown => tx.end_all_sessions().await?,
        };
        if former.id() != master.id() {
            tx.wrap_root_key(former, master).await?;
        }
        let facts = [
            ("apps_frozen", apps.to_string()),
            ("master_key", format!("{} -> {}", former.id(), master.id())),
            ("up_to_change", kept.revision.0.to_string()),
            ("up_to_record", kept.audit.to_string()),
            ("changes_missing", since.word().to_owned()),
            ("keys_disabled", disabled.to_string()),
            ("sessions_ended", ended.to_string()),
            ("transfers_refused", refused.to_string()),
        ];
        let event = Event::of(tx.grant(), context.now, "store", &facts);
        tx.commit(event).await?;
        Ok(disabled)
    }
}

/// Takes back every approval of a transfer that is not used, so that none is used twice.
async fn refuse_approved(context: &ActionContext<'_>) -> Result<usize, ActionError> {
    let mut refused = 0;
    loop {
        let grant = context.actor.may(ActionKind::RestoreStore, Proof::None)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let mut numbers = Vec::new();
        for approval in tx.unused_approvals(BATCH).await? {
            let before = approval.standing;
            let approval = approval.refuse(None, context.now)?;
            tx.set_request_approval(before, &approval).await?;
            numbers.push(approval.id.to_string());
        }
        if numbers.is_empty() {
            return Ok(refused);
        }
        refused += numbers.len();
        let event = Event::of(tx.grant(), context.now, "store", &[("approvals", numbers.join(","))]);
        tx.commit(event).await?;
    }
}

async fn disable_all(context: &ActionContext<'_>) -> Result<usize, ActionError> {
    let (mut disabled, mut after) = (0, None);
    loop {
        let (count, last) = disable_batch(context, after).await?;
        disabled += count;
        match last {
            Some(last) => after = Some(last),
            None => return Ok(disabled),
        }
    }
}

/// Disables one batch; gives how many keys and, while there may be more, the last one that it looked at.
async fn disable_batch(
    context: &ActionContext<'_>,
    after: Option<KeyId>,
) -> Result<(usize, Option<KeyId>), ActionError> {
    let grant = context.actor.may(ActionKind::RestoreStore, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let (keys, last) = tx.living_keys(after, BATCH).await?;
    let (mut disabled, mut owners) = (Vec::new(), BTreeMap::<AccountId, usize>::new());
    for mut key in keys {
        if let Ok(life) = key.life.disable() {
            key.life = life;
            disabled.push(key.id.to_string());
            *owners.entry(key.account).or_default() += 1;
            tx.update_key(key).await?;
        }
    }
    for (owner, count) in owners {
        let detail = format!(
            "The service was put back to an earlier state, and {count} keys were disabled, because some of them may \
             have been disabled or deleted since then. Enable only keys that you still use."
        );
        let alert = tell::by_actor(context, AlertKind::AllKeysDisabled, owner, detail);
        tell::notify_holder(context, &mut tx, alert).await?;
    }
    if !disabled.is_empty() {
        let event = Event::of(tx.grant(), context.now, "keys", &[("disabled", disabled.join(","))]);
        tx.commit(event).await?;
    }
    Ok((disabled.len(), last))
}
