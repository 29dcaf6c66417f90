//! What the operations for operators and auditors take and give.

use keyward_authority::operators::{OverseenAccount, PolicySource, ProposalView};
use keyward_authority::questions::KeyView;
use keyward_authority::{ActionContext, ActionError};
use keyward_rules::policy::Setting;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{PasskeyAnswer, StepUp};
use super::views::Key;

/// What is searched for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Search {
    /// A part of a name, an address or an id; every character counts as itself
    #[serde(default)]
    pub q: String,
    /// Begin after the one of this `next` cursor
    #[serde(default)]
    pub cursor: Option<String>,
    /// At most so many, 1 to 100
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<usize>,
}

/// Which audit records.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Stands in any member; every character counts as itself
    #[serde(default)]
    pub q: String,
    /// Only this action's word
    #[serde(default)]
    pub action: String,
    /// Only what concerns this account
    #[serde(default)]
    pub account: Option<String>,
    /// Not before
    #[serde(default)]
    #[param(minimum = 0)]
    pub from_ms: Option<u64>,
    /// Before
    #[serde(default)]
    #[param(minimum = 0)]
    pub until_ms: Option<u64>,
    /// Only those before this `next` cursor
    #[serde(default)]
    #[param(minimum = 0)]
    pub cursor: Option<u64>,
    /// At most so many, 1 to 100
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<usize>,
}

/// An account as those see it who oversee it.
#[derive(Serialize, ToSchema)]
#[schema(as = OverseenAccount)]
pub struct Account {
    /// Its id.
    id: String,
    /// Its e-mail address, or the sub-account's name with its master's address.
    name: String,
    /// The master's id, for a sub-account.
    master: Option<String>,
    /// `operator` or `auditor`, if the person behind it has a role.
    role: Option<&'static str>,
    /// Whether somebody registered.
    registered: bool,
    /// Whether two-factor sign-in is on.
    two_factor: bool,
    /// Since when it is frozen.
    frozen_at_ms: Option<u64>,
    /// Living keys.
    living_keys: i64,
    /// When it was made.
    created_at_ms: u64,
}

impl From<OverseenAccount> for Account {
    fn from(found: OverseenAccount) -> Self {
        let record = found.record;
        Self {
            id: record.account.id.to_string(),
            name: found.name,
            master: record.account.master().map(|id| id.to_string()),
            role: found.role.map(keyward_rules::staff::Role::word),
            registered: record.registered_at.is_some(),
            two_factor: record.two_factor,
            frozen_at_ms: record.frozen_at.map(keyward_rules::time::Moment::unix_ms),
            living_keys: record.keys,
            created_at_ms: record.account.created_at.unix_ms(),
        }
    }
}

/// A page of accounts, by id.
#[derive(Serialize, ToSchema)]
pub struct AccountPage {
    /// The accounts.
    pub accounts: Vec<Account>,
    /// The cursor of the next page, if there may be one.
    pub next: Option<String>,
}

/// An account with its keys.
#[derive(Serialize, ToSchema)]
pub struct AccountWithKeys {
    /// The account.
    pub account: Account,
    /// Its keys, living ones first.
    pub keys: Vec<Key>,
}

/// A key with its account's name.
#[derive(Serialize, ToSchema)]
pub struct OverseenKey {
    /// How its account is called.
    pub account: String,
    /// The key.
    pub key: Key,
}

impl OverseenKey {
    /// Of a key and its account's name.
    ///
    /// # Errors
    /// As [`Key::of`].
    pub async fn of(
        context: &ActionContext<'_>,
        (key, account): (KeyView, String),
    ) -> Result<Self, ActionError> {
        Ok(Self { account, key: Key::of(context, key).await? })
    }
}

/// A page of keys, by id.
#[derive(Serialize, ToSchema)]
pub struct OverseenKeys {
    /// The keys.
    pub keys: Vec<OverseenKey>,
    /// The cursor of the next page, if there may be one.
    pub next: Option<String>,
}

/// How many there are in a state.
#[derive(Serialize, ToSchema)]
pub struct Count {
    /// The state.
    pub state: String,
    /// How many.
    pub count: i64,
}

/// How the deployment stands.
#[derive(Serialize, ToSchema)]
pub struct Overview {
    /// Accounts, sub-accounts included.
    pub accounts: i64,
    /// Keys by state.
    pub keys: Vec<Count>,
    /// Mails by state.
    pub mails: Vec<Count>,
    /// Audit records.
    pub events: i64,
    /// Open proposals.
    pub open_proposals: i64,
    /// Whether there are fewer operators than a loosening takes.
    pub set_up_open: bool,
}

/// Somebody with a role.
#[derive(Serialize, ToSchema)]
pub struct Member {
    /// Whose account.
    pub account: String,
    /// Their address.
    pub name: String,
    /// `operator` or `auditor`.
    pub role: &'static str,
    /// Since when.
    pub granted_at_ms: u64,
}

