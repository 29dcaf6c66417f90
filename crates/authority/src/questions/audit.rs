//! Question: what stands in the audit log, and how can it be proven?

use keyward_rules::grant::Scope;
use keyward_rules::id::AccountId;
use keyward_rules::limits::{AUDIT_SEARCH_ROWS, PAGE_MAX};
use keyward_rules::log::{Hash, proof_text};
use keyward_rules::trail::Entry;
use keyward_store::{AuditFilter, AuditRecord, Bounds, Concern, Found};

use crate::{ActionContext, ActionError};

/// A record in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrailView {
    /// Its number, from 1.
    pub n: u64,
    /// What it says. What a duty or an operator did that concerns others too shows without its facts.
    pub entry: Entry,
}

/// What proves that a record stands in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordProof {
    /// The record's number, from 1; the leaf has one less.
    pub n: u64,
    /// The record's canonical bytes; `None` where they tell of other holders as well.
    pub record: Option<String>,
    /// The leaf's hash.
    pub leaf: Hash,
    /// The hashes beside the way from the leaf to the root.
    pub path: Vec<Hash>,
    /// How many records the checkpoint covers.
    pub size: u64,
    /// The signed checkpoint.
    pub checkpoint: String,
}

impl RecordProof {
    /// The proof as a file (c2sp.org/tlog-proof), with the record as its extra data.
    #[must_use]
    pub fn to_text(&self) -> String {
        let extra = self.record.as_deref().map(str::as_bytes);
        proof_text(extra, self.n.saturating_sub(1), &self.path, &self.checkpoint)
    }
}

/// What concerns an account, before number `before`, newest first, at most `limit` (1 to 100).
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn own_trail(
    context: &ActionContext<'_>,
    account: AccountId,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<TrailView>, ActionError> {
    let (log, scope) = (&context.authority.access.log, context.actor.scope());
    let mut views = Vec::new();
    for row in log.trail(scope, account, before, limit.clamp(1, PAGE_MAX)).await? {
        let concern = log.concern(scope, account, row.n).await?;
        let mut view = view(row);
        let own_deed = view.entry.actor.ends_with(&format!(":{account}"));
        if concern != Concern::Own && !own_deed {
            withhold(&mut view.entry);
        }
        views.push(view);
    }
    Ok(views)
}

/// Leaves of what others did that it happened: not to whom else, and of an operator neither who nor from where nor why.
fn withhold(entry: &mut Entry) {
    entry.facts.clear();
    if let Some((role @ ("operator" | "auditor"), _)) = entry.actor.split_once(':') {
        entry.actor = role.to_owned();
        for member in [&mut entry.from, &mut entry.device, &mut entry.factors] {
            member.clear();
        }
    }
}

/// The proof of record `n` against the newest checkpoint; a holder's only of what concerns them.
///
/// # Errors
/// [`ActionError::NoRecord`] beyond the actor's scope, [`ActionError::NotYetSigned`] when no checkpoint covers it.
#[crate::boxed]
pub async fn prove_record(context: &ActionContext<'_>, n: u64) -> Result<RecordProof, ActionError> {
    let log = &context.authority.access.log;
    let concern = match context.actor.scope() {
        Scope::All => Concern::Own,
        Scope::Nothing => Concern::Not,
        Scope::Account(account) => log.concern(context.actor.scope(), account, n).await?,
    };
    if concern == Concern::Not {
        return Err(ActionError::NoRecord);
    }
    let record = log.record(n).await?.ok_or(ActionError::NoRecord)?;
    let (size, checkpoint) = log.newest_checkpoint().await?.ok_or(ActionError::NotYetSigned)?;
    let index = n.checked_sub(1).ok_or(ActionError::NoRecord)?;
    let path = log.inclusion(size, index).await?.ok_or(ActionError::NotYetSigned)?;
    let leaf = Hash::of_leaf(record.as_bytes());
    let record = (concern == Concern::Own).then_some(record);
    Ok(RecordProof { n, record, leaf, path, size, checkpoint })
}

/// How many records the newest checkpoint covers: the first so many have a proof. Nobody learns a record from it.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn signed_records(context: &ActionContext<'_>) -> Result<u64, ActionError> {
    Ok(context.authority.access.log.newest_checkpoint().await?.map_or(0, |(size, _)| size))
}

/// Records that `filter` finds, newest first, at most `limit` (1 to 100), and where to search on if there may be more.
/// Every symbol of the filter's text stands for itself. One search looks through [`AUDIT_SEARCH_ROWS`] records at most.
///
/// # Errors
/// [`ActionError::NoRecord`] for everybody who does not see all; [`ActionError::Searching`].
#[crate::boxed]
pub async fn search_audit(
    context: &ActionContext<'_>,
    filter: &AuditFilter,
    limit: usize,
) -> Result<Found<TrailView, u64>, ActionError> {
    let scope = context.actor.scope();
    if scope != Scope::All {
        return Err(ActionError::NoRecord);
    }
    let _search = context.authority.searches.begin(&context.actor)?;
    let bounds = Bounds { rows: limit.clamp(1, PAGE_MAX), looked_through: AUDIT_SEARCH_ROWS };
    Ok(context.authority.access.log.search(scope, filter, bounds).await?.map(view))
}

/// A record that cannot be read shows as such: `keyward audit verify` says more.
fn view(row: AuditRecord) -> TrailView {
    let unreadable = || Entry { action: "unreadable".to_owned(), ..Entry::default() };
    TrailView { n: row.n, entry: Entry::read(&row.record).unwrap_or_else(unreadable) }
}
