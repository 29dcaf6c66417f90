//! Proposals. Actions: propose a change, approve a proposal, cancel it. Carrying one out is a function and no
//! [`Action`]: its proof is the proposal itself.

use async_trait::async_trait;
use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::limits::{OPEN_PROPOSALS, PROPOSAL_LIFE_MS};
use keyward_rules::policy::Direction;
use keyward_rules::proposal::{Change, ChangeHash, NotPassed, Present, Proposal, ProposalId, Standing};
use keyward_rules::time::Moment;
use keyward_store::{ProposalRecord, Tx};

use super::changes::{apply, words};
use super::name::name_of;
use super::policy_in_force::{policy_in_force, policy_now};
use super::roles::{operators, operators_of, staff};
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// A proposal as people see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProposalView {
    /// Its number.
    pub id: ProposalId,
    /// What is proposed.
    pub change: Change,
    /// The lines that approvers read, and that their approval is bound to.
    pub words: Vec<String>,
    /// The hash of both.
    pub hash: ChangeHash,
    /// Who proposed it: account and name.
    pub requester: (AccountId, String),
    /// Who approved it, and when.
    pub approvals: Vec<(AccountId, String, Moment)>,
    /// How many approvals count now, and how many it takes.
    pub counting: (u8, u8),
    /// When it was made.
    pub made_at: Moment,
    /// When it is over.
    pub expires_at: Moment,
    /// `open`, `over`, `done` or `cancelled`.
    pub standing: &'static str,
    /// When and by whom it was settled.
    pub settled: Option<(Moment, String)>,
}

/// Whether the change can be proposed; gives its words.
///
/// # Errors
/// [`ActionError::Unchanged`], [`ActionError::OtherWay`] for a policy that would be stricter, and what is missing.
#[crate::boxed]
pub async fn check_proposal(context: &ActionContext<'_>, change: Change) -> Result<Vec<String>, ActionError> {
    if let Change::Loosen(setting) = change {
        match setting.direction(&policy_in_force(context).await?.policy) {
            Direction::Looser => {}
            Direction::Same => return Err(ActionError::Unchanged),
            Direction::Tighter => {
                return Err(ActionError::OtherWay(
                    "this value is stricter than the current one: change it without a proposal",
                ));
            }
        }
    }
    words(context, change).await
}

/// Propose a change, and tell the other operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProposeChange(pub Change);

#[async_trait]
impl Action for ProposeChange {
    /// The proposal's number.
    type Reply = ProposalId;

    /// # Errors
    /// As [`check_proposal`].
    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let Self(change) = *self;
        let mut words = vec!["Propose this change to the other operators:".to_owned()];
        words.extend(check_proposal(context, change).await?);
        Ok(PendingAction { action: ActionKind::Propose, facts: vec![("change", change.to_string())], words })
    }

    /// # Errors
    /// As [`check_proposal`], [`ActionError::TooManyProposals`], and [`ActionError::ProposedAlready`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self(change) = self;
        let requester = context.actor.person().ok_or(ActionError::NoAccount)?.account;
        let lines = check_proposal(context, change).await?;
        let name = name_of(context, requester).await?;
        let grant = context.actor.may(ActionKind::Propose, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        if tx.open_proposals().await? >= u64::try_from(OPEN_PROPOSALS).unwrap_or(u64::MAX) {
            return Err(ActionError::TooManyProposals);
        }
        if let Some(first) = tx.open_proposal_of(change).await? {
            return Err(ActionError::ProposedAlready(first));
        }
        // The role was looked up for the request; it counts at this moment.
        let people = operators(&mut tx).await?;
        if !people.contains(&requester) {
            return Err(NotPassed::NotAnOperator.into());
        }
        let hash = ChangeHash::of(change, &lines);
        let proposal = Proposal {
            id: ProposalId::from_u64(1).ok_or(ActionError::NoProposal)?,
            change,
            hash,
            needed: policy_now(context, &mut tx).await?.needed,
            requester,
            made_at: context.now,
            expires_at: context.now.plus_ms(PROPOSAL_LIFE_MS),
            approvals: Vec::new(),
            standing: Standing::Open,
        };
        let id = tx.insert_proposal(proposal, &lines).await?;
        let detail = format!("Proposal {id} by {name}: {}.", lines.first().map_or("", String::as_str));
        tell_operators(context, &mut tx, &people, Some(requester), AlertKind::ProposalWaiting, &detail)
            .await?;
        let facts =
            [("change", change.to_string()), ("hash", hash.to_string()), ("words", lines.join(" | "))];
        let event = Event::of(tx.grant(), context.now, &format!("proposal:{id}"), &facts);
        tx.commit(event).await?;
        Ok(id)
    }
}

