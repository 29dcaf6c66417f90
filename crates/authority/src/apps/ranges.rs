//! Actions: submit an app's ranges, narrow them at once, enter them for a broker, take a submission back.

use async_trait::async_trait;
use keyward_rules::address::AddressSet;
use keyward_rules::app::{Difference, Size, VersionStanding};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::{AccountId, AppId};
use keyward_rules::limits::{DAY_MS, NOTE_CHARS, RANGE_OVERLAP_DAYS, RANGE_VERSIONS};
use keyward_store::{RangeVersion, Tx};

use super::activate::{activate, refuse_third};
use super::decision::told;
use super::{active, change_in_words, own, print_of, refuse_frozen_owner, size_in_words, versions, visible};
use crate::operators::acting;
use crate::{Action, ActionContext, ActionError, PendingAction};

/// Ranges that are submitted for an app.
#[derive(Clone)]
pub struct RangeSubmission {
    /// Of which app.
    pub app: AppId,
    /// All of its ranges from then on.
    pub ranges: AddressSet,
    /// A note to the reviewers.
    pub note: String,
    /// How long the ranges before stay in force beside them, in milliseconds.
    pub overlap_ms: u64,
}

/// What becomes of a submission.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RangesGo {
    /// It only takes away, so it is in force at once and takes one factor.
    Narrow,
    /// It adds something: a step-up, and operators' approval.
    Widen,
}

impl RangesGo {
    fn of(active: Option<&RangeVersion>, submission: &RangeSubmission) -> Self {
        let narrows =
            active.is_some_and(|now| Difference::between(Some(&now.ranges), &submission.ranges).narrows());
        if narrows && submission.overlap_ms == 0 { Self::Narrow } else { Self::Widen }
    }

    const fn action(self) -> ActionKind {
        match self {
            Self::Narrow => ActionKind::NarrowRanges,
            Self::Widen => ActionKind::SubmitRanges,
        }
    }
}

fn judge(versions: &[RangeVersion], submission: &RangeSubmission) -> Result<(), ActionError> {
    let plain = |symbol: char| !symbol.is_control() || symbol == '\n';
    if submission.note.chars().count() > NOTE_CHARS || !submission.note.chars().all(plain) {
        return Err(ActionError::OtherWay("a note to the reviewers has at most 1000 visible characters"));
    }
    if submission.overlap_ms > RANGE_OVERLAP_DAYS * DAY_MS {
        return Err(ActionError::OtherWay("both sets are in force for at most 30 days"));
    }
    if active(versions).is_some_and(|now| now.ranges == submission.ranges) {
        return Err(ActionError::Unchanged);
    }
    if submission.overlap_ms > 0 {
        refuse_third(versions)?;
    }
    Ok(())
}

/// Holds a submission against every rule; gives what would become of it, and what it changes.
///
/// # Errors
/// [`ActionError::NoApp`], [`ActionError::Unchanged`], [`ActionError::OtherWay`].
#[crate::boxed]
pub async fn check_ranges(
    context: &ActionContext<'_>,
    submission: &RangeSubmission,
) -> Result<(RangesGo, Difference), ActionError> {
    visible(context, submission.app).await?;
    let versions = context.authority.access.reader.range_versions(submission.app, RANGE_VERSIONS).await?;
    judge(&versions, submission)?;
    let now = active(&versions);
    let change = Difference::between(now.map(|now| &now.ranges), &submission.ranges);
    Ok((RangesGo::of(now, submission), change))
}

/// What a submission is approved as: the ranges are in the hash, and the words count them.
async fn pending(
    context: &ActionContext<'_>,
    submission: &RangeSubmission,
) -> Result<PendingAction, ActionError> {
    let (goes, change) = check_ranges(context, submission).await?;
    let profile = visible(context, submission.app).await?;
    let mut words = vec![
        match goes {
            RangesGo::Narrow => format!("Narrow the ranges of “{}” at once", profile.name),
            RangesGo::Widen => format!("Submit ranges of “{}” for approval", profile.name),
        },
        format!("The ranges cover {}", size_in_words(Size::of(submission.ranges.networks()))),
        change_in_words(&change),
    ];
    if submission.overlap_ms > 0 {
        words.push(format!(
            "The ranges before stay in force beside them for {} hours",
            submission.overlap_ms / 3_600_000
        ));
    }
    Ok(PendingAction {
        action: goes.action(),
        facts: vec![
            ("app", submission.app.to_string()),
            ("ranges", submission.ranges.to_string()),
            ("note", submission.note.clone()),
            ("overlap_ms", submission.overlap_ms.to_string()),
        ],
        words,
    })
}

/// Submit ranges, or put them in force at once when they only take away.
#[derive(Clone)]
pub struct SubmitRanges(pub RangeSubmission);

#[async_trait]
impl Action for SubmitRanges {
    /// The version's number, and what became of the submission.
    type Reply = (u64, RangesGo);

