//! Question: what does a review find of an account's keys?
//!
//! The store is asked a fixed number of times, however many keys there are.

use std::collections::BTreeMap;
use std::net::IpAddr;

use keyward_rules::address::Binding;
use keyward_rules::alert::AlertKind;
use keyward_rules::fence::Fences;
use keyward_rules::grant::Scope;
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::key::{Hold, HolderState};
use keyward_rules::limits::{DAY_MS, REVIEW_SOURCES, REVIEWS_KEPT};
use keyward_rules::review::{
    Finding, KeyEvidence, KnownUse, Powers, Question, Remedy, Score, SeenSources, due_at, findings, offers,
    questions,
};
use keyward_rules::signal::Baseline;
use keyward_rules::time::Moment;
use keyward_store::{KeyMetadata, KeyRecord, ReviewRecord};

use super::show_key::KeyView;
use crate::keys::place_among;
use crate::tell::shows_addresses;
use crate::{ActionContext, ActionError};

/// For so long an alert about two networks is held against a key.
const ALERTS_MS: u64 = 30 * DAY_MS;

/// A key as a review shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReviewedKey {
    /// The key.
    pub key: KeyView,
    /// The questions, with what is known.
    pub questions: Vec<Question>,
    /// What was found, the most serious first.
    pub findings: Vec<Finding>,
    /// What can be done with the one confirmation, beginning with keeping it.
    pub offers: Vec<Remedy>,
}

/// A review as it stands now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReviewView {
    /// The living keys, those with the most serious findings first.
    pub keys: Vec<ReviewedKey>,
    /// Keys whose stored record was altered. They are unusable, and cannot be reviewed.
    pub altered: usize,
    /// The score of what was found.
    pub score: Score,
    /// When the review is due; `None` without a key.
    pub due: Option<Moment>,
    /// Finished reviews, newest first.
    pub past: Vec<ReviewRecord>,
}

/// What is known of the use of an account's keys.
pub(crate) struct KnownUses {
    baselines: BTreeMap<KeyId, Baseline>,
    sources: BTreeMap<KeyId, Vec<(IpAddr, Moment)>>,
    two_networks: BTreeMap<KeyId, Moment>,
}

impl KnownUses {
    /// What is known of one key.
    pub(crate) fn of(&self, key: &KeyRecord) -> KnownUse {
        let baseline = self.baselines.get(&key.id);
        // What was learned is kept some minutes late, so a key that was never used has none; a key that was used, and has none,
        // was last used before anything was learned.
        let permissions = match (baseline, key.last_used_at) {
            (Some(baseline), _) => Some(baseline.permissions_used()),
            (None, None) => Some(Vec::new()),
            (None, Some(_)) => None,
        };
        let remembered = baseline.and_then(Baseline::remembered_since).unwrap_or(key.created_at);
        let sources = if shows_addresses(&key.binding) {
            match self.sources.get(&key.id) {
                Some(seen) if seen.len() > REVIEW_SOURCES => SeenSources::Many,
                Some(seen) => SeenSources::All(seen.clone()),
                None => SeenSources::All(Vec::new()),
            }
        } else {
            SeenSources::Hidden
        };
        KnownUse {
            since: key.created_at.max(remembered),
            permissions,
            sources,
            two_networks_at: self.two_networks.get(&key.id).copied(),
        }
    }
}

/// Reads what is known of the use of these keys of an account within the actor's scope.
pub(crate) async fn known_uses(
    context: &ActionContext<'_>,
    account: AccountId,
    keys: &[KeyRecord],
) -> Result<KnownUses, ActionError> {
    let (access, scope) = (&context.authority.access, context.actor.scope());
    // An app's addresses are not even read.
    let own = keys.iter().filter(|key| !matches!(key.binding, Binding::App(_)));
    let ids: Vec<KeyId> = own.map(|key| key.id).collect();
    let since = Moment::from_unix_ms(context.now.unix_ms().saturating_sub(ALERTS_MS));
    // A sub-account's alerts stand with its master.
    let owner = keys.first().and_then(|key| key.master).unwrap_or(account);
    Ok(KnownUses {
        baselines: access.reader.baselines_of(scope, account).await?,
        sources: access.activity.sources_of_keys(&ids, REVIEW_SOURCES + 1).await?,
        two_networks: access.reader.last_alerts(scope, owner, AlertKind::TwoNetworks, since).await?,
    })
}

