//! What the operations on third-party apps take and give.

use keyward_authority::AppKeyCounts;
use keyward_authority::AppProfile;
use keyward_authority::apps::Reviewed;
use keyward_authority::questions::{AppCard, VersionView};
use keyward_rules::address::Network;
use keyward_rules::app::{Difference, Entry, FrozenBy};
use keyward_rules::permission::Permission;
use keyward_rules::time::Moment;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{PasskeyAnswer, StepUp};

const HOUR_MS: u64 = 3_600_000;

/// An app as its broker and operators see it; times are Unix milliseconds.
#[derive(Serialize, ToSchema)]
pub struct App {
    /// Its id.
    pub id: String,
    /// Its name; no other app's name looks like it.
    pub name: String,
    /// Where people read about it.
    pub home_page: String,
    /// Operators write to this address.
    pub contact: String,
    /// The permissions that it needs.
    pub permissions: Vec<&'static str>,
    /// Whether there is a logo.
    pub has_logo: bool,
    /// `draft`, `submitted`, `verified` or `rejected`.
    pub standing: &'static str,
    /// Why it was rejected; empty otherwise.
    pub reason: String,
    /// `broker` or `operator`, while its keys are frozen.
    pub frozen_by: Option<&'static str>,
    /// By when keys that were made before the demand must have successors.
    pub successors_due_ms: Option<u64>,
    /// When it was registered.
    pub created_at_ms: u64,
    /// When it was changed last.
    pub changed_at_ms: u64,
    /// Counts its changes.
    pub version: u64,
}

impl From<&AppProfile> for App {
    fn from(profile: &AppProfile) -> Self {
        Self {
            id: profile.id.to_string(),
            name: profile.name.to_string(),
            home_page: profile.home_page.clone(),
            contact: profile.contact.clone(),
            permissions: profile.permissions.iter().map(Permission::word).collect(),
            has_logo: profile.logo.is_some(),
            standing: profile.standing.word(),
            reason: profile.reason.clone(),
            frozen_by: profile.frozen.map(FrozenBy::word),
            successors_due_ms: profile.demand.map(|demand| demand.due.unix_ms()),
            created_at_ms: profile.created_at.unix_ms(),
            changed_at_ms: profile.changed_at.unix_ms(),
            version: profile.version,
        }
    }
}

/// An app's keys, in numbers only.
#[derive(Serialize, ToSchema)]
pub struct AppKeys {
    /// Keys that have not ended.
    pub keys: u64,
    /// Accounts that they belong to.
    pub accounts: u64,
    /// Of the keys, those that are active.
    pub active: u64,
    /// Of the keys, those used within a day.
    pub used_last_day: u64,
    /// Of the keys, those that a demand means: made before the one that stands, or before now.
    pub older: u64,
}

impl From<AppKeyCounts> for AppKeys {
    fn from(counts: AppKeyCounts) -> Self {
        let AppKeyCounts { keys, accounts, active, used, older } = counts;
        Self { keys, accounts, active, used_last_day: used, older }
    }
}

/// One of the broker's own apps.
#[derive(Serialize, ToSchema)]
pub struct OwnApp {
    /// What is registered.
    pub app: App,
    /// Whether holders can bind keys to it now.
    pub open: bool,
    /// Its keys.
    pub keys: AppKeys,
}

/// A version of an app's ranges.
#[derive(Serialize, ToSchema)]
pub struct RangeVersion {
    /// Its number.
    pub number: u64,
    /// `submitted`, `approved`, `active`, `retiring`, `retired`, `rejected` or `withdrawn`.
    pub standing: &'static str,
    /// How much it covers, in words.
    pub size: String,
    /// What its broker says of it.
    pub note: String,
    /// When it was submitted.
    pub submitted_at_ms: u64,
    /// Whether an operator entered it.
    pub by_operator: bool,
    /// When it was decided.
    pub decided_at_ms: Option<u64>,
    /// Why it was rejected; empty otherwise.
    pub reason: String,
    /// For how many hours the one before goes on beside it.
    pub overlap_hours: u64,
    /// Since when it is in force, or was.
    pub active_at_ms: Option<u64>,
    /// When it stopped, or will.
    pub ends_at_ms: Option<u64>,
    /// The ranges; only for their broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ranges: Option<Vec<String>>,
    /// Where a deployment asks for proof: the path to fetch at the console, once from a server in each range; only for
    /// their broker, while the version is `approved`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof_path: Option<String>,
    /// The ranges from which that is still to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unproven: Option<Vec<String>>,
}

