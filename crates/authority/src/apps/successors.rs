//! Action: demand successors for all keys of an app by a deadline, after which the old ones are held. For when a broker's
//! servers were broken into and the ranges alone are not trusted any more.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AppId;
use keyward_rules::key::Hold;
use keyward_rules::limits::{DAY_MS, PAGE_MAX};
use keyward_rules::time::Moment;
use keyward_store::{AppKeyCounts, AppProfile, Demand, Tx};

use super::decision::{reason, told};
use super::{own, visible};
use crate::operators::acting;
use crate::{Action, ActionContext, ActionError, PendingAction};

/// The shortest and the longest time to a deadline.
const SOONEST_MS: u64 = 60 * 60 * 1_000;
const LATEST_MS: u64 = 30 * DAY_MS;
/// Keys held in one transaction, and the pause after it, in which others write.
const BATCH: u64 = 200;
const PACE: std::time::Duration = std::time::Duration::from_millis(20);

/// What an action on an app would touch.
#[derive(Clone, PartialEq, Eq)]
pub struct Preview {
    /// The app.
    pub profile: AppProfile,
    /// Its keys in numbers; `used` means within a day, `older` means made before a demand that stands.
    pub counts: AppKeyCounts,
}

/// How many keys an action on the app would touch.
///
/// # Errors
/// [`ActionError::NoApp`].
#[crate::boxed]
pub async fn preview(context: &ActionContext<'_>, id: AppId) -> Result<Preview, ActionError> {
    let profile = visible(context, id).await?;
    let day_ago = Moment::from_unix_ms(context.now.unix_ms().saturating_sub(DAY_MS));
    let before = profile.demand.map_or(context.now, |demand| demand.made_at);
    let counts = context.authority.access.reader.app_key_counts(id, day_ago, before).await?;
    Ok(Preview { profile, counts })
}

/// Demand successors: keys made before now are held from the deadline on. Holders are told at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DemandSuccessors {
    /// The app.
    pub app: AppId,
    /// The deadline.
    pub due: Moment,
    /// Why, for the broker and the audit log.
    pub why: String,
}

#[async_trait]
impl Action for DemandSuccessors {
    type Reply = ();

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let (profile, due) = (visible(context, self.app).await?, self.due);
        Ok(PendingAction {
            action: ActionKind::DemandSuccessors,
            facts: vec![("app", profile.id.to_string()), ("due", due.to_string())],
            words: vec![format!("Demand successors for all keys of “{}” by {due}", profile.name)],
        })
    }

    /// # Errors
    /// [`ActionError::NoApp`], [`ActionError::NoReason`]; [`ActionError::OtherWay`] for a deadline under an hour or over
    /// 30 days away.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { app: id, due, why } = self;
        let why = reason(&why)?;
        let ahead = due.ms_since(context.now);
        if !(SOONEST_MS..=LATEST_MS).contains(&ahead) {
            return Err(ActionError::OtherWay("the deadline is at least an hour and at most 30 days away"));
        }
        let grant = context.actor.may(ActionKind::DemandSuccessors, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        acting(context, &mut tx).await?;
        let before = own(&mut tx, id).await?;
        if before.demand.is_some_and(|stands| context.now < stands.due && stands.due < due) {
            return Err(ActionError::OtherWay(
                "there is a demand with an earlier deadline: propose to withdraw it, or choose an earlier deadline",
            ));
        }
        if let Some(stands) = before.demand.filter(|stands| stands.due <= context.now) {
            let meant = (id, Hold::AppFrozen);
            if !tx.app_keys_without(meant, stands.made_at, "", 1).await?.0.is_empty() {
                return Err(ActionError::OtherWay(
                    "an earlier demand is being carried out; try again in a minute",
                ));
            }
        }
        let demand = Some(Demand { made_at: context.now, due });
        let after = AppProfile { demand, changed_at: context.now, version: before.version + 1, ..before };
        tx.put_app_profile(&after).await?;
        let detail = format!("Rotate each of them before {due}. After that, the old keys are held.");
        tx.put_app_news(id, AlertKind::AppDemand.word(), &detail).await?;
        let detail = format!("Operators demand successors for all keys of “{}” by {due}: {why}", after.name);
        told(context, &mut tx, &after, detail).await?;
        let facts = [("due", due.to_string()), ("why", why)];
        let event = Event::of(tx.grant(), context.now, &format!("app:{id}"), &facts);
        tx.commit(event).await?;
        Ok(())
    }
}

