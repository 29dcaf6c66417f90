//! Changes that take more than one operator: proposed in words, bound by hash, approved by others, done once
//! (product.md 5).

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::grant::ActionKind;
use crate::id::{AccountId, AppId, KeyId, MasterKeyId, NotAnId};
use crate::limits::DAY_MS;
use crate::policy::{Needed, Setting};
use crate::staff::Role;
use crate::time::Moment;

/// A proposal's number, from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ProposalId(u64);

impl ProposalId {
    /// Takes a number from 1 to 2^63 - 1.
    #[must_use]
    pub const fn from_u64(number: u64) -> Option<Self> {
        if number == 0 || number > i64::MAX as u64 { None } else { Some(Self(number)) }
    }

    /// The number.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ProposalId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}

impl FromStr for ProposalId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let id = text.parse().ok().and_then(Self::from_u64).ok_or(NotAnId)?;
        if id.to_string() == text { Ok(id) } else { Err(NotAnId) }
    }
}

/// What is proposed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// Give the person behind an account a role.
    GrantRole(AccountId, Role),
    /// Lift the freeze of an account.
    ThawAccount(AccountId),
    /// Lift the freeze of a key.
    ThawKey(KeyId),
    /// Remove the second factor of somebody who lost it.
    ResetFactors(AccountId),
    /// Make a policy less strict.
    Loosen(Setting),
    /// Let holders see an app.
    VerifyApp(AppId),
    /// Put a version of an app's ranges in force.
    ApproveRanges(AppId, u64),
    /// Let the keys of an app work again that an operator froze.
    ThawApp(AppId),
    /// Take a demand for successors of an app's keys back.
    WithdrawDemand(AppId),
    /// Wrap the store's root key under another master key.
    RotateMasterKey(MasterKeyId),
    /// Announce maintenance to all users: when it begins and when it ends, at most a week later.
    AnnounceMaintenance(Moment, Moment),
}

/// What a change is about. It displays as the subject of the audit record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChangeSubject {
    /// An account.
    Account(AccountId),
    /// An API key.
    Key(KeyId),
    /// A third-party app.
    App(AppId),
    /// A policy, by its name.
    Policy(&'static str),
    /// The store as a whole.
    Store,
}

impl fmt::Display for ChangeSubject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => write!(out, "account:{account}"),
            Self::Key(key) => write!(out, "key:{key}"),
            Self::App(app) => write!(out, "app:{app}"),
            Self::Policy(name) => write!(out, "policy:{name}"),
            Self::Store => out.write_str("store"),
        }
    }
}

impl Change {
    /// What it is about.
    #[must_use]
    pub const fn subject(self) -> ChangeSubject {
        match self {
            Self::GrantRole(account, _) | Self::ThawAccount(account) | Self::ResetFactors(account) => {
                ChangeSubject::Account(account)
            }
            Self::ThawKey(key) => ChangeSubject::Key(key),
            Self::Loosen(setting) => ChangeSubject::Policy(setting.name()),
            Self::VerifyApp(app)
            | Self::ApproveRanges(app, _)
            | Self::ThawApp(app)
            | Self::WithdrawDemand(app) => ChangeSubject::App(app),
            Self::RotateMasterKey(_) | Self::AnnounceMaintenance(..) => ChangeSubject::Store,
        }
    }

    /// The action that carries it out.
    #[must_use]
    pub const fn action(self) -> ActionKind {
        match self {
            Self::GrantRole(..) => ActionKind::GrantRole,
            Self::ThawAccount(_) => ActionKind::ThawAccount,
            Self::ThawKey(_) => ActionKind::ThawKey,
            Self::ResetFactors(_) => ActionKind::ResetFactors,
            Self::Loosen(_) => ActionKind::LoosenPolicy,
            Self::VerifyApp(_) => ActionKind::VerifyApp,
            Self::ApproveRanges(..) => ActionKind::ApproveRanges,
            Self::ThawApp(_) => ActionKind::ThawApp,
            Self::WithdrawDemand(_) => ActionKind::WithdrawDemand,
            Self::RotateMasterKey(_) => ActionKind::RotateMasterKey,
            Self::AnnounceMaintenance(..) => ActionKind::AnnounceMaintenance,
        }
    }

    /// Whether only somebody at the host can carry it out, who has what no page takes: a master key.
    #[must_use]
    pub const fn is_done_at_the_host(self) -> bool {
        matches!(self, Self::RotateMasterKey(_))
    }