/// Approve a proposal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ApproveProposal {
    /// The proposal.
    pub proposal: ProposalId,
    /// The hash of what the approver has read.
    pub read: ChangeHash,
}

#[async_trait]
impl Action for ApproveProposal {
    type Reply = ();

    /// The words of the proposal, bound by its own hash.
    ///
    /// # Errors
    /// As [`show_proposal`].
    async fn plan(&self, context: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let view = show_proposal(context, self.proposal).await?;
        let mut words = vec![format!("Approve proposal {} of {}:", view.id, view.requester.1)];
        words.extend(view.words);
        Ok(PendingAction {
            action: ActionKind::Approve,
            facts: vec![("proposal", view.id.to_string()), ("hash", view.hash.to_string())],
            words,
        })
    }

    /// # Errors
    /// [`ActionError::Proposal`], [`ActionError::NoProposal`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { proposal: id, read } = self;
        let by = context.actor.person().ok_or(ActionError::NoAccount)?.account;
        let grant = context.actor.may(ActionKind::Approve, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let record = tx.proposal(id).await?.ok_or(ActionError::NoProposal)?;
        let operators = operators(&mut tx).await?;
        let needed = policy_now(context, &mut tx).await?.needed;
        let hash = hash_now(context, record.proposal.change).await;
        let present = Present { operators: &operators, hash, needed, now: context.now };
        let approval = record.proposal.approve(by, read, &present)?;
        tx.insert_approval(id, &approval).await?;
        let fact = ("hash", read.to_string());
        let event = Event::of(tx.grant(), context.now, &format!("proposal:{id}"), &[fact]);
        tx.commit(event).await?;
        Ok(())
    }
}

/// What became of a proposal after it was made or approved.
#[derive(Debug)]
pub enum Progress {
    /// It is carried out.
    Done,
    /// It waits for more approvals, or for somebody at the host.
    Waits,
    /// It has its approvals, but the change itself was refused. The proposal stays open.
    Refused(ActionError),
}

/// Carries a proposal out if the approval before this was the last that it needs. The approval stands whatever comes of
/// it, so a refusal is an answer and no error.
#[crate::boxed]
pub async fn carry_out_if_complete(context: &ActionContext<'_>, id: ProposalId) -> Progress {
    match carry_out(context, id).await {
        Ok(()) => Progress::Done,
        Err(ActionError::Proposal(NotPassed::NotEnough { .. }) | ActionError::AtTheHost) => Progress::Waits,
        Err(refused) => Progress::Refused(refused),
    }
}

/// Carries a proposal out, if enough operators stand behind it now. Membership, words and policy are looked at
/// again under the lock, and the proposal is settled in the transaction of the change itself. One that is carried out
/// already stays as it is, so that a request may be sent twice.
///
/// # Errors
/// [`ActionError::Proposal`]; what the change itself refuses; then the proposal stays as it was.
#[crate::boxed]
pub async fn carry_out(context: &ActionContext<'_>, id: ProposalId) -> Result<(), ActionError> {
    let tried = carry_out_once(context, id).await;
    // Asked after the try: another operator may have carried it out at the same moment.
    if tried.is_err() && find(context, id).await?.proposal.standing == Standing::Done {
        return refuse_other_than_operators(context).await;
    }
    tried
}