/// What operators read before they take a demand back.
pub(crate) async fn withdraw_words(
    context: &ActionContext<'_>,
    id: AppId,
) -> Result<Vec<String>, ActionError> {
    let seen = preview(context, id).await?;
    let demand =
        seen.profile.demand.filter(|demand| context.now < demand.due).ok_or(ActionError::Unchanged)?;
    Ok(vec![
        format!("Withdraw the demand for successors of all keys of “{}”", seen.profile.name),
        format!("App {id}; the demand was made {} and is due {}", demand.made_at, demand.due),
        "Its older keys go on after that.".to_owned(),
    ])
}

/// Takes a demand back whose deadline has not come, in a proposal's transaction.
pub(crate) async fn withdraw_demand(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    id: AppId,
) -> Result<(), ActionError> {
    let before = own(tx, id).await?;
    if before.demand.is_none_or(|demand| demand.due <= context.now) {
        return Err(ActionError::Unchanged);
    }
    let after = AppProfile { demand: None, changed_at: context.now, version: before.version + 1, ..before };
    tx.put_app_profile(&after).await?;
    told(
        context,
        tx,
        &after,
        format!("Successors of the keys of “{}” are not demanded any more.", after.name),
    )
    .await
}

/// Duty: holds the keys of an app whose deadline has come, a batch in each transaction; gives how many.
///
/// # Errors
/// [`ActionError::Store`]; batches that were committed before stay.
#[crate::boxed]
pub async fn hold_demanded(context: &ActionContext<'_>) -> Result<usize, ActionError> {
    let mut held = 0;
    let mut after = None;
    loop {
        let profiles = context.authority.access.reader.app_profiles_due(context.now, after, PAGE_MAX).await?;
        let Some(last) = profiles.last() else { return Ok(held) };
        after = Some(last.id);
        for profile in profiles {
            if let Some(demand) = profile.demand.filter(|demand| demand.due <= context.now) {
                held += hold(context, &profile, demand).await?;
            }
        }
    }
}

async fn hold(
    context: &ActionContext<'_>,
    profile: &AppProfile,
    demand: Demand,
) -> Result<usize, ActionError> {
    let (mut held, mut after) = (0, String::new());
    loop {
        let grant = context.actor.may(ActionKind::HoldDemanded, Proof::None)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let due = (profile.id, Hold::AppFrozen);
        let (keys, last) = tx.app_keys_without(due, demand.made_at, &after, BATCH).await?;
        let mut ids = Vec::new();
        for mut key in keys {
            if key.created_at < demand.made_at && !key.life.holds.has(Hold::AppFrozen) {
                key.life = key.life.hold(Hold::AppFrozen)?;
                ids.push(key.id.to_string());
                tx.update_key(key).await?;
            }
        }
        held += ids.len();
        if ids.is_empty() {
            // Nothing changed; whoever writes next must not wait for it.
            drop(tx);
        } else {
            let facts = [("keys", ids.join(",")), ("due", demand.due.to_string())];
            let event = Event::of(tx.grant(), context.now, &format!("app:{}", profile.id), &facts);
            tx.commit(event).await?;
        }
        match last {
            Some(last) => {
                after = last;
                tokio::time::sleep(PACE).await;
            }
            None => return Ok(held),
        }
    }
}