    /// Reads what [`Change`] displays; `None` for every other spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        let change = match words.as_slice() {
            ["role.grant", account, role] => Self::GrantRole(account.parse().ok()?, role.parse().ok()?),
            ["account.thaw", account] => Self::ThawAccount(account.parse().ok()?),
            ["key.thaw", key] => Self::ThawKey(key.parse().ok()?),
            ["account.factors.reset", account] => Self::ResetFactors(account.parse().ok()?),
            ["app.verify", app] => Self::VerifyApp(app.parse().ok()?),
            ["app.ranges.approve", app, version] => {
                Self::ApproveRanges(app.parse().ok()?, version.parse().ok().filter(|number| *number > 0)?)
            }
            ["app.thaw", app] => Self::ThawApp(app.parse().ok()?),
            ["app.demand.withdraw", app] => Self::WithdrawDemand(app.parse().ok()?),
            ["master_key.rotate", new] => Self::RotateMasterKey(new.parse().ok()?),
            ["maintenance.announce", from, until] => {
                let moment = |text: &str| text.parse().ok().map(Moment::from_unix_ms);
                let (from, until) = (moment(from)?, moment(until)?);
                let fits = from < until && until <= from.plus_ms(7 * DAY_MS);
                fits.then_some(Self::AnnounceMaintenance(from, until))?
            }
            ["policy.loosen", name, value] => Self::Loosen(Setting::parse(name, value).ok()?),
            _ => return None,
        };
        (change.to_string() == text).then_some(change)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.action().word();
        match self {
            Self::GrantRole(account, role) => write!(out, "{word} {account} {role}"),
            Self::ThawAccount(account) | Self::ResetFactors(account) => write!(out, "{word} {account}"),
            Self::ThawKey(key) => write!(out, "{word} {key}"),
            Self::VerifyApp(app) | Self::ThawApp(app) | Self::WithdrawDemand(app) => {
                write!(out, "{word} {app}")
            }
            Self::ApproveRanges(app, version) => write!(out, "{word} {app} {version}"),
            Self::RotateMasterKey(new) => write!(out, "{word} {new}"),
            Self::AnnounceMaintenance(from, until) => {
                write!(out, "{word} {} {}", from.unix_ms(), until.unix_ms())
            }
            Self::Loosen(setting) => write!(out, "{word} {} {}", setting.name(), setting.value()),
        }
    }
}

/// What an approval is bound to: the change, and every word that the approver read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChangeHash([u8; 32]);

impl ChangeHash {
    /// BLAKE3 over the change and its words, each length-prefixed.
    #[must_use]
    pub fn of(change: Change, words: &[String]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("keyward 2026-11 proposed change");
        for part in std::iter::once(&change.to_string()).chain(words) {
            hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// Rebuilds a stored hash.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0_u8; 32];
        if text.len() != 64 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        for (to, pair) in bytes.iter_mut().zip(text.as_bytes().as_chunks::<2>().0) {
            *to = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for ChangeHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

/// How a proposal stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Waits for approvals, or to be carried out.
    Open,
    /// Carried out.
    Done,
    /// Cancelled by an operator.
    Cancelled,
}

impl Standing {
    /// The word that is stored and shown.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// The standing that a stored word names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Open, Self::Done, Self::Cancelled].into_iter().find(|one| one.word() == word)
    }
}

/// One operator's word for a proposal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Approval {
    /// Whose.
    pub by: AccountId,
    /// What they read.
    pub hash: ChangeHash,
    /// When.
    pub at: Moment,
}

/// A proposal, as it stands in the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    /// Its number.
    pub id: ProposalId,
    /// What.
    pub change: Change,
    /// What it is bound to.
    pub hash: ChangeHash,
    /// How many it took when it was made.
    pub needed: Needed,
    /// Who proposed it.
    pub requester: AccountId,
    /// When.
    pub made_at: Moment,
    /// When it is over.
    pub expires_at: Moment,
    /// Who approved it.
    pub approvals: Vec<Approval>,
    /// How it stands.
    pub standing: Standing,
}

/// What holds at the moment of an approval or of the execution.
pub struct Present<'p> {
    /// All operators.
    pub operators: &'p [AccountId],
    /// The hash of the change in today's words.
    pub hash: ChangeHash,
    /// How many it takes by the policy in force.
    pub needed: Needed,
    /// Now.
    pub now: Moment,
}