async fn refuse_other_than_operators(context: &ActionContext<'_>) -> Result<(), ActionError> {
    let by = context.actor.person().ok_or(ActionError::NoAccount)?.account;
    if operators_of(&staff(context).await?).contains(&by) {
        Ok(())
    } else {
        Err(NotPassed::NotAnOperator.into())
    }
}

async fn carry_out_once(context: &ActionContext<'_>, id: ProposalId) -> Result<(), ActionError> {
    let by = context.actor.person().ok_or(ActionError::NoAccount)?.account;
    let change = find(context, id).await?.proposal.change;
    if change.is_done_at_the_host() {
        return Err(ActionError::AtTheHost);
    }
    let (mut tx, judged) = begin_passed(context, id).await?;
    let policy = policy_now(context, &mut tx).await?;
    if !judged.operators.contains(&by) {
        return Err(NotPassed::NotAnOperator.into());
    }
    let mut facts = judged.facts();
    facts.extend(apply(context, &mut tx, change, (by, &policy)).await?);
    judged.settle(context, &mut tx, Some(by)).await?;
    let event = Event::of(tx.grant(), context.now, &change.subject().to_string(), &facts);
    tx.commit(event).await?;
    Ok(())
}

/// A proposal that passed, as things stand under the lock.
pub(super) struct Judged {
    record: ProposalRecord,
    operators: Vec<AccountId>,
}

/// Begins the change that the proposal is of, if enough operators stand behind it: looked at before, for the right to
/// begin, and once more under the lock, when nobody else can commit.
pub(super) async fn begin_passed(
    context: &ActionContext<'_>,
    id: ProposalId,
) -> Result<(Tx, Judged), ActionError> {
    let proposal = find(context, id).await?.proposal;
    let change = proposal.change;
    let passed = {
        let operators = operators_of(&staff(context).await?);
        let needed = policy_in_force(context).await?.policy.needed;
        let hash = hash_now(context, change).await;
        proposal.pass(&Present { operators: &operators, hash, needed, now: context.now })?
    };
    let grant = context.actor.may(change.action(), Proof::Passed(passed))?;
    let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
    let record = tx.proposal(id).await?.ok_or(ActionError::NoProposal)?;
    let operators = operators(&mut tx).await?;
    let needed = policy_now(context, &mut tx).await?.needed;
    let hash = hash_now(context, change).await;
    record.proposal.pass(&Present { operators: &operators, hash, needed, now: context.now })?;
    Ok((tx, Judged { record, operators }))
}

impl Judged {
    /// What the audit record says of it.
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        let proposal = &self.record.proposal;
        let approvers: Vec<String> = proposal.approvals.iter().map(|one| one.by.to_string()).collect();
        vec![
            ("proposal", proposal.id.to_string()),
            ("hash", proposal.hash.to_string()),
            ("requester", proposal.requester.to_string()),
            ("approvers", approvers.join(",")),
            ("words", self.record.words.join(" | ")),
        ]
    }

    /// Settles it as carried out, by an operator or at the host, and tells the operators.
    pub(super) async fn settle(
        &self,
        context: &ActionContext<'_>,
        tx: &mut Tx,
        by: Option<AccountId>,
    ) -> Result<(), ActionError> {
        tx.settle_proposal(&self.record, Standing::Done, by).await?;
        let detail = settled_detail(&self.record, "carried out");
        tell_operators(context, tx, &self.operators, by, AlertKind::ProposalSettled, &detail).await
    }
}

/// Cancel an open proposal. Only operators take part in one, so only they can.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CancelProposal(pub ProposalId);

