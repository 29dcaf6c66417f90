//! Actions: submit an app's ranges, narrow them at once, enter them for a broker, take a submission back.

use keyward_rules::address::AddressSet;
use keyward_rules::app::{Difference, Size, VersionStanding};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AppId;
use keyward_rules::limits::{DAY_MS, NOTE_CHARS, RANGE_OVERLAP_DAYS, RANGE_VERSIONS};
use keyward_store::{RangeVersion, Tx};

use super::activate::{activate, refuse_third};
use super::decision::told;
use super::{active, change_in_words, own, print_of, refuse_frozen_owner, size_in_words, versions};
use crate::operators::acting;
use crate::{ActionContext, ActionError, PendingAction};

/// What a broker wants the ranges to be.
#[derive(Clone)]
pub struct RangeWish {
    /// Of which app.
    pub app: AppId,
    /// The ranges.
    pub ranges: AddressSet,
    /// A word to the reviewers.
    pub note: String,
    /// How long the ranges before stay in force beside them, in milliseconds.
    pub overlap_ms: u64,
}

/// What becomes of a wish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RangesGo {
    /// It only takes away, so it is in force at once and takes one factor.
    Narrow,
    /// It adds something: a step-up, and operators' approval.
    Widen,
}

impl RangesGo {
    fn of(active: Option<&RangeVersion>, wish: &RangeWish) -> Self {
        let narrows =
            active.is_some_and(|now| Difference::between(Some(&now.ranges), &wish.ranges).narrows());
        if narrows && wish.overlap_ms == 0 { Self::Narrow } else { Self::Widen }
    }
}

fn judge(versions: &[RangeVersion], wish: &RangeWish) -> Result<(), ActionError> {
    let plain = |symbol: char| !symbol.is_control() || symbol == '\n';
    if wish.note.chars().count() > NOTE_CHARS || !wish.note.chars().all(plain) {
        return Err(ActionError::OtherWay("a note to the reviewers has at most 1000 visible characters"));
    }
    if wish.overlap_ms > RANGE_OVERLAP_DAYS * DAY_MS {
        return Err(ActionError::OtherWay("both sets are in force for at most 30 days"));
    }
    if active(versions).is_some_and(|now| now.ranges == wish.ranges) {
        return Err(ActionError::Unchanged);
    }
    if wish.overlap_ms > 0 {
        refuse_third(versions)?;
    }
    Ok(())
}

/// Holds a wish against every rule; gives what would become of it, and what it changes.
///
/// # Errors
/// [`ActionError::NoApp`], [`ActionError::Unchanged`], [`ActionError::OtherWay`].
#[crate::boxed]
pub async fn check_ranges(
    context: &ActionContext<'_>,
    wish: &RangeWish,
) -> Result<(RangesGo, Difference), ActionError> {
    let reader = &context.authority.access.reader;
    let profile = reader.app_profile(wish.app).await?.filter(|one| context.actor.scope().reaches(one.owner));
    profile.ok_or(ActionError::NoApp)?;
    let versions = reader.range_versions(wish.app, RANGE_VERSIONS).await?;
    judge(&versions, wish)?;
    let now = active(&versions);
    Ok((RangesGo::of(now, wish), Difference::between(now.map(|now| &now.ranges), &wish.ranges)))
}

/// What a submission is approved as: the ranges are in the hash, and the words count them.
///
/// # Errors
/// As [`check_ranges`].
#[crate::boxed]
pub async fn plan_ranges(
    context: &ActionContext<'_>,
    wish: &RangeWish,
) -> Result<PendingAction, ActionError> {
    let (go, change) = check_ranges(context, wish).await?;
    let profile = context.authority.access.reader.app_profile(wish.app).await?.ok_or(ActionError::NoApp)?;
    let action = match go {
        RangesGo::Narrow => ActionKind::NarrowRanges,
        RangesGo::Widen => ActionKind::SubmitRanges,
    };
    let mut words = vec![
        match go {
            RangesGo::Narrow => format!("Narrow the ranges of “{}” at once", profile.name),
            RangesGo::Widen => format!("Submit ranges of “{}” for approval", profile.name),
        },
        format!("Together {}", size_in_words(Size::of(wish.ranges.networks()))),
        change_in_words(&change),
    ];
    if wish.overlap_ms > 0 {
        words.push(format!(
            "The ranges before stay in force beside them for {} hours",
            wish.overlap_ms / 3_600_000
        ));
    }
    Ok(PendingAction {
        action,
        facts: vec![
            ("app", wish.app.to_string()),
            ("ranges", wish.ranges.to_string()),
            ("note", wish.note.clone()),
            ("overlap_ms", wish.overlap_ms.to_string()),
        ],
        words,
    })
}