/// A policy in force.
#[derive(Serialize, ToSchema)]
pub struct Policy {
    /// Its name.
    name: &'static str,
    /// Its value.
    value: String,
    /// `default`, `file` or `console`.
    source: &'static str,
    /// When an operator set it.
    set_at_ms: Option<u64>,
}

impl From<(Setting, PolicySource)> for Policy {
    fn from((setting, source): (Setting, PolicySource)) -> Self {
        let (source, set_at_ms) = match source {
            PolicySource::Default => ("default", None),
            PolicySource::File => ("file", None),
            PolicySource::Console(at, _) => ("console", Some(at.unix_ms())),
        };
        Self { name: setting.name(), value: setting.value(), source, set_at_ms }
    }
}

/// One operator's approval.
#[derive(Serialize, ToSchema)]
pub struct Approval {
    /// Who.
    by: String,
    /// When.
    at_ms: u64,
}

/// A change that takes more than one operator.
#[derive(Serialize, ToSchema)]
pub struct Proposal {
    /// Its number.
    id: String,
    /// The change, as `POST /operations/proposals` takes it.
    change: String,
    /// The lines that approvers read.
    words: Vec<String>,
    /// What an approval is bound to.
    hash: String,
    /// Who proposed it.
    requester: String,
    /// Who approved it.
    approvals: Vec<Approval>,
    /// Approvals that count now.
    counting: u8,
    /// Approvals that it takes beside the proposal.
    takes: u8,
    /// When it was made.
    made_at_ms: u64,
    /// When it is over.
    expires_at_ms: u64,
    /// `open`, `over`, `done` or `cancelled`.
    standing: &'static str,
}

impl From<ProposalView> for Proposal {
    fn from(view: ProposalView) -> Self {
        let approvals = view.approvals.into_iter();
        Self {
            id: view.id.to_string(),
            change: view.change.to_string(),
            words: view.words,
            hash: view.hash.to_string(),
            requester: view.requester.1,
            approvals: approvals.map(|(_, by, at)| Approval { by, at_ms: at.unix_ms() }).collect(),
            counting: view.counting.0,
            takes: view.counting.1,
            made_at_ms: view.made_at.unix_ms(),
            expires_at_ms: view.expires_at.unix_ms(),
            standing: view.standing,
        }
    }
}

/// A page of proposals, newest first.
#[derive(Serialize, ToSchema)]
pub struct ProposalPage {
    /// The proposals.
    pub proposals: Vec<Proposal>,
    /// The cursor of the next page, if there may be one.
    pub next: Option<String>,
    /// Rows that were altered outside the program, and are left out.
    pub altered: usize,
}

/// Why, and a factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// For the audit log, up to 200 characters.
    pub why: String,
    /// A code of the authenticator, a recovery code, or the password. With neither this nor `passkey`, the answer is 403
    /// `factor_required`.
    #[serde(default)]
    pub factor: String,
    /// Instead of `factor`: a passkey's answer to the question of the 403 answer, for the same request.
    #[serde(default)]
    pub passkey: Option<PasskeyAnswer>,
}

/// A stricter value.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Stricter {
    /// The value.
    pub value: String,
    /// A code of the authenticator, a recovery code, or the password. With neither this nor `passkey`, the answer is 403
    /// `factor_required`.
    #[serde(default)]
    pub factor: String,
    /// Instead of `factor`: a passkey's answer to the question of the 403 answer, for the same request.
    #[serde(default)]
    pub passkey: Option<PasskeyAnswer>,
}

/// A change to propose.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// `role.grant ACCOUNT operator|auditor`, `account.thaw ACCOUNT`, `key.thaw KEY`, `account.factors.reset ACCOUNT`,
    /// `policy.loosen NAME VALUE`, `app.verify APP`, `app.ranges.approve APP NUMBER`, `app.thaw APP`,
    /// `app.demand.withdraw APP` or `master_key.rotate NAME`.
    pub change: String,
    /// The step-up, in the second request.
    #[serde(default)]
    pub step_up: Option<StepUp>,
}

/// The word of an approver.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// The hash of what was read.
    pub hash: String,
    /// The step-up, in the second request.
    #[serde(default)]
    pub step_up: Option<StepUp>,
}

/// An invitation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// The step-up, in the second request.
    #[serde(default)]
    pub step_up: Option<StepUp>,
}

/// A link that makes whoever opens it an operator, shown this once.
#[derive(Serialize, ToSchema)]
pub struct Invitation {
    /// The link.
    pub link: String,
}

/// A set-up link's token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeSetUp {
    /// The part of the link after `#`.
    pub token: String,
    /// Whether one operator is to be enough for everything; the first operator's choice.
    #[serde(default)]
    pub alone: bool,
    /// The step-up, in the second request.
    #[serde(default)]
    pub step_up: Option<StepUp>,
}