#[async_trait]
impl Action for CancelProposal {
    type Reply = ();

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let Self(id) = self;
        Ok(PendingAction {
            action: ActionKind::CancelProposal,
            facts: vec![("proposal", id.to_string())],
            words: vec![format!("Cancel proposal {id}")],
        })
    }

    /// # Errors
    /// [`ActionError::Proposal`] when it is settled; [`ActionError::NoProposal`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self(id) = self;
        let by = context.actor.person().ok_or(ActionError::NoAccount)?.account;
        let grant = context.actor.may(ActionKind::CancelProposal, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let people = operators(&mut tx).await?;
        if !people.contains(&by) {
            return Err(NotPassed::NotAnOperator.into());
        }
        let record = tx.proposal(id).await?.ok_or(ActionError::NoProposal)?;
        if record.proposal.standing != Standing::Open {
            return Err(NotPassed::Settled.into());
        }
        tx.settle_proposal(&record, Standing::Cancelled, Some(by)).await?;
        let detail = settled_detail(&record, "cancelled");
        tell_operators(context, &mut tx, &people, Some(by), AlertKind::ProposalSettled, &detail).await?;
        let facts = [("change", record.proposal.change.to_string())];
        let event = Event::of(tx.grant(), context.now, &format!("proposal:{id}"), &facts);
        tx.commit(event).await?;
        Ok(())
    }
}

fn settled_detail(record: &ProposalRecord, how: &str) -> String {
    let what = record.words.first().map_or("", String::as_str);
    format!("Proposal {} was {how}: {what}.", record.proposal.id)
}

async fn tell_operators(
    context: &ActionContext<'_>,
    tx: &mut Tx,
    people: &[AccountId],
    but: Option<AccountId>,
    kind: AlertKind,
    detail: &str,
) -> Result<(), ActionError> {
    for account in people.iter().filter(|account| Some(**account) != but) {
        let alert = Alert { detail: detail.to_owned(), ..Alert::of(kind, *account, context.now) };
        tell::notify_holder(context, tx, alert).await?;
    }
    Ok(())
}

async fn find(context: &ActionContext<'_>, id: ProposalId) -> Result<ProposalRecord, ActionError> {
    context.authority.access.reader.proposal(id).await?.ok_or(ActionError::NoProposal)
}

/// The hash of the change in today's words; when it has none any more, one that nothing was ever bound to.
async fn hash_now(context: &ActionContext<'_>, change: Change) -> ChangeHash {
    let lines = words(context, change).await.unwrap_or_default();
    ChangeHash::of(change, &lines)
}

/// One proposal.
///
/// # Errors
/// [`ActionError::NoProposal`]; [`ActionError::Store`] when its row was altered.
#[crate::boxed]
pub async fn show_proposal(context: &ActionContext<'_>, id: ProposalId) -> Result<ProposalView, ActionError> {
    let record = find(context, id).await?;
    view(context, record).await
}

/// Proposals before number `before`, newest first; and how many of them were altered and are left out.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn list_proposals(
    context: &ActionContext<'_>,
    before: Option<ProposalId>,
    limit: usize,
) -> Result<(Vec<ProposalView>, usize), ActionError> {
    let mut views = Vec::new();
    let mut altered = 0;
    for record in context.authority.access.reader.proposals(before, limit).await? {
        match record {
            Ok(record) => views.push(view(context, record).await?),
            Err(_) => altered += 1,
        }
    }
    Ok((views, altered))
}

async fn view(context: &ActionContext<'_>, record: ProposalRecord) -> Result<ProposalView, ActionError> {
    let ProposalRecord { proposal, words, settled } = record;
    let people = operators_of(&staff(context).await?);
    let needed = policy_in_force(context).await?.policy.needed;
    let mut approvals = Vec::new();
    for approval in &proposal.approvals {
        approvals.push((approval.by, name_of(context, approval.by).await?, approval.at));
    }
    let settled = match settled {
        Some((at, Some(by))) => Some((at, name_of(context, by).await?)),
        Some((at, None)) => Some((at, "somebody at the host".to_owned())),
        None => None,
    };
    let over = proposal.standing == Standing::Open && context.now >= proposal.expires_at;
    Ok(ProposalView {
        id: proposal.id,
        change: proposal.change,
        words,
        hash: proposal.hash,
        requester: (proposal.requester, name_of(context, proposal.requester).await?),
        counting: (proposal.counting(&people), proposal.takes(needed)),
        approvals,
        made_at: proposal.made_at,
        expires_at: proposal.expires_at,
        standing: if over { "over" } else { proposal.standing.word() },
        settled,
    })
}
