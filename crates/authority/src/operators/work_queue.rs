//! Question: what waits for operators now, for whom, and since when? No secret, and no app's addresses.
//!
//! Owns: what belongs to whose queue, and its order. Leaves to others: what can be done about it (`proposals`, `freeze`, the
//! actions on apps).

use std::collections::BTreeMap;

use keyward_rules::alert::{Alert, AlertKind};
use keyward_rules::app::FrozenBy;
use keyward_rules::id::{AccountId, AppId};
use keyward_rules::limits::{OPEN_PROPOSALS, PAGE_MAX};
use keyward_rules::policy::Needed;
use keyward_rules::proposal::{Proposal, ProposalId};
use keyward_rules::time::Moment;
use keyward_store::{AccountKind, ProposalRecord};

use super::lookup::only_staff;
use super::name::name_of;
use super::policy_in_force::policy_in_force;
use super::roles::{operators_of, staff};
use crate::questions::{list_alerts, review_queue};
use crate::{ActionContext, ActionError};

/// What must happen next to an open proposal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NextStep {
    /// Another operator approves it.
    Approve,
    /// It has its approvals: an operator carries it out.
    CarryOut,
    /// It has its approvals: somebody at the host carries it out.
    AtTheHost,
    /// The user who proposed it is not an operator any more: an operator cancels it.
    Cancel,
}

/// An open proposal in the queue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WaitingProposal {
    /// Its number.
    pub id: ProposalId,
    /// The name of who proposed it.
    pub requester: String,
    /// How many approvals count now, and how many it takes.
    pub counting: (u8, u8),
    /// When it is over.
    pub expires_at: Moment,
    /// What must happen next.
    pub step: NextStep,
}

/// What waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Work {
    /// So many open proposals were altered outside the program. They cannot be approved or carried out.
    AlteredProposals(usize),
    /// The stored record of a role was altered.
    AlteredRole,
    /// Many accounts began the same thing at once.
    AccountsAtOnce,
    /// A proposal.
    Proposal(WaitingProposal),
    /// An app that its broker submitted for verification.
    App(AppId),
    /// A version of an app's ranges for review: its number, and how much it covers in words.
    Ranges(AppId, u64, String),
    /// An app whose keys are frozen.
    FrozenApp(AppId, FrozenBy),
    /// A frozen account.
    FrozenAccount(AccountId),
    /// An app whose users had to replace their keys by a deadline that has passed.
    OverdueApp(AppId),
}

/// One line of the queue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkItem {
    /// What waits.
    pub work: Work,
    /// What it is called: the first words of a proposal, the name of an app or account, what an alert says.
    pub name: String,
    /// Since when; `None` where no record can be believed.
    pub since: Option<Moment>,
}

/// What waits now, each list with the oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WorkQueue {
    /// What the operator who asks can do something about; for an auditor, what any operator can.
    pub mine: Vec<WorkItem>,
    /// Open proposals on which this operator has done their part.
    pub others: Vec<WorkItem>,
    /// What is stopped until somebody lifts it: frozen apps and accounts, and apps with an overdue demand.
    pub stopped: Vec<WorkItem>,
}

/// Names of accounts, each looked up once.
#[derive(Default)]
struct Names(BTreeMap<AccountId, String>);

impl Names {
    async fn of(&mut self, context: &ActionContext<'_>, account: AccountId) -> Result<String, ActionError> {
        if let Some(known) = self.0.get(&account) {
            return Ok(known.clone());
        }
        let name = name_of(context, account).await?;
        self.0.insert(account, name.clone());
        Ok(name)
    }
}

/// What waits, for the operator or auditor who asks.
///
/// # Errors
/// [`ActionError::NoAccount`] for a holder or visitor.
#[crate::boxed]
pub async fn work_queue(context: &ActionContext<'_>) -> Result<WorkQueue, ActionError> {
    only_staff(context)?;
    let me = context.actor.person().ok_or(ActionError::NoAccount)?.account;
    let mut queue = proposals(context, me).await?;
    queue.mine.extend(unseen_alerts(context, me).await?);
    queue.mine.extend(reviews(context).await?);
    queue.stopped = stopped(context).await?;
    for list in [&mut queue.mine, &mut queue.others, &mut queue.stopped] {
        list.sort_by_key(|item| item.since);
    }
    Ok(queue)
}

