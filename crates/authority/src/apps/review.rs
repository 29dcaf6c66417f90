//! What an operator does with a version: read it, which is written down, and send it back.

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
use crate::{ActionContext, ActionError, PendingAction};

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

/// Opens a version for an operator; that it was read is an audit record.
///
/// # Errors
/// [`ActionError::NoApp`], [`ActionError::NoVersion`].
#[crate::boxed]
pub async fn read_ranges(
    context: &ActionContext<'_>,
    app: AppId,
    number: u64,
) -> Result<Reviewed, ActionError> {
    let grant = context.actor.may(ActionKind::ReadRanges, Proof::None)?;
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

/// What sending a version back is confirmed as.
#[must_use]
pub fn plan_reject_ranges(app: AppId, number: u64, why: &str) -> PendingAction {
    PendingAction {
        action: ActionKind::RejectRanges,
        facts: vec![("app", app.to_string()), ("version", number.to_string()), ("why", why.to_owned())],
        words: vec![format!("Send version {number} of the ranges of app {app} back to its broker: {why}")],
    }
}

/// Sends a version back to the broker, who sees why.
///
/// # Errors
/// [`ActionError::NoApp`], [`ActionError::NoVersion`], [`ActionError::NoReason`]; [`ActionError::Unchanged`] unless it waits
/// for review.
#[crate::boxed]
pub async fn reject_ranges(
    context: &ActionContext<'_>,
    proof: Proof,
    (app, number): (AppId, u64),
    why: &str,
) -> Result<(), ActionError> {
    let why = reason(why)?;
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
