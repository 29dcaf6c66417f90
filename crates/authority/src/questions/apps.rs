//! Questions about third-party apps: by the broker who owns one, by the operator who reviews it, by the holder who binds
//! keys to it. Ranges leave here for the broker only.

use std::collections::BTreeMap;

use keyward_rules::app::{AppStanding, Size, VersionStanding};
use keyward_rules::id::{AccountId, AppId, KeyId};
use keyward_rules::limits::{PAGE_MAX, RANGE_VERSIONS};
use keyward_rules::permission::Permissions;
use keyward_rules::time::Moment;
use keyward_store::{AppKeyCounts, AppProfile, AppRecord, AppState, RangeVersion};

use super::charts::{Range, key_chart};
use crate::apps::{is_open, preview, proof_token, size_in_words};
use crate::operators::name_of;
use crate::{ActionContext, ActionError};

/// Apps that a holder chooses from at most; a search finds the others.
const OFFERED: usize = 1_000;

/// An app as every holder sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppCard {
    /// Its id.
    pub id: AppId,
    /// Its name.
    pub name: String,
    /// Its home page.
    pub home_page: String,
    /// The permissions that it needs.
    pub permissions: Permissions,
    /// Whether there is a logo.
    pub has_logo: bool,
    /// `open`, `frozen` or `closed`.
    pub state: &'static str,
    /// By when its older keys must be replaced.
    pub successors_due: Option<Moment>,
}

impl AppCard {
    fn of(profile: &AppProfile, app: Option<&AppRecord>) -> Self {
        let frozen = profile.frozen.is_some() || app.is_some_and(|app| app.state == AppState::Frozen);
        let state = match (frozen, is_open(profile, app)) {
            (true, _) => "frozen",
            (false, true) => "open",
            (false, false) => "closed",
        };
        // What its broker changed since is nobody's to see before operators have looked at it.
        let verified = profile.standing == AppStanding::Verified;
        let name = app.filter(|_| !verified).map_or_else(|| profile.name.to_string(), |app| app.name.clone());
        Self {
            id: profile.id,
            name,
            home_page: if verified { profile.home_page.clone() } else { String::new() },
            permissions: profile.permissions,
            has_logo: verified && profile.logo.is_some(),
            state,
            successors_due: profile.demand.map(|demand| demand.due),
        }
    }

    /// The card of an app that nobody registered here: keys of older releases are bound to such.
    fn of_record(app: &AppRecord, permissions: Permissions) -> Self {
        Self {
            id: app.id,
            name: app.name.clone(),
            home_page: String::new(),
            permissions,
            has_logo: false,
            state: if app.state == AppState::Frozen { "frozen" } else { "closed" },
            successors_due: None,
        }
    }
}

/// A version as lists show it; the ranges only where the owner asks.
#[derive(Clone, PartialEq, Eq)]
pub struct VersionView {
    /// Its number.
    pub number: u64,
    /// How it stands.
    pub standing: VersionStanding,
    /// How much it covers, in words.
    pub size: String,
    /// What the broker says of it.
    pub note: String,
    /// When it was submitted.
    pub submitted_at: Moment,
    /// Whether an operator entered it.
    pub by_operator: bool,
    /// When it was decided.
    pub decided_at: Option<Moment>,
    /// Why it was rejected.
    pub reason: String,
    /// How long the one before goes on beside it.
    pub overlap_ms: u64,
    /// Since when it is in force, or was.
    pub active_at: Option<Moment>,
    /// When it stopped, or will.
    pub ends_at: Option<Moment>,
    /// The ranges, for their owner.
    pub ranges: Option<Vec<String>>,
    /// What the owner's servers fetch to prove an approved version, and from which ranges that is still to be done.
    pub proof: Option<(String, Vec<String>)>,
}

fn version_view(
    context: &ActionContext<'_>,
    version: &RangeVersion,
    profile: &AppProfile,
    owner: bool,
) -> VersionView {
    let networks = version.ranges.networks();
    VersionView {
        number: version.number,
        standing: version.standing,
        size: size_in_words(Size::of(networks)),
        note: version.note.clone(),
        submitted_at: version.submitted_at,
        by_operator: version.submitted_by != profile.owner,
        decided_at: version.decided.map(|(_, at)| at),
        reason: version.reason.clone(),
        overlap_ms: version.overlap_ms,
        active_at: version.active_at,
        ends_at: version.ends_at,
        ranges: owner.then(|| networks.iter().map(ToString::to_string).collect()),
        proof: (owner && version.standing == VersionStanding::Approved).then(|| {
            let (app, number) = (version.app, version.number);
            let path = format!("/prove/{app}/{number}/{}", proof_token(context, app, number));
            (path, version.unproven().iter().map(ToString::to_string).collect())
        }),
    }
}