/// Open proposals, in the queue of who asks or in that of the others.
async fn proposals(context: &ActionContext<'_>, me: AccountId) -> Result<WorkQueue, ActionError> {
    let people = operators_of(&staff(context).await?);
    let needed = policy_in_force(context).await?.policy.needed;
    let (mut queue, mut names, mut altered) = (WorkQueue::default(), Names::default(), 0);
    for record in context.authority.access.reader.waiting_proposals(context.now, OPEN_PROPOSALS).await? {
        let Ok(ProposalRecord { proposal, words, .. }) = record else {
            altered += 1;
            continue;
        };
        let step = next_step(&proposal, &people, needed);
        let waiting = WaitingProposal {
            id: proposal.id,
            requester: names.of(context, proposal.requester).await?,
            counting: (proposal.counting(&people), proposal.takes(needed)),
            expires_at: proposal.expires_at,
            step,
        };
        let item = WorkItem {
            work: Work::Proposal(waiting),
            name: words.into_iter().next().unwrap_or_default(),
            since: Some(proposal.made_at),
        };
        let acts = people.contains(&me);
        if acts && !waits_for(me, &proposal, step) { queue.others.push(item) } else { queue.mine.push(item) }
    }
    if altered > 0 {
        queue.mine.push(WorkItem { work: Work::AlteredProposals(altered), name: String::new(), since: None });
    }
    Ok(queue)
}

fn next_step(proposal: &Proposal, operators: &[AccountId], needed: Needed) -> NextStep {
    let complete = proposal.counting(operators) >= proposal.takes(needed);
    match (operators.contains(&proposal.requester), complete, proposal.change.is_done_at_the_host()) {
        (false, _, _) => NextStep::Cancel,
        (true, false, _) => NextStep::Approve,
        (true, true, false) => NextStep::CarryOut,
        (true, true, true) => NextStep::AtTheHost,
    }
}

/// Whether this operator can take the next step.
fn waits_for(me: AccountId, proposal: &Proposal, step: NextStep) -> bool {
    match step {
        NextStep::Approve => {
            proposal.requester != me && proposal.approvals.iter().all(|approval| approval.by != me)
        }
        NextStep::CarryOut | NextStep::Cancel => true,
        NextStep::AtTheHost => false,
    }
}

/// What the person was alerted about as an operator and has not looked at: altered roles, and many accounts at once.
async fn unseen_alerts(context: &ActionContext<'_>, me: AccountId) -> Result<Vec<WorkItem>, ActionError> {
    let alerts = list_alerts(context, me, None, PAGE_MAX).await?;
    let item = |work: Work, alert: Alert| WorkItem { work, since: Some(alert.at), name: alert.detail };
    let unseen = alerts.into_iter().filter(|view| !view.seen);
    let works =
        [(AlertKind::RoleAltered, Work::AlteredRole), (AlertKind::AccountsAtOnce, Work::AccountsAtOnce)];
    let items = unseen.filter_map(|view| {
        let (_, work) = works.iter().find(|(kind, _)| *kind == view.alert.kind)?;
        Some(item(work.clone(), view.alert))
    });
    Ok(items.collect())
}

/// Apps and ranges that their brokers submitted.
async fn reviews(context: &ActionContext<'_>) -> Result<Vec<WorkItem>, ActionError> {
    let queue = review_queue(context).await?;
    let apps = queue.apps.into_iter().map(|profile| WorkItem {
        work: Work::App(profile.id),
        name: profile.name.to_string(),
        since: Some(profile.changed_at),
    });
    let ranges = queue.versions.into_iter().map(|(profile, version)| WorkItem {
        work: Work::Ranges(profile.id, version.number, version.size),
        name: profile.name.to_string(),
        since: Some(version.submitted_at),
    });
    Ok(apps.chain(ranges).collect())
}

/// Frozen apps and accounts, and apps with an overdue demand.
async fn stopped(context: &ActionContext<'_>) -> Result<Vec<WorkItem>, ActionError> {
    let reader = &context.authority.access.reader;
    let (mut items, mut names) = (Vec::new(), Names::default());
    for profile in reader.frozen_app_profiles(PAGE_MAX).await? {
        let Some(by) = profile.frozen else { continue };
        items.push(WorkItem {
            work: Work::FrozenApp(profile.id, by),
            name: profile.name.to_string(),
            since: Some(profile.changed_at),
        });
    }
    for profile in reader.overdue_app_profiles(context.now, PAGE_MAX).await? {
        items.push(WorkItem {
            work: Work::OverdueApp(profile.id),
            name: profile.name.to_string(),
            since: profile.demand.map(|demand| demand.due),
        });
    }
    for found in reader.frozen_accounts(context.actor.scope(), PAGE_MAX).await? {
        let id = found.account.id;
        let name = match found.account.kind {
            AccountKind::Master(email) => email.to_string(),
            AccountKind::Sub(..) => names.of(context, id).await?,
        };
        items.push(WorkItem { work: Work::FrozenAccount(id), name, since: found.frozen_at });
    }
    Ok(items)
}