    /// Ranges that only take away ask for one factor. All others ask for a step-up.
    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        pending(context, &self.0).await
    }

    /// # Errors
    /// As [`check_ranges`], and [`ActionError::NotAllowed`] when the proof is not the one for what it would do.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self(submission) = self;
        let expected = check_ranges(context, &submission).await?.0;
        let grant = context.actor.may(expected.action(), proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let by = context.actor.person().ok_or(ActionError::NoAccount)?.account;
        let profile = own(&mut tx, submission.app).await?;
        let before = versions(&mut tx, submission.app).await?;
        judge(&before, &submission)?;
        if expected == RangesGo::Widen {
            refuse_frozen_owner(&mut tx, &profile).await?;
        }
        // What was asked for must still be what it was: somebody may have changed the ranges since.
        if RangesGo::of(active(&before), &submission) != expected {
            return Err(ActionError::Unchanged);
        }
        let mut version = new_version(context, &submission, by);
        // A submission stays when ranges are only taken away: its words change, so that approvals of before do not count
        // for it. One that is approved and waits for its proof would bring back what is taken away.
        let gives_way =
            |one: &RangeVersion| expected == RangesGo::Widen || one.standing == VersionStanding::Approved;
        let replaced: Vec<RangeVersion> = before.iter().filter(|one| gives_way(one)).cloned().collect();
        let number = replace_open(&mut tx, &replaced, &version).await?;
        version.number = number;
        if expected == RangesGo::Narrow {
            activate(context, &mut tx, &profile, version.clone()).await?;
        }
        let facts = version_facts(context, &version, &before);
        let event = Event::of(tx.grant(), context.now, &format!("app:{}", submission.app), &facts);
        tx.commit(event).await?;
        Ok((number, expected))
    }
}

/// Submit ranges on the broker's behalf, as an operator. Approving them is another step.
#[derive(Clone)]
pub struct EnterRanges(pub RangeSubmission);

#[async_trait]
impl Action for EnterRanges {
    /// The version's number.
    type Reply = u64;

    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let PendingAction { facts, mut words, .. } = pending(context, &self.0).await?;
        if let Some(lead) = words.first_mut() {
            *lead = format!("Submit ranges of app {} on its broker's behalf", self.0.app);
        }
        Ok(PendingAction { action: ActionKind::EnterRanges, facts, words })
    }

    /// # Errors
    /// As [`check_ranges`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self(submission) = self;
        check_ranges(context, &submission).await?;
        let grant = context.actor.may(ActionKind::EnterRanges, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let by = acting(context, &mut tx).await?;
        let profile = own(&mut tx, submission.app).await?;
        let before = versions(&mut tx, submission.app).await?;
        judge(&before, &submission)?;
        let mut version = new_version(context, &submission, by);
        version.number = replace_open(&mut tx, &before, &version).await?;
        let detail = format!(
            "An operator entered ranges for “{}” on your behalf; they wait for approval.",
            profile.name
        );
        told(context, &mut tx, &profile, detail).await?;
        let facts = version_facts(context, &version, &before);
        let event = Event::of(tx.grant(), context.now, &format!("app:{}", submission.app), &facts);
        tx.commit(event).await?;
        Ok(version.number)
    }
}

/// Withdraw a submission of ranges.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WithdrawRanges {
    /// The app.
    pub app: AppId,
    /// The version's number.
    pub number: u64,
}

#[async_trait]
impl Action for WithdrawRanges {
    type Reply = ();

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let Self { app, number } = self;
        Ok(PendingAction {
            action: ActionKind::WithdrawRanges,
            facts: vec![("app", app.to_string()), ("version", number.to_string())],
            words: vec![format!("Withdraw version {number} of the ranges of app {app}")],
        })
    }

    /// # Errors
    /// [`ActionError::NoApp`], [`ActionError::NoVersion`], [`ActionError::Unchanged`] when it does not wait any more.
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { app, number } = self;
        let grant = context.actor.may(ActionKind::WithdrawRanges, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        own(&mut tx, app).await?;
        let version = tx.range_version(app, number).await?.ok_or(ActionError::NoVersion)?;
        if !is_open(&version) {
            return Err(ActionError::Unchanged);
        }
        let standing = VersionStanding::Withdrawn;
        tx.put_range_version(&RangeVersion { standing, version: version.version + 1, ..version }).await?;
        let facts = [("version", number.to_string()), ("standing", standing.word().to_owned())];
        let event = Event::of(tx.grant(), context.now, &format!("app:{app}"), &facts);
        tx.commit(event).await?;
        Ok(())
    }
}

fn new_version(context: &ActionContext<'_>, submission: &RangeSubmission, by: AccountId) -> RangeVersion {
    RangeVersion {
        app: submission.app,
        number: 0,
        standing: VersionStanding::Submitted,
        ranges: submission.ranges.clone(),
        note: submission.note.trim().to_owned(),
        submitted_by: by,
        submitted_at: context.now,
        decided: None,
        reason: String::new(),
        overlap_ms: submission.overlap_ms,
        active_at: None,
        ends_at: None,
        proven: Vec::new(),
        version: 1,
    }
}

/// Whether a version waits for somebody: operators, or the broker's proof.
pub(super) fn is_open(version: &RangeVersion) -> bool {
    matches!(version.standing, VersionStanding::Submitted | VersionStanding::Approved)
}

/// Keeps a new version; an open one before it gives way, so that at most one waits for review.
async fn replace_open(
    tx: &mut Tx,
    before: &[RangeVersion],
    version: &RangeVersion,
) -> Result<u64, ActionError> {
    for open in before.iter().filter(|one| is_open(one)) {
        let (standing, version) = (VersionStanding::Withdrawn, open.version + 1);
        tx.put_range_version(&RangeVersion { standing, version, ..open.clone() }).await?;
    }
    Ok(tx.put_range_version(version).await?)
}

/// What the audit log keeps of a version: counts and a print, no range.
pub(super) fn version_facts(
    context: &ActionContext<'_>,
    version: &RangeVersion,
    before: &[RangeVersion],
) -> [(&'static str, String); 4] {
    let change = Difference::between(active(before).map(|now| &now.ranges), &version.ranges);
    [
        ("version", version.number.to_string()),
        ("size", size_in_words(Size::of(version.ranges.networks()))),
        ("change", change_in_words(&change)),
        ("print", print_of(context, &version.ranges)),
    ]
}