/// An app as its broker sees it.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerApp {
    /// What is registered.
    pub profile: AppProfile,
    /// Whether holders can bind keys to it now.
    pub open: bool,
    /// Its keys, in numbers only.
    pub counts: AppKeyCounts,
    /// Its versions, newest first, with their ranges.
    pub versions: Vec<VersionView>,
}

/// The actor's own apps.
///
/// # Errors
/// [`ActionError::NoAccount`] unless a signed-in person asks.
#[crate::boxed]
pub async fn broker_apps(context: &ActionContext<'_>) -> Result<Vec<AppProfile>, ActionError> {
    let owner = context.actor.person().ok_or(ActionError::NoAccount)?.account;
    Ok(context.authority.access.reader.app_profiles_of(owner).await?.into_iter().flatten().collect())
}

/// One of the actor's own apps.
///
/// # Errors
/// [`ActionError::NoApp`], also when it is somebody else's.
#[crate::boxed]
pub async fn broker_app(context: &ActionContext<'_>, id: AppId) -> Result<BrokerApp, ActionError> {
    let me = context.actor.person().ok_or(ActionError::NoAccount)?.account;
    let seen = preview(context, id).await?;
    if seen.profile.owner != me {
        return Err(ActionError::NoApp);
    }
    let reader = &context.authority.access.reader;
    let versions = reader.range_versions(id, RANGE_VERSIONS).await?;
    let versions = versions.iter().map(|one| version_view(context, one, &seen.profile, true)).collect();
    let open = is_open(&seen.profile, reader.app(id).await?.as_ref());
    Ok(BrokerApp { open, counts: seen.counts, versions, profile: seen.profile })
}

/// An app as operators see it: no range.
#[derive(Clone, PartialEq, Eq)]
pub struct OverseenApp {
    /// What is registered.
    pub profile: AppProfile,
    /// Who owns it.
    pub owner: String,
    /// Whether holders can bind keys to it now.
    pub open: bool,
    /// Its keys, in numbers.
    pub counts: AppKeyCounts,
    /// Its versions, newest first.
    pub versions: Vec<VersionView>,
}

/// One app, for operators and auditors.
///
/// # Errors
/// [`ActionError::NoApp`].
#[crate::boxed]
pub async fn overseen_app(context: &ActionContext<'_>, id: AppId) -> Result<OverseenApp, ActionError> {
    let seen = preview(context, id).await?;
    let reader = &context.authority.access.reader;
    let versions = reader.range_versions(id, RANGE_VERSIONS).await?;
    let versions = versions.iter().map(|one| version_view(context, one, &seen.profile, false)).collect();
    let open = is_open(&seen.profile, reader.app(id).await?.as_ref());
    let owner = name_of(context, seen.profile.owner).await?;
    Ok(OverseenApp { owner, open, counts: seen.counts, versions, profile: seen.profile })
}

/// All apps after `after`, for operators and auditors.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn overseen_apps(
    context: &ActionContext<'_>,
    after: Option<AppId>,
) -> Result<Vec<AppProfile>, ActionError> {
    Ok(context.authority.access.reader.app_profiles(None, after, PAGE_MAX).await?)
}

/// What waits for operators.
#[derive(Clone, PartialEq, Eq)]
pub struct Queue {
    /// Apps to verify.
    pub apps: Vec<AppProfile>,
    /// Submissions of ranges, oldest first, with their apps.
    pub versions: Vec<(AppProfile, VersionView)>,
}

/// The operators' queue.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn review_queue(context: &ActionContext<'_>) -> Result<Queue, ActionError> {
    let reader = &context.authority.access.reader;
    let apps = reader.app_profiles(Some(AppStanding::Submitted), None, PAGE_MAX).await?;
    let submitted = reader.range_versions_that(VersionStanding::Submitted, PAGE_MAX).await?;
    // At most one version of an app waits for review, so these are the apps of all of them.
    let profiles = reader.app_profiles_with_submitted_ranges(PAGE_MAX).await?;
    let mut versions = Vec::new();
    for version in submitted {
        if let Some(profile) = profiles.iter().find(|profile| profile.id == version.app) {
            let view = version_view(context, &version, profile, false);
            versions.push((profile.clone(), view));
        }
    }
    Ok(Queue { apps, versions })
}