/// What entering ranges for a broker is confirmed as.
///
/// # Errors
/// As [`check_ranges`].
#[crate::boxed]
pub async fn plan_enter(context: &ActionContext<'_>, wish: &RangeWish) -> Result<PendingAction, ActionError> {
    let pending = plan_ranges(context, wish).await?;
    let mut words = pending.words;
    if let Some(lead) = words.first_mut() {
        *lead = format!("Submit ranges of app {} on its broker's behalf", wish.app);
    }
    Ok(PendingAction { action: ActionKind::EnterRanges, facts: pending.facts, words })
}

/// Submits ranges, or puts them in force at once when they only take away; gives the version's number and which it was.
///
/// # Errors
/// As [`check_ranges`], and [`ActionError::NotAllowed`] when the proof is not the one for what it would do.
#[crate::boxed]
pub async fn submit_ranges(
    context: &ActionContext<'_>,
    proof: Proof,
    wish: RangeWish,
) -> Result<(u64, RangesGo), ActionError> {
    let expected = check_ranges(context, &wish).await?.0;
    let action = match expected {
        RangesGo::Narrow => ActionKind::NarrowRanges,
        RangesGo::Widen => ActionKind::SubmitRanges,
    };
    let grant = context.actor.may(action, proof)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let by = context.actor.person().ok_or(ActionError::NoAccount)?.account;
    let profile = own(&mut tx, wish.app).await?;
    let before = versions(&mut tx, wish.app).await?;
    judge(&before, &wish)?;
    if expected == RangesGo::Widen {
        refuse_frozen_owner(&mut tx, &profile).await?;
    }
    // What was asked for must still be what it was: somebody may have changed the ranges since.
    if RangesGo::of(active(&before), &wish) != expected {
        return Err(ActionError::Unchanged);
    }
    let mut version = new_version(context, &wish, by);
    // A submission stays when ranges are only taken away: its words change, so that approvals of before do not count for
    // it. One that is approved and waits for its proof would bring back what is taken away.
    let gives_way =
        |one: &RangeVersion| expected == RangesGo::Widen || one.standing == VersionStanding::Approved;
    let replaced: Vec<RangeVersion> = before.iter().filter(|one| gives_way(one)).cloned().collect();
    let number = replace_open(&mut tx, &replaced, &version).await?;
    version.number = number;
    if expected == RangesGo::Narrow {
        activate(context, &mut tx, &profile, version.clone()).await?;
    }
    let event = Event::of(
        tx.grant(),
        context.now,
        &format!("app:{}", wish.app),
        &version_facts(context, &version, &before),
    );
    tx.commit(event).await?;
    Ok((number, expected))
}

/// Submits ranges on the broker's behalf, by an operator. Approving them is another step.
///
/// # Errors
/// As [`check_ranges`].
#[crate::boxed]
pub async fn enter_ranges(
    context: &ActionContext<'_>,
    proof: Proof,
    wish: RangeWish,
) -> Result<u64, ActionError> {
    check_ranges(context, &wish).await?;
    let grant = context.actor.may(ActionKind::EnterRanges, proof)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let by = acting(context, &mut tx).await?;
    let profile = own(&mut tx, wish.app).await?;
    let before = versions(&mut tx, wish.app).await?;
    judge(&before, &wish)?;
    let mut version = new_version(context, &wish, by);
    version.number = replace_open(&mut tx, &before, &version).await?;
    told(
        context,
        &mut tx,
        &profile,
        format!("An operator entered ranges for “{}” on your behalf; they wait for approval.", profile.name),
    )
    .await?;
    let event = Event::of(
        tx.grant(),
        context.now,
        &format!("app:{}", wish.app),
        &version_facts(context, &version, &before),
    );
    tx.commit(event).await?;
    Ok(version.number)
}

/// Takes a submission back.
///
/// # Errors
/// [`ActionError::NoApp`], [`ActionError::NoVersion`], [`ActionError::Unchanged`] when it does not wait any more.
#[crate::boxed]
pub async fn withdraw_ranges(
    context: &ActionContext<'_>,
    app: AppId,
    number: u64,
) -> Result<(), ActionError> {
    let grant = context.actor.may(ActionKind::WithdrawRanges, Proof::None)?;
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

fn new_version(
    context: &ActionContext<'_>,
    wish: &RangeWish,
    by: keyward_rules::id::AccountId,
) -> RangeVersion {
    RangeVersion {
        app: wish.app,
        number: 0,
        standing: VersionStanding::Submitted,
        ranges: wish.ranges.clone(),
        note: wish.note.trim().to_owned(),
        submitted_by: by,
        submitted_at: context.now,
        decided: None,
        reason: String::new(),
        overlap_ms: wish.overlap_ms,
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