/// A proposal that does not go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotPassed {
    /// Carried out or cancelled.
    #[error("this proposal was carried out or cancelled already; it cannot be used again")]
    Settled,
    /// Too old.
    #[error("this proposal has expired; propose the change again")]
    Over,
    /// What it is about is no longer what was read.
    #[error(
        "the subject of this proposal has changed since it was made; cancel it and propose the change again"
    )]
    Changed,
    /// The one who proposed approves.
    #[error("you cannot approve your own proposal; another operator must approve it")]
    OwnProposal,
    /// Somebody without the role.
    #[error(
        "only operators approve and carry out proposals, and the one who proposed this must still be an operator"
    )]
    NotAnOperator,
    /// Twice.
    #[error("you already approved this proposal; another operator must approve it too")]
    Twice,
    /// Not enough approvals.
    #[error("the proposal has {have} of {need} approvals from other operators")]
    NotEnough {
        /// How many count.
        have: u8,
        /// How many it takes.
        need: u8,
    },
}

/// A change that enough operators stand behind, for one execution.
#[derive(Debug)]
pub struct Passed {
    id: Option<ProposalId>,
    change: Change,
}

impl Passed {
    /// Of which proposal; of none in a deployment without operators.
    #[must_use]
    pub const fn id(&self) -> Option<ProposalId> {
        self.id
    }

    /// A change at the host of a deployment that has no operators: whoever holds its master key decides alone.
    #[must_use]
    pub fn without_operators(change: Change, operators: &[AccountId]) -> Option<Self> {
        (change.is_done_at_the_host() && operators.is_empty()).then_some(Self { id: None, change })
    }

    /// What may be done.
    #[must_use]
    pub const fn change(&self) -> Change {
        self.change
    }
}

impl Proposal {
    fn still_stands(&self, present: &Present<'_>) -> Result<(), NotPassed> {
        if self.standing != Standing::Open {
            return Err(NotPassed::Settled);
        }
        if present.now >= self.expires_at {
            return Err(NotPassed::Over);
        }
        if !present.operators.contains(&self.requester) {
            return Err(NotPassed::NotAnOperator);
        }
        if present.hash == self.hash { Ok(()) } else { Err(NotPassed::Changed) }
    }

    /// The approval of `by`, who read what `read` is the hash of.
    ///
    /// # Errors
    /// [`NotPassed`].
    pub fn approve(
        &self,
        by: AccountId,
        read: ChangeHash,
        present: &Present<'_>,
    ) -> Result<Approval, NotPassed> {
        self.still_stands(present)?;
        if !present.operators.contains(&by) {
            return Err(NotPassed::NotAnOperator);
        }
        if by == self.requester {
            return Err(NotPassed::OwnProposal);
        }
        if read != self.hash {
            return Err(NotPassed::Changed);
        }
        if self.approvals.iter().any(|approval| approval.by == by) {
            return Err(NotPassed::Twice);
        }
        Ok(Approval { by, hash: read, at: present.now })
    }

    /// How many approvals count now: of different operators, who are operators still, who read this, and who did
    /// not propose it.
    #[must_use]
    pub fn counting(&self, operators: &[AccountId]) -> u8 {
        let counts = |approval: &&Approval| {
            approval.by != self.requester && approval.hash == self.hash && operators.contains(&approval.by)
        };
        let people: BTreeSet<AccountId> =
            self.approvals.iter().filter(counts).map(|approval| approval.by).collect();
        u8::try_from(people.len()).unwrap_or(u8::MAX)
    }

    /// How many approvals it takes: by the policy when it was made or now, whichever is stricter.
    #[must_use]
    pub fn takes(&self, now: Needed) -> u8 {
        self.needed.max(now).approvals()
    }

    /// The evidence that the change may be made, if enough operators stand behind it at this moment.
    ///
    /// # Errors
    /// [`NotPassed`].
    pub fn pass(&self, present: &Present<'_>) -> Result<Passed, NotPassed> {
        self.still_stands(present)?;
        let (have, need) = (self.counting(present.operators), self.takes(present.needed));
        if have < need {
            return Err(NotPassed::NotEnough { have, need });
        }
        Ok(Passed { id: Some(self.id), change: self.change })
    }
}

#[cfg(test)]
mod tests;
