//! A version takes effect: the gateways' row of the app changes, and none of its keys.

use keyward_rules::alert::AlertKind;
use keyward_rules::app::{AppStanding, Difference, FrozenBy, Size, VersionStanding};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::{AccountId, AppId};
use keyward_rules::limits::RANGE_VERSIONS;
use keyward_store::{AppProfile, AppRecord, AppState, RangeVersion, StoreError, Tx};
use tracing::error;

use super::decision::told;
use super::proof_of_control::ProofOfControl;
use super::{active, change_in_words, own, print_of, size_in_words, versions};
use crate::{ActionContext, ActionError};

/// Versions whose overlap ends in one run.
const BATCH: usize = 200;

/// What operators read before they approve a version: counts, and a print that stands for the ranges on its page.
pub(crate) async fn approval_words(
    context: &ActionContext<'_>,
    app: AppId,
    number: u64,
) -> Result<Vec<String>, ActionError> {
    let reader = &context.authority.access.reader;
    let profile = reader.app_profile(app).await?.ok_or(ActionError::NoApp)?;
    let version = reader.range_version(app, number).await?.ok_or(ActionError::NoVersion)?;
    if version.standing != VersionStanding::Submitted {
        return Err(ActionError::Unchanged);
    }
    let all = reader.range_versions(app, RANGE_VERSIONS).await?;
    let now = active(&all);
    let change = Difference::between(now.map(|now| &now.ranges), &version.ranges);
    let mut words = vec![
        format!("Approve version {number} of the ranges of “{}”", profile.name),
        format!("Together {}", size_in_words(Size::of(version.ranges.networks()))),
        match now {
            Some(now) => {
                format!("Against version {}, which is in force: {}", now.number, change_in_words(&change))
            }
            None => "The app has no ranges in force yet.".to_owned(),
        },
    ];
    if version.overlap_ms > 0 && now.is_some() {
        words.push(format!("Both are in force for {} hours.", version.overlap_ms / 3_600_000));
    }
    words.push(format!(
        "Read the ranges on the page of app {app}; their print is {}.",
        print_of(context, &version.ranges)
    ));
    Ok(words)
}

/// Approves a version and puts it in force, in a proposal's transaction; gives the facts for the audit record.
pub(crate) async fn approve_ranges(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    (app, number): (AppId, u64),
    by: AccountId,
) -> Result<Vec<(&'static str, String)>, ActionError> {
    let profile = own(tx, app).await?;
    let version = tx.range_version(app, number).await?.ok_or(ActionError::NoVersion)?;
    if version.standing != VersionStanding::Submitted {
        return Err(ActionError::Unchanged);
    }
    let facts = vec![("version", number.to_string()), ("print", print_of(context, &version.ranges))];
    let version = RangeVersion { decided: Some((by, context.now)), ..version };
    match context.authority.settings.proof_of_control {
        ProofOfControl::NotAsked => activate(context, tx, &profile, version).await?,
        ProofOfControl::Asked => {
            let (standing, row) = (VersionStanding::Approved, version.version + 1);
            tx.put_range_version(&RangeVersion { standing, version: row, ..version }).await?;
            let detail = format!(
                "Version {number} of the ranges of “{}” is approved. It is in force once each range was shown to be yours: the \
                 app's page says how.",
                profile.name
            );
            told(context, tx, &profile, detail).await?;
        }
    }
    Ok(facts)
}

/// At most two sets are in force together: that is what an app's record holds.
pub(super) fn refuse_third(versions: &[RangeVersion]) -> Result<(), ActionError> {
    if versions.iter().any(|version| version.standing == VersionStanding::Retiring) {
        return Err(ActionError::OtherWay(
            "an overlap is under way: wait for its end, or submit without another one, which ends it",
        ));
    }
    Ok(())
}

/// Puts a version in force in the place of the one that is, which goes on beside it for the overlap.
pub(super) async fn activate(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    profile: &AppProfile,
    version: RangeVersion,
) -> Result<(), ActionError> {
    let ends = context.now.plus_ms(version.overlap_ms);
    let all = versions(tx, profile.id).await?;
    if version.overlap_ms > 0 {
        refuse_third(&all)?;
    }
    for before in all.into_iter().filter(|one| one.standing.is_in_force()) {
        let retired = version.overlap_ms == 0;
        let standing = if retired { VersionStanding::Retired } else { VersionStanding::Retiring };
        let ended = RangeVersion { standing, ends_at: Some(ends), version: before.version + 1, ..before };
        tx.put_range_version(&ended).await?;
    }
    let standing = VersionStanding::Active;
    let active_at = Some(context.now);
    tx.put_range_version(&RangeVersion { standing, active_at, version: version.version + 1, ..version })
        .await?;
    put_in_force(tx, profile).await?;
    told(
        context,
        tx,
        profile,
        format!("Version {} of the ranges of “{}” is in force.", version.number, profile.name),
    )
    .await?;
    tx.put_app_news(profile.id, AlertKind::AppRangesChanged.word(), "").await?;
    Ok(())
}

