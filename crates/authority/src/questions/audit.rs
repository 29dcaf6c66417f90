//! Question: what stands in the audit log, and how can it be proven?

use keyward_rules::grant::{Acting, ActingAs, Actor, Holder, Scope};
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::limits::{AUDIT_SEARCH_ROWS, PAGE_MAX, TRAIL_SEARCH_ROWS};
use keyward_rules::log::{Hash, proof_text};
use keyward_rules::trail::{Entry, RecordFilter};
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
    own_views(context, account, before, limit.clamp(1, PAGE_MAX)).await
}

/// What a holder looks for among their own records.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrailFilter {
    /// In the record, as the holder sees it.
    pub sought: RecordFilter,
    /// Only records about this key, or that name it.
    pub key: Option<KeyId>,
    /// Only records with smaller numbers.
    pub before: Option<u64>,
}

impl TrailFilter {
    fn looks_for_something(&self) -> bool {
        self.key.is_some() || self.sought != RecordFilter::default()
    }
}

/// What concerns an account and fits, newest first, at most `limit` (1 to 100), and where to search on if there may be more.
/// One search reads [`TRAIL_SEARCH_ROWS`] records at most. What is withheld from the holder is not searched either.
///
/// # Errors
/// [`ActionError::Searching`]; [`ActionError::Store`].
#[crate::boxed]
pub async fn search_own_trail(
    context: &ActionContext<'_>,
    account: AccountId,
    filter: &TrailFilter,
    limit: usize,
) -> Result<Found<TrailView, u64>, ActionError> {
    let searches = &context.authority.searches;
    let _search = filter.looks_for_something().then(|| searches.begin(&context.actor)).transpose()?;
    let (limit, needle) = (limit.clamp(1, PAGE_MAX), filter.sought.needle());
    let key = filter.key.map(|id| id.to_string());
    let names = |entry: &Entry, id: &str| {
        entry.subject.strip_prefix("key:") == Some(id) || entry.facts.values().any(|fact| fact.contains(id))
    };
    let fits = |entry: &Entry| key.as_ref().is_none_or(|id| names(entry, id)) && needle.matches(entry);
    let mut found: Found<TrailView, u64> = Found { rows: Vec::new(), next: None, looked_through: 0 };
    let mut before = filter.before;
    loop {
        let views = own_views(context, account, before, PAGE_MAX).await?;
        let is_last = views.len() < PAGE_MAX;
        for view in views {
            found.looked_through += 1;
            before = Some(view.n);
            if !fits(&view.entry) {
                continue;
            }
            // One more than wanted tells that there are more.
            if found.rows.len() == limit {
                found.next = found.rows.last().map(|last| last.n);
                return Ok(found);
            }
            found.rows.push(view);
        }
        if is_last {
            return Ok(found);
        }
        if found.looked_through >= TRAIL_SEARCH_ROWS {
            return Ok(Found { next: before, ..found });
        }
    }
}

/// The records that concern an account, as its holder sees them: what concerns strangers as well without their things.
async fn own_views(
    context: &ActionContext<'_>,
    account: AccountId,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<TrailView>, ActionError> {
    let (log, scope) = (&context.authority.access.log, context.actor.scope());
    let rows = log.trail(scope, account, before, limit).await?;
    let Some(oldest) = rows.last().map(|row| row.n) else { return Ok(Vec::new()) };
    let shared = log.shared(scope, account, oldest, before).await?;
    let (own, member) = (format!(":{account}"), member(context));
    let seen = |row: AuditRecord| {
        let mut view = view(row);
        if member.as_ref().is_some_and(|member| !view.entry.actor.ends_with(member)) {
            of_another(&mut view.entry);
        }
        if shared.contains(&view.n) && !view.entry.actor.ends_with(&own) {
            withhold(&mut view.entry);
        }
        view
    };
    Ok(rows.into_iter().map(seen).collect())
}

/// The end of the name of a member, as whom the actor looks at the records of a sub-account.
fn member(context: &ActionContext<'_>) -> Option<String> {
    match &context.actor {
        Actor::Holder(Holder { account, acting: Some(Acting { by: ActingAs::Member, .. }), .. }) => {
            Some(format!(":{account}"))
        }
        Actor::Holder(_)
        | Actor::Host(_)
        | Actor::System(_)
        | Actor::Staff(_)
        | Actor::Key(_)
        | Actor::Visitor(_) => None,
    }
}

/// Leaves of what others did for a sub-account what its members need: not from where, and not who else is a member.
fn of_another(entry: &mut Entry) {
    for about in [&mut entry.from, &mut entry.device, &mut entry.factors] {
        about.clear();
    }
    if entry.action.starts_with("member.") {
        entry.facts.clear();
    }
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
    let whole = concern == Concern::Own && member(context).is_none();
    let record = whole.then_some(record);
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