/// How many apps with a name that looks like this one's wait for review longer than it does. The first that is verified gets
/// the name.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn namesakes_before(
    context: &ActionContext<'_>,
    profile: &AppProfile,
) -> Result<usize, ActionError> {
    let waiting =
        context.authority.access.reader.app_profiles(Some(AppStanding::Submitted), None, OFFERED).await?;
    let (name, since) = (profile.name.folded(), profile.changed_at);
    let before =
        |one: &&AppProfile| one.id != profile.id && one.changed_at < since && one.name.folded() == name;
    Ok(waiting.iter().filter(before).count())
}

/// The apps that a holder can bind keys to, by name; those whose name or home page holds `needle`.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn open_apps(context: &ActionContext<'_>, needle: &str) -> Result<Vec<AppCard>, ActionError> {
    let reader = &context.authority.access.reader;
    let needle = needle.trim().to_lowercase();
    let profiles = reader.app_profiles(Some(AppStanding::Verified), None, OFFERED).await?;
    let mut cards = Vec::new();
    for profile in profiles {
        let fits = |text: &str| text.to_lowercase().contains(&needle);
        if !fits(profile.name.as_str()) && !fits(&profile.home_page) {
            continue;
        }
        let card = AppCard::of(&profile, reader.app(profile.id).await?.as_ref());
        if card.state == "open" {
            cards.push(card);
        }
    }
    cards.sort_by_key(|card| card.name.to_lowercase());
    Ok(cards)
}

/// The card of an app that a key of the actor is bound to, and how often the key was refused within a day because the
/// request did not come from the app's servers.
///
/// # Errors
/// [`ActionError::NoKey`].
#[crate::boxed]
pub async fn app_of_key(
    context: &ActionContext<'_>,
    key: KeyId,
) -> Result<Option<(AppCard, u64)>, ActionError> {
    let reader = &context.authority.access.reader;
    let record = reader.key(context.actor.scope(), key).await?.ok_or(ActionError::NoKey)?;
    let keyward_rules::address::Binding::App(id) = record.binding else { return Ok(None) };
    let app = reader.app(id).await?;
    let card = match (reader.app_profile(id).await?, &app) {
        (Some(profile), _) => {
            // A demand is for the keys that were there when it was made.
            let meant = profile.demand.filter(|demand| record.created_at < demand.made_at);
            let card = AppCard::of(&profile, app.as_ref());
            AppCard { successors_due: meant.map(|demand| demand.due), ..card }
        }
        (None, Some(app)) => AppCard::of_record(app, record.permissions),
        (None, None) => return Ok(None),
    };
    let verdicts = key_chart(context, key, Range::Day).await?.verdicts;
    let refused = verdicts.iter().find(|(code, _)| code == "50110").map_or(0, |(_, count)| *count);
    Ok(Some((card, refused)))
}

/// The names of the apps that keys of an account are bound to, as operators verified them; read with one question.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn app_names(
    context: &ActionContext<'_>,
    account: AccountId,
) -> Result<BTreeMap<AppId, String>, ActionError> {
    let apps = context.authority.access.reader.apps_of(context.actor.scope(), account).await?;
    Ok(apps.into_iter().map(|app| (app.id, app.name)).collect())
}

/// Whether the account has registered an app.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn is_broker(context: &ActionContext<'_>, account: AccountId) -> Result<bool, ActionError> {
    Ok(context.authority.access.reader.is_broker(account).await?)
}

/// The card of an app that a key may be bound to, for who names it.
///
/// # Errors
/// [`ActionError::NoApp`], also while nobody may see it.
#[crate::boxed]
pub async fn app_card(context: &ActionContext<'_>, id: AppId) -> Result<AppCard, ActionError> {
    let reader = &context.authority.access.reader;
    let profile = reader.app_profile(id).await?.filter(|one| one.standing == AppStanding::Verified);
    let profile = profile.ok_or(ActionError::NoApp)?;
    Ok(AppCard::of(&profile, reader.app(id).await?.as_ref()))
}

/// Refuses an app that no key can be bound to now.
pub(crate) async fn refuse_closed(context: &ActionContext<'_>, id: AppId) -> Result<(), ActionError> {
    if app_card(context, id).await?.state == "open" { Ok(()) } else { Err(ActionError::AppClosed) }
}

/// An app's logo, for who may see the app: everybody once it is verified, its broker and operators before.
///
/// # Errors
/// [`ActionError::NoApp`].
#[crate::boxed]
pub async fn app_logo(context: &ActionContext<'_>, id: AppId) -> Result<Vec<u8>, ActionError> {
    let profile = context.authority.access.reader.app_profile(id).await?.ok_or(ActionError::NoApp)?;
    let seen = profile.standing == AppStanding::Verified || context.actor.scope().reaches(profile.owner);
    profile.logo.filter(|_| seen).ok_or(ActionError::NoApp)
}
