//! What an operator does with a version: read it, which is written down, and send it back.

use async_trait::async_trait;
use keyward_rules::app::{Difference, VersionStanding};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AppId;
use keyward_rules::limits::RANGE_VERSIONS;
use keyward_store::{AppProfile, RangeVersion};

use super::decision::{reason, told};
use super::findings::{Findings, find};
use super::ranges::is_open;
use super::{active, own, print_of};
use crate::operators::acting;
use crate::{Action, ActionContext, ActionError, PendingAction};

/// A version as an operator reads it.
pub struct Reviewed {
    /// The app.
    pub profile: AppProfile,
    /// The version, ranges included.
    pub version: RangeVersion,
    /// What it changes against what is in force.
    pub change: Difference,
    /// What the machine noticed.
    pub findings: Findings,
    /// The print that a proposal of its approval names.
    pub print: String,
}

/// Read a version as an operator; that it was read is an audit record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReadRanges {
    /// The app.
    pub app: AppId,
    /// The version's number.
    pub number: u64,
}

#[async_trait]
impl Action for ReadRanges {
    type Reply = Reviewed;

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let Self { app, number } = self;
        Ok(PendingAction {
            action: ActionKind::ReadRanges,
            facts: vec![("app", app.to_string()), ("version", number.to_string())],
            words: vec![format!("Read version {number} of the ranges of app {app}")],
        })
    }

    /// # Errors
    /// [`ActionError::NoApp`], [`ActionError::NoVersion`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { app, number } = self;
        let grant = context.actor.may(ActionKind::ReadRanges, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        acting(context, &mut tx).await?;
        let profile = own(&mut tx, app).await?;
        let version = tx.range_version(app, number).await?.ok_or(ActionError::NoVersion)?;
        let facts = [("version", number.to_string()), ("print", print_of(context, &version.ranges))];
        let event = Event::of(tx.grant(), context.now, &format!("app:{app}"), &facts);
        tx.commit(event).await?;
        let all = context.authority.access.reader.range_versions(app, RANGE_VERSIONS).await?;
        let change = Difference::between(active(&all).map(|now| &now.ranges), &version.ranges);
        let findings = find(context, &version).await?;
        let print = print_of(context, &version.ranges);
        Ok(Reviewed { profile, version, change, findings, print })
    }
}

/// Send a version back to the broker, who sees why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RejectRanges {
    /// The app.
    pub app: AppId,
    /// The version's number.
    pub number: u64,
    /// Why, for the broker and the audit log.
    pub why: String,
}

#[async_trait]
impl Action for RejectRanges {
    type Reply = ();

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let Self { app, number, why } = self;
        Ok(PendingAction {
            action: ActionKind::RejectRanges,
            facts: vec![("app", app.to_string()), ("version", number.to_string()), ("why", why.clone())],
            words: vec![format!("Reject version {number} of the ranges of app {app}: {why}")],
        })
    }

    /// # Errors
    /// [`ActionError::NoApp`], [`ActionError::NoVersion`], [`ActionError::NoReason`]; [`ActionError::Unchanged`] unless it
    /// waits for review.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { app, number, why } = self;
        let why = reason(&why)?;
        let grant = context.actor.may(ActionKind::RejectRanges, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let by = acting(context, &mut tx).await?;
        let profile = own(&mut tx, app).await?;
        let version = tx.range_version(app, number).await?.ok_or(ActionError::NoVersion)?;
        if !is_open(&version) {
            return Err(ActionError::Unchanged);
        }
        let row = version.version + 1;
        let (standing, decided) = (VersionStanding::Rejected, Some((by, context.now)));
        let after = RangeVersion { standing, decided, reason: why.clone(), version: row, ..version };
        tx.put_range_version(&after).await?;
        let detail = format!("Version {number} of the ranges of “{}” was not approved: {why}", profile.name);
        told(context, &mut tx, &profile, detail).await?;
        let facts = [("version", number.to_string()), ("why", why)];
        let event = Event::of(tx.grant(), context.now, &format!("app:{app}"), &facts);
        tx.commit(event).await?;
        Ok(())
    }
}