/// What gateways let a key do now.
fn powers(key: &KeyRecord) -> Powers {
    match key.life.state {
        HolderState::Active if key.life.holds.stops() => Powers::Nothing,
        HolderState::Active if key.life.holds.has(Hold::ReadOnly) => Powers::Reads,
        HolderState::Active if key.life.holds.has(Hold::CancelOnly) => Powers::Cancels,
        HolderState::Active => Powers::All,
        HolderState::Disabled | HolderState::Deleted { .. } | HolderState::Expired { .. } => Powers::Nothing,
    }
}

/// A key with what is known of it.
pub(crate) fn evidence_of<'k>(
    key: &'k KeyRecord,
    notes: Option<&KeyMetadata>,
    known: &'k KnownUse,
) -> KeyEvidence<'k> {
    KeyEvidence {
        permissions: key.permissions,
        binding: &key.binding,
        environment: key.environment,
        powers: powers(key),
        leaked: notes.is_some_and(KeyMetadata::is_leaked),
        created_at: key.created_at,
        last_used_at: key.last_used_at,
        expires_at: key.expires_at,
        limits: key.fences.as_deref().filter(|limits: &&Fences| !limits.is_empty()),
        known,
    }
}

/// The review of an account within the actor's scope, as it stands now.
///
/// # Errors
/// [`ActionError::NoAccount`] beyond the scope; [`ActionError::Store`].
#[crate::boxed]
pub async fn review(context: &ActionContext<'_>, account: AccountId) -> Result<ReviewView, ActionError> {
    let (reader, scope) = (&context.authority.access.reader, context.actor.scope());
    let past = past_reviews(context, account).await?;
    let rows = reader.keys_of(scope, account).await?;
    let altered = rows.iter().filter(|row| row.is_err()).count();
    let all: Vec<KeyRecord> = rows.into_iter().flatten().collect();
    let notes = reader.notes_of(account).await?;
    let all: Vec<KeyRecord> = all.into_iter().filter(|key| key.lives(context.now)).collect();
    let known = known_uses(context, account, &all).await?;
    let living = all.iter();
    let mut keys: Vec<ReviewedKey> = living
        .map(|key| {
            let notes = notes.iter().find(|notes| notes.key == key.id);
            let view = KeyView::of(key, notes, place_among(notes, &all, context.now), context.now);
            reviewed(view, &evidence_of(key, notes, &known.of(key)), context.now)
        })
        .collect();
    // The first finding of a key is its most serious one.
    keys.sort_by_key(|one| one.findings.first().map_or((1, None), |finding| (0, Some(finding.kind))));
    let found = keys.iter().flat_map(|one| one.findings.iter().map(|finding| finding.kind));
    let oldest = keys.iter().map(|one| one.key.created_at).min();
    let due = due_at(oldest, past.first().map(|review| review.at));
    Ok(ReviewView { score: Score::of(found), altered, due, past, keys })
}

fn reviewed(key: KeyView, evidence: &KeyEvidence<'_>, now: Moment) -> ReviewedKey {
    ReviewedKey {
        questions: questions(evidence, now),
        findings: findings(evidence, now),
        offers: offers(evidence, now),
        key,
    }
}

/// The finished reviews of an account within the actor's scope, newest first.
///
/// # Errors
/// [`ActionError::NoAccount`] beyond the scope; [`ActionError::Store`].
#[crate::boxed]
pub async fn past_reviews(
    context: &ActionContext<'_>,
    account: AccountId,
) -> Result<Vec<ReviewRecord>, ActionError> {
    let scope: Scope = context.actor.scope();
    if !scope.reaches(account) {
        return Err(ActionError::NoAccount);
    }
    Ok(context.authority.access.reader.reviews_of(scope, account, REVIEWS_KEPT).await?)
}