impl From<VersionView> for RangeVersion {
    fn from(view: VersionView) -> Self {
        let ms = |at: Option<Moment>| at.map(Moment::unix_ms);
        let (proof_path, unproven) = view.proof.unzip();
        Self {
            number: view.number,
            standing: view.standing.word(),
            size: view.size,
            note: view.note,
            submitted_at_ms: view.submitted_at.unix_ms(),
            by_operator: view.by_operator,
            decided_at_ms: ms(view.decided_at),
            reason: view.reason,
            overlap_hours: view.overlap_ms / HOUR_MS,
            active_at_ms: ms(view.active_at),
            ends_at_ms: ms(view.ends_at),
            ranges: view.ranges,
            proof_path,
            unproven,
        }
    }
}

/// A page of versions, newest first.
#[derive(Serialize, ToSchema)]
pub struct RangeHistory {
    /// The versions.
    pub versions: Vec<RangeVersion>,
    /// The cursor of the next page, if there is one.
    pub next: Option<u64>,
}

/// Which versions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// Only those before this `next` cursor
    #[serde(default)]
    #[param(minimum = 0)]
    pub cursor: Option<u64>,
    /// At most so many, 1 to 100
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<usize>,
}

/// Which apps.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AppQuery {
    /// Begin after the one of this `next` cursor
    #[serde(default)]
    pub cursor: Option<String>,
    /// At most so many, 1 to 100
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<usize>,
}

/// An app to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApp {
    /// 2 to 40 characters; refused when another app's name looks like it.
    pub name: String,
    /// An address such as `https://app.example`.
    pub home_page: String,
    /// The e-mail address that operators write to.
    pub contact: String,
    /// `read`, `trade`, `withdraw`, `funding`: what its keys need; chosen beforehand where holders bind one.
    pub permissions: Vec<String>,
    /// A code of the authenticator, a recovery code, or the password. With neither this nor `passkey`, the answer is 403
    /// `factor_required`.
    #[serde(default)]
    pub factor: String,
    /// Instead of `factor`: a passkey's answer to the question of the 403 answer, for the same request.
    #[serde(default)]
    pub passkey: Option<PasskeyAnswer>,
}

/// What to change of an app; what is left out stays. A verified app is reviewed again, and takes no new keys until then.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditApp {
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its home page.
    #[serde(default)]
    pub home_page: Option<String>,
    /// Operators write to this address.
    #[serde(default)]
    pub contact: Option<String>,
    /// The permissions that it needs.
    #[serde(default)]
    pub permissions: Option<Vec<String>>,
    /// A code of the authenticator, a recovery code, or the password. With neither this nor `passkey`, the answer is 403
    /// `factor_required`.
    #[serde(default)]
    pub factor: String,
    /// Instead of `factor`: a passkey's answer to the question of the 403 answer, for the same request.
    #[serde(default)]
    pub passkey: Option<PasskeyAnswer>,
}

/// Ranges to look at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RangesToCheck {
    /// Addresses and blocks, separated by commas, blanks or lines; `#` begins a comment up to the line's end.
    pub ranges: String,
    /// For how many hours the ranges before would stay in force beside them, up to 720.
    #[serde(default)]
    #[schema(maximum = 720)]
    pub overlap_hours: u64,
}

/// Ranges to submit.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRanges {
    /// Addresses and blocks, separated by commas, blanks or lines; `#` begins a comment up to the line's end. All of them:
    /// what is not in it any more no longer counts.
    pub ranges: String,
    /// A word to the reviewers, up to 1000 characters.
    #[serde(default)]
    pub note: String,
    /// For how many hours the ranges before stay in force beside them, up to 720.
    #[serde(default)]
    #[schema(maximum = 720)]
    pub overlap_hours: u64,
    /// Where they only take away: a code of the authenticator, a recovery code, or the password. With neither this nor
    /// `passkey`, the answer is 403 `factor_required`.
    #[serde(default)]
    pub factor: String,
    /// Instead of `factor`: a passkey's answer to the question of the 403 answer, for the same request.
    #[serde(default)]
    pub passkey: Option<PasskeyAnswer>,
    /// Where they add something: the answer to the challenge.
    #[serde(default)]
    pub step_up: Option<StepUp>,
}