/// Tells gateways of the app: all versions in force together, and whether it is frozen.
pub(super) async fn put_in_force(tx: &mut Tx, profile: &AppProfile) -> Result<(), ActionError> {
    let all = versions(tx, profile.id).await?;
    let mut ranges = None;
    for version in all.iter().filter(|one| one.standing.is_in_force()) {
        ranges = Some(match ranges {
            None => version.ranges.clone(),
            Some(others) => version.ranges.joined_with(&others),
        });
    }
    let before = tx.app(profile.id).await?;
    let ranges = match (ranges, &before) {
        (Some(ranges), _) => ranges,
        // Written before there were versions.
        (None, Some(app)) if all.is_empty() => app.ranges.clone(),
        (None, None) => return Ok(()),
        // Never what was in force once: that some version is means that none may be missing.
        (None, Some(_)) => return Err(StoreError::tampered_ranges(profile.id).into()),
    };
    // A name that nobody verified yet does not reach the holders: the one before stays until somebody has.
    let verified = before.as_ref().filter(|_| profile.standing != AppStanding::Verified);
    let record = AppRecord {
        id: profile.id,
        name: verified.map_or_else(|| profile.name.to_string(), |app| app.name.clone()),
        state: state_of(profile.frozen),
        ranges,
        version: before.map_or(1, |app| app.version + 1),
    };
    Ok(tx.put_app(&record).await?)
}

pub(super) const fn state_of(frozen: Option<FrozenBy>) -> AppState {
    match frozen {
        Some(_) => AppState::Frozen,
        None => AppState::Active,
    }
}

/// Whether holders may bind new keys to the app: verified, not frozen, with ranges in force.
pub(crate) fn is_open(profile: &AppProfile, app: Option<&AppRecord>) -> bool {
    profile.standing == AppStanding::Verified
        && profile.frozen.is_none()
        && app.is_some_and(|app| app.state == AppState::Active)
}

/// Duty: ends the overlaps whose time is over, each app by itself; gives how many. An app whose rows were altered is
/// stopped: what may not be in force any more must not stay so. Any other trouble passes, and the next run tries again.
///
/// # Errors
/// [`ActionError::Store`] when it cannot be seen which overlaps are over.
#[crate::boxed]
pub async fn retire_ranges(context: &ActionContext<'_>) -> Result<usize, ActionError> {
    let mut retired = 0;
    for app in context.authority.access.reader.apps_with_ranges_ending(context.now, BATCH).await? {
        match retire(context, app).await {
            Ok(count) => retired += count,
            Err(ActionError::Store(problem @ StoreError::Tampered { .. })) => {
                error!(%app, %problem, "an app's overlap cannot be ended: its keys are stopped");
                stop(context, app).await?;
            }
            Err(problem) => {
                error!(%app, problem = problem.for_the_log(), "an app's overlap could not be ended yet");
            }
        }
    }
    Ok(retired)
}

async fn retire(context: &ActionContext<'_>, app: AppId) -> Result<usize, ActionError> {
    let grant = context.actor.may(ActionKind::RetireRanges, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let profile = tx.any_app_profile(app).await?.ok_or(ActionError::NoApp)?;
    let ended = |one: &RangeVersion| {
        one.standing == VersionStanding::Retiring && one.ends_at.is_some_and(|end| end <= context.now)
    };
    let over: Vec<RangeVersion> = versions(&mut tx, app).await?.into_iter().filter(ended).collect();
    let mut numbers = Vec::new();
    for version in over {
        numbers.push(version.number.to_string());
        let (standing, row) = (VersionStanding::Retired, version.version + 1);
        tx.put_range_version(&RangeVersion { standing, version: row, ..version }).await?;
    }
    if numbers.is_empty() {
        return Ok(0);
    }
    put_in_force(&mut tx, &profile).await?;
    let event = Event::of(tx.grant(), context.now, &format!("app:{app}"), &[("retired", numbers.join(","))]);
    tx.commit(event).await?;
    Ok(numbers.len())
}

/// Stops an app at the gateways without a word in its profile; the next action that can be done puts it right.
async fn stop(context: &ActionContext<'_>, app: AppId) -> Result<(), ActionError> {
    let grant = context.actor.may(ActionKind::RetireRanges, Proof::None)?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    // A row that does not verify admits nothing at the gateways.
    let Ok(Some(record)) = tx.app(app).await else { return Ok(()) };
    if record.state == AppState::Frozen {
        return Ok(());
    }
    tx.put_app(&AppRecord { state: AppState::Frozen, version: record.version + 1, ..record }).await?;
    let event =
        Event::of(tx.grant(), context.now, &format!("app:{app}"), &[("stopped", "unreadable".to_owned())]);
    tx.commit(event).await?;
    Ok(())
}