/// Ranges that an operator enters for a broker.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnteredRanges {
    /// Addresses and blocks, separated by commas, blanks or lines; `#` begins a comment up to the line's end.
    pub ranges: String,
    /// A word to the reviewers, up to 1000 characters; the broker sees it.
    #[serde(default)]
    pub note: String,
    /// For how many hours the ranges before stay in force beside them, up to 720.
    #[serde(default)]
    #[schema(maximum = 720)]
    pub overlap_hours: u64,
    /// A code of the authenticator, a recovery code, or the password. With neither this nor `passkey`, the answer is 403
    /// `factor_required`.
    #[serde(default)]
    pub factor: String,
    /// Instead of `factor`: a passkey's answer to the question of the 403 answer, for the same request.
    #[serde(default)]
    pub passkey: Option<PasskeyAnswer>,
}

/// One entry with its judgement.
#[derive(Serialize, ToSchema)]
pub struct JudgedEntry {
    /// In which line it stands, from 1.
    pub line: usize,
    /// What was typed.
    pub text: String,
    /// `taken` or `refused`.
    pub verdict: &'static str,
    /// Why it is refused.
    pub reason: Option<String>,
}

impl From<Entry> for JudgedEntry {
    fn from(entry: Entry) -> Self {
        let reason = entry.judged.err().map(|why| why.to_string());
        let verdict = if reason.is_none() { "taken" } else { "refused" };
        Self { line: entry.line, text: entry.text, verdict, reason }
    }
}

/// What changes against the ranges in force, in blocks.
#[derive(Serialize, ToSchema)]
pub struct RangeChange {
    /// What is new.
    pub added: Vec<String>,
    /// What goes.
    pub removed: Vec<String>,
}

impl From<Difference> for RangeChange {
    fn from(change: Difference) -> Self {
        let shown = |blocks: Vec<Network>| blocks.iter().map(ToString::to_string).collect();
        Self { added: shown(change.added), removed: shown(change.removed) }
    }
}

/// What would become of a text of ranges.
#[derive(Serialize, ToSchema)]
pub struct CheckedRanges {
    /// Every entry, in the order of the text.
    pub entries: Vec<JudgedEntry>,
    /// Why the text as a whole would be refused, if it would.
    pub refused: Option<String>,
    /// How much it covers, in words; only where every entry can be taken.
    pub size: Option<String>,
    /// `narrow`: in force at once, on one factor. `widen`: a step-up, and operators approve it.
    pub becomes: Option<&'static str>,
    /// What changes against the ranges in force.
    pub change: Option<RangeChange>,
}

/// What was submitted.
#[derive(Serialize, ToSchema)]
pub struct SubmittedRanges {
    /// The version's number.
    pub number: u64,
    /// `active` when it took effect at once, `submitted` when it waits for operators.
    pub standing: &'static str,
}

/// A page of apps, by id.
#[derive(Serialize, ToSchema)]
pub struct AppPage {
    /// The apps.
    pub apps: Vec<App>,
    /// The cursor of the next page, if there may be one.
    pub next: Option<String>,
}

/// An app as operators and auditors see it: no range.
#[derive(Serialize, ToSchema)]
#[schema(as = OverseenApp)]
pub struct OverseenApp {
    /// What is registered.
    pub app: App,
    /// Its broker's account.
    pub owner: String,
    /// How that account is called.
    pub owner_name: String,
    /// Whether holders can bind keys to it now.
    pub open: bool,
    /// Its keys.
    pub keys: AppKeys,
    /// Its versions, newest first, without their ranges.
    pub versions: Vec<RangeVersion>,
}

/// A submission of ranges that waits.
#[derive(Serialize, ToSchema)]
pub struct WaitingRanges {
    /// Of which app.
    pub app: App,
    /// The version, without its ranges.
    pub version: RangeVersion,
}

/// What waits for operators, up to 100 of each.
#[derive(Serialize, ToSchema)]
pub struct ReviewQueue {
    /// Apps to verify.
    pub apps: Vec<App>,
    /// Submissions of ranges, oldest first.
    pub ranges: Vec<WaitingRanges>,
}

/// How many blocks an app has in common with the ones that are read.
#[derive(Serialize, ToSchema)]
pub struct OverlapFound {
    /// The other app's name.
    pub app: String,
    /// How many blocks of the ones that are read.
    pub blocks: usize,
}

/// A block in a range that a provider hands to many customers.
#[derive(Serialize, ToSchema)]
pub struct SharedFound {
    /// The provider.
    pub provider: &'static str,
    /// The block.
    pub range: String,
}

/// What the machine noticed; a hint for who decides.
#[derive(Serialize, ToSchema)]
pub struct RangeFindings {
    /// How wide it is, in words, if it is very wide.
    pub wide: Option<String>,
    /// Other apps whose ranges in force share addresses with these.
    pub overlaps: Vec<OverlapFound>,
    /// Blocks that lie in what clouds hand to many customers.
    pub shared: Vec<SharedFound>,
    /// Other apps that gave such addresses up within 90 days.
    pub retired: Vec<String>,
}

/// A version as an operator reads it. That it was read is an audit record.
#[derive(Serialize, ToSchema)]
pub struct ReadRanges {
    /// Of which app.
    pub app: App,
    /// Its number.
    pub number: u64,
    /// How it stands.
    pub standing: &'static str,
    /// What its broker says of it.
    pub note: String,
    /// For how many hours the one before goes on beside it.
    pub overlap_hours: u64,
    /// The ranges.
    pub ranges: Vec<String>,
    /// What changes against the ranges in force.
    pub change: RangeChange,
    /// What the machine noticed.
    pub findings: RangeFindings,
    /// What a proposal to approve them names: equal prints are equal ranges.
    pub print: String,
}

impl From<Reviewed> for ReadRanges {
    fn from(read: Reviewed) -> Self {
        let Reviewed { profile, version, change, findings, print } = read;
        let shared = findings.shared.into_iter();
        let overlaps = findings.overlaps.into_iter();
        Self {
            app: App::from(&profile),
            number: version.number,
            standing: version.standing.word(),
            note: version.note,
            overlap_hours: version.overlap_ms / HOUR_MS,
            ranges: version.ranges.networks().iter().map(ToString::to_string).collect(),
            change: change.into(),
            findings: RangeFindings {
                wide: findings.wide,
                overlaps: overlaps.map(|(app, blocks)| OverlapFound { app, blocks }).collect(),
                shared: shared
                    .map(|(provider, range)| SharedFound { provider, range: range.to_string() })
                    .collect(),
                retired: findings.retired,
            },
            print,
        }
    }
}

/// A deadline for successors.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Demand {
    /// From when on the old keys are held: at least an hour and at most 30 days away.
    pub due_ms: u64,
    /// Why, for the broker and the audit log, up to 200 characters.
    pub why: String,
    /// A code of the authenticator, a recovery code, or the password. With neither this nor `passkey`, the answer is 403
    /// `factor_required`.
    #[serde(default)]
    pub factor: String,
    /// Instead of `factor`: a passkey's answer to the question of the 403 answer, for the same request.
    #[serde(default)]
    pub passkey: Option<PasskeyAnswer>,
}

/// Which apps to choose from.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ChoiceQuery {
    /// A part of the name or of the home page; every character counts as itself
    #[serde(default)]
    pub q: String,
    /// At most so many, 1 to 100
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<usize>,
}

/// An app that keys can be bound to.
#[derive(Serialize, ToSchema)]
pub struct AppChoice {
    /// Its id, which the creation of a key takes.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where people read about it.
    pub home_page: String,
    /// The permissions that it needs.
    pub permissions: Vec<&'static str>,
    /// Whether there is a logo.
    pub has_logo: bool,
}

impl From<AppCard> for AppChoice {
    fn from(card: AppCard) -> Self {
        Self {
            id: card.id.to_string(),
            name: card.name,
            home_page: card.home_page,
            permissions: card.permissions.iter().map(Permission::word).collect(),
            has_logo: card.has_logo,
        }
    }
}

/// Apps to choose from, by name.
#[derive(Serialize, ToSchema)]
pub struct AppChoices {
    /// The apps.
    pub apps: Vec<AppChoice>,
    /// Whether there are more: search for a part of the name.
    pub more: bool,
}
